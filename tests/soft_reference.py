"""What memories are tested against: the whole text read anew for every token, without a cache."""

import torch
import transformers
from tiny_soft import some_texts, tiny_host, tiny_model, tiny_tokenizer

from tersely.soft.base import load_producer
from tersely.soft.host import Host

TEMPLATE = (
    "{% for m in messages %}<s> {% if m.role == 'user' %}w5{% else %}w6{% endif %} "
    "{{ m.content }} </s>{% endfor %}{% if add_generation_prompt %}<s> w7{% endif %}"
)
"""Turns are <s> w5 ... </s> for a user, w6 for others; <s> w7 asks for an answer."""

HOST = tiny_host()


def chat_host(system=None):
    return Host(
        tiny_model(), tiny_tokenizer(), name="tiny", start_id=1, template=TEMPLATE, system=system
    )


def text(length, seed=0):
    return some_texts(length, seed=seed)[0]


def full(ids, host=HOST):
    """A memory of every token."""
    return load_producer("full").produce(host, ids, len(ids))


def logits(ids, host=HOST, positions=None):
    """(T, V) of a text that is read at once, with no cache."""
    whole = torch.tensor([ids])
    places = torch.arange(len(ids)) if positions is None else positions
    with torch.no_grad():
        return host.model(
            whole,
            attention_mask=torch.ones_like(whole),
            position_ids=places[None],
            use_cache=False,
        ).logits[0]


def behind(past, ids, host=HOST):
    """(B, T, V) of texts that are read behind a past."""
    with torch.no_grad():
        return host.head(host.forward(ids, positions=past.positions(len(ids[0])), past=past).hidden)


def greedy(ids, most, host=HOST, choose=torch.argmax):
    """Tokens written one by one, the whole text read anew for each; a special one ends it."""
    written = []
    for _ in range(most):
        token = int(choose(logits([*ids, *written], host)[-1]))
        if token in host.special_ids.values():
            break
        written.append(token)
    return tuple(written)


def model_of(kind, **changes):
    """A model of some other kind, with random weights."""
    sizes = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "bos_token_id": 1}
    sizes |= {"num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 128}
    config = getattr(transformers, f"{kind}Config")(**(sizes | changes))
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def prompt_of(most, host=HOST):
    """Return a prompt behind text(9) after which as many tokens are written, and none ends it."""
    tried = (text(4, seed) for seed in range(100, 999))
    return next(p for p in tried if len(greedy([*host.prefix, *text(9), *p], most, host)) == most)
