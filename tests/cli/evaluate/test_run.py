"""`tersely evaluate run`: what is said of a run, and when it is an error."""

import json

import pytest
from typer.testing import CliRunner

from tersely.cli import app
from tersely.evaluation import runner
from tersely.evaluation.readers import local
from tersely.evaluation.readers.base import Reading
from tersely.evaluation.records import read_records
from tersely.evaluation.task import Example, Task
from tersely.evaluation.tasks import registry

TASK = Task(
    name="made",
    version=1,
    family="question answering",
    data=("facts",),
    read=lambda source: [
        Example(id=f"e{n}", contexts=("Bert lives in Oslo.",), question="Where?", answers=("Oslo",))
        for n in range(2)
    ],
    extractive=True,
)


class Silent:
    """A reader that answers nothing."""

    name = "silent"

    def __init__(self, *given):
        self.models = {}

    def read(self, asks, *, progress=None):
        return [Reading(error="BackendError: no answer") for _ in asks]


@pytest.fixture(autouse=True)
def only_task(monkeypatch, tmp_path):
    known = {"made": TASK}
    for module in (runner, registry):
        monkeypatch.setattr(module, "load_task", known.__getitem__)
    (tmp_path / "facts.jsonl").write_text("{}\n", "utf-8")


def start(tmp_path, *more):
    words = [
        "evaluate",
        "run",
        "--data",
        tmp_path,
        "-T",
        "made",
        "-m",
        "full",
        "-o",
        tmp_path / "r",
    ]
    return CliRunner().invoke(app, [*map(str, words), *more])


def test_it_says_how_many_records_are_new(tmp_path):
    first, again = (start(tmp_path, "--reader", "none") for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stderr.startswith("2 new records in ")
    assert again.stderr.startswith("0 new records in ")
    assert first.stdout == again.stdout == ""


def test_a_run_of_failures_is_an_error_and_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "LocalReader", Silent)
    monkeypatch.setattr("tersely.backends.load.load_causal", lambda name: None)
    done = start(tmp_path)
    assert done.exit_code == 1
    assert "2 of 2 failed, for example: BackendError: no answer" in done.stderr
    assert "--retry-failed" in done.stderr


def test_the_command_is_noted_without_this_machine_s_folders(tmp_path):
    start(tmp_path, "--reader", "none")
    noted = json.loads((tmp_path / "r" / "run.json").read_text("utf-8"))
    assert str(tmp_path) not in json.dumps(noted["commands"])


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x", "1/", "\u0661/2"])
def test_a_shard_that_is_none_is_refused(tmp_path, shard):
    done = start(tmp_path, "--reader", "none", "--shard", shard)
    assert done.exit_code == 1
    assert "shard" in done.stderr


def test_shards_share_the_examples_out(tmp_path):
    for shard in ("1/2", "2/2"):
        assert "1 new record in " in start(tmp_path, "--reader", "none", "--shard", shard).stderr
    assert len(list(read_records(tmp_path / "r"))) == 2


ENDPOINT = ("--reader", "http://127.0.0.1:1/v1", "--reader-model", "m")


@pytest.mark.parametrize("field", ["temperature", "temperature=warm", "=1", ""])
def test_a_field_that_is_none_is_refused(tmp_path, field):
    done = start(tmp_path, *ENDPOINT, "--reader-field", field)
    assert (done.exit_code, "A field is NAME=JSON" in done.stderr) == (1, True)


def test_an_endpoint_is_asked_as_it_needs_to_be(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(
        "tersely.evaluation.readers.endpoint.EndpointReader",
        lambda url, model, **given: asked.update(given) or Silent(),
    )
    start(tmp_path, *ENDPOINT, "--reader-form", "completions", "--reader-field", "max_tokens=null")
    assert (asked["form"], asked["fields"]) == ("completions", {"max_tokens": None})
