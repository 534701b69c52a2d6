"""Choices as the engine makes them: fixed pieces stay, blanks go, whole ones and words by a coin."""

from tersely.core.structure import weave
from tersely.core.units import word_units


def random_choice(text, structure, rng, *, keep=0.5, blanks=False):
    """Return what is left of a text when each whole piece and each word stays with a chance."""
    spans = []
    coins = {}
    for piece in structure.pieces:
        if piece.group >= 0:
            if coins.setdefault(piece.group, rng.random() < keep):
                spans.append((piece.start, piece.end))
            continue
        if piece.kind == "fixed" or (piece.kind == "blank" and blanks):
            spans.append((piece.start, piece.end))
        elif piece.kind == "whole" and rng.random() < keep:
            spans.append((piece.start, piece.end))
        elif piece.kind == "words":
            inside = text[piece.start : piece.end]
            for unit in word_units(inside):
                if rng.random() < keep:
                    spans.append((piece.start + unit.start, piece.start + unit.end))
    return weave(text, merged(spans), structure)


def merged(spans):
    """Join stretches that touch."""
    out = []
    for start, end in spans:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out
