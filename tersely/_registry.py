"""Every method by name. To add one, add a line here (see docs/adding-a-method.md).

Values are "module:Class" and are imported when first asked for, so listing the methods, or
importing this package, loads no model library. Other packages add theirs through the entry-point
group "tersely.compressors".
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from tersely.errors import UnknownName

COMPRESSORS: dict[str, str] = {
    "llmlingua": "tersely.hard.llmlingua:LLMLingua",
    "hybrid": "tersely.hard.hybrid:Hybrid",
    "longllmlingua": "tersely.hard.longllmlingua:LongLLMLingua",
    "evaluator_heads": "tersely.hard.evaluator_heads:EvaluatorHeads",
    "llmlingua2": "tersely.hard.llmlingua2:LLMLingua2",
    "selective_context": "tersely.hard.selective_context:SelectiveContext",
    "chain": "tersely.hard.chain:Chain",
    "truncate": "tersely.hard.truncate:Truncate",
    "random_drop": "tersely.hard.random_drop:RandomDrop",
}


def compressor_names() -> list[str]:
    """Return the names of all compressors, plug-ins included, in order of registration."""
    return list(COMPRESSORS | _known())


def compressor_class(name: str) -> type[Any]:
    """Return the class registered under `name`, importing it now.

    Raises:
        UnknownName: Nothing is registered under that name; the message lists what is.
    """
    known = _known()
    if name not in known:
        raise UnknownName("method", name, known)
    module, _, attribute = known[name].partition(":")
    cls: type[Any] = getattr(import_module(module), attribute)
    return cls


def _known() -> dict[str, str]:
    plugins = {point.name: point.value for point in entry_points(group="tersely.compressors")}
    return plugins | COMPRESSORS  # a plug-in cannot replace a built-in method
