"""`tersely recover`: put the original wording back into a model's answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli.compress import prompt_sha256, read_text, write_text
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.core.prompt import Prompt, Span


def recover(
    prompt: Annotated[str, typer.Argument(help="The file that was compressed.")],
    result: Annotated[str, typer.Argument(help="What `tersely compress --json` printed.")],
    answer: Annotated[
        str, typer.Argument(help="The model's answer, or - for standard input.")
    ] = "-",
    most_words: Annotated[
        int, typer.Option("--most-words", help="Leave gaps of more dropped words alone.")
    ] = 10,
    no_names: Annotated[
        bool, typer.Option("--no-names", help="Leave names that lost words at an edge as they are.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the text and what was put where as JSON.")
    ] = False,
) -> None:
    """Print ANSWER with words of PROMPT put back that the model could not see."""
    with reported():
        from tersely.core.recover import apply_changes, recover_spans

        if [prompt, result, answer].count("-") > 1:
            raise typer.BadParameter("Standard input can be read only once.")
        original, kept = read_result(read_text(prompt), read_text(result), (prompt, result))
        said = read_text(answer)
        put_in = recover_spans(
            original, kept, said, most_dropped_words=most_words, complete_names=not no_names
        )
        text = apply_changes(original, said, put_in)
        if not as_json:
            write_text(text)
            return
        rows = [
            [change.start, change.end, change.span.segment, change.span.start, change.span.end]
            for change in put_in
        ]
        typer.echo(json.dumps({"text": text, "recovered": rows}, ensure_ascii=False))


def read_result(text: str, content: str, names: tuple[str, str]) -> tuple[Prompt, tuple[Span, ...]]:
    """Return the prompt that was compressed, and what was kept of it.

    Args:
        text: The file that was compressed.
        content: The JSON that came of it.
        names: What the two files are called.

    Raises:
        PromptError: The JSON is not ours, or of another prompt.
    """
    from tersely.errors import PromptError
    from tersely.prompting import build_prompt

    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PromptError(f"{names[1]} is not JSON: {error}.") from error
    if reason := _fault(found):
        raise PromptError(f"{names[1]} is not what `tersely compress --json` writes: {reason}.")
    prompt = build_prompt(text, question=found["question"], instruction=found["instruction"])
    if prompt_sha256(prompt) != found["prompt_sha256"]:
        raise PromptError(
            f"{names[0]} is not the prompt that {names[1]} was made of: the SHA-256 of the one is"
            f" {prompt_sha256(prompt)[:12]}..., the other names {found['prompt_sha256'][:12]}..."
        )
    return prompt, _spans(prompt, found, names[1])


_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "question": (str,),
    "instruction": (str,),
    "prompt_sha256": (str,),
    "kept": (list,),
    "order": (list, type(None)),
}


def _fault(found: Any) -> str:
    """Return what is wrong with the shape of a result; "" if nothing is."""
    if not isinstance(found, dict):
        return "it is no object"
    for key, kinds in _KINDS.items():
        if key not in found:
            return f"it has no {key!r}"
        if not isinstance(found[key], kinds):
            return f"{key!r} is {type(found[key]).__name__}"
    for row in found["kept"]:
        if not isinstance(row, list) or len(row) != 3 or {type(part) for part in row} != {int}:
            return f"'kept' has {json.dumps(row)[:40]}, which is not [segment, start, end]"
    if not _are_notes(found.get("notes", [])):
        return "'notes' are not [segment, character, text]"
    return ""


def _are_notes(rows: Any) -> bool:
    return isinstance(rows, list) and all(
        isinstance(row, list) and [type(part) for part in row] == [int, int, str] for row in rows
    )


def _spans(prompt: Prompt, found: dict[str, Any], name: str) -> tuple[Span, ...]:
    """Return the kept spans, which have to be spans of the prompt and make the text."""
    from tersely.core.prompt import Span
    from tersely.core.result import bounds_of
    from tersely.core.structure import Note, write_out
    from tersely.errors import PromptError

    count = len(prompt.segments)
    order = list(range(count)) if found["order"] is None else found["order"]
    if {type(index) for index in order} - {int} or sorted(order) != list(range(count)):
        raise PromptError(f"'order' of {name} does not name each of {count} segments once.")
    kept = tuple(Span(*row) for row in found["kept"])
    place_of = {index: place for place, index in enumerate(order)}
    ends = [0] * count
    last = 0
    for span in kept:
        inside = span.segment < count and span.end <= len(prompt.segments[span.segment].text)
        if not inside:
            raise PromptError(
                f"{name} keeps characters {span.start} to {span.end} of segment {span.segment},"
                " which the prompt does not have."
            )
        place = place_of[span.segment]
        if place < last or span.start < ends[span.segment]:
            raise PromptError(f"The spans of {name} are not in order.")
        last, ends[span.segment] = place, span.end
    notes: list[list[Note]] = [[] for _ in prompt.segments]
    for index, at, text in found.get("notes", []):
        if not 0 <= index < count:
            raise PromptError(f"A note of {name} names segment {index}; there is none.")
        notes[index].append(Note(at, text))
    whole = zip(prompt.segments, bounds_of(prompt, kept), notes, strict=True)
    texts = [write_out(segment.text, bounds, said) for segment, bounds, said in whole]
    if prompt.join(texts, order) != found["text"]:
        raise PromptError(f"The spans of {name} do not make its text: it was changed.")
    return kept
