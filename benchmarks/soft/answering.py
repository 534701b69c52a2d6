"""One text handed on by every arm at once, and what the reader makes of each memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.soft.arms import FULL, NONE, PRODUCERS, Arm
from benchmarks.soft.reading import memories_of
from tersely.errors import SettingError
from tersely.soft.base import Producer
from tersely.soft.eviction import seen_share
from tersely.soft.host import Host
from tersely.soft.memory import Memory
from tersely.soft.past import Past
from tersely.soft.reader import REPEAT
from tersely.soft.sampling import Sampling
from tersely.soft.trained import TrainedProducer
from tersely.soft.writing import write

EVICTORS = ("truncate, last", "streaming", "anchors", "snapkv", "expected_attention", "kvzip")
Made = dict[Arm, Memory | None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the reader makes of the right continuation behind one memory.

    Attributes:
        nats: Mean surprisal of its tokens.
        shares: (S,) how much of its attention rests on each slot, over all layers and heads.
        before: How much rests on the prefix.
    """

    nats: float
    shares: tuple[float, ...]
    before: float


def arms_of(
    length: int, slots: Sequence[int], trained: Mapping[str, Producer], names: Sequence[str]
) -> list[Arm]:
    """Return the arms that a text of some length can have, the ends first.

    A trained one has the numbers of slots that it was trained for, and no others.
    """
    sizes = [size for size in slots if size < length]
    arms = [Arm(name, size) for name in names for size in sizes]
    for name, producer in trained.items():
        adapter = producer.trained if isinstance(producer, TrainedProducer) else None
        arms += [Arm(name, size) for size in sizes if not adapter or size in adapter.shape.budgets]
    return [Arm(NONE, 0), Arm(FULL, length), *filter(_works, arms)]


def make(
    host: Host, ids: Sequence[int], arms: Sequence[Arm], trained: Mapping[str, Producer]
) -> Made:
    """Make the memories of a text; more slots than an arm was trained for are left out."""
    made: Made = {}
    if plain := [arm for arm in arms if arm.name not in trained]:
        made |= {arm: one for arm, (one, _) in memories_of(host, ids, plain, bare=False).items()}
    for arm in arms:
        if arm.name in trained:
            try:
                made[arm] = trained[arm.name].produce(host, ids, arm.slots)
            except SettingError:
                continue
    return made


def _works(arm: Arm) -> bool:
    """Return whether a producer can make so few slots."""
    producer = PRODUCERS.get(arm.name)
    try:
        if producer is not None:
            producer.check(arm.slots)
    except SettingError:
        return False
    return True


def past_of(host: Host, memories: Sequence[Memory | None]) -> Past:
    """Put each memory in a row behind the prefix; None is a row without."""
    return host.cache_of([[] if one is None else [one] for one in memories])


def asking(
    host: Host, memories: Sequence[Memory | None], question: str
) -> tuple[Past, list[list[int]]]:
    """Return what each row is read behind, and the tokens that ask it."""
    return past_of(host, memories), [host.chat.question(question, host.system)] * len(memories)


def giving_back(host: Host, memories: Sequence[Memory | None]) -> tuple[Past, list[list[int]]]:
    """Return the same where the text is asked for, as `reader.regenerate` does for one memory."""
    past = past_of(host, memories)
    asked = host.chat.question(REPEAT, host.system)
    prompts, places = [], past.next_positions.clone()
    for row, memory in enumerate(memories):
        trigger = None if memory is None else memory.made_by.get("trigger")
        prompts.append(asked if trigger is None else [int(trigger)])
        if memory is not None and trigger is not None and not memory.made_by.get("behind"):
            places[row] = len(host.prefix) - 1
    return replace(past, next_positions=places), prompts


def written(host: Host, past: Past, prompts: Sequence[Sequence[int]], most: int) -> list[str]:
    """Return what is written behind each row, at most so many tokens, the likeliest ones."""
    replies = write(host, past, prompts, Sampling(most_tokens=most))
    return [row[0].text.strip() for row in replies]


def heard(
    host: Host,
    past: Past,
    prompts: Sequence[Sequence[int]],
    ids: Sequence[int],
    slots: Sequence[int] | None = None,
) -> list[Heard]:
    """Return what the reader makes of a continuation behind each row.

    Args:
        host: The reader.
        past: B rows, the slots of each at its end.
        prompts: B, at least one token each.
        ids: (T,) the continuation, alike for all.
        slots: How many each row has; given where attention is wanted.
    """
    rows = [[*prompt, *ids] for prompt in prompts]
    longest = max(map(len, rows))
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    places = past.positions(longest)
    with torch.no_grad():
        read = host.forward(
            padded,
            positions=places,
            past=past,
            present=torch.arange(longest) < lengths[:, None],
            queries=slots is not None,
        )
        found = []
        for row, prompt in enumerate(prompts):
            at = slice(len(prompt) - 1, len(prompt) - 1 + len(ids))
            nats = host.nats(read.hidden[row, at], torch.tensor(list(ids)))
            shares: list[float] = []
            before = 0.0
            if slots is not None:
                assert read.queries is not None, "they were asked for"
                shares, before = _shares(
                    host, past, row, at, (read.queries[:, row], read.keys[:, row]), slots[row]
                )
            found.append(Heard(float(nats.mean()), tuple(shares), before))
    return found


def _shares(
    host: Host,
    past: Past,
    row: int,
    at: slice,
    read: tuple[torch.Tensor, torch.Tensor],
    slots: int,
) -> tuple[list[float], float]:
    """Return what share of attention rests on each slot of a row, and on the prefix.

    Args:
        host: The reader.
        past: B rows.
        row: Which of them.
        at: The tokens that look.
        read: (L, Q, N, D) queries and (L, H, N, D) keys of the tokens read, un-rotated.
        slots: How many the row has.
    """
    places = past.positions(read[1].shape[2])[row]
    queries = host.rotation.rotate(read[0][:, :, at], places[at])
    keys = host.rotation.rotate(read[1][:, :, : at.stop], places[: at.stop])
    there = past.present[row].nonzero()[:, 0]
    total = torch.zeros(len(there) + at.stop)
    for layer in range(host.layers):
        own = torch.cat([past.keys[layer, row][:, there], keys[layer]], dim=1)
        seen = seen_share(queries[layer], own, after=len(there) + at.start)
        total += seen.mean(dim=(0, 1)) / host.layers
    prefix = len(host.prefix)
    return total[prefix : prefix + slots].tolist(), float(total[:prefix].sum())
