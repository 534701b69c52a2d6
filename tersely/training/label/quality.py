"""Which pairs are good enough to learn from, and the labels they give.

Source: Pan et al. 2024 (LLMLingua-2), https://arxiv.org/abs/2403.12968, section 3.3: the share of
new words (variation rate) and the share of words that could not be aligned (alignment gap); the
worst tenth by each is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tersely.errors import SettingError
from tersely.training.label.pairs import Pair
from tersely.training.label.rows import LabelRow, word_bounds
from tersely.training.label.word_alignment import Alignment, align_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Which pairs are good enough to learn from.

    Attributes:
        drop_variation: This share of the pairs, those with the most new words, is dropped first.
        drop_gap: And then this share of the rest, those of whose words the most were not found.
    """

    drop_variation: float = 0.1
    drop_gap: float = 0.1

    def __post_init__(self) -> None:
        for name in ("drop_variation", "drop_gap"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(f"{name} is in [0, 1); got {getattr(self, name)}.")


@dataclass(frozen=True, slots=True)
class Control:
    """What quality control did.

    Attributes:
        pairs: How many there were.
        variation: Mean variation rate of all.
        gap: Mean alignment gap of all.
        by_variation: Dropped for their new words.
        by_gap: Dropped for words that were not found.
        kept_words: Share of the words of what is left that are kept.
    """

    pairs: int
    variation: float
    gap: float
    by_variation: int
    by_gap: int
    kept_words: float


def label_pairs(
    pairs: Iterable[Pair], quality: Quality | None = None
) -> tuple[list[LabelRow], Control]:
    """Return one row for each pair that is good enough: a word is worth 1 if it was kept, else 0.

    Raises:
        SettingError: There are no pairs, or their labels are all the same.
    """
    quality = quality or Quality()
    aligned = [
        (pair, align_words(pair.text, pair.compressed)) for pair in pairs if word_bounds(pair.text)
    ]
    if not aligned:
        raise SettingError("There are no pairs to label.")
    by_variation = _best(aligned, quality.drop_variation, lambda found: found.variation)
    best = _best(by_variation, quality.drop_gap, lambda found: found.gap)
    rows = [_row(pair, found) for pair, found in best]
    values = [value for row in rows for value in row.values]
    share = sum(values) / len(values)
    if share in (0.0, 1.0):
        kept = "no word" if share == 0 else "every word"
        raise SettingError(
            f"In all {len(rows)} pairs {kept} of the original was kept: there is nothing to learn"
            " from. Look at what the model answered."
        )
    control = Control(
        pairs=len(aligned),
        variation=sum(found.variation for _, found in aligned) / len(aligned),
        gap=sum(found.gap for _, found in aligned) / len(aligned),
        by_variation=len(aligned) - len(by_variation),
        by_gap=len(by_variation) - len(best),
        kept_words=share,
    )
    return rows, control


Aligned = tuple[Pair, Alignment]


def _best(
    pairs: Sequence[Aligned], share: float, of: Callable[[Alignment], float]
) -> list[Aligned]:
    """Return all but a share of the pairs, the worst, in their order; of equals the first stay."""
    order = sorted(range(len(pairs)), key=lambda at: of(pairs[at][1]))
    kept = sorted(order[: len(pairs) - int(share * len(pairs))])
    return [pairs[at] for at in kept]


def _row(pair: Pair, found: Alignment) -> LabelRow:
    return LabelRow(
        id=pair.id,
        group=pair.group,
        text=pair.text,
        words=word_bounds(pair.text),
        values=tuple(map(float, found.kept)),
        kind="pairs",
        lang=pair.lang,
    )
