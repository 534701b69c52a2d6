"""Open the model that `PromptCompressor` is asked for, if it is on this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tersely.backends.base import CausalBackend, EncoderBackend, Tokens
from tersely.backends.load import DEFAULT_ENCODER, DEFAULT_MODEL, load_causal, load_encoder
from tersely.backends.manifest import MANIFEST
from tersely.backends.store import split_name
from tersely.compat.llmlingua.warned import warn
from tersely.counting import TokenCounter
from tersely.errors import ModelMismatch, ModelNotFound, SettingError, UnknownName

_log = logging.getLogger(__name__)
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "bf16", "auto": None}
_IGNORED_SILENTLY = ("pad_to_left", "use_auth_token", "token")  # they can change nothing here


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A causal model, and where it runs.

    Attributes:
        backend: The model.
        device: "cpu", "cuda", "cuda:1", "mps".
    """

    backend: CausalBackend
    device: str


@dataclass(frozen=True, slots=True)
class ModelTokenizer:
    """What others do with `PromptCompressor.tokenizer`: cut a text into ids."""

    backend: CausalBackend | EncoderBackend

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        """Return the ids of a text's tokens, without special tokens, whatever is asked."""
        tokens: Tokens = self.backend.encode(text)
        return [int(number) for number in tokens.ids]

    def __call__(self, text: str, *, add_special_tokens: bool = False) -> dict[str, list[int]]:
        """Return the ids as `transformers` does, under "input_ids"."""
        return {"input_ids": self.encode(text)}


@dataclass(frozen=True, slots=True)
class CounterTokenizer:
    """What others do with `PromptCompressor.oai_tokenizer`: `len(oai_tokenizer.encode(text))`."""

    counter: TokenCounter

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text's tokens; text that looks like a special token is plain text.

        Raises:
            SettingError: The tokenizer that was chosen counts and gives no ids.
        """
        encoding: Any = getattr(self.counter, "encoding", None)
        if encoding is None:
            raise SettingError(
                f"{self.counter.name} gives no ids here; for the number of tokens use"
                " get_token_length(text, use_oai_tokenizer=True)."
            )
        ids: list[int] = encoding.encode(text, disallowed_special=())
        return ids


def model_named(name: object) -> Any:
    """Return what a `model_name` means: a str, also for a path; or a backend as it is.

    Raises:
        SettingError: It is none of these.
    """
    if isinstance(name, os.PathLike):
        name = os.fsdecode(name)
    if isinstance(name, str) and name:
        return name
    if isinstance(name, str | type) or not callable(getattr(name, "encode", None)):
        raise SettingError(
            "model_name is a short name such as 'smollm2-135m', a path, an id in the hub cache, or"
            f" a backend; not {name!r}."
        )
    return name


def open_model(
    name: str | os.PathLike[str] | CausalBackend,
    device_map: str,
    config: Mapping[str, Any],
    fallback: str | None,
) -> OpenModel:
    """Open a causal model of this machine; nothing is fetched.

    Args:
        name: A short name, a folder or `.gguf` file, or an id in the hub cache; or a backend.
        device_map: As for `transformers`; a CPU stands in for what is not there.
        config: Of it, the data type is used.
        fallback: The model to use where the other is not here, with a warning; None raises.

    Raises:
        ModelNotFound: The model is not here.
        SettingError: What was asked for cannot be had.
    """
    if not isinstance(device_map, str):
        raise SettingError(f"device_map is a str such as 'cpu' or 'cuda:0', not {device_map!r}.")
    named = model_named(name)
    if not isinstance(named, str):
        if not callable(getattr(named, "score", None)):
            raise SettingError(f"model_name is a causal model's name or backend; not {name!r}.")
        return OpenModel(named, "cpu")
    precision = _precision(config)
    try:
        return _open(named, device_map, precision)
    except (ModelNotFound, UnknownName) as error:
        if fallback is None:
            raise ModelNotFound(
                f"The model {named!r} is not on this machine, and nothing is fetched here."
                f" Give the folder it is in, fetch it with: tersely models pull {named}, or let"
                f' another one stand in: PromptCompressor(..., fallback="{DEFAULT_MODEL}").'
            ) from error
        warn(f"The model {named!r} is not on this machine; {fallback!r} stands in for it.")
        return _open(fallback, device_map, precision)


def open_encoder(name: str, *, may_stand_in: bool) -> EncoderBackend:
    """Open the encoder of a `rank_method`.

    Args:
        name: The model it means.
        may_stand_in: Whether MiniLM may be used where that is not here; it is warned of.

    Raises:
        ModelNotFound: The model is not here, or not one that runs here.
    """
    try:
        return load_encoder(name)
    except (ModelNotFound, ModelMismatch) as error:
        if not may_stand_in:
            raise ModelNotFound(
                f"This ranking needs the encoder {name!r}: {error} Or let {DEFAULT_ENCODER!r} stand"
                f' in: PromptCompressor(..., fallback="{DEFAULT_MODEL}"); or rank by bm25.'
            ) from error
        warn(f"The encoder {name!r} cannot be used here; {DEFAULT_ENCODER!r} ranks in its place.")
        return load_encoder(DEFAULT_ENCODER)


def _open(name: str, device_map: str, precision: str | None) -> OpenModel:
    base, _ = split_name(name)  # an adapter is of the model before it
    is_folder = base not in MANIFEST and Path(base).suffix != ".gguf"
    with_torch = is_folder and find_spec("torch") and find_spec("transformers")
    device = _device(device_map) if with_torch else "cpu"
    if device != device_map:
        said = f"device_map={device_map!r}: the model {name!r} runs on {device!r} here."
        if ":" in device_map or device_map == "mps":
            warn(said)
        else:  # "cuda" is what nobody chose
            _log.info(said)
    runtime: Literal["torch", "openvino"] = "torch" if with_torch else "openvino"
    backend = load_causal(name, runtime=runtime, device=device, precision=precision)
    return OpenModel(backend, device)


def _device(wanted: str) -> str:
    """Return what a device map means on this machine: "auto" and the like are one device."""
    import torch

    if "mps" in wanted:
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted == "cpu":
        return "cpu"
    if not torch.cuda.is_available():
        return "cpu"
    return wanted if wanted.startswith("cuda") else "cuda"


def _precision(config: Mapping[str, Any]) -> str | None:
    """Return the precision of a model_config, and say what else of it is not used."""
    if config.get("revision") not in (None, "main"):
        raise SettingError(
            f"revision {config['revision']!r}: only 'main' is looked up in the hub cache. Give the"
            " folder of that revision as model_name."
        )
    if config.get("trust_remote_code"):
        warn("trust_remote_code: no code of a model is run here.")
    known = {"revision", "trust_remote_code", "torch_dtype", "dtype", *_IGNORED_SILENTLY}
    if unknown := sorted(set(config) - known):
        warn(f"model_config: {', '.join(unknown)} not used here.")
    dtype = config.get("torch_dtype", config.get("dtype"))
    if dtype is None:
        return None
    name = str(dtype).removeprefix("torch.")
    if name not in _PRECISIONS:
        raise SettingError(f"torch_dtype is one of {', '.join(_PRECISIONS)}; not {dtype!r}.")
    return _PRECISIONS[name]
