"""Pretraining at toy size: it helps, it goes on to the same weights, and it refuses what is wrong."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tiny_llama import write_folder

from tersely.cli.train.soft_options import summary
from tersely.errors import BackendError, SettingError, UnknownName
from tersely.soft.adapter_file import CARD, WEIGHTS, read_adapter
from tersely.soft.base import load_producer
from tersely.soft.host import load_host
from tersely.soft.presets import preset
from tersely.training.soft import pretrain as module
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
    with pytest.raises(SettingError, match=r"is 1 text to learn from, .* and 2 are needed"):
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
        ({"method": "icfomer"}, "trained soft method is called 'icfomer'"),
        ({"prefix": "none"}, "prefix is 'chat' or 'start'"),
        ({"continuation_tokens": 1, "weights": Weights(regeneration=0)}, "Nothing is scored"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, change, said):
    with pytest.raises((SettingError, UnknownName), match=said):
        settings(**change)


def folders(settings):
    return sorted(path.name for path in settings().out.parent.iterdir())


def test_a_mended_file_is_learnt_from_with_the_same_command(settings, tmp_path):
    place = tmp_path / "mended.jsonl"
    good = "".join(json.dumps({"text": f"{n} cats sat on {n} mats."}) + "\n" for n in range(4))
    source = Source(files=(place,), held_out=0.0)
    for bad in ("no json\n", "\n".join(good.splitlines()[:1])):
        place.write_text(bad)
        with pytest.raises(SettingError):
            pretrain(replace(settings(), source=source))
        assert folders(settings) == ["mended.jsonl"]
    place.write_text(good)
    assert pretrain(replace(settings(), source=source)).finished


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": preset("default", rank=100_000)}, "rank is at most 32, the smaller side"),
        ({"context_tokens": 100_000}, "more than the 255 that .* reads at once"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_anything_is_made(settings, change, said):
    shape = change.get("shape") or settings().shape
    with pytest.raises(SettingError, match=said):
        pretrain(replace(settings(), **change | {"shape": replace(shape, budgets=(2, 4))}))
    assert folders(settings) == []


@pytest.mark.parametrize("place", ["/", "file", "file/x", "/proc/zz"])
def test_a_place_that_cannot_be_written_is_refused_in_a_sentence(settings, tmp_path, place):
    (tmp_path / "file").write_text("")
    for change in ({"out": tmp_path / place}, {"shards": tmp_path / place}):
        with pytest.raises(SettingError):
            pretrain(replace(settings(), **change))
    assert folders(settings) == ["file"]


def test_the_shards_cannot_be_where_the_weights_go(settings):
    with pytest.raises(SettingError, match="cannot be the folder to write"):
        pretrain(replace(settings(), shards=settings().out))


def test_a_training_that_leaves_the_numbers_ends_and_writes_nothing(settings):
    with pytest.raises(BackendError, match=r"At step 2 of 3 .* smaller learning rate than"):
        pretrain(settings(pace={"learning_rate": 1e14, "most_gradient": 1e14}))
    assert folders(settings) == ["out-shards"]


def test_weights_that_are_not_finite_are_not_kept(settings):
    def poison(_done, _steps):
        for one in networks[0].parameters():
            one.data.fill_(torch.nan)
        return True

    networks = []
    with pytest.MonkeyPatch.context() as patched:
        before = module.new_network
        patched.setattr(
            module, "new_network", lambda *a, **b: networks.append(before(*a, **b)) or networks[0]
        )
        with pytest.raises(BackendError, match="is nan"):
            pretrain(settings(), progress=poison, stop=lambda: True)
    assert folders(settings) == ["out-shards"]


def test_it_is_said_that_nothing_is_held_out_and_that_nothing_is_left_to_do(settings):
    said = []
    for _ in range(2):
        pretrain(settings(source={"held_out": 1e-9}, pace={"most_steps": 1}), say=said.append)
    assert sum("nothing is held out" in line and "--held-out" in line for line in said) == 1
    assert said[-1].startswith("nothing is left to do")


def test_files_have_the_mode_of_files_and_the_card_is_json(settings, tmp_path):
    made = pretrain(settings(pace={"most_steps": 1}))
    (tmp_path / "plain").write_text("")
    assert (made.out / WEIGHTS).stat().st_mode == (tmp_path / "plain").stat().st_mode
    json.loads((made.out / CARD).read_text(), parse_constant=pytest.fail)


def test_of_many_differences_three_are_said(settings):
    made = settings()
    made.out.mkdir()
    (made.out / CARD).write_text('{"name": "foreign"}')
    with pytest.raises(SettingError, match=r"now; and \d+ more\. Name a new folder") as error:
        pretrain(made)
    assert len(str(error.value)) < 400 + len(str(made.out))
