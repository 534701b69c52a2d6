"""Timing a method, with a clock that the method itself moves."""

import pytest

from tersely.errors import SettingError
from tersely.hard.base import HardCompressor
from tersely.payoff.timing import QUESTION, measure_speed, sample_text


class Slow(HardCompressor):
    """Moves a clock by what a line says, and by ten times as much while its model warms up."""

    name = "slow"

    def __init__(self, counter, fixed, per_token):
        self.now, self.counter, self.fixed, self.per_token = 0.0, counter, fixed, per_token
        self.seen = []

    def compress(self, prompt, budget, *, counter, progress=None):
        tokens = self.counter.count(prompt.text)
        warm = any(self.counter.count(one.text) > tokens / 2 for one in self.seen)
        self.now += (self.fixed + self.per_token * tokens) * (1 if warm else 10)
        self.seen.append(prompt)

    def clock(self):
        return self.now


def test_the_line_of_a_method_is_found(words):
    slow = Slow(words, fixed=0.5, per_token=0.002)
    found = measure_speed(slow, counter=words, clock=slow.clock)
    assert (found.fixed_seconds, found.seconds_per_token) == pytest.approx((0.5, 0.002))
    assert found.source == "measured"


def test_what_is_predicted_is_what_another_length_takes(words):
    slow = Slow(words, fixed=0.1, per_token=0.004)
    found = measure_speed(slow, counter=words, lengths=(50, 200), rounds=1, clock=slow.clock)
    assert found.seconds(5000) == pytest.approx(0.1 + 0.004 * 5000)


def test_the_texts_are_as_long_as_asked_and_hold_a_question(words):
    slow = Slow(words, fixed=0.0, per_token=1.0)
    measure_speed(slow, counter=words, lengths=(300, 900), rounds=2, clock=slow.clock)
    short, long = slow.seen[0], slow.seen[-1]
    assert [words.count(one.text) for one in (short, long)] == pytest.approx([300, 900], rel=0.1)
    assert (len(set(slow.seen)), short.question) == (6, QUESTION)


def test_the_text_is_made_up_alike_each_time():
    assert sample_text(30) == sample_text(30)
    assert len(set(sample_text(30).split("\n\n"))) == 5


@pytest.mark.parametrize("given", [{"rounds": 0}, {"lengths": (400,)}])
def test_too_little_to_measure_is_refused(given, words):
    with pytest.raises(SettingError, match="two lengths and a round"):
        measure_speed(Slow(words, 0, 0), counter=words, **given)
