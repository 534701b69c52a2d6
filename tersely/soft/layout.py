"""How texts, and the memory tokens behind them, are laid out for the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.presets import Shape
from tersely.soft.slots import SlotTable, slot_places

torch: Any = need("torch", extra="torch")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """B texts of up to L tokens, N rows of the encoder each: the text, then memory tokens.

    Attributes:
        words: (B, N) token whose vector a row has; of a memory token the word where it stands.
        rows: (B, N) row of the slot table that is added, -1 for none.
        appended: (B, N) bool: memory tokens.
        real: (B, N) bool: not padding.
        positions: (B, N) counted from the text's first token.
        picks: (B, K) which rows are the slots.
        places: (B, K) where in the text the slots stand.
        present: (B, K) bool: which slots are real.
        tokens: (B,) of each text.
    """

    words: Any
    rows: Any
    appended: Any
    real: Any
    positions: Any
    picks: Any
    places: Any
    present: Any
    tokens: Any

    def seen(self, attention: str, before: int) -> Any:
        """Return which row sees which, (B, N, P + N) bool.

        Args:
            attention: As in `Shape`.
            before: P tokens of a prefix, which every row sees.
        """
        length = self.real.shape[1]
        seen = torch.ones(length, length, dtype=torch.bool, device=self.real.device).tril()
        seen = seen.expand(len(self.real), length, length)
        if attention == "full":
            seen = torch.ones_like(seen)
        elif attention == "memory":
            seen = seen | (self.appended[:, :, None] & self.appended[:, None, :])
        seen = seen & self.real[:, None, :]
        return torch.cat([seen.new_ones(len(seen), length, before), seen], dim=2)


def lay_out(
    texts: Sequence[Sequence[int]],
    slots: Sequence[int],
    shape: Shape,
    table: SlotTable,
    device: Any,
) -> Layout:
    """Lay out texts, each padded at its end to the longest.

    Args:
        texts: B texts in tokens.
        slots: K of each, at most its tokens; 0 for an empty text.
        shape: Whether memory tokens are appended, and which positions they have.
        table: Knows which of its rows are the slots of a budget.
        device: Where the tensors go.

    Raises:
        SettingError: A text has fewer tokens than slots, or the table has too few.
    """
    appended = shape.slots == "memory"
    widths = [len(t) + k * appended for t, k in zip(texts, slots, strict=True)]
    size, most = (len(texts), max(1, *widths)), max(1, *slots)
    words, rows, positions = np.zeros(size, np.int64), np.full(size, -1), np.zeros(size, np.int64)
    is_memory, real = np.zeros(size, bool), np.zeros(size, bool)
    picks, places = np.zeros((size[0], most), np.int64), np.zeros((size[0], most), np.int64)
    present = np.zeros((size[0], most), bool)
    for b, (text, count) in enumerate(zip(texts, slots, strict=True)):
        length = len(text)
        if not count <= length:
            raise SettingError(
                f"A text of {length} tokens has no room for {count} slots; keep it as it is."
            )
        words[b, :length], real[b, : widths[b]] = text, True
        positions[b, :length] = np.arange(length)
        if not count:
            continue
        at = slot_places(length, count, shape.at)
        row = length + np.arange(count) if appended else at
        is_memory[b, row], words[b, row] = appended, np.asarray(text)[at]
        rows[b, row] = table.numbers(count)
        stands = row if shape.positions == "paper" else at
        positions[b, row] = stands
        picks[b, :count], places[b, :count], present[b, :count] = row, stands, True
    counts = np.array([len(text) for text in texts])
    arrays = (words, rows, is_memory, real, positions, picks, places, present, counts)
    return Layout(*(torch.from_numpy(one).to(device) for one in arrays))
