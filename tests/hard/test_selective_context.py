"""Selective Context keeps what surprises, by word, phrase or sentence."""

import numpy as np
import pytest

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment
from tersely.errors import SettingError
from tersely.hard.selective_context import SelectiveContext

TEXT = "The cat sat down, or so. A quetzal flew over Tikal; it sang. Then all was quiet again."


@pytest.mark.parametrize("unit", ["token", "phrase", "sentence"])
def test_the_units_kept_are_the_most_surprising_of_their_size(backend, words, unit):
    method = SelectiveContext(backend=backend, unit=unit)
    prompt = Prompt.of(TEXT)
    result = method.compress(prompt, Budget(tokens=8), counter=words)
    layout = method.lay_out(prompt)
    tokens = backend.encode(TEXT)
    nats = backend.score([tokens.ids])[0]

    def surprise(unit):
        core = (tokens.ends > unit.core) & (tokens.starts < unit.end)
        return nats[core].mean()

    best = max(layout.units, key=surprise)
    assert layout.text_of(best).strip() in result.text


def test_each_segment_is_read_once_and_alone(backend, words):
    prompt = Prompt.of(["one two three", "four five six"], question="why?")
    result = SelectiveContext(backend=backend).compress(prompt, Budget(tokens=4), counter=words)
    read = [len(backend.encode(text).ids) for text in ("one two three", "four five six")]
    assert (backend.passes, result.model_tokens) == (read, sum(read))


def test_what_is_protected_is_not_read(backend, words):
    prompt = Prompt.joined([Segment("one two", rate=1.0), Segment("three four five")])
    SelectiveContext(backend=backend).compress(prompt, Budget(tokens=3), counter=words)
    assert backend.passes == [len(backend.encode("three four five").ids)]


def test_a_segments_own_rate_is_its_own_limit(backend, words):
    prompt = Prompt.joined([Segment("a b c d e f g h", rate=0.25), Segment("i j k l")])
    method = SelectiveContext(backend=backend, unit="token")
    counts = [
        len(t.split()) for t in method.compress(prompt, Budget(tokens=5), counter=words).texts
    ]
    assert counts == [2, 3]


def test_another_unit_is_refused(backend):
    with pytest.raises(SettingError, match="token, phrase, sentence; not 'page'"):
        SelectiveContext(backend=backend, unit="page")


@pytest.mark.model
def test_a_real_model_finds_the_surprising_word(smollm2, words):
    method = SelectiveContext(backend=smollm2, unit="token")
    prompt = Prompt.of("We went to the shop to buy some bread and a xylophone.")
    result = method.compress(prompt, Budget(tokens=3), counter=words)
    assert "xylophone" in result.text
    assert np.isfinite(result.seconds)
