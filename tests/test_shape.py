"""No file is long, no function is long."""

import ast
from pathlib import Path

import tersely

FILES = sorted(Path(tersely.__file__).parent.rglob("*.py"))
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_no_file_is_long():
    assert [str(path) for path in FILES if path.read_text("utf-8").count("\n") > 400] == []


def test_no_function_is_long():
    long = [
        f"{path.name}:{node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, FUNCTION) and node.end_lineno - node.lineno >= 60
    ]
    assert long == []


def test_nothing_is_called_utils():
    banned = {"utils", "helpers", "misc", "common", "manager"}
    assert [str(path) for path in FILES if path.stem in banned] == []
