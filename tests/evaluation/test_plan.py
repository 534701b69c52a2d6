"""What a run may be asked, and what it must not mix."""

import json

import pytest

from tersely.errors import SettingError
from tersely.evaluation.plan import Plan, versions, write_run


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
    with pytest.raises(SettingError, match="Go on with that, or begin in another folder"):
        write_run(tmp_path, plan(**changes), {}, "second")


def test_other_data_of_the_same_name_is_refused(tmp_path):
    write_run(tmp_path, plan(), {"set": "1"}, "first")
    with pytest.raises(SettingError, match="The data set set is not the one"):
        write_run(tmp_path, plan(), {"set": "2"}, "first")


def test_versions_name_the_package_and_python():
    assert {"tersely", "python", "numpy"} <= versions().keys()
