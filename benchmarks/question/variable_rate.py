"""Questions of several kinds at one average rate: the same for all, one threshold, or top-p.

`python -m benchmarks.question.variable_rate` from the repository; `--shard i/n` runs one of
several processes. The data is not in the repository.

Each prompt is ranked once and its cuts are kept: what each costs, what it holds of the answer, and
whether the answer is there. The three rules only choose among them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

import tersely
from benchmarks.common import at_root, circumstances, commit, say
from benchmarks.question import report
from benchmarks.question.arms import outcome_of
from benchmarks.question.prompts import Case, Record, language_cases, multihop_cases, nq_cases
from benchmarks.question.run import TOKENIZER, arguments, drop_torn_line
from tersely.core.budget import Budget
from tersely.counting import load_counter
from tersely.counting.base import TokenCounter
from tersely.evaluation.metrics.answers import survives
from tersely.hard.base import RankingCompressor
from tersely.hard.cuts import Cuts, cuts_of

RATES = (0.05, 0.1, 0.2)
FLOORS = (0.5, 0.7, 0.8, 0.9, 0.95)
SIZES = {"nq20_rebuilt": 500, "hotpotqa500": 350, "xquad": 200}
"""How many questions of each data set; multi-hop ones less those answered by yes or no."""

NAMES = {"9": "nq20_rebuilt", "en": "xquad"}
"""Of cases whose group does not begin with it."""

PLACE = 9
"""Where the document that answers stands in nq20_rebuilt."""


def cases_of(data: Path, count: int | None, seed: int) -> list[Case]:
    """Return the questions, those of the sets in turn, so that any beginning has some of each."""
    sizes = {name: min(size, count or size) for name, size in SIZES.items()}
    sets = [
        nq_cases(data, (PLACE,), sizes["nq20_rebuilt"], seed, name="nq20_rebuilt"),
        multihop_cases(data, ("hotpotqa500",), sizes["hotpotqa500"], seed),
        [c for c in language_cases(data, "xquad", sizes["xquad"], seed) if c.group == "en"],
    ]
    placed = [((at + 0.5) / len(cases), case) for cases in sets for at, case in enumerate(cases)]
    in_turn = [case for _, case in sorted(placed, key=lambda pair: pair[0])]
    return [case for case in in_turn if survives(case.answers, case.text)]


def record_of(case: Case, method: RankingCompressor, counter: TokenCounter) -> Record:
    """Rank a case's prompt once; return its cuts, and what one rate for all leaves of it."""
    cuts = cuts_of(method, case.prompt, counter=counter)
    total = cuts.ranked.total_tokens
    limits = {rate: Budget(rate=rate).limit(total) for rate in RATES}
    least = counter.count(case.asked)  # a rate below the question's own keeps the question alone
    fixed = {rate: cuts.compress_to(max(limit, least)) for rate, limit in limits.items()}
    return {
        "case": case.id,
        "cluster": case.cluster,
        "set": NAMES.get(case.group, case.group.split()[0]),
        "total": total,
        "fixed": {
            f"{rate:g}": [made.tokens_after, survives(case.answers, outcome_of(made).text)]
            for rate, made in fixed.items()
        },
        "cuts": _rows(case, cuts, range(len(cuts.ends))),
        "hull": cuts.hull,
    }


def _rows(case: Case, cuts: Cuts, which: Sequence[int]) -> list[list[float | bool]]:
    """Return tokens, share and survival of each cut; all is there from where the answer is."""
    rows: list[list[float | bool]] = []
    there = False
    for cut in which:
        made = cuts.compress(cut)
        there = there or survives(case.answers, outcome_of(made).text)
        rows.append([made.tokens_after, round(float(cuts.shares[cut]), 6), there])
    return rows


Rule = Callable[[Record, float], int]
"""Which cut a setting chooses; a higher setting never an earlier one."""


def at_price(record: Record, price: float) -> int:
    """Return the last cut up to which a token buys 10 ** -price of the answer."""
    cuts = [cut for cut, slope in record["hull"][1:] if slope >= 10**-price]
    return cuts[-1] if cuts else min(1, len(record["cuts"]) - 1)


def at_share(record: Record, share: float) -> int:
    """Return the first cut that has the share."""
    cuts = range(1, len(record["cuts"]))
    return next((c for c in cuts if record["cuts"][c][1] >= share), len(record["cuts"]) - 1)


@dataclass(frozen=True)
class Outcome:
    """What a rule did: per question whether the answer survived, and the tokens kept."""

    name: str
    survived: dict[str, float]
    tokens: dict[str, int]


def chosen(name: str, records: Sequence[Record], rate: float) -> Outcome:
    """Set a rule to a mean rate on the workload itself, without the answers, and apply it."""
    total = sum(r["total"] for r in records)
    if name == "one rate":
        found = [r["fixed"][f"{rate:g}"] for r in records]
        return _outcome(name, records, [(tokens, there) for tokens, there in found])
    rule, high = (at_price, 20.0) if name == "one threshold" else (at_share, 1.0)
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        kept = sum(r["cuts"][rule(r, middle)][0] for r in records)
        low, high = (middle, high) if kept <= rate * total else (low, middle)
    rows = [r["cuts"][rule(r, low)] for r in records]
    return _outcome(f"{name} ({low:.3f})", records, [(row[0], row[2]) for row in rows])


def _outcome(name: str, records: Sequence[Record], found: Sequence[tuple[int, bool]]) -> Outcome:
    pairs = list(zip((r["cluster"] for r in records), found, strict=True))
    return Outcome(
        name,
        {cluster: 100 * float(there) for cluster, (_, there) in pairs},
        {cluster: tokens for cluster, (tokens, _) in pairs},
    )


def cells_of(records: Sequence[Record], rates: Sequence[float]) -> report.Cells:
    """Return one line per rate and rule."""
    totals = {r["cluster"]: r["total"] for r in records}
    lines = []
    for rate in rates:
        rules = [chosen(n, records, rate) for n in ("one rate", "one threshold", "top-p")]
        for rule in rules:
            own = [rule.tokens[c] / totals[c] for c in totals]
            low, middle, high = (f"{100 * r:.1f}" for r in np.percentile(own, [10, 50, 90]))
            first = rule is rules[0]
            lines.append(
                [
                    f"{rate:g}",
                    rule.name,
                    f"{len(records)}",
                    f"{100 * sum(rule.tokens.values()) / sum(totals.values()):.2f}",
                    f"{low} / {middle} / {high}",
                    report.estimate(np.array([*rule.survived.values()]), ".1f"),
                    "" if first else report.difference(rule.survived, rules[0].survived, ".1f"),
                ]
            )
    return lines


def reliability(records: Sequence[Record]) -> report.Cells:
    """Return one line per set and floor: how often the answer is there, and at what rate."""
    lines = []
    for name in sorted({record["set"] for record in records}):
        part = [record for record in records if record["set"] == name]
        for floor in FLOORS:
            rows = [r["cuts"][at_share(r, floor)] for r in part]
            lines.append(
                [
                    f"{floor:g}",
                    name,
                    f"{len(part)}",
                    report.estimate(np.array([100 * float(row[2]) for row in rows]), ".1f"),
                    f"{100 * sum(row[0] for row in rows) / sum(r['total'] for r in part):.1f}",
                ]
            )
    return lines


FLOOR_HEADER = ("floor", "questions of", "questions", "survived %", "realised %")
HEADER = ("rate", "rule", "questions", "realised %", "10 / 50 / 90 %", "survived %", "- one rate")
NOTES = """\
Data: nq20_rebuilt (the document that answers is the tenth of 20), hotpotqa500, and English XQuAD
(one paragraph among ten); the method is hybrid. Rates are kept tokens / tokens of the whole prompt,
the question included, in o200k_base; `realised` is of all prompts together, and beside it stand
percentiles of the single prompts'. One rate: each prompt to its own limit, the last sentence cut
where the limit is; where the question alone is longer than the limit, the question. One threshold
(the price of a token, as minus its decimal logarithm) and top-p (the share to reach) keep whole
sentences. They are set to the mean rate on these very prompts, without looking at the answers; in
use, the threshold comes from a sample (`tersely calibrate`). An answer survives if one of its
strings occurs in what is left of the documents; prompts without it are left out. Each section is a
workload of its own, set to the mean rate by itself. A quality floor is kept if `survived` is at
least the floor. Brackets:
bootstrap 95 % intervals over questions; differences are paired. No correction is made for the
number of comparisons.
"""


def read(folder: Path) -> list[Record]:
    """Return the records of all files of a folder, one per case."""
    files = sorted(folder.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_text("utf-8").split("\n")[:-1]]
    return [*{record["case"]: record for record in map(json.loads, lines)}.values()]


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Make the records that are not there yet."""
    done = {record["case"] for record in read(folder)}
    index, _, shards = options.shard.partition("/")
    cases = cases_of(options.data, options.cases, options.seed)[int(index) :: int(shards)]
    counter = load_counter(TOKENIZER)
    method = tersely.load("hybrid", threads=options.threads)
    assert isinstance(method, RankingCompressor)
    file = folder / f"{options.shard.replace('/', '-of-')}.jsonl"
    drop_torn_line(file)
    with file.open("a", encoding="utf-8") as out:
        for number, case in enumerate(cases, start=1):
            if case.id not in done:
                out.write(json.dumps(record_of(case, method, counter)) + "\n")
                out.flush()
            if not number % 50:
                say(f"{number}/{len(cases)}")


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and report."""
    folder = at_root(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    if not options.report:
        measure(options, folder)
    records = read(folder)
    sets = sorted({record["set"] for record in records})
    versions = {"tersely": f"{tersely.__version__} {commit()}", "openvino": version("openvino")}
    parts = [(f"Only {name}", [r for r in records if r["set"] == name]) for name in sets]
    text = "\n".join(
        [
            "# One rate, one threshold, or one share to reach\n",
            circumstances(versions, options.threads),
            "",
            *(
                report.section(title, HEADER, cells_of(part, options.rates))
                for title, part in [("All questions", records), *parts]
            ),
            report.section("Is a quality floor kept?", FLOOR_HEADER, reliability(records)),
            NOTES,
        ]
    )
    report.publish(text, "variable_rate", write=options.write)


if __name__ == "__main__":
    main(arguments(__doc__, name="variable_rate", arms=[], rates=RATES).parse_args())
