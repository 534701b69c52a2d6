"""KVzip, without its head budgets: keep what the model looks at when it writes the text again.

The text is read once more, behind itself and an instruction to repeat it. What a token is worth to
a head is the largest share of attention that it gets from any token of that second reading.

Paper:    Kim et al. 2025, "KVzip: Query-Agnostic KV Cache Compression with Context
          Reconstruction". https://arxiv.org/abs/2505.23416
Code:     https://github.com/snu-mllab/KVzip/blob/4c2ed0f320d14ddb198aeb0e88263d320162f50e/attention/score.py
Differs:  every head of every layer keeps the same number of tokens, so that a memory is
          rectangular; in the paper heads share one budget, and some keep far more. The text is
          repeated at once, not in parts of 2,048 tokens. Attention is shared out over all that
          stands before a token, where the paper leaves out the instruction's neighbours.
Cost:     the model reads 2 N tokens and the instruction, and attention of the second reading is
          computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tersely._optional import need
from tersely.errors import PromptError
from tersely.soft.base import check_count
from tersely.soft.eviction import Evictor, placed_keys, seen_share, shared_by

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host, Reading

torch: Any = need("torch", extra="torch")


@dataclass(frozen=True, kw_only=True)
class KVzip(Evictor):
    """Keep the tokens that a second reading attends to most.

    Attributes:
        trigger: What stands between the text and its repetition.
        segment_tokens: The longest text that is read at once; it is read twice.
    """

    name: ClassVar[str] = "kvzip"
    trigger: str = "\n\nWrite the text above once more, word for word:\n\n"
    segment_tokens: int | None = 2048

    def __post_init__(self) -> None:
        if self.segment_tokens is not None:
            check_count("segment_tokens", self.segment_tokens, least=1)

    def most_tokens(self, host: Host) -> int:
        """Return the longest text for which a host's window has room twice."""
        room = host.window_tokens - len(host.prefix) - len(host.encode(self.trigger))
        return max(1, room // 2)

    def score(self, host: Host, ids: Sequence[int], reading: Reading) -> Tensor:
        """Return the largest attention to each token while the text is read again.

        Raises:
            PromptError: The model's window has no room for the second reading.
        """
        again = [*host.encode(self.trigger), *ids]
        before = len(host.prefix) + len(ids)
        if before + len(again) > host.window_tokens:
            raise PromptError(
                f"kvzip reads a text twice: {before} + {len(again)} tokens, and {host.name} reads"
                f" {host.window_tokens}. Cut it into segments: segment_tokens= (--segment-tokens)."
            )
        places = torch.arange(before, before + len(again), device=host.device)
        past = host.place(
            reading.keys[:, None],
            reading.values[:, None],
            reading.positions,
            next_positions=places[:1],
        )
        with torch.no_grad():
            read = host.forward([again], positions=places, past=past, queries=True)
        assert read.queries is not None, "they were asked for"
        new = host.rotation.rotate(read.keys[:, 0], places)
        keys = torch.cat([placed_keys(host, reading), new], dim=2)
        queries = host.rotation.rotate(read.queries[:, 0], places)
        layers = [
            shared_by(seen_share(some, own, after=before), host.kv_heads).amax(dim=(1, 2))
            for some, own in zip(queries, keys, strict=True)
        ]
        return torch.stack(layers)[..., len(host.prefix) : before]
