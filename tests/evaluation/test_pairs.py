"""Which records belong together, and which must not be compared."""

import numpy as np
import pytest
from made_records import made_arm, made_record

from tersely.errors import SettingError, UnknownName
from tersely.evaluation.pairs import narrow, pair_arms, pair_runs


def arms(new, old, *, measure="f1", **changes):
    records = made_arm("hybrid", new, measure=measure) + made_arm("full", old, measure=measure)
    return pair_arms(records, arm="hybrid", against="full", measure=measure, **changes)


def runs(new, old, measure="f1"):
    return pair_runs(new, old, arm="hybrid", measure=measure)


def test_an_example_is_paired_with_itself_whatever_the_order():
    records = made_arm("hybrid", [0.1, 0.2, 0.3]) + made_arm("full", [0.4, 0.5, 0.6])[::-1]
    (one,) = pair_arms(records, arm="hybrid", against="full", measure="f1")
    assert (one.arm.tolist(), one.reference.tolist()) == ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    assert (one.clusters, one.examples, one.unpaired) == (("e0", "e1", "e2"), 3, 0)


def test_readers_are_paired_apart_and_share_a_cluster():
    records = [
        record
        for reader in ("small", "large")
        for record in made_arm("hybrid", [0.1], reader=reader)
        + made_arm("full", [0.9 if reader == "large" else 0.2], reader=reader)
    ]
    (one,) = pair_arms(records, arm="hybrid", against="full", measure="f1")
    assert (one.reference.tolist(), one.clusters) == ([0.9, 0.2], ("e0", "e0"))
    assert one.examples == 1


def test_examples_on_one_matter_share_a_cluster():
    records = made_arm("hybrid", [0.1, 0.2], cluster="c") + made_arm("full", [0.4, 0.5])
    (one,) = pair_arms(records, arm="hybrid", against="full", measure="f1")
    assert (one.clusters, one.examples) == (("c", "c"), 2)


def test_a_record_without_a_partner_is_counted():
    (one,) = arms([0.1, 0.2, 0.3], [0.4])
    assert (len(one.arm), one.unpaired) == (1, 2)


def test_a_pair_that_cannot_be_scored_is_counted():
    (one,) = arms([0.1, None, 0.3], [0.4, 0.5, None])
    assert (len(one.arm), one.unscored) == (1, 2)


def test_a_failure_counts_as_the_worst_on_either_side():
    (one,) = arms(["gone", 0.5, "gone"], [0.75, "gone", "gone"])
    assert (one.arm.tolist(), one.reference.tolist()) == ([0, 0.5, 0], [0.75, 0, 0])
    assert (one.failed, one.reference_failed) == (2, 2)


def test_of_nats_the_worst_is_the_worst_that_was_seen():
    (one,) = arms([1.0, "gone"], [3.0, 0.5], measure="nats")
    assert (one.arm.tolist(), one.reference.tolist()) == ([-1.0, -3.0], [-3.0, -0.5])
    assert (one.sign, one.bounded) == (-1, False)


def test_where_nothing_was_scored_there_is_no_worst():
    (one,) = arms(["gone", None], [None, None], measure="nats")
    assert (len(one.arm), one.unscored) == (0, 2)


def test_a_side_that_failed_altogether_is_named():
    (one,) = arms(["gone"] * 2, [0.5, 0.25])
    assert one.empty_side == "every record of the arm failed"
    (one,) = arms([0.5, 0.25], ["gone"] * 2)
    assert one.empty_side == "every record of the reference failed"
    assert arms([0.5, "gone"], [0.5, 0.25])[0].empty_side == ""


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ({"sha": "a"}, {"sha": "a"}, True),
        ({"sha": "a"}, {"sha": "b"}, False),
        ({}, {}, False),
        ({"sha": "a"}, {"sha": "a", "scores": {"f1": 0.25}}, False),
        ({"error": "gone"}, {"error": "gone"}, True),
        ({"sha": "a"}, {"sha": "a", "error": "gone", "scores": {}}, False),
    ],
)
def test_the_same_text_to_the_same_end_is_the_same(new, old, same):
    scored = {"scores": {"f1": 0.5}}
    (one,) = runs([made_record(**(scored | new))], [made_record(**(scored | old))])
    assert one.same == same


def test_runs_are_paired_by_rate():
    def run(low, high):
        return made_arm("hybrid", [low], rate=0.1) + made_arm("hybrid", [high], rate=0.5)

    (one,) = runs(run(0.2, 0.6), run(0.3, 0.7))
    assert (one.arm.tolist(), one.reference.tolist()) == ([0.2, 0.6], [0.3, 0.7])
    assert one.examples == 1


def test_a_task_that_the_new_run_lacks_is_there_and_empty():
    old = made_arm("hybrid", [0.5]) + made_arm("hybrid", [0.5], task="nq")
    assert [(one.task, len(one.arm)) for one in runs(old[:1], old)] == [("nq", 0), ("squad", 1)]
    assert [one.task for one in runs(old, old[:1])] == ["squad"]


def test_a_task_of_one_arm_alone_is_left_out():
    records = made_arm("hybrid", [0.5]) + made_arm("full", [0.5]) + made_arm("full", [1], task="nq")
    found = pair_arms(records, arm="hybrid", against="full", measure="f1")
    assert [one.task for one in found] == ["squad"]


def test_a_task_without_the_measure_is_left_out():
    run = made_arm("hybrid", [0.5]) + made_arm("hybrid", [1], task="gsm8k", measure="accuracy")
    assert [one.task for one in runs(run, run)] == ["squad"]


def test_a_task_where_all_failed_is_not():
    run = made_arm("hybrid", [0.5]) + made_arm("hybrid", ["gone"], task="gsm8k")
    assert [one.task for one in runs(run, run)] == ["gsm8k", "squad"]


def test_a_rate_is_chosen_and_full_goes_with_any():
    records = [
        *made_arm("hybrid", [0.2], rate=0.1), *made_arm("hybrid", [0.6]), *made_arm("full", [0.9])
    ]  # fmt: skip
    with pytest.raises(SettingError, match=r"ran at rates 0\.1, 0\.5: choose one \(--rate\)"):
        pair_arms(records, arm="hybrid", against="full", measure="f1")
    (one,) = pair_arms(narrow(records, rate=0.1), arm="hybrid", against="full", measure="f1")
    assert (one.arm.tolist(), one.reference.tolist()) == ([0.2], [0.9])


def test_records_are_narrowed_by_task_and_reader():
    records = [made_record(), made_record(task="nq"), made_record(reader="large")]
    assert narrow(records, tasks=["nq"]) == records[1:2]
    assert narrow(records, reader="large") == records[2:]
    assert narrow(records) == records


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"tasks": ["squadd"]}, r"No task is called 'squadd'\. Did you mean 'squad'\?"),
        ({"reader": "x"}, "No reader is called 'x'"),
        ({"rate": 0.3}, r"Nothing ran at rate 0\.3; there are: 0\.5"),
    ],
)
def test_what_is_not_there_cannot_be_chosen(chosen, message):
    with pytest.raises((UnknownName, SettingError), match=message):
        narrow([made_record()], **chosen)


def test_what_is_not_there_cannot_be_compared():
    with pytest.raises(UnknownName, match="No arm is called 'none'"):
        pair_arms([made_record()], arm="hybrid", against="none", measure="f1")
    with pytest.raises(UnknownName, match=r"No measure is called 'f2'\. Did you mean 'f1'\?"):
        runs(made_arm("hybrid", [1]), made_arm("hybrid", [1]), "f2")
    with pytest.raises(SettingError, match="'hybrid' is compared with itself"):
        pair_arms([made_record()], arm="hybrid", against="hybrid", measure="f1")


def test_without_a_shared_example_there_is_nothing_to_compare():
    records = made_arm("hybrid", [0.5], task="nq") + made_arm("full", [0.5])
    with pytest.raises(SettingError, match="No example is on both sides"):
        pair_arms(records, arm="hybrid", against="full", measure="f1")
    with pytest.raises(SettingError, match="No example is on both sides"):
        runs(made_arm("hybrid", [0.5], rate=0.1), made_arm("hybrid", [0.5]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_version": 2}, "squad has version 2 on one side and 1 on the other"),
        ({"whole_tokens": 90}, "'e0' of squad has 90 tokens on one side and 110 on the other"),
        ({"models": {"r": "b"}}, "read by two models that are both called 'r'"),
    ],
)
def test_what_is_not_alike_is_not_compared(changes, message):
    old = made_arm("hybrid", [0.5], models={"r": "a", "gone": "c"})
    with pytest.raises(SettingError, match=message):
        runs(made_arm("hybrid", [0.5], **changes), old)


@pytest.mark.parametrize("value", [-0.1, 50.0])
def test_a_measure_that_is_no_share_is_refused(value):
    with pytest.raises(SettingError, match="f1 of squad is not a share"):
        arms([value], [0.5])


def test_values_are_arrays_even_if_there_are_none():
    (one,) = arms([None], [0.5])
    assert isinstance(one.arm, np.ndarray)
    assert one.arm.shape == one.reference.shape == (0,)


def test_what_the_arm_did_not_do_is_counted():
    """A reference that could not be scored either is nobody's loss."""
    (one,) = arms([0.1, None, None], [0.2, 0.3, None, 0.4])
    assert (len(one.arm), one.unscored, one.unpaired, one.lost) == (1, 2, 1, 2)
