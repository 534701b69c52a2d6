"""Import what an extra brings, or say which extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from tersely.errors import MissingDependency


def need(package: str, *, extra: str) -> ModuleType:
    """Import `package`, or say how to install it.

    Raises:
        MissingDependency: The package is not installed. An import error *inside* an installed
            package is passed on unchanged: it is a fault, not an absence.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or not (
            package == error.name or package.startswith(error.name + ".")
        ):
            raise
        raise MissingDependency(package, extra=extra) from error
