"""The slow and obvious versions of what the package does fast."""

import math

import numpy as np


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


def bm25(question, passages, k1, b):
    """BM25 in Lucene's form, of lists of terms; a term counts as often as it is asked.

    Source: https://arxiv.org/abs/2407.03618, table 1.
    """
    filled = [passage for passage in passages if passage]
    values = []
    for passage in passages:
        value = 0.0
        for term in question if passage else []:
            times = passage.count(term)
            holding = sum(term in other for other in filled)
            rarity = math.log(1 + (len(filled) - holding + 0.5) / (holding + 0.5))
            length = len(passage) * len(filled) / sum(map(len, filled))
            value += rarity * times / (times + k1 * (1 - b + b * length)) if times else 0.0
        values.append(value)
    return values
