"""Fine-tuning at toy size: questions become samples, and answers are learnt from memories."""

import json
from dataclasses import replace

import pytest
from tiny_llama import write_folder

from tersely.errors import ModelMismatch, SettingError
from tersely.soft.presets import preset
from tersely.training.soft.course import Pace
from tersely.training.soft.finetune import Settings, finetune
from tersely.training.soft.pretrain import Settings as Pretraining
from tersely.training.soft.pretrain import pretrain
from tersely.training.soft.questions import Reading, answer_of, text_of
from tersely.training.soft.shards import Source

PACE = {"learning_rate": 0.02, "batch_tokens": 400, "pass_tokens": 200, "threads": 1}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp("data") / "questions.jsonl"
    rows = [
        {
            "question": "Who?",
            "answers": [f"cat {n}"],
            "context": f"Here is the cat {n}, who can sing {n} songs.",
        }
        for n in range(16)
    ]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


@pytest.fixture
def settings(base, data, tmp_path):
    shape = preset("default", rank=4, alpha=8.0, budgets=(2, 4))
    made = Settings(data=(data,), out=tmp_path / "tuned", model=str(base), shape=shape)
    return replace(made, held_out=0.2, device="cpu", segment_tokens=16, pace=Pace(**PACE))


@pytest.fixture
def pretrained(settings, data, base, tmp_path):
    source = Source(files=(data,), field="context", held_out=0.2)
    given = {"out": tmp_path / "pretrained", "model": str(base), "shape": settings.shape}
    pace = Pace(**PACE, most_steps=2)
    sizes = {"context_tokens": 20, "continuation_tokens": 6}
    return pretrain(Pretraining(source=source, device="cpu", pace=pace, **given, **sizes)).out


def stopped_after(steps):
    done = iter(range(1, 999))
    return lambda: next(done) == steps


def test_answers_of_held_out_texts_get_likelier(settings):
    made = finetune(replace(settings, pace=Pace(**PACE, epochs=3)))
    first, last = made.card["measured"][0], made.card["measured"][-1]
    assert last["following"] < first["following"]
    assert made.card["data"]["learnt"] + made.card["data"]["held_out"] == 16


def test_it_begins_with_what_was_pretrained(settings, pretrained):
    one = Pace(**PACE, most_steps=1)
    made = finetune(replace(settings, adapter=pretrained, pace=one))
    fresh = finetune(replace(settings, out=settings.out.with_name("fresh"), pace=one))
    told = json.loads((pretrained / "tersely.json").read_text())
    assert made.card["settings"]["adapter_sha256"] == told["weights_sha256"]
    assert made.card["measured"][0] != fresh.card["measured"][0]


def test_a_stopped_training_goes_on_to_the_same_weights(settings):
    whole = finetune(settings)
    half = replace(settings, out=settings.out.with_name("half"))
    assert not finetune(half, stop=stopped_after(2)).finished
    assert finetune(half).card["weights_sha256"] == whole.card["weights_sha256"]


def test_an_adapter_of_another_model_is_refused(settings, pretrained):
    card = json.loads((pretrained / "tersely.json").read_text())
    card["base"]["sha256"] = "0" * 64
    (pretrained / "tersely.json").write_text(json.dumps(card))
    with pytest.raises(ModelMismatch, match="another model"):
        finetune(replace(settings, adapter=pretrained))


def test_questions_about_what_is_measured_on_are_left_out(settings, data):
    with pytest.raises(SettingError, match="16 share wording"):
        finetune(replace(settings, measured=(data,)))


def test_rows_without_an_answer_are_left_out_and_counted(settings, tmp_path):
    place = tmp_path / "bad.jsonl"
    rows = [{"question": "Who?", "answers": [], "context": "Somebody is here."}, {"text": "x"}]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SettingError, match=r"Of 2 rows none is left .* 2 have no question"):
        finetune(replace(settings, data=(place,)))


def test_a_file_that_is_not_there_is_refused(settings, tmp_path):
    with pytest.raises(SettingError, match="no file"):
        finetune(replace(settings, data=(tmp_path / "gone.jsonl",)))


def test_slots_beyond_the_largest_budget_are_refused(settings):
    with pytest.raises(SettingError, match="largest budget, 4"):
        finetune(replace(settings, slots=(8,)))


def test_slots_that_compress_nothing_are_refused(settings):
    with pytest.raises(SettingError, match="4 slots of a segment of 4 tokens compress nothing"):
        finetune(replace(settings, segment_tokens=4))


@pytest.mark.parametrize("share", [float("nan"), -0.1, 1.0])
def test_a_share_held_out_is_less_than_all(settings, share):
    with pytest.raises(SettingError, match="held_out is a share"):
        replace(settings, held_out=share)


def test_no_rows_at_all_are_said_to_be_none(settings, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(SettingError, match="no row to learn from"):
        finetune(replace(settings, data=(tmp_path / "empty.jsonl",)))
    assert not settings.out.exists()


def test_a_row_longer_than_the_model_reads_is_left_out():
    encode = lambda text: [ord(one) for one in text]  # noqa: E731
    given = {"question": encode, "encode": encode, "end": 7, "context_tokens": 99}
    row = {"question": "ab?", "answers": ["no"], "context": "text"}
    assert Reading(least_tokens=1, room_tokens=10, **given).sample(row)
    assert Reading(least_tokens=1, room_tokens=9, **given).sample(row) is None


DOCUMENTS = [{"title": "t", "text": "one"}, {"title": "u", "text": "two"}]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"context": "whole", "documents": DOCUMENTS}, "whole"),
        ({"documents": DOCUMENTS, "gold_index": 1}, "two"),
        ({"documents": DOCUMENTS}, "one\n\ntwo"),
        ({"documents": ["one", "two"], "gold_index": None}, "one\n\ntwo"),
        ({"documents": DOCUMENTS, "gold_index": 7}, ""),
        ({"documents": DOCUMENTS, "gold_index": "1"}, ""),
        ({"documents": 5}, ""),
        ({}, ""),
    ],
)
def test_the_text_is_the_context_or_what_has_the_answer(row, text):
    assert text_of(row) == text


@pytest.mark.parametrize(
    ("answers", "answer"), [(["a", "b"], "a"), ("a", "a"), ([], ""), (None, ""), ([3], "")]
)
def test_the_first_answer_is_learnt(answers, answer):
    assert answer_of({"answers": answers}) == answer


def test_only_the_answer_and_its_end_are_scored():
    encode = lambda text: [ord(one) for one in text]  # noqa: E731
    reading = Reading(question=encode, encode=encode, end=7, context_tokens=9, least_tokens=1)
    sample = reading.sample({"question": "ab?", "answers": ["no"], "context": "text"})
    assert bytes(sample.following.tolist()) == b"ab?no\x07"
    assert sample.scored.tolist() == [False, False, False, True, True, True]
    assert reading.sample({"question": "ab?", "answers": ["no"], "context": "longer text"}) is None
