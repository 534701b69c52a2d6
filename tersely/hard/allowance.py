"""How much of a prompt may be kept: what the caller asked, checked, and turned into a method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tersely.core.budget import Budget
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetError, SettingError
from tersely.hard.base import HardCompressor
from tersely.hard.calibration import Calibration
from tersely.hard.cuts import Bounds
from tersely.hard.variable_rate import VariableRate, check_quality_floor

RateMode = Literal["prompt", "corpus"]


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What `compress` is asked for, beside the prompt.

    Attributes:
        tokens: The most tokens of a prompt.
        rate: The same as a share, of each prompt or, with `rate_mode` "corpus", of the workload.
        rate_mode: Whose rate it is.
        quality_floor: Keep only as much as is likely to hold the answer with this probability.
        calibration: Which threshold makes which mean rate; a path, or what `load` returned.
        min_rate: The least of any prompt.
        max_rate: The most of any prompt.

    Raises:
        BudgetError: There is no limit, or more than one, or it is out of range.
        SettingError: These do not go together; or the calibration cannot be read.
    """

    tokens: int | None = None
    rate: float | None = None
    rate_mode: str = "prompt"
    quality_floor: float | None = None
    calibration: str | Path | Calibration | None = None
    min_rate: float | None = None
    max_rate: float | None = None

    def __post_init__(self) -> None:
        if self.rate_mode not in get_args(RateMode):
            raise SettingError(
                f"rate_mode is one of {', '.join(get_args(RateMode))}; not {self.rate_mode!r}."
            )
        if self.is_corpus:
            self._check_corpus()
        elif self.calibration is not None:
            raise SettingError('A calibration is for rate_mode="corpus".')
        elif self.quality_floor is not None:
            check_quality_floor(self.quality_floor)
        elif self.min_rate is not None or self.max_rate is not None:
            raise SettingError(
                "min_rate and max_rate bound a rate that varies: give them with quality_floor, or"
                ' with rate_mode="corpus".'
            )
        assert self.budget is not None, "built now, so that a wrong one is refused now"
        assert self.bounds is not None

    def _check_corpus(self) -> None:
        if self.rate is None or self.tokens is not None:
            raise BudgetError('rate_mode="corpus" takes the mean rate: give rate, and no tokens.')
        Budget(rate=self.rate)  # a mean is a rate, too
        if self.quality_floor is not None:
            raise SettingError(
                'Give quality_floor or rate_mode="corpus": each decides what a prompt gets.'
            )
        if not self.bounds.least_rate <= self.rate <= self.bounds.most_rate:
            raise BudgetError(
                f"The mean rate of {self.rate} is not between min_rate {self.bounds.least_rate}"
                f" and max_rate {self.bounds.most_rate}."
            )

    @property
    def is_corpus(self) -> bool:
        """Whether the rate is the mean of a workload."""
        return self.rate_mode == "corpus"

    @property
    def varies(self) -> bool:
        """Whether the rate is not one for all prompts."""
        return self.is_corpus or self.quality_floor is not None

    @property
    def budget(self) -> Budget:
        """The most of any one prompt."""
        if self.is_corpus:
            return Budget(rate=self.bounds.most_rate)
        if self.quality_floor is not None and self.tokens is None and self.rate is None:
            return Budget(rate=1.0)
        return Budget(tokens=self.tokens, rate=self.rate)

    @property
    def bounds(self) -> Bounds:
        """The least and the most of any one prompt, as shares."""
        least = 0.0 if self.min_rate is None else self.min_rate
        return Bounds(least, 1.0 if self.max_rate is None else self.max_rate)

    def applied_to(self, method: HardCompressor, counter: TokenCounter) -> HardCompressor:
        """Return what compresses one prompt: the method itself where the rate does not vary.

        Raises:
            SettingError: There is no calibration, or it is of another method or tokenizer; or the
                method does not say what a variable rate needs.
        """
        if self.quality_floor is not None:
            return VariableRate(method=method, quality_floor=self.quality_floor, bounds=self.bounds)
        if not self.is_corpus:
            return method
        if self.calibration is None:
            raise SettingError(
                'rate_mode="corpus" needs to know the workload: give calibration=... (made by'
                " `tersely calibrate`), or all prompts at once to compress_many."
            )
        calibration = self._calibration()
        calibration.check(method, counter.name)
        assert self.rate is not None
        threshold = calibration.threshold_for(self.rate)
        return VariableRate(method=method, threshold=threshold, bounds=calibration.bounds)

    def _calibration(self) -> Calibration:
        """Return the calibration, whose bounds are those asked for, if any are."""
        given = self.calibration
        if isinstance(given, str | Path):
            given = Calibration.load(given)
        if not isinstance(given, Calibration):
            raise SettingError(f"calibration is a path or a Calibration, not {given!r}.")
        for name, asked, measured in (
            ("min_rate", self.min_rate, given.bounds.least_rate),
            ("max_rate", self.max_rate, given.bounds.most_rate),
        ):
            if asked is not None and asked != measured:
                raise SettingError(
                    f"The calibration was made with {name} {measured:g}, not {asked:g}. Leave"
                    f" {name} out, or calibrate with it."
                )
        return given
