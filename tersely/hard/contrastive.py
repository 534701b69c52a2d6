"""Contrastive perplexity: a token is worth what the question takes from its surprisal.

Paper:    Jiang et al. 2024, LongLLMLingua, section 4.2, equation 3. https://arxiv.org/abs/2310.06839
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Ints
from tersely.scorers.question_likelihood import cut_windows, window_room


def contrast(
    backend: CausalBackend,
    asking: Ints,
    passages: Sequence[Ints],
    plain: Sequence[Floats] | None = None,
) -> list[Floats]:
    """Return nats(x | x<) - nats(x | question, x<) of each token x of each passage.

    Args:
        backend: Reads the passages, each on its own.
        asking: (Q,), the tokens of the question and what stands between it and a passage.
        passages: Arrays (T_p,) of tokens.
        plain: For each passage nats(x | x<), (T_p,), where they are known from windows of
            `window_room` tokens; None has them read as well, in the same passes.

    Returns:
        For each passage (T_p,), nats; positive where the question makes a token less surprising.
    """
    windows = [cut_windows(ids, window_room(backend, asking)) for ids in passages]
    flat = [window for of_one in windows for window in of_one]
    asked = [np.concatenate([asking, window]) for window in flat]
    alone = flat if plain is None else []
    nats = backend.score(asked + alone, scored_from=[len(asking)] * len(asked) + [0] * len(alone))
    conditioned = _joined(nats[: len(flat)], windows)
    known = _joined(nats[len(flat) :], windows) if plain is None else plain
    return [k - c for k, c in zip(known, conditioned, strict=True)]


def _joined(nats: Sequence[Floats], windows: Sequence[Sequence[Ints]]) -> list[Floats]:
    """Put the windows of each passage together again."""
    each = iter(nats)
    return [np.concatenate([np.zeros(0), *(next(each) for _ in of_one)]) for of_one in windows]
