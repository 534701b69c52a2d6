"""Write on behind a past: all at once, or piece by piece as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal

from tersely._optional import need
from tersely.errors import PromptError, SettingError
from tersely.soft.past import Past, stack_left
from tersely.soft.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

_HALF = "\ufffd"


@dataclass(frozen=True, slots=True)
class Reply:
    """One text that was written.

    Attributes:
        text: The text.
        ids: Its tokens, without the one that ended it.
        ended: "end" if the model ended it, "length" if it was as long as allowed.
    """

    text: str
    ids: tuple[int, ...]
    ended: Literal["end", "length"]


def write(
    host: Host, past: Past, prompts: Sequence[Sequence[int]], sampling: Sampling
) -> list[list[Reply]]:
    """Write on behind a past and a prompt for each of its rows.

    Args:
        host: Reads and writes.
        past: B rows.
        prompts: B prompts, at least one token each.
        sampling: How tokens are chosen.

    Returns:
        For each row as many replies as `sampling.answers`.

    Raises:
        PromptError: A prompt does not fit the window with what is to be written.
    """
    ends = ends_of(host)
    longest = max(map(len, prompts))
    written = _generated(host, past, prompts, sampling)[:, longest:].tolist()
    replies = [_reply(host, one, ends) for one in written]
    return [replies[at : at + sampling.answers] for at in range(0, len(replies), sampling.answers)]


def write_pieces(
    host: Host, past: Past, prompt: Sequence[int], sampling: Sampling
) -> Iterator[str]:
    """Yield a text as it is written; what is yielded is never taken back.

    The text is written in a thread, which ends when the iterator is closed.

    Raises:
        PromptError: The prompt does not fit the window with what is to be written.
        SettingError: There is more than one answer or beam.
    """
    if sampling.copies > 1:
        raise SettingError("Only one answer, without beams, can be followed as it is written.")
    check_room(host, past, [len(prompt)], sampling.most_tokens)
    return _followed(host, past, prompt, sampling)


def check_room(host: Host, past: Past, lengths: Sequence[int], more: int) -> None:
    """Refuse what would stand beyond the window.

    Args:
        host: Has a window.
        past: B rows.
        lengths: Tokens of each row's prompt.
        more: Tokens that are to be written.

    Raises:
        PromptError: Something would.
    """
    for start, length in zip(past.next_positions.tolist(), lengths, strict=True):
        if start + length + more > host.window_tokens:
            advice = "Use fewer memories, or write less."
            if len(host.prefix) + length >= host.window_tokens:
                advice = "The prompt alone is too long: ask less."
            raise PromptError(
                f"The prefix and the texts of the memories take {start} places, the prompt"
                f" {length}, and {more} tokens are to be written; {host.name} has"
                f" {host.window_tokens}. {advice}"
            )


def ends_of(host: Host) -> frozenset[int]:
    """Return the tokens that end a text: all special ones."""
    return frozenset(host.special_ids.values())


def _generated(
    host: Host, past: Past, prompts: Sequence[Sequence[int]], sampling: Sampling, **more: Any
) -> Tensor:
    """Run transformers' own loop: (B x answers, longest prompt + what was written)."""
    check_room(host, past, [len(one) for one in prompts], sampling.most_tokens)
    ids, present = stack_left([torch.tensor(one, device=host.device) for one in prompts], -1)
    spare = ids.shape[1] - torch.tensor([len(one) for one in prompts], device=host.device)
    # What fills a row up may stand anywhere; writing goes on from the last place.
    places = (past.positions(ids.shape[1]) - spare[:, None]).clamp(min=0)
    # The first of these fills up rows that have ended. One that ends a prompt, as triggers do,
    # would make transformers warn of padding that is not there.
    last = {one[-1] for one in prompts}
    config = sampling.config(sorted(ends_of(host), key=lambda end: (end in last, end)))
    with sampling.seeded(host.device), sampling.explained():
        written: Tensor = host.model.generate(
            ids,
            attention_mask=past.mask(present.to(host.device)),  # or the prompt loses its beginning
            position_ids=places,
            past_key_values=past.repeat(sampling.copies).cache(),
            generation_config=config,
            **more,
        )
    return written


def _reply(host: Host, ids: list[int], ends: frozenset[int]) -> Reply:
    end = next((at for at, one in enumerate(ids) if one in ends), None)
    kept = ids[:end]
    return Reply(host.decode(kept), tuple(kept), "length" if end is None else "end")


class _Feed(transformers.generation.BaseStreamer):  # type: ignore[misc] # it has no types here
    """Hands tokens from the thread that writes to the one that reads."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[int | BaseException | None] = SimpleQueue()
        self.closed = Event()
        self._is_prompt = True

    def put(self, value: Tensor) -> None:
        """Take the prompt, which comes first, or a token."""
        if not self._is_prompt:
            self.queue.put(int(value.reshape(-1)[0]))
        self._is_prompt = False

    def end(self) -> None:
        """Nothing: the thread says itself when it ends."""

    def stops(self, ids: Tensor, _: Any) -> Tensor:
        """Say whether nobody reads any more."""
        return torch.full((len(ids),), self.closed.is_set(), device=ids.device)


def _followed(host: Host, past: Past, prompt: Sequence[int], sampling: Sampling) -> Iterator[str]:
    feed = _Feed()

    def run() -> None:
        try:
            stop = transformers.StoppingCriteriaList([feed.stops])
            _generated(host, past, [prompt], sampling, streamer=feed, stopping_criteria=stop)
            feed.queue.put(None)
        except BaseException as error:  # noqa: BLE001 # raised again where it is read
            feed.queue.put(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield from _pieces(host, feed)
    finally:
        feed.closed.set()
        thread.join()


def _pieces(host: Host, feed: _Feed) -> Iterator[str]:
    ends, ids, said = ends_of(host), list[int](), ""
    while (one := feed.queue.get()) is not None:
        if isinstance(one, BaseException):
            raise one
        if one in ends:
            continue
        ids.append(one)
        text = host.decode(ids)
        if not text.endswith(_HALF) and text.startswith(said) and text != said:
            yield text[len(said) :]
            said = text
    text = host.decode(ids)
    if text != said:
        yield text[len(said) :]
