"""Read the body of a BERT-like model from a Hugging Face folder without torch.

BERT, RoBERTa, XLM-R and DistilBERT are one graph: they differ in the names of their weights, in
where positions begin, and in how many kinds of token they know. What the graph does not compute
(relative positions, another activation, weights in other codes) is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tersely.backends.safetensors_folder import is_int8, names_in, read_codes, read_tensor
from tersely.backends.store import read_json, weight_files
from tersely.backends.weights import Dense, Q8Rows
from tersely.errors import ModelMismatch

SCALE = ".scale"
"""What the name of an int8 matrix's row scales ends with."""

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
_TABLES = ("word", "position", "token_type")
_TYPES = "embeddings.token_type_embeddings.weight"
_DISTIL = (
    (r"^transformer\.layer\.", "encoder.layer."),
    (r"\.attention\.q_lin\.", ".attention.self.query."),
    (r"\.attention\.k_lin\.", ".attention.self.key."),
    (r"\.attention\.v_lin\.", ".attention.self.value."),
    (r"\.attention\.out_lin\.", ".attention.output.dense."),
    (r"\.sa_layer_norm\.", ".attention.output.LayerNorm."),
    (r"\.ffn\.lin1\.", ".intermediate.dense."),
    (r"\.ffn\.lin2\.", ".output.dense."),
    (r"\.output_layer_norm\.", ".output.LayerNorm."),
)
_DISTIL_SETTINGS = {
    "num_hidden_layers": "n_layers",
    "hidden_size": "dim",
    "intermediate_size": "hidden_dim",
    "num_attention_heads": "n_heads",
    "hidden_act": "activation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BertShape:
    """Sizes and constants of a BERT-like model.

    Attributes:
        layers: L.
        hidden: D.
        inner: Width of the feed-forward layer.
        heads: H; divides D.
        window_tokens: The longest text it is meant for, special tokens included.
        norm_epsilon: Added to the variance in each normalisation.
        pooling: What stands for a text: the "mean" of its tokens, or the first one, "cls".
        first_position: Row of the position table that the first token has.
        token_types: How many kinds of token there are: of BERT's two texts, the first and the
            second; 1 where the model does not tell them apart.
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    window_tokens: int
    norm_epsilon: float
    pooling: str = "mean"
    first_position: int = 0
    token_types: int = 2


class BertBody:
    """The weights of one folder, by BERT's names; each is read when it is asked for.

    Attributes:
        path: The folder.
        shape: The model's sizes and constants.
    """

    kinds: ClassVar[tuple[str, ...]] = ("bert",)
    """The values of "model_type" that are read."""
    advice: ClassVar[str] = ""
    """What to use in place of a model that cannot be read."""

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            ModelMismatch: It is not a model of a kind known here, or lacks weights.
            BackendError: A file is damaged.
        """
        self.path = path
        self.config = _settings(read_json(path / "config.json"))
        if reason := self._why_unread():
            raise ModelMismatch(f"{path} cannot be read: {reason}. {self.advice}".rstrip())
        self._files = {
            _canonical(name): (file, name) for file in weight_files(path) for name in names_in(file)
        }
        try:
            self.shape = self._shape()
        except KeyError as error:
            raise ModelMismatch(f"{path / 'config.json'} lacks {error}.") from error
        if lost := [name for name in self.names() if name not in self._files]:
            raise ModelMismatch(f"{path} lacks {len(lost)} of its weights, first {lost[0]}.")

    def names(self) -> list[str]:
        """Return the names of the weights that must be there."""
        names = [f"embeddings.{table}_embeddings.weight" for table in _TABLES]
        if self.shape.token_types == 0:
            names.remove(_TYPES)
        parts = ["embeddings.LayerNorm"]
        parts += [f"encoder.layer.{n}.{part}" for n in range(self.shape.layers) for part in _LINEAR]
        return names + [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]

    def weight(self, name: str) -> Dense | Q8Rows:
        """Return one weight: float32 in the shape it is stored in, or its 8-bit rows.

        Raises:
            ModelMismatch: It is in 8 bits, and there is no scale for each row.
        """
        if name == _TYPES and self.shape.token_types == 0:
            return np.zeros((1, self.shape.hidden), dtype=np.float32)
        file, stored = self._files[name]
        if not is_int8(file, stored):
            return read_tensor(file, stored)
        if name + SCALE not in self._files:
            raise ModelMismatch(f"{self.path}: {stored} is in 8 bits, and has no {stored}{SCALE}.")
        codes, scale = read_codes(file, stored), read_tensor(*self._files[name + SCALE])
        if codes.ndim != 2 or scale.size != len(codes):
            raise ModelMismatch(
                f"{self.path}: {stored}{SCALE} has {scale.size} numbers for the {len(codes)} rows"
                f" of {stored}."
            )
        return Q8Rows(codes, scale.reshape(-1, 1))

    def _why_unread(self) -> str | None:
        """Say what about a model this graph does not compute, or None."""
        config = self.config
        kind = config.get("model_type")
        position = config.get("position_embedding_type") or "absolute"
        known = " and ".join(map(repr, self.kinds))
        reasons = {
            f"it is a {kind!r} model, and only {known} encoders are known": kind not in self.kinds,
            "its weights are quantised": bool(config.get("quantization_config")),
            "it reads from left to right only": bool(config.get("is_decoder")),
            f"its positions are {position!r}, not 'absolute'": position != "absolute",
            "its activation is not gelu": config.get("hidden_act", "gelu") != "gelu",
        }
        return next((reason for reason, applies in reasons.items() if applies), None)

    def _shape(self) -> BertShape:
        config = self.config
        # RoBERTa's padding has a position, too, and the first token comes after it.
        pad = config.get("pad_token_id")
        first = (1 if pad is None else int(pad)) + 1 if "roberta" in config["model_type"] else 0
        positions = int(config["max_position_embeddings"])
        if int(config["hidden_size"]) % int(config["num_attention_heads"]):
            raise ModelMismatch(
                f"{self.path / 'config.json'}: {config['num_attention_heads']} heads do not divide"
                f" a width of {config['hidden_size']}."
            )
        return BertShape(
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            inner=int(config["intermediate_size"]),
            heads=int(config["num_attention_heads"]),
            window_tokens=positions - first,
            norm_epsilon=float(config.get("layer_norm_eps", 1e-12)),
            first_position=first,
            token_types=int(config.get("type_vocab_size", 2)),
        )


def _settings(config: dict[str, Any]) -> Mapping[str, Any]:
    """Return the settings by BERT's names."""
    if config.get("model_type") != "distilbert":
        return config
    own = {name: config[old] for name, old in _DISTIL_SETTINGS.items() if old in config}
    return config | own | {"type_vocab_size": 0}


def _canonical(name: str) -> str:
    """Return BERT's name of a weight: without what it is under where there is a head above."""
    name = re.sub(r"^(?:bert|roberta|distilbert)\.", "", name)
    for old, new in _DISTIL:
        name = re.sub(old, new, name)
    return name
