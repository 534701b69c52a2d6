"""What a run is asked to do, and what it must not change when it goes on."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tersely import __version__
from tersely.backends.store import find_model
from tersely.errors import ModelNotFound, SettingError, UnknownName

RUN_FILE = "run.json"
PACKAGES = ("numpy", "openvino", "tokenizers", "torch", "transformers")
RATES = (0.5, 0.25, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every task, arm and rate, and on how many examples.

    Attributes:
        tasks: Names of tasks.
        arms: Names of arms, settings included.
        rates: Shares of the contexts' tokens to keep, each in (0, 1].
        data: Where the data sets are; see `Source`.
        count: Examples of each task; None is all.
        seed: Which examples come first, and what coins are seeded with.
        tokenizer: Whose tokens limits are in.
        match: An arm; every other one gets as many tokens as it used. "" gives all the same limit.
        retry_failed: Whether what failed before is tried again.
    """

    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    rates: tuple[float, ...] = RATES
    data: str = "."
    count: int | None = None
    seed: int = 0
    tokenizer: str = "o200k_base"
    match: str = ""
    retry_failed: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for what in ("tasks", "arms", "rates"):
            given = getattr(self, what)
            if not given:
                raise SettingError(f"There are no {what} to run.")
            if len(set(given)) != len(given):
                raise SettingError(f"Among the {what} one is named twice: {list(given)}.")
        for rate in self.rates:
            if not (math.isfinite(rate) and 0 < rate <= 1):
                raise SettingError(f"A rate is in (0, 1]; got {rate}.")
        if self.match and self.match not in self.arms:
            raise SettingError(f"The arm to match, {self.match!r}, is not among the arms.")


def write_run(folder: Path, plan: Plan, data: Mapping[str, str], command: str) -> None:
    """Note what a run was asked, or refuse to mix it with a run of other examples.

    Args:
        folder: Where its records go.
        plan: What is asked now.
        data: By data set, the SHA-256 of its file, "" where it is not there.
        command: How it was started.

    Raises:
        SettingError: The folder's records were made with another seed, tokenizer, arm to match,
            or of other data; or the note of what it was asked is damaged.
    """
    file = folder / RUN_FILE
    now: dict[str, Any] = {"seed": plan.seed, "tokenizer": plan.tokenizer, "match": plan.match}
    before = now | {"data": {}} | _read_run(file)
    made = any(one.stat().st_size for one in folder.glob("*.jsonl"))
    for name, value in now.items():
        if made and before[name] != value:
            raise SettingError(
                f"The records in {folder} were made with {name} {before[name]!r}, not {value!r}."
                " Go on with that, or begin in another folder (--out)."
            )
    for name in before["data"].keys() & data.keys():
        if made and before["data"][name] != data[name]:
            raise SettingError(
                f"The data set {name} is not the one that the records in {folder} are of."
                " Begin in another folder (--out)."
            )
    commands = [c for c in before.get("commands", []) if c != command]
    asked = before.get("asked", [])
    plain = {k: v for k, v in asdict(plan).items() if k not in now | {"data": "", "match": ""}}
    plain = json.loads(json.dumps(plain))
    whole = {
        **now,
        "data": before["data"] | dict(data),
        "commands": [*commands, command],
        "asked": [*(one for one in asked if one != plain), plain],
        "versions": versions(),
        "processor": processor(),
    }
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    partial.replace(file)


def _read_run(file: Path) -> dict[str, Any]:
    """Return what stands in a run's note; nothing if there is none."""
    try:
        found = json.loads(file.read_text("utf-8")) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{file} cannot be read ({error}). Begin in another folder (--out)."
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("data", {}), dict):
        raise SettingError(f"{file} is not a run's note. Begin in another folder (--out).")
    return found


def versions() -> dict[str, str]:
    """Return the versions that results may depend on."""
    found = {"tersely": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # an extra that is not installed changes nothing
            continue
    return found


def processor() -> str:
    """Return what the processor calls itself."""
    place = Path("/proc/cpuinfo")
    for line in place.read_text("utf-8").splitlines() if place.is_file() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def model_hashes(name: str) -> dict[str, str]:
    """Return, by name, the first 16 hex digits of the SHA-256 of a model's files; {} if none."""
    digits = _content_key(name) if name else ""
    return {name: digits} if digits else {}


@cache
def _content_key(name: str) -> str:
    try:
        return find_model(name).content_key()[:16]
    except (UnknownName, ModelNotFound):
        return ""
