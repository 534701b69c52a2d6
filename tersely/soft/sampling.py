"""How tokens are chosen when a text is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import SettingError
from tersely.soft.base import check_count, is_number

if TYPE_CHECKING:
    from transformers import GenerationConfig

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

# What the fields of Sampling say, and what follows from the host.
_OURS = {
    *("max_new_tokens", "do_sample", "temperature", "top_p", "top_k", "num_return_sequences"),
    *("num_beams", "pad_token_id", "eos_token_id", "max_length", "use_cache"),
    "return_dict_in_generate",
}
_REFUSED = (AttributeError, LookupError, TypeError, ValueError)
COOLEST = 1e-6
"""Below this temperature logits divided by it are infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are chosen: the likeliest one, unless there is a temperature.

    Attributes:
        most_tokens: The most tokens to write.
        temperature: Divides the logits before a token is drawn; 0 takes the likeliest.
        top_p: Draw from the likeliest tokens that have this share of the probability.
        top_k: Draw from that many of the likeliest; 0 is all.
        answers: How many to write.
        beams: How many to keep on the way; 1 is no beam search.
        seed: Of what is drawn; the same seed gives the same text. None draws anew each time.
        more: Other options of transformers' GenerationConfig, by name.
    """

    most_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    answers: int = 1
    beams: int = 1
    seed: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingError: One is out of range.
        """
        for name, least in (("most_tokens", 1), ("answers", 1), ("beams", 1), ("top_k", 0)):
            check_count(name, getattr(self, name), least=least)
        for name in ("temperature", "top_p"):
            if not is_number(given := getattr(self, name)):
                raise SettingError(f"{name} is a finite number; got {given!r}.")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise SettingError(
                "temperature is at least 0 and top_p in (0, 1]; got"
                f" {self.temperature} and {self.top_p}."
            )
        if 0 < self.temperature < COOLEST:
            raise SettingError(
                f"temperature is 0, or at least {COOLEST:g}; got {self.temperature}."
            )
        if self.seed is not None:
            check_count("seed", self.seed)
            if self.seed >= 2**64:
                raise SettingError(f"seed is of 64 bits, below 2^64; got {self.seed}.")
        self._check_rest()

    def _check_rest(self) -> None:
        if not isinstance(self.more, Mapping):
            raise SettingError(f"more is a mapping from options to values; got {self.more!r}.")
        if self.beams < self.answers and (self.temperature == 0 or self.beams > 1):
            raise SettingError(
                f"{self.answers} different answers need a temperature and no beams, or at least as"
                f" many beams; got temperature {self.temperature} and {self.beams} beams."
            )
        if taken := sorted(set(map(str, self.more)) & _OURS):
            raise SettingError(f"{taken[0]} cannot be set here; see the fields of Sampling.")
        if unknown := sorted(set(map(str, self.more)) - set(vars(transformers.GenerationConfig()))):
            raise SettingError(f"An option of generation is wrong: there is no {unknown[0]!r}.")

    @property
    def copies(self) -> int:
        """How often the past of a prompt is needed: once for each sequence that is written."""
        return max(self.answers, self.beams)

    def config(self, ends: list[int]) -> GenerationConfig:
        """Return the settings as transformers has them.

        Args:
            ends: Tokens that end a text.
        """
        draws = self.temperature > 0
        drawing = {"temperature": self.temperature, "top_p": self.top_p, "top_k": self.top_k}
        try:
            return transformers.GenerationConfig(
                max_new_tokens=self.most_tokens,
                do_sample=draws,
                num_return_sequences=self.answers,
                num_beams=self.beams,
                eos_token_id=ends,
                pad_token_id=ends[0] if ends else 0,
                use_cache=True,
                **(drawing if draws else {}),
                **self.more,
            )
        except _REFUSED as error:
            raise self.refused(error) from error

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say of what transformers refuses while it writes that it is about `more`."""
        try:
            yield
        except _REFUSED as error:
            if not self.more:
                raise
            raise self.refused(error) from error

    def refused(self, error: Exception) -> SettingError:
        """Return what to raise for an option that transformers refuses."""
        given = ", ".join(map(str, self.more)) or "none"
        why = str(error).split("\n")[0]
        return SettingError(f"An option of generation is wrong (more: {given}): {why}")

    @contextmanager
    def seeded(self, device: Any) -> Iterator[None]:
        """Draw from the seed, and leave torch's own random numbers as they were."""
        if self.seed is None:
            yield
            return
        devices = [device] if torch.device(device).type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.seed)
            yield
