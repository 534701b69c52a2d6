"""One rate for every prompt, or one threshold for all of them, at the same average rate.

`python -m benchmarks.question.rates` from the repository. Sentences are valued once per question;
then three rules say how many of them each question gets: the same share, all above one threshold,
or the best ones up to a share p of all that is worth something. Threshold and p are set on half of
the questions, without their answers, and what they do is measured on the other half.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common import at_root, circumstances, say
from benchmarks.question import report
from benchmarks.question.answers import sentences, survives
from benchmarks.question.arms import Tools
from benchmarks.question.prompts import (
    Case,
    language_cases,
    multihop_cases,
    nq_cases,
    number_of,
)
from benchmarks.question.run import TOKENIZER, arguments
from tersely.backends.base import Floats
from tersely.core.select import Count
from tersely.counting import load_counter
from tersely.scorers.base import Scorer

RATES = (0.05, 0.1, 0.2)
SCORERS = ("bm25", "minilm")
SOFTNESS = {"bm25": 4.0, "minilm": 0.05}
"""What values are divided by before the softmax whose mass `top-p` adds up."""

STEPS = 40
"""Halvings of the interval in which a threshold or p is sought."""


@dataclass(frozen=True)
class Valued:
    """One question's sentences, best first.

    Attributes:
        cluster: The question.
        values: (S,), falling.
        tokens: (S,), tokens of each.
        holds: (S,), whether the answer stands in it.
        mass: (S,), shares that add up to 1.
    """

    cluster: str
    values: Floats
    tokens: npt.NDArray[np.int64]
    holds: npt.NDArray[np.bool_]
    mass: Floats

    def rate(self, kept: int) -> float:
        """Return the share of the tokens that the best `kept` sentences have."""
        return float(self.tokens[:kept].sum() / self.tokens.sum())


Rule = Callable[[Valued, float], int]
"""How many sentences of a question a setting keeps; never less for a higher setting."""


def fixed(question: Valued, rate: float) -> int:
    """Keep the best sentences that together fit a share of the tokens."""
    return int((np.cumsum(question.tokens) <= rate * question.tokens.sum()).sum())


def threshold(question: Valued, setting: float) -> int:
    """Keep what is worth at least minus the setting."""
    return int((question.values >= -setting).sum())


def top_p(question: Valued, p: float) -> int:
    """Keep the fewest of the best that have a share p of all mass."""
    return int(np.searchsorted(np.cumsum(question.mass), p)) + 1 if p > 0 else 0


def matched(rule: Rule, questions: Sequence[Valued], rate: float, low: float, high: float) -> float:
    """Return the highest setting in [low, high] whose average rate is at most `rate`."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        mean = np.mean([q.rate(min(rule(q, middle), len(q.values))) for q in questions])
        low, high = (middle, high) if mean <= rate else (low, middle)
    return low


def valued(case: Case, scorer: Scorer, softness: float, count: Count) -> Valued | None:
    """Value a case's sentences; None if no single one of them holds the answer."""
    texts = [sentence for document in case.documents for sentence in sentences(document)]
    holds = np.array([survives(case.answers, text) for text in texts])
    if not holds.any():
        return None
    values = scorer.score(case.question, texts)
    order = np.argsort(-values, kind="stable")
    weights = np.exp((values[order] - values.max()) / softness)
    tokens = np.array([count(text) for text in texts])
    return Valued(case.cluster, values[order], tokens[order], holds[order], weights / weights.sum())


def outcomes(
    questions: Sequence[Valued], rate: float, seed: int
) -> dict[str, tuple[Floats, Floats]]:
    """Return, per rule, whether each question of the second half keeps its answer, and its rate."""
    known = [q for q in questions if number_of(seed, q.cluster) % 2]
    asked = [q for q in questions if not number_of(seed, q.cluster) % 2]
    values = np.concatenate([q.values for q in known])
    rules: dict[str, tuple[Rule, float, float]] = {
        "fixed": (fixed, 0.0, 1.0),
        "threshold": (threshold, -float(values.max()) - 1, -float(values.min())),
        "top-p": (top_p, 0.0, 1.0),
    }
    made = {}
    for name, (rule, low, high) in rules.items():
        setting = matched(rule, known, rate, low, high)
        kept = [min(rule(q, setting), len(q.values)) for q in asked]
        pairs = list(zip(asked, kept, strict=True))
        made[name] = (
            np.array([float(q.holds[:k].any()) for q, k in pairs]),
            np.array([q.rate(k) for q, k in pairs]),
        )
    return made


def cases_of(data: Path, count: int | None, seed: int) -> list[Case]:
    """Return the questions of three sets."""
    return [
        *nq_cases(data, (9,), count, seed, name="nq20_rebuilt"),
        *multihop_cases(data, ("hotpotqa500",), count, seed),
        *(c for c in language_cases(data, "xquad", count, seed) if c.group == "en"),
    ]


def main(options: argparse.Namespace) -> None:
    """Value, allot, and report."""
    count = load_counter(TOKENIZER).count
    tools = Tools(
        counter=load_counter(TOKENIZER),
        threads=options.threads,
        precision=options.precision,
        seed=options.seed,
        venv=options.venv,
    )
    cases = cases_of(options.data, options.cases, options.seed)
    cells = []
    for name in SCORERS:
        scorer: Scorer = getattr(tools, name)
        found = []
        for number, case in enumerate(cases, start=1):
            found.append(valued(case, scorer, SOFTNESS[name], count))
            if not number % 100:
                say(f"{name}: {number}/{len(cases)}")
        questions = [question for question in found if question]
        for rate in options.rates:
            made = outcomes(questions, rate, options.seed)
            for rule, (kept, rates) in made.items():
                beside = report.estimate(100 * (kept - made["fixed"][0]), "+.1f")
                low, middle, high = (f"{100 * r:.1f}" for r in np.percentile(rates, [10, 50, 90]))
                cells.append(
                    [
                        f"{rate:g}",
                        f"{name} {rule}",
                        f"{len(kept)}",
                        f"{100 * rates.mean():.2f}",
                        f"{low} / {middle} / {high}",
                        report.estimate(100 * kept, ".1f"),
                        "" if rule == "fixed" else beside,
                    ]
                )
    text = "\n".join(
        [
            "# One rate, or one threshold\n",
            circumstances({}, options.threads),
            "",
            report.section("What survives at the same average rate", HEADER, cells),
            NOTES,
        ]
    )
    report.publish(text, "rates", write=options.write)
    say(f"records are not kept: {at_root(options.out).name} values sentences afresh each time")


HEADER = (
    "rate",
    "rule",
    "questions",
    "rate used %",
    "10 / 50 / 90 % of questions used",
    "survived %",
    "- fixed",
)
NOTES = """\
Data: nq20_rebuilt, hotpotqa500 and English XQuAD (the paragraph among nine others); questions no
single sentence of whose documents holds the answer are left out. Whole sentences are kept, best
first, never a part of one, and an answer survives if one of them holds it; the rate is of the
documents' tokens. All three rules are set to the average rate on one half of the questions and
measured on the other: the realised average stands beside, and can differ. Brackets: bootstrap 95 %
intervals; differences are paired.
"""


if __name__ == "__main__":
    main(arguments(__doc__, name="rates", arms=[], rates=RATES).parse_args())
