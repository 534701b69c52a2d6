"""A token classifier small enough to make up: BERT's folder with a head, in 32 or 8 bits."""

import json

import numpy as np
from safetensors.numpy import load_file, save_file
from tiny_bert import CONFIG, write_folder
from tokenizers import Tokenizer, processors

HEAD = {"classifier.weight": (2, 32), "classifier.bias": (2,)}


def write_classifier(path, *, config=(), lost=(), sizes=()):
    """Write a folder of `transformers`' BertForTokenClassification.

    Args:
        path: Where to.
        config: Settings that differ.
        lost: Files and weights that are not there.
        sizes: Shapes of weights that differ.
    """
    settings = {"architectures": ["BertForTokenClassification"]} | dict(config)
    write_folder(path, prefix="bert.", config=settings)
    weights = load_file(path / "model.safetensors")
    rng = np.random.default_rng(1)
    for name, shape in (HEAD | dict(sizes)).items():
        weights[name] = rng.normal(0, 1, shape).astype(np.float32)
    kept = {name: array for name, array in weights.items() if name not in lost}
    save_file(kept, path / "model.safetensors")
    with_pairs(path / "tokenizer.json")
    for name in lost:
        (path / name).unlink(missing_ok=True)
    return path


def with_pairs(path):
    """Have a tokenizer frame two texts as BERT's does."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(path))


def to_8_bits(folder, out):
    """Write what `tersely train export` makes of a folder: int8 rows, one scale for each."""
    out.mkdir(parents=True)
    weights = {}
    for name, array in load_file(folder / "model.safetensors").items():
        if array.ndim != 2:
            weights[name] = array
            continue
        scale = np.abs(array).max(axis=1) / 127
        weights[name] = np.rint(array / scale[:, None]).astype(np.int8)
        weights[f"{name}.scale"] = scale.astype(np.float32)
    save_file(weights, out / "model.safetensors")
    config = json.loads((folder / "config.json").read_text()) | {"tersely_int8": True}
    (out / "config.json").write_text(json.dumps(config))
    (out / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    return out


def multiplied_out(folder, out):
    """Write the same weights as `to_8_bits` has them, in 32 bits."""
    out.mkdir(parents=True)
    stored = load_file(folder / "model.safetensors")
    weights = {
        name: array * stored[f"{name}.scale"][:, None] if array.dtype == np.int8 else array
        for name, array in stored.items()
        if not name.endswith(".scale")
    }
    save_file({n: a.astype(np.float32) for n, a in weights.items()}, out / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (out / name).write_bytes((folder / name).read_bytes())
    return out


def renamed(folder, settings):
    """Change settings of a folder."""
    config = json.loads((folder / "config.json").read_text()) | settings
    (folder / "config.json").write_text(json.dumps(config))


__all__ = ["CONFIG", "multiplied_out", "renamed", "to_8_bits", "with_pairs", "write_classifier"]
