"""Examples, and which of them a run takes."""

import pytest

from tersely.errors import SettingError
from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task


def task(count=20):
    def read(source):
        yield from (Example(id=f"e{n}", contexts=(f"text {n}",)) for n in range(count))

    return Task(name="made", version=1, family="question answering", data=("set",), read=read)


def test_a_longer_run_begins_with_the_examples_of_a_shorter_one():
    short, long = (task().examples(Source("."), count=n, seed=3) for n in (5, 12))
    assert long[:5] == short


def test_another_seed_gives_another_order():
    orders = [[e.id for e in task().examples(Source("."), seed=seed)] for seed in (0, 1)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_is_at_least_one(count):
    with pytest.raises(SettingError, match="At least 1"):
        task().examples(Source("."), count=count)


def test_a_task_without_examples_says_so():
    with pytest.raises(SettingError, match="has no examples"):
        task(0).examples(Source("."))


def test_contexts_stand_between_what_is_kept():
    example = Example(id="a", contexts=("one", "two"), question="Who?", instruction="Say.")
    assert example.prompt.text == "Say.\n\none\n\ntwo\n\nWho?"
    assert example.bare == "Say.\n\nWho?"


def test_demonstrations_are_demonstrations():
    example = Example(id="a", contexts=("one", "two"), role="demonstration", question="Who?")
    assert [s.role for s in example.prompt.segments] == ["demonstration"] * 2 + ["question"]


def test_an_answer_stands_behind_a_blank_unless_the_cue_ends_in_one():
    assert Example(id="a", contexts=("x",)).after_cue("yes") == " yes"
    assert Example(id="a", contexts=("x",), cue="\n").after_cue("yes") == "yes"
    assert Example(id="a", contexts=("x",), cue="").after_cue("yes") == "yes"
