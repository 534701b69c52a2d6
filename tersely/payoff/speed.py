"""How long a method takes: a line over the prompt's tokens, measured here once or assumed.

A line is a good model of all methods here: they read a text in windows, so that their time grows
with its tokens. (Kummer et al. 2026 find the same of LLMLingua on three machines.
https://arxiv.org/abs/2604.02985)
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tersely._registry import compressor_class
from tersely.backends.load import DEFAULT_CLASSIFIER, DEFAULT_ENCODER, DEFAULT_MODEL
from tersely.backends.store import home
from tersely.errors import BackendError, SettingError
from tersely.hard.base import HardCompressor
from tersely.hard.chain import Chain
from tersely.hard.variable_rate import VariableRate
from tersely.loading import default_method

ASSUMED: dict[str, tuple[float, float]] = {
    "hybrid": (0.02, 0.13e-3),
    "llmlingua": (0.05, 2.5e-3),
    "longllmlingua": (0.05, 4.0e-3),
    "evaluator_heads": (0.08, 1.4e-3),
    "selective_context": (0.05, 2.0e-3),
    "llmlingua2": (0.02, 0.13e-3),
    "truncate": (0.001, 0.01e-3),
    "random_drop": (0.001, 0.015e-3),
}
"""(seconds, seconds per token) of each method at rate 0.5 where nothing was measured.

As measured on a virtual machine with two AMD Genoa processors, OpenVINO and the default models.
"""
ASSUMED_OTHER = (0.05, 2.5e-3)
"""The same for methods of other packages, of which nothing is known: as slow as llmlingua."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How long a compressor takes.

    Attributes:
        fixed_seconds: For any prompt, however short. Loading a model is not in it.
        seconds_per_token: For each token of the prompt.
        source: "measured", "assumed" or "given".

    Raises:
        SettingError: One is below 0, or not a number.
    """

    fixed_seconds: float = 0.0
    seconds_per_token: float = 0.0
    source: str = "given"

    def __post_init__(self) -> None:
        for name in ("fixed_seconds", "seconds_per_token"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value < math.inf:
                raise SettingError(f"{name} is a number of at least 0, and finite; not {value!r}.")

    @classmethod
    def through(cls, points: Sequence[tuple[int, float]], *, source: str = "measured") -> Speed:
        """Return the line through two measurements, (tokens, seconds) each, the shorter first.

        Where that would start below zero, or fall, it is the nearest line that does not.

        Raises:
            SettingError: They are not two lengths, ascending.
        """
        if len(points) != 2 or not 0 < points[0][0] < points[1][0]:
            raise SettingError(f"A line goes through two lengths, ascending; not {points!r}.")
        (short, first), (long, second) = points
        slope = (second - first) / (long - short)
        fixed = first - slope * short
        if slope < 0:
            slope, fixed = 0.0, max(first, second)
        elif fixed < 0:
            slope, fixed = second / long, 0.0
        return cls(fixed_seconds=fixed, seconds_per_token=slope, source=source)

    def seconds(self, tokens: float) -> float:
        """Return how long it takes for a prompt of that many tokens."""
        return self.fixed_seconds + self.seconds_per_token * tokens


def find_speed(name: str, model: str) -> Speed:
    """Return what was measured on this machine, else what is assumed. No model is run.

    Args:
        name: A method's, or several joined by "+".
        model: The one that it runs; "" for none.
    """
    with suppress(OSError, ValueError, TypeError, KeyError, SettingError):  # as if never measured
        found = json.loads(_file(name, model).read_text("utf-8"))
        line = found["fixed_seconds"], found["seconds_per_token"]
        return Speed(fixed_seconds=line[0], seconds_per_token=line[1], source="measured")
    lines = [ASSUMED.get(stage, ASSUMED_OTHER) for stage in name.split("+")]
    return Speed(
        fixed_seconds=sum(fixed for fixed, _ in lines),
        seconds_per_token=sum(slope for _, slope in lines),
        source="assumed",
    )


def save_speed(name: str, model: str, speed: Speed) -> Path:
    """Remember what was measured, for `find_speed`, and return the file.

    Raises:
        BackendError: The user's cache cannot be written.
    """
    file = _file(name, model)
    plain: dict[str, Any] = _key(name, model) | {
        "fixed_seconds": speed.fixed_seconds,
        "seconds_per_token": speed.seconds_per_token,
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")  # nobody ever sees half of it
        partial.write_text(json.dumps(plain, indent=1), "utf-8")
        partial.replace(file)
    except OSError as error:
        raise BackendError(
            f"{file} cannot be written ({error.strerror}). Set TERSELY_HOME to a folder that can."
        ) from error
    return file


def describe_method(method: str | HardCompressor, model: str | None = None) -> tuple[str, str]:
    """Return the names of a method and of the model that it runs, and load neither.

    Args:
        method: A name, or a compressor.
        model: The model that a name will be loaded with; None is its default.

    Raises:
        UnknownName: No method is called that.
        SettingError: It is neither a name nor a compressor.
    """
    if isinstance(method, str):
        name = default_method(model) if method == "auto" else method
        models = [_default_model(stage, model) for stage in name.split("+")]
        return name, "+".join(dict.fromkeys(filter(None, models)))
    if not isinstance(method, HardCompressor):
        raise SettingError(f"method is a name or what tersely.load returned, not {method!r}.")
    if isinstance(method, VariableRate):
        return describe_method(method.method)
    if isinstance(method, Chain):
        models = [describe_method(stage)[1] for stage in method.stages]
        return method.name, "+".join(dict.fromkeys(filter(None, models)))
    return method.name, getattr(method, "model_name", "")


def _default_model(name: str, model: str | None) -> str:
    cls = compressor_class(name)
    known = {field.name for field in fields(cls)} if hasattr(cls, "__dataclass_fields__") else set()
    if "backend" in known:
        return model or DEFAULT_MODEL
    if "classifier" in known:
        return model or DEFAULT_CLASSIFIER
    return (model or DEFAULT_ENCODER) if "encoder" in known else ""


def _key(name: str, model: str) -> dict[str, Any]:
    """Return what a measurement holds for: another machine or release measures again."""
    from tersely import __version__

    return {
        "method": name,
        "model": model,
        "version": __version__,
        "machine": f"{platform.node()} {platform.machine()}",
        "processors": os.cpu_count(),
    }


def _file(name: str, model: str) -> Path:
    key = json.dumps(_key(name, model), sort_keys=True)
    return home() / "speeds" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
