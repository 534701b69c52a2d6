"""What compressed GSM8K prompts still say, and what they are still good for, method by method.

llmlingua goes first, since it does not keep to what it is asked; every other method is then given
exactly the o200k tokens it used. `--write` puts the table in docs/results.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    DATA,
    MODEL,
    RESULTS,
    at_root,
    circumstances,
    demonstrations_of,
    export_model,
    in_process,
    read_text,
    reference_python,
    say,
    table,
)
from reader import MEASURES, Floats, Problem, Reader, interval, read_problems
from survival import survival

import tersely
from tersely.backends.base import CausalBackend
from tersely.backends.load import load_causal
from tersely.counting import load_counter

RATES = (0.5, 0.2, 0.1)
SEEDS = range(5)
SHOTS = 8
OURS, THEIRS, FULL, NONE = "tersely (paper)", "llmlingua 0.2.2", "full prompt", "no demonstrations"

Recipes = dict[str, tuple[str, list[dict[str, Any]]]]
"""By label: the method's name, and its settings, one per variant."""

METHODS: Recipes = {
    OURS: ("llmlingua", [{"alignment": "paper"}]),
    "tersely (reference)": ("llmlingua", [{"alignment": "reference"}]),
    "selective_context": ("selective_context", [{}]),
    "random_drop": ("random_drop", [{"seed": seed} for seed in SEEDS]),
    "truncate (head)": ("truncate", [{"keep": "head"}]),
}

ABLATIONS: Recipes = {
    "tersely (k = 1)": ("llmlingua", [{"k": 1.0}]),
    "tersely (k = 1e9)": ("llmlingua", [{"k": 1e9}]),
    "tersely (refresh = 0)": ("llmlingua", [{"refresh": 0.0}]),
    "tersely (refresh = 1)": ("llmlingua", [{"refresh": 1.0}]),
    "tersely (unit = token)": ("llmlingua", [{"unit": "token"}]),
}
"""One setting each; otherwise k = 2, refresh = 0.5, whole words and the alignment "paper". k = 1e9
never drops demonstrations or sentences as a whole, and k = 1 drops almost nothing else."""


@dataclass
class Entry:
    """One line of the table.

    Attributes:
        texts: Per demonstration set, the compressed prompt, in one or more variants.
        nats: (M, 3), what the reader made of each problem; see `MEASURES`.
    """

    texts: list[list[str]] = field(default_factory=list)
    nats: Floats = field(default_factory=lambda: np.zeros((0, len(MEASURES))))


Entries = dict[tuple[float, str], Entry]


def demonstration_sets(options: argparse.Namespace, train: list[Problem]) -> list[list[str]]:
    """Return the sets of demonstrations: the prompts of the folder, and random ones."""
    folder = at_root(options.data) / "prompts"
    files = sorted(folder.glob("gsm8k_*.txt"))
    if not files:
        raise SystemExit(f"There is no prompts/gsm8k_*.txt in {options.data}. Name it with --data.")
    sets = [demonstrations_of(read_text(file, "--data")) for file in files[: options.prompts]]
    rng = np.random.default_rng(0)
    for _ in range(options.random_sets):
        chosen = rng.choice(len(train), SHOTS, replace=False)
        sets.append([train[i].demonstration for i in chosen.tolist()])
    return sets


def run_reference(
    sets: list[list[str]], options: argparse.Namespace
) -> tuple[Entries, dict[str, str]]:
    """Compress everything with llmlingua."""
    python = reference_python(options.venv)
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "model": str(export_model(Path(folder, MODEL))),
            "threads": options.threads,
            "precision": "float32",
            "warm_up": False,
            "cases": [{"contexts": s, "settings": {"rate": rate}} for rate in RATES for s in sets],
        }
        say(f"llmlingua compresses {len(job['cases'])} prompts")
        result = in_process(python, "llmlingua_worker.py", job)
    texts = iter(run["text"] for run in result["runs"])
    return {(rate, THEIRS): Entry([[next(texts)] for _ in sets]) for rate in RATES}, result[
        "versions"
    ]


def run_ours(
    sets: list[list[str]], entries: Entries, backend: CausalBackend, ablated: list[float]
) -> None:
    """Compress everything with tersely, to the tokens that llmlingua used."""
    count = load_counter("o200k_base").count
    for rate in RATES:
        budgets = [count(text) for (text,) in entries[rate, THEIRS].texts]
        for label, (name, variants) in (METHODS | (ABLATIONS if rate in ablated else {})).items():
            model = {"model": backend} if name in ("llmlingua", "selective_context") else {}
            methods = [tersely.load(name, **model, **settings) for settings in variants]
            entries[rate, label] = Entry(
                [
                    [tersely.compress(contexts, tokens=b, method=m).text for m in methods]
                    for contexts, b in zip(sets, budgets, strict=True)
                ]
            )
            say(f"rate {rate}: compressed with {label}")


def read_all(entries: Entries, reader: Reader, problems: list[Problem]) -> None:
    """Let the reader read every problem after every line's prompts; equal prompts once."""
    for (rate, label), entry in entries.items():
        entry.nats = reader.score(entry.texts, problems)
        say(f"rate {rate}, {label}: {entry.nats.mean(axis=0).round(4)}; {reader.tokens:,} tokens")


HEADER = (
    "rate",
    "method",
    "tokens",
    "numbers",
    "operators",
    "answer lines",
    *(f"{measure}{what}" for measure in MEASURES for what in ("", " - none", " - llmlingua")),
)


def row_of(key: tuple[float, str], entries: Entries, sets: list[list[str]]) -> list[str]:
    """Return one line of the table."""
    rate, label = key
    entry = entries[key]
    count = load_counter("o200k_base").count
    whole = ["\n\n".join(demonstrations) for demonstrations in sets]
    tokens = np.mean([np.mean([count(text) for text in texts]) for texts in entry.texts])
    shares = np.mean(
        [
            np.mean([astuple(survival(before, text)) for text in texts], axis=0)
            for before, texts in zip(whole, entry.texts, strict=True)
        ],
        axis=0,
    )
    cells = [f"{rate:g}" if rate < 1 else "", label, f"{tokens:.0f}"]
    cells += [f"{share:.0%}" for share in shares]
    none, theirs = entries[1.0, NONE], entries.get((rate, THEIRS))
    for side in range(len(MEASURES)):
        cells.append(f"{entry.nats[:, side].mean():.3f}")
        for other in (none, theirs):
            same = other is None or other is entry
            cells.append("" if same else _difference(entry, other, side))
    return cells


def _difference(entry: Entry, other: Entry | None, side: int) -> str:
    assert other is not None
    mean, low, high = interval(entry.nats[:, side] - other.nats[:, side])
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def verdicts(entries: Entries) -> str:
    """Say in words how ours does against each of the others; lower nats are better."""
    lines = []
    for rate in RATES:
        for side, what in enumerate(MEASURES):
            groups: dict[str, list[str]] = {"better than": [], "worse than": [], "level with": []}
            for label in (THEIRS, *METHODS, *ABLATIONS):
                if label == OURS or (rate, label) not in entries:
                    continue
                ours, other = entries[rate, OURS], entries[rate, label]
                mean, low, high = interval(ours.nats[:, side] - other.nats[:, side])
                word = "level with" if low <= 0 <= high else "better than"
                word = "worse than" if low > 0 else word
                groups[word].append(f"{label} ({mean:+.3f})")
            said = "; ".join(f"{word} {', '.join(who)}" for word, who in groups.items() if who)
            lines.append(f"- Rate {rate:g}, {what}: {OURS} is {said}.")
    return "\n".join(lines)


NOTES = """\
Every method has, per set, exactly the o200k tokens that llmlingua used when asked for the rate
(llmlingua itself kept {realised}). Survival is the mean over the sets; random_drop is the mean of
{seeds} seeds. Solution, answer line and answer number are mean nats per token of the dataset's
worked answer, of its line "The answer is N" and of N alone, read by {model} after the compressed
demonstrations, the question and "Let's think step by step": lower is better. Each problem goes
with one set, the same for every method. Brackets: bootstrap 95 % intervals of the mean paired
difference over {problems} problems; the sets are taken as given, so the intervals do not say what
other demonstrations would do. No correction is made for the number of comparisons. A model of 135
million parameters hardly solves such problems: this measures how well a prompt prepares it for
the form and the content of a right answer, not accuracy. What the intervals say, with the mean
difference in nats (negative: ours is better), and
"level with" where an interval holds zero:
"""


def report(
    entries: Entries, sets: list[list[str]], problems: int, versions: dict[str, str], threads: int
) -> str:
    """Return the whole result as Markdown."""
    count = load_counter("o200k_base").count
    total = sum(count("\n\n".join(demonstrations)) for demonstrations in sets)
    realised = ", ".join(
        f"{sum(count(t) for (t,) in entries[rate, THEIRS].texts) / total:.3f} for {rate:g}"
        for rate in RATES
    )
    notes = NOTES.format(realised=realised, seeds=len(SEEDS), model=MODEL, problems=problems)
    rows = [row_of(key, entries, sets) for key in entries]
    return "\n".join(
        [
            "# What survives compression of few-shot maths prompts\n",
            circumstances(versions, threads),
            f"- Data: GSM8K, {problems} test problems, {len(sets)} demonstration sets\n",
            table(HEADER, rows),
            "",
            notes,
            verdicts(entries),
            "",
        ]
    )


def choose(problems: Sequence[Problem], how_many: int) -> list[Problem]:
    """Return some problems, always the same ones."""
    order = np.random.default_rng(0).permutation(len(problems))
    return [problems[i] for i in order[:how_many].tolist()]


def main(options: argparse.Namespace) -> None:
    """Measure, print, and write if asked to."""
    started = time.perf_counter()
    data = at_root(options.data) / "dev" / "gsm8k.jsonl.gz"
    if not data.is_file():
        raise SystemExit(f"There is no dev/gsm8k.jsonl.gz in {options.data}. Name it with --data.")
    splits = read_problems(data)
    problems = choose(splits["test"], options.problems)
    sets = demonstration_sets(options, splits["train"])
    found, versions = run_reference(sets, options)
    entries: Entries = {
        (1.0, NONE): Entry([[""] for _ in sets]),
        (1.0, FULL): Entry([["\n\n".join(demonstrations)] for demonstrations in sets]),
    } | found
    backend = load_causal(MODEL, threads=options.threads)
    run_ours(sets, entries, backend, options.ablate)
    order = {NONE: 0, FULL: 1, THEIRS: 2}
    entries = dict(sorted(entries.items(), key=lambda e: (-e[0][0], order.get(e[0][1], 3))))
    read_all(entries, Reader(backend), problems)
    say(f"done after {time.perf_counter() - started:.0f} s")
    versions = {"tersely": tersely.__version__, "openvino": version("openvino")} | versions
    result = report(entries, sets, len(problems), versions, options.threads)
    print(result)
    if options.write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "fidelity.md").write_text(result, "utf-8")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with dev/ and prompts/")
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--prompts", type=int, default=4, help="how many of the prompts/ to use")
    parser.add_argument("--random-sets", type=int, default=2, help="sets of random demonstrations")
    parser.add_argument(
        "--ablate", type=float, nargs="*", default=[0.2], help="rates to vary tersely's settings at"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--venv", type=Path, default=Path(".venv-llmlingua"))
    parser.add_argument("--write", action="store_true", help="write docs/results/fidelity.md")
    return parser.parse_args()


if __name__ == "__main__":
    main(arguments())
