"""`tersely compress`: text out, numbers beside it, one line for each mistake."""

import json

import pytest
from typer.testing import CliRunner

from tersely import loading
from tersely.cli import app

TEXT = "One two three, four five six. Seven eight nine.\n"


def run(*arguments, given=TEXT, env=None):
    return CliRunner().invoke(app, ["compress", *arguments], input=given, env=env)


def short(*arguments, **settings):
    return run("--method", "truncate", *arguments, **settings)


def test_text_goes_out_and_numbers_beside_it():
    result = short("--tokens", "4")
    assert result.stdout == "One two three,"
    assert result.stderr.startswith("12 -> 4 tokens")


def test_quiet_says_nothing_beside_the_text():
    assert short("--tokens", "4", "--quiet").stderr == ""


def test_rate_one_is_the_input_byte_for_byte():
    given = "a\r\n\ttab  ends \u00e9 e\u0301 \U0001f469\u200d\U0001f680 <b>\x00\n\n"
    assert short("--rate", "1", given=given.encode()).stdout_bytes == given.encode()


def test_json_has_what_the_design_says():
    found = json.loads(short("--tokens", "4", "--json").stdout)
    wanted = (
        "text method model tokenizer exact tokens_before tokens_after limit_tokens rate seconds"
    )
    assert {*wanted.split(), "seconds", "kept"} <= set(found)
    assert (found["text"], found["kept"]) == ("One two three,", [[0, 0, 14]])


def test_diff_marks_what_was_dropped():
    assert short("--tokens", "4", "--diff").stdout.startswith("One two three,[- four five six.")


def test_a_file_is_read(tmp_path):
    (tmp_path / "prompt.txt").write_text(TEXT, "utf-8")
    assert short(str(tmp_path / "prompt.txt"), "--tokens", "4").stdout == "One two three,"


def test_options_can_come_from_the_environment():
    result = run("--tokens", "4", env={"TERSELY_COMPRESS_METHOD": "truncate"})
    assert result.stdout == "One two three,"


def test_settings_reach_the_method():
    assert short("--tokens", "4", "--set", "keep=tail").stdout == "Seven eight nine.\n"


def test_a_stand_in_says_so():
    result = short("--tokens", "4", "--for", "claude-opus-5")
    assert "o200k_base as a stand-in" in result.stderr


def test_the_question_is_kept():
    result = short("--tokens", "8", "--question", "Why not?", "--quiet")
    assert result.stdout.endswith("\n\nWhy not?")


MISTAKES = {
    "neither": ([], "exactly one"),
    "both": (["--tokens", "4", "--rate", "0.5"], "exactly one"),
    "rate 0": (["--rate", "0"], "rate is kept tokens"),
    "rate above 1": (["--rate", "1.5"], "rate is kept tokens"),
    "rate nan": (["--rate", "nan"], "rate is kept tokens"),
    "no tokens": (["--tokens", "0"], "at least 1"),
    "fewer than none": (["--tokens", "-3"], "at least 1"),
    "method": (["--tokens", "4", "--method", "truncat"], "Did you mean 'truncate'"),
    "model": (["--tokens", "4", "--model", "smollm"], "Did you mean 'smollm2-135m'"),
    "tokenizer": (["--tokens", "4", "--for", "o200k_bse"], "Did you mean 'o200k_base'"),
    "setting": (["--tokens", "4", "-m", "truncate", "--set", "side=head"], "no setting 'side'"),
    "value": (["--tokens", "4", "-m", "truncate", "--set", "keep=middle"], "head, tail, both"),
    "no equals": (["--tokens", "4", "--set", "keep"], "name=value"),
    "pattern": (["--tokens", "4", "-m", "truncate", "--protect", "("], "regular expression"),
    "protected": (["--tokens", "2", "-m", "truncate", "-q", "Why not now?"], "needs"),
    "file": (["/no/such/file", "--tokens", "4"], "cannot be read"),
    "folder": (["/", "--tokens", "4"], "cannot be read"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_1(case):
    arguments, said = MISTAKES[case]
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("given", ["", " \n\t\n"])
def test_an_empty_prompt_is_refused(given):
    result = short("--tokens", "4", given=given)
    assert (result.exit_code, result.stderr) == (
        1,
        "error: The prompt is empty: there is nothing to compress.\n",
    )


def test_broken_utf8_names_the_byte():
    result = short("--tokens", "4", given=b"caf\xe9 ole")
    assert result.exit_code == 1
    assert "byte 0xe9 at position 3" in result.stderr


def test_a_model_that_is_not_here_says_the_command(tmp_path):
    home = {"TERSELY_HOME": str(tmp_path)}
    result = run("--tokens", "4", "--method", "llmlingua", env=home)
    assert result.exit_code == 1
    assert "tersely models pull smollm2-135m" in result.stderr


def test_a_model_that_is_named_decides_what_auto_is(tmp_path):
    result = run("--tokens", "4", "--model", "no-such", env={"TERSELY_HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert "There are: keep-l6, minilm-l6, smollm2-135m" in result.stderr


def test_a_question_makes_auto_hybrid(tmp_path):
    loading._loaded_encoder.cache_clear()
    result = run("--tokens", "4", "--question", "Two?", env={"TERSELY_HOME": str(tmp_path)})
    assert result.exit_code == 1
    assert "tersely models pull minilm-l6" in result.stderr


def test_hybrid_runs_without_an_encoder():
    result = run("--tokens", "8", "--question", "Which is seven?", "--set", "encoder=null")
    assert result.stdout == "Seven eight nine.\n\n\nWhich is seven?"
    assert ", hybrid," in result.stderr


def test_the_runtime_of_an_encoder_is_not_torch():
    result = run("--tokens", "4", "--question", "Two?", "--runtime", "torch")
    assert result.stderr == "error: An encoder's runtime is 'openvino', not 'torch'.\n"


def test_json_and_diff_exclude_each_other():
    assert short("--tokens", "4", "--json", "--diff").exit_code == 2


def test_a_word_for_a_number_is_wrong_usage():
    assert run("--tokens", "many").exit_code == 2


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_bytes_on_the_command_line_that_are_no_text_come_out_as_they_went_in(shape):
    typed = b"\xffWhy?".decode("utf-8", "surrogateescape")
    result = run("--tokens", "9", "-m", "truncate", "-q", typed, "--quiet", *shape)
    assert result.exit_code == 0
    said = (
        json.loads(result.stdout)["text"]
        if shape
        else result.stdout_bytes.decode("utf-8", "surrogateescape")
    )
    assert said.endswith(typed)
