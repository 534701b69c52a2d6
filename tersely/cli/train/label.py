"""`tersely train label`: how worth keeping each word of a text is, said by a teacher."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.backends.base import CausalBackend
    from tersely.training.label.base import Teacher
    from tersely.training.label.make import Labelling, Made
    from tersely.training.label.passages import Cut, Passage
    from tersely.training.label.quality import Quality

READ_NOTHING = ("answer", "shared")
TEACHERS = ("heads", "answer", "shared", "likelihood", "leave_out")
Allowed = Callable[[str], bool] | None
SIDES = ("train", "held-out", "all")

Out = Annotated[Path, typer.Option("--out", "-o", help="The label file to write, *.jsonl.")]
Data = Annotated[
    str, typer.Option("--data", help="Folder or file of JSON lines, or hub:NAME:CONFIG:SPLIT.")
]
Sets = Annotated[list[str] | None, typer.Option("--set", "-s", help="A data set; repeatable.")]
TeacherName = Annotated[str, typer.Option("--teacher", help=f"One of {', '.join(TEACHERS)}.")]
Kinds = Annotated[
    str, typer.Option("--questions", help="Of own, cloze, keyword, continuation; with commas.")
]
Most = Annotated[int, typer.Option("--most-own", help="The most questions of a set's own.")]
Count = Annotated[int | None, typer.Option("--count", "-n", help="Passages; all if not said.")]
Seed = Annotated[int, typer.Option("--seed", help="Which questions are asked.")]
Rows = Annotated[str, typer.Option("--rows", help="One per passage, one per question, or both.")]
Power = Annotated[
    float, typer.Option("--power", help="1 averages over questions; more counts their best words.")
]
Side = Annotated[
    str, typer.Option("--side", help="Texts for training, held-out ones, or all of them.")
]
Words = Annotated[
    tuple[int, int], typer.Option("--words", help="The fewest and most words of a passage.")
]
PerText = Annotated[int, typer.Option("--per-text", help="The most passages of one text.")]
Lang = Annotated[str, typer.Option("--lang", help="Rows in other languages are left out.")]
Model = Annotated[str, typer.Option("--model", help="What reads; see `tersely models`.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Threads of the model.")]
ShardText = Annotated[
    str, typer.Option("--shard", help="A share of the passages, for several processes: 1/2.")
]
Pairs = Annotated[
    Path | None, typer.Option("--pairs", help="Label these (original, compressed) pairs instead.")
]
Variation = Annotated[
    float, typer.Option("--drop-variation", help="Share of pairs dropped for new words.")
]
Gap = Annotated[
    float, typer.Option("--drop-gap", help="Share of the rest dropped for words not found.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]


Joining = Annotated[
    str,
    typer.Option(
        "--join", help="Over questions: the mean of a word's places, or its greatest value (most)."
    ),
]


def label(
    out: Out,
    data: Data = "",
    set_: Sets = None,
    teacher: TeacherName = "heads",
    questions: Kinds = "own,keyword",
    most_own: Most = 12,
    count: Count = None,
    seed: Seed = 0,
    rows: Rows = "passage",
    join: Joining = "places",
    power: Power = 8.0,
    side: Side = "train",
    words: Words = (60, 300),
    per_text: PerText = 4,
    lang: Lang = "en",
    model: Model = "smollm2-135m",
    threads: Threads = None,
    shard: ShardText = "1/1",
    pairs: Pairs = None,
    drop_variation: Variation = 0.1,
    drop_gap: Gap = 0.1,
    quiet: Quiet = False,
) -> None:
    """Label passages for a token classifier, by expected questions or by compressed pairs.

    What is in the file is not made again: start the same command to go on.
    """
    with reported():
        from tersely.errors import SettingError
        from tersely.training.label.make import Labelling
        from tersely.training.label.passages import Cut
        from tersely.training.label.quality import Quality
        from tersely.training.label.questions import Mix

        if pairs is not None:
            quality = Quality(drop_variation=drop_variation, drop_gap=drop_gap)
            _label_pairs(pairs, out, quality, quiet)
            return
        if not data or not set_:
            raise SettingError("Name the folder with --data and its sets with --set, or --pairs.")
        mix = Mix(kinds=tuple(questions.split(",")), own=most_own)  # type: ignore[arg-type]
        labelling = Labelling(mix=mix, rows=rows, join=join, power=power, seed=seed)  # type: ignore[arg-type]
        cut = Cut(least_words=words[0], most_words=words[1], most_per_text=per_text, lang=lang)
        share, allowed = _share(shard), allowed_on(side)
        taught = _teacher(teacher, model, threads)
        passages, hashes = passages_of(data, set_, cut, allowed, count)
        fingerprint = {
            "labelling": asdict(labelling),
            "cut": asdict(cut),
            "sets": hashes,
            "side": side,
            "count": count,
            "shard": shard,
            "model": "" if taught.name in READ_NOTHING else model,
        }
        _make(passages, share, taught, out, labelling, fingerprint, quiet)


def _make(
    passages: list[Passage],
    share: tuple[int, int],
    teacher: Teacher,
    out: Path,
    labelling: Labelling,
    fingerprint: Mapping[str, Any],
    quiet: bool,
) -> None:
    """Label a share of passages; words are as rare as they are in all of them."""
    from tersely.cli.progress import progress_bar
    from tersely.training.label.make import make_labels
    from tersely.training.label.questions import Rarity

    index, of = share
    shown = not quiet and sys.stderr.isatty()
    with progress_bar("labelling", shown=shown, of="passages") as tick:
        made = make_labels(
            passages[index::of],
            teacher,
            out,
            labelling,
            rarity=Rarity(passage.text for passage in passages),
            fingerprint=fingerprint,
            progress=tick,
        )
    if not quiet:
        typer.echo(f"{out}: {_summary(made)}", err=True)


def passages_of(
    data: str, names: list[str], cut: Cut, allowed: Allowed, count: int | None
) -> tuple[list[Passage], dict[str, str]]:
    """Return passages of all sets, mixed, and the hash of each set's file."""
    from tersely.errors import SettingError
    from tersely.evaluation.source import Source
    from tersely.training.label.passages import interleave, read_passages

    source = Source(data)
    hashes = {name: source.sha256(name) for name in names}
    found = [read_passages(name, _rows(source, name), cut, allowed=allowed) for name in names]
    passages = interleave(found, count)
    if not passages:
        raise SettingError(
            f"There is no passage of {cut.least_words} to {cut.most_words} words in"
            f" {', '.join(names)}, language {cut.lang!r}, that is on the side asked for (--side)."
        )
    return passages, hashes


def _rows(source: Any, name: str) -> Iterator[Mapping[str, Any]]:
    from tersely.evaluation.tasks.fields import read_loose

    if source.is_hub:
        yield from source.rows(name)
    else:
        yield from (fields.row for fields in read_loose(source, name))


def _share(text: str) -> tuple[int, int]:
    """Return which share, counted from 0, and of how many."""
    from tersely.errors import SettingError

    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise SettingError(f"A shard is written 1/2, the first of two; got {text!r}.")
    return int(index) - 1, int(count)


def allowed_on(side: str) -> Allowed:
    """Return what says of a group whether its texts are wanted; None wants all."""
    from tersely.errors import SettingError
    from tersely.training.split import is_held_out

    if side not in SIDES:
        raise SettingError(f"side is one of {', '.join(SIDES)}; not {side!r}.")
    if side == "all":
        return None
    return lambda group: is_held_out(group) == (side == "held-out")


def _teacher(name: str, model: str, threads: int | None) -> Teacher:
    from tersely.errors import UnknownName
    from tersely.training.label.answer import AnswerTeacher
    from tersely.training.label.shared import SharedTeacher

    if name not in TEACHERS:
        raise UnknownName("teacher", name, TEACHERS)
    if name == "answer":
        return AnswerTeacher()
    if name == "shared":
        return SharedTeacher()
    from tersely.backends.load import load_causal

    return _reading_teacher(name, load_causal(model, runtime="openvino", threads=threads))


def _reading_teacher(name: str, backend: CausalBackend) -> Teacher:
    from tersely.errors import ModelMismatch

    if name == "likelihood":
        from tersely.training.label.likelihood import LikelihoodTeacher

        return LikelihoodTeacher(backend=backend)
    if name == "leave_out":
        from tersely.training.label.leave_out import LeaveOutTeacher

        return LeaveOutTeacher(backend=backend)
    from tersely.backends.attention import AttentionBackend
    from tersely.scorers.head_file import load_heads
    from tersely.training.label.heads import HeadTeacher

    if not isinstance(backend, AttentionBackend):
        raise ModelMismatch("This model does not show its attention: take another teacher.")
    return HeadTeacher(backend=backend, heads=load_heads(None, backend))


def _summary(made: Made) -> str:
    asked = ", ".join(f"{n} {kind}" for kind, n in sorted(made.asked.items()))
    lines = [
        f"{made.passages} passages of {len(made.groups)} groups, {made.words} words,"
        f" {made.rows} rows."
    ]
    if asked:
        lines.append(f"Asked now: {asked}.")
    if made.without_question or made.untold:
        lines.append(
            f"Left out: {made.without_question} without a question, {made.untold} whose words it"
            " valued alike."
        )
    if len(made.groups) < 2:
        lines.append("All are of one group: training needs a second one to test on.")
    return " ".join(lines)


def _label_pairs(pairs: Path, out: Path, quality: Quality, quiet: bool) -> None:
    """Label what a model shortened, and say what quality control did."""
    from tersely.training.label.files import hold
    from tersely.training.label.pairs import read_pairs
    from tersely.training.label.quality import label_pairs

    with hold(out):
        rows, control = label_pairs(read_pairs(pairs), quality)
        out.write_text("".join(row.to_json() + "\n" for row in rows), "utf-8")
    if not quiet:
        typer.echo(
            f"{out}: {len(rows)} of {control.pairs} pairs; variation rate {control.variation:.3f},"
            f" alignment gap {control.gap:.3f} (means of all); dropped {control.by_variation} for"
            f" new words and {control.by_gap} for words not found; {control.kept_words:.0%} of the"
            " words are kept.",
            err=True,
        )
