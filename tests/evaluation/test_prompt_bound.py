"""The bound of one prompt with a reader, and methods beside it."""

import math
from dataclasses import dataclass, field

import pytest
from fakes import WordCounter

from tersely.errors import BackendError, SettingError, UnknownName
from tersely.evaluation.prompt_bound import bound_prompt, nats_after
from tersely.evaluation.readers.base import Reading
from tersely.evaluation.task import Example

TOWN = "The bridge opens on 4 June. It rains a lot. Bread is dear. The old clock has stopped."


@dataclass
class Finder:
    """A reader whom the answer surprises less if it stands in the text, and less so nearby."""

    most_chars: int = 10_000
    name: str = "finder"
    models: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def read(self, asks, *, progress=None):
        self.asked += asks
        return [self.reading(ask) for ask in asks]

    def reading(self, ask):
        if len(ask.text) > self.most_chars:
            return Reading(error="too long")
        return Reading(nats=(0.5 if "4 June" in ask.text else 3.0) + len(ask.text) / 1000)


def example(text=TOWN, **changes):
    whole = {"id": "e", "contexts": (text,), "question": "Question: When?", "answers": ("4 June",)}
    return Example(**(whole | changes))


def bound(text=TOWN, reader=None, **changes):
    return bound_prompt(example(text), reader or Finder(), WordCounter(), **changes)


def test_of_few_sentences_all_subsets_are_read():
    found = bound(granularity="sentences")
    assert (found.granularity, found.units, len(found.found.texts)) == ("sentences", 4, 16)
    assert found.curve.label == "exact"
    assert [found.found.texts[at] for at in found.curve.hulls[0]] == ["", TOWN.split(" It")[0]]


def test_without_a_choice_units_are_the_shortest_of_which_there_are_few():
    assert bound("It opens on 4 June.").granularity == "words"
    assert bound("a b c d e f g h i j k l").units == 12
    assert bound(TOWN).granularity == "phrases"
    assert bound("It rains, and, well, it pours. " * 6).granularity == "sentences"


def test_the_reader_is_asked_as_in_an_evaluation():
    reader = Finder()
    nats_after(example(), reader)(["It rains.", ""])
    with_text, bare = (ask.text for ask in reader.asked)
    assert with_text == "It rains.\n\nQuestion: When?\nAnswer:"
    assert bare == "Question: When?\nAnswer:"
    assert reader.asked[0].answers == (" 4 June",)


def test_whole_and_none_are_the_ends():
    found = bound(granularity="sentences")
    assert found.whole == pytest.approx(0.5 + (len(TOWN) + 25) / 1000)
    assert found.none == pytest.approx(3.0 + 23 / 1000)
    assert found.curve.at(0.0) == found.none


def test_methods_are_placed_and_lie_on_or_above_the_bound():
    found = bound(granularity="sentences", tries=[("truncate", 0.56), ("bm25", 0.35)])
    for one in found.methods:
        assert one.among
        assert one.rate <= one.asked_rate
        assert one.nats >= one.bound - 1e-12
        assert 0 <= one.closed <= 1
    assert [one.text for one in found.methods] == [TOWN.split(" Bread")[0], TOWN.split(" It")[0]]


def test_what_is_cut_inside_units_is_said_not_to_be_among_them():
    (one,) = bound(granularity="sentences", tries=[("truncate", 0.5)]).methods
    assert one.text.endswith("It rains a")
    assert not one.among


def test_a_long_prompt_is_searched_and_the_outputs_are_candidates():
    text = " ".join(f"Fact {at} is old." for at in range(20)) + " It opens on 4 June."
    tries = [("truncate:keep=tail", 0.07), ("random_drop", 0.5)]
    found = bound(text, granularity="sentences", readings=200, tries=tries)
    assert found.curve.label == "best found"
    assert len(found.found.texts) <= 200 + 2
    assert {one.text for one in found.methods} <= set(found.found.texts)
    assert all(one.nats >= one.bound - 1e-12 for one in found.methods)


def test_a_method_that_fails_says_so_and_the_others_go_on(monkeypatch):
    def fails(self, example, limit):
        raise SettingError("not today")

    tries = [("oracle", 0.5), ("bm25", 0.5), ("full", 0.5)]
    monkeypatch.setattr("tersely.evaluation.arms.Method.__call__", fails)
    oracle, bm25, full = bound(tries=tries, granularity="sentences").methods
    assert oracle.error.startswith("It asks for a question")
    assert bm25.error == "SettingError: not today"
    assert math.isnan(bm25.nats)
    assert (full.error, full.rate, full.text) == ("", 1.0, TOWN)


def test_what_has_no_bound_is_refused():
    with pytest.raises(SettingError, match="one context and an answer"):
        bound_prompt(example(answers=()), Finder(), WordCounter())
    with pytest.raises(SettingError, match="one context and an answer"):
        bound_prompt(example(contexts=("a", "b")), Finder(), WordCounter())
    with pytest.raises(SettingError, match="nothing to cut"):
        bound(" ")
    with pytest.raises(UnknownName, match="kind of unit"):
        bound(granularity="letters")
    with pytest.raises(UnknownName, match="method"):
        bound(tries=[("trunkate", 0.5)])
    with pytest.raises(BackendError, match="finder cannot say how likely"):
        bound(reader=Finder(most_chars=60))


@pytest.mark.model
def test_the_real_model_needs_the_sentence_with_the_answer(smollm2):
    from tersely.evaluation.readers.local import LocalReader

    asked = example(question="Question: When does the bridge open?")
    found = bound_prompt(asked, LocalReader(smollm2), WordCounter(), granularity="sentences")
    best = [found.found.texts[at] for at in found.curve.hulls[0]]
    assert found.whole < found.none
    assert best[0] == ""
    assert all(text.startswith("The bridge opens on 4 June.") for text in best[1:])
