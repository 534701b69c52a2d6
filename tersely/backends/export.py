"""Write a GGUF model as a Hugging Face folder that any tool built on transformers reads.

The weights are what the file holds, multiplied out to float32: nothing is gained in quality. Of a
model with an adapter they are those of both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer

from tersely.backends.adapter import adapted
from tersely.backends.gguf_file import GGUFFile
from tersely.backends.store import find_model, new_folder
from tersely.backends.weights import Checkpoint, LlamaShape, to_dense
from tersely.errors import BackendError, ModelMismatch

_ROLES = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
_CONTROL = 3  # the token type of "<|im_start|>" and its like


def export(name: str, out: Path) -> Path:
    """Write a model of this machine as a new folder.

    Args:
        name: A short name or a `.gguf` file, or one of these with an adapter.
        out: The folder to make. It appears when it is complete.

    Returns:
        `out`.

    Raises:
        ModelNotFound: The model is not on this machine.
        ModelMismatch: It is a folder already.
        BackendError: `out` is there already, or cannot be written.
    """
    files = find_model(name)
    if not files.is_gguf:
        raise ModelMismatch(f"{name!r} is a Hugging Face folder already: {files.path}")
    files.content_key()
    gguf = GGUFFile(files.path)
    to_folder(gguf, out, weights=adapted(gguf, files))
    return out


def to_folder(gguf: GGUFFile, out: Path, *, weights: Checkpoint | None = None) -> None:
    """Write config.json, tokenizer.json, tokenizer_config.json and model.safetensors.

    Args:
        gguf: What to write.
        out: The folder to make.
        weights: The weights, where they are not those of the file.

    Raises:
        BackendError: `out` is there already, or cannot be written.
    """
    from safetensors.numpy import save_file

    if out.exists():
        raise BackendError(f"{out} is there already; nothing was written. Name a new folder.")
    metadata = _metadata(gguf.path)
    with new_folder(out.absolute().parent) as folder:
        try:
            _write_json(folder / "config.json", config_of(gguf.shape) | _special_ids(metadata))
            _write_json(folder / "tokenizer_config.json", _tokenizer_config(gguf.shape, metadata))
            _with_special_tokens(gguf.tokenizer(), metadata).save(str(folder / "tokenizer.json"))
            whole = gguf if weights is None else weights
            dense = {name: to_dense(whole.weight(name)) for name in whole.names()}
            save_file(dense, folder / "model.safetensors", metadata={"format": "pt"})
            folder.rename(out)
        except OSError as error:
            raise BackendError(f"{out} could not be written: {error.strerror}.") from error


def config_of(shape: LlamaShape) -> dict[str, Any]:
    """Return the config.json of a Llama-like model, as transformers 4 and 5 both read it."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "bos_token_id": shape.start_id,
        "dtype": "float32",
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "max_position_embeddings": shape.window_tokens,
        "mlp_bias": False,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "rms_norm_eps": shape.norm_epsilon,
        "rope_parameters": {"rope_theta": shape.rope_theta, "rope_type": "default"},
        "rope_theta": shape.rope_theta,  # transformers 4 knows only this
        "tie_word_embeddings": shape.tied,
        "torch_dtype": "float32",
        "vocab_size": shape.vocabulary,
    }


def _metadata(path: Path) -> dict[str, Any]:
    """Read what the file says about its special tokens."""
    fields = GGUFReader(path).fields
    wanted = [f"ggml.{role}_token_id" for role in _ROLES.values()]
    wanted += ["ggml.tokens", "ggml.token_type", "chat_template"]
    keys = [key for key in wanted if f"tokenizer.{key}" in fields]
    return {key: fields[f"tokenizer.{key}"].contents() for key in keys}


def _special_ids(metadata: dict[str, Any]) -> dict[str, int]:
    """Return "bos_token_id" and so on, for those the file names; unk has no place in a config."""
    found = {role: metadata.get(f"ggml.{gguf}_token_id") for role, gguf in _ROLES.items()}
    return {f"{role}_token_id": i for role, i in found.items() if i is not None and role != "unk"}


def _tokenizer_config(shape: LlamaShape, metadata: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {
        # The generic class: it takes tokenizer.json as it is. The model's own class would build
        # the splitting anew, in transformers 5, and leave the single digits out.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": shape.window_tokens,
        "clean_up_tokenization_spaces": False,
    }
    for role, gguf in _ROLES.items():
        if (token_id := metadata.get(f"ggml.{gguf}_token_id")) is not None:
            config[f"{role}_token"] = metadata["ggml.tokens"][token_id]
    if template := metadata.get("chat_template"):
        config["chat_template"] = template
    return config


def _with_special_tokens(tokenizer: Tokenizer, metadata: dict[str, Any]) -> Tokenizer:
    """Mark the control tokens, so that chat templates come out as the model knows them."""
    types = metadata.get("ggml.token_type", [])
    control = [i for i, kind in enumerate(types) if kind == _CONTROL]
    texts = [metadata["ggml.tokens"][i] for i in control]
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in texts])
    return tokenizer


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
