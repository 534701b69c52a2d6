"""Fingerprints of a model that is in memory, and of a tokenizer whatever file it is from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from tersely._optional import need
from tersely.backends.tokenizer import encode

if TYPE_CHECKING:
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")

_SAMPLE = "Tokenizers differ:\t1,234.5 and 'naïve' café?\n\n  if x_1 != y: return"


def weights_sha256(model: PreTrainedModel) -> str:
    """Return a hash over the weights of a model that is not read from files."""
    digest = hashlib.sha256()
    for name, one in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(one.detach().float().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def cuts_sha256(tokenizer: Tokenizer) -> str:
    """Return a hash over the tokens of a tokenizer, and how it cuts a sample."""
    tokens = sorted(tokenizer.get_vocab().items())
    cut = [int(one) for one in encode(tokenizer, _SAMPLE).ids]
    return hashlib.sha256(repr((tokens, cut)).encode()).hexdigest()
