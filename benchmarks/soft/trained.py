"""What a trained memory is worth on abstracts nothing was learnt from, beside an untrained one.

    python -m benchmarks.soft.trained --prepare build/soft       # train.jsonl and held_out.jsonl
    tersely train soft-pretrain ...                              # runs/soft_pretrain.sh says which
    python -m benchmarks.soft.trained --adapter build/soft/anchors

Each abstract gives a context and how it goes on. Arms: the full context, none of it, the untrained
compressor and the trained one, at the same slots, and the first and the last tokens of the context
at as many. Measured: nats a token of what follows; nats a token of the context itself, written
again after the trigger; and ROUGE-L of the text that is really written, greedily.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import DATA, MODEL, at_root
from tersely.evaluation.metrics.overlap import rouge_l
from tersely.evaluation.statistics import mean_interval
from tersely.soft.adapter_file import read_adapter
from tersely.soft.base import Producer, load_producer
from tersely.soft.host import Host, load_host
from tersely.soft.memory import Memory
from tersely.soft.reader import nats
from tersely.soft.sampling import Sampling
from tersely.soft.trained import TrainedProducer, network_of
from tersely.soft.writing import write
from tersely.training.split import group_of, is_held_out

SET = "arxiv_abstracts"
TRAIN_TEXTS, HELD_OUT_TEXTS = 6000, 400
FOLLOWING = 32


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soft.trained", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    add("--prepare", type=Path, help="write the texts to train on, and those held out, and end")
    add("--adapter", type=Path, help="what `tersely train soft-pretrain` wrote")
    add("--held-out", type=Path, default=Path("build/soft/held_out.jsonl"))
    add("--passages", type=int, default=100, help="how many abstracts")
    add("--written", type=int, default=20, help="of how many the text is written again")
    add("--context", type=int, default=96, help="tokens that become a memory")
    add("--slots", type=int, default=16)
    add("--dtype", choices=["float32", "bfloat16"], default="float32")
    add("--threads", type=int, default=1)
    add("--json", type=Path, help="write the table there, too")
    return parser


def prepare(data: Path, out: Path) -> None:
    """Write abstracts to train on, and of other groups those to measure on."""
    out.mkdir(parents=True, exist_ok=True)
    left = {"train": TRAIN_TEXTS, "held_out": HELD_OUT_TEXTS}
    rows: dict[str, list[str]] = {name: [] for name in left}
    with gzip.open(data / f"{SET}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            name = "held_out" if is_held_out(group_of(SET, row)) else "train"
            if len(rows[name]) < left[name]:
                rows[name].append(json.dumps({"id": row["id"], "text": row["text"]}) + "\n")
    for name, found in rows.items():
        (out / f"{name}.jsonl").write_text("".join(found), "utf-8")
        print(f"{len(found)} texts in {out / name}.jsonl")


class Untrained(TrainedProducer):
    """The compressor of an adapter as it was before its training."""

    def network(self, host: Host):  # noqa: ANN201
        """Return it beside a host."""
        if (found := self._networks.get(host)) is None:
            assert self.trained is not None
            found = network_of(self.name, host, self.trained.shape).eval().requires_grad_(False)
            self._networks[host] = found
        return found


def passages(host: Host, options: argparse.Namespace) -> Iterator[tuple[list[int], list[int]]]:
    """Yield context and continuation of each abstract that is long enough."""
    wanted, count = options.context + FOLLOWING, 0
    for line in at_root(options.held_out).read_text("utf-8").splitlines():
        ids = host.encode(json.loads(line)["text"])
        if len(ids) >= wanted and count < options.passages:
            count += 1
            yield ids[: options.context], ids[options.context : wanted]


def arms(adapter: Path) -> dict[str, Producer | None]:
    """Return the producers by name; None is no memory at all."""
    method = read_adapter(adapter).method
    untrained = type("Untrained", (Untrained,), {"name": method})
    return {
        "full": load_producer("full"),
        "none": None,
        "first tokens": load_producer("truncate"),
        "last tokens": load_producer("streaming"),
        "untrained": untrained(adapter=adapter),
        "trained": load_producer(method, adapter=adapter),
    }


def again(host: Host, memory: Memory, trigger: int, ids: list[int]) -> float:
    """Return the nats a token of the text, written again after the trigger."""
    return float(nats_again(host, memory, trigger, ids).mean())


def nats_again(host: Host, memory: Memory, trigger: int, ids: list[int]) -> torch.Tensor:
    """Return the surprisal of each token of the text after the trigger, (T,)."""
    past = host.cache_of([[memory]])
    positions = torch.arange(len(ids)) + len(host.prefix) - 1
    with torch.no_grad():
        read = host.forward([[trigger, *ids[:-1]]], positions=positions, past=past)
        return host.nats(read.hidden[0], torch.tensor(ids))


def written(host: Host, memory: Memory, trigger: int, ids: list[int]) -> float:
    """Return ROUGE-L of what is written after the trigger, greedily."""
    past = host.cache_of([[memory]])
    start = torch.full_like(past.next_positions, len(host.prefix) - 1)
    past = type(past)(past.keys, past.values, past.present, start)
    reply = write(host, past, [[trigger]], Sampling(most_tokens=len(ids)))[0][0]
    return rouge_l(reply.text, [host.decode(ids)])


def measure(host: Host, options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Return the numbers of each arm, passage by passage."""
    trigger = read_adapter(options.adapter).trigger
    made = arms(options.adapter)
    found = {arm: {"following": [], "again": [], "rouge_l": []} for arm in made}
    for number, (context, following) in enumerate(passages(host, options)):
        for arm, producer in made.items():
            if producer is None:
                found[arm]["following"].append(float(nats(host, [], following).mean()))
                continue
            slots = len(context) if arm == "full" else options.slots
            memory = producer.produce(host, context, slots)
            row = found[arm]
            row["following"].append(float(nats(host, memory, following).mean()))
            row["again"].append(again(host, memory, trigger, context))
            if number < options.written and arm in ("full", "untrained", "trained"):
                row["rouge_l"].append(written(host, memory, trigger, context))
    return found


def cell(values: list[float], digits: int = 3) -> str:
    """Return a mean with its interval, or a dash."""
    if not values:
        return "-"
    found = mean_interval(np.array(values))
    return found.text(digits=digits)


def main(options: argparse.Namespace) -> None:
    """Prepare the texts, or print the table."""
    if options.prepare:
        prepare(at_root(options.data), at_root(options.prepare))
        return
    if not options.adapter:
        raise SystemExit("Name the trained folder with --adapter, or --prepare the texts.")
    torch.set_num_threads(options.threads)
    host = load_host(MODEL, device="cpu", dtype=options.dtype)
    found = measure(host, options)
    count = len(found["full"]["following"])
    print(
        f"{count} abstracts, {options.context} tokens of context, {options.slots} slots,"
        f" {FOLLOWING} tokens that follow; means with 95 % intervals\n"
    )
    print("| memory | following, nats | text again, nats | text written again, ROUGE-L |")
    print("| --- | --- | --- | --- |")
    for arm, row in found.items():
        print(f"| {arm} | " + " | ".join(map(cell, row.values())) + " |")
    for name in ("following", "again"):
        gain = np.array(found["untrained"][name]) - np.array(found["trained"][name])
        better = int((gain > 0).sum())
        print(f"\n{name}: trained is better than untrained by {cell(list(gain))} nats a token,")
        print(f"in {better} of {len(gain)} abstracts")
    if options.json:
        rows = {
            arm: {k: [round(x, 5) for x in v] for k, v in row.items()} for arm, row in found.items()
        }
        options.json.write_text(json.dumps(rows) + "\n", "utf-8")
    assert not any(math.isnan(x) for row in found.values() for x in row["following"])


if __name__ == "__main__":
    main(arguments().parse_args())
