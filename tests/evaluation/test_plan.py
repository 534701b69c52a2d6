"""What a run may be asked, and what it must not mix."""

import json

import pytest

from tersely.errors import SettingError
from tersely.evaluation.plan import Plan, model_hashes, versions, write_run


def plan(**changes):
    return Plan(**({"tasks": ("t",), "arms": ("full",)} | changes))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"tasks": ()}, "no tasks"),
        ({"arms": ()}, "no arms"),
        ({"arms": ("full", "full")}, "named twice"),
        ({"rates": (0.0,)}, r"\(0, 1\]"),
        ({"rates": (1.5,)}, r"\(0, 1\]"),
        ({"rates": (float("nan"),)}, r"\(0, 1\]"),
        ({"match": "hybrid"}, "not among the arms"),
    ],
)
def test_what_cannot_be_run_is_refused(changes, match):
    with pytest.raises(SettingError, match=match):
        plan(**changes)


def test_a_run_goes_on_with_other_arms(tmp_path):
    write_run(tmp_path, plan(), {"set": "1"}, "first")
    write_run(tmp_path, plan(arms=("none",), count=3), {"more": "2"}, "second")
    noted = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert noted["commands"] == ["first", "second"]
    assert noted["data"] == {"set": "1", "more": "2"}
    assert len(noted["asked"]) == 2


@pytest.mark.parametrize("changes", [{"seed": 1}, {"tokenizer": "cl100k_base"}, {"match": "full"}])
def test_a_run_with_other_examples_or_limits_is_refused(tmp_path, changes):
    write_run(tmp_path, plan(), {}, "first")
    (tmp_path / "records-1-of-1.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(SettingError, match="Go on with that, or begin in another folder"):
        write_run(tmp_path, plan(**changes), {}, "second")


def test_other_data_of_the_same_name_is_refused(tmp_path):
    write_run(tmp_path, plan(), {"set": "1"}, "first")
    (tmp_path / "records-1-of-1.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(SettingError, match="The data set set is not the one"):
        write_run(tmp_path, plan(), {"set": "2"}, "first")


def test_versions_name_the_package_and_python():
    assert {"tersely", "python", "numpy"} <= versions().keys()


def test_without_records_there_is_nothing_to_mix_with(tmp_path):
    write_run(tmp_path, plan(), {"set": "1"}, "first")
    write_run(tmp_path, plan(seed=1), {"set": "2"}, "second")
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["seed"] == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"data": 3}', "\udcff"])
def test_a_damaged_note_is_refused_by_name(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingError, match=r"run\.json"):
        write_run(tmp_path, plan(), {}, "first")


def test_a_model_without_files_here_has_no_hash():
    assert model_hashes("") == model_hashes("no-such-model") == {}
