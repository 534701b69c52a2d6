"""Texts as files of tokens: made once from JSON lines, then read without loading them.

    FOLDER/
    ├── tersely.json        sources and their hashes, tokenizer, counts, what was left out
    ├── 00000.tokens        16 or 32 bits a token, little-endian, text after text
    ├── 00000.starts        64 bits a text: its first token; and one more, the end
    └── 00000.json          how many rows of the sources it and those before it cover

A shard appears whole. Making goes on after the last whole shard; the same sources, tokenizer and
settings give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tersely.backends.store import file_hash, read_json
from tersely.errors import BackendError, SettingError
from tersely.training.checkpoint import CARD, MAKING, differences, write_file, write_notes
from tersely.training.soft.leakage import Leakage, texts_in
from tersely.training.split import stable_number

SHARD_TOKENS = 16_000_000
"""A shard ends with the text that makes it so long: 32 MB of 16-bit tokens."""

_BEGUN = "begun.json"
_OURS = (CARD, _BEGUN, "[0-9]*.tokens", "[0-9]*.starts", "[0-9]*.json")
_FORMAT = 1
_SMALL_VOCABULARY = 1 << 16
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where texts come from.

    Attributes:
        files: JSON lines, gzipped if a name ends in ".gz".
        field: Of a row: the text.
        measured: JSON lines of what is measured on later; texts that share wording are left out.
        held_out: Share of the texts that nothing is learnt from.
        most_texts: The first so many; None is all.
    """

    files: tuple[Path, ...]
    field: str = "text"
    measured: tuple[Path, ...] = ()
    held_out: float = 0.01
    most_texts: int | None = None

    def __post_init__(self) -> None:
        if not self.files:
            raise SettingError("Name at least one file of texts.")
        check_held_out(self.held_out)
        if self.most_texts is not None and not self.most_texts >= 1:
            raise SettingError(f"most_texts is at least 1; got {self.most_texts}.")

    def told(self) -> dict[str, Any]:
        """What the shards depend on, without any path."""
        return {
            "format": _FORMAT,
            "files_sha256": [file_hash(file) for file in self.files],
            "measured_sha256": [file_hash(file) for file in self.measured],
            "field": self.field,
            "held_out": self.held_out,
            "most_texts": self.most_texts,
        }


class Shards:
    """A folder of shards, opened; texts are read from it where they lie.

    Attributes:
        card: What tersely.json says.
        learnt: Number of texts to learn from.
        held_out: Number of texts to measure on.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder.

        Raises:
            BackendError: It is not whole.
        """
        self.card = read_json(folder / CARD)
        kind = np.dtype(self.card["kind"])
        self._texts: dict[bool, list[tuple[npt.NDArray[Any], Ints, int]]] = {True: [], False: []}
        for shard in self.card["shards"]:
            tokens, starts = folder / f"{shard['name']}.tokens", folder / f"{shard['name']}.starts"
            for file, size in ((tokens, shard["bytes"]), (starts, 8 * (shard["texts"] + 1))):
                if not file.is_file() or file.stat().st_size != size:
                    raise BackendError(
                        f"{file} is damaged or gone. Delete {folder} to make it anew."
                    )
            flat = np.memmap(tokens, dtype=kind, mode="r") if shard["bytes"] else np.zeros(0, kind)
            ends = np.fromfile(starts, dtype="<i8")
            for number, aside in enumerate(shard["held_out"]):
                self._texts[bool(aside)].append((flat, ends, number))
        self.learnt, self.held_out = len(self._texts[False]), len(self._texts[True])

    @property
    def fingerprint(self) -> str:
        """One hash over all tokens, and which texts are held out."""
        return str(self.card["fingerprint"])

    def texts(self, *, held_out: bool) -> Iterator[Ints]:
        """Yield the tokens of each text that is learnt from, or of each that is not."""
        for flat, ends, number in self._texts[held_out]:
            yield np.asarray(flat[ends[number] : ends[number + 1]], dtype=np.int64)


def make_shards(
    source: Source,
    folder: Path,
    *,
    encode: Callable[[str], Sequence[int]],
    vocabulary: int,
    tokenizer: str,
    shard_tokens: int = SHARD_TOKENS,
) -> Shards:
    """Make shards, or go on where making stopped, or open those that are there.

    Args:
        source: The texts.
        folder: Where they go.
        encode: Cuts a text into tokens.
        vocabulary: V.
        tokenizer: Fingerprint of the tokenizer.
        shard_tokens: How long a shard is.

    Raises:
        SettingError: There is no text; the folder holds other shards.
        BackendError: The folder is damaged, or cannot be written.
    """
    check_files((*source.files, *source.measured))
    told = source.told() | {"tokenizer": tokenizer, "shard_tokens": shard_tokens}
    open_folder(folder, told)
    if not (folder / CARD).is_file():
        write_notes(folder / _BEGUN, {"settings": told})
        kind = "<u2" if vocabulary <= _SMALL_VOCABULARY else "<u4"
        shards, leakage = _write_all(source, folder, encode, kind, shard_tokens)
        digest = hashlib.sha256()
        for shard in shards:
            digest.update(json.dumps([shard["sha256"], shard["held_out"]]).encode())
        counts = {name: sum(one[name] for one in shards) for name in ("texts", "tokens")}
        if not counts["texts"]:
            raise SettingError(_why_none(source, leakage))
        card = {"settings": told, "kind": kind, "fingerprint": digest.hexdigest()}
        card |= {"files": [file.name for file in source.files]} | counts
        write_notes(folder / CARD, card | {"leakage": leakage, "shards": shards})
        (folder / _BEGUN).unlink(missing_ok=True)
    return Shards(folder)


def check_held_out(share: float) -> None:
    """Check a share of texts that nothing is learnt from.

    Raises:
        SettingError: It is out of range.
    """
    if not 0 <= share < 1:
        raise SettingError(f"held_out is a share, from 0 to less than 1; got {share}.")


def check_files(files: Sequence[Path]) -> None:
    """Check that files are there and can be read.

    Raises:
        SettingError: One is not.
    """
    for file in files:
        try:
            if not file.is_file():
                raise SettingError(f"There is no file {file} to read rows from.")
            with file.open("rb"):
                pass
        except OSError as error:
            raise SettingError(f"{file} cannot be read: {error.strerror}.") from error


def open_folder(folder: Path, told: dict[str, Any] | None = None) -> None:
    """Make a folder for shards, or see that it is one.

    Args:
        folder: Where they are, or go.
        told: What they depend on; None where that is not known yet.

    Raises:
        SettingError: It cannot be made, or holds something else, or shards of other texts.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(one.name for one in folder.iterdir() if not one.name.startswith(MAKING))
        notes = [folder / name for name in (CARD, _BEGUN) if (folder / name).is_file()]
    except FileExistsError as error:
        raise SettingError(f"{folder} is a file. Name a new folder (--shards).") from error
    except OSError as error:
        raise SettingError(f"{folder} cannot hold shards: {error.strerror}.") from error
    found: list[dict[str, Any]] = [read_json(path).get("settings") or {} for path in notes]
    if names and not (found and all("files_sha256" in one for one in found)):
        raise SettingError(
            f"{folder} is there, and holds {names[0]} but no shards. Name a new folder (--shards)."
        )
    if told is None or not ((folder / CARD).is_file() or any(folder.glob("[0-9]*.json"))):
        return  # making begins anew where no shard was finished
    if differing := next(filter(None, (differences(one, told) for one in found)), ""):
        raise SettingError(
            f"{folder} holds the tokens of other texts: {differing}. Delete it, or name another"
            " folder (--shards)."
        )


@contextmanager
def undone_if_refused(folder: Path) -> Iterator[None]:
    """Take away what a block wrote to a folder of shards if it refuses the texts.

    Texts that are put right afterwards are other texts, and would be refused for what is there.
    """
    before = set(folder.iterdir()) if folder.is_dir() else set()
    try:
        yield
    except SettingError:
        for path in {path for name in _OURS for path in folder.glob(name)} - before:
            path.unlink(missing_ok=True)
        raise


def _why_none(source: Source, leakage: dict[str, Any]) -> str:
    """Return in words why there is nothing to learn from."""
    names, dropped = ", ".join(file.name for file in source.files), leakage["dropped"]
    if dropped:
        texts = f"all {dropped:,} texts share" if dropped > 1 else "its only text shares"
        return f"{names}: {texts} wording with what is measured on, so none may be learnt from."
    return f"{names}: no row has a text in its field {source.field!r}. Name another (--field)."


def _write_all(
    source: Source,
    folder: Path,
    encode: Callable[[str], Sequence[int]],
    kind: str,
    shard_tokens: int,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Write the shards that are not there yet; return what is in each, and what was left out."""
    measured = (text for file in source.measured for row in rows_of(file) for text in texts_in(row))
    leakage = Leakage.of(measured)
    shards = [read_json(path) for path in sorted(folder.glob("[0-9]*.json"))]
    if shards:
        counts = shards[-1]["leakage"]
        leakage.checked, leakage.dropped = counts["checked"], counts["dropped"]
        leakage.examples = counts["examples"]
    done = shards[-1]["rows"] if shards else 0
    texts = _texts(source)
    held: list[tuple[Ints, bool]] = []
    row = 0
    for row, text in enumerate(texts, start=1):
        if row <= done:
            continue
        if text.strip() and not leakage.leaks(text):
            aside = stable_number(text) / 2**64 < source.held_out
            held.append((np.asarray(encode(text), dtype=kind), aside))
        if sum(len(ids) for ids, _ in held) >= shard_tokens:
            shards.append(_write_one(folder, len(shards), held, row, leakage))
            held = []
    if held or not shards:
        shards.append(_write_one(folder, len(shards), held, row, leakage))
    return shards, leakage.to_json()


def _write_one(
    folder: Path, number: int, held: Sequence[tuple[Any, bool]], rows: int, leakage: Leakage
) -> dict[str, Any]:
    name = f"{number:05d}"
    flat = np.concatenate([ids for ids, _ in held]) if held else np.zeros(0, "<u2")
    ends = np.cumsum([0, *(len(ids) for ids, _ in held)]).astype("<i8")
    tokens = folder / f"{name}.tokens"
    write_file(tokens, lambda place: flat.tofile(place))
    write_file(folder / f"{name}.starts", lambda place: ends.tofile(place))
    notes = {"name": name, "rows": rows, "texts": len(held), "tokens": len(flat)}
    notes |= {"bytes": flat.nbytes, "sha256": file_hash(tokens)}
    notes |= {"held_out": [int(aside) for _, aside in held], "leakage": leakage.to_json()}
    write_notes(folder / f"{name}.json", notes)
    return notes


def _texts(source: Source) -> Iterator[str]:
    number = 0
    for file in source.files:
        for row in rows_of(file):
            if source.most_texts is not None and number >= source.most_texts:
                return
            number += 1
            text = row.get(source.field)
            yield text if isinstance(text, str) else ""


def rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of JSON lines.

    Raises:
        SettingError: The file cannot be read, or a line is no JSON object.
    """
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _row(line, f"{file}:{number}")
    except OSError as error:
        raise SettingError(f"{file} cannot be read: {error.strerror or error}.") from error
    except (EOFError, UnicodeDecodeError, zlib.error) as error:
        raise SettingError(f"{file} cannot be read: {error}.".replace("..", ".")) from error


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SettingError(f"{place} is no JSON: {error.msg}, column {error.colno}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, deep nesting
        raise SettingError(f"{place} is no JSON: {error}.") from error
    if not isinstance(row, dict):
        raise SettingError(f"{place} is no JSON object.")
    return row
