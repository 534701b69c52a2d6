"""What is left of a text in memories of it: answers to questions, and the text itself.

`python -m benchmarks.soft.quality` from the repository; what is done is not done again, text by
text and arm by arm. `--adapter NAME=FOLDER` adds what `tersely train soft-pretrain` or
`soft-finetune` wrote. The data is not in the repository.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.common import DATA, MODEL, at_root
from benchmarks.soft.answering import EVICTORS
from benchmarks.soft.asked import Item, read_questions, read_texts
from benchmarks.soft.quality_records import Bench, records_of, run
from benchmarks.soft.quality_report import publish
from tersely.evaluation.source import Source
from tersely.soft.adapter_file import read_adapter
from tersely.soft.base import Producer, load_producer
from tersely.soft.host import Host, load_host


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soft.quality", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    add("--out", type=Path, default=Path("build/soft"), help="folder of the records")
    add("--model", default=MODEL)
    add("--questions", type=int, default=100, help="how many of each set")
    add("--texts", type=int, default=100, help="how many abstracts are given back")
    add("--lengths", nargs="+", type=int, default=[96, 192, 384, 480], help="tokens of a text")
    add(
        "--written",
        nargs="+",
        type=int,
        default=[20],
        metavar="N",
        help="how many of the abstracts are written, which takes long; one N, or one a length",
    )
    add("--slots", nargs="+", type=int, default=[1, 4, 16, 64])
    add("--arms", nargs="*", choices=EVICTORS, default=EVICTORS, metavar="ARM")
    add("--adapter", nargs="*", default=[], metavar="NAME=FOLDER", help="trained arms")
    add("--answer-tokens", type=int, default=24, help="the most an answer may have")
    add("--prefix", choices=["chat", "start"], help="what stands before memories")
    add("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    add("--device", default="cpu")
    add("--threads", type=int, default=1)
    add("--report", action="store_true", help="only print what the records say")
    add("--write", action="store_true", help="write docs/results/soft-quality.md and .json")
    return parser


def read_adapters(pairs: list[str]) -> dict[str, Producer]:
    """Return trained producers by the names that they have in the tables."""
    found: dict[str, Producer] = {}
    for pair in pairs:
        name, _, folder = pair.partition("=")
        place = at_root(Path(folder))
        found[name] = load_producer(read_adapter(place).method, adapter=place)
    return found


def items_of(host: Host, options: argparse.Namespace) -> list[Item]:
    """Return what the options ask for, questions and texts in turn so that both grow alike."""
    source = Source(str(at_root(options.data)))
    asked = {"lengths": sorted(options.lengths)}
    texts = read_texts(source, host.tokenizer, count=options.texts, **asked)
    questions = read_questions(source, host.tokenizer, count=options.questions, **asked)
    options.written_places = written_places(texts, options.lengths, options.written)
    places = [(at / len(some), item) for some in (questions, texts) for at, item in enumerate(some)]
    return [item for _, item in sorted(places, key=lambda one: one[0])]


def written_places(
    texts: list[Item], lengths: list[int], counts: list[int]
) -> set[tuple[str, int]]:
    """Return id and length of the texts that are written, not only scored."""
    each = counts * len(lengths) if len(counts) == 1 else counts
    if len(each) != len(lengths):
        raise SystemExit(f"--written is one number, or {len(lengths)}: one for each length.")
    return {
        (item.id, length)
        for length, count in zip(lengths, each, strict=True)
        for item in texts[:count]
    }


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    torch.set_num_threads(options.threads)
    host = load_host(
        options.model, device=options.device, dtype=options.dtype, prefix=options.prefix
    )
    items = items_of(host, options)
    bench = Bench(host, read_adapters(options.adapter), options)
    if not options.report:
        run(items, bench, options)
    publish(records_of(items, bench, options), items, host.decode, options)


if __name__ == "__main__":
    main(arguments().parse_args())
