"""`get_ppl` and `get_condition_ppl`: surprisals in nats, from this package's backend."""

from __future__ import annotations

import numpy as np

from tersely.backends.base import CausalBackend, Floats
from tersely.compat.llmlingua.arguments import CONDITIONS
from tersely.errors import PromptError, SettingError

GRANULARITIES = ("sentence", "token")


def surprisals(
    backend: CausalBackend, text: str, granularity: str, condition_mode: str, condition_pos_id: int
) -> Floats | np.float64:
    """Return the surprisal of a text's tokens, or their mean.

    Args:
        backend: The model.
        text: T of its tokens.
        granularity: "token" for one number each, "sentence" for the mean.
        condition_mode: "before": only the tokens before `condition_pos_id`; "after": only those
            from it on; "none": all.
        condition_pos_id: A place among the tokens.

    Returns:
        (T,) nats, or fewer; or their mean, 0.0 where there is none. The first token is predicted
        too, from the model's start token.

    Raises:
        SettingError: An argument is out of range.
    """
    check_granularity(granularity)
    check_condition("condition_mode", condition_mode)
    if not hasattr(condition_pos_id, "__index__"):
        raise SettingError(f"condition_pos_id is a whole number, not {condition_pos_id!r}.")
    (nats,) = backend.score([backend.encode(check_text("text", text)).ids])
    if condition_mode == "before":
        nats = nats[:condition_pos_id]
    elif condition_mode == "after":
        nats = nats[condition_pos_id:]
    return reduced(nats, granularity)


def conditional_surprisals(
    backend: CausalBackend, text: str, question: str, condition: str, granularity: str
) -> Floats | np.float64:
    """Return surprisals of a text, given the question ("before"), or of the question ("after").

    What is conditioned on is read before, and not scored. "none" leaves the question out.
    """
    check_granularity(granularity)
    check_condition("condition_in_question", condition)
    first, second = check_text("question", question), check_text("text", text)
    if condition == "none":
        return surprisals(backend, text, granularity, "none", 0)
    if condition == "after":
        first, second = second, first
    given, asked = backend.encode(first).ids, backend.encode(second).ids
    (nats,) = backend.score([np.concatenate([given, asked])], scored_from=[len(given)])
    return reduced(nats, granularity)


def reduced(nats: Floats, granularity: str) -> Floats | np.float64:
    """Return surprisals as they are, or their mean; 0.0 where there is none."""
    if granularity == "token":
        return nats
    return np.float64(nats.mean() if len(nats) else 0.0)


def check_granularity(granularity: object) -> None:
    """Refuse what is neither "sentence" nor "token"."""
    if granularity not in GRANULARITIES:
        raise SettingError(f"granularity is 'sentence' or 'token', not {granularity!r}.")


def check_condition(name: str, condition: object) -> None:
    """Refuse what is not one of "none", "before", "after"."""
    if condition not in CONDITIONS:
        raise SettingError(f"{name} is one of {', '.join(CONDITIONS)}; not {condition!r}.")


def check_text(name: str, text: object) -> str:
    """Return a text, and refuse what is none."""
    if not isinstance(text, str):
        raise PromptError(f"{name} is a str, not {type(text).__name__}.")
    return text
