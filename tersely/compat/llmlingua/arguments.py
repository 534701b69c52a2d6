"""The arguments of `compress_prompt`, checked once.

Source: names, order and defaults of
    https://github.com/microsoft/LLMLingua/blob/e0e9d99/llmlingua/prompt_compressor.py
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

import numpy as np
import regex

from tersely.compat.llmlingua.warned import warn
from tersely.core.budget import Budget
from tersely.errors import BudgetError, PromptError, SettingError, UnknownName

RANK_METHODS = (
    "llmlingua",
    "longllmlingua",
    "bm25",
    "gzip",
    "sentbert",
    "openai",
    "bge",
    "bge_reranker",
    "bge_llmembedder",
    "jinza",
    "voyageai",
    "cohere",
)
CONDITIONS = ("none", "before", "after")
ORDERS = ("original", "sort", "two_stage")
_CONDITION = "_condition"
_LISTS = (list, tuple, set, frozenset)
_BUDGET = regex.compile(
    r"\s*(?<sign>[+\-*/])\s*(?<number>[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s*"
)
_SIGNS: dict[str, Callable[[float, float], float]] = {
    "+": lambda tokens, number: tokens + number,
    "-": lambda tokens, number: tokens - number,
    "*": lambda tokens, number: tokens * number,
    "/": lambda tokens, number: tokens / number,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `compress_prompt` was asked for, in its own words; docs/migration.md explains each.

    Raises:
        BudgetError: `rate` or `target_token` is no budget.
        SettingError: Another argument is out of range.
        UnknownName: There is no such `rank_method`.
    """

    rate: float = 0.5
    target_token: float = -1
    iterative_size: int = 200
    force_context_ids: Sequence[int] | None = None
    force_context_number: int | None = None
    use_sentence_level_filter: bool = False
    use_context_level_filter: bool = True
    use_token_level_filter: bool = True
    keep_split: bool = False
    keep_first_sentence: int = 0
    keep_last_sentence: int = 0
    keep_sentence_number: int = 0
    high_priority_bonus: float = 100
    context_budget: str = "+100"
    token_budget_ratio: float = 1.4
    condition_in_question: str = "none"
    reorder_context: str = "original"
    dynamic_context_compression_ratio: float = 0.0
    condition_compare: bool = False
    add_instruction: bool = False
    rank_method: str = "llmlingua"
    concate_question: bool = True
    strict_preserve_uncompressed: bool = True

    def __post_init__(self) -> None:
        check_rate(self.rate)
        check_tokens("target_token", self.target_token)
        for field in fields(self):
            if field.type == "bool":
                check_flag(field.name, getattr(self, field.name))
        for name in ("keep_first_sentence", "keep_last_sentence", "keep_sentence_number"):
            check_whole(name, getattr(self, name))
        check_whole("iterative_size", self.iterative_size, least=1)
        if self.force_context_number is not None:
            check_whole("force_context_number", self.force_context_number)
        check_number("high_priority_bonus", self.high_priority_bonus, 0, math.inf)
        check_number("token_budget_ratio", self.token_budget_ratio, 0, math.inf)
        check_number(
            "dynamic_context_compression_ratio", self.dynamic_context_compression_ratio, 0, 1
        )
        self.coarse_tokens(0)  # refuses what is no budget
        if self.condition not in CONDITIONS:
            raise SettingError(
                f"condition_in_question is one of {', '.join(CONDITIONS)}, each with or without"
                f" {_CONDITION!r} after it; not {self.condition_in_question!r}."
            )
        check_order("reorder_context", self.reorder_context)
        check_rank_method(self.rank_method)

    @property
    def most_tokens(self) -> int | None:
        """The tokens that were asked for; None where a rate decides."""
        return math.floor(self.target_token) if self.target_token >= 0 else None

    @property
    def condition(self) -> str:
        """Where the question stands when contexts are ranked: "none", "before", "after"."""
        asked = self.condition_in_question
        return asked.removesuffix(_CONDITION) if isinstance(asked, str) else ""

    @property
    def is_conditioned(self) -> bool:
        """Whether words are valued given the question."""
        return self.condition_compare or self.condition_in_question.endswith(_CONDITION)

    @property
    def keeps_sentences(self) -> bool:
        """Whether some sentences are to be kept before others."""
        asked = self.keep_first_sentence, self.keep_last_sentence, self.keep_sentence_number
        return any(asked) and self.high_priority_bonus > 0

    def warn_pointless(self, question: str) -> None:
        """Warn of what has no effect beside the rest."""
        if self.is_conditioned and not question.strip():
            _warn(
                "condition_compare and '_condition' need a question: there is none to condition on"
            )
        if self.add_instruction and not self.is_conditioned:
            _warn(
                "add_instruction=True has no effect: it adds to what words are valued given, and"
                " they are not (condition_compare=True, or '..._condition')"
            )
        ranks = self.rank_method == "longllmlingua"
        if self.condition != "none" and not ranks and not self.is_conditioned:
            _warn(
                f"condition_in_question={self.condition_in_question!r} has no effect with"
                f" rank_method={self.rank_method!r}: only 'longllmlingua' ranks by it"
            )
        if self.dynamic_context_compression_ratio and not self.use_token_level_filter:
            _warn(
                "dynamic_context_compression_ratio has no effect with"
                " use_token_level_filter=False: it says how many words of each context stay"
            )
        by_parts = self.use_token_level_filter or self.use_sentence_level_filter
        if self.context_budget != "+100" and not by_parts:
            _warn(
                "context_budget has no effect with use_token_level_filter=False and"
                " use_sentence_level_filter=False: it is what these are to shorten"
            )

    def coarse_tokens(self, tokens: float) -> float:
        """Return `context_budget` of so many tokens: "+100", "-50", "*2.0", "/2".

        Raises:
            SettingError: It is not one sign and one number. It is read, never evaluated.
        """
        asked = self.context_budget
        match = _BUDGET.fullmatch(asked) if isinstance(asked, str) else None
        if match is None or (match["sign"] == "/" and not float(match["number"])):
            raise SettingError(
                "context_budget is one of + - * / and a number, as in '+100' or '*2.0'; not"
                f" {asked!r}."
            )
        return _SIGNS[match["sign"]](tokens, float(match["number"]))

    def forced(self, count: int) -> frozenset[int]:
        """Return the contexts that must stay.

        Raises:
            SettingError: One of them is not one of `count` contexts.
        """
        return check_ids(self.force_context_ids, count)


OPTION_NAMES = frozenset(field.name for field in fields(Options))


def given_options(arguments: Mapping[str, Any]) -> Options:
    """Return the options among a call's arguments."""
    return Options(**{name: arguments[name] for name in OPTION_NAMES & set(arguments)})


def warn_unused(arguments: Mapping[str, Any], defaults: Mapping[str, Any], why: str) -> None:
    """Warn of arguments that were changed and have no effect.

    Args:
        arguments: The call's.
        defaults: Those that have no effect, and what they are if nobody changes them.
        why: Ends the sentence "... has no effect".
    """
    changed = [name for name, value in defaults.items() if _plain(arguments[name]) != value]
    if changed:
        names, verb = ", ".join(changed), "have" if len(changed) > 1 else "has"
        _warn(f"{names} {verb} no effect {why}")


def as_plain(value: Any) -> Any:
    """Return NumPy's and torch's numbers, truth values and arrays as Python's; the rest as it is.

    A number of 32 bits is the one that is written for it: 0.7, not 0.699999988079071.
    """
    if isinstance(value, np.floating):
        return float(str(value))
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)([as_plain(one) for one in value]) if type(value) in _LISTS else value
    for name in ("tolist", "item"):  # of arrays, tensors, data frames' columns; of others' scalars
        if callable(getattr(value, name, None)):
            return getattr(value, name)()
    if hasattr(value, "__index__"):
        return operator.index(value)
    return float(value) if isinstance(value, Real) else value


def plain_values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call's arguments, numbers and lists as Python's."""
    return {name: as_plain(value) for name, value in arguments.items() if name != "self"}


def _warn(said: str) -> None:
    warn(f"{said}.")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def read_contexts(context: object, instruction: object = "", question: object = "") -> list[str]:
    """Return the contexts as a list; a str is one.

    Raises:
        PromptError: They are not texts, or one of the other two is not.
    """
    for name, text in (("instruction", instruction), ("question", question)):
        if not isinstance(text, str):
            raise PromptError(f"{name} is a str, not {type(text).__name__}.")
    context = as_plain(context)
    if isinstance(context, str):
        return [context]
    if isinstance(context, bytes) or not isinstance(context, Sequence):
        raise PromptError(f"context is a list of str, or one str, not {type(context).__name__}.")
    for index, text in enumerate(context):
        if not isinstance(text, str):
            raise PromptError(f"context[{index}] is {type(text).__name__}, not str.")
    return list(context)


def check_rate(rate: object) -> None:
    """Refuse what is no rate."""
    if rate is None:
        raise BudgetError("rate is a number in (0, 1], not None.")
    Budget(rate=rate)  # type: ignore[arg-type]


def check_tokens(name: str, tokens: object) -> None:
    """Refuse what is no number of tokens; anything below 0 stands for none."""
    if isinstance(tokens, bool) or not isinstance(tokens, int | float) or math.isnan(tokens):
        raise BudgetError(f"{name} is a number of tokens, or -1 for none; not {tokens!r}.")
    if 0 <= tokens < 1 or tokens == math.inf:
        raise BudgetError(f"{name} is at least 1, or -1 for none; got {tokens}.")


def check_flag(name: str, value: object) -> None:
    """Refuse what is not True or False."""
    if not isinstance(value, bool):
        raise SettingError(f"{name} is True or False, not {value!r}.")


def check_whole(name: str, value: object, *, least: int = 0) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingError(f"{name} is a whole number, at least {least}; not {value!r}.")


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is not a number in [least, most]."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        said = f"in [{least:g}, {most:g}]" if most < math.inf else f"of at least {least:g}"
        raise SettingError(f"{name} is a number {said}; not {value!r}.")


def check_ids(ids: object, count: int) -> frozenset[int]:
    """Return which of `count` contexts are named."""
    if ids is None:
        return frozenset()
    if isinstance(ids, str | bytes) or not isinstance(ids, Collection):
        raise SettingError(f"force_context_ids is a list of whole numbers, not {ids!r}.")
    for index in ids:
        whole = isinstance(index, int) and not isinstance(index, bool)
        if not whole or not 0 <= index < count:
            raise SettingError(
                f"force_context_ids are numbers from 0 to {count - 1}: there are {count} contexts;"
                f" got {index!r}."
            )
    return frozenset(ids)


def check_order(name: str, order: object) -> None:
    """Refuse what is not one of the orders in which contexts may be written."""
    if order not in ORDERS:
        raise SettingError(f"{name} is one of {', '.join(ORDERS)}; not {order!r}.")


def check_rank_method(name: object) -> None:
    """Refuse a ranking that there is not, and list those there are."""
    if name not in RANK_METHODS:
        raise UnknownName("rank_method", str(name), RANK_METHODS)
