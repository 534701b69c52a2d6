"""The slow and obvious versions of what the package does fast."""

import math

import numpy as np

from tersely.backends.weights import to_dense


def keep_best(layout, values, limit, count, fixed):
    """Take units best first until one does not fit, then any further one that does."""
    order = sorted(range(len(values)), key=lambda unit: (-values[unit], unit))
    order = [unit for unit in order if not fixed[unit] and math.isfinite(values[unit])]
    kept = np.array(fixed)
    for unit in order:
        kept[unit] = True
        if count(layout.text(kept)) > limit:
            kept[unit] = False
    return kept


def characters_of(tokens, index):
    """The characters a token has to do with: its own, or the one whose bytes it shares."""
    start, end = int(tokens.starts[index]), int(tokens.ends[index])
    return set(range(start, max(end, start + 1)))


def mean_values(values, tokens, units):
    """The mean value of the tokens that touch each unit's core; -inf where none does."""
    means = []
    for unit in units:
        core = set(range(unit.core, unit.end))
        inside = [values[t] for t in range(len(tokens)) if characters_of(tokens, t) & core]
        means.append(sum(inside) / len(inside) if inside else -math.inf)
    return means


def owned_tokens(tokens, units):
    """For each unit, the tokens whose last character is in it."""
    return [
        [t for t in range(len(tokens)) if max(characters_of(tokens, t)) in range(u.start, u.end)]
        for u in units
    ]


def fine_stage(backend, words, rate, stretch_tokens, alignment="paper"):
    """Algorithm 2 of LLMLingua, reading all that is kept anew for every stretch.

    Args:
        backend: The model.
        words: The token ids of each word.
        rate: Share of the tokens to keep.
        stretch_tokens: A stretch ends with the word that reaches so many tokens.
        alignment: "paper" or "reference".

    Returns:
        What each word is worth above the last word kept where it stands, and the words kept.
    """
    prefix, spare, margins, all_kept = [backend.start_id], 0.0, [], []
    for stretch in _stretches(words, stretch_tokens):
        ids = [i for word in stretch for i in word]
        both = np.array(prefix + ids)
        nats = backend.extend(backend.empty(), both, scored_from=len(prefix))[0].tolist()
        if alignment == "reference":
            nats = [*nats[1:], 1e6]
        values = []
        for word in stretch:
            values.append(sum(nats[: len(word)]) / len(word))
            nats = nats[len(word) :]
        spare += rate * len(ids)
        order = sorted(range(len(stretch)), key=lambda w: -values[w])
        taken = 0
        while taken < len(order) and len(stretch[order[taken]]) / 2 <= spare:
            spare -= len(stretch[order[taken]])
            taken += 1
        cut = _between([values[w] for w in order], taken)
        kept = [value >= cut for value in values]
        prefix += [i for word, k in zip(stretch, kept, strict=True) if k for i in word]
        margins += [value - cut for value in values]
        all_kept += kept
    return margins, all_kept


def _stretches(words, most):
    stretch, size = [], 0
    for word in words:
        stretch.append(word)
        size += len(word)
        if size >= most:
            yield stretch
            stretch, size = [], 0
    if stretch:
        yield stretch


def _between(falling, taken):
    if taken == 0:
        return falling[0] + 1
    if taken == len(falling):
        return falling[-1] - 1
    return (falling[taken - 1] + falling[taken]) / 2


def llama_nats(checkpoint, ids, start_id):
    """The surprisal of each token of a Llama-like model, in NumPy, one token after the other."""
    s = checkpoint.shape
    weights = {name: to_dense(checkpoint.weight(name)).astype(float) for name in checkpoint.names()}
    read = [start_id, *ids[:-1]]
    hidden = weights["model.embed_tokens.weight"][read]
    for layer in range(s.layers):
        w = {
            name.removeprefix(f"model.layers.{layer}.").removesuffix(".weight"): value
            for name, value in weights.items()
            if name.startswith(f"model.layers.{layer}.")
        }
        hidden = hidden + _attention(_norm(hidden, w["input_layernorm"], s), w, s)
        rows = _norm(hidden, w["post_attention_layernorm"], s)
        gate = rows @ w["mlp.gate_proj"].T
        inner = gate / (1 + np.exp(-gate)) * (rows @ w["mlp.up_proj"].T)
        hidden = hidden + inner @ w["mlp.down_proj"].T
    head = weights["model.embed_tokens.weight" if s.tied else "lm_head.weight"]
    logits = _norm(hidden, weights["model.norm.weight"], s) @ head.T
    return [
        math.log(sum(math.exp(x) for x in row)) - row[i] for row, i in zip(logits, ids, strict=True)
    ]


def _norm(rows, weight, s):
    return rows / np.sqrt((rows**2).mean(axis=-1, keepdims=True) + s.norm_epsilon) * weight


def _attention(rows, w, s):
    def heads(part, count):
        flat = rows @ w[f"self_attn.{part}"].T + w.get(f"self_attn.{part}.bias", 0)
        return flat.reshape(len(rows), count, s.head_dim)

    queries = _rotate(heads("q_proj", s.heads), s)
    keys, values = _rotate(heads("k_proj", s.kv_heads), s), heads("v_proj", s.kv_heads)
    out = np.zeros_like(queries)
    for head in range(s.heads):
        group = head * s.kv_heads // s.heads
        for t in range(len(rows)):
            match = keys[: t + 1, group] @ queries[t, head] / math.sqrt(s.head_dim)
            weight = np.exp(match - match.max())
            out[t, head] = weight @ values[: t + 1, group] / weight.sum()
    return out.reshape(len(rows), -1) @ w["self_attn.o_proj"].T


def _rotate(heads, s):
    """Turn each pair (i, i + head_dim / 2) by position * theta ** (-2 i / head_dim)."""
    half = s.head_dim // 2
    out = np.zeros_like(heads)
    for position in range(len(heads)):
        for i in range(half):
            turn = position * s.rope_theta ** (-2 * i / s.head_dim)
            a, b = heads[position, :, i], heads[position, :, i + half]
            out[position, :, i] = a * math.cos(turn) - b * math.sin(turn)
            out[position, :, i + half] = b * math.cos(turn) + a * math.sin(turn)
    return out
