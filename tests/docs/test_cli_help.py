"""docs/cli.md is what --help says."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs" / "write_cli.py"


def test_the_page_says_what_help_says():
    spec = importlib.util.spec_from_file_location("write_cli", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page()
