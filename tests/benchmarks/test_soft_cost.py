"""What the benchmark of costs counts, and that it answers as the reader does."""

from argparse import Namespace

import pytest
from evicting import TEXT, tiny_host

from benchmarks.soft import cost
from tersely.soft.anchors import Anchors
from tersely.soft.reader import generate
from tersely.soft.sampling import Sampling


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    return tiny_host(tmp_path_factory.mktemp("soft"))


@pytest.fixture
def options(tmp_path):
    (tmp_path / "text.txt").write_text("Nobody came. ")
    return Namespace(
        text=tmp_path / "text.txt", contexts=[40], slots=[4], method="anchors", rounds=2,
        tokens=3, threads=1, dtype="float32",
    )  # fmt: skip


def test_the_timed_loop_writes_what_the_reader_writes(host):
    memory = Anchors().produce(host, TEXT, 8)
    prompt = host.chat.question("What?", host.system)
    wanted = generate(host, memory, prompt, Sampling(most_tokens=6))[0].ids
    said, when = cost.answer(host, host.cache_of([[memory]]), prompt, 6)
    assert said[: len(wanted)] == list(wanted)
    assert len(said) == len(when) == 6
    assert when == sorted(when)


def test_a_short_text_is_repeated(host, options):
    assert host.decode(cost.text_of(host, options.text, 30)) == ("Nobody came. " * 3)[:30]


def test_numbers_are_those_of_the_same_round():
    found = {
        "context": 100,
        "bytes": {cost.READ: 1000, "4 slots": 40},
        "made": {"4 slots": [3.0]},
        "first": {cost.READ: [2.0, 6.0, 2.0], "4 slots": [1.0, 2.0, 0.5]},
        "rest": {cost.READ: [4.0, 4.0, 4.0], "4 slots": [2.0, 2.0, 2.0]},
    }
    row = cost.rows_of(found, tokens=9)[1]
    assert row["first_times"] == [3.0, 2.0, 4.0]
    assert row["speed_times"] == [2.0, 2.0, 2.0]
    assert (row["times_fewer_bytes"], row["tokens_per_second"]) == (25, 4.0)
    assert (row["made_ms"], row["pays_after"]) == (3000, 2.0)


def test_the_page_has_a_line_for_each_arm(host, options):
    found = cost.measure(host, 40, options)
    rows = cost.rows_of(found, options.tokens)
    assert [row["arm"] for row in rows] == [cost.READ, cost.KEPT, "4 slots"]
    assert found["bytes"]["4 slots"] == 4 * host.slot_bytes
    assert len(found["first"]["4 slots"]) == options.rounds
    text = cost.document(rows, host, options)
    assert text.count("| 40 tokens |") == 3
