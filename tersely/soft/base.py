"""What a producer is: it makes a memory of a text, by one model that reads it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tersely._registry import producer_class
from tersely._settings import check_settings
from tersely.errors import SettingError

if TYPE_CHECKING:
    from tersely.soft.host import Host
    from tersely.soft.memory import Memory

DEFAULT_METHOD = "kvzip"
"""Questions are answered best behind its memories; see docs/results/soft-quality.md."""


@runtime_checkable
class Producer(Protocol):
    """Anything that makes a memory of a text. It keeps no state between calls.

    It does not know what will be asked: the memory serves every question.
    """

    @property
    def name(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it was made with, as JSON has it."""
        ...

    @property
    def segment_tokens(self) -> int | None:
        """The longest text it reads at once; None: as long as the model's window."""
        ...

    def produce(self, host: Host, ids: Sequence[int], slots: int) -> Memory:
        """Make a memory of a text.

        Args:
            host: The model that will read it.
            ids: (T,) tokens of the text, at least 1; with the prefix they fit the window.
            slots: S, the most slots, at least 1. With S >= T the memory is lossless: the keys and
                values of all T tokens.

        Returns:
            A memory of min(S, T) slots, or fewer.
        """
        ...


def made_by(
    producer: Producer, *, trigger: int | None = None, behind: bool = False
) -> dict[str, Any]:
    """Return what a memory says about its producer.

    Args:
        producer: It.
        trigger: The token after which a model writes the text again, of a producer that was
            trained for it; it stands right before the place of the text's first token.
        behind: Whether it stands behind the memory instead.
    """
    said = {"name": producer.name, "settings": dict(producer.settings)}
    return said if trigger is None else {**said, "trigger": int(trigger), "behind": behind}


def load_producer(name: str, **settings: Any) -> Producer:
    """Return a producer to keep and use again.

    Args:
        name: Its name (`tersely._registry.PRODUCERS`).
        **settings: Its own settings.

    Raises:
        UnknownName: None is called that.
        SettingError: It has no such setting, or its value is out of range.
    """
    cls = producer_class(name)
    check_settings(name, cls, settings)
    try:
        producer = cls(**settings)
    except TypeError as error:  # a setting that is missing, or a str compared with a number
        raise SettingError(f"A setting of {name} is missing or of the wrong type: {error}.") from (
            error
        )
    assert isinstance(producer, Producer)
    return producer


def check_slots(slots: int) -> None:
    """Refuse numbers of slots that are none.

    Raises:
        SettingError: It is not whole, or less than 1.
    """
    check_count("slots", slots, least=1)


def check_count(name: str, value: Any, *, least: int = 0) -> None:
    """Refuse a setting that counts something and is too small, or no whole number.

    Raises:
        SettingError: It is not whole, or below `least`.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise SettingError(f"{name} is a whole number, at least {least}; got {value!r}.")
    if value < least:
        raise SettingError(f"{name} is at least {least}; got {value}.")


def is_number(value: Any) -> bool:
    """Return whether something is an int or a float, and finite."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) <= sys.float_info.max


def check_trained(producer: Producer) -> None:
    """Refuse a producer that is yet to be trained: what it makes says nothing of a text.

    Raises:
        SettingError: It is one, or begins with one.
    """
    name = getattr(producer, "untrained", "")
    if name and name != producer.name:
        raise SettingError(
            f"{producer.name} cannot start from {name}, which needs an adapter. Start from a method"
            " that is not trained, as expected_attention."
        )
    if name:
        raise SettingError(
            f"{name} is not trained: give the folder that `tersely train soft-pretrain` wrote, with"
            f" --adapter, or as load_producer({name!r}, adapter=...)."
        )
