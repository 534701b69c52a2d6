"""Texts that are hard to cut, for hypothesis."""

from hypothesis import strategies as st

from tersely.core.prompt import Prompt, Segment, Span

PIECES = """
the cat, a quetzal. Ends! Why? (well-known) don't 50% C# file.txt 3.5 £1,200 e.g. x_y A猫
日本語。 猫。 ไทย ภาษาไทย ก\u0e33 العربية، שלום हिन्दी क्षि 한국어 각 é e\u0301 n\u0323\u0308 ｱﾞ \u0301
👩\u200d🚀 👨\u200d👩\u200d👧 🏳️\u200d🌈 👍🏽 🏽 🇨🇭🇩🇪 \u200d \u200c \ufeff \u200b \0 \ufffd — …
<|endoftext|> <b>x</b> {"id":[1,null]} f(x)=y; `code` word—dash a–b a—\u0e33 !!! ‘q’ "q"
\u0600 \u0600! \ud83d \ude00
"""
BLANKS = ["\n", "\r\n", "\n\n", "\t", "  ", "\u3000", "\n- ", "\x1c", "\x85", "\u2028"]
PIECES = [*PIECES.split(), *BLANKS]
PIECES += ["x\u0600 y", "\ud83d\ude00", " \u0301", " \u200d", " 🏽", "!\u200d‼"]
pieces = st.sampled_from(PIECES) | st.text(st.characters(), max_size=5)
texts = st.lists(pieces | st.just(" "), max_size=24).map("".join)
spaced_texts = st.lists(pieces, max_size=20).map(" ".join) | texts
rates = st.floats(0.02, 0.98)


@st.composite
def segments(draw):
    """A segment of any role; a few have a rate of their own."""
    roles = ["context"] * 4 + ["demonstration"] * 3 + ["instruction", "question"]
    role = draw(st.sampled_from(roles))
    return Segment(draw(spaced_texts), role, draw(st.sampled_from([None] * 6 + [0.5, 1.0])))


@st.composite
def prompts(draw):
    """One to four segments, up to two protected spans."""
    prompt = Prompt.joined(draw(st.lists(segments(), min_size=1, max_size=4)))
    spans = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        index = draw(st.integers(0, len(prompt.segments) - 1))
        length = len(prompt.segments[index].text)
        start = draw(st.integers(0, length))
        spans.append(Span(index, start, draw(st.integers(start, min(length, start + 9)))))
    return prompt.protecting(spans)
