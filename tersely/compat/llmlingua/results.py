"""The dictionaries that `llmlingua` returns, with its formats."""

from __future__ import annotations

import math
from typing import Any

USD_PER_1000_TOKENS = 0.06
"""Price in the sentence under "saving": GPT-4's of 2023. `Compression.report` knows today's."""


def as_dict(compressed: object, origin_tokens: int, compressed_tokens: int) -> dict[str, Any]:
    """Return what `compress_prompt` returns.

    Args:
        compressed: The text; the data, for `compress_json`.
        origin_tokens: Tokens of instruction, contexts and question.
        compressed_tokens: Tokens of the text.

    Returns:
        "compressed_prompt", "origin_tokens", "compressed_tokens" as given; "ratio" such as
        "11.2x" and "rate" such as "8.9%", each with one decimal ("infx" and "0.0%" for an empty
        text); "saving" such as ", Saving $0.1 in GPT-4.".
    """
    ratio, rate = 1.0, 1.0
    if origin_tokens:
        ratio = origin_tokens / compressed_tokens if compressed_tokens else math.inf
        rate = compressed_tokens / origin_tokens
    saving = (origin_tokens - compressed_tokens) * USD_PER_1000_TOKENS / 1000
    return {
        "compressed_prompt": compressed,
        "origin_tokens": origin_tokens,
        "compressed_tokens": compressed_tokens,
        "ratio": f"{ratio:.1f}x",
        "rate": f"{rate * 100:.1f}%",
        "saving": f", Saving ${saving:.1f} in GPT-4.",
    }
