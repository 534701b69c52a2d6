"""What was measured on the machine that runs the tests must not decide them."""

import pytest


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("TERSELY_HOME", str(tmp_path / "home"))
