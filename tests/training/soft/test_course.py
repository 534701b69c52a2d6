"""Steps: what is scored, who adds up what, and four texts learnt by heart."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_soft import some_texts, tiny_host

from tersely.errors import SettingError
from tersely.soft.base import load_producer
from tersely.soft.presets import preset
from tersely.soft.reader import nats, regenerate
from tersely.soft.sampling import Sampling
from tersely.soft.trained import network_of
from tersely.training.soft.course import Course, Pace, optimizer_of
from tersely.training.soft.outcome import finish
from tersely.training.soft.reading import (
    Marks,
    Weights,
    following_rows,
    read_pass,
    regeneration_rows,
    remember,
)
from tersely.training.soft.samples import Sample, Step
from tersely.training.soft.team import Team

MARKS = Marks(trigger=1, end=2)


@pytest.fixture(scope="module")
def host():
    return tiny_host()


def samples(*sizes, seed=0):
    """Texts with what follows them: (L, C) each."""
    whole = some_texts(*(sum(size) for size in sizes), seed=seed)
    cut = [np.array(one) for one in whole]
    return [
        Sample(one[:n], one[n:], np.arange(len(one) - n) > 0)
        for one, (n, _) in zip(cut, sizes, strict=True)
    ]


def course(host, learnt, steps, *, slots=4, out="out", **given):
    shape = preset("default", rank=16, alpha=32.0, budgets=(slots,))
    pace = Pace(learning_rate=0.02, warmup_steps=10, **given.pop("pace", {}))
    network = given.pop("network", None) or network_of("compressor500x", host, shape)
    own = {"told": {}, "held_out": learnt, "weights": Weights(), "segment_tokens": 64}
    own |= {"marks": MARKS, "measured_slots": slots, "pace": pace}
    return Course(out=out, host=host, network=network, learnt=learnt, steps=steps, **(own | given))


def test_four_texts_are_learnt_by_heart_and_written_again(tmp_path):
    host = tiny_host(hidden_size=64, intermediate_size=96)
    texts = some_texts(12, 10, 11, 12)
    learnt = [Sample(np.array(one), np.zeros(0, int), np.zeros(0, bool)) for one in texts]
    given = {"out": tmp_path, "slots": 8, "weights": Weights(regeneration=1.0)}
    made = course(host, learnt, [Step(((0, 1, 2, 3),), 8)] * 100, **given)
    assert made.run(None, lambda line: None, None)
    assert made.state.log[-1]["regeneration"] < 0.1
    finish(made, "a test", {})
    producer = load_producer("compressor500x", adapter=str(tmp_path))
    for text in texts:
        written = regenerate(host, producer.produce(host, text, 8), Sampling(most_tokens=16))
        assert host.encode(written) == text


def test_what_is_scored_behind_a_memory_is_what_a_reader_of_it_says(host):
    (sample,) = samples((12, 6))
    network = network_of("compressor500x", host, preset("default"))
    slots = remember(host, network, [sample], 4, 64)
    read = read_pass(host, network, [sample], slots, MARKS, Weights())
    memory = load_producer("compressor500x").produce(host, sample.text.tolist(), 4)
    wanted = nats(host, memory, sample.following.tolist())
    assert read.following.positions == len(wanted) == 5
    assert read.following.entropy == pytest.approx(float(wanted.sum()), rel=1e-5)


def test_the_whole_text_as_memory_does_not_diverge_from_itself(host):
    (sample,) = samples((12, 6))
    network = network_of("compressor500x", host, preset("anchors"))
    slots = remember(host, network, [sample], 12, 64)
    read = read_pass(host, network, [sample], slots, MARKS, Weights())
    assert read.following.divergence == pytest.approx(0, abs=1e-5)


def test_padding_is_not_scored(host):
    learnt = samples((12, 6), (7, 3))
    network = network_of("compressor500x", host, preset("default"))
    slots = remember(host, network, learnt, 4, 64)
    read = read_pass(host, network, learnt, slots, MARKS, Weights())
    assert read.regeneration.positions == 13 + 8
    assert read.following.positions == 5 + 2


def test_a_pass_comes_to_what_its_samples_come_to_alone(host):
    learnt = samples((12, 6), (7, 3), (9, 9))
    network, sums = network_of("compressor500x", host, preset("default")), []
    for group in (learnt, *[[one] for one in learnt]):
        slots = remember(host, network, group, 4, 5)  # texts of two and three segments
        read = read_pass(host, network, group, slots, MARKS, Weights())
        sums.append((read.regeneration.entropy, read.following.entropy, read.following.divergence))
    assert sums[0] == pytest.approx(tuple(map(sum, zip(*sums[1:], strict=True))), rel=1e-4)


def test_the_text_is_written_again_where_it_stood(host):
    learnt = samples((6, 3))
    network = network_of("compressor500x", host, preset("default"))
    slots = remember(host, network, learnt, 2, 64)
    rows = regeneration_rows(learnt, slots, MARKS, "aligned")
    assert rows.positions.tolist() == [[-1, 0, 1, 2, 3, 4, 5]]
    assert rows.ids.tolist() == [[1, *learnt[0].text]]
    assert rows.targets.tolist() == [[*learnt[0].text, 2]]
    assert following_rows(learnt, slots).positions.tolist() == [[6, 7]]


def test_with_the_papers_positions_all_goes_on_behind_the_memory(host):
    learnt = samples((6, 3))
    network = network_of("compressor500x", host, preset("default", positions="paper"))
    slots = remember(host, network, learnt, 2, 64)
    rows = regeneration_rows(learnt, slots, MARKS, "paper")
    assert rows.positions[0, 0] == 2
    assert following_rows(learnt, slots).positions.tolist() == [[2, 3]]


def test_of_several_segments_gradients_go_through_one(host):
    (sample,) = samples((15, 3))
    network = network_of("compressor500x", host, preset("default"))
    reached = []
    for turn in range(3):
        slots = remember(host, network, [sample], 2, 5, turn)
        (keys,) = torch.autograd.grad(slots.keys.sum(), network.table.rows)
        reached.append(float(keys.abs().sum()))
        assert slots.positions.tolist() == [[1, 3, 6, 8, 11, 13]]
    assert min(reached) > 0


@pytest.mark.parametrize("size", [2, 3])
def test_the_gradients_of_several_processes_add_up_to_those_of_one(host, size, monkeypatch):
    learnt = samples((12, 6), (7, 3), (9, 9))
    step, found = Step(((0,), (1,), (2,)), 4), []
    network = network_of("compressor500x", host, preset("default", rank=2))
    monkeypatch.setattr(Course, "apply", lambda self: None)
    monkeypatch.setattr(Team, "add_up", lambda self, tensors: None)
    for teams in ([Team()], [Team(rank, size) for rank in range(size)]):
        network.zero_grad()
        for team in teams:
            course(host, learnt, [step], network=network, team=team).learn()
        found.append([one.grad.clone() for one in network.parameters()])
    for alone, together in zip(*found, strict=True):
        torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-4)


def test_the_rate_rises_then_falls_to_its_end():
    pace = Pace(learning_rate=1.0, warmup_steps=10, end_rate=0.1)
    rates = [pace.rate(step, 200) for step in range(201)]
    assert rates[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[105] == pytest.approx(0.55)
    assert rates[200] == pytest.approx(0.1)


def test_a_short_training_rises_for_a_tenth_of_its_steps():
    assert Pace(learning_rate=1.0, warmup_steps=100).rate(1, 20) == 1.0


def test_slot_vectors_learn_faster_and_do_not_decay(host):
    network = network_of("compressor500x", host, preset("default"))
    matrices, vectors = optimizer_of(network, Pace(slot_rate=3.0, weight_decay=0.1)).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0.0)
    assert (matrices["factor"], vectors["factor"]) == (1.0, 3.0)
    assert vectors["params"][0] is network.table.rows


@pytest.mark.parametrize(
    "change",
    [
        *({"learning_rate": 0}, {"epochs": 0}, {"batch_tokens": 0}, {"seed": -1}, {"threads": 0}),
        *({"seed": 10**23}, {"threads": 10**6}, {"weight_decay": float("inf")}),
        *({"learning_rate": float("nan")}, {"learning_rate": 1e300}),
    ],
)
def test_a_pace_out_of_range_is_refused(change):
    with pytest.raises(SettingError, match=next(iter(change))):
        dataclasses.replace(Pace(), **change)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"regeneration": float("nan")}, "weight of regeneration is a number, at least 0; got nan"),
        ({"following": float("inf")}, "following"),
        ({"divergence": -1}, "got -1"),
        ({"regeneration": 0, "following": 0, "divergence": 0}, "nothing is learnt"),
    ],
)
def test_weights_are_finite_and_one_is_more_than_0(given, said):
    with pytest.raises(SettingError, match=said):
        Weights(**given)
