"""Put slots and memories where they are read: behind the prefix of a host, each in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tersely._optional import need
from tersely.errors import ModelMismatch, SettingError
from tersely.soft.memory import Fingerprint, Memory, several
from tersely.soft.past import Past, stack_left

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.rotation import Rotation

torch: Any = need("torch", extra="torch")


class Reader(Protocol):
    """What is needed of a host to put something behind its prefix."""

    rotation: Rotation
    prefix: tuple[int, ...]
    fingerprint: Fingerprint

    @property
    def prefix_sha256(self) -> str:
        """One hash over the tokens of the prefix."""

    @property
    def prefix_past(self) -> Past:
        """The prefix, read: a past of one row."""

    @property
    def device(self) -> Any:
        """Where it computes."""

    @property
    def dtype(self) -> Any:
        """The torch dtype of its weights."""


def cache_of(host: Reader, rows: Sequence[Sequence[Memory]], *, shift: int = 0) -> Past:
    """Put memories behind the prefix, for B texts to be read behind them.

    Args:
        host: Reads them.
        rows: For each row its memories, one after the other; none gives the prefix alone.
        shift: Places left free between the prefix and the first memory.

    Raises:
        ModelMismatch: A memory was made by another model or tokenizer.
        SettingError: It stood behind another prefix, or memories of a row do not go together.
    """
    joined = [_joined(host, memories) for memories in rows]
    some = next((one for one in joined if one is not None), None)
    taken = [0 if one is None else one.places for one in joined]
    following = torch.tensor(taken, device=host.device) + (len(host.prefix) + shift)
    if some is None:
        past = host.prefix_past.repeat(len(rows))
        return Past(past.keys, past.values, past.present, following)
    empty = some.keys[:, :, :0]
    keys, present = stack_left([empty if one is None else one.keys for one in joined], -2)
    values, _ = stack_left([empty if one is None else one.values for one in joined], -2)
    return place(
        host,
        keys.transpose(0, 1),
        values.transpose(0, 1),
        _places(joined).to(host.device) + shift,
        present=present,
        next_positions=following,
    )


def place(
    host: Reader,
    keys: Tensor,
    values: Tensor,
    positions: Tensor,
    *,
    next_positions: Tensor,
    present: Tensor | None = None,
) -> Past:
    """Put slots behind the prefix; gradients pass.

    Args:
        host: Reads them.
        keys: (L, B, H, S, D), un-rotated.
        values: (L, B, H, S, D).
        positions: (S,), (B, 1, S) or (L, B, H, S): from the first place behind the prefix.
        next_positions: (B,): where what is read next stands, counted from the prefix's first
            token.
        present: (B, S) bool: False at what only fills a row up; None is everywhere True.
    """
    before = host.prefix_past
    rows, slots = keys.shape[1], keys.shape[3]
    if present is None:
        present = torch.ones(rows, slots, dtype=torch.bool)
    turned = host.rotation.rotate(keys, positions + len(host.prefix))
    size = (-1, rows, -1, -1, -1)
    return Past(
        torch.cat([before.keys.expand(size), turned.to(before.keys.dtype)], dim=3),
        torch.cat([before.values.expand(size), values.to(before.values.dtype)], dim=3),
        torch.cat([before.present.expand(rows, -1), present.to(host.device)], dim=1),
        next_positions.to(host.device),
    )


def _places(joined: Sequence[Memory | None]) -> Tensor:
    """Return where the slots of each row stand: (B, 1, S), or (L, B, H, S) where heads differ."""
    held = [one for one in joined if one is not None]
    by_head = any(one.positions.ndim == 3 for one in held)
    size = held[0].keys.shape[:2] if by_head else (1,)
    places, _ = stack_left(
        [
            torch.zeros((*size, 0), dtype=torch.int64)
            if one is None
            else one.positions.cpu().expand(*size, -1)
            for one in joined
        ],
        -1,
    )
    return places.transpose(0, 1) if by_head else places


def _joined(host: Reader, memories: Sequence[Memory]) -> Memory | None:
    """Return the memories of a row as one, in the type and on the device of the host's weights."""
    held = several(memories)
    if not held:
        return None
    before = host.prefix_past.keys
    own = (before.shape[0], before.shape[2], before.shape[4])
    for memory in held:
        memory.fingerprint.check(host.fingerprint)
        if memory.prefix != host.prefix_sha256:
            raise SettingError(
                f"The memory stood behind another prefix ({memory.prefix[:12] or 'none'}) than"
                f" this host has ({host.prefix_sha256[:12]}). Load the host with the same system="
                " and prefix= (--system, --prefix), or compress the text again."
            )
        if memory.size != own:
            raise ModelMismatch(
                f"The memory has {memory.size} layers, heads and numbers a head, and the model that"
                f" reads has {own}: it was not made by this model. Compress the text again."
            )
    return Memory.join([one.to(dtype=host.dtype, device=host.device) for one in held])
