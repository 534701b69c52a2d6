"""What a memory saves: time to the first token, key-value bytes, and tokens per second.

`python -m benchmarks.soft.cost` from the repository. One process, one run: in every round each arm
answers one after the other, the order turning, so that what else the machine does falls on all. On
a CPU it is processor time that is counted, which what else runs there hardly changes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

import tersely
from benchmarks.common import MODEL, RESULTS, ROOT, at_root, circumstances, commit, table
from tersely.soft.base import load_producer
from tersely.soft.host import Host, load_host
from tersely.soft.memory import Memory
from tersely.soft.past import Past

NAME = "soft-cost"
QUESTION = "What caused the vibration, and what was done about it?"
READ, KEPT = "text, read each time", "text, its keys and values kept"

PROCESSOR = "those of the processor, all threads together: with one thread, those of a free core"

NOTES = """\
*first token*: from having the text (or the memory, in memory) to having the first token of the
answer: reading the text and the question, or putting slots in their places and reading the
question. *tokens/s*: of the {tokens} tokens after it. *keys and values*: what is held for the text
while the answer is written; {prefix} more tokens of prefix stand before every arm and are not
counted. *times*: the median over {rounds} rounds of "{read}" over the arm in the same round
(for tokens/s, of the arm over it); in brackets the least and the most.

*made once*: what reading the text and choosing slots took ({method}). A memory of {slots} slots has
paid for itself when it is read as often as the last column says, by time alone: making it once,
over what each reading saves.

Seconds are {clock}.

On disk a memory is larger than its text: {slots} slots take {kib:.0f} KiB, and {context} tokens of
English about {text_kib:.0f} KiB. What is saved is reading time and key-value memory, not disk.
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """One answer.

    Attributes:
        first: Seconds to its first token.
        rest: Seconds for all others.
    """

    first: float
    rest: float


def answer(
    host: Host, past: Past, prompt: Sequence[int], tokens: int
) -> tuple[list[int], list[float]]:
    """Write exactly so many tokens, the likeliest ones; return them and when each was there."""
    cache, start = past.cache(), int(past.next_positions[0])
    ids = torch.tensor([list(prompt)], device=host.device)
    there = past.length
    said: list[torch.Tensor] = []
    when: list[float] = []
    with torch.no_grad():
        for _ in range(tokens):
            count = ids.shape[1]
            there += count
            places = torch.arange(start, start + count, device=host.device)
            logits = host.model(
                input_ids=ids,
                attention_mask=torch.ones(1, there, dtype=torch.long, device=host.device),
                position_ids=places[None],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits
            ids = logits[:, -1:].argmax(-1)
            said.append(ids)
            when.append(_now(host))
            start += count
    return [int(one) for one in said], when


def timed(host: Host, memory: Memory | None, ids: Sequence[int], tokens: int) -> Timing:
    """Answer the question behind a memory, or behind the text itself, and time it."""
    prompt = host.chat.question(QUESTION, host.system)
    began = _now(host)
    past = host.cache_of([[] if memory is None else [memory]])
    whole = [*ids, *prompt] if memory is None else prompt
    _, when = answer(host, past, whole, tokens)
    return Timing(when[0] - began, when[-1] - when[0])


def _now(host: Host) -> float:
    """Return seconds: of the processor, all threads together, or on a GPU of the clock."""
    if host.device.type == "cpu":
        return time.process_time()
    if host.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def text_of(host: Host, file: Path, tokens: int) -> list[int]:
    """Return the first tokens of a file, repeated until it has so many."""
    ids = host.encode(at_root(file).read_text("utf-8"))
    return (ids * (tokens // len(ids) + 1))[:tokens]


def measure(host: Host, context: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return every arm's timings and bytes, for texts of one length."""
    ids = text_of(host, options.text, context)
    producer = load_producer(options.method)
    host.prefix_past  # noqa: B018 - read once for all
    arms: dict[str, Memory | None] = {READ: None}
    arms[KEPT] = host.memory_of(host.read(ids), made_by={"name": "full", "settings": {}})
    made: dict[str, list[float]] = {}
    for slots in options.slots:
        began = _now(host)
        arms[f"{slots} slots"] = producer.produce(host, ids, slots)
        made[f"{slots} slots"] = [_now(host) - began]
    works = {name: partial(timed, host, one, ids, options.tokens) for name, one in arms.items()}
    found: dict[str, list[Timing]] = {name: [] for name in works}
    names = [*works]
    for number in track(range(options.rounds + 1), description=f"{context} tokens"):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            took = works[name]()
            if number:  # the first round warms up
                found[name].append(took)
    held = {name: (one.slots if one else context) * host.slot_bytes for name, one in arms.items()}
    return {
        "context": context,
        "bytes": held,
        "made": made,
        "first": {name: [one.first for one in some] for name, some in found.items()},
        "rest": {name: [one.rest for one in some] for name, some in found.items()},
    }


def rows_of(found: dict[str, Any], tokens: int) -> list[dict[str, Any]]:
    """Return what the table says of each arm."""
    rows = []
    first, rest = found["first"], found["rest"]
    for name, mine in first.items():
        saves = [a - b for a, b in zip(first[READ], mine, strict=True)]
        made = statistics.median(found["made"].get(name, [float("nan")]))
        save = statistics.median(saves)
        rows.append(
            {
                "context": found["context"],
                "arm": name,
                "bytes": found["bytes"][name],
                "times_fewer_bytes": found["bytes"][READ] / found["bytes"][name],
                "first_ms": 1000 * statistics.median(mine),
                "first_times": _ratios(first[READ], mine),
                "tokens_per_second": (tokens - 1) / statistics.median(rest[name]),
                "speed_times": _ratios(rest[READ], rest[name]),
                "made_ms": 1000 * made,
                "pays_after": made / save if save > 0 else float("nan"),
            }
        )
    return rows


def _ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    ratios = sorted(a / b for a, b in zip(over, under, strict=True))
    return [statistics.median(ratios), ratios[0], ratios[-1]]


def document(rows: Sequence[dict[str, Any]], host: Host, options: argparse.Namespace) -> str:
    """Return the page."""
    header = ["text", "arm", "keys and values, KiB", "times fewer", "first token, ms", "times"]
    header += ["tokens/s", "times", "made once, ms", "pays after"]
    lines = [
        [
            f"{row['context']:,} tokens",
            row["arm"],
            f"{row['bytes'] / 1024:,.0f}",
            f"{row['times_fewer_bytes']:.0f}",
            f"{row['first_ms']:,.0f}",
            _times(row["first_times"]),
            f"{row['tokens_per_second']:.1f}",
            _times(row["speed_times"]),
            "" if row["made_ms"] != row["made_ms"] else f"{row['made_ms']:,.0f}",
            "" if row["pays_after"] != row["pays_after"] else f"{row['pays_after']:.1f} readings",
        ]
        for row in rows
    ]
    versions = {
        "tersely": f"{tersely.__version__} {commit()}",
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
    slots, context = options.slots[0], max(options.contexts)
    text = host.decode(text_of(host, options.text, context))
    notes = NOTES.format(
        tokens=options.tokens - 1,
        prefix=len(host.prefix),
        clock=PROCESSOR if host.device.type == "cpu" else "those of the clock",
        rounds=options.rounds,
        read=READ,
        method=options.method,
        slots=slots,
        kib=slots * host.slot_bytes / 1024,
        context=f"{context:,}",
        text_kib=len(text.encode()) / 1024,
    )
    head = circumstances(versions, options.threads) + f"\n- Numbers in {options.dtype}\n"
    return f"# What a memory saves\n\n{head}\n{table(header, lines)}\n\n{notes}"


def _times(ratios: Sequence[float]) -> str:
    return f"{ratios[0]:.1f} [{ratios[1]:.1f}, {ratios[2]:.1f}]"


def main(options: argparse.Namespace) -> None:
    """Measure and report."""
    torch.set_num_threads(options.threads)
    host = load_host(options.model, device=options.device, dtype=options.dtype)
    rows = [
        row
        for context in options.contexts
        for row in rows_of(measure(host, context, options), options.tokens)
    ]
    text = document(rows, host, options)
    print(text)
    if options.write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{NAME}.md").write_text(text.rstrip() + "\n", "utf-8")
        known = [{k: None if v != v else v for k, v in row.items()} for row in rows]
        (RESULTS / f"{NAME}.json").write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soft.cost", description=__doc__)
    add = parser.add_argument
    add("--model", default=MODEL)
    add("--text", type=Path, default=ROOT / "examples" / "documents.txt")
    add("--contexts", nargs="+", type=int, default=[512, 2048], help="tokens of the text")
    add("--slots", nargs="+", type=int, default=[16, 64])
    add("--method", default="snapkv")
    add("--rounds", type=int, default=5)
    add("--tokens", type=int, default=32, help="how many are written, at least 2")
    add("--dtype", choices=["float32", "bfloat16"], default="float32")
    add("--device", default="cpu")
    add("--threads", type=int, default=1)
    add("--write", action="store_true", help="write docs/results/soft-cost.md and .json")
    return parser


if __name__ == "__main__":
    main(arguments().parse_args())
