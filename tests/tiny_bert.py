"""A BERT model small enough to make up, and the same model in plain NumPy."""

import json
from math import erf

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tersely.backends.bert_folder import BertShape

SHAPE = BertShape(
    layers=2, hidden=32, inner=48, heads=4, window_tokens=20, norm_epsilon=1e-12, pooling="mean"
)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [*SPECIAL, "a", "cat", "dog", "sat", "on", "the", "mat", "and", "ran", ".", "##s", "##ing"]
CONFIG = {
    "model_type": "bert", "num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48,
    "num_attention_heads": 4, "max_position_embeddings": 24, "vocab_size": len(WORDS),
    "hidden_act": "gelu", "layer_norm_eps": 1e-12,
}  # fmt: skip


class TinyBert:
    """Random weights, the same for the same name."""

    def __init__(self, shape=SHAPE):
        self.shape = shape

    def weight(self, name):
        rng = np.random.default_rng(sum(map(ord, name)))
        if name.endswith("LayerNorm.weight"):
            return rng.uniform(0.5, 1.5, 32).astype(np.float32)
        tables = {
            "word_embeddings": len(WORDS),
            "position_embeddings": 24,
            "token_type_embeddings": 2,
        }
        part = name.split(".")[-2]
        out = 48 if "intermediate" in name else tables.get(part, 32)
        if name.endswith("bias"):
            return rng.normal(0, 0.2, out).astype(np.float32)
        width = 48 if name.endswith("output.dense.weight") and "attention" not in name else 32
        return rng.normal(0, 0.2, (out, width)).astype(np.float16).astype(np.float32)


def tokenizer():
    """Whole words and two endings, lower-cased, framed by [CLS] and [SEP]."""
    made = Tokenizer(models.WordPiece({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def vector(ids, shape=SHAPE):
    """One text read alone, head by head in float64; of length 1."""
    w = lambda name: TinyBert().weight(name).astype(np.float64)  # noqa: E731
    full = [2, *ids, 3]

    def norm(x, name):
        even = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return even * w(name + ".weight") + w(name + ".bias")

    def linear(x, name):
        return x @ w(name + ".weight").T + w(name + ".bias")

    e = "embeddings."
    x = w(e + "word_embeddings.weight")[full] + w(e + "position_embeddings.weight")[: len(full)]
    x = norm(x + w(e + "token_type_embeddings.weight")[0], e + "LayerNorm")
    for layer in range(2):
        p = f"encoder.layer.{layer}."
        q, k, v = (linear(x, f"{p}attention.self.{m}") for m in ("query", "key", "value"))
        read = np.zeros_like(x)
        for head in range(4):
            part = slice(8 * head, 8 * head + 8)
            odds = np.exp(q[:, part] @ k[:, part].T / np.sqrt(8))
            read[:, part] = odds / odds.sum(-1, keepdims=True) @ v[:, part]
        x = norm(x + linear(read, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        inner = linear(x, p + "intermediate.dense")
        inner = inner * (1 + np.vectorize(erf)(inner / np.sqrt(2))) / 2
        x = norm(x + linear(inner, p + "output.dense"), p + "output.LayerNorm")
    pooled = x[0] if shape.pooling == "cls" else x.mean(0)
    return pooled / np.linalg.norm(pooled)


def write_folder(path, *, prefix="", config=(), **files):
    """Write the model as a Hugging Face folder; `files` are further JSON files by name."""
    path.mkdir(parents=True, exist_ok=True)
    names = [f"embeddings.{t}_embeddings.weight" for t in ("word", "position", "token_type")]
    parts = ["embeddings.LayerNorm"]
    for layer in range(2):
        inside = "attention.self.query attention.self.key attention.self.value output.dense"
        inside += " attention.output.dense attention.output.LayerNorm intermediate.dense"
        parts += [f"encoder.layer.{layer}.{p}" for p in [*inside.split(), "output.LayerNorm"]]
    names += [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]
    save_file({prefix + n: TinyBert().weight(n) for n in names}, path / "model.safetensors")
    tokenizer().save(str(path / "tokenizer.json"))
    for name, content in {"config.json": CONFIG | dict(config), **files}.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(json.dumps(content))
    return path
