"""`tersely evaluate gate`: what it prints, and how it exits."""

import json

import pytest
import typer
from made_records import coins, made_arm, write_run
from typer.testing import CliRunner

from tersely.cli.evaluate.gate import gate
from tersely.evaluation import statistics

FULL = coins(400, 0.8)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(statistics, "RESAMPLES", 500)


@pytest.fixture
def folder(tmp_path):
    """Two tasks on which hybrid is as good as full, and random_drop is not."""
    records = [
        record
        for task in ("nq", "squad")
        for arm, values in (("full", FULL), ("hybrid", FULL), ("random_drop", [0.0] * 400))
        for record in made_arm(arm, values, task=task)
    ]
    return write_run(tmp_path / "run", records)


def run(*arguments):
    app = typer.Typer()
    app.command()(gate)
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_what_is_shown_exits_with_0(folder):
    result = run(folder, "--arm", "hybrid", "--measure", "f1")
    assert result.exit_code == 0
    assert result.stdout == (
        "shown: hybrid is less than 1 point of f1 below full, at 95 % confidence: +0.00, at worst"
        " -0.37\n"
    )


def test_the_table_is_on_standard_error(folder):
    lines = run(folder, "--arm", "hybrid", "--measure", "f1").stderr.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["task", "nq", "squad", "all"]
    assert lines[1].split()[1:4] == [f"{sum(FULL) / 400:.3f}"] * 2 + ["+0.00"]
    assert lines[4].startswith("at worst, at best: bounds at 95 % each")
    assert run(folder, "-a", "hybrid", "--measure", "f1", "--quiet").stderr == ""


def test_what_is_not_shown_exits_with_1(folder):
    result = run(folder, "--arm", "random_drop", "--measure", "f1", "--max-drop", 2)
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "not shown: random_drop is less than 2 points of f1 below full, at 95 % confidence: the"
        " drop is at least 7"
    )


def test_what_is_not_shown_says_how_many_examples_would_do(tmp_path):
    records = made_arm("hybrid", FULL[:200]) + made_arm("full", FULL[:200])
    result = run(write_run(tmp_path, records), "-a", "hybrid", "--measure", "f1")
    assert result.exit_code == 1
    assert "the drop may be 1.49 points; about 350 examples would probably" in result.stdout


def test_an_older_run_is_compared_with_the_same_arm(folder, tmp_path):
    worse = made_arm("hybrid", [0.0] * 40 + FULL[40:], task="squad")
    new = write_run(tmp_path / "new", worse)
    assert run(folder, "-a", "hybrid", "--measure", "f1", "--against", folder).exit_code == 0
    result = run(new, "-a", "hybrid", "--measure", "f1", "--against", folder, "--task", "squad")
    assert result.exit_code == 1
    assert f"below {folder}" in result.stdout


def test_a_task_that_is_gone_is_not_overlooked(folder, tmp_path):
    new = write_run(tmp_path / "new", made_arm("hybrid", FULL, task="squad"))
    result = run(new, "-a", "hybrid", "--measure", "f1", "--against", folder)
    assert result.exit_code == 1
    assert (
        "nq: 400 examples that the reference has a score of have none of the arm" in result.stdout
    )


def test_a_drop_of_one_task_is_named(tmp_path):
    tasks = {"a": FULL, "b": FULL, "c": FULL, "d": [0.0] * 40 + FULL[40:]}
    records = [
        record
        for task, values in tasks.items()
        for record in made_arm("hybrid", values, task=task) + made_arm("full", FULL, task=task)
    ]
    result = run(write_run(tmp_path, records), "-a", "hybrid", "--measure", "f1", "--max-drop", 4)
    assert result.exit_code == 1
    assert result.stdout.endswith("over all tasks, at 95 % confidence, but not on d\n")


def test_texts_that_are_the_same_are_said_to_be(tmp_path):
    records = made_arm("hybrid", FULL[:30], sha="a") + made_arm("full", FULL[:30], sha="a")
    result = run(write_run(tmp_path, records), "-a", "hybrid", "--measure", "f1")
    assert result.stdout.endswith("of f1 below full: all 30 texts are the same\n")


def test_what_is_left_out_is_said(tmp_path):
    records = [
        *made_arm("hybrid", [None, *FULL[1:]]), *made_arm("full", [*FULL, 1.0]),
        *made_arm("full", FULL, task="gsm8k", measure="accuracy"),
    ]  # fmt: skip
    lines = run(write_run(tmp_path, records), "-a", "hybrid", "--measure", "f1").stderr
    assert "left out: 1 pairs not scored, 1 records with no partner" in lines
    assert "not compared: gsm8k" in lines


def test_json_has_all_numbers_and_nothing_else_is_printed(folder):
    result = run(folder, "-a", "hybrid", "--measure", "f1", "--json", "--max-drop", "0.1")
    found = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")
    assert (found["passed"], found["arm"], found["against"]) == (False, "hybrid", "full")
    assert [one["task"] for one in found["tasks"]] == ["nq", "squad"]
    assert found["overall"]["difference"]["low"] == pytest.approx(-0.37, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-a", "hybrd"], "error: No arm is called 'hybrd'. Did you mean 'hybrid'?"),
        (["-a", "hybrid", "--against", "gone"], "error: No arm or older run is called 'gone'"),
        (["-a", "hybrid", "--max-drop", "-1"], "error: The drop is in points"),
        (["-a", "hybrid", "--confidence", "95"], "error: A confidence is at least 0.5"),
        (["-a", "hybrid", "--task", "qmsum"], "error: No task is called 'qmsum'"),
        (["-a", "hybrid", "--rate", "0.3"], "error: Nothing ran at rate 0.3"),
        (["-a", "full"], "error: 'full' is compared with itself"),
        ([], "Missing option '--arm'"),
    ],
)
def test_what_cannot_be_judged_exits_with_2(folder, arguments, message):
    result = run(folder, *arguments, "--measure", "f1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_run_that_is_not_there_exits_with_2(tmp_path):
    result = run(tmp_path / "gone", "-a", "hybrid", "--measure", "f1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error: There are no records in" in result.stderr
