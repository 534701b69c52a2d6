"""Turn a model's name into a backend that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tersely._optional import need
from tersely.backends.base import CausalBackend, ClassifierBackend, EncoderBackend
from tersely.backends.manifest import MANIFEST, Kind
from tersely.backends.store import ModelFiles, find_model, prepared, read_json
from tersely.errors import BackendError, Error, ModelMismatch, SettingError

if TYPE_CHECKING:
    from tersely.backends.weights import Checkpoint

Runtime = Literal["openvino", "torch"]
DEFAULT_MODEL = "smollm2-135m"
DEFAULT_ENCODER = "minilm-l6"
DEFAULT_CLASSIFIER = "keep-l6"

_FORMAT = "openvino-3"
"""Changes whenever a converted model would come out differently, so that old ones are not used."""
_ENCODER_FORMAT = "openvino-encoder-2"
_CLASSIFIER_FORMAT = "openvino-classifier-1"
_IS: dict[Kind, str] = {
    "causal": "is a causal model: it scores tokens by how surprising they are",
    "encoder": "is an encoder: it gives one vector per text and cannot score tokens",
    "classifier": "is a token classifier: it says how likely each token is kept",
}
_USE: dict[Kind, str] = {
    "causal": f"a causal model here, such as {DEFAULT_MODEL!r}; load_causal loads",
    "encoder": f"an encoder here, such as {DEFAULT_ENCODER!r}; load_encoder loads",
    "classifier": f"a token classifier here, such as {DEFAULT_CLASSIFIER!r}; load_classifier loads",
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
            that is in the local Hugging Face cache; with an adapter, "MODEL+FOLDER".
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
    files = find_causal(model)
    if runtime == "torch":
        return _load_torch(files, threads, precision, device)
    if device != "cpu":
        raise SettingError(
            f"openvino runs on the cpu here, not on {device!r}; use runtime='torch'."
        )
    return _load_openvino(files, threads, precision)


def find_causal(model: str) -> ModelFiles:
    """Find a causal model on this machine; what is raised is as for `load_causal`."""
    return _find(model, "causal")


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


def load_classifier(
    model: str = DEFAULT_CLASSIFIER,
    *,
    runtime: Literal["openvino"] = "openvino",
    threads: int | None = None,
    precision: str | None = None,
) -> ClassifierBackend:
    """Load a token classifier that is on this machine; nothing is fetched.

    Args:
        model: A short name (`tersely models list`), a local folder of a BERT, RoBERTa, XLM-R or
            DistilBERT model with a head of two labels, or a hub id that is in the local Hugging
            Face cache.
        runtime: "openvino", the only one; it runs on a CPU.
        threads: Threads to compute with; None leaves it to the runtime.
        precision: "f32" or "bf16"; None takes bf16 where the processor has it.

    Raises:
        ModelNotFound: The model is not on this machine; the message says what to do.
        ModelMismatch: The model is not a token classifier with two labels.
        BackendError: The folder has no tokenizer, or a file is damaged.
        UnknownName: No model is called that.
        SettingError: A setting is out of range.
    """
    if runtime != "openvino":
        raise SettingError(f"A token classifier's runtime is 'openvino', not {runtime!r}.")
    files = _find(model, "classifier")
    from tersely.backends.openvino_classifier import OpenVINOClassifier

    key = _key(_CLASSIFIER_FORMAT, files)
    folder = prepared(key, lambda place: _convert_classifier(files, place))
    return OpenVINOClassifier(folder, name=files.name, threads=threads, precision=precision)


def is_classifier(model: str) -> bool:
    """Return whether a name is that of a token classifier on this machine; nothing is read in."""
    try:
        return _kind_of(find_model(model)) == "classifier"
    except Error:  # it is not here, or is nothing; whoever loads it says so
        return False


def _convert_classifier(files: ModelFiles, place: Path) -> None:
    from tersely.backends.classifier_folder import ClassifierFolder
    from tersely.backends.openvino_classifier import convert
    from tersely.backends.tokenizer import read_tokenizer

    convert(ClassifierFolder(files.path), read_tokenizer(files.path / "tokenizer.json"), place)


def _find(model: str, kind: Kind) -> ModelFiles:
    """Find a model of one kind; that it is of another is said before that it is not here."""
    manifest = MANIFEST.get(model)
    if manifest is not None and manifest.kind != kind:
        raise _wrong_kind(model, manifest.kind, kind)
    files = find_model(model)
    if kind != "causal" and files.adapter:
        raise ModelMismatch(f"Adapters are for causal models; {model!r} is to be loaded as {kind}.")
    found = _kind_of(files)
    if (kind == "causal") != (found == "causal") and found is not None:
        raise _wrong_kind(model, found, kind)
    if kind != "causal" and not (files.path / "tokenizer.json").is_file():
        raise BackendError(f"{files.path} has no tokenizer.json; a model folder needs one.")
    return files


def _wrong_kind(name: str, found: Kind, wanted: Kind) -> ModelMismatch:
    return ModelMismatch(f"{name!r} {_IS[found]}. Use {_USE[wanted]} them.")


def _kind_of(files: ModelFiles) -> Kind | None:
    """Return what a model is, as far as it is plain to see; whoever reads it knows the rest."""
    if files.is_gguf:
        return "causal"
    config = read_json(files.path / "config.json")
    if any(str(name).endswith("ForTokenClassification") for name in _architectures(config)):
        return "classifier"
    return "encoder" if config.get("model_type") == "bert" else None


def _architectures(config: Mapping[str, Any]) -> list[Any]:
    named = config.get("architectures")
    return named if isinstance(named, list) else []


def _key(form: str, files: ModelFiles) -> str:
    runtime_version = version("openvino").replace(".", "-")
    return f"{form}-{runtime_version}-{files.content_key()}"


def _load_openvino(files: ModelFiles, threads: int | None, precision: str | None) -> CausalBackend:
    from tersely.backends.openvino_causal import OpenVINOCausal

    folder = prepared(_key(_FORMAT, files), lambda place: _convert(files, place))
    return OpenVINOCausal(folder, name=files.name, threads=threads, precision=precision)


def _convert(files: ModelFiles, place: Path) -> None:
    from tersely.backends.adapter import adapted
    from tersely.backends.openvino_causal import convert
    from tersely.backends.tokenizer import read_tokenizer

    if files.is_gguf:
        from tersely.backends.gguf_file import GGUFFile

        gguf = GGUFFile(files.path)
        convert(adapted(gguf, files), gguf.tokenizer(), place, start_id=start_id_of(files, gguf))
        return
    from tersely.backends.safetensors_folder import SafetensorsFolder

    folder = SafetensorsFolder(files.path)
    tokenizer = read_tokenizer(files.path / "tokenizer.json")
    convert(adapted(folder, files), tokenizer, place, start_id=start_id_of(files, folder))


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
