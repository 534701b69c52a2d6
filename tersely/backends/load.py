"""Turn a model's name into a backend that runs it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from tersely._optional import need
from tersely.backends.base import CausalBackend, EncoderBackend
from tersely.backends.manifest import MANIFEST, Kind
from tersely.backends.store import ModelFiles, find_model, prepared, read_json
from tersely.errors import ModelMismatch, SettingError

if TYPE_CHECKING:
    from tersely.backends.weights import Checkpoint

Runtime = Literal["openvino", "torch"]
DEFAULT_MODEL = "smollm2-135m"
DEFAULT_ENCODER = "minilm-l6"

_FORMAT = "openvino-3"
"""Changes whenever a converted model would come out differently, so that old ones are not used."""
_ENCODER_FORMAT = "openvino-encoder-2"
_WRONG_KIND = {
    "causal": (
        "{name!r} is an encoder: it gives one vector per text and cannot score tokens."
        f" Use a causal model here, such as {DEFAULT_MODEL!r}; load_encoder loads encoders."
    ),
    "encoder": (
        "{name!r} is a causal model: it scores tokens and gives no vector of a text."
        f" Use an encoder here, such as {DEFAULT_ENCODER!r}; load_causal loads causal models."
    ),
}


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
        ModelMismatch: The model is an encoder, or not one the runtime reads.
        UnknownName: No model is called that.
        SettingError: A setting is out of range.
    """
    if runtime not in get_args(Runtime):
        raise SettingError(f"runtime is one of {', '.join(get_args(Runtime))}; not {runtime!r}.")
    if precision not in (None, "f32", "bf16"):
        raise SettingError(f"precision is 'f32' or 'bf16', not {precision!r}.")
    if threads is not None and threads < 1:
        raise SettingError(f"threads is at least 1; got {threads}.")
    files = _find(model, "causal")
    if runtime == "torch":
        return _load_torch(files, threads, precision, device)
    if device != "cpu":
        raise SettingError(
            f"openvino runs on the cpu here, not on {device!r}; use runtime='torch'."
        )
    return _load_openvino(files, threads, precision)


def load_encoder(
    model: str = DEFAULT_ENCODER,
    *,
    runtime: Literal["openvino"] = "openvino",
    threads: int | None = None,
    precision: str | None = None,
) -> EncoderBackend:
    """Load a sentence encoder that is on this machine; nothing is fetched.

    Args:
        model: A short name (`tersely models list`), a local folder of a BERT model, or a hub id
            that is in the local Hugging Face cache.
        runtime: "openvino", the only one; it runs on a CPU.
        threads: Threads to compute with; None leaves it to the runtime.
        precision: "f32" or "bf16"; None takes bf16 where the processor has it.

    Raises:
        ModelNotFound: The model is not on this machine; the message says how to fetch it.
        ModelMismatch: The model is not a BERT encoder.
        UnknownName: No model is called that.
        SettingError: A setting is out of range.
    """
    if runtime != "openvino":
        raise SettingError(f"An encoder's runtime is 'openvino', not {runtime!r}.")
    files = _find(model, "encoder")
    from tersely.backends.openvino_encoder import OpenVINOEncoder

    folder = prepared(_key(_ENCODER_FORMAT, files), lambda place: _convert_encoder(files, place))
    return OpenVINOEncoder(folder, name=files.name, threads=threads, precision=precision)


def _convert_encoder(files: ModelFiles, place: Path) -> None:
    from tersely.backends.bert_folder import BertFolder
    from tersely.backends.openvino_encoder import convert
    from tersely.backends.tokenizer import read_tokenizer

    convert(BertFolder(files.path), read_tokenizer(files.path / "tokenizer.json"), place)


def _find(model: str, kind: Kind) -> ModelFiles:
    """Find a model of one kind; that it is of the other is said before that it is not here."""
    manifest = MANIFEST.get(model)
    if manifest is not None and manifest.kind != kind:
        raise ModelMismatch(_WRONG_KIND[kind].format(name=model))
    files = find_model(model)
    wrong = files.is_gguf if kind == "encoder" else _is_bert(files)
    if wrong:
        raise ModelMismatch(_WRONG_KIND[kind].format(name=model))
    return files


def _is_bert(files: ModelFiles) -> bool:
    if files.is_gguf:
        return False
    return read_json(files.path / "config.json").get("model_type") == "bert"


def _key(form: str, files: ModelFiles) -> str:
    runtime_version = version("openvino").replace(".", "-")
    return f"{form}-{runtime_version}-{files.content_key()}"


def _load_openvino(files: ModelFiles, threads: int | None, precision: str | None) -> CausalBackend:
    from tersely.backends.openvino_causal import OpenVINOCausal

    folder = prepared(_key(_FORMAT, files), lambda place: _convert(files, place))
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
