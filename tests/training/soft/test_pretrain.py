"""Pretraining at toy size: it helps, it goes on to the same weights, and it refuses what is wrong."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tiny_llama import write_folder

from tersely.cli.train.soft_options import summary
from tersely.errors import BackendError, SettingError
from tersely.soft.adapter_file import CARD, WEIGHTS, read_adapter
from tersely.soft.base import load_producer
from tersely.soft.host import load_host
from tersely.soft.presets import preset
from tersely.training.soft.course import Pace
from tersely.training.soft.pretrain import Settings, pretrain
from tersely.training.soft.reading import Weights
from tersely.training.soft.shards import Source


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Texts that are much alike, so that little reading is enough to learn them."""
    place = tmp_path_factory.mktemp("data") / "texts.jsonl"
    rows = [{"text": f"{n} cats sat, {n * 7} dogs ran and {n * 3} birds sang."} for n in range(18)]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


@pytest.fixture
def settings(base, texts, tmp_path):
    def make(out="out", *, source=None, pace=None, **changes):
        rhythm = {"learning_rate": 0.02, "batch_tokens": 200, "pass_tokens": 100, "most_steps": 4}
        given = {
            "source": Source(files=(texts,), **({"held_out": 0.3} | (source or {}))),
            "pace": Pace(threads=1, save_seconds=1e9, **(rhythm | (pace or {}))),
            "shape": preset("default", rank=4, alpha=8.0, dropout=0.1, budgets=(2, 4)),
        }
        given |= {"context_tokens": 24, "continuation_tokens": 8, "device": "cpu"}
        return Settings(out=tmp_path / out, model=str(base), **(given | changes))

    return make


def stopped_after(steps):
    done = iter(range(1, 999))
    return lambda: next(done) == steps


def test_held_out_texts_are_better_remembered_and_the_card_says_so(settings):
    said = []
    made = pretrain(settings(pace={"most_steps": 6, "epochs": 2}), say=said.append)
    first, last = made.card["measured"][0], made.card["measured"][-1]
    assert made.finished
    assert last["regeneration"] < first["regeneration"]
    assert made.card["data"]["fingerprint"] == made.card["settings"]["data_sha256"]
    assert made.card["log"][-1]["step"] == made.steps
    assert any("numbers are trained" in line for line in said)


@pytest.mark.parametrize("stop", [1, 3])
def test_a_stopped_training_goes_on_to_the_same_weights(settings, stop):
    whole = pretrain(settings("whole"))
    half = pretrain(settings("half"), stop=stopped_after(stop))
    assert (half.finished, half.steps) == (False, stop)
    again = pretrain(settings("half"))
    assert again.card["weights_sha256"] == whole.card["weights_sha256"]
    assert again.card["log"] == whole.card["log"]
    assert again.card["measured"] == whole.card["measured"]


def test_the_same_settings_give_the_same_weights_and_another_seed_others(settings):
    given = ({}, {}, {"seed": 1})
    made = [pretrain(settings(f"{n}", pace=one)) for n, one in enumerate(given)]
    hashes = [one.card["weights_sha256"] for one in made]
    assert hashes[0] == hashes[1] != hashes[2]


def test_what_it_writes_is_a_producer(settings, base):
    made = pretrain(settings())
    host = load_host(str(base), device="cpu")
    memory = load_producer("compressor500x", adapter=made.out).produce(host, range(3, 23), 4)
    assert memory.fingerprint.adapter == made.card["weights_sha256"]
    assert read_adapter(made.out).shape.budgets == (2, 4)


@pytest.mark.parametrize("method", ["icae", "icformer"])
def test_the_other_methods_are_trained_by_the_same_steps(settings, method):
    made = pretrain(settings(method=method, pace={"most_steps": 2}))
    assert made.card["adapter"]["method"] == method
    assert made.steps == 2


def test_in_bf16_what_is_trained_is_in_f32(settings):
    made = pretrain(settings(precision="bf16", pace={"most_steps": 2}))
    assert {one.dtype for one in load_file(made.out / WEIGHTS).values()} == {torch.float32}


def test_without_a_continuation_the_text_is_only_written_again(settings):
    weights = Weights(regeneration=1.0, following=0.0, divergence=0.0)
    made = pretrain(settings(continuation_tokens=0, weights=weights, pace={"most_steps": 2}))
    assert set(made.card["measured"][-1]) == {"step", "slots", "regeneration"}


def test_with_nothing_held_out_nothing_is_measured(settings):
    said = []
    made = pretrain(settings(source={"held_out": 0.0}, pace={"most_steps": 1}), say=said.append)
    assert made.card["measured"] == []
    assert not any(line.startswith("held out") for line in said)
    assert summary(made)


def test_a_finished_training_is_not_done_again(settings):
    made = pretrain(settings(pace={"most_steps": 2}))
    before = (made.out / CARD).stat().st_mtime_ns
    assert pretrain(settings(pace={"most_steps": 2})).card == made.card
    assert (made.out / CARD).stat().st_mtime_ns == before


def test_a_folder_of_another_training_is_refused(settings):
    pretrain(settings(), stop=stopped_after(1))
    with pytest.raises(SettingError, match=r"learning_rate 0\.02 there, 0\.01 now"):
        pretrain(settings(pace={"learning_rate": 0.01}))


def test_a_folder_of_something_else_is_refused(settings):
    made = settings()
    made.out.mkdir()
    (made.out / "letter.txt").write_text("Dear")
    with pytest.raises(SettingError, match=r"letter\.txt but no training"):
        pretrain(made)


def test_a_torn_state_is_refused(settings):
    half = pretrain(settings(), stop=stopped_after(2))
    (file,) = half.out.glob("state/*/state.safetensors")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(BackendError, match="damaged"):
        pretrain(settings())


def test_other_texts_in_the_same_folder_are_refused(settings, texts, tmp_path):
    pretrain(settings(), stop=stopped_after(1))
    shutil.rmtree(tmp_path / "out-shards")
    with pytest.raises(SettingError, match="data_sha256"):
        pretrain(settings(source={"most_texts": 12}))


def test_one_text_is_too_few(settings):
    with pytest.raises(SettingError, match=r"1 texts to learn from, .* and 2 are needed"):
        pretrain(settings(source={"most_texts": 1, "held_out": 0.0}))


def test_texts_shorter_than_the_slots_are_refused(settings, tmp_path):
    short = tmp_path / "short.jsonl"
    short.write_text('{"text": "ab"}\n{"text": "cd"}\n')
    with pytest.raises(SettingError, match="No text is longer than 4 slots"):
        pretrain(replace(settings(), source=Source(files=(short,), held_out=0.0)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"context_tokens": 4}, "4 slots of a segment of 4 tokens compress nothing"),
        ({"slots": (5,)}, "slots are from 1 to the largest budget, 4; got 5"),
        ({"precision": "f16"}, "precision is 'f32' or 'bf16'"),
        ({"most_held_out": 0}, "most_held_out is at least 1"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, change, said):
    with pytest.raises(SettingError, match=said):
        settings(**change)
