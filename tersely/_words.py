"""Numbers in words, for messages."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return "1 step" or "2,000 steps"."""
    return f"{number:,} {what}" + "s" * (number != 1)
