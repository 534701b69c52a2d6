"""What is compared: each producer with its settings, and whether a raw prefix stands in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tersely.soft.anchors import Anchors
from tersely.soft.eviction import Evictor
from tersely.soft.expected_attention import ExpectedAttention
from tersely.soft.fitted import Fitted
from tersely.soft.kvzip import KVzip
from tersely.soft.snapkv import SnapKV
from tersely.soft.streaming import Streaming
from tersely.soft.truncate import Truncate

FULL, NONE, FITTED = "full", "none", "fitted"
FIT = Fitted()

PRODUCERS: dict[str, Evictor] = {
    "truncate, first": Truncate(keep="head"),
    "truncate, last": Truncate(keep="tail"),
    "streaming": Streaming(),
    "anchors": Anchors(),
    "snapkv": SnapKV(),
    "expected_attention": ExpectedAttention(),
    "kvzip": KVzip(),
}
BARE: dict[str, Evictor] = {
    "truncate, first": Truncate(keep="head"),
    "truncate, last": Truncate(keep="tail"),
    "anchors": Anchors(),
    "anchors and token 0": Anchors(sink=1),
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to hand a text on.

    Attributes:
        name: Of the producer, or "full", "none" or "fitted".
        slots: How many it has; 0 for "none", and for "full" as many as the text has tokens.
        bare: Whether no prefix stands in front, neither when the text is read nor later.
    """

    name: str
    slots: int
    bare: bool = False

    @property
    def producer(self) -> Evictor | None:
        """What chooses its slots; None of "full", "none" and "fitted"."""
        return (BARE if self.bare else PRODUCERS).get(self.name)

    @property
    def needs_queries(self) -> bool:
        """Whether its producer looks at the queries of the text."""
        return self.producer is not None and self.producer.needs_queries


def arms_of(tokens: int, times: Sequence[int], *, bare: bool) -> list[Arm]:
    """Return all arms with or without a prefix, in the order of the table.

    Args:
        tokens: Of the text.
        times: How many times fewer slots there are; 4 is a rate of 1/4.
        bare: Without a prefix.
    """
    ends = [Arm(FULL, tokens, bare), Arm(NONE, 0, bare)]
    names = BARE if bare else PRODUCERS
    return ends + [Arm(name, tokens // one, bare) for name in names for one in times]
