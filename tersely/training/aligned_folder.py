"""What an alignment leaves on disk: an adapter as peft writes it, or a whole model, and its card.

    OUT/
    ├── adapter_config.json, adapter_model.safetensors   an adapter; or else
    ├── config.json, tokenizer.json, model.safetensors   a model, where all weights were trained
    ├── tersely.json     settings, data and base by hash, and what was measured
    └── state/           to go on from, while it is not finished

No file says where on this machine anything is, and the same numbers give the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tersely._optional import need
from tersely.backends import adapter_folder
from tersely.backends.chat_template import chat_template_of
from tersely.backends.store import ModelFiles, is_hub_id
from tersely.training import checkpoint
from tersely.training.trainee import Trainee


def base_name(files: ModelFiles) -> str:
    """Return what a card calls a base: a short name, a hub id, or the last part of a path."""
    known = files.manifest is not None or (is_hub_id(files.name) and not Path(files.name).exists())
    return files.name if known else files.path.resolve().name


def write_result(out: Path, trainee: Trainee, files: ModelFiles) -> str:
    """Write the adapter, or the model; return the hash of its weights."""
    return (
        _write_model(out, trainee, files)
        if trainee.adapter is None
        else _write_adapter(out, trainee.adapter, base_name(files))
    )


def _write_adapter(out: Path, adapter: Any, base: str) -> str:
    peft = need("peft", extra="train")
    (config,) = adapter.peft_config.values()
    told = config.to_dict() | {"base_model_name_or_path": base, "inference_mode": True}
    checkpoint.write_notes(
        out / adapter_folder.CONFIG, json.loads(json.dumps(told, default=_plain))
    )
    return checkpoint.write_weights(
        out / adapter_folder.WEIGHTS, peft.get_peft_model_state_dict(adapter)
    )


def _plain(value: Any) -> Any:
    """Return what JSON has no form for: a set in order, an enumeration as its value."""
    return sorted(value) if isinstance(value, set) else value.value


def _write_model(out: Path, trainee: Trainee, files: ModelFiles) -> str:
    config = trainee.model.config.to_dict() | {"bos_token_id": trainee.start_id}
    for name in ("_name_or_path", "transformers_version"):
        config.pop(name, None)
    config["architectures"] = [type(trainee.model).__name__]
    checkpoint.write_notes(out / "config.json", config)
    save = trainee.tokenizer.save
    checkpoint.write_file(out / "tokenizer.json", lambda place: save(str(place)))
    if template := chat_template_of(files):
        write = (out / "chat_template.jinja").write_text
        write(template, "utf-8")
    weights = dict(trainee.model.named_parameters())  # one that is used twice is named once
    return checkpoint.write_weights(out / checkpoint.WEIGHTS, weights)
