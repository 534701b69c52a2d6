"""Keep everything: the keys and values of every token. What the others are measured against.

Paper:    none. Code: none.
Differs:  nothing is left out, so with fewer slots than tokens it refuses.
Cost:     reading the text once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely.errors import SettingError
from tersely.soft.base import check_slots, made_by

if TYPE_CHECKING:
    from tersely.soft.host import Host
    from tersely.soft.memory import Memory


@dataclass(frozen=True, slots=True)
class Full:
    """A memory of all tokens; implements `Producer`."""

    name: ClassVar[str] = "full"
    segment_tokens: ClassVar[int | None] = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """It has none."""
        return {}

    def produce(self, host: Host, ids: Sequence[int], slots: int) -> Memory:
        """Read the text and keep everything.

        Raises:
            SettingError: There are fewer slots than tokens.
        """
        check_slots(slots)
        if slots < len(ids):
            raise SettingError(
                f"'full' keeps all {len(ids)} tokens and there are {slots} slots. Give as many, or"
                " use another method."
            )
        return host.memory_of(host.read(ids), made_by=made_by(self))
