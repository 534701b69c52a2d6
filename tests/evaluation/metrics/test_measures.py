"""Measures by name."""

import inspect

import pytest

from tersely.errors import UnknownName
from tersely.evaluation.metrics import MEASURES, measure


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_takes_an_answer_right_answers_and_a_language(name):
    parameters = inspect.signature(measure(name)).parameters
    assert list(parameters)[1:3] == ["answers", "language"]
    assert parameters["language"].default == "en"
    assert parameters["language"].kind is inspect.Parameter.KEYWORD_ONLY


def test_an_unknown_measure_is_told_the_known_ones():
    with pytest.raises(UnknownName, match="No measure is called 'rouge'"):
        measure("rouge")
