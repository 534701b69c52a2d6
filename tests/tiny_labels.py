"""An encoder small enough to train in a test, and labels that it can learn."""

import json

import numpy as np
from safetensors.numpy import save_file
from tiny_bert import CONFIG, SPECIAL, TinyBert
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tersely.training.label.rows import LabelRow, word_bounds

VOCABULARY = [*SPECIAL, "a", "cat", "dog", "sat", "on", "the", "mat", "and", "ran", ".", "##s", "^"]


def make_base(path, *, positions=64, lowercase=False, **config):
    """Write a BERT with 32 hidden numbers, one layer and 16 tokens."""
    path.mkdir(parents=True, exist_ok=True)
    settings = CONFIG | {"max_position_embeddings": positions, "num_hidden_layers": 1} | config
    names = [f"embeddings.{table}_embeddings.weight" for table in ("word", "token_type")]
    inside = "attention.self.query attention.self.key attention.self.value output.dense"
    inside += " attention.output.dense attention.output.LayerNorm intermediate.dense"
    parts = [f"encoder.layer.0.{part}" for part in [*inside.split(), "output.LayerNorm"]]
    parts.append("embeddings.LayerNorm")
    names += [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]
    weights = {name: TinyBert().weight(name) for name in names}
    table = np.random.default_rng(0).normal(0, 0.2, (positions, 32)).astype(np.float32)
    weights["embeddings.position_embeddings.weight"] = table
    save_file(weights, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(settings))
    tokenizer(lowercase=lowercase).save(str(path / "tokenizer.json"))
    return path


def tokenizer(*, lowercase=False):
    """Whole words, framed as BERT frames one text and two."""
    made = Tokenizer(models.WordPiece({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return made


def make_row(text, *, number=0, kept=("cat", "dog", "cats"), **given):
    """Label a text: 0.9 for the words to keep, 0.1 for the others."""
    words = word_bounds(text)
    values = tuple(0.9 if text[start:end] in kept else 0.1 for start, end in words)
    given = {"group": f"g{number}", "kind": "toy", "values": values} | given
    return LabelRow(id=str(number), text=text, words=words, **given)


def make_rows(count, *, words=12, seed=0, **given):
    """Label random texts, each a group of its own."""
    rng = np.random.default_rng(seed)
    known = [word for word in VOCABULARY[4:] if not word.startswith("##")]
    texts = [" ".join(rng.choice(known, size=words).tolist()) for _ in range(count)]
    return [make_row(text, number=number, **given) for number, text in enumerate(texts)]


def write_labels(path, rows):
    """Write a label file."""
    path.write_text("".join(row.to_json() + "\n" for row in rows))
    return path
