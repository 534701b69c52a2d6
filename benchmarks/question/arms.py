"""The methods under test by name, each built when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import tersely
from benchmarks.common import MODEL
from benchmarks.question.prompts import Case, number_of
from benchmarks.question.reference import Outcome, Reference
from benchmarks.question.remembered import RememberedAttention, RememberedEncoder
from tersely.backends.base import CausalBackend, EncoderBackend
from tersely.backends.load import load_causal, load_encoder
from tersely.core.budget import Budget
from tersely.core.result import Compression
from tersely.counting.base import TokenCounter
from tersely.evaluation.by_scorer import ByScorer, Shuffled
from tersely.hard.base import HardCompressor
from tersely.hard.chain import Chain
from tersely.scorers.base import Scorer
from tersely.scorers.bm25 import BM25
from tersely.scorers.embedding import EmbeddingScorer


class Arm(Protocol):
    """Anything that brings a case's prompt to a limit."""

    def __call__(self, case: Case, limit: int) -> Outcome:
        """Shorten the documents until they fit with the question."""
        ...


@dataclass(frozen=True)
class Ours:
    """An arm of tersely.

    Attributes:
        counter: Whose tokens the limit is in.
        make: Returns the compressor for a case.
    """

    counter: TokenCounter
    make: Callable[[Case], HardCompressor]

    def __call__(self, case: Case, limit: int) -> Outcome:
        """Compress the case's prompt."""
        result = self.make(case).compress(case.prompt, Budget(tokens=limit), counter=self.counter)
        return outcome_of(result)


def outcome_of(result: Compression) -> Outcome:
    """Return what a compression left of the documents, and what it cost."""
    texts = [
        "" if segment.role == "question" else text
        for segment, text in zip(result.prompt.segments, result.texts, strict=True)
    ]
    return Outcome(
        text=result.prompt.join(texts, result.order),
        tokens=result.tokens_after,
        model_tokens=result.model_tokens,
    )


class Tools:
    """What arms are built of; each part is loaded when it is first asked for."""

    def __init__(
        self,
        *,
        counter: TokenCounter,
        threads: int,
        precision: str | None,
        seed: int,
        venv: Path,
        remember: bool = False,
    ) -> None:
        """Note the settings."""
        self.remember = remember
        self.precision = precision
        self.counter = counter
        self.threads = threads
        self.seed = seed
        self.venv = venv

    @cached_property
    def causal(self) -> CausalBackend:
        """The language model, the same for all arms and the reader."""
        model = load_causal(MODEL, threads=self.threads, precision=self.precision)
        return cast(CausalBackend, RememberedAttention(model)) if self.remember else model

    @cached_property
    def encoder(self) -> EncoderBackend:
        """The sentence encoder, the same for all arms."""
        model = load_encoder(threads=self.threads, precision=self.precision)
        return RememberedEncoder(model) if self.remember else model

    def hits(self) -> int:
        """Return how often a model remembered what it would have had to read."""
        models = (self.__dict__.get(name) for name in ("causal", "encoder"))
        return sum(getattr(model, "hits", 0) for model in models)

    @cached_property
    def minilm(self) -> Scorer:
        """Cosine of sentence vectors."""
        return EmbeddingScorer(encoder=self.encoder)

    @cached_property
    def bm25(self) -> Scorer:
        """Word overlap."""
        return BM25()

    @cached_property
    def reference(self) -> Reference:
        """The library llmlingua 0.2.2, running."""
        return Reference(self.venv, self.threads, self.counter.count)

    def method(self, name: str, **settings: Any) -> HardCompressor:
        """Return a method of the registry, with the shared models that it takes."""
        if name in _READS:
            settings["model"] = self.causal
        if name in _ENCODES:
            settings["encoder"] = self.encoder
        return tersely.load(name, **settings)

    def close(self) -> None:
        """End the other process, if there is one."""
        if "reference" in self.__dict__:
            self.reference.close()


_READS = ("llmlingua", "longllmlingua", "evaluator_heads", "selective_context")
_ENCODES = ("hybrid",)
Build = Callable[[Tools], Arm]


def _everything(tools: Tools, *, keep: bool) -> Arm:
    def arm(case: Case, limit: int) -> Outcome:
        text = case.text if keep else ""
        return Outcome(
            text=text, tokens=tools.counter.count(case.prompt.text if keep else case.asked)
        )

    return arm


def _named(tools: Tools, name: str, **settings: Any) -> Arm:
    compressor = tools.method(name, **settings)
    return Ours(tools.counter, lambda case: compressor)


def _seeded(tools: Tools, make: Callable[[int], HardCompressor]) -> Arm:
    return Ours(tools.counter, lambda case: make(number_of(tools.seed, case.id)))


def _ranked(tools: Tools, which: str, unit: Literal["sentence", "document"]) -> Arm:
    compressor = ByScorer(scorer=getattr(tools, which), unit=unit)
    return Ours(tools.counter, lambda case: compressor)


def _chained(tools: Tools, *names: str) -> Arm:
    chain = Chain(stages=tuple(tools.method(name) for name in names))
    return Ours(tools.counter, lambda case: chain)


FULL, NONE, REFERENCE = "full", "none", "llmlingua-0.2.2-long"
BASELINES = (
    "first-k",
    "random",
    "random-sentences",
    "bm25-doc",
    "bm25-sent",
    "minilm-doc",
    "minilm-sent",
)
ARMS: dict[str, Build] = {
    FULL: partial(_everything, keep=True),
    NONE: partial(_everything, keep=False),
    "first-k": partial(_named, name="truncate"),
    "random": partial(_seeded, make=lambda seed: tersely.load("random_drop", seed=seed)),
    "random-sentences": partial(_seeded, make=lambda seed: ByScorer(scorer=Shuffled(seed))),
    "bm25-doc": partial(_ranked, which="bm25", unit="document"),
    "bm25-sent": partial(_ranked, which="bm25", unit="sentence"),
    "minilm-doc": partial(_ranked, which="minilm", unit="document"),
    "minilm-sent": partial(_ranked, which="minilm", unit="sentence"),
    "llmlingua": partial(_named, name="llmlingua"),
    "longllmlingua": partial(_named, name="longllmlingua"),
    "hybrid": partial(_named, name="hybrid"),
    "hybrid-norepair": partial(_named, name="hybrid", repair=False),
    "evaluator_heads": partial(_named, name="evaluator_heads", unit="sentence"),
    "evaluator_heads-word": partial(_named, name="evaluator_heads", unit="word"),
    "hybrid+llmlingua": lambda tools: _chained(tools, "hybrid", "llmlingua"),
    "evaluator_heads+llmlingua": lambda tools: _chained(tools, "evaluator_heads", "llmlingua"),
    "hybrid+evaluator_heads": lambda tools: _chained(tools, "hybrid", "evaluator_heads"),
    REFERENCE: lambda tools: tools.reference,
}
