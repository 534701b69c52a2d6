"""Files and functions stay short, and every test file mirrors one of the package."""

import ast
from pathlib import Path

import pytest

import tersely

FILES = sorted(Path(tersely.__file__).parent.rglob("*.py"))
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, FUNCTION):
            yield node


def docstring_lines(node):
    """Count them: the front door has many arguments, and says of each what it is for."""
    has = ast.get_docstring(node) is not None
    return node.body[0].end_lineno - node.body[0].lineno + 1 if has else 0


def test_no_file_is_long():
    assert [str(path) for path in FILES if path.read_text("utf-8").count("\n") > 400] == []


def test_no_function_is_long():
    long = [
        f"{path.name}:{node.name}"
        for path in FILES
        for node in functions(path)
        if node.end_lineno - node.lineno - docstring_lines(node) >= 60
    ]
    assert long == []


def test_every_file_says_what_it_is_for():
    assert [p.name for p in FILES if not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.rglob("test_*.py")), ids=str)
def test_a_test_is_short(path):
    """Twelve lines and what formatting makes of them; a table of data beside it is not counted."""
    long = [
        node.name
        for node in functions(path)
        if node.name.startswith("test_") and node.end_lineno - node.body[0].lineno >= 20
    ]
    assert long == []


def test_nothing_is_called_utils():
    assert [p.name for p in FILES if p.stem in ("utils", "helpers", "common", "misc")] == []
