"""Every error this package raises on purpose.

* Error
  + PromptError            the prompt itself is malformed
  + BudgetError            the budget is not a budget
    - BudgetTooSmall       the protected text alone exceeds it
  + SettingError           a setting of a method, scorer or backend is out of range
  + UnknownName            no compressor, tokenizer or model is called that
  + MissingDependency      an optional package is not installed
  + BackendError           a model could not be loaded or run
    - ModelNotFound        the model is known but not on this machine
    - ModelCorrupt         a model file does not have the hash it should have
    - ModelMismatch        the model is not of the kind the method needs

A message says what happened, with the numbers, and then what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class Error(Exception):
    """Base class: `except tersely.Error` catches everything raised on purpose."""


class PromptError(Error, ValueError):
    """The prompt itself is malformed."""


class BudgetError(Error, ValueError):
    """The budget is not a budget."""


class BudgetTooSmall(BudgetError):
    """The protected text alone exceeds the budget.

    Attributes:
        limit_tokens: The most that was allowed.
        protected_tokens: What the protected text needs, separators included.
        contents: Kinds of content whose structure is part of what is protected.
    """

    def __init__(
        self, *, limit_tokens: int, protected_tokens: int, contents: Sequence[str] = ()
    ) -> None:
        """Say what is too small for what; the arguments are the attributes."""
        what, less = "the protected text alone needs", "or protect less."
        if contents:
            what = f"what keeps it valid {' and '.join(contents)} alone needs"
            less = 'or give that up with content="text" (--content text).'
        super().__init__(
            f"The budget is {limit_tokens} tokens but {what} {protected_tokens}."
            f" Raise the budget, {less}"
        )
        self.limit_tokens = limit_tokens
        self.protected_tokens = protected_tokens
        self.contents = tuple(contents)


class SettingError(Error, ValueError):
    """A setting of a method, scorer or backend is out of range."""


class UnknownName(Error, LookupError):
    """Nothing of that kind is registered under that name.

    Attributes:
        kind: What was looked for: "method", "tokenizer", "model", ...
        name: The name that was not found.
        known: The names there are.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        close = get_close_matches(name, self.known, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"No {kind} is called {name!r}.{hint} There are: {', '.join(self.known)}.")

    def __str__(self) -> str:  # LookupError is fine, but subclasses of KeyError would add quotes
        return str(self.args[0])


class MissingDependency(Error, ImportError):
    """An optional package is not installed.

    Attributes:
        extra: The extra of this package that brings it.
    """

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(f"This needs {package!r}. Install it with: pip install 'tersely[{extra}]'")
        self.extra = extra


class BackendError(Error, RuntimeError):
    """A model could not be loaded or run."""


class ModelNotFound(BackendError, LookupError):
    """The model is known but not on this machine."""


class ModelCorrupt(BackendError):
    """A model file does not have the hash its manifest states."""


class ModelMismatch(BackendError):
    """The model is not of the kind the method needs."""
