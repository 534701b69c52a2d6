"""Check what a method is given against what it declares, before it is made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from tersely.errors import SettingError

_WORDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    NoneType: "None",
}


def settings_of(cls: type[Any]) -> set[str]:
    """Return the names of a method's settings."""
    if is_dataclass(cls):
        return {field.name for field in fields(cls) if field.init}
    return set(inspect.signature(cls).parameters)


def check_settings(name: str, cls: type[Any], settings: Mapping[str, Any]) -> None:
    """Refuse settings that a method does not have, and plain values of the wrong kind.

    A setting that is declared as anything but bool, int, float, str, Path and None, or several of
    these, is left to the method.

    Args:
        name: Of the method, for messages.
        cls: Its class.
        settings: What it is to be made with.

    Raises:
        SettingError: The message names the setting and what it takes.
    """
    known = settings_of(cls)
    if unknown := sorted(set(settings) - known):
        raise SettingError(
            f"{name} has no setting {unknown[0]!r}. It has: {', '.join(sorted(known)) or 'none'}."
        )
    declared = _declared(cls)
    for key, value in settings.items():
        kinds = _plain(declared.get(key))
        if kinds and not any(_is(value, kind) for kind in kinds):
            words = " or ".join(_WORDS[kind] for kind in kinds)
            raise SettingError(f"{key} of {name} is {words}; got {value!r}.")


def _declared(cls: type[Any]) -> dict[str, Any]:
    """Return what types a class declares; {} where they cannot be told."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError):  # of a plug-in: names that only type checkers import
        return {}


def _plain(declared: Any) -> tuple[Any, ...]:
    """Return the plain types that a setting may have; () where there are others."""
    union = get_origin(declared) in (Union, UnionType)
    kinds = get_args(declared) if union else (declared,)
    return kinds if all(kind in _WORDS for kind in kinds) else ()


def _is(value: Any, kind: Any) -> bool:
    """Return whether a value is of a plain type: a bool is no number, a whole number is one."""
    if kind in (int, float):
        wanted = Integral if kind is int else Real
        return isinstance(value, wanted) and not isinstance(value, bool) and value == value
    return isinstance(value, kind)
