"""`tersely train align`: a folder out, what was measured on standard error, one line a mistake."""

import json
import os
import signal

import pytest
from typer.testing import CliRunner

from tersely.cli import app
from tersely.cli.report import INTERRUPTED
from tersely.errors import SettingError
from tersely.training.perplexity import Perplexity

pytest.importorskip("torch", reason="training needs the extra train")

from tersely.training import align

CARD = {
    "base": {
        "name": "tiny",
        "sha256": "a" * 64,
        "sha256_after": "a" * 64,
        "frozen_sha256": "b" * 64,
        "frozen_sha256_after": "b" * 64,
    },
    "settings": {"rank": 8},
    "data": {"held_out": {"conversations": 7}},
    "perplexity": {
        "before": {"value": 20.0, "interval": [18.0, 22.0]},
        "after": {"value": 15.0, "interval": [14.0, 16.0]},
        "change": {"value": -0.25, "interval": [-0.3, -0.2]},
    },
    "trainable": 34,
    "parameters": 10_000,
    "steps": 4,
    "seconds": 12.3,
}


@pytest.fixture
def asked(monkeypatch):
    """Stand in for the training; keeps the settings it was called with."""
    calls = []

    def stand_in(settings, *, progress, say, stop):
        calls.append(settings)
        (say or str)("34 numbers are trained")
        if settings.seed == 1:
            os.kill(os.getpid(), signal.SIGINT)
        if settings.seed == 2:
            raise SettingError("the data will not do")
        if stop():
            return align.Aligned(settings.out, 2, 4, finished=False, card={})
        return align.Aligned(settings.out, 4, 4, finished=True, card=CARD)

    monkeypatch.setattr(align, "align", stand_in)
    return calls


def run(*arguments):
    given = ["--data", "answers.jsonl", "--out", "out", *map(str, arguments)]
    return CliRunner().invoke(app, ["train", "align", *given])


def test_what_was_measured_is_said_on_standard_error(asked):
    result = run("--model", "tiny")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "34 numbers are trained\n" in result.stderr
    assert "7 conversations held out: 20.00 [18.00, 22.00] before, 15.00 [14.00, 16.00]" in (
        result.stderr
    )
    assert "-25.0% [-30.0%, -20.0%]" in result.stderr
    assert "0.34% of the weights were trained, in 4 steps and 12 s" in result.stderr
    same = f"the files of tiny: {'a' * 12} before, {'a' * 12} after; its weights in memory"
    assert f"{same} {'b' * 12} before, {'b' * 12} after" in result.stderr
    assert result.stderr.endswith("use it as --model tiny+out\n")


def test_as_json_the_card_is_printed_and_quiet_says_nothing(asked):
    result = run("--json", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == CARD


def test_options_are_settings(asked):
    run("--rank", 4, "--target", "k_proj", "--steps", 9, "--longest", 300, "--window", 64)
    run("--full", "--field", "text=value", "--field", "turns=conversations", "--threads", 2)
    first, second = asked
    assert (first.rank, first.targets, first.most_steps) == (4, ("k_proj",), 9)
    assert (first.longest_tokens, first.window_tokens, first.most_rate) == (300, 64, 5e-4)
    assert (second.rank, second.threads, second.most_rate) == (0, 2, 2e-5)
    assert (second.fields.text, second.fields.turns) == ("value", "conversations")
    assert second.targets == align.Settings(data=first.data, out=first.out).targets


def test_ctrl_c_keeps_the_state_and_says_how_to_go_on(asked):
    result = run("--seed", 1)
    assert result.exit_code == INTERRUPTED
    assert "stopped after step 2 of 4; the state is in out. The same command" in result.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--seed", 2], "the data will not do"),
        (["--field", "text"], "--field is KEY=NAME; got 'text'"),
        (["--field", "words=x"], "There is no field 'words' to name"),
        (["--rank", -1], "rank is at least 0"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(asked, given, said):
    result = run("--quiet", *given)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_data_and_out_must_be_said():
    assert CliRunner().invoke(app, ["train", "align"]).exit_code == 2


def test_what_is_summed_up_is_what_a_card_holds():
    """The card of a real training has what the summary reads: the same names and forms."""
    one = Perplexity.of({"a": (20.0, 10), "b": (31.0, 10)})
    assert set(one.to_json()) == set(CARD["perplexity"]["before"])
    assert set(one.change_json(one)) == set(CARD["perplexity"]["change"])
