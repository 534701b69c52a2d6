"""Pairs (original, compressed) that a large model writes.

Source: Pan et al. 2024 (LLMLingua-2), https://arxiv.org/abs/2403.12968, section 3.1: a model
removes words in windows of at most 512 tokens. The instruction is ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tersely.core.units import sentence_units, word_units
from tersely.counting.base import TokenCounter
from tersely.errors import BackendError, SettingError
from tersely.training.label.files import drop_torn_line, hold
from tersely.training.label.rows import read_json_lines, text_fields, word_bounds
from tersely.training.label.word_alignment import align_words

INSTRUCTION = """\
Below is a text. Write a shorter version of it by leaving words out.
- Leave out every word that a reader can do without, and keep what questions could be asked about: \
names, numbers, dates, places, causes, results, negations.
- Keep the words that stay exactly as they are written, in the order in which they stand.
- Do not replace, add, join, translate or reorder words, and do not explain.
Answer with the shorter version only.

Text:
{text}"""

AT_ONCE = 16

LEAST_ANSWERS = 10
"""Answers after which it can be said that a model does not do what it is told."""

MOST_NEW = 0.5
"""Share of new words above which an answer is no compression at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One window of a text, and what a model has left of it."""

    id: str
    group: str
    text: str
    compressed: str
    model: str = ""
    lang: str = "en"


@dataclass(frozen=True, slots=True)
class Written:
    """What came back for one prompt: a text, or what went wrong."""

    text: str
    error: str = ""


Write = Callable[[Sequence[str]], Sequence[Written]]
"""Answers prompts, one `Written` each, in their order."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text that is sent at once; its id says which."""

    id: str
    group: str
    text: str
    lang: str = "en"


@dataclass(slots=True)
class Answers:
    """How many answers were pairs, and how many were not."""

    pairs: int = 0
    refused: int = 0
    why: str = ""


def cut_windows(text: str, counter: TokenCounter, *, most_tokens: int = 512) -> list[str]:
    """Cut a text into stretches of whole sentences, each of at most `most_tokens` tokens.

    A sentence that is longer is cut between words. Blanks around windows are left out.
    """
    if most_tokens < 1:
        raise SettingError(f"most_tokens is at least 1; got {most_tokens}.")
    windows = [""]
    for piece in _pieces(text, counter, most_tokens):
        if windows[-1].strip() and counter.count((windows[-1] + piece).strip()) > most_tokens:
            windows.append("")
        windows[-1] += piece
    return [window.strip() for window in windows if window.strip()]


def write_pairs(
    windows: Sequence[Window],
    write: Write,
    out: Path,
    *,
    model: str,
    at_once: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """Have windows shortened, and append the pairs to a file; those that are there stay.

    Args:
        windows: What to shorten.
        write: Asks the model.
        out: The file, *.jsonl.
        model: Its name, for the rows.
        at_once: How many are asked between two writes; None is `AT_ONCE`.
        progress: Called with (windows done, windows).

    Raises:
        BackendError: The model failed, or most of what it answered is no compression. What was
            finished before is in the file, and the same call goes on after it.
        SettingError: The file cannot be written, or another process is writing it.
    """
    answers, at_once = Answers(), at_once or AT_ONCE
    with hold(out):
        drop_torn_line(out)
        done = {pair.id for pair in read_pairs(out)} if out.is_file() else set()
        todo = [window for window in windows if window.id not in done]
        with out.open("a", encoding="utf-8") as file:
            for at in range(0, len(todo), at_once):
                asked = todo[at : at + at_once]
                found = write([INSTRUCTION.format(text=window.text) for window in asked])
                failed = ""
                for window, written in zip(asked, found, strict=True):
                    if written.error:
                        failed = failed or f"{window.id}: {written.error}"
                        continue
                    _keep(window, written.text, model, answers, file.write)
                file.flush()
                _go_on(answers, failed, len(done) + answers.pairs, out)
                if progress:
                    progress(len(windows) - len(todo) + at + len(asked), len(windows))
    if windows and not done and not answers.pairs:
        raise _garbage(answers)
    return answers


def read_pairs(file: Path) -> Iterator[Pair]:
    """Yield the pairs of a file.

    Raises:
        SettingError: It cannot be read, or a line is not a pair; the message names the line.
    """
    for number, row in read_json_lines(file):
        try:
            texts = text_fields(row, ("id", "group", "text", "compressed"))
        except SettingError as error:
            raise SettingError(f"Line {number} of {file} is not a pair: {error}") from error
        others = {name: str(row[name]) for name in ("model", "lang") if name in row}
        yield Pair(**texts, **others)


def _keep(
    window: Window, short: str, model: str, answers: Answers, put: Callable[[str], object]
) -> None:
    """Write a pair, or count why it is none."""
    why = _why_not(window.text, short)
    if why:
        answers.refused += 1
        answers.why = answers.why or f"{window.id} {why}"
        return
    pair = Pair(
        id=window.id,
        group=window.group,
        text=window.text,
        compressed=short.strip(),
        model=model,
        lang=window.lang,
    )
    put(json.dumps(asdict(pair), ensure_ascii=True) + "\n")
    answers.pairs += 1


def _why_not(text: str, short: str) -> str:
    """Say why an answer is no compression of a text; "" if it is one."""
    if not word_bounds(short):
        return "is empty"
    if len(word_bounds(short)) > len(word_bounds(text)):
        return "is longer than its text"
    new = align_words(text, short).variation
    return f"has {new:.0%} new words" if new > MOST_NEW else ""


def _go_on(answers: Answers, failed: str, kept: int, out: Path) -> None:
    if failed:
        raise BackendError(
            f"The model failed: {failed}. {kept} pairs are in {out}; start the same command again"
            " to go on."
        )
    total = answers.pairs + answers.refused
    if total >= LEAST_ANSWERS and answers.refused > total / 2:
        raise _garbage(answers)


def _garbage(answers: Answers) -> BackendError:
    total = answers.pairs + answers.refused
    return BackendError(
        f"{answers.refused} of {total} answers are no compression of their text; the first:"
        f" {answers.why}. Ask a model that follows instructions."
    )


def _pieces(text: str, counter: TokenCounter, most: int) -> Iterator[str]:
    """Yield sentences, and the words of those that are too long."""
    for unit in sentence_units(text):
        sentence = text[unit.start : unit.end]
        if counter.count(sentence.strip()) <= most:
            yield sentence
        else:
            yield from (sentence[word.start : word.end] for word in word_units(sentence))
