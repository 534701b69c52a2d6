"""`tersely compress`: shorten a file or standard input to a budget."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tersely.cli import options
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.core.prompt import Prompt
    from tersely.core.result import Compression
    from tersely.hard.allowance import Allowance


def compress(
    source: options.Source = "-",
    question: options.Question = "",
    instruction: options.Instruction = "",
    tokens: options.Tokens = None,
    rate: options.Rate = None,
    rate_mode: options.RateMode = "prompt",
    quality_floor: options.QualityFloor = None,
    calibration: options.CalibrationFile = None,
    min_rate: options.MinRate = None,
    max_rate: options.MaxRate = None,
    method: options.Method = "auto",
    target: options.Target = "o200k_base",
    model: options.Model = None,
    runtime: options.Runtime = None,
    setting: options.Setting = None,
    content: options.Content = "auto",
    markup: options.Markup = False,
    protect: options.Protect = None,
    prefer: options.Prefer = None,
    only_if_it_pays: options.OnlyIfItPays = False,
    as_json: options.AsJson = False,
    diff: options.Diff = False,
    quiet: options.Quiet = False,
) -> None:
    """Compress SOURCE (a file; standard input by default) and print what is left."""
    with reported():
        from tersely import load_counter
        from tersely.hard.allowance import Allowance
        from tersely.loading import load
        from tersely.prompting import choose_method, compress_prompt, mark

        if as_json and diff:
            raise typer.BadParameter("--json and --diff exclude each other.")
        varying: dict[str, Any] = {"rate_mode": rate_mode, "quality_floor": quality_floor}
        varying |= {"calibration": calibration, "min_rate": min_rate, "max_rate": max_rate}
        allowance = Allowance(tokens=tokens, rate=rate, **varying)
        counter = load_counter(target)
        asked = {"question": question, "instruction": instruction}
        prompt = read_prompt(source, asked, content=content, markup=markup)
        prompt = mark(prompt, protect=protect or [], prefer=prefer or [])
        name = choose_method(prompt, method, model=model)
        if only_if_it_pays and (
            unchanged := _unless_it_pays(prompt, allowance, name, model, target)
        ):
            _print(unchanged, asked, as_json=as_json, diff=diff, quiet=quiet)
            return
        engine = load(name, model=model, runtime=runtime, **read_settings(setting or []))
        engine = allowance.applied_to(engine, counter)
        beside: dict[str, Any] = {"counter": counter, "content": content}
        with _progress(quiet) as advance:
            result = compress_prompt(engine, prompt, allowance.budget, **beside, progress=advance)
        if not quiet:
            _say_given_up(prompt, result)
        _print(result, asked, as_json=as_json, diff=diff, quiet=quiet)


def _unless_it_pays(
    prompt: Prompt, allowance: Allowance, method: str, model: str | None, target: str
) -> Compression | None:
    """Return the prompt as it is where compressing it will not pay at the target's list price."""
    from tersely import load_counter
    from tersely.payoff.skip import unless_it_pays
    from tersely.payoff.terms import Terms

    counter = load_counter(target)
    asked: dict[str, Any] = {"model": model, "counter": counter, "target": target}
    return unless_it_pays(prompt, allowance, method=method, **asked, terms=Terms())


def read_prompt(source: str, asked: dict[str, str], *, content: str, markup: bool) -> Prompt:
    """Read a file or standard input as a prompt, with its question and instruction."""
    from tersely.prompting import build_prompt, read_markup

    text = read_text(source)
    return build_prompt(read_markup(text) if markup else text, **asked, content=content)


def _say_given_up(prompt: Prompt, result: Compression) -> None:
    found = {segment.structure.content for segment in prompt.segments if segment.structure}
    for kind in sorted(found - set(result.contents)):
        typer.echo(f"The budget is too small to keep this valid {kind}: taken as text.", err=True)


def read_text(source: str) -> str:
    """Read a file, or standard input for "-", as UTF-8.

    Raises:
        PromptError: It cannot be read, or is not UTF-8; the message names the first bad byte.
    """
    from tersely.errors import PromptError

    name = "standard input" if source == "-" else source
    if source == "-" and sys.stdin is None:
        raise PromptError("standard input is closed: name a file, or hand a text in.")
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise PromptError(f"{name} cannot be read: {error.strerror}.") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PromptError(
            f"{name} is not UTF-8 text: byte 0x{content[error.start]:02x} at position"
            f" {error.start} ({error.reason}). Is it a binary file, or in another encoding?"
        ) from error


def read_settings(pairs: list[str]) -> dict[str, Any]:
    """Read "name=value" pairs; numbers and true/false become what they say."""
    from tersely.errors import SettingError

    out: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise SettingError(f"A setting is written name=value, not {pair!r}.")
        try:
            out[name] = json.loads(value)
        except ValueError:
            out[name] = value
    return out


def _progress(quiet: bool) -> Any:
    """Return a context manager that gives a progress callback; it draws only on a terminal."""
    from tersely.cli.progress import progress_bar

    return progress_bar("reading", shown=not quiet and sys.stderr.isatty())


def _print(
    result: Compression, asked: dict[str, str], *, as_json: bool, diff: bool, quiet: bool
) -> None:
    if as_json:
        print_json(as_dict(result) | asked)
        return
    if diff:
        from tersely.cli.diff import print_diff

        print_diff(result)
    else:
        write_text(result.text)
    if not quiet:
        typer.echo(summary(result), err=True)
        if result.tokens_after == result.tokens_before and result.reason:
            typer.echo(f"Unchanged: {result.reason}", err=True)


def print_json(plain: Any) -> None:
    """Print one line of JSON."""
    readable = json.dumps(plain, ensure_ascii=False)
    # Half characters, which a shell can pass on, stand in JSON as escapes only.
    typer.echo(readable if _is_text(readable) else json.dumps(plain))


def write_text(text: str) -> None:
    """Write a text that was read from files and options to standard output, byte for byte."""
    # Bytes, so that no platform rewrites line breaks. What was not UTF-8 on the command line came
    # in as surrogates, and goes out as it was typed.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    if sys.stdout.isatty() and not text.endswith("\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _is_text(text: str) -> bool:
    """Return whether a text has no lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def summary(result: Compression) -> str:
    """Return one line of numbers."""
    sign = "" if result.exact else "about "
    times = f"{1 / result.rate:.1f}x, " if result.rate else ""
    reader = f", {result.model_tokens} tokens read by {result.model}" if result.model else ""
    return (
        f"{sign}{result.tokens_before} -> {result.tokens_after} tokens ({times}limit"
        f" {result.limit_tokens}, {result.tokenizer}{'' if result.exact else ' as a stand-in'}),"
        f" {result.method}, {result.seconds:.1f} s{reader}"
    )


def as_dict(result: Compression) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "text": result.text,
        "method": result.method,
        "model": result.model,
        "tokenizer": result.tokenizer,
        "exact": result.exact,
        "tokens_before": result.tokens_before,
        "tokens_after": result.tokens_after,
        "limit_tokens": result.limit_tokens,
        "rate": round(result.rate, 6),
        "model_tokens": result.model_tokens,
        "seconds": round(result.seconds, 3),
        "kept": [[span.segment, span.start, span.end] for span in result.kept],
        "notes": [[index, note.at, note.text] for index, note in result.notes],
        "contents": list(result.contents),
        "reason": result.reason,
        "order": None if result.order is None else list(result.order),
        "prompt_sha256": prompt_sha256(result.prompt),
    }


def prompt_sha256(prompt: Prompt) -> str:
    """Return the SHA-256 of a prompt's text, by which `tersely recover` knows it again."""
    return hashlib.sha256(prompt.text.encode("utf-8", "surrogatepass")).hexdigest()
