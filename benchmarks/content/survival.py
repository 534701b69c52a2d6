"""Which literals survive in JSON, tool schemas, logs and tool outputs, at equal limits?

`python -m benchmarks.content.survival` from the repository; it resumes. The data is not in the
repository. `+text` arms treat every text as prose, as peers do; the others find out what it is.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

import tersely
from benchmarks.common import DATA, MODEL, RESULTS, at_root, circumstances, commit, say, table
from benchmarks.content.cases import Case, read_cases
from benchmarks.content.literals import is_json, shares
from benchmarks.reader import interval
from tersely.backends.load import load_causal, load_encoder
from tersely.hard.base import HardCompressor

RATES = (0.5, 0.25)
METHODS = ("truncate", "random_drop", "llmlingua", "hybrid")
COLUMNS = ("numbers", "identifiers", "paths", "error lines", "needed later")
Key = tuple[str, str, float]

NOTES = """\
Tokens are o200k_base; every arm has the same limit, and one that cannot meet it has failed: its
literals count as lost. A literal survives if it stands in what is left, notes included, and not as
part of a longer one. *needed later*: literals that a tool's output brought into a conversation and
that the agent used afterwards; for tool schemas the names in the call that answers the question.
*valid*: the share of results that still parse, of inputs that are JSON. `hybrid` gets the user's
last message as its question and runs only where there is one. Means over texts that have literals
of the kind; brackets: bootstrap 95 % intervals over texts.
"""


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    file = at_root(options.out)
    file.parent.mkdir(parents=True, exist_ok=True)
    done = read_lines(file)
    if not options.report:
        cases = read_cases(at_root(options.data), options.cases, options.seed)
        work = [w for w in work_of(cases, options.methods) if (w[0].id, w[1], w[2]) not in done]
        methods = load_methods(options.methods) if work else {}
        with file.open("a", encoding="utf-8") as out:
            for case, arm, rate in track(work, description="compressing"):
                record = measure(case, arm, rate, methods[arm.removesuffix("+text")])
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
                out.flush()
        done = read_lines(file)
    publish(list(done.values()), write=options.write)


def read_lines(file: Path) -> dict[Key, dict[str, Any]]:
    """Return the records of a file; a last line without its end is left out."""
    if not file.exists():
        return {}
    rows = [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]]
    return {(row["case"], row["arm"], row["rate"]): row for row in rows}


def work_of(cases: list[Case], methods: list[str]) -> list[tuple[Case, str, float]]:
    """Return every case with every arm and rate that it has."""
    return [
        (case, arm, rate)
        for case in cases
        for name in methods
        if case.question or name != "hybrid"
        for arm in (name, f"{name}+text")
        for rate in RATES
    ]


def load_methods(names: list[str]) -> dict[str, HardCompressor]:
    """Return the methods, with their models loaded once."""
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    if "llmlingua" in names:
        parts["llmlingua"]["model"] = load_causal(MODEL, threads=1)
    if "hybrid" in names:
        parts["hybrid"]["encoder"] = load_encoder(threads=1)
    return {name: tersely.load(name, **parts[name]) for name in names}


def measure(case: Case, arm: str, rate: float, method: HardCompressor) -> dict[str, Any]:
    """Return what one arm leaves of a case."""
    made = {"case": case.id, "group": case.group, "arm": arm, "rate": rate, "commit": commit()}
    made["wanted"] = [kind for kind, some in case.wanted.items() if some]
    content = "text" if arm.endswith("+text") else "auto"
    settings: dict[str, Any] = {"method": method, "rate": rate, "content": content}
    whole = tersely.load_counter("o200k_base").count(case.text)
    try:  # the same limit for all: the question costs nothing
        if case.question:
            prompt = tersely.Prompt.of(case.text, question=case.question)
            total = tersely.load_counter("o200k_base").count(prompt.text)
            settings["tokens"] = total - whole + max(1, int(whole * rate))
            del settings["rate"]
            result = tersely.compress(case.text, question=case.question, **settings)
        else:
            result = tersely.compress(case.text, **settings)
    except tersely.Error as error:
        return made | {"error": f"{type(error).__name__}: {error}"}
    left = result.texts[0]
    made["tokens"] = tersely.load_counter("o200k_base").count(left) / whole
    made["shares"] = shares(case.wanted, left)
    if case.valid:
        made["valid"] = is_json(left)
    made["seconds"] = round(result.seconds, 3)
    return made


def publish(records: list[dict[str, Any]], *, write: bool) -> None:
    """Print the tables, and write them."""
    sections = []
    for group in dict.fromkeys(record["group"] for record in records):
        rows = [record for record in records if record["group"] == group]
        columns = [c for c in COLUMNS if any(c in record["wanted"] for record in rows)]
        if any("valid" in record for record in rows) and "error lines" in columns:
            columns.remove("error lines")  # minified JSON has no lines
        header = ("rate", "arm", "texts", "failed", "tokens left %", "valid %", *columns)
        lines = [
            _line([r for r in rows if (r["rate"], r["arm"]) == key], key, columns)
            for key in sorted({(r["rate"], r["arm"]) for r in rows}, key=lambda k: (-k[0], k[1]))
        ]
        sections.append(f"## {group}\n\n{table(header, lines)}")
    commits = " and ".join(sorted({record["commit"] for record in records}))
    head = circumstances({"tersely": f"{tersely.__version__} {commits}"}, 1)
    text = "\n\n".join(
        ["# Literals in inputs that are not prose", head, "Shares in %.", *sections, NOTES]
    )
    say(text)
    if write:
        (RESULTS / "content_literals.md").write_text(text, "utf-8")


def _line(rows: list[dict[str, Any]], key: tuple[float, str], columns: list[str]) -> list[str]:
    fine = [row for row in rows if "error" not in row]
    valid = [row["valid"] for row in fine if "valid" in row]

    def column(kind: str) -> Callable[[dict[str, Any]], float]:
        return lambda row: row.get("shares", {}).get(kind, 0.0)

    cells = [
        _estimate([column(kind)(row) for row in rows if kind in row["wanted"]]) for kind in columns
    ]
    return [
        f"{key[0]:g}",
        key[1],
        str(len(rows)),
        str(len(rows) - len(fine)),
        f"{100 * np.mean([row['tokens'] for row in fine]):.1f}" if fine else "",
        f"{100 * np.mean(valid):.0f}" if valid else "",
        *cells,
    ]


def _estimate(values: list[float]) -> str:
    if len(values) < 2:
        return ""
    mean, low, high = interval(100 * np.array(values))
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.content.survival")
    parser.add_argument("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    parser.add_argument("--out", type=Path, default=Path("build/content/survival.jsonl"))
    parser.add_argument("--cases", type=int, default=60, help="per data set")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="only print what the records say")
    parser.add_argument("--write", action="store_true", help="write docs/results")
    main(parser.parse_args())
