"""Tags in a text that say how much to keep of what stands between them.

    <llmlingua, rate=0.3>cut this down</llmlingua> <tersely, compress=False>not this</tersely>

Each stretch becomes a segment with a rate of its own. The tags, their escapes excepted, are those
of LLMLingua's `structured_compress_prompt`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from tersely.core.prompt import JOINER, Prompt, Role, Segment, Span
from tersely.errors import PromptError

_NAME = r"(?:llmlingua|tersely)"
# <tersely.Prompt ...>, <tersely@example.org>, <tersely-x>, <tersely/core> are something else.
_AFTER_NAME = r"(?![\w.:@\\-]|/[^\s>])"
# As in HTML, no blank follows "<"; where one does, only a tag that is well-formed is taken for one.
_TAG = re.compile(
    rf"""<(?P<escape>\\++)(?=/?\s*{_NAME}{_AFTER_NAME})
    | <(?P<close>/\s*)?(?P<name>{_NAME}){_AFTER_NAME}(?P<rest>[^<>]*+)(?P<end>>?)
    | <[ \t]++(?P<loose_name>{_NAME}){_AFTER_NAME}
      (?P<loose_rest>\s*+(?:,?\s*+(?:rate|compress)\s*+=[^<>]*+)?)>""",
    re.VERBOSE | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*("[^"]*"|'[^']*'|[^\s,"'=]+)\s*(?:,\s*|(?<=\s)|\Z)""")
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch of a text, and what its tag asks for.

    Attributes:
        text: The characters, at least one.
        rate: Share of its own tokens to keep, in (0, 1]; 1.0 where `compress` is False. None means
            that it shares the budget of the prompt.
        compress: Whether anything may go.
    """

    text: str
    rate: float | None
    compress: bool


@dataclass(frozen=True, slots=True)
class _Opening:
    """A tag that is open: where, by which name, and what it asks for."""

    at: int
    name: str
    rate: float | None
    compress: bool


def has_markup(text: str) -> bool:
    """Return whether `parse_markup` finds anything in a text: a tag, a faulty one, an escape."""
    return _TAG.search(text) is not None


def parse_markup(text: str, *, default_rate: float | None = None) -> list[Marked]:
    r"""Cut a text at its tags.

    >>> [(m.text, m.rate) for m in parse_markup("a<llmlingua, rate=0.3>b</llmlingua>")]
    [('a', None), ('b', 0.3)]

    Args:
        text: Any text. `<\llmlingua` and `<\/llmlingua` stand for `<llmlingua` and `</llmlingua`,
            with a backslash more for one that is meant.
        default_rate: The rate outside of tags, and of tags that give none.

    Returns:
        The stretches, in order, none of them empty. Together they are the text without its tags
        and without the backslashes of its escapes.

    Raises:
        PromptError: A tag is faulty, inside another, not closed or not opened; `default_rate` is
            not in (0, 1].
    """
    if not isinstance(text, str):
        raise PromptError(f"The text is a str, not {type(text).__name__}.")
    if default_rate is not None and not _is_rate(default_rate):
        raise PromptError(f"default_rate is a number in (0, 1]; got {default_rate!r}.")
    out: list[Marked] = []
    pieces: list[str] = []
    opening: _Opening | None = None
    at = 0
    for tag in _TAG.finditer(text):
        pieces.append(text[at : tag.start()])
        at = tag.end()
        if tag["escape"]:
            pieces.append("<" + tag["escape"][1:])
            continue
        _check_place(text, tag, opening)
        _put(out, pieces, opening, default_rate)
        opening = None if tag["close"] is not None else _opened(text, tag)
    if opening is not None:
        raise _wrong(
            text,
            opening.at,
            f"<{opening.name}> is not closed. Write </{opening.name}> where it ends,"
            f" or <\\{opening.name} for the text itself",
        )
    pieces.append(text[at:])
    _put(out, pieces, None, default_rate)
    return out


def markup_prompt(
    text: str,
    *,
    question: str = "",
    instruction: str = "",
    role: Role = "context",
    default_rate: float | None = None,
) -> Prompt:
    """Return the prompt that a text with tags describes: one segment per `Marked`.

    Text that is kept whole is a segment as it stands. Of other text, blanks at either end stand
    between the segments instead, so that dropping its first or last word glues nothing together;
    where there are no blanks, the words that meet are protected. So the text of the prompt is that
    without tags, and no word that a tag stands in is halved.

    Args:
        text: As for `parse_markup`.
        question: What the text is for; a segment of its own at the end, kept whole.
        instruction: What to do with it; a segment of its own at the beginning, kept whole.
        role: What the text is.
        default_rate: As for `parse_markup`.

    Raises:
        PromptError: As for `parse_markup`; or `question` or `instruction` is not a str.
    """
    parts = [
        Segment(marked.text, role, marked.rate if marked.compress else 1.0)
        for marked in parse_markup(text, default_rate=default_rate)
    ]
    around = [Segment(instruction, "instruction"), Segment(question, "question")]
    first = 1 if instruction else 0
    segments = [*around[:first], *parts, *(around[1:] if question else [])]
    last = first + len(parts) - 1
    gaps = ["" if first <= at < last else JOINER for at in range(len(segments) - 1)]
    return _without_edges(segments, gaps)


def _check_place(text: str, tag: re.Match[str], opening: _Opening | None) -> None:
    """Refuse a tag that cannot stand where it does."""
    name = tag["name"] or tag["loose_name"]
    if tag["close"] is None:
        if opening is not None:
            raise _wrong(
                text,
                tag.start(),
                f"<{name}> stands inside the <{opening.name}> of {_place(text, opening.at)}. Write"
                f" </{opening.name}> before it, or <\\{name} for the text itself",
            )
        return
    if tag["rest"].strip() or not tag["end"]:
        raise _wrong(
            text, tag.start(), f"A closing tag is </{name}> and no more; for the text: <\\/{name}"
        )
    if opening is None:
        raise _wrong(
            text,
            tag.start(),
            f"</{name}> closes nothing. Write <{name}, rate=0.5> where it begins,"
            f" or <\\/{name} for the text itself",
        )
    if opening.name.casefold() != name.casefold():
        raise _wrong(
            text,
            tag.start(),
            f"</{name}> does not close the <{opening.name}> of {_place(text, opening.at)}. Write"
            f" </{opening.name}>",
        )


def _opened(text: str, tag: re.Match[str]) -> _Opening:
    """Read an opening tag."""
    name = tag["name"] or tag["loose_name"]
    if tag["end"] == "":
        raise _wrong(
            text,
            tag.start(),
            f"<{name} has no >. Write <{name}, rate=0.5> or <{name}, compress=False>,"
            f" or <\\{name} for the text itself",
        )
    rest = tag["rest"] if tag["name"] else tag["loose_rest"]
    start = tag.start("rest" if tag["name"] else "loose_rest")
    given: dict[str, float | bool] = {}
    at = re.match(r"\s*,?\s*", rest).end()  # type: ignore[union-attr] # it matches ""
    while at < len(rest):
        match = _ATTRIBUTE.match(rest, at)
        if match is None:
            raise _wrong(
                text,
                start + at,
                f"{_shown(rest[at:])} is not an attribute of <{name}>. Write rate=0.5 or"
                " compress=False, with commas or blanks between",
            )
        key, value = match[1].casefold(), match[2].strip("\"'").strip()
        if key in given:
            raise _wrong(text, start + at, f"<{name}> has {key} twice. Leave one out")
        given[key] = _value(text, start + at, key, value)
        at = match.end()
    compress = bool(given.get("compress", True))
    return _Opening(tag.start(), name, given.get("rate") if compress else 1.0, compress)


def _value(text: str, at: int, key: str, value: str) -> float | bool:
    """Read the value of an attribute."""
    if key == "compress":
        if value.casefold() not in _TRUTH:
            raise _wrong(text, at, f"compress is True or False, not {_shown(value)}")
        return _TRUTH[value.casefold()]
    if key != "rate":
        raise _wrong(
            text, at, f"There is no attribute {_shown(key)}. Write rate=0.5 or compress=False"
        )
    if _NUMBER.fullmatch(value) is None or not _is_rate(float(value)):
        raise _wrong(
            text,
            at,
            f"rate is the share to keep, a number above 0 and up to 1, not {_shown(value)}. Write"
            " rate=0.3, or compress=False to keep all",
        )
    return float(value)


def _is_rate(rate: object) -> bool:
    return isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate <= 1


def _put(
    out: list[Marked], pieces: list[str], opening: _Opening | None, default_rate: float | None
) -> None:
    """Append what the pieces make, if anything, and empty them."""
    text = "".join(pieces)
    pieces.clear()
    if not text:
        return
    if opening is None:
        out.append(Marked(text, default_rate, compress=True))
    else:
        rate = default_rate if opening.rate is None else opening.rate
        out.append(Marked(text, rate, opening.compress))


def _wrong(text: str, at: int, what: str) -> PromptError:
    place = _place(text, at)
    return PromptError(f"{place[0].upper()}{place[1:]}: {what}.")


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _without_edges(parts: list[Segment], gaps: list[str]) -> Prompt:
    """Return the prompt of some segments, with the blanks at their ends between them.

    Args:
        parts: S segments.
        gaps: S - 1 texts that stand between them.
    """
    texts: list[str] = []
    between: list[str] = []
    filled: list[int] = []  # segments that are not empty
    gap = ""  # since the last of them
    for index, part in enumerate(parts):
        lead, core, tail = _cut_edges(part)
        gap += (gaps[index - 1] if index else "") + lead
        between.append(gap if core else "")
        if core and not filled:  # where nothing is before it, no separator is written
            core = gap + core
        gap = tail if core else gap + tail
        filled += [index] if core else []
        texts.append(core)
    if texts:
        texts[filled[-1] if filled else 0] += gap
    segments = tuple(replace(part, text=text) for part, text in zip(parts, texts, strict=True))
    touching = [pair for pair in pairwise(filled) if not between[pair[1]]]
    return Prompt(segments, tuple(between[1:])).protecting(
        span for left, right in touching for span in _edges(segments, left, right)
    )


def _edges(segments: tuple[Segment, ...], left: int, right: int) -> list[Span]:
    """Return the characters on both sides of a tag, if no blank is beside it."""
    before, after = segments[left].text, segments[right].text
    if before[-1].isspace() or after[0].isspace():  # of text that is kept whole
        return []
    return [Span(left, len(before) - 1, len(before)), Span(right, 0, 1)]


def _cut_edges(part: Segment) -> tuple[str, str, str]:
    """Return the blanks at the beginning, what is between, and the blanks at the end."""
    text = part.text
    if part.rate == 1 or (part.rate is None and part.role in ("instruction", "question")):
        return "", text, ""
    start, stop = len(text) - len(text.lstrip()), len(text.rstrip())
    return text[:start], text[start:stop], text[max(start, stop) :]
