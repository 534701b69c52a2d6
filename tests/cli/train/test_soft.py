"""`tersely train soft-pretrain` and `soft-finetune`: a folder out, one line for each mistake."""

import json

import pytest
from tiny_llama import write_folder
from typer.testing import CliRunner

from tersely.cli import app
from tersely.cli.report import INTERRUPTED

pytest.importorskip("torch", reason="training needs the extra train")
pytest.importorskip("transformers", reason="training needs the extra train")

from tersely.training.soft import pretrain
from tersely.training.soft.outcome import Outcome

SMALL = ["--shape", "rank=2", "--shape", "budgets=2", "--context", "20", "--continuation", "6"]
SHORT = ["--steps", "2", "--batch-tokens", "80", "--pass-tokens", "80", "--threads", "1"]


@pytest.fixture
def base(tmp_path):
    return write_folder(tmp_path / "tiny")


@pytest.fixture
def data(tmp_path):
    place = tmp_path / "data.jsonl"
    rows = [
        {"text": f"Here is the cat {n}, who sings.", "question": "Who?", "answers": [f"cat {n}"]}
        for n in range(8)
    ]
    rows = [row | {"context": row["text"]} for row in rows]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


def run(name, *arguments):
    given = [*map(str, arguments), "--device", "cpu", *SHORT]
    return CliRunner().invoke(app, ["train", name, *given])


def test_one_after_the_other_and_both_say_what_came_of_it(base, data, tmp_path):
    first, second = tmp_path / "pretrained", tmp_path / "tuned"
    common = ["--model", base, "--data", data, "--held-out", "0.3"]
    made = run("soft-pretrain", *common, "--out", first, *SMALL, "--json")
    tuned = run("soft-finetune", *common, "--out", second, "--adapter", first, "--segment", "12")
    assert (made.exit_code, tuned.exit_code, tuned.stdout) == (0, 0, "")
    assert json.loads(made.stdout)["adapter"]["shape"]["budgets"] == [2]
    assert f"use it: tersely soft compress FILE --adapter {second} --slots 2" in tuned.stderr
    assert "regeneration, held out, 2 slots:" in made.stderr


def test_a_mistake_is_one_line(base, tmp_path):
    gone = tmp_path / "gone.jsonl"
    made = run("soft-pretrain", "--data", gone, "--out", tmp_path / "out", "--model", base)
    assert made.exit_code == 1
    assert made.stderr.count("\n") <= 2
    assert "There is no file" in made.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--preset", "papers"], "papers"),
        (["--shape", "attention=both"], "attention is one of"),
        (["--shape", "heads=3"], "--shape is KEY=VALUE, KEY one of slots,"),
        (["--shape", "rank=two"], "--shape rank is of the kind int; got 'two'"),
        (["--shape", "nested=1"], "--shape nested is of the kind bool"),
        (["--shape", "budgets=two"], "--shape budgets takes numbers as 1,4,16; got 'two'"),
        (["--weight", "following"], "--weight is KEY=VALUE"),
        (["--weight", "following=nan"], "weight of following"),
        (["--pace", "most_steps=x"], "--pace most_steps is of the kind int"),
        (["--seed", "99999999999999999999999"], "seed is at most"),
        (["--seed", "-1"], "seed is at least 0"),
        (["--held-out", "nan"], "held_out is a share"),
        (["--method", "icea"], "icae"),
        (["--pace", "warmup_steps=-1"], "warmup_steps is at least 0"),
        (["--slots", "99"], "largest budget"),
        (["--precision", "f8"], "precision is"),
    ],
)
def test_a_setting_out_of_range_is_refused(data, tmp_path, option, said):
    made = run("soft-pretrain", "--data", data, "--out", tmp_path / "out", *option)
    assert made.exit_code == 1
    assert said in made.stderr


def test_what_was_stopped_says_how_to_go_on(monkeypatch, data, tmp_path):
    def stopped(settings, **_):
        return Outcome(settings.out, 1, 4, finished=False, card={})

    monkeypatch.setattr(pretrain, "pretrain", stopped)
    made = run("soft-pretrain", "--data", data, "--out", tmp_path / "out")
    assert made.exit_code == INTERRUPTED
    assert "stopped after step 1 of 4" in made.stderr


@pytest.mark.parametrize(
    "given", [["--preset", "paper"], ["--method", "icae"], ["--shape", "rank=2"]]
)
def test_what_an_adapter_says_itself_is_refused_beside_it(data, tmp_path, given):
    arguments = ["--data", data, "--out", tmp_path / "out", "--adapter", tmp_path / "ad", *given]
    made = run("soft-finetune", *arguments)
    assert made.exit_code == 1
    assert f"{given[0]} does not go with --adapter" in made.stderr
