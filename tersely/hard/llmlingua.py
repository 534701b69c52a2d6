"""LLMLingua: drop demonstrations, then sentences, then words, each by a small model's surprisal.

Paper:    Jiang et al. 2023, "LLMLingua: Compressing Prompts for Accelerated Inference of Large
          Language Models". https://arxiv.org/abs/2310.05736
Code:     https://github.com/microsoft/LLMLingua/tree/e0e9d99
Differs:  the budget is kept to the token, in the target's tokenizer, at every length; words are
          kept whole; a token is valued by its own surprisal (`alignment="reference"` values it by
          the next one's, as the published code does); instruction and question are kept verbatim
          unless given a rate; no stretch is scored twice and ranking is skipped where it could
          drop nothing.
Cost:     the model reads at most 1.5 N tokens when nothing is dropped coarsely, otherwise
          N + (k + 1) * rate * N. The published code reads up to 2.5 N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from tersely.backends.base import CausalBackend, Floats, Tokens
from tersely.core.layout import Bools, Layout
from tersely.core.prompt import Prompt, Segment
from tersely.core.units import Unit, character_ends, core_start
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor
from tersely.hard.budget_controller import Pool, choose_pool
from tersely.hard.counted import Counted
from tersely.hard.iterative import Settings, build_stream, decide
from tersely.scorers.surprisal import Alignment, TokenScores, token_owners

Size = Literal["word", "token"]

WORTH_RANKING = 0.1
"""Least share that the coarse stages must be able to drop: ranking for less costs a reading of the
whole text and changes next to nothing."""

DROPPED_COARSELY = -1e9
"""Added to the value of what the coarse stages dropped: it comes after all that they kept."""


@dataclass(frozen=True, kw_only=True)
class LLMLingua(RankingCompressor):
    """Coarse to fine: demonstrations, sentences, words.

    Attributes:
        backend: The small causal model.
        k: How many times the budget the coarse stages leave to the fine one (paper: 2).
        instruction_rate: Share of the instruction to keep (paper's tau_ins: 0.85).
        question_rate: Share of the question to keep (paper's tau_que: 0.9).
        unit: What is dropped as one. "token" is the model's token, and halves words.
        alignment: What a token is worth: "paper", its own surprisal; "reference", that of the
            token after it, which is what the published code does.
        segment_tokens: Tokens of one stretch of the fine stage (paper: 100; published code: 200).
        refresh: Share of a stretch that may be read again so that the cache no longer holds
            traces of what was dropped. 1 is the paper's conditioning, for (1 + rate) N tokens;
            0 carries the cache over, for N tokens. At rates up to `refresh`, the same as 1.
        reach_tokens: How far back the fine stage looks, in kept tokens.
    """

    name: ClassVar[str] = "llmlingua"
    compares_kinds: ClassVar[bool] = False
    backend: CausalBackend
    k: float = 2.0
    instruction_rate: float = 1.0
    question_rate: float = 1.0
    unit: Size = "word"
    alignment: Alignment = "paper"
    segment_tokens: int = 200
    refresh: float = 0.5
    reach_tokens: int = 2048

    def __post_init__(self) -> None:
        """Refuse what is out of range, naming the setting."""
        ranges = {
            "k": (1, math.inf),
            "segment_tokens": (1, math.inf),
            "reach_tokens": (16, math.inf),
            "refresh": (0, 1),
        }
        for setting, (least, most) in ranges.items():
            if not least <= getattr(self, setting) <= most:
                most_said = f" and at most {most}" if most != math.inf else ""
                given = getattr(self, setting)
                raise SettingError(f"{setting} is at least {least}{most_said}; got {given}.")
        for setting in ("instruction_rate", "question_rate"):
            if not 0 < getattr(self, setting) <= 1:
                raise SettingError(f"{setting} is in (0, 1]; got {getattr(self, setting)}.")
        if self.unit not in get_args(Size):
            raise SettingError(f"unit is 'word' or 'token', not {self.unit!r}.")
        if self.alignment not in get_args(Alignment):
            raise SettingError(f"alignment is 'paper' or 'reference', not {self.alignment!r}.")

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.backend.name

    def segment_rate(self, segment: Segment) -> float | None:
        """Return the share of a segment to keep; None if it competes for the common budget."""
        if segment.rate is None and segment.role == "instruction":
            return self.instruction_rate
        if segment.rate is None and segment.role == "question":
            return self.question_rate
        return segment.rate

    def lay_out(self, prompt: Prompt) -> Layout:
        """Cut a prompt into words, or into the model's tokens."""
        if self.unit == "word":
            return super().lay_out(prompt)
        units = [
            unit
            for index, segment in enumerate(prompt.segments)
            for unit in _token_units(self.backend.encode(segment.text), segment.text, index)
        ]
        return Layout(prompt, units, whole_words=False)

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Value each unit: coarse stages first, where they can drop anything, then the fine one."""
        segments = layout.prompt.segments
        model = Counted(self.backend, goal.progress)
        tokens = [self.backend.encode(segment.text) for segment in segments]
        members = layout.by_segment()
        common = [i for i, s in enumerate(segments) if self.segment_rate(s) is None and s.text]
        free = ~goal.fixed
        shared = np.zeros(len(layout), dtype=np.bool_)  # units that compete for the budget
        for i in common:
            shared[members[i]] = free[members[i]]
        total = sum(len(tokens[i]) for i in common)
        room = goal.rate * total  # in the model's tokens
        pool, readings = self._coarse(layout, model, tokens, shared, room, common)
        left = self._tokens_of(layout, tokens, pool.kept & shared)
        rates, own = self._rates(segments, tokens, min(1.0, room / max(1, left)), room, left)
        first = {i: scores.nats for i, scores in readings.items()}
        keep = pool.kept, free & pool.kept
        stream = build_stream(layout, tokens, model, keep, rates, first)
        model.expect(len(stream.ids) + round(room))
        settings = Settings(self.segment_tokens, self.reach_tokens, self.refresh, self.alignment)
        values = _shared(decide(stream, len(layout), model, settings), layout, tokens)
        values = np.where(pool.kept, values, DROPPED_COARSELY + pool.values)
        return Ranking(values, model.tokens, own)

    def _coarse(
        self,
        layout: Layout,
        model: Counted,
        tokens: list[Tokens],
        shared: Bools,
        room: float,
        common: list[int],
    ) -> tuple[Pool, dict[int, TokenScores]]:
        """Return what the coarse stages keep, and what the model said of each segment."""
        keep_all = Pool(np.ones(len(layout), dtype=np.bool_), np.zeros(len(layout)))
        total = sum(len(tokens[i]) for i in common)
        if self.k * room >= (1 - WORTH_RANKING) * total:
            return keep_all, {}
        model.expect(total)
        nats = model.score([tokens[i].ids for i in common])
        readings = {i: TokenScores(tokens[i], n) for i, n in zip(common, nats, strict=True)}
        return choose_pool(layout, readings, shared, self.k * room), readings

    def _rates(
        self,
        segments: tuple[Segment, ...],
        tokens: list[Tokens],
        shared_rate: float,
        room: float,
        left: int,
    ) -> tuple[list[float], dict[int, float]]:
        """Return each segment's share for the fine stage, and the shares decided here.

        What the coarse stages left of k times the budget is given back to instruction and
        question (the paper's delta tau), where these may be shortened at all.
        """
        given = {i: self.segment_rate(segment) for i, segment in enumerate(segments)}
        soft = [i for i, s in enumerate(segments) if s.rate is None and (given[i] or 1.0) < 1.0]
        length = sum(len(tokens[i]) for i in soft)
        back = max(0.0, self.k * room - left) / max(1, length)
        own = {i: min(1.0, (given[i] or 1.0) + back) for i in soft}
        rates = [own.get(i, shared_rate if rate is None else rate) for i, rate in given.items()]
        return rates, own

    def _tokens_of(self, layout: Layout, tokens: list[Tokens], units: Bools) -> int:
        """Count the model's tokens of some units."""
        count = 0
        for i, places in enumerate(layout.by_segment()):
            if len(places) and len(tokens[i]):
                owned = places[token_owners(tokens[i], [layout.units[p] for p in places.tolist()])]
                count += int(units[owned].sum())
        return count


def _shared(values: Floats, layout: Layout, tokens: list[Tokens]) -> Floats:
    """Give each unit that owns no token, as characters of one token do, the owner's value."""
    values = values.copy()
    for i, places in enumerate(layout.by_segment()):
        if not len(places) or not len(tokens[i]):
            continue
        units = [layout.units[place] for place in places.tolist()]
        owners = token_owners(tokens[i], units)
        starts = np.array([unit.start for unit in units], dtype=np.int64)
        first = owners[np.searchsorted(tokens[i].ends, starts, side="right")]  # (U_i,)
        none = np.bincount(owners, minlength=len(units)) == 0
        values[places[none]] = values[places[first[none]]]
    return values


def _token_units(tokens: Tokens, text: str, segment: int) -> list[Unit]:
    """Make one unit of each token; tokens that share a user-perceived character are one unit."""
    units = []
    start = 0
    for end in sorted(set(tokens.ends.tolist()).intersection(character_ends(text))):
        core = core_start(text, start, end)
        units.append(Unit(segment, start, core if core < end else start, end))
        start = end
    return units
