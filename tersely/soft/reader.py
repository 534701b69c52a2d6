"""Read from memories: answer, write on, give the text back, or say how likely a continuation is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import index
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import PromptError, SettingError
from tersely.soft.memory import Memory, check_together, several
from tersely.soft.sampling import Sampling
from tersely.soft.writing import Reply, check_room, write, write_pieces

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host

torch: Any = need("torch", extra="torch")

Prompt = str | Sequence[int] | Sequence[Mapping[str, str]]
"""What stands behind memories: plain text, tokens, or the messages of a conversation."""

Memories = Memory | Sequence[Memory]
"""One memory, or several that stand one after the other."""

REPEAT = "Repeat the text above, word for word."
"""What a memory that nothing was trained for is asked, to give its text back."""

SPARE_TOKENS = 16
"""How many tokens more than the text has may be written to give it back."""

GREEDY = Sampling()


def ask(host: Host, memories: Memories, question: str, sampling: Sampling = GREEDY) -> str:
    """Ask one question about memories, in the form of the model's chat template.

    Args:
        host: The model the memories were made for.
        memories: One, or several in order.
        question: What to ask.
        sampling: How tokens are chosen.

    Raises:
        ModelMismatch: A memory was made by another model.
        SettingError: There is no memory, or something else.
        PromptError: There is no question, or it does not fit the window.
    """
    check_question(question)
    held = _some(memories)
    prompt = host.chat.question(question, host.system)
    return generate(host, held, prompt, sampling)[0].text.strip()


def regenerate(host: Host, memories: Memories, sampling: Sampling | None = None) -> str:
    """Write the text that memories stand for.

    A memory whose producer was trained for it says after which token (see `base.made_by`). The
    token stands right before the place of the text's first, so that what is written stands where
    the text stood. Other memories are asked to repeat their text.

    Args:
        host: The model the memories were made for.
        memories: One, or several in order.
        sampling: How tokens are chosen; None takes the likeliest ones, and as many as the text has
            and a few more.

    Raises:
        ModelMismatch: A memory was made by another model.
        SettingError: There is no memory, or they give their texts back in different ways.
        PromptError: The text does not fit the window a second time.
    """
    held = _some(memories)
    ways = {(one.made_by.get("trigger"), bool(one.made_by.get("behind"))) for one in held}
    if len(ways) != 1:
        raise SettingError(
            "These memories give their texts back in different ways. Regenerate one at a time."
        )
    trigger, behind = ways.pop()
    if trigger is not None:
        _tokens(host, [trigger], "A memory's trigger")
    past = host.cache_of([held])
    prompt = host.chat.question(REPEAT, host.system) if trigger is None else [trigger]
    if trigger is not None and not behind:
        past = replace(past, next_positions=past.next_positions * 0 + len(host.prefix) - 1)
    if sampling is None:
        tokens = sum(one.source_tokens for one in held) + SPARE_TOKENS
        room = host.window_tokens - int(past.next_positions) - len(prompt)
        sampling = Sampling(most_tokens=max(1, min(tokens, room)))
    return write(host, past, [prompt], sampling)[0][0].text


def generate(
    host: Host, memories: Memories, prompt: Prompt, sampling: Sampling = GREEDY
) -> list[Reply]:
    """Write on behind memories, possibly none, and a prompt; see `generate_many`."""
    return generate_many(host, [_several(memories)], [prompt], sampling)[0]


def generate_many(
    host: Host,
    rows: Sequence[Sequence[Memory]],
    prompts: Sequence[Prompt],
    sampling: Sampling = GREEDY,
) -> list[list[Reply]]:
    """Write on behind the memories and the prompt of each row, all rows at once.

    Each is written as if it were alone, up to the rounding of the arithmetic.

    Args:
        host: The model the memories were made for.
        rows: Memories of each row; they may have different numbers of slots, and be none.
        prompts: Of each row, at least one token.
        sampling: How tokens are chosen.

    Returns:
        For each row as many replies as `sampling.answers`.

    Raises:
        ModelMismatch: A memory was made by another model.
        SettingError: Memories do not go together, or there is not one prompt for each row.
        PromptError: A prompt is empty, or does not fit the window.
    """
    if isinstance(prompts, str | bytes | Mapping) or not isinstance(prompts, Iterable):
        raise PromptError(f"Give a list of prompts, one for each row; got {prompts!r:.60}.")
    rows, prompts = _rows(rows), list(prompts)
    if len(rows) != len(prompts) or not rows:
        raise SettingError(f"There are {len(rows)} rows of memories and {len(prompts)} prompts.")
    ids = [prompt_ids(host, prompt) for prompt in prompts]
    return write(host, host.cache_of(rows), ids, sampling)


def stream(
    host: Host, memories: Memories, prompt: Prompt, sampling: Sampling = GREEDY
) -> Iterator[str]:
    """Write on behind memories and a prompt, and yield the text as it is written.

    The pieces together are the text that `generate` writes. Closing the iterator ends the writing.

    Raises:
        SettingError: There is more than one answer or beam; else as for `generate_many`.
    """
    ids = prompt_ids(host, prompt)
    return write_pieces(host, host.cache_of([_several(memories)]), ids, sampling)


def nats(
    host: Host, memories: Memories, ids: Sequence[int], *, given: Sequence[int] = ()
) -> Tensor:
    """Return the surprisal of a continuation behind memories; see `nats_many`."""
    return nats_many(host, [_several(memories)], [ids], given=[given])[0]


def nats_many(
    host: Host,
    rows: Sequence[Sequence[Memory]],
    continuations: Sequence[Sequence[int]],
    *,
    given: Sequence[Sequence[int]] | None = None,
) -> list[Tensor]:
    """Return the surprisal of continuations behind memories, all rows at once.

    A memory has no last token to predict the next from, so the first token of a continuation is
    only read, unless tokens are given before it.

    Args:
        host: The model the memories were made for.
        rows: Memories of each row, possibly none.
        continuations: (T_i,) tokens of each row.
        given: Tokens of each row that stand before the continuation, and are not scored.

    Returns:
        In nats, for each row (T_i,), or (T_i - 1,) where nothing is given before it.

    Raises:
        ModelMismatch: A memory was made by another model.
        SettingError: Memories do not go together, or there is not one continuation for each row.
        PromptError: A continuation is empty or no tokens of the model, or does not fit the window.
    """
    rows = _rows(rows)
    before = given or [()] * len(rows)
    if not len(rows) == len(continuations) == len(before) > 0:
        raise SettingError(
            f"There are {len(rows)} rows of memories, {len(continuations)} continuations and"
            f" {len(before)} texts before them."
        )
    before = [_tokens(host, some, "What stands before a continuation") for some in before]
    following = [_tokens(host, more, "A continuation") for more in continuations]
    whole = [[*some, *more] for some, more in zip(before, following, strict=True)]
    lengths = [len(one) for one in whole]
    if not all(lengths):
        raise PromptError("The continuation is empty: there is no token to read.")
    first = [max(len(some), 1) for some in before]
    past = host.cache_of(rows)
    check_room(host, past, lengths, 0)
    longest = max(lengths)
    padded = torch.tensor([[*one, *[0] * (longest - len(one))] for one in whole])
    present = (torch.arange(longest) < torch.tensor(lengths)[:, None]).to(host.device)
    with torch.no_grad():
        read = host.forward(padded, positions=past.positions(longest), past=past, present=present)
        return [
            host.nats(read.hidden[row, start - 1 : end - 1], padded[row, start:end])
            for row, (start, end) in enumerate(zip(first, lengths, strict=True))
        ]


def prompt_ids(host: Host, prompt: Prompt) -> list[int]:
    """Return the tokens of a prompt that stands behind memories.

    Raises:
        PromptError: It is empty.
    """
    if isinstance(prompt, str):
        ids = host.encode(prompt)
    elif isinstance(prompt, Mapping | bytes) or not isinstance(prompt, Iterable):
        raise PromptError(f"A prompt is a text, tokens, or a list of messages; got {prompt!r:.60}.")
    else:
        parts: list[Any] = list(prompt)
        messages = [one for one in parts if isinstance(one, Mapping)]
        if 0 < len(messages) < len(parts):
            raise PromptError("A prompt is a text, tokens, or messages; not a mixture.")
        written = host.chat.behind(messages, host.system) if messages else parts
        ids = _tokens(host, written, "A prompt")
    if not ids:
        raise PromptError("The prompt is empty: a memory is read from behind at least one token.")
    return ids


def check_question(question: object) -> None:
    """Refuse what is no question.

    Raises:
        PromptError: It is no text, or empty.
    """
    if not isinstance(question, str):
        raise PromptError(f"The question is a str, not {type(question).__name__}.")
    if not question.strip():
        raise PromptError("The question is empty.")


def _tokens(host: Host, ids: object, what: str) -> list[int]:
    """Return the tokens of a model as a list.

    Raises:
        PromptError: They are something else, or beyond its vocabulary.
    """
    if isinstance(ids, str | bytes | Mapping) or not isinstance(ids, Iterable):
        raise PromptError(f"{what} is tokens, as host.encode returns; got {ids!r:.60}.")
    held, size = list(ids), host.model.get_input_embeddings().weight.shape[0]
    for one in held:
        try:
            is_one = not isinstance(one, bool) and 0 <= index(one) < size
        except TypeError:
            is_one = False
        if not is_one:
            raise PromptError(
                f"{what} is of tokens from 0 to {size - 1}, which {host.name} has; got {one!r:.60}."
            )
    return [index(one) for one in held]


def _several(memories: Memories) -> list[Memory]:
    """Return one memory, or several, as a list that may be empty."""
    return [memories] if isinstance(memories, Memory) else several(memories)


def _some(memories: Memories) -> list[Memory]:
    """Return the same of at least one.

    Raises:
        SettingError: There is none.
    """
    held = _several(memories)
    check_together(held)
    return held


def _rows(rows: Iterable[Memories]) -> list[list[Memory]]:
    """Return rows of memories as lists."""
    if isinstance(rows, Memory | str | bytes) or not isinstance(rows, Iterable):
        raise SettingError(f"Give a list of memories for each row; got {rows!r:.60}.")
    return [_several(row) for row in rows]
