"""Read a LoRA adapter, in the form peft writes, and add it to a model's weights. No torch, no peft.

A model called "BASE+ADAPTER" is BASE with W + s B A in place of each weight W that the adapter
changes: one product when the model is loaded or converted, none when it runs.

Paper:    Hu et al. 2021, LoRA. https://arxiv.org/abs/2106.09685
Source:   https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/layer.py for the names
          of the tensors and the scale s: alpha / r, or alpha / sqrt(r) where it is rank-stabilised.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tersely.backends.adapter_folder import CONFIG, WEIGHTS, check_adapter
from tersely.backends.safetensors_folder import names_in, read_tensor
from tersely.backends.store import ModelFiles, read_json
from tersely.backends.weights import Checkpoint, Dense, LlamaShape, Weight, to_dense
from tersely.errors import ModelMismatch

_PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"

# Settings that say nothing about the numbers, or that are read below. Any other that is set, also
# one that peft has not thought of yet, may mean a sum that is not computed here.
_KNOWN = {
    *("auto_mapping", "base_model_name_or_path", "bias", "eva_config"),
    *("exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern"),
    *("layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core", "peft_type"),
    *("peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "target_modules"),
    *("task_type", "use_rslora"),
}
_NAMED = {
    "use_dora": "it is DoRA, whose weights also have magnitudes",
    "lora_bias": "its low-rank layers have a bias",
    "modules_to_save": "it holds whole weights beside the low-rank ones (modules_to_save)",
    "alpha_pattern": "its alpha differs from weight to weight (alpha_pattern)",
}
_INERT_STARTS = ("gaussian", "eva", "orthogonal")  # others begin by changing the base's weights
_ADVICE = "Merge it into its base with peft (merge_and_unload) and load the folder that gives."


class Adapter:
    """The low-rank changes of one adapter folder; each is read when it is asked for.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            ModelNotFound: There is no such folder.
            ModelMismatch: It is no adapter, not LoRA, or of a kind of LoRA not known here.
            BackendError: A file is damaged.
        """
        check_adapter(path)
        self.path = path
        self._file = path / WEIGHTS
        self._config = read_json(path / CONFIG)
        tensors = set(names_in(self._file))
        if reason := _why_unread(self._config) or _why_odd(tensors):
            raise ModelMismatch(f"The adapter {path} cannot be read: {reason}. {_ADVICE}")
        self._keys = {
            name.removeprefix(_PREFIX).removesuffix(_DOWN) + ".weight": name.removesuffix(_DOWN)
            for name in sorted(tensors)
            if name.endswith(_DOWN)
        }

    def names(self) -> list[str]:
        """Return the weights it changes, by their names in a checkpoint."""
        return list(self._keys)

    def add_to(self, name: str, weight: Dense) -> Dense:
        """Return a weight, changed if the adapter changes it.

        Args:
            name: The weight's name in a checkpoint.
            weight: (O, I) float32, or (I, O) where the model stores it so (fan_in_fan_out).

        Raises:
            ModelMismatch: The change has another shape.
        """
        if name not in self._keys:
            return weight
        change = self._change(self._keys[name])
        if change.shape != weight.shape:
            raise ModelMismatch(
                f"The adapter {self.path} was made for another base: {name} is"
                f" {_size(weight)} here, and the adapter's is {_size(change)}."
            )
        return weight + change

    def check_names(self, known: Iterator[str], base: str) -> None:
        """Check that a base has all the weights that are changed.

        Args:
            known: The base's weights.
            base: What errors call it.

        Raises:
            ModelMismatch: It lacks one.
        """
        have = set(known)
        if lost := [name for name in self._keys if name not in have]:
            raise ModelMismatch(
                f"The adapter {self.path} was made for another base: it changes {lost[0]}, which"
                f" {base} does not have."
            )

    def _change(self, key: str) -> Dense:
        down = read_tensor(self._file, key + _DOWN)  # (r, I)
        up = read_tensor(self._file, key + _UP)  # (O, r)
        if down.ndim != 2 or up.ndim != 2 or up.shape[1] != len(down):
            raise ModelMismatch(
                f"The adapter {self.path} is damaged: {key} has a rank of {_size(down)} times"
                f" {_size(up)}."
            )
        rank, alpha = len(down), float(self._config["lora_alpha"])
        scale = alpha / (rank**0.5 if self._config.get("use_rslora") else rank)
        change = np.float32(scale) * (up @ down)  # (O, I)
        return np.asarray(change.T if self._config.get("fan_in_fan_out") else change)


class Adapted:
    """A checkpoint with an adapter's changes added; implements `Checkpoint`.

    A weight that is changed comes as float32, whatever it is stored in: rounded to four bits again
    it would lose most of a change that is smaller than the steps of four bits.
    """

    def __init__(self, base: Checkpoint, adapter: Adapter, name: str) -> None:
        """Put the two together.

        Args:
            base: The weights.
            adapter: What changes them.
            name: What errors call the base.

        Raises:
            ModelMismatch: The adapter changes a weight that the base does not have.
        """
        adapter.check_names(base.names(), name)
        self._base, self._adapter = base, adapter
        self._changed = set(adapter.names())

    @property
    def shape(self) -> LlamaShape:
        """Sizes and constants: the base's."""
        return self._base.shape

    def names(self) -> Iterator[str]:
        """Yield the weights' names."""
        yield from self._base.names()

    def weight(self, name: str) -> Weight:
        """Return one weight: as it is stored, or changed."""
        weight = self._base.weight(name)
        return self._adapter.add_to(name, to_dense(weight)) if name in self._changed else weight


def adapted(base: Checkpoint, files: ModelFiles) -> Checkpoint:
    """Return a checkpoint as it is, or with the adapter that was asked for.

    Raises:
        ModelMismatch: The adapter cannot be read, or is for another base.
    """
    if files.adapter is None:
        return base
    return Adapted(base, Adapter(files.adapter), files.path.name)


def _why_unread(config: dict[str, Any]) -> str | None:
    """Say what about an adapter is not computed here, or None."""
    kind, task = config.get("peft_type"), config.get("task_type")
    start, alpha = config.get("init_lora_weights", True), config.get("lora_alpha")
    reasons = {
        f"it is not LoRA but {kind!r}": kind != "LORA",
        f"it is for another task than writing on ({task!r})": task not in (None, "CAUSAL_LM"),
        f"lora_alpha is {alpha!r}, not a number": not isinstance(alpha, int | float),
        f"it has biases (bias={config.get('bias')!r})": config.get("bias", "none") != "none",
        f"it began by changing its base (init_lora_weights={start!r})": (
            isinstance(start, str) and start not in _INERT_STARTS
        ),
    }
    reasons |= {said: bool(config.get(key)) for key, said in _NAMED.items()}
    unknown = sorted(key for key, value in config.items() if value and key not in _KNOWN)
    reasons |= {f"its setting {key!r} is not known here": True for key in unknown}
    return next((reason for reason, applies in reasons.items() if applies), None)


def _why_odd(tensors: set[str]) -> str | None:
    """Say which tensor is not one half of a low-rank product, or None."""
    if not tensors:
        return "it holds no tensor"
    for name in sorted(tensors):
        known = name.startswith(_PREFIX) and name.endswith((_DOWN, _UP))
        if not known:
            return f"it holds {name}, which is no low-rank change of a weight"
        key = name.removesuffix(_DOWN).removesuffix(_UP)
        for half in (_DOWN, _UP):
            if key + half not in tensors:
                return f"it lacks {key + half}"
    return None


def _size(tensor: Dense) -> str:
    return " x ".join(map(str, tensor.shape))
