"""`tersely evaluate run` and `tersely evaluate tasks`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.evaluation.plan import Plan
    from tersely.evaluation.readers.base import Reader
    from tersely.evaluation.runner import Shard


Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the records.")]
Data = Annotated[
    str, typer.Option("--data", help="Folder or file of JSON lines, or hub:NAME:CONFIG:SPLIT.")
]
Tasks = Annotated[
    list[str] | None, typer.Option("--task", "-T", help="A task; repeatable. All if none.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", "-m", help="NAME or NAME:a=1,b=2; repeatable. All if none."),
]
Rates = Annotated[
    list[float] | None, typer.Option("--rate", "-r", help="Share to keep; repeatable.")
]
Count = Annotated[int | None, typer.Option("--count", "-n", help="Examples per task.")]
Seed = Annotated[int, typer.Option("--seed", help="Which examples come first.")]
Target = Annotated[str, typer.Option("--for", help="Whose tokens are counted.")]
Match = Annotated[
    str, typer.Option("--match", help="Give every method the tokens that this one used.")
]
ReaderName = Annotated[
    str,
    typer.Option("--reader", help="A local model, none, or the address of an endpoint."),
]
ReaderModel = Annotated[
    str, typer.Option("--reader-model", help="The model to ask for at the endpoint.")
]
ReaderForm = Annotated[
    str,
    typer.Option(
        "--reader-form",
        help="How an endpoint is asked: chat, or completions, which also gives likelihoods.",
    ),
]
ReaderFields = Annotated[
    list[str] | None,
    typer.Option(
        "--reader-field",
        help="NAME=JSON in every request to the endpoint, null leaves NAME out; repeatable.",
    ),
]
KeyFrom = Annotated[
    str, typer.Option("--key-from", help="Environment variable with the endpoint's key.")
]
ShardText = Annotated[
    str, typer.Option("--shard", help="A share of the examples, for several processes: 1/2.")
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]


def tasks() -> None:
    """List the tasks, what they ask, and the data sets they read."""
    with reported():
        from tersely.evaluation.tasks.registry import load_task, task_names

        for name in task_names():
            task = load_task(name)
            typer.echo(f"{name:15} {task.family:20} {', '.join(task.data)}")


def run(
    out: Out,
    data: Data,
    task: Tasks = None,
    method: Methods = None,
    rate: Rates = None,
    count: Count = None,
    seed: Seed = 0,
    target: Target = "o200k_base",
    match: Match = "",
    reader: ReaderName = "smollm2-135m",
    reader_model: ReaderModel = "",
    reader_form: ReaderForm = "chat",
    reader_field: ReaderFields = None,
    key_from: KeyFrom = "OPENAI_API_KEY",
    shard: ShardText = "1/1",
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
) -> None:
    """Compress examples of tasks by methods at rates, let a reader answer, and write records.

    What is in the folder is not done again: start the same command to go on.
    """
    with reported():
        from tersely.cli.progress import progress_bar
        from tersely.evaluation.arms import arm_names
        from tersely.evaluation.plan import RATES, Plan
        from tersely.evaluation.runner import run as make
        from tersely.evaluation.tasks.registry import load_task, task_names

        plan = Plan(
            tasks=tuple(task or task_names()),
            arms=tuple(method or arm_names()),
            rates=tuple(rate or RATES),
            data=data,
            count=count,
            seed=seed,
            tokenizer=target,
            match=match,
            retry_failed=retry_failed,
        )
        share = _shard(shard)
        for name in plan.tasks:
            load_task(name)
        asked = _fields(reader_field or [])
        read = _reader(reader, reader_model, out, key_from=key_from, form=reader_form, fields=asked)
        with progress_bar("reading", shown=not quiet and sys.stderr.isatty(), of="records") as tick:
            made = make(plan, out, reader=read, shard=share, command=_command(), progress=tick)
        _report(out, plan, read, made=made, quiet=quiet)


def _report(out: Path, plan: Plan, reader: Reader | None, *, made: int, quiet: bool) -> None:
    """Say what was made; that records failed is said always, and is an error if all did."""
    from tersely.evaluation.records import read_records

    name = reader.name if reader else ""
    asked = [
        record
        for record in (read_records(out) if any(out.glob("*.jsonl")) else [])
        if record.task in plan.tasks and record.arm in plan.arms and record.reader == name
    ]
    failed = [record.error for record in asked if record.error]
    if not quiet:
        typer.echo(f"{made:,d} new record{'s' * (made != 1)} in {out}", err=True)
    if failed:
        typer.echo(
            f"{len(failed):,d} of {len(asked):,d} failed, for example: {failed[-1]}\n"
            "Put it right, and start the same command with --retry-failed.",
            err=True,
        )
        if len(failed) == len(asked):
            raise typer.Exit(1)


def _shard(text: str) -> Shard:
    from tersely.errors import SettingError
    from tersely.evaluation.runner import Shard

    index, slash, count = text.partition("/")
    if not (slash and index.isascii() and index.isdigit() and count.isascii() and count.isdigit()):
        raise SettingError(f"A shard is written 1/2, the first of two; got {text!r}.")
    return Shard(int(index) - 1, int(count))


def _fields(pairs: list[str]) -> dict[str, Any]:
    from tersely.errors import SettingError

    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            found[name] = json.loads(value)
        except ValueError as error:
            raise SettingError(
                f"A field is NAME=JSON, as in temperature=0; got {pair!r}."
            ) from error
        if not (name and equals):
            raise SettingError(f"A field is NAME=JSON, as in temperature=0; got {pair!r}.")
    return found


def _reader(name: str, model: str, out: Path, **asking: Any) -> Reader | None:
    from tersely.errors import SettingError

    if name == "none":
        return None
    if not name.startswith(("http://", "https://")):
        from tersely.backends.load import load_causal
        from tersely.evaluation.readers.local import LocalReader

        return LocalReader(load_causal(name))
    if not model:
        raise SettingError("Name the endpoint's model with --reader-model.")
    from tersely.evaluation.readers.endpoint import EndpointReader

    return EndpointReader(name, model, cache=out / "answers", **asking)


def _command() -> str:
    words = ["tersely", *sys.argv[1:]]
    for at, word in enumerate(words):
        if Path(word).is_absolute():  # whose machine it was is nobody's business
            words[at] = f"<{Path(word).name}>"
    return " ".join(word if word[:1] == "<" else shlex.quote(word) for word in words)
