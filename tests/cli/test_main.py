"""The command as a whole, the small commands, and what starting it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tersely
from tersely._registry import COMPRESSORS
from tersely.cli import app


def run(*arguments, env=None):
    return CliRunner().invoke(app, arguments, env=env)


def test_version_is_the_packages():
    assert run("--version").stdout == tersely.__version__ + "\n"


def test_methods_lists_every_method_with_its_settings():
    rows = {row["name"]: row for row in json.loads(run("methods", "--json").stdout)}
    assert list(rows) == list(COMPRESSORS)
    assert rows["truncate"]["settings"] == {"keep": "head"}
    assert rows["llmlingua"]["needs_model"]


def test_methods_reads_well_without_json():
    said = run("methods").stdout
    assert all(name in said for name in COMPRESSORS)
    assert "cost:" in said


def test_doctor_says_how_to_get_a_model_that_is_not_here(tmp_path):
    said = run("doctor", env={"TERSELY_HOME": str(tmp_path)}).stdout
    assert "tersely models pull smollm2-135m" in said
    assert "speed" not in said


@pytest.mark.model
def test_doctor_measures_speed_with_a_model_that_is_here(smollm2):
    report = json.loads(run("doctor", "--json").stdout)
    assert report["models"]["smollm2-135m"]
    assert report["speed"]["tokens_per_second"] > 0


def test_starting_the_command_loads_no_array_or_model_library():
    code = "import sys, tersely.cli; print(sorted({'numpy', 'openvino', 'torch', 'tokenizers',"
    code += " 'tiktoken', 'rich.progress'} & {*sys.modules}))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_python_runs_it_too():
    said = subprocess.check_output([sys.executable, "-m", "tersely", "--version"], text=True)
    assert said == tersely.__version__ + "\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_standard_output_that_is_full_is_one_line():
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "tersely", "methods", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (ran.returncode, ran.stderr) == (1, "error: standard output: No space left on device\n")


def test_standard_input_that_is_closed_is_one_line():
    command = f"{sys.executable} -m tersely compress - --rate 0.5 --method truncate <&-"
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: standard input is closed")
