"""Count tokens as the target model does. Importing this loads no tokenizer library."""

from tersely.counting.base import TokenCounter
from tersely.counting.load import load_counter
from tersely.counting.names import known_tokenizers

__all__ = ["TokenCounter", "known_tokenizers", "load_counter"]
