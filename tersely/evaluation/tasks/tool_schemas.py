"""Tool schemas: the right call, from the descriptions of several tools.

Data:     Berkeley function-calling leaderboard,
          https://github.com/ShishirPatil/gorilla/tree/main/berkeley-function-call-leaderboard.
Licence:  Apache-2.0.
Reader:   one JSON schema per tool, shortened as JSON; "User: ..."; "Call:". The answer is one
          call with the first of the accepted values, arguments that may be left out left out:
          weather(city="Oslo", days=3). Only rows with one turn, one call and two tools or more.
Gold:     the schema of the tool that is called. The group is the part of the leaderboard.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tersely.evaluation.source import Source
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks.fields import Fields, read_fields

LENGTH = (2_400, 10_000)
"""Fewest and most characters of all schemas."""


def read(source: Source) -> Iterator[Example]:
    """Yield every row of one turn and one call.

    Raises:
        SettingError: The set is not there, or a row is not as it should be.
    """
    for row in read_fields(source, "bfcl_tools"):
        tools = {tool.text("name"): _schema(tool.row) for tool in row.rows("tools")}
        turns, calls = row.rows("turns"), row.rows("ground_truth")
        if len(turns) != 1 or len(calls) != 1 or len(tools) < 2:
            continue
        if not LENGTH[0] <= sum(map(len, tools.values())) <= LENGTH[1]:
            continue
        name, call = _call(calls[0])
        if name not in tools:
            raise row.wrong("ground_truth", f"calls {name!r}, which is not among the tools")
        yield Example(
            id=row.id,
            contexts=tuple(tools.values()),
            instruction="Tools that can be called.",
            question=f"User: {turns[0].text('text').strip()}",
            cue="\nCall:",
            answers=(call,),
            gold=(tools[name],),
            group=row.id.removeprefix("bfcl-").rstrip("0123456789-").rstrip("_"),
        )


def _schema(tool: dict[str, Any]) -> str:
    return json.dumps(tool, ensure_ascii=False)


def _call(call: Fields) -> tuple[str, str]:
    """Return the name of what is called, and the call as it is written."""
    if len(call.row) != 1 or not isinstance(values := next(iter(call.row.values())), dict):
        raise call.wrong(next(iter(call.row), ""), "is not one name with its arguments")
    name = next(iter(call.row))
    parts = []
    for argument, accepted in values.items():
        if not isinstance(accepted, list):
            raise call.wrong(argument, "is not a list of accepted values")
        if accepted and "" not in accepted:  # "" says that it may be left out
            parts.append(f"{argument}={json.dumps(_plain(accepted[0]), ensure_ascii=False)}")
    return name, f"{name}({', '.join(parts)})"


def _plain(value: Any) -> Any:
    """Return a value with the first of what is accepted wherever several things are."""
    if isinstance(value, dict):
        return {
            k: _plain(v[0] if isinstance(v, list) and v else v)
            for k, v in value.items()
            if not (isinstance(v, list) and "" in v)
        }
    return [_plain(one) for one in value] if isinstance(value, list) else value


TASK = Task(
    name="tool_schemas",
    version=1,
    family="tools",
    data=("bfcl_tools",),
    read=read,
    measures=("f1", "em"),
    answer_tokens=64,
    content="auto",
    source="https://github.com/ShishirPatil/gorilla",
)
