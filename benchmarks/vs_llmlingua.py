"""tersely's LLMLingua beside llmlingua 0.2.2: time, memory, tokens read, and the rate obtained.

Both run the same weights in fresh processes, in turn, A B A B; loading is reported apart and
one unmeasured run comes first in each process. `--write` puts the table in docs/results.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from common import (
    DATA,
    MODEL,
    RESULTS,
    circumstances,
    demonstrations_of,
    export_model,
    in_process,
    read_text,
    reference_python,
    say,
    table,
)

from tersely.counting import load_counter

CASES: dict[str, dict[str, dict[str, Any]]] = {
    "target 200": {
        "llmlingua": {"target_token": 200},
        "tersely": {"tokens": 200, "tokenizer": "cl100k_base"},
    },
    "rate 0.5": {
        "llmlingua": {"rate": 0.5},
        "tersely": {"rate": 0.5, "tokenizer": "cl100k_base"},
    },
}

Runs = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Entrant:
    """One column of the comparison.

    Attributes:
        tool: "llmlingua" or "tersely".
        precision: What the tool is told to compute in; None is its own choice.
    """

    tool: str
    precision: str | None


ENTRANTS = {
    "llmlingua": Entrant("llmlingua", "float32"),
    "tersely": Entrant("tersely", None),
    "llmlingua in bfloat16": Entrant("llmlingua", "bfloat16"),
    "tersely in float32": Entrant("tersely", "f32"),
}
"""The first two are the defaults of both tools; the others show what the precision is worth."""


def measure(
    contexts: list[str], python: Path, model: Path, options: argparse.Namespace
) -> dict[tuple[str, str], Runs]:
    """Run every entrant on every case in turn, and return the rounds of each."""
    rounds: dict[tuple[str, str], Runs] = {}
    for number in range(1, options.rounds + 1):
        for case, settings in CASES.items():
            for name, entrant in ENTRANTS.items():
                ours = entrant.tool == "tersely"
                job = {
                    "model": MODEL if ours else str(model),
                    "threads": options.threads,
                    "precision": entrant.precision,
                    "warm_up": True,
                    "cases": [{"contexts": contexts, "settings": settings[entrant.tool]}],
                }
                result = in_process(
                    Path(sys.executable) if ours else python, f"{entrant.tool}_worker.py", job
                )
                rounds.setdefault((case, name), []).append(result | result["runs"][0])
                cpu = result["runs"][0]["cpu"]
                say(f"round {number}/{options.rounds}, {case}, {name}: {cpu:.1f} CPU-seconds")
    return rounds


def rows_of(rounds: dict[tuple[str, str], Runs], before: str) -> list[list[str]]:
    """Return the lines of the table: one per case and entrant, and the ratios to llmlingua."""
    counters = [load_counter(name) for name in ("cl100k_base", "o200k_base")]
    totals = [counter.count(before) for counter in counters]
    rows = []
    for (case, name), runs in rounds.items():
        after = [counter.count(runs[-1]["text"]) for counter in counters]
        asked = totals[0] * 0.5 if case.startswith("rate") else 200
        rows.append(
            [
                f"{case}: {name}",
                *(f"{_mid(runs, key):.2f}" for key in ("cpu", "wall")),
                f"{_mid(runs, 'peak_mb'):,.0f}",
                f"{_mid(runs, 'model_tokens'):,.0f}",
                *(f"{a:,} of {b:,}" for a, b in zip(after, totals, strict=True)),
                f"{after[0] / totals[0]:.1%} (asked {asked / totals[0]:.1%})",
                f"{_mid(runs, 'load_wall'):.1f}",
                f"{_mid(runs, 'first_wall'):.1f}",
            ]
        )
    return rows + [_ratios(rounds, case, pair) for case in CASES for pair in PAIRS]


PAIRS = (("tersely", "llmlingua"), ("tersely in float32", "llmlingua"))


def _ratios(rounds: dict[tuple[str, str], Runs], case: str, pair: tuple[str, str]) -> list[str]:
    ours, theirs = (rounds[case, name] for name in pair)

    def ratio(key: str) -> str:
        return f"{_mid(ours, key) / _mid(theirs, key):.0%}"

    keys = ("cpu", "wall", "peak_mb", "model_tokens")
    last = [ratio("load_wall"), ratio("first_wall")]
    return [f"**{case}: {pair[0]} / {pair[1]}**", *map(ratio, keys), "", "", "", *last]


def _mid(runs: Runs, key: str) -> float:
    return median(run[key] for run in runs)


HEADER = (
    "case",
    "CPU s",
    "wall s",
    "peak MB",
    "model tokens",
    "cl100k tokens",
    "o200k tokens",
    "realised rate",
    "load s",
    "first run s",
)

NOTES = """\
Medians of {rounds} rounds; the range of CPU-seconds over the rounds was at most {spread:.0%} of
its median. Every line is a fresh process that runs the case twice: the first run is reported
apart, the second one is measured. Peak is the whole process (VmHWM), loading included. Both
precisions are shown because tersely computes in bfloat16 where the processor has it, and
llmlingua on a CPU in float32. The realised rate is in cl100k, llmlingua's own accounting.
"""


def report(rounds: dict[tuple[str, str], Runs], before: str, options: argparse.Namespace) -> str:
    """Return the whole result as Markdown."""
    spread = max(
        (max(r["cpu"] for r in runs) - min(r["cpu"] for r in runs)) / _mid(runs, "cpu")
        for runs in rounds.values()
    )
    versions: dict[str, str] = {}
    for runs in rounds.values():
        versions |= runs[0]["versions"]
    return "\n".join(
        [
            "# tersely and llmlingua on the same prompt, with the same weights\n",
            circumstances(versions, options.threads),
            f"- Prompt: {options.prompt.name}, {len(demonstrations_of(before))} demonstrations\n",
            table(HEADER, rows_of(rounds, before)),
            "",
            NOTES.format(rounds=options.rounds, spread=spread),
        ]
    )


def main(options: argparse.Namespace) -> None:
    """Measure, print, and write if asked to."""
    text = read_text(options.prompt, "--prompt")
    contexts = demonstrations_of(text)
    python = reference_python(options.venv)
    with tempfile.TemporaryDirectory() as folder:
        model = export_model(Path(folder, MODEL))
        rounds = measure(contexts, python, model, options)
    result = report(rounds, "\n\n".join(contexts), options)
    print(result)
    if options.write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "vs_llmlingua.md").write_text(result, "utf-8")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt", type=Path, default=DATA / "prompts/gsm8k_prompt_hardest.txt")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--venv", type=Path, default=Path(".venv-llmlingua"))
    parser.add_argument("--write", action="store_true", help="write docs/results/vs_llmlingua.md")
    return parser.parse_args()


if __name__ == "__main__":
    main(arguments())
