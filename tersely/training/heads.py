"""Find the evaluator heads of a causal model: the ones that see where a question is answered.

Needs no labels and no data: texts with a known answer are generated (`needles.py`), the model
reads each with its question after it, and every head is asked which sentence it looks at.

Source: the needle probe of Fei et al. 2025, https://arxiv.org/abs/2501.12959.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from tersely import __version__
from tersely.backends.attention import AttentionBackend, Head
from tersely.backends.base import CausalBackend, Floats
from tersely.errors import ModelMismatch, SettingError
from tersely.scorers.head_file import HeadFile
from tersely.scorers.heads import PRIOR_TOKENS, HeadScorer
from tersely.training.needles import Needle, make_needles

LEAST_SENTENCES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSearch:
    """How to look for heads.

    Attributes:
        count: How many to find.
        samples: Texts to read.
        sentences: Sentences of each text.
        seed: The same seed makes the same texts.
        slack: How much worse, as a share of their mean score, the heads of lower layers may be
            and still be preferred: the layers above the highest head need not be run.
    """

    count: int = 5
    samples: int = 48
    sentences: int = 20
    seed: int = 0
    slack: float = 0.02

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("samples", 1), ("sentences", LEAST_SENTENCES)):
            if getattr(self, name) < least:
                raise SettingError(f"{name} is at least {least}; got {getattr(self, name)}.")
        if self.seed < 0:
            raise SettingError(f"seed is at least 0; got {self.seed}.")
        if not 0 <= self.slack < 1:
            raise SettingError(f"slack is in [0, 1); got {self.slack}.")


def find_heads(
    backend: CausalBackend,
    search: HeadSearch | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> HeadFile:
    """Find the heads of a model that look from a question at its answer.

    Args:
        backend: The model.
        search: How to look.
        progress: Called after each text with (texts read, texts).

    Raises:
        ModelMismatch: The model does not show its attention.
        SettingError: It has fewer heads than are asked for.
    """
    search = search or HeadSearch()
    if not isinstance(backend, AttentionBackend):
        raise ModelMismatch("This model does not show its attention: use openvino or torch.")
    layers, width = backend.attention_shape
    if search.count > layers * width:
        raise SettingError(f"count is at most {layers * width}, all heads of {backend.name}.")
    needles = make_needles(search.samples, sentences=search.sentences, seed=search.seed)
    scores = np.zeros((layers, width))
    for done, needle in enumerate(needles, start=1):
        scores += reciprocal_ranks(backend, needle).reshape(layers, width)
        if progress:
            progress(done, search.samples)
    scores /= search.samples
    heads = choose_heads(scores, search.count, slack=search.slack)
    made = {
        **asdict(search),
        "score": "mean reciprocal rank of the answering sentence",
        "scores": [round(float(scores[head]), 4) for head in heads],
        "tersely": __version__,
        "numpy": np.__version__,
    }
    return HeadFile(model=backend.name, shape=(layers, width), heads=heads, made=made)


def reciprocal_ranks(backend: AttentionBackend, needle: Needle) -> Floats:
    """Return 1 / rank of the answering sentence in the attention of every head, (L * H,).

    Sentences are ranked as `evaluator_heads` ranks them.
    """
    layers, width = backend.attention_shape
    heads = tuple((layer, head) for layer in range(layers) for head in range(width))
    scorer = HeadScorer(backend=backend, heads=heads, window_tokens=backend.window_tokens)
    (tokens,), shares = scorer.attend(needle.question, [needle.text])  # (L * H, T)
    ends = np.cumsum([len(sentence) for sentence in needle.sentences])
    owners = np.searchsorted(ends, np.maximum(tokens.starts, tokens.ends - 1), side="right")
    member = owners[:, None] == np.arange(len(ends))  # (T, S)
    worth = shares @ member / (member.sum(axis=0) + PRIOR_TOKENS)  # (L * H, S)
    # Of equals the last: a head that looks at nothing in particular finds nothing.
    ranks = (worth >= worth[:, [needle.answer]] * (1 - 1e-9)).sum(axis=1)
    return np.asarray(1.0 / ranks)


def choose_heads(scores: Floats, count: int, *, slack: float) -> tuple[Head, ...]:
    """Return the best heads of the lowest layers that have nearly the best.

    Args:
        scores: (L, H), higher is better.
        count: How many heads.
        slack: The mean of the chosen is at least (1 - slack) times that of the best.

    Returns:
        (layer, head) pairs, best first; of equal ones the lowest first.
    """
    layers, width = scores.shape
    least = (1 - slack) * np.sort(scores, axis=None)[-count:].mean()
    for top in range(-(-count // width), layers + 1):
        flat = scores[:top].ravel()
        best = np.argsort(-flat, kind="stable")[:count]
        if flat[best].mean() >= least - 1e-12:
            break
    return tuple((int(at) // width, int(at) % width) for at in best)
