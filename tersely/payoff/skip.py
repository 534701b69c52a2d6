"""Leave a prompt as it is where compressing it would not pay."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tersely.core.budget import Budget
from tersely.core.prompt import Prompt
from tersely.core.result import Compression
from tersely.counting.base import TokenCounter
from tersely.errors import SettingError
from tersely.hard.allowance import Allowance
from tersely.hard.base import HardCompressor, whole_spans
from tersely.payoff.predict import Payoff, predict_payoff
from tersely.payoff.terms import Terms
from tersely.prompting import QUESTION_METHOD, choose_method

Result = TypeVar("Result", bound=Compression)


def terms_of(only_if_it_pays: bool | Terms) -> Terms | None:
    """Return the terms of an argument; None where nothing is to be predicted.

    Raises:
        SettingError: It is neither true, false nor `Terms`.
    """
    if isinstance(only_if_it_pays, Terms):
        return only_if_it_pays
    if not isinstance(only_if_it_pays, bool):
        raise SettingError(
            f"only_if_it_pays is true, false or Terms(...), not {only_if_it_pays!r}."
        )
    return Terms() if only_if_it_pays else None


def unless_it_pays(
    prompt: Prompt,
    allowance: Allowance,
    *,
    method: str | HardCompressor,
    model: str | None = None,
    counter: TokenCounter,
    target: str,
    terms: Terms,
) -> Compression | None:
    """Return the prompt unchanged where compressing it will not pay; None where it will.

    Its limit is then its own length, and `reason` says why. Where the prompt is within the limit
    anyway, this is left to the method.

    Args:
        prompt: The prompt.
        allowance: How much of it may be kept.
        method: What would compress it.
        model: What that would run, if it is a name.
        counter: Whose tokens count.
        target: The model whose prices count, if the terms name none.
        terms: Under which terms it has to pay.

    Raises:
        SettingError: How much will be left, or what that is worth, cannot be said.
    """
    started = time.perf_counter()
    named = method if not isinstance(method, str) else choose_method(prompt, method, model=model)
    tokens = counter.count(prompt.text)
    ahead = _predicted(tokens, expected_budget(allowance), named, model, target, terms)
    if ahead.worth_it or ahead.tokens_after >= tokens:
        return None
    return Compression(
        prompt=prompt,
        kept=whole_spans(prompt),
        tokens_before=tokens,
        tokens_after=tokens,
        limit_tokens=tokens,
        tokenizer=counter.name,
        exact=counter.exact,
        method=ahead.method,
        model=ahead.model,
        model_tokens=0,
        seconds=time.perf_counter() - started,
        reason=skip_reason(ahead),
    )


def chat_unless_it_pays(
    unchanged: Callable[[], Result],
    budget: Budget,
    *,
    method: str | HardCompressor,
    target: str,
    terms: Terms,
) -> Result | None:
    """Do for a chat as `unless_it_pays` does for a text.

    Args:
        unchanged: Returns the chat's `ChatCompression` with everything kept.
        budget: How much may be kept.
        method: What would compress it; "auto" is hybrid, a chat's newest turn being the question.
        target: The model whose prices count, if the terms name none.
        terms: Under which terms it has to pay.

    Raises:
        SettingError: What compressing it is worth cannot be said.
    """
    result = unchanged()
    named = QUESTION_METHOD if method == "auto" else method
    ahead = _predicted(result.tokens_before, budget, named, None, target, terms)
    if ahead.worth_it or ahead.tokens_after >= ahead.tokens:
        return None
    return replace(result, method=ahead.method, model=ahead.model, reason=skip_reason(ahead))


def expected_budget(allowance: Allowance) -> Budget:
    """Return how much of a prompt will be left, as far as can be said before it is read.

    Raises:
        SettingError: Nothing can be said: only a quality floor is given.
    """
    if allowance.is_corpus:
        return Budget(rate=allowance.rate)
    if allowance.quality_floor is not None and allowance.tokens is None and allowance.rate is None:
        raise SettingError(
            "How much a quality_floor leaves is known when the prompt has been read. For"
            " only_if_it_pays give tokens or rate beside it."
        )
    return allowance.budget


def skip_reason(ahead: Payoff) -> str:
    """Return why a prompt was left as it is."""
    return " ".join(("Compressing it would not pay.", *ahead.reasons))


def _predicted(
    tokens: int,
    budget: Budget,
    method: str | HardCompressor,
    model: str | None,
    target: str,
    terms: Terms,
) -> Payoff:
    return predict_payoff(
        tokens,
        tokens_left=budget.tokens,
        rate=budget.rate,
        method=method,
        model=model,
        target=target,
        terms=terms,
    )
