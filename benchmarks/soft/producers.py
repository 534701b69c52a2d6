"""How well does a text go on behind each memory of its beginning, at equal numbers of slots?

`python -m benchmarks.soft.producers` from the repository; what is done is not done again, passage
by passage and arm by arm. The data is not in the repository.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.common import DATA, MODEL, at_root
from benchmarks.soft.passages import Passage, remembered_passages
from benchmarks.soft.records import records_of, run
from benchmarks.soft.report import publish
from tersely.evaluation.source import Source
from tersely.soft.host import Host, load_host


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soft.producers", description=__doc__
    )
    add = parser.add_argument
    add("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    add("--out", type=Path, default=Path("build/soft"), help="folder of the records")
    add("--passages", type=int, default=200, help="how many texts")
    add("--bare", type=int, default=60, help="of how many texts the arms without a prefix")
    add("--fitted", type=int, default=20, help="of how many texts the fitted arm")
    add("--fitted-times", nargs="*", type=int, default=[8], help="its numbers of slots")
    add("--context", type=int, default=384, help="tokens that are handed on")
    add("--scored", type=int, default=96, help="tokens that are predicted")
    add("--times", nargs="+", type=int, default=[4, 8, 24], help="how many times fewer slots")
    add("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    add("--threads", type=int, default=1)
    add("--report", action="store_true", help="only print what the records say")
    add("--write", action="store_true", help="write docs/results/soft-producers.md and .json")
    return parser


def passages_of(host: Host, options: argparse.Namespace) -> list[Passage]:
    """Return the passages that the options ask for."""
    tokens = options.context + 1 + options.scored
    source = Source(str(at_root(options.data)))
    file = at_root(options.out) / "passages.json"
    count = options.passages
    return remembered_passages(file, source, host.tokenizer, count=count, tokens=tokens)


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    torch.set_num_threads(options.threads)
    host = load_host(MODEL, device="cpu", dtype=options.dtype)
    passages = passages_of(host, options)
    if not options.report:
        run(passages, host, options)
    publish(records_of(passages, host.fingerprint.model, options), options)


if __name__ == "__main__":
    main(arguments().parse_args())
