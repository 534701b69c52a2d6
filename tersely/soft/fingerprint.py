"""By what something was made: hashes of a model, its tokenizer and an adapter."""

from __future__ import annotations

from dataclasses import dataclass

from tersely.errors import ModelMismatch


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a memory was made by, and can be read by: each a hash in hex.

    Attributes:
        model: Of the files of the model that reads it.
        tokenizer: Of its tokens and how it cuts a text into them.
        adapter: Of what was trained to write memories; "" for methods without.
    """

    model: str
    tokenizer: str
    adapter: str = ""

    def __str__(self) -> str:
        parts = f"model {self.model[:12]}, tokenizer {self.tokenizer[:12]}"
        return f"{parts}, adapter {self.adapter[:12]}" if self.adapter else parts

    def check(self, expected: Fingerprint, what: str = "The memory") -> None:
        """Check that what has this fingerprint can be used where another is expected.

        The frozen model reads what any adapter wrote, so an expected adapter of "" fits all.

        Raises:
            ModelMismatch: It cannot; the message names both.
        """
        same = (self.model, self.tokenizer) == (expected.model, expected.tokenizer)
        if not same or (expected.adapter and self.adapter != expected.adapter):
            part = next(
                one
                for one in ("model", "tokenizer", "adapter")
                if getattr(self, one) != getattr(expected, one)
            )
            raise ModelMismatch(
                f"{what} was made by another {part}: its fingerprint is ({self}), and expected is"
                f" ({expected}). Use what it was made by, or compress the text again."
            )
