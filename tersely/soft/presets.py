"""What a trained soft compressor is made of: its settings, and sets of them that have a name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from tersely.errors import SettingError, UnknownName
from tersely.soft.lora import TARGETS
from tersely.soft.slots import At

Kind = Literal["memory", "anchors"]
Positions = Literal["aligned", "paper"]
Attention = Literal["causal", "memory", "full"]
Start = Literal["words", "mean", "paper"]

PAPER_SHARE = 0.003
"""Of the model's weights, the low-rank changes of the preset "paper"."""

_MOST_SLOTS = 65_536
_MOST_DIGEST_LAYERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is trained, and how a text is read with it. Saved with the weights.

    Attributes:
        slots: "memory" appends tokens to a text, and their keys and values are its memory;
            "anchors" marks tokens of the text itself and keeps theirs (SAC).
        budgets: The numbers of slots it is trained for. Any number up to the largest can be asked
            for.
        nested: Whether fewer slots use the first vectors of more, or each budget has its own.
        at: Where a slot stands in its span of the text: "centre" or "end".
        positions: "aligned": a slot has the position where it stands, the reader goes on after
            the text (EPL). "paper": memory tokens have positions behind the text, and the reader
            goes on from position K, before them, as 500xCompressor's code does.
        attention: "causal"; "memory": memory tokens see each other too; "full": every token sees
            the whole text.
        start: Before training the vectors of memory tokens are: "words", added to the word where
            the slot stands, and 0; "mean", random with the mean and deviation of the model's word
            vectors; "paper", random with deviation 1. Anchors are added to words in any case.
        rank: Of the low-rank changes; 0 is the rank that makes them `PAPER_SHARE` of the model.
        alpha: They are scaled by alpha / rank; 0 is half the rank.
        targets: The layers that are changed.
        dropout: Share of their inputs left out in training.
        digest_layers: Of `icformer`: how many layers its cross-attention has.
    """

    slots: Kind = "memory"
    budgets: tuple[int, ...] = (1, 4, 8, 16, 32, 64)
    nested: bool = False
    at: At = "centre"
    positions: Positions = "aligned"
    attention: Attention = "causal"
    start: Start = "words"
    rank: int = 64
    alpha: float = 128.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    dropout: float = 0.0
    digest_layers: int = 3

    def __post_init__(self) -> None:
        choices = {"slots": Kind, "at": At, "positions": Positions}
        choices |= {"attention": Attention, "start": Start}
        for name, kind in choices.items():
            if (chosen := getattr(self, name)) not in get_args(kind):
                known = ", ".join(get_args(kind))
                raise SettingError(f"{name} is one of {known}; got {chosen!r}.")
        least = {"rank": 0, "alpha": 0, "dropout": 0, "digest_layers": 1}
        for name, bound in least.items():
            if not bound <= getattr(self, name) < math.inf:
                raise SettingError(
                    f"{name} is at least {bound} and finite; got {getattr(self, name)}."
                )
        if self.digest_layers > _MOST_DIGEST_LAYERS:
            raise SettingError(
                f"digest_layers is at most {_MOST_DIGEST_LAYERS}; got {self.digest_layers}."
            )
        self._check_rest()

    def _check_rest(self) -> None:
        if not self.budgets or not 1 <= min(self.budgets) <= max(self.budgets) <= _MOST_SLOTS:
            raise SettingError(
                f"budgets are numbers of slots, from 1 to {_MOST_SLOTS}; got {self.budgets}."
            )
        if unknown := [name for name in self.targets if name not in TARGETS]:
            raise SettingError(f"targets are of {', '.join(TARGETS)}; got {unknown[0]!r}.")
        if not self.targets:
            raise SettingError("targets is empty: name at least one, as q_proj.")
        if not self.dropout < 1:
            raise SettingError(f"dropout is less than 1; got {self.dropout}.")
        if self.positions == "paper" and self.slots == "anchors":
            raise SettingError(
                "anchors stand in the text: positions='paper' is for slots='memory'."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name, as they are saved."""
        told = asdict(self)
        return told | {"budgets": list(self.budgets), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Shape:
        """Read what `to_json` returned.

        Raises:
            SettingError: It has a setting that is not known here, or one that is out of range.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(told) - known):
            raise SettingError(f"There is no setting {unknown[0]!r} of a soft compressor.")
        lists = {name: tuple(told[name]) for name in ("budgets", "targets") if name in told}
        return cls(**{**told, **lists})


PRESETS: dict[str, Shape] = {
    "default": Shape(),
    "anchors": Shape(slots="anchors", at="end"),
    "paper": Shape(
        budgets=(16,), rank=0, alpha=0, targets=("q_proj", "v_proj"), dropout=0.05, start="mean"
    ),
    "paper-exactly": Shape(
        budgets=(16,),
        rank=0,
        alpha=0,
        targets=("q_proj", "v_proj"),
        dropout=0.05,
        positions="paper",
        start="paper",
    ),
}
"""Shapes by name. "paper" is 500xCompressor with its positions and its start put right,
"paper-exactly" as its code has them."""


def preset(name: str, **changes: Any) -> Shape:
    """Return a shape by name, some settings changed.

    Raises:
        UnknownName: None is called that.
        SettingError: A setting is out of range.
    """
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return replace(PRESETS[name], **changes)
