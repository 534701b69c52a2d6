"""BERTScore of one answer, through torchmetrics, by a model that is on this machine.

Without rescaling: the figures of one model compare with each other, not with another model's. By
default the model is the encoder of the base install, which knows English; for other languages name
a model of them. What is beyond its window (512 tokens) is not read. 0.1 s for a pair of sentences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from tersely._optional import need
from tersely.backends.load import DEFAULT_ENCODER
from tersely.backends.store import find_model
from tersely.core.units import clean
from tersely.errors import BackendError, ModelMismatch
from tersely.evaluation.metrics.answers import primary

EXTRA = "bertscore"
_WINDOW = 512  # where a model does not say


class BertScore:
    """Scores answers with one model, as torchmetrics does."""

    def __init__(self, model: str = DEFAULT_ENCODER) -> None:
        """Load a model; nothing is fetched.

        Args:
            model: A short name, a local folder with config.json, tokenizer.json and
                *.safetensors, or a hub id that is in the local Hugging Face cache.

        Raises:
            ModelNotFound: The model is not on this machine; the message says how to fetch it.
            ModelMismatch: It is not a model folder of an encoder.
            BackendError: It could not be loaded.
            MissingDependency: torch, transformers or torchmetrics is not installed.
        """
        files = find_model(model)
        if files.is_gguf or files.adapter:
            what = "has an adapter" if files.adapter else "is a GGUF file"
            raise ModelMismatch(f"{model!r} {what}; BERTScore needs an encoder's folder.")
        for package in ("torch", "transformers"):
            need(package, extra=EXTRA)
        self._score = need("torchmetrics.functional.text.bert", extra=EXTRA).bert_score
        self._model, self._tokenizer = _load(files.path)
        positions = getattr(self._model.config, "max_position_embeddings", _WINDOW)
        self._window = min(positions, self._tokenizer.model_max_length)

    def f1(self, answer: str, gold: str) -> float:
        """Return the F1 of an answer and a right one, in [-1, 1]; NaN if that has no tokens."""
        texts = clean(answer), clean(gold)
        said, right = (self._tokenizer.tokenize(text) for text in texts)
        if not right:
            return math.nan
        if not said:
            return 0.0
        # One pair a call: torchmetrics 1.9 gives the scores of a list in a wrong order
        # (https://github.com/Lightning-AI/torchmetrics/issues/2728).
        scores = self._score(
            [texts[0]],
            [texts[1]],
            model=self._model,
            user_tokenizer=self._tokenizer,
            max_length=self._window,
            truncation=True,
        )
        return float(scores["f1"])


def bertscore(
    answer: str, answers: Sequence[str], *, language: str = "en", model: str = DEFAULT_ENCODER
) -> float:
    """Return the largest F1 of greedily matched token vectors; negative ones are 0.

    Args:
        answer: What was written.
        answers: What would be right.
        language: Of the answers.
        model: See `BertScore`; it is loaded once.

    Returns:
        In [0, 1]; NaN if no right answer has tokens, or if the language is not English and the
        model is the default one.

    Source: Zhang et al. 2020, https://arxiv.org/abs/1904.09675; torchmetrics, where, unlike in the
        authors' package, no token is matched with [CLS] or [SEP].
    """
    if model == DEFAULT_ENCODER and primary(language) != "en":
        return math.nan
    scores = [score for gold in answers if not math.isnan(score := _loaded(model).f1(answer, gold))]
    return min(1.0, max(0.0, *scores)) if scores else math.nan


@lru_cache(maxsize=1)
def _loaded(model: str) -> BertScore:
    return BertScore(model)


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        with _no_progress_bar():
            model, report = AutoModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **local
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, **local)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise BackendError(f"{folder} could not be loaded: {error}") from error
    # transformers fills what is missing with random numbers; the pooler's vector is not used.
    if lost := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise ModelMismatch(f"{folder} lacks {len(lost)} weights, first {lost[0]}.")
    return model.eval(), tokenizer


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
