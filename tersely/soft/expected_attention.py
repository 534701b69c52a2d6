"""Expected attention: keep what queries that are still to come will probably look at.

Paper:    Devoto, Jeblick and Jégou 2025, "Expected Attention: KV Cache Compression by Estimating
          Attention from Future Queries Distribution". https://arxiv.org/abs/2510.00636
Code:     https://github.com/NVIDIA/kvpress/blob/08a43bfc934e741c7bff984edf1614f0763940e0/kvpress/presses/expected_attention_press.py
Differs:  mean and covariance are taken of the queries of all tokens of the text: the first ones,
          which the authors leave out as outliers, are here those of the raw prefix. Values are
          weighed by their own norm, as in the authors' code, not by that of their projection, as
          in the paper. All heads keep the same number of tokens, so that a memory is rectangular.
Cost:     the model reads the text once, N tokens, and D x D matrices are made for each attention
          head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.base import check_count
from tersely.soft.eviction import Evictor, placed_keys, shared_by

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host, Reading

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, kw_only=True)
class ExpectedAttention(Evictor):
    """Keep the tokens that a Gaussian model of future queries expects to matter most.

    Attributes:
        future: Over how many positions after the source the rotation of queries is averaged.
        covariance: Whether queries vary; else all future queries are the mean one.
        floor: Added to every share before it is weighed by the value's norm (epsilon).
    """

    name: ClassVar[str] = "expected_attention"
    needs_queries: ClassVar[bool] = True
    future: int = 512
    covariance: bool = True
    floor: float = 0.0

    def __post_init__(self) -> None:
        check_count("future", self.future, least=1)
        if not 0 <= self.floor < math.inf:
            raise SettingError(f"floor is a share, 0 or more; got {self.floor}.")

    def score(self, host: Host, ids: Sequence[int], reading: Reading) -> Tensor:
        """Return (L, H, T), the expected share of attention times the norm of the value."""
        assert reading.queries is not None, "they were asked for"
        before, tokens = len(host.prefix), reading.keys.shape[2]
        turn = mean_turn(host, range(before + tokens, before + tokens + self.future))
        keys = placed_keys(host, reading)[:, :, before:].float()
        layers = []
        for queries, own in zip(reading.queries.float(), keys, strict=True):
            mean, spread = query_statistics(queries)  # (Q, D), (Q, D, D)
            spread = turn.mT @ spread @ turn
            share = expected_share(
                shared_by(mean @ turn, host.kv_heads),
                shared_by(spread, host.kv_heads) if self.covariance else None,
                own[:, None],
            )
            layers.append(share.mean(dim=1))
        return (torch.stack(layers) + self.floor) * reading.values.float().norm(dim=-1)


def mean_turn(host: Host, positions: range) -> Tensor:
    """Return the mean over positions of the turn from 0 to there: (D, D), rows times it."""
    places = torch.tensor(positions, device=host.device)
    axes = torch.eye(host.head_width, device=host.device)[:, None].expand(-1, len(places), -1)
    turn: Tensor = host.rotation.rotate(axes, places).mean(dim=1)
    return turn


def query_statistics(queries: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and covariance over tokens: (..., T, D) -> (..., D) and (..., D, D).

    The covariance divides by T, as that of a whole population does.
    """
    mean = queries.mean(dim=-2)
    off = queries - mean[..., None, :]
    return mean, off.mT @ off / queries.shape[-2]


def expected_share(mean: Tensor, covariance: Tensor | None, keys: Tensor) -> Tensor:
    r"""Return how the attention of Gaussian queries is shared out over keys, in expectation.

    Of a query q ~ N(m, C) the weight of a key k, before all are brought to 1, is
    $\mathbb{E}\,e^{q k / \sqrt D} = \exp(m k / \sqrt D + k^T C k / 2 D)$.

    Args:
        mean: (..., D).
        covariance: (..., D, D), or None for queries that do not vary.
        keys: (..., T, D), rotated to where they stand, as the queries are.

    Returns:
        (..., T), sums to 1 over T.
    """
    width = keys.shape[-1]
    logits = (keys @ mean[..., None])[..., 0] / math.sqrt(width)
    if covariance is not None:
        logits = logits + ((keys @ covariance) * keys).sum(dim=-1) / (2 * width)
    share: Tensor = logits.softmax(dim=-1)
    return share
