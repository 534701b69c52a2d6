"""A training learns, stops, goes on to the same weights, and says what is wrong with its labels."""

import dataclasses
import json

import numpy as np
import pytest
from tiny_labels import make_base, make_row, make_rows, tokenizer, write_labels

from tersely.backends.load import load_classifier
from tersely.backends.safetensors_folder import read_tensor
from tersely.backends.tokenizer import encode, read_tokenizer
from tersely.errors import BackendError, ModelMismatch, SettingError, UnknownName
from tersely.training import checkpoint
from tersely.training.base_model import find_base
from tersely.training.token_classifier import Settings, train
from tersely.training.windows import words_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A base and labels of 30 texts."""
    place = tmp_path_factory.mktemp("training")
    make_base(place / "base")
    write_labels(place / "labels.jsonl", make_rows(30))
    return place


@pytest.fixture
def settings(folder, tmp_path):
    """Two epochs of seven steps."""
    return Settings(
        labels=(folder / "labels.jsonl",),
        out=tmp_path / "out",
        base_model=str(folder / "base"),
        window_tokens=32,
        batch_tokens=64,
        learning_rate=2e-2,
        epochs=2,
        threads=1,
        device="cpu",
    )


def change(settings, **given):
    return dataclasses.replace(settings, **given)


def weights(out):
    return checkpoint.file_hash(out / checkpoint.WEIGHTS)


class Stops:
    """Stops after some steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left == 0


def test_a_few_rows_are_learnt_by_heart(settings, tmp_path):
    rows = [make_row("the cat sat on a mat", number=n) for n in range(2)]
    labels = write_labels(tmp_path / "few.jsonl", rows)
    trained = train(change(settings, labels=(labels,), epochs=25, patience=25))
    best = trained.card["best"]
    assert best["nats"] - best["floor_nats"] < 0.02
    assert trained.card["epochs"][0]["nats"] - best["floor_nats"] > 0.1
    assert best["rank"] > 0.5


def test_the_same_seed_gives_the_same_file(settings, tmp_path):
    one = train(settings)
    train(change(settings, out=tmp_path / "again"))
    train(change(settings, out=tmp_path / "other", seed=1))
    assert weights(tmp_path / "again") == weights(settings.out) == one.card["weights_sha256"]
    assert weights(tmp_path / "other") != weights(settings.out)


def test_a_stopped_training_comes_to_the_same_weights(settings, tmp_path):
    whole = train(settings)
    parts = change(settings, out=tmp_path / "parts", save_seconds=0.0)
    stops = 0
    while not (trained := train(parts, stop=Stops(3))).finished:
        stops += 1
    assert stops == whole.of_steps // 3
    assert weights(parts.out) == weights(settings.out)
    assert trained.card | {"seconds": 0} == whole.card | {"seconds": 0}


def test_what_is_written_is_a_classifier_folder_and_no_state(settings):
    trained = train(settings)
    names = {path.name for path in settings.out.iterdir()}
    assert names == {
        "config.json", "tokenizer.json", "model.safetensors", "tersely.json", "held_out.jsonl"
    }  # fmt: skip
    assert read_tensor(settings.out / "model.safetensors", "classifier.weight").shape == (2, 32)
    config = json.loads((settings.out / "config.json").read_text())
    assert (config["id2label"]["1"], config["tersely_window"]) == ("keep", 32)
    assert str(settings.out.parent) not in json.dumps([trained.card, config])


def test_a_finished_training_is_not_done_again(settings):
    first = train(settings)
    changed = (settings.out / checkpoint.WEIGHTS).stat().st_mtime_ns
    again = train(settings, progress=lambda *_: pytest.fail("it learns again"))
    assert (again.finished, again.steps, again.card) == (True, first.steps, first.card)
    assert (settings.out / checkpoint.WEIGHTS).stat().st_mtime_ns == changed


@pytest.mark.parametrize("stop", [None, Stops(2)])
def test_a_folder_of_another_training_is_refused(settings, stop):
    train(settings, stop=stop)
    with pytest.raises(SettingError, match=r"seed 0 there, 5 now\. Name a new folder"):
        train(change(settings, seed=5))


def test_other_labels_are_another_training(settings, tmp_path):
    train(settings, stop=Stops(2))
    labels = write_labels(tmp_path / "l.jsonl", make_rows(31))
    with pytest.raises(SettingError, match="labels_sha256"):
        train(change(settings, labels=(labels,)))


def test_a_folder_with_other_things_in_it_is_refused(settings):
    settings.out.mkdir()
    (settings.out / "thesis.tex").write_text("mine")
    with pytest.raises(SettingError, match=r"holds thesis\.tex but no training"):
        train(settings)


def test_a_damaged_state_says_what_to_delete(settings):
    train(settings, stop=Stops(2))
    (state,) = (settings.out / "state").iterdir()
    (state / "state.safetensors").write_bytes(b"half")
    with pytest.raises(BackendError, match=r"is damaged: .* Delete .*state to begin anew"):
        train(settings)


def test_it_stops_early_and_keeps_the_best_epoch(settings):
    epochs = []
    trained = train(
        change(settings, epochs=30, patience=1, learning_rate=0.5), on_epoch=epochs.append
    )
    nats = [epoch.held_out.nats for epoch in epochs]
    assert len(epochs) < 30
    assert [epoch.best for epoch in epochs] == [True] * (len(epochs) - 1) + [False]
    assert trained.card["best"]["nats"] == pytest.approx(min(nats), abs=1e-5)


@pytest.mark.parametrize(("by", "of"), [("kept", max), ("rank", max), ("nats", min)])
def test_the_best_epoch_is_the_best_by_what_was_asked_for(settings, by, of):
    epochs = []
    asked = change(settings, epochs=6, patience=6, learning_rate=0.3, best_by=by)
    trained = train(asked, on_epoch=epochs.append)
    found = [getattr(epoch.held_out, by) for epoch in epochs]
    assert trained.card["best"]["number"] == 1 + found.index(of(found))


def test_frozen_embeddings_stay(settings, folder):
    train(change(settings, freeze_embeddings=True, weight_decay=0.5))
    name = "embeddings.word_embeddings.weight"
    before = read_tensor(folder / "base" / "model.safetensors", name)
    after = read_tensor(settings.out / "model.safetensors", "bert." + name)
    assert np.array_equal(before, after)


def test_half_precision_learns_the_same_and_writes_whole_weights(settings, tmp_path):
    whole = train(settings).card
    half = train(change(settings, out=tmp_path / "half", precision="bfloat16")).card
    assert half["best"]["nats"] == pytest.approx(whole["best"]["nats"], abs=0.02)
    config = json.loads((tmp_path / "half" / "config.json").read_text())
    assert config["dtype"] == "float32"
    assert half["weights_sha256"] != whole["weights_sha256"]


def test_training_leaves_the_seed_and_the_threads_of_the_process_alone(settings):
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state(), torch.get_num_threads()
    train(settings, stop=Stops(1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_rows_with_questions_and_of_several_kinds_and_files_are_learnt(settings, tmp_path):
    asked = write_labels(
        tmp_path / "q.jsonl", make_rows(9, question="the dog", kind="asked", seed=2)
    )
    given = {"shares": {"asked": 2.0}, "weights": {"toy": 0.5}, "epochs": 1, "held_out": 0.4}
    card = train(change(settings, labels=(*settings.labels, asked), **given)).card
    assert card["data"]["kinds"] == {"asked": 9, "toy": 30}
    assert card["data"]["with_question"] == 9
    assert set(card["best"]["ranks"]) == {"asked", "toy"}


@pytest.mark.parametrize(("questions", "rows"), [("all", 39), ("none", 30), ("only", 9)])
def test_rows_are_chosen_by_whether_they_have_a_question(questions, rows, settings, tmp_path):
    asked = write_labels(tmp_path / "q.jsonl", make_rows(9, question="the dog", seed=2))
    both = change(settings, labels=(*settings.labels, asked), questions=questions)
    assert train(change(both, epochs=1)).card["data"]["rows"] == rows


def test_no_rows_with_a_question_are_refused(settings):
    with pytest.raises(SettingError, match="no label rows with a question"):
        train(change(settings, questions="only"))


def test_a_passage_longer_than_the_window_is_cut(settings, tmp_path):
    labels = write_labels(tmp_path / "long.jsonl", make_rows(4, words=90))
    card = train(change(settings, labels=(labels,), epochs=1)).card
    assert card["data"]["learnt_tokens"] > 3 * 90


BAD_LABELS = {
    "one value": ([make_row("a cat", number=n, kept=()) for n in range(3)], "have the target 0.1"),
    "no rows": ([], "no label rows"),
    "one document": (make_rows(3, group="one"), "of one group"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_labels_that_teach_nothing_are_refused(case, settings, tmp_path):
    rows, said = BAD_LABELS[case]
    labels = write_labels(tmp_path / "bad.jsonl", rows)
    with pytest.raises(SettingError, match=said):
        train(change(settings, labels=(labels,)))
    assert not settings.out.exists()


def test_labels_of_another_text_name_their_line(settings, tmp_path):
    row = json.loads(make_row("a cat sat").to_json()) | {"text": "a"}
    (tmp_path / "bad.jsonl").write_text(json.dumps(row))
    with pytest.raises(SettingError, match=r"Line 1 of .*bad\.jsonl .* text of 1 characters"):
        train(change(settings, labels=(tmp_path / "bad.jsonl",)))


@pytest.mark.parametrize("setting", ["shares", "weights"])
def test_an_unknown_kind_is_named(setting, settings):
    with pytest.raises(
        UnknownName, match=r"No kind of label is called 'toys'\. Did you mean 'toy'"
    ):
        train(change(settings, **{setting: {"toys": 1.0}}))


def test_shares_that_leave_nothing_are_refused(settings):
    with pytest.raises(SettingError, match="leave nothing to learn"):
        train(change(settings, shares={"toy": 0.0}))


BAD_SETTINGS = {
    "epochs": 0, "batch_tokens": 0, "window_tokens": 8, "overlap_tokens": -1, "patience": 0,
    "learning_rate": 0.0, "threshold": 0.0, "held_out": 1.0, "warmup": 1.0, "seed": -1,
    "weight_decay": -1.0, "questions": "some", "best_by": "luck", "labels": (), "dropout": 1.0, "precision": "int8", "threads": 0, "weights": {"toy": -1.0},
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_a_setting_out_of_range_is_refused(name, settings):
    with pytest.raises(SettingError, match="label file" if name == "labels" else name):
        change(settings, **{name: BAD_SETTINGS[name]})


def test_a_device_that_is_not_there_is_refused(settings):
    with pytest.raises(SettingError, match="device is one of auto, cpu, cuda, mps; got 'tpu'"):
        train(change(settings, device="tpu"))


def test_a_window_longer_than_the_positions_is_refused(settings):
    with pytest.raises(SettingError, match="window_tokens is at most 64 for 'base'; got 65"):
        train(change(settings, window_tokens=65))


BAD_BASES = {
    "kind": ({"model_type": "llama"}, "is a 'llama' model; a token classifier is made of"),
    "vocabulary": ({"vocab_size": 9}, "knows 16 tokens, and the model 9"),
    "other vocabulary": ({"vocab_size": 30522}, "one of the two files is another model's"),
}


@pytest.mark.parametrize("case", BAD_BASES)
def test_a_base_of_the_wrong_kind_is_refused(case, tmp_path):
    config, said = BAD_BASES[case]
    with pytest.raises(ModelMismatch, match=said):
        find_base(str(make_base(tmp_path / "base", **config)))


def test_a_causal_model_is_no_base(tmp_path):
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelMismatch, match="is a causal model"):
        find_base(str(tmp_path / "small.gguf"))


def test_a_base_with_more_layers_in_its_config_lacks_weights(settings, tmp_path):
    base = make_base(tmp_path / "base", num_hidden_layers=2)
    with pytest.raises(ModelMismatch, match=r"lacks 16 weights, first bert\.encoder\.layer\.1"):
        train(change(settings, base_model=str(base)))


SIZES = {"vocab_size": 16, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
         "intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": 0}  # fmt: skip
DISTIL = {"vocab_size": 16, "dim": 32, "n_layers": 1, "n_heads": 4, "hidden_dim": 48,
          "max_position_embeddings": 64}  # fmt: skip
KINDS = {"roberta": SIZES, "xlm-roberta": SIZES, "distilbert": DISTIL}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_base_becomes_a_classifier_that_loads(kind, settings, tmp_path, monkeypatch):
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(kind, **KINDS[kind])
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "base")
    tokenizer().save(str(tmp_path / "base" / "tokenizer.json"))
    train(change(settings, base_model=str(tmp_path / "base"), epochs=1))
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
    backend = load_classifier(str(settings.out))
    (chances,) = backend.classify([backend.encode("the cat sat").ids])
    assert chances.shape == (3,)
    assert find_base(str(tmp_path / "base")).window_limit == (64 if kind == "distilbert" else 63)


def test_capitals_are_marked_in_the_tokenizer_that_is_written(settings, tmp_path):
    base = make_base(tmp_path / "base", lowercase=True)
    train(change(settings, base_model=str(base), epochs=1, mark_capitals=True))
    written = read_tokenizer(settings.out / "tokenizer.json")
    marked = written.encode("The cat saT. A À", add_special_tokens=False)
    assert marked.tokens == ["^", "the", "cat", "sat", ".", "^", "a", "^", "a"]
    assert marked.offsets[0] == (0, 1)
    tokens = encode(written, "The cat")
    assert [("The cat"[a:b]) for a, b in zip(tokens.starts, tokens.ends, strict=True)][1:] == [
        "The ",
        "cat",
    ]


def test_a_mark_belongs_to_its_word(tmp_path):
    base = find_base(str(make_base(tmp_path / "base", lowercase=True)), marked=True)
    row = make_row("a Cat sat", kept=("Cat",))
    marked = base.tokenizer.encode(row.text, add_special_tokens=False)
    assert words_of(np.array(marked.offsets), np.array(row.words)).tolist() == [0, 1, 1, 2]


def test_a_base_that_sees_capitals_gets_no_marks(settings):
    with pytest.raises(ModelMismatch, match="'base' sees capitals already: leave"):
        train(change(settings, mark_capitals=True))
