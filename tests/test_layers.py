"""Imports go down only, and importing the package loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import tersely

ROOT = Path(tersely.__file__).parent
LAYERS = [  # top to bottom; a part imports only itself and what is below it
    {"cli"},
    {"api"},
    {"hard"},
    {"_registry", "scorers"},
    {"backends", "counting"},
    {"core"},
    {"_optional"},
    {"errors"},
]
HEAVY = {"numpy", "torch", "transformers", "openvino", "tiktoken", "tokenizers", "quicktok"}
LEVEL = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}


def imports(path):
    """Parts of this package that a file imports, when it is imported or later."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top, _, rest = name.partition(".")
            if top == "tersely":
                yield rest.partition(".")[0] or "api"  # `import tersely` brings the front door


def test_every_part_has_a_layer():
    parts = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")}
    assert parts - {"__init__"} == set(LEVEL)


def test_imports_go_down():
    wrong = []
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        wrong += [
            f"{path.relative_to(ROOT)} imports {other}"
            for other in imports(path)
            if other != part and LEVEL[other] <= LEVEL[part]
        ]
    assert wrong == []


def test_import_loads_no_heavy_library():
    code = f"import sys, tersely; print(sorted({HEAVY} & {{*sys.modules}}))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_the_front_door_loads_no_model_or_tokenizer_library():
    heavy = HEAVY - {"numpy"}
    code = f"import sys, tersely; tersely.compress; print(sorted({heavy} & {{*sys.modules}}))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_every_public_name_is_there():
    assert [name for name in tersely.__all__ if not hasattr(tersely, name)] == []
    assert len(tersely.__all__) <= 20
