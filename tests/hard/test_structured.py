"""What every method promises of texts that are not prose: no piece is torn, skeletons stay."""

import inspect
import json

import pytest
from fakes import FakeBackend, FakeClassifier, FakeEncoder, WordCounter
from hypothesis import given, settings
from hypothesis import strategies as st

from tersely._registry import COMPRESSORS, compressor_class
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.structure import Piece, Series, Structure
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall
from tersely.hard.random_drop import RandomDrop
from tersely.hard.truncate import Truncate
from tersely.loading import load

COUNTER = WordCounter()
PIECES = load_counter("o200k_base")
QUESTION = Segment("Where is the cat?", "question")


def items(words, *, content="list"):
    """Return a JSON list of strings as a structured segment: the first item is fixed."""
    parts = [f'["{words[0]}"', *(f', "{word}"' for word in words[1:]), "]"]
    ends = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    kinds = ["fixed", *["whole"] * (len(words) - 1), "fixed"]
    starts = [0, *ends]
    pieces = tuple(Piece(a, b, k) for a, b, k in zip(starts, ends, kinds, strict=False))
    series = (Series(tuple(range(1, len(words))), ', "{dropped} more"', at=starts[-2]),)
    return Segment("".join(parts), "context", structure=Structure(content, pieces, series))


def build(name):
    if name == "chain":
        return load("truncate+random_drop")
    cls = compressor_class(name)
    parts = {"backend": FakeBackend(), "encoder": FakeEncoder(), "heads": ((1, 0), (3, 2))}
    parts["classifier"] = FakeClassifier(window_tokens=256)
    taken = inspect.signature(cls).parameters
    return cls(**{part: fake for part, fake in parts.items() if part in taken})


WORDS = st.lists(
    st.sampled_from(["cat", "dog", "sun", "sea", "red", "fox", "ant", "bee"]),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("name", COMPRESSORS)
@settings(max_examples=25, deadline=None)
@given(first=WORDS, second=WORDS, rate=st.floats(0.05, 1))
def test_lists_stay_lists_and_say_what_is_missing(name, first, second, rate):
    prose = Segment("The cat is on the mat. The dog is in the sea, and so on.")
    prompt = Prompt.joined([prose, items(first), items(second), QUESTION])
    try:
        result = build(name).compress(prompt, Budget(rate=rate), counter=COUNTER)
    except BudgetTooSmall:
        return
    assert result.tokens_after == COUNTER.count(result.text) <= result.limit_tokens
    for words, text in ((first, result.texts[1]), (second, result.texts[2])):
        if text:
            *kept, last = json.loads(text)
            missing = len(words) - len(kept) if last.endswith(" more") else 0
            assert last == f"{missing} more" if missing else [*kept, last] == words


@pytest.mark.parametrize("name", COMPRESSORS)
def test_the_skeleton_of_the_only_text_must_fit(name):
    prompt = Prompt.joined([items(["cat"] * 9), QUESTION])
    with pytest.raises(BudgetTooSmall, match=r"what keeps it valid list alone needs .* content="):
        build(name).compress(prompt, Budget(tokens=COUNTER.count(QUESTION.text)), counter=COUNTER)


def test_a_list_that_does_not_fit_goes_beside_prose_that_does():
    prompt = Prompt.joined([items(["a b c d e f g h"] * 3), Segment("one two three")])
    result = Truncate(keep="tail").compress(prompt, Budget(tokens=3), counter=COUNTER)
    assert result.texts == ["", "one two three"]


def test_a_chain_says_what_each_of_its_stages_dropped():
    prompt = Prompt.joined([items([f"w{n}" for n in range(40)])])
    result = load("random_drop+truncate").compress(prompt, Budget(tokens=12), counter=COUNTER)
    *kept, last = json.loads(result.text)
    assert last == f"{40 - len(kept)} more"
    assert result.tokens_after == COUNTER.count(result.text)


def test_what_is_blank_goes_first():
    pieces = (Piece(0, 4, "words"), Piece(4, 10, "blank"), Piece(10, 13, "words"))
    segment = Segment("one,      two", structure=Structure("toy", pieces))
    prompt = Prompt.joined([segment, Segment("x y")])
    assert Truncate().compress(prompt, Budget(tokens=3), counter=COUNTER).text == "one,two\n\nx y"


def test_a_valued_piece_goes_before_the_others():
    pieces = (Piece(0, 4, "whole"), Piece(4, 8, "whole"), Piece(8, 13, "whole", 1000.0))
    segment = Segment("one two three", structure=Structure("toy", pieces))
    result = RandomDrop().compress(Prompt.joined([segment]), Budget(tokens=1), counter=COUNTER)
    assert result.text == "three"


@given(seed=st.integers(0, 999), tokens=st.integers(1, 11))
def test_what_is_preferred_is_kept_first_but_yields(seed, tokens):
    prompt = Prompt.of("a b c d e f g h i j k l").preferring([Span(0, 4, 7), Span(0, 12, 13)])
    result = RandomDrop(seed=seed).compress(prompt, Budget(tokens=tokens), counter=COUNTER)
    kept = set(result.text.split())
    assert len(kept & {"c", "d", "g"}) == min(tokens, 3)


@pytest.mark.parametrize("name", COMPRESSORS)
@settings(max_examples=20, deadline=None)
@given(rate=st.floats(0.1, 0.9))
def test_what_stays_or_goes_together_does_and_its_blanks_go(name, rate):
    texts = [f"a{n}:  b{n};" for n in range(8)]
    pieces = []
    for n, text in enumerate(texts):
        at = sum(map(len, texts[:n]))
        ends = [at, at + 3, at + 5, at + len(text)]
        for kind, start, end in zip(["whole", "blank", "whole"], ends, ends[1:], strict=False):
            pieces.append(Piece(start, end, kind, group=n if kind == "whole" else -1))
    segment = Segment("".join(texts), structure=Structure("toy", tuple(pieces)))
    prompt = Prompt.joined([segment, Segment("and some prose. More of it."), QUESTION])
    left = build(name).compress(prompt, Budget(rate=rate), counter=PIECES).texts[0]
    kept = [item for item in left.split(";") if item]
    assert all(item in [f"a{n}:b{n}" for n in range(8)] for item in kept)


@pytest.mark.parametrize("name", ["truncate+random_drop", "random_drop+truncate"])
@pytest.mark.parametrize("tokens", [5, 8, 12, 20])
def test_a_chain_counts_the_notes_of_earlier_stages(name, tokens):
    segment = items([f"w{n}" for n in range(60)])
    prompt = Prompt.joined([segment, Segment("some prose beside it, of ten words or so, at least")])
    result = load(name).compress(prompt, Budget(tokens=tokens), counter=PIECES)
    assert result.tokens_after == PIECES.count(result.text) <= tokens


def test_what_does_not_fit_leaves_room_for_what_does():
    best = items([f"cat{n} on the mat" for n in range(90)], content="list")
    long_first = items(["a very long first item " * 9, *(f"cat {n}" for n in range(90))])
    prose = Segment("Dogs bark at night. Birds sing at dawn. Fish say nothing at all.")
    prompt = Prompt.joined([long_first, best, prose, QUESTION])
    result = build("hybrid").compress(prompt, Budget(tokens=24), counter=COUNTER)
    assert result.tokens_after >= 18
