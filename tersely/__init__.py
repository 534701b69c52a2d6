"""tersely sends fewer tokens and keeps the answer: prompt compression under exact budgets."""

from tersely.api import acompress, compress, compress_many, load
from tersely.core.budget import Budget
from tersely.core.prompt import Prompt, Segment, Span
from tersely.core.result import Compression
from tersely.counting import load_counter
from tersely.errors import BudgetTooSmall, Error

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "BudgetTooSmall",
    "Compression",
    "Error",
    "Prompt",
    "Segment",
    "Span",
    "__version__",
    "acompress",
    "compress",
    "compress_many",
    "load",
    "load_counter",
]
