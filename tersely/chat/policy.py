"""What of a chat may be touched, and how much of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tersely.chat.messages import Chat, Slot
from tersely.core.prompt import Span
from tersely.errors import SettingError

ROLES = ("user", "assistant", "tool")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPolicy:
    """What may be touched. System and developer texts and the newest user turn never are.

    Attributes:
        rates: The share of each of its texts that a role ("user", "assistant", "tool") keeps, in
            (0, 1]; 1 keeps them whole. Roles without one share the budget.
        keep_last: How many of the newest user turns are left alone, at least 1. A turn is a
            message with a text of the user's; tool results are none.
        keep_recent: How many of the newest messages are left alone, whoever wrote them.
        compress_user: Whether older user turns may be shortened.
        min_tokens: Texts with fewer tokens are left alone.
        age_weight: How much of the rate of a text is left when it is a user turn older, in
            (0, 1]; 1 treats all alike. For texts that share the budget.
        keep_cached: Whether texts before a cache breakpoint are left alone. Without it the
            cache is lost, except in a `ChatSession`, which sends them the same way again.
        protect: Patterns that survive byte for byte, as `tersely.compress` takes them.
        prefer: Patterns that are worth more than all else.

    Raises:
        SettingError: A value is out of range.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    keep_last: int = 1
    keep_recent: int = 0
    compress_user: bool = True
    min_tokens: int = 50
    age_weight: float = 1.0
    keep_cached: bool = True
    protect: Sequence[str | Span] = ()
    prefer: Sequence[str | Span] = ()

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not isinstance(self.rates, Mapping):
            raise SettingError(f"rates is a role's rate by role, not {self.rates!r}.")
        object.__setattr__(self, "rates", MappingProxyType(dict(self.rates)))
        for role, rate in self.rates.items():
            if role not in ROLES:
                raise SettingError(f"The roles with rates are {', '.join(ROLES)}; not {role!r}.")
            _check_share(f"The rate of {role}", rate)
        for name, least in (("keep_last", 1), ("keep_recent", 0), ("min_tokens", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise SettingError(f"{name} is a whole number, at least {least}; not {value!r}.")
        _check_share("age_weight", self.age_weight)
        for name in ("protect", "prefer"):
            if isinstance(getattr(self, name), str):
                raise SettingError(f"{name} is a list of patterns, not one str.")

    def open_slots(
        self, chat: Chat, tokens: Sequence[int], *, frozen_messages: int = 0
    ) -> list[int]:
        """Return the indices of the texts that may be shortened, ascending.

        Args:
            chat: The chat.
            tokens: Tokens of each of its texts.
            frozen_messages: How many of the first messages have been sent already.
        """
        kept = set(chat.user_turns[-self.keep_last :])
        recent = len(chat.messages) - self.keep_recent
        if chat.messages[-1].get("role") == "assistant":
            recent = min(recent, len(chat.messages) - 1)  # what the model is to go on with
        return [
            index
            for index, slot in enumerate(chat.slots)
            if frozen_messages <= slot.place.message < recent
            and tokens[index] >= self.min_tokens
            and not (slot.role == "user" and slot.place.message in kept)
            and self._may_touch(slot)
        ]

    def _may_touch(self, slot: Slot) -> bool:
        if slot.role == "system" or slot.orphan or (slot.cached and self.keep_cached):
            return False
        if slot.role == "user" and not self.compress_user:
            return False
        return self.rates.get(slot.role) != 1

    def own_rates(
        self, chat: Chat, opened: Sequence[int], tokens: Sequence[int], room: int
    ) -> dict[int, float]:
        """Return the texts with a rate of their own, by index, and that rate.

        Args:
            chat: The chat.
            opened: The texts that may be shortened.
            tokens: Tokens of each of the chat's texts.
            room: How many tokens they may have together.
        """
        rates = {
            index: self.rates[chat.slots[index].role]
            for index in opened
            if chat.slots[index].role in self.rates
        }
        shared = [index for index in opened if index not in rates]
        if self.age_weight == 1 or not shared:
            return rates
        room -= sum(math.floor(rate * tokens[index]) for index, rate in rates.items())
        turns = chat.user_turns
        ages = [sum(turn > chat.slots[i].place.message for turn in turns) for i in shared]
        weights = [self.age_weight ** (age - min(ages)) for age in ages]
        sizes = [tokens[index] for index in shared]
        allowed = _share_out(weights, sizes, room)
        return rates | {
            index: max(1, tokens_left) / size
            for index, tokens_left, size in zip(shared, allowed, sizes, strict=True)
        }


def question_slots(chat: Chat) -> list[int]:
    """Return the indices of the texts that say what the chat is about: the newest user turn's."""
    last = chat.user_turns[-1:]
    return [
        index
        for index, slot in enumerate(chat.slots)
        if slot.role == "user" and slot.place.message in last
    ]


def _share_out(weights: Sequence[float], sizes: Sequence[int], room: int) -> list[int]:
    """Return how many tokens each text keeps: shares that are as the weights, none above 1.

    Together they are `room`, or one less for each text at most, or all there are.
    """
    out = [0] * len(sizes)
    left = sorted(range(len(sizes)), key=lambda at: -weights[at])  # the first is full first
    room = max(0, room)
    while left:
        rate = room / sum(weights[at] * sizes[at] for at in left)
        if rate * weights[left[0]] < 1:
            break
        out[left[0]] = sizes[left[0]]
        room -= sizes[left.pop(0)]
    for at in left:
        out[at] = math.floor(rate * weights[at] * sizes[at])
    return out


def _check_share(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise SettingError(f"{name} is a number in (0, 1]; got {value!r}.")
