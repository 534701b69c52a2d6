"""SnapKV: keep what the last tokens of a text look at, and those tokens.

Paper:    Li et al. 2024, "SnapKV: LLM Knows What You are Looking for Before Generation".
          https://arxiv.org/abs/2404.14469
Code:     https://github.com/NVIDIA/kvpress/blob/00dd63a37802be24d89ebb96505999fc738c7e5c/kvpress/presses/snapkv_press.py
Differs:  the paper's window at the end is the user's question; a memory is made before there is
          one, so here it is the end of the text itself. Of the window at most half of the slots
          are kept unseen (with 16 slots, 8 tokens); what of it is not, competes with the others,
          by the queries that can see it. A raw prefix stands before the text and takes its share
          of the attention.
Cost:     the model reads the text once, N tokens, and attention of `window` queries is computed
          twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.base import check_count
from tersely.soft.eviction import (
    Evictor,
    placed_keys,
    seen_share,
    shared_by,
    smoothed,
)

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host, Reading

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, kw_only=True)
class SnapKV(Evictor):
    """Keep the end of the source, and what it attends to most.

    Attributes:
        window: How many tokens at the end look back.
        kernel: Over how many neighbours attention is averaged; odd.
    """

    name: ClassVar[str] = "snapkv"
    needs_queries: ClassVar[bool] = True
    window: int = 32
    kernel: int = 5

    def __post_init__(self) -> None:
        check_count("window", self.window, least=1)
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise SettingError(f"kernel is an odd number, as in 5; got {self.kernel}.")

    def score(self, host: Host, ids: Sequence[int], reading: Reading) -> Tensor:
        """Return the mean attention to each token of the queries at the end that can see it."""
        assert reading.queries is not None, "they were asked for"
        before, tokens = len(host.prefix), reading.keys.shape[2]
        window = min(self.window, tokens)
        places = reading.positions[-window:] + before
        queries = host.rotation.rotate(reading.queries[:, :, -window:], places)
        keys = placed_keys(host, reading)
        layers = [
            looked_at(seen_share(some, own, after=before + tokens - window), host.kv_heads)
            for some, own in zip(queries, keys, strict=True)
        ]
        scores = torch.stack(layers)[..., before:]  # (L, H, T)
        early = scores[..., : tokens - window]
        if early.shape[-1]:
            early = torch.stack([smoothed(layer, self.kernel) for layer in early])
        return torch.cat([early, scores[..., tokens - window :]], dim=-1)

    def held(self, tokens: int, slots: int) -> Tensor:
        """Return the end of the window, at most half of the slots."""
        return torch.arange(tokens - min(self.window, slots // 2), tokens)


def looked_at(share: Tensor, kv_heads: int) -> Tensor:
    """Average attention over the heads that share a key, and over the queries that can see it.

    Args:
        share: (Q, R, K), of the last R of K tokens.
        kv_heads: H.

    Returns:
        (H, K).
    """
    queries, keys = share.shape[1:]
    behind = torch.arange(keys - 1, -1, -1, device=share.device)
    can_see = (behind + 1).clamp(max=queries)  # of the last R tokens, those not before this one
    mean: Tensor = shared_by(share, kv_heads).mean(dim=1).sum(dim=1) / can_see
    return mean
