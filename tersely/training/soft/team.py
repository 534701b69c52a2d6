"""Several processes that train one adapter, each on its own GPU, if they were started so.

What is trained is small, so each process holds all of it, reads its share of a step's passes, and
the gradients are added up: torch's own `torch.distributed`, without wrappers around the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tersely._optional import need

torch: Any = need("torch", extra="train")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of one training.

    Attributes:
        rank: Which one this is, from 0; the first one writes.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Team:
        """Return the processes that torch was told of; without any, this one alone."""
        them = torch.distributed
        if not them.is_available() or not them.is_initialized():
            return cls()
        return cls(them.get_rank(), them.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def share(self, of: Sequence[T]) -> Sequence[T]:
        """Return what of a list is this process's."""
        return of[self.rank :: self.size]

    def add_up(self, tensors: Iterable[Any]) -> None:
        """Add tensors up over all processes, in place."""
        if self.size > 1:
            for one in tensors:
                torch.distributed.all_reduce(one)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            torch.distributed.barrier()

    def agree(self, answer: bool) -> bool:
        """Return whether any process says yes."""
        if self.size == 1:
            return answer
        votes: list[bool | None] = [None] * self.size
        torch.distributed.all_gather_object(votes, answer)
        return any(votes)
