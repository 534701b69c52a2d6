"""Settings of methods: plain values of the wrong kind are refused before a method is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from tersely._registry import PRODUCERS, producer_class
from tersely._settings import check_settings, settings_of
from tersely.errors import SettingError
from tersely.soft.base import load_producer

if TYPE_CHECKING:
    from nowhere import Something


@dataclass(frozen=True)
class Method:
    count: int = 1
    share: float = 0.5
    exact: bool = False
    word: str = ""
    place: str | Path | None = None
    most: int | None = None
    side: Literal["head", "tail"] = "head"
    other: "list[int] | int" = 0


@dataclass(frozen=True)
class PlugIn:
    count: int = 1
    other: "Something" = None


FITS = [
    {"count": 3}, {"count": np.int64(3)}, {"share": 1}, {"share": np.float32(0.5)},
    {"share": float("inf")}, {"exact": True}, {"word": ""}, {"place": Path()}, {"place": None},
    {"most": None}, {"side": 5}, {"other": "left to the method"}, {},
]  # fmt: skip


@pytest.mark.parametrize("given", FITS)
def test_what_fits_is_taken(given):
    check_settings("method", Method, given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": 2.5}, "count of method is a whole number; got 2.5"),
        ({"count": True}, "count of method is a whole number; got True"),
        ({"share": "much"}, "share of method is a number; got 'much'"),
        ({"share": float("nan")}, "share of method is a number; got nan"),
        ({"exact": "maybe"}, "exact of method is True or False; got 'maybe'"),
        ({"exact": 1}, "exact of method is True or False; got 1"),
        ({"word": 5}, "word of method is text; got 5"),
        ({"place": 5}, "place of method is text or a path or None; got 5"),
        ({"most": "all"}, "most of method is a whole number or None; got 'all'"),
        ({"cuont": 3}, "method has no setting 'cuont'. It has: count, exact, .*word"),
    ],
)
def test_what_does_not_is_refused(given, said):
    with pytest.raises(SettingError, match=said):
        check_settings("method", Method, given)


def test_types_that_cannot_be_told_are_left_to_the_method():
    check_settings("plug-in", PlugIn, {"count": "many"})


@pytest.mark.parametrize("name", PRODUCERS)
def test_no_plain_setting_of_a_producer_takes_everything(name):
    for key in settings_of(producer_class(name)):
        with pytest.raises(SettingError, match=key):
            load_producer(name, **{key: object()})
