"""Read a Hugging Face folder of a BERT sentence encoder without torch.

Another way from tokens to a vector than their mean or the first of them (other pooling, a further
dense layer) is refused by name, not read wrongly.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tersely.backends.bert_body import BertBody, BertShape
from tersely.backends.store import read_json
from tersely.errors import ModelMismatch

_MODULES = ("Transformer", "Pooling", "Normalize")


class BertFolder(BertBody):
    """The weights of one sentence encoder; its shape says how tokens become a vector."""

    advice = "An encoder that can: 'minilm-l6'."

    def _why_unread(self) -> str | None:
        return super()._why_unread() or _why_unpooled(self.path)

    def _shape(self) -> BertShape:
        shape = super()._shape()
        trained = self.path / "sentence_bert_config.json"
        window = read_json(trained).get("max_seq_length") if trained.is_file() else None
        most = min(shape.window_tokens, int(window or shape.window_tokens))
        return replace(shape, window_tokens=most, pooling=_pooling(self.path))


def _why_unpooled(folder: Path) -> str | None:
    """Say what about the way from tokens to a vector is not known here, or None."""
    strange = [kind for kind in _module_kinds(folder) if kind not in _MODULES]
    if strange:
        return f"it has a {strange[0]!r} layer above BERT"
    return None if _pooling(folder) in ("mean", "cls") else "its pooling is neither mean nor cls"


def _module_kinds(folder: Path) -> list[str]:
    """Return what sentence-transformers puts one after the other: "Transformer", "Pooling", ..."""
    path = folder / "modules.json"
    if not path.is_file():
        return []
    try:
        return [
            str(part["type"]).rpartition(".")[2] for part in json.loads(path.read_text("utf-8"))
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelMismatch(f"{path} is not the list of a model's parts: {error}.") from error


def _pooling(folder: Path) -> str:
    """Return "mean", "cls" or "other", as sentence-transformers notes it; "mean" if it does not."""
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return "mean"
    config = read_json(path)
    chosen = [
        key for key, value in config.items() if key.startswith("pooling_mode_") and value is True
    ]
    known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return known.get(chosen[0], "other") if len(chosen) == 1 else "other"
