"""Chat messages, tool calls and all: shorter texts in the same messages, in three wire formats."""

from tersely.chat.compress import compress_chat
from tersely.chat.policy import ChatPolicy
from tersely.chat.result import ChatCompression
from tersely.chat.session import ChatSession

__all__ = ["ChatCompression", "ChatPolicy", "ChatSession", "compress_chat"]
