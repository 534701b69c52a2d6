"""Records -> Markdown tables with bootstrap intervals, and a curve where matplotlib is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import RESULTS, circumstances, say, table
from benchmarks.question.arms import ARMS, BASELINES, FULL, NONE, REFERENCE
from benchmarks.question.prompts import Record
from benchmarks.reader import Floats, interval

Measure = Callable[[Record], float | None]
Cells = list[list[str]]
RESAMPLES = 2000

NOTES = """\
Tokens are o200k_base. The limit is the same for every arm of a case and a rate: the question's
tokens plus the rate times the documents' tokens; `tokens` are the realised ones of the whole
compressed prompt, the mean over cases. `full` is the whole prompt and `none` the question alone.
An answer survives if one of its strings occurs in what is left of the documents, the question
excluded, after case, accents, punctuation and articles are dropped; cases whose documents do not
hold it to begin with are left out. Brackets: bootstrap 95 % intervals; cases of the same question
are averaged first, and questions are resampled (so a share of 0 or 100 % has no width). The best
baseline is the one of {baselines} with the highest mean in this very table, which favours it a
little; differences are paired, over the questions both arms have. No correction is made for the
number of comparisons. A failed case counts as not survived and is left out of everything else.
Of `a+b`, a leaves twice the limit for b. {reference}: the LongLLMLingua settings of its RAG
notebook, the same weights in float32; it is run once and, unless 95 % to 100 % of the room for
documents was used, once more with the rate corrected in proportion. If that does not get there
either, the try that is least too long is cut at its end, where its least relevant document stands;
if neither is too long, the longer one counts. CPU-seconds are those of this process and of
llmlingua's first run; its correction is counted apart. llmlingua computes in float32, its
own choice on a CPU; what our models compute in stands at the top.
"""


def survived(record: Record) -> float | None:
    """Return 1.0 or 0.0; None where the answer was not there to begin with."""
    return float(record.get("survived", False)) if record["answerable"] else None


def number(name: str) -> Measure:
    """Return a measure that reads one number of a record; None where it is not there."""

    def measure(record: Record) -> float | None:
        value = record.get(name)
        return None if value is None else float(value)

    return measure


def clustered(records: Sequence[Record], measure: Measure) -> dict[str, float]:
    """Return the mean of a measure per question."""
    found = defaultdict(list)
    for record in records:
        value = measure(record)
        if value is not None:
            found[record["cluster"]].append(value)
    return {cluster: float(np.mean(values)) for cluster, values in found.items()}


def by_arm(records: Sequence[Record]) -> dict[tuple[float, str], list[Record]]:
    """Return the records of each rate and arm: highest rate first, arms in their usual order."""
    found: dict[tuple[float, str], list[Record]] = defaultdict(list)
    for record in records:
        found[record["rate"], record["arm"]].append(record)
    place = list(ARMS)
    return dict(sorted(found.items(), key=lambda item: (-item[0][0], place.index(item[0][1]))))


def estimate(values: Floats, form: str) -> str:
    """Return the mean of (M,) values with its interval, such as "61.0 [55.2, 66.8]"."""
    if len(values) < 2:
        return f"{values[0]:{form}}" if len(values) else ""
    mean, low, high = interval(values)
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def difference(ours: dict[str, float], theirs: dict[str, float], form: str) -> str:
    """Return the mean paired difference with its interval, over the questions both have."""
    common = [cluster for cluster in ours if cluster in theirs]
    return estimate(np.array([ours[c] - theirs[c] for c in common]), f"+{form}")


def best_of(arms: Sequence[str], found: dict[str, dict[str, float]]) -> str:
    """Return the arm with the highest mean; "" if there is none of them."""
    there = [arm for arm in arms if found.get(arm)]
    return max(there, key=lambda arm: np.mean([*found[arm].values()]), default="")


def by_rate(records: Sequence[Record], measure: Measure = survived, scale: float = 100) -> Cells:
    """Return one line per rate and arm: tokens, the measure, and what it is beside others."""
    groups = by_arm(records)
    lines = []
    for (rate, arm), mine in groups.items():
        found = {
            other: {c: scale * v for c, v in clustered(theirs, measure).items()}
            for (at, other), theirs in groups.items()
            if at == rate
        }
        best = best_of(BASELINES, found)
        tokens = [r["tokens"] for r in mine if "error" not in r]
        values = np.array([*found[arm].values()])
        lines.append(
            [
                f"{rate:g}",
                arm,
                f"{sum(measure(r) is not None for r in mine)}",
                f"{sum('error' in r for r in mine)}",
                f"{np.mean(tokens):.0f}" if tokens else "",
                estimate(values, ".1f"),
                _beside(found, arm, best, ".1f") + (f" {best}" if arm not in (best, "") else ""),
                _beside(found, arm, REFERENCE, ".1f"),
            ]
        )
    return lines


def _beside(found: dict[str, dict[str, float]], arm: str, other: str, form: str) -> str:
    if other in ("", arm) or other not in found:
        return ""
    return difference(found[arm], found[other], form)


def by_group(
    records: Sequence[Record],
    groups: Sequence[str],
    measure: Measure = survived,
    *,
    spread: bool = False,
) -> Cells:
    """Return one line per rate and arm: the measure in each group, in %, and perhaps its spread."""
    lines = []
    for (rate, arm), mine in by_arm(records).items():
        columns = [clustered([r for r in mine if r["group"] == g], measure) for g in groups]
        cells = [f"{100 * np.mean([*c.values()]):.1f}" if c else "" for c in columns]
        lines.append([f"{rate:g}", arm, *cells, *([_spread(columns)] if spread else [])])
    return lines


def _spread(columns: Sequence[dict[str, float]]) -> str:
    """Return highest less lowest group, in points, with its interval; questions are resampled."""
    common = set.intersection(*(set(column) for column in columns)) if columns else set()
    if len(common) < 2:
        return ""
    values = 100 * np.array([[column[c] for c in sorted(common)] for column in columns])  # (G, M)
    draws = np.random.default_rng(0).integers(len(common), size=(RESAMPLES, len(common)))
    low, high = np.percentile([np.ptp(values[:, draw].mean(axis=1)) for draw in draws], [2.5, 97.5])
    return f"{np.ptp(values.mean(axis=1)):.1f} [{low:.1f}, {high:.1f}]"


def reading(records: Sequence[Record]) -> Cells:
    """Return one line per rate and arm: nats of the answer, and less those of other prompts."""
    groups = by_arm(records)
    found = {key: clustered(mine, number("nats")) for key, mine in groups.items()}
    lines = []
    for (rate, arm), nats in found.items():
        others = [(0.0, NONE), (1.0, FULL), (rate, REFERENCE)]
        cells = [
            difference(nats, found[other], ".3f") if other in found and arm != other[1] else ""
            for other in others
        ]
        lines.append([f"{rate:g}", arm, estimate(np.array([*nats.values()]), ".3f"), *cells])
    return lines


def costs(records: Sequence[Record]) -> Cells:
    """Return one line per rate and arm: what a prompt cost, and as a share of llmlingua's cost.

    Records made by a model that remembered have no cost, and are left out.
    """
    groups = by_arm([record for record in records if "cpu_seconds" in record])
    lines = []
    for (rate, arm), mine in groups.items():
        cpu = {r["case"]: r["cpu_seconds"] for r in mine}
        theirs = {r["case"]: r["cpu_seconds"] for r in groups.get((rate, REFERENCE), [])}
        common = [case for case in cpu if case in theirs]
        ratio = sum(cpu[c] for c in common) / sum(theirs[c] for c in common) if common else None
        correction = [r.get("calibration_cpu", 0.0) for r in mine]
        lines.append(
            [
                f"{rate:g}",
                arm,
                f"{np.mean([r['model_tokens'] for r in mine]):,.0f}",
                f"{np.mean([r['model_tokens'] / r['whole'] for r in mine]):.2f}",
                f"{np.mean([*cpu.values()]):.2f}",
                f"{np.median([*cpu.values()]):.2f}",
                f"{np.mean([r['seconds'] for r in mine]):.2f}",
                "" if ratio is None else f"{ratio:.1%}",
                f"{np.mean(correction):.2f}" if any(correction) else "",
                f"{np.mean([r.get('cut', False) for r in mine]):.0%}" if any(correction) else "",
                f"{max(r['peak_mb'] for r in mine):,.0f}",
            ]
        )
    return lines


RATE_HEADER = (
    "rate",
    "arm",
    "cases",
    "failed",
    "tokens",
    "survived %",
    "- best baseline",
    f"- {REFERENCE}",
)
READING_HEADER = ("rate", "arm", "nats", f"- {NONE}", f"- {FULL}", f"- {REFERENCE}")
COST_HEADER = (
    "rate",
    "arm",
    "model tokens",
    "per prompt token",
    "CPU s, mean",
    "CPU s, median",
    "wall s",
    f"CPU / {REFERENCE}",
    "correction CPU s",
    "cut",
    "peak MB",
)


def section(title: str, header: Sequence[str], cells: Cells) -> str:
    """Return one table under its heading, the names to the left."""
    lines = table(header, cells).split("\n")
    lines[1] = "| ---: | --- |" + " ---: |" * (len(header) - 2)
    return "\n".join([f"## {title}\n", *lines, ""])


def document(
    title: str, records: Sequence[Record], sections: Sequence[str], threads: int, notes: str = ""
) -> str:
    """Return the whole report: how it was made, the tables, and how to read them."""
    days = sorted({record["day"] for record in records})
    versions: dict[str, set[str]] = defaultdict(set)
    for record in records:
        for name, value in record["versions"].items():
            versions[name].add(value)
    texts = {name: " and ".join(sorted(values)) for name, values in sorted(versions.items())}
    failures = sorted({r["arm"] + ": " + r["error"][:120] for r in records if "error" in r})
    return "\n".join(
        [
            f"# {title}\n",
            circumstances(texts, threads),
            f"- Measured: {days[0]} to {days[-1]}; {len(records):,} records" if days else "",
            *(f"- Failure: {failure}" for failure in failures[:10]),
            "",
            *sections,
            NOTES.format(baselines=", ".join(BASELINES), reference=REFERENCE),
            notes,
        ]
    )


def publish(text: str, name: str, *, write: bool) -> None:
    """Print a report, and write it if asked to."""
    print(text)
    if write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"question_{name}.md").write_text(text.rstrip() + "\n", "utf-8")


def draw(records: Sequence[Record], place: Path, measure: Measure = survived) -> None:
    """Draw survival over tokens to a PNG; without matplotlib, say so."""
    try:
        import matplotlib as mpl
    except ImportError:
        say("no curve is drawn: matplotlib is not installed (pip install matplotlib)")
        return
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (_, arm), mine in by_arm(records).items():
        values = [*clustered(mine, measure).values()]
        shares = [r["tokens"] / r["whole"] for r in mine if "error" not in r]
        if values and shares and arm not in (FULL, NONE):
            curves[arm].append((float(np.mean(shares)), 100 * float(np.mean(values))))
    figure, axes = plt.subplots(figsize=(9, 6))
    for arm, points in curves.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=arm)
    axes.set(xlabel="tokens kept / tokens", ylabel="answers that survive, %", ylim=(0, 101))
    axes.legend(fontsize="small")
    figure.savefig(place, dpi=150, bbox_inches="tight")
    say(f"drawn: {place.name}")
