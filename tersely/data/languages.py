"""Which language a text is in, by py3langid: 4.6 MB, no download, the same answer every time.

Short texts and texts of names, numbers or code are in no language that can be told: such a text is
of any language that is asked for.

Library: https://github.com/adbar/py3langid (BSD-3-Clause).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import regex

from tersely._optional import need
from tersely.errors import UnknownName

LEAST_LETTERS = 40
"""Fewer letters say too little; of scripts without blanks, a quarter of that."""

READ_CHARS = 400
SURE = 0.5
UNKNOWN = "und"
NONE = "zxx"  # what py3langid calls code and tables
COVERED = {"zh": ("wuu", "yue"), "no": ("nb", "nn")}
"""Languages that another code stands for, too: they are told apart by a few words."""

_LETTERS = regex.compile(r"\p{L}")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]")
_NOT_PROSE = regex.compile(r"(?s)```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+|[<{][^<>{}]*[>}]")


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of a text's language, "und" where it cannot be told.

    Raises:
        MissingDependency: py3langid is not installed.
    """
    prose = _prose(text)
    if prose is None:
        return UNKNOWN
    found, sure = _identifier().classify(prose)
    return str(found) if sure >= SURE and found != NONE else UNKNOWN


def is_other(text: str, wanted: Collection[str]) -> str:
    """Return the language of a text if it is surely none of those wanted, and "" otherwise.

    Surely: what is wanted has less than a tenth of the likelihood of what was found.

    Raises:
        MissingDependency: py3langid is not installed.
    """
    prose = _prose(text)
    if prose is None:
        return ""
    wanted = {*wanted, *(code for name in wanted for code in COVERED.get(name, ()))}
    ranked = _identifier().rank(prose)
    best, likelihood = ranked[0]
    if best in wanted or best == NONE or likelihood < SURE:
        return ""
    share = sum(value for name, value in ranked if name in wanted)
    return str(best) if share < likelihood / 10 else ""


def check_languages(names: Collection[str]) -> None:
    """Refuse codes that are no language's.

    Raises:
        UnknownName: One is not known.
        MissingDependency: py3langid is not installed.
    """
    known = [str(label) for label in _identifier().labels]
    for name in names:
        if name not in known:
            raise UnknownName("language", name, known)


def _prose(text: str) -> str | None:
    """Return the beginning of a text without code, links and tags; None if it is too short."""
    prose: str = _NOT_PROSE.sub(" ", text[: 4 * READ_CHARS])[:READ_CHARS]
    letters = len(_LETTERS.findall(prose)) + 3 * len(_UNSPACED.findall(prose))
    return prose if letters >= LEAST_LETTERS else None


@cache
def _identifier() -> Any:
    module = need("py3langid.langid", extra="data")
    return module.LanguageIdentifier.from_model_file(module.MODEL_FILE, norm_probs=True)
