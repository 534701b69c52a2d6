"""Which attention heads of a model find what a question asks for: files, and those shipped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from tersely.backends.attention import AttentionBackend, Head
from tersely.errors import ModelMismatch, SettingError

HeadSource = str | Path | Sequence[Sequence[int]] | None
"""None: the file shipped for the model. A path of a file. Or the heads: (layer, head) pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFile:
    """The heads of one model, best first.

    Attributes:
        model: Name of the model they were found in.
        shape: How many layers it has, and how many query heads in each.
        heads: The heads.
        made: How they were found: settings, versions, what each head scored.
    """

    model: str
    shape: tuple[int, int]
    heads: tuple[Head, ...]
    made: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            SettingError: It cannot be written there.
        """
        content = {"model": self.model, "shape": self.shape, "heads": self.heads, "made": self.made}
        try:
            path.write_text(json.dumps(content) + "\n", "utf-8")
        except OSError as error:
            raise SettingError(f"{path} cannot be written: {error.strerror}.") from error

    @classmethod
    def load(cls, path: Path) -> HeadFile:
        """Read what `save` wrote.

        Raises:
            SettingError: It cannot be read, or is no head file.
        """
        try:
            return cls._read(path.read_text("utf-8"))
        except OSError as error:
            raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SettingError(
                f"{path} is not a head file: write one with `tersely train heads`."
            ) from error

    @classmethod
    def _read(cls, text: str) -> HeadFile:
        content = json.loads(text)
        layers, width = content["shape"]
        heads = tuple((int(layer), int(head)) for layer, head in content["heads"])
        return cls(
            model=content["model"],
            shape=(int(layers), int(width)),
            heads=heads,
            made=content.get("made", {}),
        )


def load_heads(source: HeadSource, backend: AttentionBackend) -> tuple[Head, ...]:
    """Return the heads to use of a model.

    Args:
        source: None, a path, or the heads themselves.
        backend: The model.

    Raises:
        ModelMismatch: No heads are shipped for the model, or the file is of another model.
        SettingError: The file cannot be read, or these are no heads of the model.
    """
    if not isinstance(backend, AttentionBackend):
        raise ModelMismatch(
            f"{getattr(backend, 'name', backend)!r} does not show its attention. Use a causal model"
            " with runtime openvino or torch."
        )
    if source is None:
        return _of(_shipped(backend.name), backend)
    if isinstance(source, str | Path):
        return _of(HeadFile.load(Path(source)), backend)
    return _checked(source, backend.attention_shape)


def _shipped(model: str) -> HeadFile:
    found = resources.files("tersely.scorers").joinpath("head_files", f"{Path(model).name}.json")
    if Path(model).name != model or not found.is_file():
        raise ModelMismatch(
            f"Which heads of {model} find answers is not known yet. Find them once with"
            f" `tersely train heads --model {model} --out heads.json`, then set heads=heads.json."
        )
    return HeadFile._read(found.read_text("utf-8"))


def _of(file: HeadFile, backend: AttentionBackend) -> tuple[Head, ...]:
    if file.shape != backend.attention_shape:
        layers, heads = backend.attention_shape
        raise ModelMismatch(
            f"The heads were found in {file.model}, which has {file.shape[0]} layers of"
            f" {file.shape[1]} heads; {backend.name} has {layers} of {heads}. Find its own with"
            f" `tersely train heads --model {backend.name} --out heads.json`."
        )
    return _checked(file.heads, file.shape)


def _checked(heads: Sequence[Sequence[int]], shape: tuple[int, int]) -> tuple[Head, ...]:
    try:
        pairs = tuple((int(layer), int(head)) for layer, head in heads)
    except (TypeError, ValueError) as error:
        raise SettingError(f"heads are (layer, head) pairs; got {heads!r}.") from error
    outside = [p for p in pairs if not (0 <= p[0] < shape[0] and 0 <= p[1] < shape[1])]
    if outside:
        raise SettingError(
            f"There is no head {outside[0]}: the model has {shape[0]} layers of {shape[1]} heads,"
            " both counted from 0."
        )
    if not pairs or len(set(pairs)) < len(pairs):
        raise SettingError("heads are at least one (layer, head) pair, each only once.")
    return pairs
