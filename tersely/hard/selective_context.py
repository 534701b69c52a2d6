"""Selective Context: drop the units a language model finds least surprising.

Paper:    Li et al. 2023, "Compressing Context to Enhance Inference Efficiency of Large Language
          Models". https://arxiv.org/abs/2310.06201
Code:     https://github.com/liyucheng09/Selective_Context/tree/3074343653bbf3559a87a588667e843744bc6f2a
Differs:  the paper drops below a percentile of self-information; here a token budget decides, so
          methods can be compared at equal cost. Phrases end at punctuation instead of being noun
          phrases of a parser. "token" is a word here, so that no word is halved.
Cost:     the model reads each segment once: N tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from tersely.backends.base import CausalBackend
from tersely.core.layout import Layout
from tersely.core.prompt import Prompt
from tersely.core.units import phrase_units, sentence_units, word_units
from tersely.errors import SettingError
from tersely.hard.base import Goal, Ranking, RankingCompressor, segment_units
from tersely.hard.counted import Counted
from tersely.scorers.surprisal import score_texts, unit_values

Size = Literal["token", "phrase", "sentence"]
_CUTS = {"token": word_units, "phrase": phrase_units, "sentence": sentence_units}


@dataclass(frozen=True, kw_only=True)
class SelectiveContext(RankingCompressor):
    """Keep the units with the highest mean self-information.

    Attributes:
        backend: The model that is surprised.
        unit: What is kept or dropped as one.
    """

    name: ClassVar[str] = "selective_context"
    compares_kinds: ClassVar[bool] = False
    backend: CausalBackend
    unit: Size = "phrase"

    def __post_init__(self) -> None:
        if self.unit not in _CUTS:
            raise SettingError(f"unit is one of {', '.join(get_args(Size))}; not {self.unit!r}.")

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.backend.name

    def lay_out(self, prompt: Prompt) -> Layout:
        """Cut a prompt into units of the chosen size."""
        return Layout(prompt, segment_units(prompt, _CUTS[self.unit]))

    def rank(self, layout: Layout, goal: Goal) -> Ranking:
        """Return the mean surprisal of each unit's tokens, each segment read on its own."""
        segments = layout.prompt.segments
        members = layout.by_segment()
        free = [i for i, places in enumerate(members) if not goal.fixed[places].all()]
        model = Counted(self.backend, goal.progress)
        texts = [segments[i].text for i in free]
        model.expect(sum(len(self.backend.encode(text)) for text in texts))
        values = np.zeros(len(layout))
        for i, scores in zip(free, score_texts(model, texts, on_tokens=None), strict=True):
            units = [layout.units[place] for place in members[i].tolist()]
            values[members[i]] = unit_values(scores.nats, scores.tokens, units)
        return Ranking(values, model.tokens)
