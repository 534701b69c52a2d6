"""Export a token classifier: the folder that the runtime reads, in 8 bits, with a card.

    tersely train export build/keep --int8 --out build/keep-int8

Each row of a matrix becomes whole numbers of 8 bits and one scale. What comes out is read back by
the runtime that will read it, on texts nothing was learnt from, and must keep the words that the
weights it was made from keep.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from tersely import __version__
from tersely.backends.bert_body import SCALE
from tersely.backends.classifier_folder import ClassifierFolder
from tersely.backends.openvino_classifier import OpenVINOClassifier, convert
from tersely.backends.safetensors_folder import names_in, read_tensor
from tersely.backends.store import file_hash, find_model, read_json, weight_files
from tersely.backends.tokenizer import read_tokenizer
from tersely.backends.weights import Dense, Q8Rows
from tersely.core.units import word_units
from tersely.errors import BackendError, ModelMismatch, SettingError
from tersely.scorers.token_classifier import TokenClassifier, word_values
from tersely.training.checkpoint import CARD, TEXTS, WEIGHTS, read_card
from tersely.training.label.rows import read_json_lines, text_fields
from tersely.training.model_card import model_card

INT8 = "tersely_int8"
"""Setting of config.json: the matrices are in 8 bits."""

RATES = (0.5, 0.33, 0.2)
"""At which the kept words are compared."""

LEAST_OVERLAP = 0.9
"""Of the words that the export and the original keep, the share that both keep."""

_LEAST_ROWS = 16  # the head has two: nothing is saved by rounding it

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        out: The folder.
        size_bytes: Of all its files.
        overlaps: For each of `RATES`, the share of kept words that the export and the original
            have in common (Jaccard), mean of the texts; empty if there was no text.
        texts: How many texts they were compared on.
    """

    out: Path
    size_bytes: int
    overlaps: dict[float, float]
    texts: int


def export_classifier(
    name: str,
    out: Path,
    *,
    int8: bool = False,
    texts: Sequence[str] | None = None,
    notes: Mapping[str, str] | None = None,
    force: bool = False,
) -> Exported:
    """Write a token classifier as a folder to load by name, and check it.

    Args:
        name: A checkpoint's folder, or any token classifier with two labels of this machine.
        out: The folder to make. It appears when it is complete.
        int8: Whether its matrices are rounded to 8 bits.
        texts: What to compare it on; None is the held-out texts that lie in the checkpoint.
        notes: Lines for the card by name: "licence", "data".
        force: Whether to write it even if it keeps other words.

    Raises:
        ModelMismatch: It is not a token classifier with two labels, or it is in 8 bits already.
        SettingError: There is no text to compare on.
        BackendError: `out` is there already or cannot be written, or the export keeps other words.
    """
    if out.exists():
        raise BackendError(f"{out} is there already; nothing was written. Name a new folder.")
    files = find_model(name)
    if files.is_gguf or files.adapter:
        raise ModelMismatch(f"{name!r} is a causal model, not a token classifier.")
    path = files.path
    folder = ClassifierFolder(path)
    if folder.config.get(INT8):
        raise ModelMismatch(f"{path} is in 8 bits already; export what it was made from.")
    found = held_out_texts(path) if texts is None else list(texts)
    if not any(text.strip() for text in found):
        raise SettingError(
            f"There is no text to check an export of {path} on: name a file of some."
        )
    beside = out.absolute().parent / f".making-{out.name}"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        write_classifier(path, beside, int8=int8)
        overlaps = compare(path, beside, found)
        _check(overlaps, force=force)
        _write_card(path, beside, overlaps, dict(notes or {}), texts=len(found))
        beside.rename(out)
    except OSError as error:
        raise BackendError(f"{out} could not be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    size = sum(file.stat().st_size for file in out.iterdir())
    return Exported(out, size, overlaps, len(found))


def write_classifier(path: Path, out: Path, *, int8: bool) -> None:
    """Write config.json, tokenizer.json and model.safetensors of a classifier."""
    from safetensors.numpy import save_file

    tensors: dict[str, Array] = {}
    for file in weight_files(path):
        for name in names_in(file):
            dense = read_tensor(file, name)
            if int8 and dense.ndim == 2 and len(dense) >= _LEAST_ROWS:
                rows = to_rows(dense)
                tensors |= {name: rows.codes, name + SCALE: rows.scale[:, 0].copy()}
            else:
                tensors[name] = dense
    save_file(dict(sorted(tensors.items())), out / WEIGHTS, metadata={"format": "pt"})
    config = read_json(path / "config.json") | ({INT8: True} if int8 else {})
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    _tokenizer(path).save(str(out / "tokenizer.json"))


def to_rows(dense: Dense) -> Q8Rows:
    """Round a matrix (O, I) to 8 bits; no number changes by more than half of its row's scale."""
    scale = np.abs(dense).max(axis=1, keepdims=True) / 127
    scale[scale == 0] = 1
    return Q8Rows(np.rint(dense / scale).astype(np.int8), scale.astype(np.float32))


def held_out_texts(path: Path) -> list[str]:
    """Return the texts that lie beside a checkpoint's weights, if any do."""
    return read_texts(path / TEXTS) if (path / TEXTS).is_file() else []


def read_texts(file: Path) -> list[str]:
    """Return the texts of JSON lines with "text" (a label file has it), or a file as one text.

    Raises:
        SettingError: It cannot be read.
    """
    if file.name.endswith((".jsonl", ".jsonl.gz")):
        rows = [text_fields(row, ["text"])["text"] for _, row in read_json_lines(file)]
        return list(dict.fromkeys(rows))
    try:
        return [file.read_text("utf-8")]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from error


def compare(original: Path, export: Path, texts: Sequence[str]) -> dict[float, float]:
    """Return, for each of `RATES`, how far two classifiers keep the same words of texts.

    The original is computed in float32, the export as it will run here.

    Returns:
        The Jaccard overlap of the kept words, mean of the texts that have any.
    """
    values = [
        _word_values(original, texts, precision="f32"),
        _word_values(export, texts, precision=None),
    ]
    pairs = [pair for pair in zip(*values, strict=True) if len(pair[0])]
    return {
        rate: float(np.mean([kept_overlap(one, other, rate) for one, other in pairs]))
        for rate in RATES
        if pairs
    }


def kept_overlap(one: Dense, other: Dense, rate: float) -> float:
    """Return the Jaccard overlap of the best `rate` of W words by two lists of values (W,)."""
    count = max(1, round(rate * len(one)))
    best, same = (set(np.argsort(-v, kind="stable")[:count].tolist()) for v in (one, other))
    return len(best & same) / len(best | same)


def _word_values(path: Path, texts: Sequence[str], *, precision: str | None) -> list[Array]:
    """Return what each word of each text is worth to a classifier."""
    with tempfile.TemporaryDirectory(prefix="tersely-") as place:
        convert(ClassifierFolder(path), _tokenizer(path), Path(place))
        backend = OpenVINOClassifier(Path(place), name=path.name, precision=precision)
        scored = TokenClassifier(backend=backend).value_tokens(texts)
    found = []
    for text, (tokens, values) in zip(texts, ((s.tokens, s.values) for s in scored), strict=True):
        words = [unit for unit in word_units(text) if unit.core < unit.end]
        found.append(word_values(values, tokens, words))
    return found


def _check(overlaps: Mapping[float, float], *, force: bool) -> None:
    worst = min(overlaps, key=lambda rate: overlaps[rate], default=None)
    if worst is not None and overlaps[worst] < LEAST_OVERLAP and not force:
        raise BackendError(
            f"At rate {worst} the export keeps other words: {overlaps[worst]:.3f} of those it or"
            f" the original keeps are in both, and at least {LEAST_OVERLAP} must be. Nothing was"
            " written; export it without int8, or force it."
        )


def _write_card(
    path: Path, out: Path, overlaps: Mapping[float, float], notes: dict[str, str], *, texts: int
) -> None:
    card = read_card(path) or {}
    export = {
        "int8": bool(read_json(out / "config.json").get(INT8)),
        "overlap": {str(rate): round(share, 4) for rate, share in overlaps.items()},
        "texts": texts,
        "weights_sha256": file_hash(out / WEIGHTS),
        "size_bytes": sum(file.stat().st_size for file in out.iterdir()),
        "tersely": __version__,
    }
    whole = card | {"export": export} | ({"notes": notes} if notes else {})
    (out / CARD).write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    (out / "README.md").write_text(model_card(whole), "utf-8")


def _tokenizer(path: Path) -> Tokenizer:
    return read_tokenizer(path / "tokenizer.json")
