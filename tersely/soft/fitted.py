"""Fitting: a few gradient steps on the slots of one text, so that its own words come out of them.

The slots begin as those of another producer. Then the frozen model reads passages of the text once
more, behind the slots instead of the text, and the slots' keys and values are changed so that it
expects what it would have expected behind the whole text (or, with `match="words"`, what stands
there).

Paper:    Eyuboglu et al. 2025, "Cartridges", which trains slots on conversations about a corpus.
          https://arxiv.org/abs/2506.06266
Code:     https://github.com/HazyResearch/cartridges/tree/1528162abca9ca3a5d8b4563738e1e76e9952b9b
Differs:  dozens of steps on one short text and its own words, not hours on a corpus and questions
          about it that a model made up; the paper finds that slots fitted to words alone serve
          these words best, and other uses less.
Cost:     after the first producer's, `steps` passes of the model forward and back over
          `passage_tokens`, and as many forward behind the whole text: with the defaults about 16
          readings of a text of 384 tokens. No weight of the model is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from tersely._optional import need
from tersely.errors import PromptError, SettingError
from tersely.soft.base import Producer, check_count, check_slots, load_producer, made_by
from tersely.soft.full import Full

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host
    from tersely.soft.memory import Memory
    from tersely.soft.past import Past

torch: Any = need("torch", extra="torch")

Match = Literal["model", "words"]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Another producer's slots, fitted to the text; implements `Producer`.

    Attributes:
        start: Name of the producer whose slots these are at first, with its own defaults.
        steps: How many gradient steps (Adam), their size falling to 0 in a line.
        step_size: Of the first step.
        passage_tokens: How many tokens of the text are read in a step.
        match: "model": what the model expects behind the whole text (Kullback-Leibler). "words":
            the words themselves (cross-entropy).
        seed: Of the passages' places.
        segment_tokens: The longest text that is read at once.
    """

    name: ClassVar[str] = "fitted"
    start: str = "expected_attention"
    steps: int = 24
    step_size: float = 0.02
    passage_tokens: int = 128
    match: Match = "model"
    seed: int = 0
    segment_tokens: int | None = 512

    def __post_init__(self) -> None:
        check_count("steps", self.steps, least=1)
        check_count("passage_tokens", self.passage_tokens, least=2)
        check_count("seed", self.seed)
        if self.segment_tokens is not None:
            check_count("segment_tokens", self.segment_tokens, least=1)
        if not 0 < self.step_size <= 1:
            raise SettingError(f"step_size is above 0, at most 1; got {self.step_size}.")
        if self.match not in get_args(Match):
            raise SettingError(f"match is one of {', '.join(get_args(Match))}; not {self.match!r}.")
        if self.start == self.name:
            raise SettingError("start is the name of another producer, as in 'anchors'.")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it was made with."""
        return asdict(self)

    @property
    def untrained(self) -> str:
        """The name of the producer it starts from, if that is yet to be trained; or ""."""
        return str(getattr(load_producer(self.start), "untrained", ""))

    def produce(self, host: Host, ids: Sequence[int], slots: int) -> Memory:
        """Make a memory of a text; with a slot for each token there is nothing to fit.

        Raises:
            SettingError: There are fewer slots than the first producer needs.
            UnknownName: There is no producer to start from.
        """
        check_slots(slots)
        first: Producer = load_producer(self.start)
        memory = replace(first.produce(host, ids, slots), made_by=made_by(self))
        return memory if slots >= len(ids) or len(ids) < 2 else self.fit(host, ids, memory)

    def fit(self, host: Host, ids: Sequence[int], memory: Memory) -> Memory:
        """Return a memory of a text, changed so that the text comes out of it.

        Args:
            host: The reader; none of its weights changes.
            ids: The text.
            memory: What to start from, in floating point.

        Raises:
            PromptError: The model's window has no room for text and passage.
        """
        whole = host.cache_of([[Full().produce(host, ids, len(ids))]])
        keys = memory.keys.detach().float().clone().requires_grad_()
        values = memory.values.detach().float().clone().requires_grad_()
        steps = torch.optim.Adam([keys, values], lr=self.step_size)
        length = min(self.passage_tokens, len(ids))
        behind = len(host.prefix) + len(ids)
        if behind + length > host.window_tokens:
            raise PromptError(
                f"fitted reads {length} tokens of a text again, behind {behind}, and {host.name}"
                f" reads {host.window_tokens}. Cut it into segments: segment_tokens="
                " (--segment-tokens)."
            )
        starts = np.random.default_rng(self.seed).integers(len(ids) - length + 1, size=self.steps)
        for step, start in enumerate(starts.tolist()):
            for group in steps.param_groups:
                group["lr"] = self.step_size * (1 - step / self.steps)
            passage = list(ids[start : start + length])
            with torch.enable_grad():
                past = host.place(
                    keys[:, None],
                    values[:, None],
                    memory.positions if memory.positions.ndim == 1 else memory.positions[:, None],
                    next_positions=whole.next_positions,
                )
                self._loss(host, passage, past, whole).backward()
            steps.step()
            steps.zero_grad()
        kind = memory.keys.dtype
        return replace(memory, keys=keys.detach().to(kind), values=values.detach().to(kind))

    def _loss(self, host: Host, passage: Sequence[int], past: Past, whole: Past) -> Tensor:
        """Return the mean over the passage's tokens but the last, in nats."""
        places = past.positions(len(passage) - 1)
        expected = _log_shares(host, passage, places, past)
        if self.match == "words":
            wanted = torch.tensor(passage[1:], device=expected.device)
            words: Tensor = torch.nn.functional.nll_loss(expected, wanted)
            return words
        with torch.no_grad():
            known = _log_shares(host, passage, places, whole)
        model: Tensor = torch.nn.functional.kl_div(
            expected, known, log_target=True, reduction="batchmean"
        )
        return model


def _log_shares(host: Host, passage: Sequence[int], places: Tensor, past: Past) -> Tensor:
    """Return the logarithms of the probabilities of what follows each token but the last."""
    read = host.forward([passage[:-1]], positions=places, past=past)
    shares: Tensor = host.head(read.hidden[0]).float().log_softmax(dim=-1)
    return shares
