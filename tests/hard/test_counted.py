import numpy as np
from fakes import FakeBackend

from tersely.hard.counted import Counted


def test_what_is_read_is_counted_and_reported():
    reports = []
    model = Counted(FakeBackend(), lambda *report: reports.append(report))
    model.expect(9)
    model.score([np.arange(1, 6), np.arange(1, 4)], scored_from=[2, 3])
    model.count(7)
    assert model.tokens == 12
    assert reports == [(5, 9), (12, 12)]


def test_scoring_from_a_token_on_is_scoring_everything_and_slicing():
    model = Counted(FakeBackend(), lambda done, expected: None)
    sequences, first = [np.arange(1, 6), np.arange(1, 4), np.arange(0)], [2, 3, 0]
    some = model.score(sequences, scored_from=first)
    for nats, every, at in zip(some, model.score(sequences), first, strict=True):
        assert np.array_equal(nats, every[at:])
