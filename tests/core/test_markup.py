import inspect
import random
import re

import pytest
from fakes import FakeBackend, FakeEncoder
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from texts import rates, spaced_texts

import tersely
from tersely._registry import compressor_class
from tersely.core.budget import Budget
from tersely.core.markup import Marked, has_markup, markup_prompt, parse_markup
from tersely.core.prompt import Span
from tersely.core.units import is_word_char
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, PromptError

COUNTER = load_counter("o200k_base")
METHODS = ["truncate", "random_drop", "llmlingua", "selective_context", "hybrid"]
over_methods = pytest.mark.parametrize("name", METHODS)


def compressed(name, prompt, **budget):
    cls = compressor_class(name)
    fakes = {"backend": FakeBackend(), "encoder": FakeEncoder()}
    taken = {part: fakes[part] for part in inspect.signature(cls).parameters if part in fakes}
    return cls(**taken).compress(prompt, Budget(**budget), counter=COUNTER)


def whole(text):
    return Marked(text, None, True)


@pytest.mark.parametrize(
    ("tag", "rate", "compress"),
    [
        ("<llmlingua>", None, True),
        ("<llmlingua, rate=0.3>", 0.3, True),
        ("<llmlingua rate=.3>", 0.3, True),
        ("<llmlingua,compress=False>", 1.0, False),
        ("<llmlingua, rate=0.4, compress=True>", 0.4, True),
        ("<llmlingua, compress=False, rate=0.4>", 1.0, False),
        ("<llmlingua compress=FALSE rate=1>", 1.0, False),
        ("<tersely rate = 1.0 , compress = true >", 1.0, True),
        ("<Tersely\n  ,\n  RATE='0.25'\n>", 0.25, True),
        ('<LLMLingua rate="0.25",>', 0.25, True),
        ("< llmlingua , rate=0.3 >", 0.3, True),
    ],
)
def test_a_tag_says_how_much_to_keep(tag, rate, compress):
    name = re.search(r"\w+", tag)[0]
    marked = parse_markup(f"{tag}it</{name.lower()} >")
    assert marked == [Marked("it", rate, compress)]


def test_text_around_tags_shares_the_default():
    text = "a <llmlingua>b</llmlingua> c<tersely, compress=False>d</tersely>"
    assert parse_markup(text, default_rate=0.5) == [
        Marked("a ", 0.5, True), Marked("b", 0.5, True), Marked(" c", 0.5, True), Marked("d", 1.0, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "inside",
    [
        "if (a < b && c > d) { return x<y>(z); }",
        '<p class="x">1 &lt; 2</p>',
        "\0\ud83d \udfff 😀 e\u0301 العربية",
        "<tersely.Prompt object at 0x7f>, <llmlingua-2>, <tersely@example.org>, </tersely/core>",
        "n < llmlingua and m > tersely",
        "<lllmlingua> <llmlinguas> < / tersely> llmlingua, rate=0.3>",
        "&lt;llmlingua&gt; <",
    ],
)
def test_anything_else_is_text(inside):
    assert not has_markup(inside)
    assert parse_markup(inside) == [whole(inside)]
    assert parse_markup(f"<llmlingua>{inside}</llmlingua>") == [whole(inside)]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (r"<\llmlingua, rate=0.3>", "<llmlingua, rate=0.3>"),
        (r"<\/tersely>", "</tersely>"),
        (r"<\\tersely> <\\\/tersely>", r"<\tersely> <\\/tersely>"),
        (r"<\LLMLingua", "<LLMLingua"),
        (r"<\p> <\tersely_x \<p>", r"<\p> <\tersely_x \<p>"),
    ],
)
def test_a_backslash_makes_a_tag_text(text, means):
    assert parse_markup(text) == [whole(means)]
    assert parse_markup(f"<tersely>{text}</tersely>") == [whole(means)]


@pytest.mark.parametrize(
    "text", ["", "<llmlingua></llmlingua>", "<tersely></tersely><tersely></tersely>"]
)
def test_an_empty_stretch_is_none(text):
    assert parse_markup(text) == []
    assert markup_prompt(text).text == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ab\ncd <llmlingua>x", r"Line 2, column 4: <llmlingua> is not closed. Write </llmlingua> where it ends, or <\\llmlingua"),
        ("ab\n</llmlingua>", r"Line 2, column 1: </llmlingua> closes nothing. Write <llmlingua, rate=0.5> where"),
        ("<tersely>a\r\nb <llmlingua>", r"Line 2, column 3: <llmlingua> stands inside the <tersely> of line 1, column 1. Write </tersely> before it"),
        ("<tersely>a</llmlingua>", r"Line 1, column 11: </llmlingua> does not close the <tersely> of line 1, column 1. Write </tersely>"),
        ("<tersely, rate=0.5", r"Line 1, column 1: <tersely has no >. Write <tersely, rate=0.5> or"),
        ("<tersely, rate=0.5 <b>", r"column 1: <tersely has no >"),
        ("<tersely>a</tersely, rate=1>", r"column 11: A closing tag is </tersely> and no more; for the text: <\\/tersely"),
        ("<tersely>a</tersely", r"column 11: A closing tag is </tersely>"),
        ("<tersely/>", r"column 9: '/' is not an attribute of <tersely>. Write rate=0.5 or compress=False"),
        ("<tersely, 0.5>", r"column 11: '0.5' is not an attribute"),
        ("<tersely,, rate=0.5>", r"column 10: ', rate=0.5' is not an attribute"),
        ("<tersely rate=0.5 rate=0.5>", r"column 19: <tersely> has rate twice. Leave one out"),
        ("<tersely, ratio=2>", r"column 11: There is no attribute 'ratio'. Write rate=0.5 or compress"),
        ("<tersely, rate=>", r"column 11: 'rate=' is not an attribute"),
        ("<tersely, compress=no>", r"column 11: compress is True or False, not 'no'"),
        ("< tersely, rate=7>", r"column 12: rate is the share to keep"),
        *(
            (f"<tersely, rate={rate}>", r"column 11: rate is .* above 0 and up to 1, not .*, or compress=False to keep all")
            for rate in ["0", "0.0", "1.01", "-0.5", "nan", "inf", "30%", "1e-1", "0,5".replace(",", "_"), "٠.٥"]
        ),
    ],
)  # fmt: skip
def test_a_faulty_tag_is_refused_where_it_stands(text, says):
    assert has_markup(text)
    with pytest.raises(PromptError, match=says) as caught:
        parse_markup(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": 5}, "The text is a str, not int"),
        ({"text": "a", "default_rate": 0}, r"default_rate is a number in \(0, 1\]; got 0"),
        ({"text": "a", "default_rate": True}, "got True"),
        ({"text": "a", "default_rate": "0.5"}, "got '0.5'"),
        ({"text": "a", "default_rate": float("nan")}, "got nan"),
    ],
)
def test_what_is_no_text_or_rate_is_refused(arguments, says):
    with pytest.raises(PromptError, match=says):
        parse_markup(**arguments)


def test_a_role_and_texts_of_prompts_are_checked():
    with pytest.raises(PromptError, match="No role is called 'contxt'"):
        markup_prompt("a", role="contxt")
    with pytest.raises(PromptError, match="text is a str, not NoneType"):
        markup_prompt("a", question=None)


@st.composite
def marked_texts(draw):
    """A text with tags, and what it means."""
    text, means = "", []
    for _ in range(draw(st.integers(0, 5))):
        inside = draw(spaced_texts)
        assume(not has_markup(inside))
        rate = draw(st.sampled_from([None, None, 0.25, 0.5, 1.0]))
        compress = draw(st.booleans()) or rate is not None
        given = ([f"rate={rate}"] if rate else []) + ([] if compress else ["compress=False"])
        tag = draw(st.booleans()) or given
        text += (
            f"<tersely{''.join(', ' + one for one in given)}>{inside}</tersely>" if tag else inside
        )
        if inside and not tag and means and means[-1][1] == "plain":
            means[-1] = (whole(means[-1][0].text + inside), "plain")
        elif inside:
            marked = Marked(inside, rate if compress else 1.0, compress)
            means.append((marked, "tag" if tag else "plain"))
        elif tag:
            means.append((None, "tag"))
    return text, [marked for marked, _ in means if marked]


@given(marked_texts())
def test_what_is_written_is_read(pair):
    text, means = pair
    assume(not has_markup("".join(marked.text for marked in means)))  # none made of two pieces
    plain = re.sub(r"</?tersely[^<>]*>", "", text)
    assert parse_markup(text) == means
    assert "".join(marked.text for marked in means) == plain == markup_prompt(text).text


@given(spaced_texts)
def test_a_text_without_markup_is_itself(text):
    assume(not has_markup(text))
    assert parse_markup(text) == ([whole(text)] if text else [])


@given(st.text("<>/\\ ,=terslyTERSLY.\n", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        marked = parse_markup(text)
    except PromptError:
        marked = None
    assert marked is None or all(one.text for one in marked)
    assert has_markup(text) or marked == ([whole(text)] if text else [])


@pytest.mark.parametrize(
    "unit",
    ["<", "<\\", "< llmlingua ", "<llmlingua", "</", "<\\llmlingua", "< \t", " rate", "<tersely rate=1>x</tersely>"],
)  # fmt: skip
def test_long_texts_are_read_in_linear_time(unit):
    for text in (
        unit * (100_000 // len(unit)),
        "<llmlingua" + unit * 9_000,
        "< llmlingua" + " " * 100_000,
    ):
        has_markup(text)
        try:
            parse_markup(text)
        except PromptError:
            continue


def test_one_stretch_is_one_segment_with_its_rate():
    text = "Read: <tersely rate=0.3>a long one</tersely>\n<tersely compress=False> kept\n</tersely>"
    prompt = markup_prompt(text, question="Why?", instruction="Do.", default_rate=0.9)
    assert [(s.text, s.role, s.rate) for s in prompt.segments] == [
        ("Do.", "instruction", None), ("Read:", "context", 0.9), ("a long one", "context", 0.3),
        ("", "context", 0.9), (" kept\n", "context", 1.0), ("Why?", "question", None),
    ]  # fmt: skip
    assert prompt.text == "Do.\n\nRead: a long one\n kept\n\n\nWhy?"


@pytest.mark.parametrize(
    "text",
    [" \n", " \n<tersely> </tersely>", " <tersely>a </tersely>\n", " a<tersely> </tersely> b "],
)
def test_blanks_are_not_lost(text):
    plain = re.sub(r"<[^>]*>", "", text)
    assert markup_prompt(text).text == plain
    assert markup_prompt(text, question="Q", instruction="I").text == (f"I\n\n{plain}\n\nQ")


def test_words_that_meet_without_a_blank_are_protected():
    prompt = markup_prompt(
        "one pre<tersely rate=0.1>fix two</tersely>, three <tersely>four</tersely>"
    )
    assert prompt.protected == (Span(0, 6, 7), Span(1, 0, 1), Span(1, 6, 7), Span(2, 0, 1))
    result = tersely.load("random_drop", seed=1).compress(prompt, Budget(tokens=5), counter=COUNTER)
    assert re.search(r"\bprefix .*two,", result.text)


@over_methods
@settings(max_examples=40)
@given(pair=marked_texts(), rate=rates)
def test_text_kept_whole_is_kept_byte_for_byte(name, pair, rate):
    prompt = markup_prompt(pair[0], question="Why?")
    assume(prompt.text.strip() and not has_markup(prompt.text))
    try:
        result = compressed(name, prompt, rate=rate)
    except BudgetTooSmall:
        return
    assert result.tokens_after == COUNTER.count(result.text) <= result.limit_tokens
    kept = [
        (segment.text, text) for segment, text in zip(prompt.segments, result.texts, strict=True)
    ]
    assert all(
        text == left for (text, left), s in zip(kept, prompt.segments, strict=True) if s.rate == 1
    )


@over_methods
@pytest.mark.parametrize("tokens", [60, 100, 160])
def test_each_stretch_keeps_its_own_budget(name, tokens, example):
    words = example("meeting.txt").split()
    one, two, three = (" ".join(words[at : at + 60]) for at in (0, 60, 120))
    text = f"<tersely rate=0.2>{one}</tersely> <tersely rate=0.5>{two}</tersely>\n{three}"
    prompt = markup_prompt(text, question="When?")
    result = compressed(name, prompt, tokens=tokens)
    left = [COUNTER.count(result.texts[index]) for index in (0, 2)]
    limits = [
        Budget(rate=0.2).limit(COUNTER.count(one)),
        Budget(rate=0.5).limit(COUNTER.count(two)),
    ]
    assert prompt.segments[2].text == two
    assert all(count <= limit for count, limit in zip(left, limits, strict=True))
    assert tokens == 60 or all(n >= 0.6 * limit for n, limit in zip(left, limits, strict=True))
    assert result.tokens_after >= 0.9 * min(tokens, 144)


def cut_text(rng):
    """Return a text that is cut at random places, words included, with tags and without."""
    words = [rng.choice(["alpha", "be-ta", "Ω.md", "x,", ";", "(y)", "don't"]) for _ in range(40)]
    plain = "".join(word + rng.choice([" ", "\n", "  "]) for word in words)
    cuts = sorted(rng.sample(range(len(plain)), 5))
    parts = [plain[a:b] for a, b in zip([0, *cuts], [*cuts, len(plain)], strict=True)]
    tags = ["", "<tersely>", "<tersely, rate=0.3>", "<tersely, compress=False>"]
    chosen = [(rng.choice(tags), part) for part in parts]
    return "".join(f"{tag}{part}{tag and '</tersely>'}" for tag, part in chosen), plain


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["random_drop", "truncate", "llmlingua"])
def test_no_tag_makes_one_word_of_two_or_half_a_word(name, seed):
    rng = random.Random(seed)
    text, plain = cut_text(rng)
    try:
        result = compressed(name, markup_prompt(text), rate=rng.choice([0.6, 0.75, 0.9]))
    except BudgetTooSmall:
        return
    assert joined_words(result.text) <= joined_words(plain)


def joined_words(text):
    """Return the runs of word characters, with the marks inside of words."""
    runs = "".join(char if is_word_char(char) else " " for char in text).split()
    return set(runs)
