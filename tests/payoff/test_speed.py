"""How long a method takes: the line, what is remembered of it, and what is assumed."""

import pytest
from fakes import FakeBackend, FakeEncoder
from hypothesis import given
from hypothesis import strategies as st

from tersely import load
from tersely._registry import COMPRESSORS
from tersely.errors import BackendError, SettingError, UnknownName
from tersely.hard.variable_rate import VariableRate
from tersely.payoff import speed as module
from tersely.payoff.speed import ASSUMED, Speed, describe_method, find_speed, save_speed

MEASURED = Speed(fixed_seconds=0.25, seconds_per_token=0.001, source="measured")


def test_a_line_goes_through_both_measurements():
    line = Speed.through([(100, 0.3), (500, 1.1)])
    assert [line.seconds(100), line.seconds(500)] == pytest.approx([0.3, 1.1])
    assert line.source == "measured"


@given(st.floats(0, 10), st.floats(0, 10))
def test_no_line_starts_below_zero_or_falls(first, second):
    line = Speed.through([(100, first), (500, second)])
    assert line.fixed_seconds >= 0
    assert line.seconds_per_token >= 0
    assert line.seconds(500) == pytest.approx(max(first, second) if second < first else second)


@pytest.mark.parametrize("points", [[], [(1, 1.0)], [(5, 1.0), (5, 1.0)], [(0, 1.0), (5, 1.0)]])
def test_one_length_makes_no_line(points):
    with pytest.raises(SettingError, match="two lengths"):
        Speed.through(points)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", True])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(SettingError, match="seconds_per_token is a number"):
        Speed(seconds_per_token=value)


def test_what_was_measured_is_remembered():
    save_speed("llmlingua", "smollm2-135m", MEASURED)
    assert find_speed("llmlingua", "smollm2-135m") == MEASURED


@pytest.mark.parametrize("change", ["model", "version", "processors"])
def test_another_model_release_or_machine_is_not_measured(change, monkeypatch):
    save_speed("llmlingua", "smollm2-135m", MEASURED)
    key = module._key
    monkeypatch.setattr(module, "_key", lambda *names: key(*names) | {change: "another"})
    assert find_speed("llmlingua", "smollm2-135m").source == "assumed"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fixed_seconds": -1, "seconds_per_token": 0}'])
def test_a_damaged_file_is_as_none(text):
    save_speed("hybrid", "minilm-l6", MEASURED).write_text(text, "utf-8")
    assert find_speed("hybrid", "minilm-l6").source == "assumed"


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "file"))
    with pytest.raises(BackendError, match="Set TERSELY_HOME"):
        save_speed("hybrid", "minilm-l6", MEASURED)


def test_every_method_has_an_assumption():
    assert set(COMPRESSORS) - {"chain"} == set(ASSUMED)


def test_a_chain_is_assumed_to_take_as_long_as_its_stages():
    both = find_speed("hybrid+llmlingua", "")
    one, other = find_speed("hybrid", ""), find_speed("llmlingua", "")
    assert both.seconds(1000) == pytest.approx(one.seconds(1000) + other.seconds(1000))


def test_a_method_that_nobody_knows_is_assumed_to_be_slow():
    assert find_speed("somebodys", "").seconds(1000) == find_speed("llmlingua", "").seconds(1000)


@pytest.mark.parametrize(
    ("name", "model", "found"),
    [
        ("auto", None, ("llmlingua2", "keep-l6")),
        ("auto", "smollm2-135m", ("llmlingua", "smollm2-135m")),
        ("hybrid", None, ("hybrid", "minilm-l6")),
        ("llmlingua", "other", ("llmlingua", "other")),
        ("truncate", None, ("truncate", "")),
        ("hybrid+llmlingua", None, ("hybrid+llmlingua", "minilm-l6+smollm2-135m")),
    ],
)
def test_a_name_says_its_model_without_loading_it(name, model, found):
    assert describe_method(name, model) == found


def test_a_compressor_says_its_model():
    hybrid = load("hybrid", encoder=FakeEncoder())
    chain = load("chain", stages=[hybrid, load("llmlingua", backend=FakeBackend())])
    assert describe_method(VariableRate(method=hybrid, quality_floor=0.5)) == ("hybrid", "fake")
    assert describe_method(chain) == ("hybrid+llmlingua", "fake")
    assert describe_method(load("truncate")) == ("truncate", "")


def test_what_is_no_method_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'truncate'"):
        describe_method("truncat")
    with pytest.raises(SettingError, match=r"what tersely.load returned"):
        describe_method(3)
