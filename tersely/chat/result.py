"""What compressing a chat returns."""

from __future__ import annotations

from dataclasses import dataclass

from tersely.chat.messages import Message, Place
from tersely.core.result import Compression


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompression(Compression):
    """What is left of a chat. Its texts are the segments; `kept` and `dropped` point into them.

    The numbers are those of the whole request: texts, tool calls, what the format puts around
    them, and the tools and system prompt that were given. `exact` says whether the provider's own
    rule is known for all of it, besides whether the tokenizer is the target's.

    Attributes:
        messages: What to send.
        format: "openai", "responses" or "anthropic".
        places: Where each segment stands in the messages.
        fixed_tokens: Tokens of the request that are in no segment.
        frozen_messages: How many of the first messages are sent as they were before.
        edited_at: The first message that is another one than in the request before, which is why
            no more are frozen; None where the history goes on as it was.
    """

    messages: list[Message]
    format: str
    places: tuple[Place, ...]
    fixed_tokens: int
    frozen_messages: int = 0
    edited_at: int | None = None
