"""Imports go down only, and importing the package costs nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tersely

ROOT = Path(tersely.__file__).parent
LAYERS = [  # top to bottom; a part imports only itself and what is below it
    {"__main__"},
    {"cli"},
    {"server", "batch", "integrations", "compat"},
    {"evaluation", "training", "data"},
    {"api"},
    {"payoff"},
    {"chat"},
    {"prompting"},
    {"loading"},
    {"hard", "soft"},
    {"_registry", "scorers"},
    {"backends", "content", "counting"},
    {"core"},
    {"_optional", "_settings", "_words"},
    {"errors"},
]
LEVEL = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}
HEAVY = {"torch", "transformers", "openvino", "tiktoken", "tokenizers", "quicktok", "numpy"}


def imports(path):
    """Parts of this package that a file imports when it is imported (not inside functions)."""
    for node in ast.parse(path.read_text("utf-8")).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top, _, rest = name.partition(".")
            if top == "tersely":
                yield rest.partition(".")[0] or "api"  # `import tersely` brings the front door


def parts():
    """Yield (part, file) of every file but the package's own `__init__`."""
    for path in sorted(ROOT.rglob("*.py")):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part != "__init__":
            yield part, path


def test_every_part_has_a_layer():
    assert {part for part, _ in parts()} <= set(LEVEL)


def test_imports_go_down():
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for part, path in parts()
        for other in imports(path)
        if other != part and LEVEL[other] <= LEVEL[part]
    ]
    assert wrong == []


def test_no_import_is_relative():
    relative = [
        path
        for _, path in parts()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


@pytest.mark.parametrize("module", ["tersely", "tersely._registry", "tersely.errors"])
def test_importing_loads_no_heavy_library(module):
    code = f"import sys, {module}; print(sorted({HEAVY} & {{*sys.modules}}))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_the_front_door_loads_no_model_library():
    heavy = HEAVY - {"numpy"}
    code = (
        "import sys, tersely; tersely.Prompt.of('x'), tersely.load('truncate'), tersely.compress;"
        f"print(sorted({heavy} & {{*sys.modules}}))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_all_public_names_are_there():
    assert set(tersely.__all__) == set(dir(tersely))
    assert all(getattr(tersely, name) is not None for name in tersely.__all__)


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'compres'"):
        _ = tersely.compres
