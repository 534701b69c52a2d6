"""Read a Hugging Face folder of a BERT sentence encoder without torch.

What the graph here does not compute (other pooling, a further dense layer, relative positions,
quantised weights) is refused by name, not read wrongly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tersely.backends.safetensors_folder import names_in, read_tensor
from tersely.backends.store import read_json, weight_files
from tersely.backends.weights import Dense
from tersely.errors import ModelMismatch

_MODULES = ("Transformer", "Pooling", "Normalize")
_LINEAR = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BertShape:
    """Sizes and constants of a BERT model.

    Attributes:
        layers: L.
        hidden: D.
        inner: Width of the feed-forward layer.
        heads: H; divides D.
        window_tokens: The longest text it is meant for, special tokens included.
        norm_epsilon: Added to the variance in each normalisation.
        pooling: What stands for a text: the "mean" of its tokens, or the first one, "cls".
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    window_tokens: int
    norm_epsilon: float
    pooling: str = "mean"


class BertFolder:
    """The weights of one BERT folder; each is read when it is asked for.

    Attributes:
        path: The folder.
        shape: The model's sizes and constants.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            ModelMismatch: It is not a BERT model of the kind known here, or lacks weights.
            BackendError: A file is damaged.
        """
        self.path = path
        config = read_json(path / "config.json")
        if reason := _why_unread(config) or _why_unpooled(path):
            raise ModelMismatch(
                f"{path} cannot be read: {reason}. An encoder that can: 'minilm-l6'."
            )
        # A model with a head above it has its names under "bert.".
        self._files = {
            name.removeprefix("bert."): (file, name)
            for file in weight_files(path)
            for name in names_in(file)
        }
        try:
            self.shape = _shape(config, path)
        except KeyError as error:
            raise ModelMismatch(f"{path / 'config.json'} lacks {error}.") from error
        if lost := [name for name in _names(self.shape.layers) if name not in self._files]:
            raise ModelMismatch(f"{path} lacks {len(lost)} of its weights, first {lost[0]}.")

    def weight(self, name: str) -> Dense:
        """Return one weight as float32, in the shape it is stored in."""
        return read_tensor(*self._files[name])


def _names(layers: int) -> list[str]:
    tables = ("word", "position", "token_type")
    names = [f"embeddings.{table}_embeddings.weight" for table in tables]
    parts = ["embeddings.LayerNorm"]
    parts += [f"encoder.layer.{layer}.{part}" for layer in range(layers) for part in _LINEAR]
    return names + [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]


def _why_unread(config: dict[str, Any]) -> str | None:
    """Say what about a model this graph does not compute, or None."""
    kind = config.get("model_type")
    position = config.get("position_embedding_type") or "absolute"
    reasons = {
        f"it is a {kind!r} model, and only 'bert' encoders are known": kind != "bert",
        "its weights are quantised": bool(config.get("quantization_config")),
        "it reads from left to right only": bool(config.get("is_decoder")),
        f"its positions are {position!r}, not 'absolute'": position != "absolute",
        "its activation is not gelu": config.get("hidden_act", "gelu") != "gelu",
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


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


def _shape(config: dict[str, Any], folder: Path) -> BertShape:
    positions = int(config["max_position_embeddings"])
    trained = folder / "sentence_bert_config.json"
    window = read_json(trained).get("max_seq_length") if trained.is_file() else None
    return BertShape(
        layers=int(config["num_hidden_layers"]),
        hidden=int(config["hidden_size"]),
        inner=int(config["intermediate_size"]),
        heads=int(config["num_attention_heads"]),
        window_tokens=min(positions, int(window or positions)),
        norm_epsilon=float(config.get("layer_norm_eps", 1e-12)),
        pooling=_pooling(folder),
    )
