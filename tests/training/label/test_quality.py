"""Quality control: the worst tenth by new words goes, then the worst tenth by what is not found."""

import pytest

from tersely.errors import SettingError
from tersely.training.label.pairs import Pair
from tersely.training.label.quality import Quality, label_pairs

TEXT = "the old committee met on a cold Monday and then voted again"


def pair(number, compressed, text=TEXT):
    return Pair(id=str(number), group="g", text=text, compressed=compressed)


GOOD = [pair(number, "committee met Monday voted") for number in range(18)]
NEW = [pair("new-1", "committee debated purple"), pair("new-2", "committee met Sunday")]


def test_a_word_that_was_kept_is_worth_1():
    rows, _ = label_pairs(GOOD, Quality(drop_variation=0, drop_gap=0))
    words = [
        rows[0].text[a:b] for (a, b), v in zip(rows[0].words, rows[0].values, strict=True) if v
    ]
    assert words == ["committee", "met", "Monday", "voted"]
    assert (rows[0].kind, rows[0].question) == ("pairs", "")


def test_pairs_with_the_most_new_words_are_dropped_first():
    rows, control = label_pairs([*NEW, *GOOD], Quality(drop_gap=0))
    assert (control.pairs, control.by_variation, control.by_gap) == (20, 2, 0)
    assert not {row.id for row in rows} & {"new-1", "new-2"}


def test_then_those_whose_words_are_not_found():
    lost = pair("lost", "Monday Monday Monday Monday")
    rows, control = label_pairs([lost, *GOOD], Quality(drop_variation=0))
    assert (control.by_variation, control.by_gap) == (0, 1)
    assert "lost" not in {row.id for row in rows}


def test_both_numbers_are_the_means_of_all_pairs():
    _, control = label_pairs([pair(1, "committee debated"), pair(2, "committee met")])
    assert control.variation == pytest.approx(0.25)
    assert control.gap == 0
    assert control.kept_words == pytest.approx(3 / 24)


def test_what_is_left_stays_in_its_order():
    rows, _ = label_pairs([*GOOD[:9], *NEW, *GOOD[9:]])
    assert [row.id for row in rows] == sorted((row.id for row in rows), key=int)


@pytest.mark.parametrize(
    ("compressed", "said"), [(TEXT, "every word of the original"), ("zzz", "no word of the")]
)
def test_labels_of_one_class_are_an_error(compressed, said):
    with pytest.raises(SettingError, match=f"In all 2 pairs {said}.* was kept"):
        label_pairs([pair(1, compressed), pair(2, compressed)])


@pytest.mark.parametrize("pairs", [[], [pair(1, "a", text=" ")]])
def test_no_pair_is_an_error(pairs):
    with pytest.raises(SettingError, match="There are no pairs to label"):
        label_pairs(pairs)


@pytest.mark.parametrize("name", ["drop_variation", "drop_gap"])
@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(name, share):
    with pytest.raises(SettingError, match=rf"{name} is in \[0, 1\)"):
        Quality(**{name: share})
