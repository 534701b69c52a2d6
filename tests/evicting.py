"""A host that is small enough to make up, and what it attends to, the slow way."""

import torch
from tiny_llama import write_folder

from tersely.soft.host import load_host

TEXT = list(b"What a memory keeps of a text is what is read of it.")


def tiny_host(folder):
    return load_host(str(write_folder(folder / "tiny")), device="cpu")


def attention_of(host, ids):
    """Read tokens behind the prefix with plain attention: (L, Q, P + T, P + T)."""
    model = host.model
    used = model.config._attn_implementation
    model.set_attn_implementation("eager")
    whole = torch.tensor([[*host.prefix, *ids]])
    seen = model(whole, output_attentions=True).attentions
    model.set_attn_implementation(used)
    return torch.stack([one[0] for one in seen]).detach()
