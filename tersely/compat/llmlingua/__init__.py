"""The calls of microsoft/LLMLingua on this package's engine; docs/migration.md says what differs.

>>> from tersely.compat.llmlingua import PromptCompressor
"""

from __future__ import annotations

from tersely.compat.llmlingua.compressor import PromptCompressor

__all__ = ["PromptCompressor"]
