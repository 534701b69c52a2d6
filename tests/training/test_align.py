"""Alignment of a tiny random model: what is trained, on what, and what it leaves behind."""

import dataclasses
import json
import shutil
import warnings

import numpy as np
import pytest
from tiny_bert import write_folder as write_bert
from tiny_llama import write_adapter, write_folder, write_gguf

from tersely.backends.load import load_causal
from tersely.backends.store import content_key, file_hash, find_model
from tersely.errors import ModelMismatch, SettingError

torch = pytest.importorskip("torch", reason="training needs the extra train")
transformers = pytest.importorskip("transformers", reason="training needs the extra train")
peft = pytest.importorskip("peft", reason="training needs the extra train")

from tersely.training.align import Settings, align  # noqa: E402
from tersely.training.responses import Window  # noqa: E402
from tersely.training.trainee import LowRank, load_trainee  # noqa: E402

LOW_RANK = LowRank(rank=4, alpha=8.0, targets=("q_proj", "v_proj"), dropout=0.0)
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Answers that are all alike, so that little reading is enough to learn them."""
    place = tmp_path_factory.mktemp("data") / "answers.jsonl"
    rows = [
        {"id": f"c{n}", "instruction": f"Count to {n}.", "response": "one two three " * (1 + n % 3)}
        for n in range(24)
    ]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


@pytest.fixture
def settings(base, data, tmp_path):
    def make(out="out", **changes):
        given = {
            "model": str(base),
            "rank": 4,
            "batch_tokens": 128,
            "pass_tokens": 96,
            "threads": 1,
        }
        given |= {"window_tokens": 48, "learning_rate": 0.02, "device": "cpu", "epochs": 2}
        return Settings(data=data, out=tmp_path / out, **(given | changes))

    return make


def trainee(base, low_rank=LOW_RANK):
    torch.manual_seed(0)
    return load_trainee(find_model(str(base)), low_rank, device="cpu", precision=None)


def windows(*lengths):
    rng = np.random.default_rng(0)
    return [Window(rng.integers(1, 250, n), rng.random(n) < 0.5, f"g{n}") for n in lengths]


def stopped_after(steps):
    """Say yes after so many steps."""
    done = iter(range(1, 99))
    return lambda: next(done) == steps


def test_what_is_held_out_gets_less_surprising_and_the_card_says_so(settings):
    said = []
    made = align(settings(), say=said.append)
    found = made.card["perplexity"]
    assert found["after"]["value"] < 0.5 * found["before"]["value"]
    assert found["change"]["interval"][1] < -0.5
    assert (made.finished, made.steps) == (True, made.card["steps"])
    assert made.card["trainable"] == 2 * (4 * (64 + 64) + 4 * (64 + 32))
    assert "1,792 numbers are trained: 2.29% of 78,208" in said
    assert json.loads((made.out / "tersely.json").read_text()) == made.card


def test_the_base_is_as_it_was_in_its_files_and_in_memory(settings, base):
    before = content_key(find_model(str(base)).files)
    told = align(settings()).card["base"]
    assert told["sha256"] == told["sha256_after"] == before
    assert told["frozen_sha256"] == told["frozen_sha256_after"]
    assert told["name"] == "tiny"  # and not where it is on this machine


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_what_it_makes_loads_by_name_and_is_what_was_measured(settings, base, runtime, monkeypatch):
    made = align(settings())
    monkeypatch.setenv("TERSELY_HOME", str(made.out.parent / "home"))
    backend = load_causal(f"{base}+{made.out}", runtime=runtime, precision="f32", threads=1)
    ids = backend.encode("Assistant: one two three one two three").ids
    plain = load_causal(str(base), runtime=runtime, precision="f32", threads=1)
    assert backend.score([ids])[0].mean() < 0.7 * plain.score([ids])[0].mean()


def test_peft_reads_what_it_makes(settings, base):
    made = align(settings())
    model = trainee(base, low_rank=None).model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft, of transformers
        model = peft.PeftModel.from_pretrained(model, str(made.out)).merge_and_unload()
    ours = load_causal(f"{base}+{made.out}", runtime="torch", threads=1)._model
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight, model.get_parameter(name), atol=1e-6, rtol=1e-5)


def test_the_same_seed_gives_the_same_files_and_another_gives_others(settings):
    hashes = [
        [file_hash(align(settings(out, seed=seed)).out / name) for name in FILES]
        for out, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert hashes[0] == hashes[1]
    assert hashes[0][0] != hashes[2][0]


FILES = (WEIGHTS, "adapter_config.json")


@pytest.mark.parametrize("changes", [{"dropout": 0.2}, {"rank": 0, "learning_rate": 1e-3}])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(settings, changes):
    whole = align(settings("whole", **changes))
    part = align(settings("part", **changes), stop=stopped_after(3))
    assert (part.finished, part.steps, part.of_steps) == (False, 3, whole.steps)
    assert not (part.out / "tersely.json").exists()
    again = align(settings("part", **changes), stop=stopped_after(2))
    assert (again.finished, again.steps) == (False, 5)
    made = align(settings("part", **changes))
    assert made.card["weights_sha256"] == whole.card["weights_sha256"]
    assert made.card["perplexity"] == whole.card["perplexity"]
    assert not (made.out / "state").exists()


def test_one_that_is_finished_is_not_done_again(settings):
    made = align(settings(most_steps=2))
    assert align(settings(most_steps=2), progress=pytest.fail) == made


@pytest.mark.parametrize("stopped", [True, False])
def test_a_folder_of_another_training_is_refused(settings, stopped):
    align(settings(most_steps=3), stop=stopped_after(1) if stopped else None)
    with pytest.raises(SettingError, match=r"another training: seed 0 there, 1 now"):
        align(settings(most_steps=3, seed=1))


def from_all_logits(one, window):
    """Surprisals of all tokens of a window, from the model's own forward pass."""
    ids = torch.tensor([[one.start_id, *window.ids]])
    logits = one.model(ids).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")


def test_only_responses_count_each_as_all_logits_say(base):
    one, (read,) = trainee(base), windows(30)
    with torch.inference_mode():
        expected = from_all_logits(one, read)[torch.from_numpy(read.scored)]
        torch.testing.assert_close(one.nats([read]), expected)


def test_a_step_follows_the_gradient_of_responses_only(base):
    one, other, (read,) = trainee(base), trainee(base), windows(20)
    one.learn(torch.optim.SGD(one.trained.parameters(), lr=1.0), [[read]], 0.1)
    from_all_logits(other, read)[torch.from_numpy(read.scored)].mean().backward()
    torch.nn.utils.clip_grad_norm_(other.trained.parameters(), 1.0)
    for ours, theirs in zip(one.trained, other.trained, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach() - 0.1 * theirs.grad)


def test_padding_changes_nothing(base):
    one, read = trainee(base), windows(5, 17, 30)
    with torch.inference_mode():
        together = one.nats(read)
        alone = torch.cat([one.nats([window]) for window in read])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_passes_of_a_step_add_up_to_one(base):
    one, two, read = trainee(base), trainee(base), windows(6, 9, 12)
    for trained, passes in ((one, [read]), (two, [[window] for window in read])):
        optimizer = torch.optim.SGD(trained.trained.parameters(), lr=1.0)
        mean = trained.learn(optimizer, passes, 0.1)
    with torch.inference_mode():
        assert mean == pytest.approx(float(trainee(base).nats(read).mean()), rel=1e-5)
    for ours, theirs in zip(one.trained, two.trained, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_measuring_sums_the_windows_of_a_conversation(base):
    one, read = trainee(base), windows(6, 9, 12)
    read = [Window(w.ids, w.scored, group) for w, group in zip(read, "aba", strict=True)]
    found = one.measure(read, pass_tokens=14)
    with torch.inference_mode():
        first = one.nats([read[0]]).sum() + one.nats([read[2]]).sum()
    assert found.groups == ("a", "b")
    assert found.nats[0] == pytest.approx(float(first), rel=1e-5)
    counts = [int(window.scored.sum()) for window in read]
    assert found.tokens.tolist() == [counts[0] + counts[2], counts[1]]
    assert one.model.training


def test_bfloat16_is_close(base):
    one, read = trainee(base), windows(30)
    files = find_model(str(base))
    torch.manual_seed(0)
    rough = load_trainee(files, LOW_RANK, device="cpu", precision="bf16")
    with torch.inference_mode():
        torch.testing.assert_close(rough.nats(read), one.nats(read), atol=0.1, rtol=0.05)


@pytest.mark.parametrize("gguf", [False, True])
def test_trained_in_full_it_is_a_model_of_its_own(settings, base, tmp_path, gguf):
    before = file_hash(base / "model.safetensors")
    more = {"model": str(write_gguf(tmp_path / "base.gguf"))} if gguf else {}
    made = align(settings(rank=0, learning_rate=3e-3, **more))
    card, backend = made.card, load_causal(str(made.out), runtime="torch", threads=1)
    assert card["trainable"] == card["parameters"]
    assert card["perplexity"]["after"]["value"] < 0.7 * card["perplexity"]["before"]["value"]
    ids = backend.encode("Assistant: one two three one two three").ids
    plain = load_causal(more.get("model", str(base)), runtime="torch", threads=1)
    assert backend.score([ids])[0].mean() < 0.8 * plain.score([ids])[0].mean()
    assert file_hash(base / "model.safetensors") == before
    assert backend.start_id == plain.start_id


def test_a_model_that_stores_its_weights_the_other_way_round(settings, base, tmp_path):
    config = {"vocab_size": 257, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**config, bos_token_id=0, eos_token_id=0)
    )
    model.save_pretrained(tmp_path / "gpt2")
    shutil.copy(base / "tokenizer.json", tmp_path / "gpt2")
    made = align(settings(model=str(tmp_path / "gpt2"), targets=("c_attn",)))
    found = made.card["perplexity"]
    assert found["after"]["value"] < 0.9 * found["before"]["value"]
    backend = load_causal(f"{tmp_path / 'gpt2'}+{made.out}", runtime="torch", threads=1)
    plain = load_causal(str(tmp_path / "gpt2"), runtime="torch", threads=1)
    ids = backend.encode("Assistant: one two three one two three").ids
    assert backend.score([ids])[0].mean() < plain.score([ids])[0].mean() - 0.05


WRONG = {
    "rank": ({"rank": -1}, "rank is at least 0; got -1"),
    "epochs": ({"epochs": 0}, "epochs is at least 1"),
    "steps": ({"most_steps": 0}, "most_steps is at least 1"),
    "held": ({"most_held_out": 1}, "most_held_out is at least 2"),
    "rate": ({"learning_rate": 0.0}, "learning_rate is greater than 0"),
    "alpha": ({"alpha": float("nan")}, "alpha is greater than 0; got nan"),
    "dropout": ({"dropout": 1.0}, "dropout is less than 1"),
    "warmup": ({"warmup": -0.1}, "warmup is at least 0"),
    "precision": ({"precision": "f16"}, "precision is 'f32' or 'bf16', not 'f16'"),
    "no targets": ({"targets": ()}, "targets is empty"),
    "target": (
        {"targets": ("q_proj", "w1")},
        "has no weights 'w1' to change: down_proj, gate_proj",
    ),
    "head": ({"targets": ("lm_head",)}, "has no weights 'lm_head' to change"),
    "window": ({"window_tokens": 999}, "window_tokens is at most 256 for"),
    "long": ({"longest_tokens": 4}, r"has 0 conversations to train on .* 24 were longer"),
    "device": ({"device": "tpu"}, "device is one of auto, cpu, cuda, mps"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_setting_out_of_range_is_refused(settings, case):
    changes, said = WRONG[case]
    with pytest.raises(SettingError, match=said):
        align(settings(**changes))


def test_a_file_that_is_not_there_is_said(base, tmp_path):
    with pytest.raises(SettingError, match=r"There is no file .*nothing\.jsonl"):
        align(Settings(data=tmp_path / "nothing.jsonl", out=tmp_path / "out", model=str(base)))


def test_a_model_with_an_adapter_is_refused(settings, base, tmp_path):
    adapter = write_adapter(tmp_path / "ad")
    with pytest.raises(ModelMismatch, match="has an adapter; train its base"):
        align(settings(model=f"{base}+{adapter}"))


def test_an_encoder_is_refused(settings, tmp_path):
    with pytest.raises(ModelMismatch, match="is an encoder"):
        align(settings(model=str(write_bert(tmp_path / "bert"))))


def test_one_conversation_is_too_few(settings, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text(json.dumps({"instruction": "Hi", "response": "Hello."}))
    changed = dataclasses.replace(settings(), data=few)
    with pytest.raises(SettingError, match="has 1 conversations to train on and 0 to measure"):
        align(changed)


def test_a_model_that_changes_its_logits_is_refused(base, monkeypatch):
    from transformers import LlamaForCausalLM

    plain = LlamaForCausalLM.forward

    def capped(self, *args, **kwargs):
        out = plain(self, *args, **kwargs)
        out.logits = torch.tanh(out.logits)
        return out

    monkeypatch.setattr(LlamaForCausalLM, "forward", capped)
    with pytest.raises(ModelMismatch, match="changes its logits after its head"):
        trainee(base)
