"""`tersely soft ask`: answer a question from memories."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.compress import print_json, read_text, write_text
from tersely.cli.report import reported
from tersely.cli.soft import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tersely.soft.host import Host
    from tersely.soft.memory import Memory
    from tersely.soft.sampling import Sampling


def not_a_memory(question: str) -> str:
    """Refuse a memory where the question should be: the question was forgotten."""
    from tersely.soft.memory_file import is_memory

    if is_memory(Path(question)):
        raise typer.BadParameter(f"The question is missing: {question} is a memory.")
    return question


Question = Annotated[
    str,
    # eager, or a lone memory is taken for the question, and the memories are missed
    typer.Argument(
        help="The question, or - for standard input.", callback=not_a_memory, is_eager=True
    ),
]


def ask(
    memories: options.Memories,
    question: Question,
    model: options.Model = "smollm2-135m",
    tokens: options.MostTokens = 256,
    temperature: options.Temperature = 0.0,
    top_p: options.TopP = 1.0,
    top_k: options.TopK = 0,
    beams: Annotated[int, typer.Option("--beams", help="How many to keep on the way.")] = 1,
    answers: Annotated[int, typer.Option("--answers", help="How many to write.")] = 1,
    seed: options.Seed = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the answer while it is written.")
    ] = False,
    system: options.System = None,
    prefix: options.Prefix = None,
    device: options.Device = "auto",
    precision: options.Precision = None,
    threads: options.Threads = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Answer a QUESTION from one or several MEMORIES, which stand one after the other."""
    with reported():
        from tersely.soft.reader import check_question
        from tersely.soft.sampling import Sampling

        if stream and as_json:
            raise typer.BadParameter("--stream and --json exclude each other.")
        asked = read_text("-") if question == "-" else question
        check_question(asked)
        options.check_tokens(tokens)
        drawing: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
        sampling = Sampling(most_tokens=tokens, beams=beams, answers=answers, seed=seed, **drawing)
        read = options.load_memories(memories)
        place: dict[str, Any] = {"system": system, "prefix": prefix, "device": device}
        host = options.load_model(model, **place, precision=precision, threads=threads)
        options.check_model(read, memories, host)
        started = time.monotonic()
        said = options.read_from(read)
        if stream:
            _stream(host, read, asked, sampling)
        else:
            replies = _answers(host, read, asked, sampling)
            said += f", {sum(one['tokens'] for one in replies):,} tokens written"
        seconds = round(time.monotonic() - started, 3)
        if as_json:
            where = {"memories": options.sources(read, memories), "model": host.name}
            texts: dict[str, Any] = {"text": replies[0]["text"], "answers": replies}
            print_json(texts | {"question": asked} | where | {"seconds": seconds})
        elif not stream:
            write_text("\n\n".join(one["text"] for one in replies) + "\n")
        if not quiet:
            typer.echo(f"{said}, {host.name}, {seconds:.1f} s", err=True)


def _answers(
    host: Host, memories: Sequence[Memory], question: str, sampling: Sampling
) -> list[dict[str, Any]]:
    """Return the answers, as JSON has them."""
    from tersely.soft.reader import generate

    replies = generate(host, memories, host.chat.question(question, host.system), sampling)
    return [
        {"text": one.text.strip(), "tokens": len(one.ids), "ended": one.ended} for one in replies
    ]


def _stream(host: Host, memories: Sequence[Memory], question: str, sampling: Sampling) -> None:
    """Print an answer while it is written."""
    from tersely.soft.reader import stream

    began = False
    for piece in stream(host, memories, host.chat.question(question, host.system), sampling):
        shown = piece if began else piece.lstrip()
        began = began or bool(shown)
        sys.stdout.buffer.write(shown.encode("utf-8"))
        sys.stdout.buffer.flush()
    write_text("\n")
