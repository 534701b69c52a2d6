"""The harness, with a task of its own, where it is installed."""

import pytest


@pytest.fixture
def quick(monkeypatch):
    """Without the harness's survey of the machine, which takes two seconds."""
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)


@pytest.fixture(scope="session")
def choices(tmp_path_factory):
    """A task whose answers are chosen."""
    from harness import CHOICE, write_task

    return write_task(tmp_path_factory.mktemp("choices"), **CHOICE)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The same, answers written."""
    from harness import WRITTEN, write_task

    return write_task(tmp_path_factory.mktemp("written"), **WRITTEN)
