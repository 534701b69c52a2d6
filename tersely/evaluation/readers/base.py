"""What a reader is: it is given what is left of a prompt, and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

OnAsks = Callable[[int], None]
"""Called now and then with how many more asks have been read."""

ALIASES = 3
"""How many of the answers are scored, the first ones; the likeliest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One text, and what is wanted after it.

    Attributes:
        text: All that stands before the answer, cue included.
        answers: Right answers as they stand after the text, with their blank. The likelihood of
            the first `ALIASES` is measured.
        options: Where the answer is one of a few: all of them, as they stand after the text.
        answer_tokens: The most tokens to write; 0 writes nothing.
        stop: Strings that end a written answer; they are not part of it. Blanks and empty lines
            before an answer do not end it. In a chat the end of the turn does, and these do not.
    """

    text: str
    answers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    answer_tokens: int = 0
    stop: tuple[str, ...] = ("\n\n",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of an ask.

    Attributes:
        nats: Mean surprisal of the tokens of the likeliest of the answers; None where that
            cannot be measured.
        option: The likeliest of the options, by the mean surprisal of its tokens, as it was
            given; None where there were none or that cannot be measured.
        answer: What was written, without blanks around it; None where nothing was asked for.
        tokens: Tokens read and written for this ask, as if it had been alone.
        seconds: Wall time of this ask; of a shared pass, its share.
        error: What went wrong, "" if nothing did. Then there is no answer and no option.
    """

    nats: float | None = None
    option: str | None = None
    answer: str | None = None
    tokens: int = 0
    seconds: float = 0.0
    error: str = ""


class Reader(Protocol):
    """Anything that reads texts and answers.

    What went wrong with an ask is in its reading; what will go wrong with every ask is raised.
    """

    @property
    def name(self) -> str:
        """What records call it."""
        ...

    @property
    def models(self) -> dict[str, str]:
        """By name, the first 16 hex digits of the SHA-256 of each model's files; may be empty."""
        ...

    def read(self, asks: Sequence[Ask], *, progress: OnAsks | None = None) -> list[Reading]:
        """Read texts and answer.

        Args:
            asks: Any number of them, each on its own: what else is in the call does not matter.
            progress: Called now and then with how many more asks have been read.

        Returns:
            One reading per ask, in their order.
        """
        ...


def end_of(text: str, stops: Iterable[str]) -> int | None:
    """Return where the first of the stops begins after a written answer has begun, if it does."""
    begins = len(text) - len(text.lstrip())
    return min((at for stop in stops if (at := text.find(stop, begins)) >= 0), default=None)
