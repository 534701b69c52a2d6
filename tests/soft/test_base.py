"""What every producer promises, and how it is loaded by name."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from tersely import _registry
from tersely._registry import producer_class, producer_names
from tersely.errors import SettingError, UnknownName
from tersely.soft.base import Producer, load_producer, made_by
from tersely.soft.full import Full


@dataclass(frozen=True)
class Windowed:
    """A producer with settings."""

    window: int
    sinks: int = 4
    name = "windowed"
    segment_tokens = None

    def __post_init__(self):
        if self.sinks < 1:
            raise SettingError("sinks is at least 1")

    @property
    def settings(self):
        return {"window": self.window, "sinks": self.sinks}

    def produce(self, host, ids, slots):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register it where a test looks a module up by its name."""
    monkeypatch.setitem(sys.modules, "windowed_for_tests", sys.modules[__name__])
    monkeypatch.setitem(_registry.PRODUCERS, "windowed", "windowed_for_tests:Windowed")


def test_a_producer_is_loaded_by_name():
    assert isinstance(load_producer("full"), Full)
    assert load_producer("windowed", window=3) == Windowed(3, 4)
    assert isinstance(load_producer("windowed", window=3), Producer)


def test_it_says_what_it_was_made_with():
    assert made_by(Windowed(3)) == {"name": "windowed", "settings": {"window": 3, "sinks": 4}}
    trained = made_by(Windowed(3), trigger=7, behind=True)
    assert (trained["trigger"], trained["behind"]) == (7, True)


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("full", {"window": 3}, "full has no setting 'window'. It has: none"),
        ("windowed", {"widow": 3}, "windowed has no setting 'widow'. It has: sinks, window"),
        ("windowed", {}, "is missing or of the wrong type: .*'window'"),
        ("windowed", {"window": 3, "sinks": "4"}, "sinks of windowed is a whole number; got '4'"),
        ("windowed", {"window": 3, "sinks": 0}, "sinks is at least 1"),
    ],
)
def test_settings_are_checked(name, settings, says):
    with pytest.raises(SettingError, match=says):
        load_producer(name, **settings)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'snapkv'"):
        producer_class("snapvk")


def test_the_paper_s_own_spelling_is_known():
    assert "compressor500x" in producer_names()
    assert producer_class("500xcompressor") is producer_class("compressor500x")


@pytest.mark.parametrize("name", producer_names())
def test_every_name_has_a_class_of_that_name(name):
    assert producer_class(name).name == name


def test_listing_producers_loads_no_model_library():
    code = (
        "import sys, tersely.soft; from tersely._registry import producer_names;"
        "producer_names(); print(sorted({'torch', 'transformers', 'numpy'} & {*sys.modules}))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
