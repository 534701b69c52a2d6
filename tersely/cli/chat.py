"""`tersely chat`: shorten the messages of a chat, or of a whole request, to a budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli import options
from tersely.cli.compress import print_json, read_settings, read_text, summary
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.chat.result import ChatCompression

BESIDE = ("system", "instructions")
"""Keys of a request that hold instructions, in one format or another."""
LOCK_SECONDS = 60
"""How long one process waits for another that uses the same session."""


def chat(
    source: Annotated[
        str, typer.Argument(help="A JSON file, or -: a list of messages, or a request with one.")
    ] = "-",
    tokens: options.Tokens = None,
    rate: options.Rate = None,
    rate_of: Annotated[
        str, typer.Option("--rate-of", help="Of the request, or of the texts that may be cut.")
    ] = "request",
    format: Annotated[  # noqa: A002 - as the front door has it
        str, typer.Option("--format", help="openai, responses or anthropic; auto finds out.")
    ] = "auto",
    method: options.Method = "auto",
    target: options.Target = "o200k_base",
    model: options.Model = None,
    setting: options.Setting = None,
    content: options.Content = "auto",
    protect: options.Protect = None,
    prefer: options.Prefer = None,
    frozen_messages: Annotated[
        int, typer.Option("--frozen-messages", help="How many of the first stay as they are.")
    ] = 0,
    session: Annotated[
        Path | None,
        typer.Option("--session", help="A file to remember what was sent: it is sent so again."),
    ] = None,
    refreeze: Annotated[
        bool,
        typer.Option("--refreeze", help="Shorten all anew when what was sent leaves no room."),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compress the messages in SOURCE and print them, or the request that they are part of.

    System texts, the newest user turn, tool calls and their ids stay as they are.
    """
    with reported():
        from tersely.chat.compress import compress_chat
        from tersely.errors import SettingError

        if session is not None and (frozen_messages or rate_of != "request"):
            raise SettingError(
                "--session knows what was sent, and its rate is of new texts: leave out"
                " --frozen-messages and --rate-of."
            )
        request = read_request(source)
        key = messages_key(request)
        given = _beside(request)
        engine = _engine(method, model, setting or [])
        asked: dict[str, Any] = {"tokens": tokens, "rate": rate, "format": format}
        asked |= {"method": engine, "tokenizer": target, "content": content}
        asked |= {"protect": protect or [], "prefer": prefer or []}
        if session is None:
            more: dict[str, Any] = {"rate_of": rate_of, "frozen_messages": frozen_messages}
            result = compress_chat(request[key], **given, **asked, **more)
        else:
            result = _in_session(session, request[key], given, asked | {"refreeze": refreeze})
        _print(result, request, key, as_json=as_json)
        if not quiet:
            typer.echo(summary(result) + (f" ({result.reason})" if result.reason else ""), err=True)


def read_request(source: str) -> dict[str, Any]:
    """Read a request, or a list of messages as a request that has nothing else.

    Raises:
        PromptError: It is not JSON, or neither of the two.
    """
    from tersely.errors import PromptError

    name = "standard input" if source == "-" else source
    try:
        found = json.loads(read_text(source))
    except (ValueError, RecursionError) as error:
        if isinstance(error, PromptError):
            raise
        raise PromptError(f"{name} is not JSON: {error}.") from error
    if isinstance(found, list):
        return {"": found}
    if not isinstance(found, dict):
        raise PromptError(f"{name} is no list of messages, and no request with one.")
    return found


def _beside(request: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent beside the messages, to be counted."""
    system = next((request[name] for name in BESIDE if name in request), None)
    return {"tools": request.get("tools"), "system": system}


def _engine(method: str, model: str | None, settings: list[str]) -> Any:
    from tersely.loading import load

    if method == "auto" and model is None and not settings:
        return method
    return load(method, model=model, **read_settings(settings))


def messages_key(request: dict[str, Any]) -> str:
    """Return where the messages of a request are.

    Raises:
        PromptError: There are none.
    """
    from tersely.errors import PromptError

    for key in ("", "messages", "input"):
        if isinstance(request.get(key), list):
            return key
    raise PromptError('The request has no list of "messages", and no list of "input" items.')


def _in_session(
    file: Path, messages: list[Any], given: dict[str, Any], asked: dict[str, Any]
) -> ChatCompression:
    """Compress what is new of a conversation, and remember it; one process at a time."""
    from filelock import FileLock, Timeout

    from tersely.chat.session import ChatSession
    from tersely.errors import PromptError, SettingError

    if not file.parent.is_dir():
        raise SettingError(f"There is no folder {file.parent} to keep {file.name} in.")
    lock = file.with_name(f"{file.name}.lock")
    try:
        with FileLock(lock, timeout=LOCK_SECONDS):
            opened = ChatSession.from_dict(_state(file), **asked)
            result = opened.compress(messages, **given)
            if result.edited_at == 0:
                raise PromptError(
                    f"{file} is of another conversation: its first message is another one. Give"
                    " each conversation a file of its own."
                )
            partial = file.with_name(f"{file.name}.new")  # nobody ever sees half of it
            partial.write_text(json.dumps(opened.to_dict()), "utf-8")
            partial.replace(file)
    except Timeout as error:
        raise SettingError(
            f"Another process has used {file} for {LOCK_SECONDS} s. If none does, delete {lock}."
        ) from error
    return result


def _state(file: Path) -> Any:
    """Return what a session remembers: nothing, where there is no file yet."""
    from tersely.chat.session import VERSION
    from tersely.errors import PromptError

    if not file.exists():
        return {"version": VERSION, "messages": []}
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PromptError(f"{file} is not the state of a session: {error}.") from error


def _print(result: ChatCompression, request: dict[str, Any], key: str, *, as_json: bool) -> None:
    if as_json:
        plain: Any = {
            "messages": result.messages,
            "format": result.format,
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
            "reason": result.reason,
            "frozen_messages": result.frozen_messages,
        }
    else:
        plain = request | {key: result.messages} if key else result.messages
    print_json(plain)
