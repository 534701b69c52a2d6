"""What a classifier costs beside the causal model; and whether its export keeps the same words.

`python -m benchmarks.agnostic.speed --classifier NAME=FOLDER` from the repository. In one process
and one run: every round times every arm on the same texts, one after the other, so that what else
the machine does falls on all of them. Memory is that of a process of its own for each arm. Between
every two classifiers it is counted which words both keep, so give the export and what it was made
of. Nothing is remembered between texts.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from rich.progress import track

import tersely
from benchmarks.agnostic import report
from benchmarks.agnostic.arms import SURPRISAL, Given, fingerprint, load_classifier, read_folders
from benchmarks.agnostic.baselines import Surprisal
from benchmarks.agnostic.passages import Passage
from benchmarks.agnostic.records import TOKENIZER, arguments, passages_of
from benchmarks.common import MODEL, RESULTS, at_root, circumstances, commit, table
from benchmarks.measure import peak_mb, reset_peak, timed
from tersely.backends.load import load_causal
from tersely.backends.store import find_model
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Span
from tersely.core.units import word_units
from tersely.counting import load_counter
from tersely.evaluation.statistics import mean_interval
from tersely.hard.base import HardCompressor

BESIDE = (SURPRISAL, "llmlingua")
LONG_TOKENS = 8000
Loaders = dict[str, Callable[[], HardCompressor]]

NOTES = """\
*valued*: tokens of the prompts (o200k_base, not the models' own) for each second in which units are
given their values; *compressed*: the whole way, cutting and counting included. Both are the median
over rounds, with the slowest and the fastest; *times* is the median over rounds of an arm's speed
over that of {beside} in the same round. *files* are the weights and the vocabulary as they are
shipped; *memory* is the most a process of its own has had resident while it compressed all texts,
*more* what of that came after its imports. *long* is one text of about {long:,} tokens.
"""


def kept_words(text: str, kept: Sequence[Span]) -> set[int]:
    """Return which words of a text survive, at least in part, by their number."""
    starts, ends = [span.start for span in kept], [span.end for span in kept]
    found = set()
    for number, unit in enumerate(word_units(text)):
        span = int(np.searchsorted(ends, unit.core, side="right"))
        if unit.core < unit.end and span < len(kept) and starts[span] < unit.end:
            found.add(number)
    return found


def jaccard(one: set[int], other: set[int]) -> float:
    """Return what two sets share of all they have; 1 where both are empty."""
    return len(one & other) / len(one | other) if one or other else 1.0


def loaders_of(folders: dict[str, Given], threads: int) -> Loaders:
    """Return what loads each arm: the classifiers, and what reads the causal model."""
    found: Loaders = {
        name: partial(load_classifier, given, threads) for name, given in folders.items()
    }
    return found | {name: partial(_load_causal_arm, name, threads) for name in BESIDE}


def _load_causal_arm(name: str, threads: int) -> HardCompressor:
    backend = load_causal(MODEL, threads=threads)
    if name == SURPRISAL:
        return Surprisal(backend=backend)
    return tersely.load(name, model=backend)


def long_text(passages: Sequence[Passage]) -> str:
    """Return passages one after the other, about `LONG_TOKENS` tokens of them."""
    counter, texts, tokens = load_counter(TOKENIZER), [], 0
    for passage in passages:
        if tokens >= LONG_TOKENS:
            break
        texts.append(passage.text)
        tokens += counter.count(passage.text)
    return "\n\n".join(texts)


def one_round(arm: HardCompressor, texts: Sequence[str], rate: float) -> dict[str, float]:
    """Compress all texts; return tokens for each second of valuing and of the whole."""
    counter = load_counter(TOKENIZER)
    tokens = valuing = whole = cpu = 0.0
    for text in texts:
        prompt, total = Prompt.of([text]), counter.count(text)
        limit = Budget(rate=rate).limit(total)
        work = partial(arm.compress, prompt, Budget(tokens=limit), counter=counter)
        _, seconds_cpu, seconds = timed(work)
        tokens, whole, cpu = tokens + total, whole + seconds, cpu + seconds_cpu
        if hasattr(arm, "ranked"):
            valuing += timed(partial(arm.ranked, prompt, limit, counter=counter))[2]
    return {
        "valued": tokens / valuing if valuing else float("nan"),
        "compressed": tokens / whole,
        "cpu": tokens / cpu,
    }


def speeds(arms: dict[str, HardCompressor], texts: Sequence[str], rounds: int) -> dict[str, Any]:
    """Return each arm's numbers of every round; the order turns from round to round."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    for arm in arms.values():
        one_round(arm, texts[:1], 0.33)  # what is compiled at first use is no part of it
    for number in track(range(rounds), description="timing"):
        names = list(arms)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(one_round(arms[name], texts, 0.33))
    return found


def memory_of(load: Callable[[], HardCompressor], texts: Sequence[str]) -> dict[str, float]:
    """Return the most memory that a new process needs to compress texts, in MB."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measure_memory, (load, list(texts)))


def _measure_memory(load: Callable[[], HardCompressor], texts: list[str]) -> dict[str, float]:
    load_counter(TOKENIZER).count("x")
    before = reset_peak()
    one_round(load(), texts, 0.33)
    return {"memory": peak_mb(), "more": peak_mb() - before}


def size_mb(name: str, folders: dict[str, Given]) -> float:
    """Return the size of an arm's files as they are shipped, in MB of 1,000,000 bytes."""
    shipped = (".safetensors", ".json", ".txt", ".model")
    if name in folders:
        files = [f for f in folders[name].folder.iterdir() if f.suffix in shipped]
    else:
        files = find_model(MODEL).files
    return sum(file.stat().st_size for file in files) / 1e6


def parity(
    arms: dict[str, HardCompressor], texts: Sequence[str], rates: Sequence[float]
) -> list[dict[str, Any]]:
    """Return, for every two arms, which share of the words that either keeps both keep."""
    counter, out = load_counter(TOKENIZER), []
    kept: dict[tuple[str, float], list[set[int]]] = {}
    for name, arm in arms.items() if len(arms) > 1 else ():
        for rate in rates:
            results = [
                arm.compress(Prompt.of([text]), Budget(rate=rate), counter=counter)
                for text in texts
            ]
            kept[name, rate] = [
                kept_words(text, result.kept) for text, result in zip(texts, results, strict=True)
            ]
    for one, other in combinations(arms, 2):
        for rate in rates:
            pairs = zip(kept[one, rate], kept[other, rate], strict=True)
            found = mean_interval([jaccard(a, b) for a, b in pairs])
            out.append({"arm": one, "and": other, "rate": rate} | found.numbers())
    return out


def lines_of(found: dict[str, Any], folders: dict[str, Given]) -> list[list[str]]:
    """Return one line per arm of what was measured."""
    lines = []
    for name, some in found["speeds"].items():
        long, beside = found["long"][name], found["speeds"][BESIDE[0]]
        times = [a["compressed"] / b["compressed"] for a, b in zip(some, beside, strict=True)]
        memory = found["memory"][name]
        lines.append(
            [
                name,
                f"{found['files'][name]:.1f}",
                f"{memory['memory']:,.0f}",
                f"{memory['more']:,.0f}",
                *(_spread([one[key] for one in some]) for key in ("valued", "compressed")),
                _spread([one["valued"] for one in long]),
                f"{statistics.median(times):.1f}",
            ]
        )
    return lines


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}, {max(values):,.0f}]"


def main(options: argparse.Namespace) -> None:
    """Measure, and report."""
    folders = read_folders(options.classifier)
    passages = [p for p in passages_of(options) if p.language == "en"]
    texts = [passage.text for passage in passages]
    loaders = loaders_of(folders, options.threads)
    arms = {name: load() for name, load in loaders.items()}
    mine = {name: arm for name, arm in arms.items() if name in folders}
    found: dict[str, Any] = {
        "files": {name: size_mb(name, folders) for name in arms},
        "models": {name: fingerprint(folder) for name, folder in folders.items()},
        "memory": {name: memory_of(load, texts) for name, load in loaders.items()},
        "speeds": speeds(arms, texts, options.rounds),
        "long": speeds(arms, [long_text(passages)], options.rounds),
        "parity": parity(mine, texts, options.rates),
    }
    header = ["arm", "files MB", "memory MB", "more MB", "valued tokens/s"]
    header += ["compressed tokens/s", "long, valued tokens/s", f"times {BESIDE[0]}"]
    sections = [
        "# What a classifier costs\n",
        circumstances({"tersely": f"{tersely.__version__} {commit()}"}, options.threads),
        *(f"- Classifier {name}: sha256 {model}" for name, model in found["models"].items()),
        f"- Texts: {len(texts)}; rounds: {options.rounds}\n",
        table(header, lines_of(found, folders)) + "\n",
    ]
    if found["parity"]:
        rows = [
            [row["arm"], row["and"], f"{row['rate']:g}", _interval(row)] for row in found["parity"]
        ]
        head = ["arm", "and", "rate", "words kept by both / by either"]
        sections += ["## The same words?\n", report.left(table(head, rows)) + "\n"]
    text = "\n".join([*sections, NOTES.format(beside=BESIDE[0], long=LONG_TOKENS)])
    print(text)
    out = at_root(options.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "speed.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    if options.write:
        (RESULTS / "agnostic_speed.md").write_text(text.rstrip() + "\n", "utf-8")


def _interval(row: dict[str, Any]) -> str:
    low, high = row["low"], row["high"]
    return f"{row['value']:.3f}" + ("" if low is None else f" [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    parser = arguments(__doc__, "speed")
    parser.set_defaults(sets=["squad2", "covidqa", "pubmedqa"], passages=10, threads=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write docs/results")
    main(parser.parse_args())
