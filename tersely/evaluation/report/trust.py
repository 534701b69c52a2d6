"""Track 6: whether it keeps what it promises, and what it drops that turns an answer over."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from tersely.evaluation.arms import ENDS
from tersely.evaluation.records import Record
from tersely.evaluation.report.corpus import NOBODY, Corpus, Point, role_of
from tersely.evaluation.report.score import FORMULA, quadratic_mean
from tersely.evaluation.report.table import Cell, Column, Section, Table, row_of

UNEQUAL = 0.03
"""By which share mean tokens may differ from the mean limit before an arm is marked."""

LONGEST_ERROR = 140
FIXED = (
    Column(name="rate", title="rate", form="g"),
    Column(name="arm", title="arm"),
    Column(name="prompts", title="prompts", form=",d"),
    Column(name="failed", title="failed", form=",d"),
    Column(name="over", title="over the limit", form=",d"),
    Column(name="unscorable", title="unscorable", form=",d"),
    Column(name="use", title="limit used %", form=".1f", scale=100),
    Column(name="unequal", title="unequal tokens"),
    Column(name="done", title="not failed", form=".3f", heat=True),
    Column(name="within", title="within limit", form=".3f", heat=True),
)
ERROR_COLUMNS = (
    Column(name="arm", title="arm"),
    Column(name="reader", title="reader"),
    Column(name="count", title="times", form=",d"),
    Column(name="error", title="what went wrong"),
)


def trust(corpus: Corpus) -> Section:
    """Return the track."""
    classes = [*dict.fromkeys(name for r in corpus.records for name in r.kept)]
    columns = (
        *FIXED,
        *(Column(name=name, title=name, form=".3f", heat=True) for name in classes),
        Column(name="score", title="score", form=".3f"),
    )
    rows = tuple(row_of(columns, _cells(corpus, point, classes)) for point in corpus.points)
    notes = (
        "Counts are of records: a prompt that two readers read counts twice. Unscorable: not"
        " failed, yet without the main measure of its task. Limit used: the mean of tokens / limit."
        " Marked as unequal: an arm whose mean tokens differ from its mean limit by more than 3 %;"
        " what it is compared with had other room.",
        _kept_note(classes),
        FORMULA,
    )
    promises = Table(
        name="promises", title="Promises kept", columns=columns, rows=rows, notes=notes
    )
    parts = [promises]
    if classes:
        parts.append(_relative(corpus, classes))
    if any(record.error for record in corpus.records):
        parts.append(_errors(corpus))
    return Section(
        name="trust",
        title="6 Trust",
        texts=('Failures, limits, and what an answer can hang on: a number, a name, a "not".',),
        parts=tuple(parts),
    )


def _kept_note(classes: Sequence[str]) -> str:
    if not classes:
        return "What is kept of numbers, negations and names was not recorded."
    return (
        f"{', '.join(classes)}: the mean share of their occurrences in the contexts that is still"
        " there; prompts without any, and failures, are left out."
    )


def _cells(corpus: Corpus, point: Point, classes: Sequence[str]) -> dict[str, Cell]:
    records = corpus.all_at(point)
    made = [record for record in records if not record.error]
    over = sum(record.tokens > record.limit_tokens for record in made)
    main = {case: corpus.main_measure(case) for case, _ in corpus.over_cases(point)}
    unscorable = sum(
        not record.error and bool(main[case]) and math.isnan(record.score(main[case]))
        for case, same in corpus.over_cases(point)
        for record in same
    )
    shares = {name: kept_share(corpus, point, name) for name in classes}
    done, within = len(made) / len(records), 1 - over / len(made) if made else math.nan
    return {
        "rate": point[1],
        "arm": point[0],
        "prompts": len(records),
        "failed": len(records) - len(made),
        "over": over,
        "unscorable": unscorable,
        "use": _use(made),
        "unequal": unequal(point[0], made),
        "done": done,
        "within": within,
        **shares,
        "score": quadratic_mean([done, within, *shares.values()]),
    }


def kept_share(corpus: Corpus, point: Point, name: str) -> float:
    """Return the mean share of a class that an arm kept; NaN where no prompt has any."""
    found = [
        share
        for record in corpus.compressed_at(point)
        if not record.error and (share := record.kept.get(name)) is not None
    ]
    return math.fsum(found) / len(found) if found else math.nan


def _use(made: Sequence[Record]) -> float:
    used = [record.tokens / record.limit_tokens for record in made if record.limit_tokens]
    return math.fsum(used) / len(used) if used else math.nan


def unequal(arm: str, made: Sequence[Record]) -> str:
    """Return by how much an arm's mean tokens differ from its mean limit, if that is too much."""
    limit = sum(record.limit_tokens for record in made)
    if arm in ENDS or not limit:
        return ""
    difference = sum(record.tokens for record in made) / limit - 1
    return f"{difference:+.1%}" if abs(difference) > UNEQUAL else ""


def _relative(corpus: Corpus, classes: Sequence[str]) -> Table:
    """What is kept of each class, as a multiple of what is kept of all tokens."""
    columns = (
        Column(name="rate", title="rate", form="g"),
        Column(name="arm", title="arm"),
        Column(name="kept", title="tokens kept %", form=".1f", scale=100),
        *(Column(name=name, title=f"{name} / tokens", form=".2f") for name in classes),
    )
    rows: list[tuple[Cell, ...]] = []
    for point in corpus.points:
        made = [record for record in corpus.compressed_at(point) if not record.error]
        if role_of(point[0]) == "reference" and point[0] in ENDS:
            continue
        rate = math.fsum(r.realised_rate for r in made) / len(made) if made else math.nan
        shares = [kept_share(corpus, point, name) for name in classes]
        cells = [share / rate if rate > 0 else math.nan for share in shares]
        rows.append((point[1], point[0], rate, *cells))
    return Table(
        name="relative",
        title="Kept beside all tokens",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "1.00: kept as often as any token. Below 1 the arm drops them rather than others: look"
            " out for it with negations.",
        ),
        folded=True,
    )


def _errors(corpus: Corpus) -> Table:
    counts = Counter(
        (record.arm, record.reader or NOBODY, record.error[:LONGEST_ERROR])
        for record in corpus.records
        if record.error
    )
    rows = tuple(
        (arm, reader, count, error) for (arm, reader, error), count in counts.most_common(40)
    )
    return Table(
        name="errors",
        title="What went wrong",
        columns=ERROR_COLUMNS,
        rows=rows,
        notes=(
            "A failure counts as 0 in every measure that is a share; nats have no worst value, and"
            " there it is left out and counted.",
        ),
    )
