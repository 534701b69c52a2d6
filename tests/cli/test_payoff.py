"""`tersely payoff`: yes or no, from which length on, and the same as JSON."""

import json

import pytest
from typer.testing import CliRunner

from tersely.cli import app
from tersely.cli.payoff import LENGTHS
from tersely.payoff import Speed
from tersely.payoff.speed import find_speed
from tersely.payoff.terms import MACHINE_USD_PER_HOUR

TEXT = "One two three, four five six. Seven eight nine.\n" * 40
SHORT = ("--method", "truncate")


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))


def run(*arguments, given=TEXT, command="payoff"):
    return CliRunner().invoke(app, [command, "-", *map(str, arguments)], input=given)


def test_yes_says_why_and_from_which_length_on():
    result = run("--for", "gpt-5", *SHORT)
    assert result.exit_code == 0
    assert result.stdout.startswith("yes: 480 -> 240 tokens for gpt-5, truncate\n  Money: 0.0006")
    assert "saves 50%, pays at any length." in result.stdout
    assert "assumed (--measure times it here)" in result.stdout


def test_the_table_has_a_row_for_each_length():
    rows = run("--for", "gpt-5", *SHORT).stdout.split("\n\n")[1].splitlines()
    assert rows[0].split() == ["tokens", "after", "saved", "USD", "saved", "s", "pays"]
    assert [int(row.split()[0]) for row in rows[1:]] == [*LENGTHS]


def test_no_is_no_error_unless_it_is_checked():
    no = ("--for", "gpt-5", *SHORT, "--cache-hits", 0.9)
    assert (run(*no).exit_code, run(*no, "--check").exit_code) == (0, 1)
    assert run(*no).stdout.startswith("no: 480 -> 240")
    assert run("--for", "gpt-5", *SHORT, "--check").exit_code == 0


def test_json_has_all_numbers():
    asked = ("--tokens", 100, "--prefill-tokens-per-second", 2000, "--json")
    found = json.loads(run("--for", "gpt-5", *SHORT, *asked).stdout)
    assert (found["worth_it"], found["tokens"], found["tokens_after"]) == (True, 480, 100)
    assert found["money"]["break_even_tokens"] == 101
    assert found["time"]["saved"] == pytest.approx(0.19 - found["compressor_seconds"])
    assert found["prices"]["input"]["usd"] == 1.25
    assert len(found["lengths"]) == len(LENGTHS)


def test_own_prices_count_instead_of_the_lists():
    own = ("--input-price", 100, "--cache-read-price", 1, "--output-price", 7, "--output-tokens", 5)
    found = json.loads(run("--for", "llama3", *SHORT, *own, "--json").stdout)
    assert found["prices"]["source"] == "given"
    assert found["money"]["before"] == pytest.approx(found["tokens"] * 1e-4 + 35e-6)


def test_terms_reach_the_prediction():
    asked = ("--output-tokens", 500, "--inflation", 1.5)
    assert run("--for", "gpt-5", *SHORT, *asked).stdout.startswith("no")


def test_measuring_is_remembered_and_compared(monkeypatch):
    line = Speed(fixed_seconds=2.0, source="measured")
    monkeypatch.setattr("tersely.payoff.timing.measure_speed", lambda *_, **__: line)
    result = run("--for", "gpt-5", *SHORT, "--measure")
    assert "The compressor takes 2.00 s, measured." in result.stdout
    assert "Compressed: 240 tokens left, in 0.0" in result.stdout
    assert find_speed("truncate", "") == line


def test_the_default_price_of_a_machine_is_the_terms():
    assert run("--help", given="").stdout.count(str(MACHINE_USD_PER_HOUR)) == 1


MISTAKES = {
    "no model": (["--for", "o200k_base"], 1, "No price is known for 'o200k_base'"),
    "both": (["--for", "gpt-5", "--tokens", 4, "--rate", 0.5], 1, "exactly one"),
    "cache": (["--for", "gpt-5", "--cache-hits", 2], 1, "cache_hits is a number in"),
    "inflation": (["--for", "gpt-5", "--inflation", 2], 1, "--output-tokens"),
    "prices": (["--for", "gpt-5", "--output-price", 2], 1, "begin with --input-price"),
    "method": (["--for", "gpt-5", "--method", "truncat"], 1, "Did you mean 'truncate'"),
    "target": ([], 2, "--for"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(arguments, code, message):
    result = run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr


def test_compress_leaves_alone_what_does_not_pay():
    asked = ("--rate", "0.5", "--method", "llmlingua", "--only-if-it-pays")
    result = run(*asked, "--for", "gpt-5-nano", command="compress")
    assert result.stdout == TEXT
    assert "Unchanged: Compressing it would not pay. Money: 0.000024 ->" in result.stderr


def test_compress_shortens_what_pays():
    asked = ("--rate", "0.5", *SHORT, "--for", "gpt-5")
    plain = run(*asked, command="compress").stdout
    assert run(*asked, "--only-if-it-pays", command="compress").stdout == plain != TEXT


def test_json_says_why_nothing_was_done():
    asked = ("--rate", "0.5", "--method", "llmlingua", "--only-if-it-pays", "--json")
    found = json.loads(run(*asked, "--for", "gpt-5-nano", command="compress").stdout)
    assert found["reason"].startswith("Compressing it would not pay.")
    assert found["limit_tokens"] == found["tokens_before"]
