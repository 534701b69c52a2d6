"""Every task by name. To add one, write a file in this folder and add a line here.

Values are "module:ATTRIBUTE" and are imported when first asked for. Other packages add theirs
through the entry-point group "tersely.tasks".
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from tersely.errors import SettingError, UnknownName
from tersely.evaluation.task import Task

TASKS: dict[str, str] = {
    name: f"tersely.evaluation.tasks.{name}:TASK"
    for name in (
        "gsm8k",
        "bbh",
        "few_shot",
        "nq20",
        "squad2",
        "xquad",
        "hotpotqa",
        "longbench",
        "ruler",
        "qmsum",
        "arxiv_summary",
        "arxiv",
        "conversations",
        "code",
        "tool_output",
        "tool_schemas",
    )
}


def task_names() -> list[str]:
    """Return the names of all tasks, plug-ins included, in order of registration."""
    return list(TASKS | _known())


def load_task(name: str) -> Task:
    """Return the task registered under `name`, importing it now.

    Raises:
        UnknownName: Nothing is registered under that name; the message lists what is.
        SettingError: What a plug-in registers is not a `Task`.
    """
    known = _known()
    if name not in known:
        raise UnknownName("task", name, known)
    module, _, attribute = known[name].partition(":")
    task = getattr(import_module(module), attribute)
    if not isinstance(task, Task):
        raise SettingError(f"{known[name]} is no Task, but {type(task).__name__}.")
    return task


def _known() -> dict[str, str]:
    plugins = {point.name: point.value for point in entry_points(group="tersely.tasks")}
    return plugins | TASKS  # a plug-in cannot replace a built-in task
