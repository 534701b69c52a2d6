"""Choices as the engine makes them: fixed pieces stay, blanks go, whole ones and words by a coin."""

from tersely.core.structure import weave
from tersely.core.units import word_units


def random_choice(text, structure, rng, *, keep=0.5, blanks=False):
    """Return what is left of a text when each whole piece and each word stays with a chance."""
    spans, coins = [], {}
    for number, piece in enumerate(structure.pieces):
        if piece.kind == "words":
            spans += [span for span in words_of(text, piece) if rng.random() < keep]
            continue
        coin = piece.group if piece.group >= 0 else ("one", number)
        by_chance = coins.setdefault(coin, rng.random() < keep)
        stays = {"fixed": True, "blank": blanks, "whole": by_chance}[piece.kind]
        if stays:
            spans.append((piece.start, piece.end))
    return weave(text, merged(spans), structure)


def words_of(text, piece):
    """Return the words of a piece as [start, end)."""
    units = word_units(text[piece.start : piece.end])
    return [(piece.start + unit.start, piece.start + unit.end) for unit in units]


def merged(spans):
    """Join stretches that touch."""
    out = []
    for start, end in spans:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out
