"""What is compared: methods with their settings, baselines, and what bounds them.

An arm is named as it is typed: "hybrid", "truncate:keep=tail", "hybrid+evaluator_heads", "bm25".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

from tersely._registry import compressor_names
from tersely.api import compress
from tersely.backends.load import load_encoder
from tersely.core.prompt import JOINER
from tersely.core.result import Compression
from tersely.counting import TokenCounter
from tersely.errors import SettingError, UnknownName
from tersely.evaluation.by_scorer import ByScorer, ByUnit, Shuffled
from tersely.evaluation.oracle import Oracle
from tersely.evaluation.source import number_of
from tersely.evaluation.task import Example
from tersely.hard.base import HardCompressor
from tersely.hard.random_drop import RandomDrop
from tersely.loading import load
from tersely.scorers.bm25 import BM25
from tersely.scorers.embedding import EmbeddingScorer

FULL, NONE, ORACLE = "full", "none", "oracle"
ENDS = {FULL: 1.0, NONE: 0.0}
"""Arms that run once per example, and the rate they stand at."""

REFERENCES = (FULL, NONE, ORACLE)
BASELINES = (
    "truncate",
    "random_drop",
    "random_sentences",
    "bm25",
    "bm25_documents",
    "minilm",
    "minilm_documents",
)
"""What every method has to beat; those with a name from the registry are methods, too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an arm made of an example.

    Attributes:
        text: What is sent: the whole prompt, shortened.
        left: What is left of the contexts.
        tokens: Tokens of `text`.
        model: Name of that model; "" where there is none.
        model_tokens: Tokens that the method put through it.
    """

    text: str
    left: str
    tokens: int
    model: str = ""
    model_tokens: int = 0


class Arm(Protocol):
    """Anything that brings an example's prompt to a limit."""

    def __call__(self, example: Example, limit: int) -> Outcome:
        """Shorten the contexts until they fit with what is kept."""
        ...

    def fits(self, example: Example) -> bool:
        """Return whether the example has what the arm asks for: a question, known gold."""
        ...


@dataclass(frozen=True)
class End:
    """The whole prompt, or the prompt without its contexts.

    Attributes:
        counter: Counts tokens.
        whole: Which of the two.
    """

    counter: TokenCounter
    whole: bool

    def __call__(self, example: Example, limit: int) -> Outcome:
        """Return it; there is nothing to compress, and no limit."""
        left = JOINER.join(example.contexts) if self.whole else ""
        text = example.prompt.text if self.whole else example.bare
        return Outcome(text, left, self.counter.count(text))

    def fits(self, example: Example) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True)
class Method:
    """An arm that compresses.

    Attributes:
        counter: Whose tokens the limit is in.
        make: Returns the compressor for an example.
        content: What the contexts are: "text", or "auto" to find out.
        asks: Whether it needs a question.
        needs_gold: Whether it needs to know what the answer is in.
    """

    counter: TokenCounter
    make: Callable[[Example], HardCompressor]
    content: Literal["text", "auto"] = "text"
    asks: bool = False
    needs_gold: bool = False

    def __call__(self, example: Example, limit: int) -> Outcome:
        """Compress the example's prompt."""
        result = compress(
            example.prompt,
            tokens=limit,
            method=self.make(example),
            tokenizer=self.counter,
            content=self.content,
        )
        return Outcome(
            result.text,
            left_of(result),
            result.tokens_after,
            model=result.model,
            model_tokens=result.model_tokens,
        )

    def fits(self, example: Example) -> bool:
        """Return whether there is a question where one is asked for, and gold."""
        return not (self.asks and not example.question) and not (
            self.needs_gold and not example.gold
        )


def left_of(result: Compression) -> str:
    """Return what is left of what could be shortened, as it stands in the text."""
    kept = ("question", "instruction")
    texts = [
        "" if segment.role in kept else text
        for segment, text in zip(result.prompt.segments, result.texts, strict=True)
    ]
    return result.prompt.join(texts, result.order)


def arm_names() -> list[str]:
    """Return what is compared if nothing is said: every method, baseline and reference."""
    methods = [name for name in compressor_names() if name != "chain"]
    return list(dict.fromkeys([*REFERENCES, *BASELINES, *methods, "hybrid+evaluator_heads"]))


def load_arm(
    spec: str, counter: TokenCounter, *, content: Literal["text", "auto"] = "text", seed: int = 0
) -> Arm:
    """Return an arm by what it is called.

    Args:
        spec: A method of the registry or a chain of them, with settings: "NAME:a=1,b=x"; or one of
            "full", "none", "oracle", "random_sentences", "bm25", "bm25_documents", "minilm",
            "minilm_documents".
        counter: Whose tokens limits are in.
        content: What the contexts are.
        seed: Of arms that throw coins; each example has its own.

    Raises:
        UnknownName: Nothing is called that.
        SettingError: It has no such setting, or the value is out of range.
        ModelNotFound: It needs a model that is not on this machine.
    """
    name, settings = read_spec(spec)
    if name in ENDS or name in _SPECIAL or name == ORACLE:
        if settings:
            raise SettingError(f"{name} has no settings; got {spec!r}.")
        if name in ENDS:
            return End(counter, whole=name == FULL)
        if name == ORACLE:
            # Never as JSON or code: what is not gold stays out, even where a rule would keep it.
            return Method(
                counter, lambda e: Oracle(gold=e.gold, answers=e.answers), needs_gold=True
            )
        return _SPECIAL[name](counter, content, seed)
    if name == "random_drop" and not settings:
        return Method(counter, lambda e: RandomDrop(seed=number_of(seed, e.id)), content)
    if "+" not in name and name not in compressor_names():
        known = [*compressor_names(), *_SPECIAL, *REFERENCES]
        raise UnknownName("method", name, known)
    compressor = load(name, **settings)
    return Method(counter, lambda example: compressor, content, asks=compressor.needs_question)


def read_spec(spec: str) -> tuple[str, dict[str, Any]]:
    """Cut "NAME:a=1,b=x" into the name and the settings; numbers and booleans are read as JSON.

    Raises:
        SettingError: It is not written like that.
    """
    name, colon, rest = spec.partition(":")
    settings: dict[str, Any] = {}
    for pair in rest.split(",") if colon else []:
        key, equals, value = pair.partition("=")
        if not name or not key or not equals:
            raise SettingError(f"A method with settings is NAME:a=1,b=2, not {spec!r}.")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return name, settings


@cache
def _minilm() -> EmbeddingScorer:
    return EmbeddingScorer(encoder=load_encoder())


def _random_sentences(counter: TokenCounter, content: Any, seed: int) -> Arm:
    return Method(counter, lambda e: ByScorer(scorer=Shuffled(number_of(seed, e.id))), content)


def _bm25(unit: ByUnit) -> Callable[..., Arm]:
    return lambda counter, content, seed: Method(
        counter, lambda example: ByScorer(scorer=BM25(), unit=unit), content, asks=True
    )


def _embedded(unit: ByUnit) -> Callable[..., Arm]:
    def build(counter: TokenCounter, content: Any, seed: int) -> Arm:
        compressor = ByScorer(scorer=_minilm(), unit=unit)
        return Method(counter, lambda example: compressor, content, asks=True)

    return build


_SPECIAL: dict[str, Callable[..., Arm]] = {
    "random_sentences": _random_sentences,
    "bm25": _bm25("sentence"),
    "bm25_documents": _bm25("document"),
    "minilm": _embedded("sentence"),
    "minilm_documents": _embedded("document"),
}
