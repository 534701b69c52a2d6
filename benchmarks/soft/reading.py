"""One text, read once, handed on by every arm, and what is read behind it in one batch."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from benchmarks.soft.arms import FIT, FULL, Arm
from tersely.soft.host import Host, Reading
from tersely.soft.memory import Memory
from tersely.soft.past import Past, stack_left

Made = dict[Arm, tuple[Memory | None, float]]
"""Each arm's memory, and the processor seconds that it took to choose the slots."""


def read_bare(host: Host, ids: Sequence[int]) -> Reading:
    """Read a text without anything before it; its own first token becomes the sink."""
    places = torch.arange(len(ids))
    with torch.no_grad():
        read = host.forward([ids], positions=places)
    return Reading(read.keys[:, 0], read.values[:, 0], places, read.hidden[0])


def memories_of(host: Host, ids: Sequence[int], arms: Sequence[Arm], *, bare: bool) -> Made:
    """Return the memories of all arms that read the text alike; scores serve every rate."""
    queries = any(arm.needs_queries for arm in arms)
    reading = read_bare(host, ids) if bare else host.read(ids, queries=queries)
    scored: dict[str, tuple[torch.Tensor | None, float]] = {}
    made: Made = {}
    for arm in arms:
        if arm.producer is None:
            whole = host.memory_of(reading, made_by={"name": arm.name, "settings": {}})
            made[arm] = (whole if arm.name == FULL else None, 0.0)
            continue
        if arm.name not in scored:
            started = time.process_time()
            scores = arm.producer.score(host, ids, reading)
            scored[arm.name] = scores, time.process_time() - started
        scores, seconds = scored[arm.name]
        made[arm] = arm.producer.evict(host, reading, arm.slots, scores), seconds
    return made


def fitted(host: Host, ids: Sequence[int], arms: Sequence[Arm]) -> Made:
    """Return fitted memories; each takes gradient steps of its own."""
    made: Made = {}
    for arm in arms:
        started = time.process_time()
        memory = FIT.produce(host, ids, arm.slots)
        made[arm] = memory, time.process_time() - started
    return made


def nats_behind(host: Host, past: Past, ids: Sequence[int]) -> list[float]:
    """Return, for each row of a past, the mean surprisal of a text but its first token.

    Args:
        host: The reader.
        past: B rows.
        ids: The text that goes on behind every row.
    """
    rows = [list(ids[:-1])] * past.rows
    targets = torch.tensor(ids[1:]).repeat(past.rows)
    with torch.no_grad():
        read = host.forward(rows, positions=past.positions(len(ids) - 1), past=past)
        nats = host.nats(read.hidden.flatten(0, 1), targets)
    means: list[float] = nats.view(past.rows, -1).mean(dim=1).tolist()
    return means


def past_of(host: Host, memories: Sequence[Memory | None], tokens: int, *, bare: bool) -> Past:
    """Put each memory in a row; the text that goes on stands behind all `tokens` of the source."""
    if bare:
        return _bare_past(host, memories, tokens)
    return host.cache_of([[] if one is None else [one] for one in memories])


def _bare_past(host: Host, memories: Sequence[Memory | None], tokens: int) -> Past:
    some = next((one for one in memories if one is not None), None)
    shape = (host.layers, host.kv_heads, 0, host.head_width)
    empty = torch.zeros(shape, dtype=host.dtype) if some is None else some.keys[:, :, :0]
    keys, present = stack_left([empty if one is None else one.keys for one in memories], -2)
    values, _ = stack_left([empty if one is None else one.values for one in memories], -2)
    at = [torch.zeros(0, dtype=torch.int64) if one is None else one.positions for one in memories]
    places, _ = stack_left(at, -1)  # (B, S)
    turned = host.rotation.rotate(keys.transpose(0, 1), places[:, None])
    behind = torch.full((len(memories),), tokens)
    return Past(turned, values.transpose(0, 1), present, behind)
