"""Requests are evenly spaced."""

from tersely.evaluation.readers.pace import Pace


def waits(per_minute, times):
    now, slept = [0.0], []
    pace = Pace(per_minute, sleep=slept.append, clock=lambda: now[0])
    for at in times:
        now[0] = at
        pace.wait()
    return slept


def test_requests_that_come_too_fast_wait_for_their_turn():
    assert waits(60, [0, 0, 0.5, 10]) == [1, 1.5]


def test_unused_turns_are_not_saved_up():
    assert waits(60, [10, 10, 10]) == [1, 2]


def test_without_a_limit_nobody_waits():
    assert waits(None, [0, 0, 0]) == []
