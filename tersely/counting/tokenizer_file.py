"""Count in the tokens of any Hugging Face `tokenizer.json` on this machine.

Special tokens in the text are counted as plain text, as far as the file allows. Two kinds of token
look special and stay one token: those added as ordinary vocabulary ("special": false, such as
Qwen's "<think>" and the runs of blanks of older models), because the model sees them so in any
text; and special tokens that a Unigram model also lists as pieces ("</s>").

Cost:     about 2 MB of text a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tersely.counting.surrogates import replace_surrogates
from tersely.errors import SettingError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE_NAME = "tokenizer.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounter:
    """Counts with a `tokenizer.json`. See `TokenCounter`."""

    name: str
    exact: bool
    tokenizer: Tokenizer = field(repr=False, compare=False)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, without any special token added."""
        return len(self.tokenizer.encode(replace_surrogates(text), add_special_tokens=False))


def names_a_file(name: str) -> bool:
    r"""Say whether a name is meant as a path.

    It is when it ends in ".json", when it starts like a path ("./", "../", "/", "~", "C:\"), or
    when it has a slash and a `tokenizer.json` is there. A bare word never is: for a folder
    `llama3` in the current directory, write "./llama3".
    """
    if name.endswith(".json") or name.startswith((".", "/", "~")) or "\\" in name:
        return True
    return "/" in name and (Path(name) / FILE_NAME).is_file()


def file_counter(name: str) -> FileCounter:
    """Return the counter for a `tokenizer.json`, given its path or that of its folder.

    A file is read once, and again when it changes.

    Raises:
        SettingError: There is no such file, or it is not a tokenizer.
    """
    given = Path(name).expanduser()
    file = given / FILE_NAME if given.is_dir() else given
    if not file.is_file():
        raise SettingError(
            f"There is no tokenizer at {str(file.absolute())!r}. Give the path of a {FILE_NAME},"
            f" or of the folder that holds one, or the name of a model ('gpt-5')."
        )
    stat = file.stat()
    return _read(name, file.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _read(name: str, file: Path, mtime_ns: int, size_bytes: int) -> FileCounter:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(file.read_bytes())
    except ValueError as error:
        raise SettingError(
            f"{str(file)!r} is not a tokenizer that the tokenizers library can read: {error}."
            f" Give the {FILE_NAME} of a model, not its vocabulary or its settings."
        ) from error
    tokenizer.encode_special_tokens = True  # as plain text
    tokenizer.no_truncation()  # many files cut at 128 or 512 tokens
    tokenizer.no_padding()
    return FileCounter(name=name, exact=True, tokenizer=tokenizer)
