"""What every task promises, on a few examples of the real data. A new task is tested by its name."""

from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from task_rows import DATA, needs_data

from tersely.errors import SettingError
from tersely.evaluation.source import Source
from tersely.evaluation.tasks.registry import TASKS, load_task

COUNT = 8
HUB = ("gsm8k", "hotpotqa", "longbench", "squad2", "xquad")
PARTS = ("Data:", "Licence:", "Reader:")

pytestmark = pytest.mark.parametrize("name", TASKS)


@cache
def examples(name):
    return list(islice(load_task(name).read(Source(str(DATA))), COUNT))


@needs_data
def test_examples_are_whole(name):
    found = examples(name)
    assert len({example.id for example in found}) == len(found) == COUNT
    for example in found:
        assert example.contexts
        assert example.answers
        assert all(text.strip() for text in (*example.contexts, *example.answers))
        assert example.prompt.text.endswith(example.question)
        assert example.cue


@needs_data
def test_gold_stands_in_a_context(name):
    for example in examples(name):
        assert all(any(gold in text for text in example.contexts) for gold in example.gold)
        assert all(gold.strip() == gold != "" for gold in example.gold)


@needs_data
def test_what_can_survive_stands_in_the_gold(name):
    if load_task(name).extractive:
        for example in examples(name):
            gold = " ".join(" ".join(example.gold).casefold().split())
            wanted = [" ".join(answer.casefold().split()) for answer in example.answers]
            assert example.options or any(answer in gold for answer in wanted)


@needs_data
def test_an_answer_is_among_the_options(name):
    for example in examples(name):
        assert not example.options or set(example.answers) <= set(example.options)


@needs_data
def test_reading_again_gives_the_same(name):
    again = islice(load_task(name).read(Source(str(DATA))), 3)
    assert list(again) == examples(name)[:3]


def test_a_task_says_where_its_data_is_from(name):
    task = load_task(name)
    assert task.name == name
    assert task.source.startswith("https://")
    module = TASKS[name].partition(":")[0]
    text = Path(module.replace(".", "/") + ".py").name
    docstring = __import__(module, fromlist=["x"]).__doc__
    assert [part for part in PARTS if part not in docstring] == [], text


def test_a_folder_without_the_set_says_what_is_missing(name, tmp_path):
    with pytest.raises(SettingError, match=r"There is no .* Name the folder"):
        next(load_task(name).read(Source(str(tmp_path))))


def test_a_hub_is_read_or_refused(name, monkeypatch):
    monkeypatch.setattr(Source, "rows", lambda self, name: iter([{"nothing": 1}]))
    with pytest.raises(SettingError, match=r"row 1: it has not|from a folder or a file"):
        next(load_task(name).read(Source("hub:some/set")))


def test_what_is_on_a_hub_is_read_from_it(name, monkeypatch):
    monkeypatch.setattr(Source, "rows", lambda self, name: iter(()))
    if name in HUB:
        assert list(load_task(name).read(Source("hub:some/set"))) == []
