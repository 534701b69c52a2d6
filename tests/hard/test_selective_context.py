import numpy as np
import pytest
import reference
from fakes import FakeBackend, WordCounter

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment
from tersely.core.units import phrase_units, sentence_units, word_units
from tersely.errors import SettingError
from tersely.hard.base import Goal
from tersely.hard.selective_context import SelectiveContext

TEXTS = ["The cat sat, the dog ran. A quetzal flew! 日本語。", "Why not? (It's fine), she said."]
UNITS = {"token": word_units, "phrase": phrase_units, "sentence": sentence_units}


def rank(prompt, fixed=(), **settings):
    method = SelectiveContext(backend=FakeBackend(), **settings)
    layout = method.lay_out(prompt)
    places = np.isin(np.arange(len(layout)), fixed)
    return layout, method.rank(layout, Goal(places, 0.5, lambda done, expected: None))


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_worth_its_mean_self_information(unit):
    _, ranking = rank(Prompt.of(TEXTS), unit=unit)
    expected = []
    for text in TEXTS:  # each read on its own
        tokens = FakeBackend().encode(text)
        nats = FakeBackend().score([tokens.ids])[0]
        expected += reference.mean_values(nats, tokens, UNITS[unit](text))
    np.testing.assert_allclose(ranking.values, expected)


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_kept_or_dropped_whole(unit):
    method = SelectiveContext(backend=FakeBackend(), unit=unit)
    result = method.compress(Prompt.of(TEXTS), Budget(tokens=9), counter=WordCounter())
    pieces = {TEXTS[0][u.core : u.end] for u in UNITS[unit](TEXTS[0])}
    whole = [piece for piece in pieces if piece in result.texts[0]]
    assert sum(map(len, whole)) >= len(result.texts[0].replace(" ", "")) > 0


def test_the_model_reads_each_free_segment_once():
    backend = FakeBackend()
    prompt = Prompt.of(TEXTS, question="What is it all about?")
    method = SelectiveContext(backend=backend)
    result = method.compress(prompt, Budget(tokens=14), counter=WordCounter())
    read = [len(backend.encode(text)) for text in TEXTS]
    assert backend.passes == read
    assert result.model_tokens == sum(read)
    assert result.texts[-1] == "What is it all about?"


def test_an_unknown_unit_is_refused():
    with pytest.raises(SettingError, match="unit is one of token, phrase, sentence; not 'word'"):
        SelectiveContext(backend=FakeBackend(), unit="word")


def test_the_most_surprising_unit_is_kept():
    method = SelectiveContext(backend=FakeBackend(), unit="token")
    layout, ranking = rank(Prompt.of(TEXTS), unit="token")
    result = method.compress(Prompt.of(TEXTS), Budget(tokens=1), counter=WordCounter())
    assert layout.text_of(layout.units[int(ranking.values.argmax())]).strip() in result.text


def test_what_is_protected_is_not_read():
    backend = FakeBackend()
    prompt = Prompt.joined([Segment("one two", rate=1.0), Segment("three four five")])
    SelectiveContext(backend=backend).compress(prompt, Budget(tokens=3), counter=WordCounter())
    assert backend.passes == [len(backend.encode("three four five"))]


def test_a_segments_own_rate_is_its_own_limit():
    prompt = Prompt.joined([Segment("a b c d e f g h", rate=0.25), Segment("i j k l")])
    method = SelectiveContext(backend=FakeBackend(), unit="token")
    result = method.compress(prompt, Budget(tokens=5), counter=WordCounter())
    assert [len(text.split()) for text in result.texts] == [2, 3]


@pytest.mark.model
def test_a_real_model_finds_the_surprising_word(smollm2):
    method = SelectiveContext(backend=smollm2, unit="token")
    prompt = Prompt.of("We went to the shop to buy some bread and a xylophone.")
    result = method.compress(prompt, Budget(tokens=3), counter=WordCounter())
    assert "xylophone" in result.text
