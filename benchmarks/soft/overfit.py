"""Four texts learnt by heart: does the training find weights that give them back word for word?

    python -m benchmarks.soft.overfit --preset default --out build/soft/overfit

A check of the training on a real model, and of the way from its weights to a memory in a file and
back to a text. It says nothing of texts that were not learnt. What is stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from benchmarks.common import MODEL, ROOT, at_root
from tersely.evaluation.metrics.overlap import rouge_l
from tersely.soft.base import load_producer
from tersely.soft.host import Host, load_host
from tersely.soft.memory import Memory
from tersely.soft.presets import PRESETS, preset
from tersely.soft.reader import regenerate
from tersely.soft.sampling import Sampling
from tersely.training.soft.course import Pace
from tersely.training.soft.pretrain import Settings, pretrain
from tersely.training.soft.reading import Weights
from tersely.training.soft.shards import Source

TEXTS = ROOT / "examples" / "documents.txt"
COUNT = 4


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came back of one text.

    Attributes:
        text: What was learnt.
        written: What was written behind its memory.
    """

    text: str
    written: str


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soft.overfit", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, default=Path("build/soft/overfit"), help="folder of the weights")
    add("--method", default="compressor500x", help="compressor500x, icae or icformer")
    add("--preset", choices=[*PRESETS], default="default")
    add("--slots", type=int, default=16)
    add("--tokens", type=int, default=96, help="of each text")
    add("--steps", type=int, default=200)
    add("--learning-rate", type=float, default=1e-3)
    add("--precision", choices=["f32", "bf16"], default="bf16")
    add("--threads", type=int, default=1)
    return parser


def texts_of(host: Host, tokens: int) -> list[str]:
    """Return the beginnings of four texts, each of `tokens` tokens when it is read again."""
    parts = [part.partition("\n")[2] for part in TEXTS.read_text("utf-8").split("\n\n")]
    found = []
    for part in parts:
        text = host.decode(host.encode(part)[:tokens])
        if len(host.encode(text)) == tokens:
            found.append(text)
    if len(found) < COUNT:
        raise SystemExit(f"{TEXTS.name} has {len(found)} texts of {tokens} tokens. Use fewer.")
    return found[:COUNT]


def settings_of(data: Path, options: argparse.Namespace) -> Settings:
    """Return a training whose steps read all four texts and score nothing but them."""
    whole = COUNT * options.tokens
    return Settings(
        source=Source(files=(data,), held_out=0.0),
        out=at_root(options.out),
        method=options.method,
        shape=preset(options.preset, budgets=(options.slots,)),
        context_tokens=options.tokens,
        continuation_tokens=0,
        weights=Weights(regeneration=1.0, following=0.0, divergence=0.0),
        pace=Pace(
            learning_rate=options.learning_rate,
            epochs=options.steps,
            batch_tokens=whole,
            pass_tokens=whole,
            threads=options.threads,
        ),
        device="cpu",
        precision=options.precision,
    )


def learn(host: Host, options: argparse.Namespace) -> list[dict[str, float]]:
    """Train, and return the log of the losses."""
    data = at_root(options.out).with_name(f"{options.out.name}.jsonl")
    data.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"text": text}) + "\n" for text in texts_of(host, options.tokens)]
    data.write_text("".join(rows), "utf-8")
    with Progress() as shown:
        bar = shown.add_task("steps", total=options.steps)
        outcome = pretrain(
            settings_of(data, options),
            progress=lambda done, of: shown.update(bar, completed=done, total=of),
            say=shown.console.print,
        )
    return list(outcome.card["log"])


def give_back(host: Host, options: argparse.Namespace) -> list[Learnt]:
    """Write each text again behind a memory of it that has been in a file."""
    folder = at_root(options.out)
    producer = load_producer(options.method, adapter=folder)
    most = Sampling(most_tokens=options.tokens + 8)
    found = []
    for text in texts_of(host, options.tokens):
        file = folder / "one.memory"
        producer.produce(host, host.encode(text), options.slots).save(file)
        memory = Memory.load(file, host.fingerprint)
        found.append(Learnt(text, regenerate(host, memory, most)))
        file.unlink()
    return found


def main(options: argparse.Namespace) -> None:
    """Learn four texts by heart, and say what comes back."""
    dtype = {"f32": "float32", "bf16": "bfloat16"}[options.precision]
    host = load_host(MODEL, device="cpu", dtype=dtype)  # type: ignore[arg-type]
    for line in learn(host, options):
        print(f"step {line['step']:4}   {line['regeneration']:.4f} nats a token")
    found = give_back(host, options)
    for one in found:
        print(f"ROUGE-L {rouge_l(one.written, [one.text]):.3f}  exact {one.written == one.text}")
    exact = sum(one.written == one.text for one in found)
    print(f"{exact} of {len(found)} texts of {options.tokens} tokens are given back exactly")


if __name__ == "__main__":
    main(arguments().parse_args())
