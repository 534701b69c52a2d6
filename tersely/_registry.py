"""Every method by name. To add one, add a line here (see docs/adding-a-method.md).

Values are "module:Class" and are imported when first asked for, so listing the methods, or
importing this package, loads no model library. Other packages add theirs through the entry-point
groups "tersely.compressors" (text in, text out) and "tersely.producers" (text in, memory out).
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

PRODUCERS: dict[str, str] = {
    "full": "tersely.soft.full:Full",
    "truncate": "tersely.soft.truncate:Truncate",
    "streaming": "tersely.soft.streaming:Streaming",
    "anchors": "tersely.soft.anchors:Anchors",
    "snapkv": "tersely.soft.snapkv:SnapKV",
    "expected_attention": "tersely.soft.expected_attention:ExpectedAttention",
    "kvzip": "tersely.soft.kvzip:KVzip",
    "fitted": "tersely.soft.fitted:Fitted",
    "compressor500x": "tersely.soft.compressor500x:Compressor500x",
    "icae": "tersely.soft.icae:ICAE",
    "icformer": "tersely.soft.icformer:ICFormer",
}
_PRODUCER_ALIASES = {"500xcompressor": "compressor500x"}


def compressor_names() -> list[str]:
    """Return the names of all compressors, plug-ins included, in order of registration."""
    return list(COMPRESSORS | _known("tersely.compressors", COMPRESSORS))


def compressor_class(name: str) -> type[Any]:
    """Return the class registered under `name`, importing it now.

    Raises:
        UnknownName: Nothing is registered under that name; the message lists what is.
    """
    return _class("method", name, _known("tersely.compressors", COMPRESSORS))


def producer_names() -> list[str]:
    """Return the names of all producers of memories, plug-ins included."""
    return list(PRODUCERS | _known("tersely.producers", PRODUCERS))


def producer_class(name: str) -> type[Any]:
    """Return the class of the producer `name`, importing it now.

    Raises:
        UnknownName: Nothing is registered under that name; the message lists what is.
    """
    known = _known("tersely.producers", PRODUCERS)
    return _class("soft method", _PRODUCER_ALIASES.get(name, name), known)


def _class(kind: str, name: str, known: dict[str, str]) -> type[Any]:
    if name not in known:
        raise UnknownName(kind, name, known)
    module, _, attribute = known[name].partition(":")
    cls: type[Any] = getattr(import_module(module), attribute)
    return cls


def _known(group: str, own: dict[str, str]) -> dict[str, str]:
    plugins = {point.name: point.value for point in entry_points(group=group)}
    return plugins | own  # a plug-in cannot replace a built-in method
