"""What the caller asks for: a number of tokens, or a share of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tersely.errors import BudgetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An upper limit on the tokens of the final text, in the target's tokenizer.

    Attributes:
        tokens: The most tokens, at least 1.
        rate: The most as a share of the original tokens, in (0, 1].

    Raises:
        BudgetError: Neither is given, or both, or the number is out of range.
    """

    tokens: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if (self.tokens is None) == (self.rate is None):
            given = "neither" if self.tokens is None else "both"
            raise BudgetError(f"Give tokens or rate, exactly one of the two; got {given}.")
        if self.tokens is not None:
            if isinstance(self.tokens, bool) or not isinstance(self.tokens, int):
                raise BudgetError(f"tokens is a whole number, not {self.tokens!r}.")
            if self.tokens < 1:
                raise BudgetError(f"tokens is at least 1; got {self.tokens}.")
        if self.rate is not None:
            if isinstance(self.rate, bool) or not isinstance(self.rate, int | float):
                raise BudgetError(f"rate is a number in (0, 1], not {self.rate!r}.")
            if not 0 < self.rate <= 1:  # also refuses NaN
                raise BudgetError(
                    f"rate is kept tokens / original tokens, in (0, 1]; got {self.rate}."
                )

    def limit(self, total_tokens: int) -> int:
        """Return the most tokens that may be left of `total_tokens`."""
        if self.tokens is not None:
            return self.tokens
        assert self.rate is not None
        # 0.7 * 10 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996: both mean what was
        # typed, so the product is rounded where floating point is known to be wrong.
        return math.floor(round(self.rate * total_tokens, 9))
