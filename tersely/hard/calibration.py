"""Which threshold keeps which share of a workload's tokens: measured once, then looked up."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tersely.errors import SettingError
from tersely.hard.base import HardCompressor
from tersely.hard.cuts import Bounds, Cuts

POINTS = 200
"""The most thresholds that are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A curve of mean rates over thresholds, and what it holds for.

    Attributes:
        method: Name of the method.
        settings: Its settings.
        model: Name of its model; "" where it has none.
        tokenizer: Whose tokens were counted.
        bounds: The least and the most of a prompt that was kept.
        prompts: How many prompts were measured.
        tokens: Tokens of all of them.
        curve: (threshold, mean rate) pairs, thresholds falling and rates rising. The mean rate is
            kept tokens / tokens of all prompts together.
        versions: What it was measured with.
    """

    method: str
    settings: Mapping[str, Any]
    model: str
    tokenizer: str
    bounds: Bounds
    prompts: int
    tokens: int
    curve: tuple[tuple[float, float], ...]
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def rates(self) -> tuple[float, float]:
        """The lowest and the highest mean rate that was measured."""
        return self.curve[0][1], self.curve[-1][1]

    def threshold_for(self, rate: float) -> float:
        """Return the threshold at which the mean rate was `rate`, interpolated.

        Between two points the rate is taken to be linear in the logarithm of the threshold.

        Raises:
            SettingError: The rate is not among those measured.
        """
        low, high = self.rates
        if not low <= rate <= high:
            raise SettingError(
                f"A mean rate of {rate:g} was not reached in calibrating: with {self.prompts}"
                f" prompts it went from {low:.4f} to {high:.4f}. Ask for a rate between, or"
                " calibrate on other prompts or bounds."
            )
        thresholds, rates = zip(*self.curve, strict=True)
        return float(np.exp(np.interp(rate, rates, np.log(thresholds))))

    def check(self, method: HardCompressor, tokenizer: str) -> None:
        """Refuse to be used for anything but what was measured.

        Raises:
            SettingError: Method, model, settings or tokenizer is another one.
        """
        of = describe(method)
        for what, mine, other in (
            ("method", self.method, of["method"]),
            ("model", self.model, of["model"]),
            ("tokenizer", self.tokenizer, tokenizer),
            ("settings", dict(self.settings), of["settings"]),
        ):
            if mine != other:
                raise SettingError(
                    f"The calibration was made with {what} {mine or 'none'}, not"
                    f" {other or 'none'}. Make another with `tersely calibrate`."
                )

    def save(self, path: str | Path) -> None:
        """Write it as JSON.

        Raises:
            SettingError: It cannot be written there.
        """
        try:
            Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")
        except OSError as error:
            raise SettingError(f"{path} cannot be written: {error.strerror}.") from error

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            SettingError: It cannot be read, or is no calibration.
        """
        try:
            return cls._read(json.loads(Path(path).read_text("utf-8")))
        except OSError as error:
            raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SettingError(
                f"{path} is not a calibration: write one with `tersely calibrate`."
            ) from error

    @classmethod
    def _read(cls, content: dict[str, Any]) -> Calibration:
        curve = tuple((float(threshold), float(rate)) for threshold, rate in content["curve"])
        if not curve or not all(0 < t < math.inf and 0 <= r <= 1 for t, r in curve):
            raise ValueError("thresholds and rates")
        if any(a[0] <= b[0] or a[1] > b[1] for a, b in pairwise(curve)):
            raise ValueError("order")
        names = {"method": str, "settings": dict, "model": str, "tokenizer": str, "prompts": int}
        if not all(isinstance(content[name], kind) for name, kind in names.items()):
            raise TypeError("fields")
        known = content | {"curve": curve, "bounds": Bounds(**content["bounds"])}
        return cls(**known)


def measured(cuts: Sequence[Cuts], *, bounds: Bounds) -> Calibration:
    """Measure ranked prompts at up to `POINTS` thresholds.

    Args:
        cuts: At least one prompt; all ranked by one method, for one tokenizer, within `bounds`.
        bounds: The least and the most of a prompt that was kept.

    Raises:
        SettingError: There is no prompt, or nothing in them that could be cut.
    """
    slopes = sorted({s for one in cuts for _, s in one.hull[1:] if s > 0}, reverse=True)
    if not slopes:
        raise SettingError("To calibrate takes prompts of more than one sentence each; got none.")
    picked = np.unique(np.linspace(0, len(slopes) - 1, POINTS).astype(int)).tolist()
    # Twice the largest is above them all: there each prompt keeps its first cut alone.
    thresholds = [2 * slopes[0], *(slopes[at] for at in picked)]
    total = sum(one.ranked.total_tokens for one in cuts)
    kept = [
        sum(one.compress(one.at_threshold(threshold)).tokens_after for one in cuts)
        for threshold in thresholds
    ]
    rates = np.maximum.accumulate(np.array(kept) / total).tolist()
    return Calibration(
        **describe(cuts[0].method),
        tokenizer=cuts[0].counter.name,
        bounds=bounds,
        prompts=len(cuts),
        tokens=total,
        curve=tuple(zip(thresholds, rates, strict=True)),
        versions={"tersely": version("tersely")},
    )


def describe(method: HardCompressor) -> dict[str, Any]:
    """Return name, model and settings of a method, as JSON has them."""
    own: list[str] = [f.name for f in fields(method)] if is_dataclass(method) else []
    settings = {name: _plain(getattr(method, name)) for name in own}
    known = {name: value for name, value in settings.items() if name not in ("backend", "encoder")}
    return {
        "method": method.name,
        "model": getattr(method, "model_name", ""),
        "settings": known,
    }


def _plain(value: Any) -> Any:
    """Return a setting as JSON would give it back; of objects, what they are called."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(
        getattr(value, "name", type(value).__name__ if not isinstance(value, Path) else value)
    )
