"""`tersely soft`: text in, a file out, and what is read from it; one line for each mistake."""

import json
import subprocess
import sys

import pytest
from tiny_llama import write_folder
from typer.testing import CliRunner

from tersely._registry import PRODUCERS
from tersely.cli import app
from tersely.soft.memory import Memory

TEXT = "The bridge opens on 4 June. It rains a lot. Bread is dear. The old clock has stopped.\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("soft") / "tiny")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("soft") / "other", rope_theta=900.0)


@pytest.fixture
def run(tiny):
    """Run `tersely soft COMMAND ...`, with the tiny model where there is one to name."""

    def of(command, *arguments, given=TEXT, model=tiny, env=None):
        here = ["--model", str(model), "--device", "cpu"]
        words = ["soft", command, *(here if command not in ("show", "methods") else [])]
        return CliRunner().invoke(app, [*words, *map(str, arguments)], input=given, env=env)

    return of


@pytest.fixture
def made(run, tmp_path):
    """Make a memory of the text and return its file."""

    def of(*arguments, name="doc.memory", given=TEXT):
        result = run("compress", "-", "-o", tmp_path / name, *arguments, given=given)
        assert result.exit_code == 0, result.stderr
        return tmp_path / name

    return of


def test_a_memory_is_written_and_said(run, tmp_path):
    out = tmp_path / "doc.memory"
    result = run("compress", "-", "--slots", 8, "-o", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"{out}: 86 tokens -> 8 slots (10.8x), 4,224 bytes, ")
    assert Memory.load(out).slots == 8


def test_a_file_is_read_and_quiet_says_nothing(run, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    result = run("compress", tmp_path / "text.txt", "--rate", 0.1, "-o", tmp_path / "m", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    assert Memory.load(tmp_path / "m").slots == 8


def test_bytes_are_a_budget_too_and_int8_makes_more_of_them(made):
    whole = Memory.load(made("--max-bytes", 3000))
    small = Memory.load(made("--max-bytes", 3000, "--int8"))
    assert max(whole.bytes, small.bytes) <= 3000
    assert small.is_quantized
    assert small.slots > whole.slots


def test_a_long_text_is_read_in_segments(made):
    memory = Memory.load(made("--slots", 8, "--method", "anchors", "--segment-tokens", 43))
    alone = Memory.load(made("--slots", 4, "--method", "anchors", given=TEXT[:43]))
    assert memory.select(alone.positions.new_tensor(range(4))).keys.equal(alone.keys)


def test_settings_reach_the_method(made):
    memory = Memory.load(made("--slots", 4, "-m", "truncate", "--set", "keep=head"))
    assert memory.positions.tolist() == [0, 1, 2, 3]


def test_an_output_that_exists_is_written_anew(made):
    assert Memory.load(made("--slots", 4)).slots == 4
    assert Memory.load(made("--slots", 5)).slots == 5


def test_json_says_what_show_says(run, tmp_path):
    out = tmp_path / "m"
    said = json.loads(run("compress", "-", "--slots", 4, "-o", out, "--json").stdout)
    shown = json.loads(run("show", out, "--json").stdout)
    assert shown.pop("file_bytes") == out.stat().st_size
    assert said.pop("seconds") >= 0
    assert said == shown
    assert (shown["slots"], shown["source_tokens"], shown["rate"]) == (4, 86, 0.046512)


def test_show_reads_well_and_needs_no_model(run, made, tmp_path):
    result = run("show", made("--slots", 4, "-m", "anchors"), env={"TERSELY_HOME": str(tmp_path)})
    assert "slots        4 for 86 tokens (21.5x)\n" in result.stdout
    assert "positions    10 32 53 75\n" in result.stdout
    assert "made by      anchors sink=0\n" in result.stdout


def test_show_says_little_of_many_places(run, made):
    assert " and 24 more\n" in run("show", made("--slots", 40, "-m", "anchors")).stdout
    assert "each head its own" in run("show", made("--slots", 4)).stdout


def test_an_answer_is_the_same_in_all_forms(run, made):
    file, asked = made("--slots", 8), ("When?", "--tokens", 6)
    plain, whole = run("ask", file, *asked), run("ask", file, *asked, "--json")
    streamed = run("ask", file, *asked, "--stream")
    assert plain.stdout.strip() == json.loads(whole.stdout)["text"] == streamed.stdout.strip()
    assert plain.stderr.startswith("8 slots for 86 tokens, ")


def test_several_memories_stand_one_after_the_other(run, made):
    first, second = made("--slots", 8, name="a"), made("--slots", 2, "--int8", name="b")
    said = json.loads(run("ask", first, second, "Why?", "-t", 3, "--json").stdout)
    assert [one["slots"] for one in said["memories"]] == [8, 2]
    turned = json.loads(run("ask", second, first, "Why?", "-t", 3, "--json").stdout)
    assert [one["slots"] for one in turned["memories"]] == [2, 8]


def test_answers_can_be_drawn(run, made):
    drawn = ("-t", 4, "--temperature", 1, "--top-k", 50, "--answers", 2, "--seed", 3)
    file = made("--slots", 4)
    said = json.loads(run("ask", file, "Why?", *drawn, "--json").stdout)
    assert len(said["answers"]) == 2
    assert run("ask", file, "Why?", *drawn).stdout == run("ask", file, "Why?", *drawn).stdout


def test_a_question_can_come_in_on_standard_input(run, made):
    file = made("--slots", 4)
    typed = run("ask", file, "Why?", "-t", 4).stdout
    assert run("ask", file, "-", "-t", 4, given="Why?").stdout == typed


def test_half_a_character_in_a_question_is_read_as_one_that_is_not_known(run, made):
    result = run("ask", made("--slots", 4), "wh\udce9n", "-t", 2, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["question"] == "wh\udce9n"


def test_a_text_is_written_again_as_far_as_it_is_known(run, made):
    file = made("--slots", 8)
    said = json.loads(run("regenerate", file, "-t", 5, "--json").stdout)
    assert run("regenerate", file, "-t", 5).stdout == said["text"] + "\n"


def test_methods_lists_every_producer(run):
    rows = {row["name"]: row for row in json.loads(run("methods", "--json").stdout)}
    assert list(rows) == list(PRODUCERS)
    assert rows["snapkv"]["settings"] == {"window": 32, "kernel": 5}
    assert all(row["cost"] and row["summary"] for row in rows.values())
    assert all(name in run("methods").stdout for name in PRODUCERS)


MISTAKES = {
    "no size": ([], "exactly one of --slots, --rate and --max-bytes"),
    "two sizes": (["--slots", "4", "--rate", "0.5"], "exactly one of"),
    "too few bytes": (["--max-bytes", "10"], "One slot takes"),
    "fewer slots than segments": (["--slots", "1", "--segment-tokens", "20"], "5 segments"),
    "method": (["--slots", "4", "-m", "snapkw"], "Did you mean 'snapkv'"),
    "setting": (["--slots", "4", "--set", "size=3"], "no setting 'size'"),
    "no adapter": (["--slots", "4", "--adapter", "/no/such"], "no trained adapter"),
    "precision": (["--slots", "4", "--precision", "f16"], "f32 or bf16"),
    "threads": (["--slots", "4", "--threads", "0"], "--threads is at least 1"),
    "prefix": (["--slots", "4", "--prefix", "none"], "'chat' or 'start'"),
    "device": (["--slots", "4", "--device", "abacus"], "abacus"),
    "no model": (["--slots", "4", "--model", ""], "model is a name, a folder or a file"),
    "no method": (["--slots", "4", "-m", ""], "No soft method is called ''"),
    "not trained": (["--slots", "4", "-m", "icae"], "icae is not trained: give the folder"),
    "starts untrained": (
        ["--slots", "4", "-m", "fitted", "--set", "start=icae"],
        "fitted cannot start from icae",
    ),
    "adapter as a setting": (["--slots", "4", "--set", "adapter=x"], "named with --adapter FOLDER"),
}

EARLY = {
    "no slots": (["--slots", "0"], "slots is at least 1; got 0"),
    "no rate": (["--rate", "0"], "rate is in (0, 1]; got 0.0"),
    "rate": (["--rate", "1.5"], "rate is in (0, 1]; got 1.5"),
    "rate nan": (["--rate", "nan"], "rate is in (0, 1]; got nan"),
    "rate inf": (["--rate", "inf"], "rate is in (0, 1]; got inf"),
    "no bytes": (["--max-bytes", "0"], "max_bytes is at least 1; got 0"),
    "no segment": (["--slots", "4", "--segment-tokens", "0"], "segment_tokens is at least 1"),
    "segment": (
        ["--slots", "4", "-m", "kvzip", "-s", "segment_tokens=-1"],
        "is at least 1; got -1",
    ),
    "standard output": (["--slots", "4", "-o", "-"], "--out is a file: a memory is no text"),
    "device": (["--slots", "4", "-o", "/dev/full"], "/dev/full could not be written: it is a dev"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(run, tmp_path, case):
    arguments, said = MISTAKES[case]
    result = run("compress", "-", "-o", tmp_path / "m", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("case", EARLY)
def test_what_can_be_said_before_a_model_is_loaded_is(run, tmp_path, case):
    arguments, said = EARLY[case]
    result = run("compress", "-", "-o", tmp_path / "m", *arguments, model="no-such-model")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert said in result.stderr


def test_a_text_is_not_replaced_by_its_memory(run, tmp_path):
    (tmp_path / "text").write_text(TEXT, "utf-8")
    (tmp_path / "link").symlink_to("text")
    for out in ("text", "link"):
        result = run("compress", tmp_path / "text", "--slots", 4, "-o", tmp_path / out, model="no")
        assert "--out is SOURCE itself" in result.stderr
    assert (tmp_path / "text").read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-m", "kvzip"], "was trained for 'compressor500x', not for 'kvzip'"),
        (["--set", "preset=paper"], "says what it is"),
        (["-m", "500xcompressor", "--set", "rank=3"], "no setting 'rank'"),
    ],
)
def test_an_adapter_says_what_it_is(run, tmp_path, arguments, said):
    from tersely.backends.store import file_hash

    (tmp_path / "adapter.safetensors").write_bytes(b"weights")
    told = {"method": "compressor500x", "shape": {}, "trigger": 1, "prefix_sha256": ""}
    card = {"adapter": told, "base": {"sha256": ""}}
    card["weights_sha256"] = file_hash(tmp_path / "adapter.safetensors")
    (tmp_path / "tersely.json").write_text(json.dumps(card))
    given = ("--slots", 4, "--adapter", tmp_path, *arguments)
    result = run("compress", "-", "-o", tmp_path / "m", *given, model="no-such-model")
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_a_byte_order_mark_is_no_part_of_the_text(made):
    marked = Memory.load(made("--slots", 4, given="\ufeff" + TEXT))
    assert marked.keys.equal(Memory.load(made("--slots", 4)).keys)


def test_one_of_a_thing_is_one(run, made):
    file = made("--slots", 1, given="a")
    assert "slots        1 for 1 token (1.0x)\n" in run("show", file).stdout
    assert run("ask", file, "Why?", "-t", 2).stderr.startswith("1 slot for 1 token, ")
    again = run("compress", "-", "--slots", 1, "-o", file, given="a")
    assert f"{file}: 1 token -> 1 slot (1.0x)" in again.stderr


def test_show_tells_what_was_trained_and_where_the_reader_goes_on(run, made):
    from dataclasses import replace

    file = made("--slots", 4, "-m", "anchors")
    shape = {"slots": "memory", "budgets": [1, 4], "nested": False}
    settings = {"adapter_sha256": "abc", "shape": shape}
    told = {"name": "compressor500x", "settings": settings, "trigger": 3}
    replace(Memory.load(file), made_by=told, places=7).save(file)
    shown = run("show", file).stdout
    assert "places       7: what follows stands there, not behind 86" in shown
    assert "made by      compressor500x adapter_sha256=abc\n" in shown
    assert "trained as   budgets=1,4 nested=False slots=memory\n" in shown


@pytest.mark.parametrize("given", ["", " \n\t\n"])
def test_an_empty_text_is_refused(run, tmp_path, given):
    result = run("compress", "-", "--slots", 4, "-o", tmp_path / "m", given=given)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "The text is empty" in result.stderr


def test_broken_utf8_names_the_byte(run, tmp_path):
    result = run("compress", "-", "--slots", 4, "-o", tmp_path / "m", given=b"caf\xe9 ole")
    assert (result.exit_code, "byte 0xe9 at position 3" in result.stderr) == (1, True)


@pytest.mark.parametrize("out", ["", "no/such/m"])
def test_a_place_that_cannot_be_written_to_is_said_before_reading(run, tmp_path, out):
    result = run("compress", "-", "--slots", 4, "-o", tmp_path / out, model="no-such-model")
    assert result.exit_code == 1
    assert "folder" in result.stderr


@pytest.mark.parametrize("command", ["ask", "regenerate", "show"])
def test_a_file_that_is_no_memory_is_refused(run, tmp_path, command):
    (tmp_path / "m").write_text("nothing of the kind")
    more = ["Why?"] if command == "ask" else []
    for file, said in (("m", "no memory"), ("absent", "There is no memory file")):
        result = run(command, tmp_path / file, *more)
        assert (result.exit_code, result.stdout) == (1, "")
        assert said in result.stderr


@pytest.mark.parametrize("command", ["ask", "regenerate", "show"])
def test_a_torn_file_is_refused(run, made, command):
    file = made("--slots", 4)
    file.write_bytes(file.read_bytes()[:-100])
    result = run(command, file, *(["Why?"] if command == "ask" else []))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Compress the text again" in result.stderr


@pytest.mark.parametrize("command", ["ask", "regenerate"])
def test_a_memory_of_another_model_is_refused_with_both_fingerprints(run, made, other, command):
    file = made("--slots", 4)
    result = run(command, file, *(["Why?"] if command == "ask" else []), model=other)
    found = Memory.load(file).fingerprint.model[:12]
    assert result.exit_code == 1
    assert f"{file} was made by another model: its fingerprint is (model {found}" in result.stderr
    assert "reads; --model names another." in result.stderr


def test_stream_and_json_exclude_each_other(run, made):
    result = run("ask", made("--slots", 4), "Why?", "--stream", "--json")
    assert (result.exit_code, result.stdout) == (2, "")


SAMPLING = [
    (["-t", "0"], "--tokens is at least 1; got 0"),
    (["--answers", "2"], "2 different answers need"),
    (["--top-p", "0"], "top_p in (0, 1]"),
    (["--temperature", "nan"], "temperature is a finite number; got nan"),
    (["--seed", "-1"], "seed is at least 0; got -1"),
]


@pytest.mark.parametrize(("arguments", "said"), SAMPLING)
def test_sampling_that_cannot_be_is_refused(run, made, arguments, said):
    result = run("ask", made("--slots", 4), "Why?", *arguments, model="no-such-model")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert said in result.stderr


@pytest.mark.parametrize("many", [1, 2])
def test_a_question_that_was_forgotten_is_missed(run, made, many):
    file = made("--slots", 4)
    result = run("ask", *[file] * many, "--tokens", 4)
    words = " ".join(result.stderr.replace("│", " ").split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert "The question is missing" in words


@pytest.mark.parametrize("command", [["show"], ["ask", "Why?"], ["regenerate"]])
def test_a_file_without_a_name_is_no_folder(run, command):
    result = run(command[0], "", *command[1:])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name of a file is empty" in result.stderr


def test_an_empty_question_is_refused(run, made):
    result = run("ask", made("--slots", 4), " ")
    assert (result.exit_code, result.stderr) == (1, "error: The question is empty.\n")


@pytest.mark.parametrize("command", [["ask"], ["ask", "Why?"], ["compress"], ["show"]])
def test_a_command_without_what_it_needs_is_wrong_usage(command):
    assert CliRunner().invoke(app, ["soft", *command]).exit_code == 2


def test_ctrl_c_leaves_no_file_behind(run, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("tersely.soft.kvzip.KVzip.produce", stopped)
    result = run("compress", "-", "--slots", 4, "-o", tmp_path / "m")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_without_torch_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from tersely.cli import main; main()"
    words = ["soft", "show", str(tmp_path / "m")]
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert "pip install 'tersely[torch]'" in result.stderr
