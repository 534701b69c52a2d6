"""Turn a model's name into a backend that runs it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from tersely._optional import need
from tersely.backends.base import CausalBackend
from tersely.backends.store import ModelFiles, find_model, prepared
from tersely.errors import SettingError

if TYPE_CHECKING:
    from tersely.backends.weights import Checkpoint

Runtime = Literal["openvino", "torch"]
DEFAULT_MODEL = "smollm2-135m"

_FORMAT = "openvino-3"
"""Changes whenever a converted model would come out differently, so that old ones are not used."""


def load_causal(
    model: str = DEFAULT_MODEL,
    *,
    runtime: Runtime = "openvino",
    threads: int | None = None,
    precision: str | None = None,
    device: str = "cpu",
) -> CausalBackend:
    """Load a causal model that is on this machine; nothing is fetched.

    Args:
        model: A short name (`tersely models list`), a local folder or `.gguf` file, or a hub id
            that is in the local Hugging Face cache.
        runtime: "openvino" runs Llama-like models on a CPU; "torch" runs any causal model of
            transformers, on a GPU too, and needs the extra `torch`.
        threads: Threads to compute with; None leaves it to the runtime.
        precision: "f32" or "bf16"; None takes what is fastest and good enough: with openvino
            bf16 where the processor has it, with torch f32 on a CPU and bf16 on a GPU.
        device: Where torch computes: "cpu", "cuda", "cuda:1", "mps".

    Raises:
        ModelNotFound: The model is not on this machine; the message says how to fetch it.
        UnknownName: No model is called that.
        SettingError: A setting is out of range.
    """
    if runtime not in get_args(Runtime):
        raise SettingError(f"runtime is one of {', '.join(get_args(Runtime))}; not {runtime!r}.")
    if precision not in (None, "f32", "bf16"):
        raise SettingError(f"precision is 'f32' or 'bf16', not {precision!r}.")
    if threads is not None and threads < 1:
        raise SettingError(f"threads is at least 1; got {threads}.")
    files = find_model(model)
    if runtime == "torch":
        return _load_torch(files, threads, precision, device)
    if device != "cpu":
        raise SettingError(
            f"openvino runs on the cpu here, not on {device!r}; use runtime='torch'."
        )
    return _load_openvino(files, threads, precision)


def _load_openvino(files: ModelFiles, threads: int | None, precision: str | None) -> CausalBackend:
    from tersely.backends.openvino_causal import OpenVINOCausal

    runtime_version = version("openvino").replace(".", "-")
    key = f"{_FORMAT}-{runtime_version}-{files.content_key()}"
    folder = prepared(key, lambda place: _convert(files, place))
    return OpenVINOCausal(folder, name=files.name, threads=threads, precision=precision)


def _convert(files: ModelFiles, place: Path) -> None:
    from tersely.backends.openvino_causal import convert
    from tersely.backends.tokenizer import read_tokenizer

    if files.is_gguf:
        from tersely.backends.gguf_file import GGUFFile

        gguf = GGUFFile(files.path)
        convert(gguf, gguf.tokenizer(), place, start_id=start_id_of(files, gguf))
        return
    from tersely.backends.safetensors_folder import SafetensorsFolder

    folder = SafetensorsFolder(files.path)
    tokenizer = read_tokenizer(files.path / "tokenizer.json")
    convert(folder, tokenizer, place, start_id=start_id_of(files, folder))


def start_id_of(files: ModelFiles, checkpoint: Checkpoint) -> int:
    """Return the token that stands before a text: the manifest's choice, else the model's."""
    chosen = files.manifest.start_id if files.manifest else None
    return checkpoint.shape.start_id if chosen is None else chosen


def _load_torch(
    files: ModelFiles, threads: int | None, precision: str | None, device: str
) -> CausalBackend:
    need("torch", extra="torch")
    need("transformers", extra="torch")
    from tersely.backends.torch_causal import TorchCausal

    return TorchCausal.load(
        files, device=device, dtype=_torch_dtype(precision, device), threads=threads
    )


def _torch_dtype(precision: str | None, device: str) -> str:
    if precision is None:
        precision = "f32" if device == "cpu" else "bf16"
    return {"f32": "float32", "bf16": "bfloat16"}[precision]
