"""What the training-free producers share: of a text that was read, the best tokens are kept.

Axes: L layers, H key-value heads, Q attention heads (each Q / H of them share a key-value head),
T tokens of the text, P of the prefix, R queries, S slots, D head width.
"""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.base import check_slots, made_by

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host, Reading
    from tersely.soft.memory import Memory

torch: Any = need("torch", extra="torch")


class Evictor(ABC):
    """Base class of producers whose slots are keys and values of some of the text's own tokens.

    A subclass is a dataclass of settings. It says where those tokens stand (`places`), or what
    each is worth to each head (`score`); then the best are kept.
    """

    name: ClassVar[str]
    needs_queries: ClassVar[bool] = False
    """Whether `score` looks at the queries of the text."""
    segment_tokens: int | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it was made with."""
        return asdict(self)  # type: ignore[call-overload, no-any-return] # subclasses are dataclasses

    def produce(self, host: Host, ids: Sequence[int], slots: int) -> Memory:
        """Make a memory of a text: see `Producer`.

        Raises:
            SettingError: There are fewer slots than the method needs.
        """
        self.check(slots)
        whole = slots >= len(ids)
        reading = host.read(ids, queries=self.needs_queries and not whole)
        scores = None if whole else self.score(host, ids, reading)
        return self.evict(host, reading, slots, scores)

    def evict(self, host: Host, reading: Reading, slots: int, scores: Tensor | None) -> Memory:
        """Return the memory of a text that was read and scored, which serve any number of slots.

        Args:
            host: What read it.
            reading: T tokens.
            slots: S; with S >= T all tokens are kept.
            scores: What `score` returned.
        """
        self.check(slots)
        tokens = reading.keys.shape[2]
        chosen = None if slots >= tokens else self.places(tokens, slots, scores)
        return host.memory_of(reading, made_by=made_by(self), slots=chosen)

    def check(self, slots: int) -> None:
        """Refuse a number of slots that the method cannot work with.

        Raises:
            SettingError: It is too small.
        """
        check_slots(slots)

    def score(self, host: Host, ids: Sequence[int], reading: Reading) -> Tensor | None:
        """Return what each token is worth to each head, (L, H, T); None if it goes by place."""
        return None

    def held(self, tokens: int, slots: int) -> Tensor | None:
        """Return positions that every head keeps whatever they are worth, (S' <= S,)."""
        return None

    def places(self, tokens: int, slots: int, scores: Tensor | None) -> Tensor:
        """Return where the tokens stand that are kept, S < T of them, rising.

        Returns:
            (S,), or (L, H, S) where heads keep different tokens.
        """
        assert scores is not None, "a method without scores has places of its own"
        return best_positions(scores, slots, held=self.held(tokens, slots))


def check_room(slots: int, least: int, why: str) -> None:
    """Refuse fewer slots than a method needs.

    Raises:
        SettingError: There are fewer than `least`; `why` says what that many are needed for.
    """
    check_slots(slots)
    if slots < least:
        raise SettingError(f"{slots} slots are too few: {least} are needed for {why}.")


def shared_by(scores: Tensor, kv_heads: int) -> Tensor:
    """Put the attention heads that share a key-value head together: (Q, ...) -> (H, Q / H, ...)."""
    grouped: Tensor = scores.unflatten(0, (kv_heads, -1))
    return grouped


def placed_keys(host: Host, reading: Reading) -> Tensor:
    """Return the keys of the prefix and of a text behind it as they stood: (L, H, P + T, D)."""
    before = host.prefix_past.keys[:, 0]
    own = host.rotation.rotate(reading.keys, reading.positions + len(host.prefix))
    placed: Tensor = torch.cat([before, own], dim=2)
    return placed


def seen_share(queries: Tensor, keys: Tensor, *, after: int) -> Tensor:
    """Return how attention is shared out over the keys, causally.

    Args:
        queries: (Q, R, D), rotated.
        keys: (H, K, D), rotated.
        after: How many keys stand before the first query's own: query i sees keys 0 ... after + i.

    Returns:
        (Q, R, K), each row sums to 1; in float32 whatever the model computes in.
    """
    heads, width = keys.shape[0], keys.shape[-1]
    grouped = shared_by(queries.float(), heads)  # (H, Q / H, R, D)
    logits = grouped @ keys.float().mT[:, None] / math.sqrt(width)  # (H, Q / H, R, K)
    at = torch.arange(keys.shape[1], device=keys.device)
    last = after + torch.arange(queries.shape[1], device=keys.device)
    hidden = at[None] > last[:, None]  # (R, K)
    share: Tensor = logits.masked_fill(hidden, -math.inf).softmax(dim=-1).flatten(0, 1)
    return share


def smoothed(scores: Tensor, kernel: int) -> Tensor:
    """Average each score with its neighbours, `kernel` in all; beyond the ends there is nothing.

    Args:
        scores: (H, T).
        kernel: Odd; 1 changes nothing.
    """
    pooled: Tensor = torch.nn.functional.avg_pool1d(
        scores, kernel_size=kernel, stride=1, padding=kernel // 2, count_include_pad=False
    )
    return pooled


def best_positions(scores: Tensor, slots: int, *, held: Tensor | None = None) -> Tensor:
    """Return where the best tokens of each head stand, in reading order.

    Of equal scores the earlier token is better, so that the choice is the same everywhere.

    Args:
        scores: (L, H, T), higher is more worth keeping.
        slots: How many are kept, at most T.
        held: (S',), positions that are kept whatever their score.

    Returns:
        (L, H, S), int64, ascending.
    """
    if held is not None:
        scores = scores.index_fill(-1, held.to(scores.device), math.inf)
    order = scores.argsort(dim=-1, descending=True, stable=True)
    places: Tensor = order[..., :slots].sort(dim=-1).values
    return places
