"""Tasks by name: the package's own, and those of other packages."""

import pytest

from tersely.errors import SettingError, UnknownName
from tersely.evaluation.task import Task
from tersely.evaluation.tasks import registry
from tersely.evaluation.tasks.registry import TASKS, load_task, task_names


class Point:
    def __init__(self, name, value):
        self.name, self.value = name, value


@pytest.fixture
def plugins(monkeypatch):
    def add(**points):
        found = [Point(name, value) for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: found)

    return add


def test_every_name_is_a_task():
    assert all(isinstance(load_task(name), Task) for name in task_names())


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"No task is called 'gsmk8'\. Did you mean 'gsm8k'"):
        load_task("gsmk8")


def test_other_packages_add_tasks(plugins):
    plugins(mine="tersely.evaluation.tasks.nq20:TASK")
    assert task_names() == [*TASKS, "mine"]
    assert load_task("mine").name == "nq20"


def test_a_plugin_does_not_replace_a_task(plugins):
    plugins(gsm8k="tersely.evaluation.tasks.nq20:TASK")
    assert load_task("gsm8k").name == "gsm8k"


def test_a_plugin_that_is_no_task_is_refused(plugins):
    plugins(mine="tersely.evaluation.tasks.nq20:read")
    with pytest.raises(SettingError, match="is no Task"):
        load_task("mine")
