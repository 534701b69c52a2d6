"""`compress_json`: shorten the texts in a JSON object, and leave it the object it was.

Differs:  strings are taken out as they are, shortened, and put back, so that no quote, comma or
          bracket is ever touched; numbers, truth values and nulls stay; nested lists and objects
          stay what they are.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tersely._optional import need
from tersely.compat.llmlingua.arguments import Options, as_plain, check_flag
from tersely.compat.llmlingua.contexts import Context, Piece, plain
from tersely.compat.llmlingua.pipeline import Call
from tersely.compat.llmlingua.ranking import best_first, values_of, written_order
from tersely.compat.llmlingua.warned import warn
from tersely.core.budget import Budget
from tersely.counting.base import TokenCounter
from tersely.errors import BudgetTooSmall, PromptError, SettingError

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "string": (str,),
    "int": (int,),
    "integer": (int,),
    "float": (int, float),
    "number": (int, float),
    "bool": (bool,),
    "boolean": (bool,),
    "list": (list, tuple),
    "List": (list, tuple),
    "tuple": (list, tuple),
    "dict": (dict,),
    "dictionary": (dict,),
}


@dataclass(frozen=True, slots=True)
class Field:
    """What is to become of one key.

    Attributes:
        rate: Share of its texts' tokens to keep; None shares what the call has room for.
        compress: Whether its texts may be shortened.
        removable: Whether key and value may go together.
    """

    rate: float | None = None
    compress: bool = True
    removable: bool = True


@dataclass(frozen=True, kw_only=True)
class JsonCall:
    """One call of `compress_json`.

    Attributes:
        data: The object.
        fields: What is to become of its keys; those that are not here stay as they are.
        options: What else was asked for.
        filters_pairs: Whether whole pairs may go.
        call: Makes the call that shortens some texts.
        counter: Whose tokens count.
    """

    data: Mapping[str, Any]
    fields: Mapping[str, Field]
    options: Options
    filters_pairs: bool
    call: Callable[[Sequence[Context], Options], Call]
    counter: TokenCounter

    def run(self) -> tuple[dict[str, Any], int, int]:
        """Return what is left of the object, and its tokens as JSON before and after.

        Raises:
            BudgetTooSmall: What must stay exceeds `target_token`.
        """
        origin = self._count(self.data)
        most = self.options.most_tokens
        limit = Budget(rate=self.options.rate).limit(origin) if most is None else most
        kept, order = self._pairs(limit)
        data = {key: self.data[key] for key in order if key in kept}
        keys, texts = self._texts(data)
        o = self.options
        cuts = o.use_token_level_filter or o.use_sentence_level_filter
        own = any(self.fields[key].rate is not None for key in keys)
        is_whole = o.rate == 1 and most is None and not own
        if texts and origin > limit and not (cuts or self.filters_pairs):
            raise SettingError(
                "Nothing may be dropped: use_token_level_filter, use_sentence_level_filter and"
                " use_keyvalue_level_filter are False."
            )
        if texts and own and not cuts:
            warn(
                "Rates of keys are for words and sentences; without their filters they do nothing."
            )
        left = (
            self._shortened(data, keys, texts, limit) if texts and cuts and not is_whole else data
        )
        after = self._count(left)
        if most is not None and after > most:
            raise BudgetTooSmall(limit_tokens=most, protected_tokens=after)
        return left, origin, after

    def _count(self, data: Mapping[str, Any]) -> int:
        return self.counter.count(as_json(data))

    def _pairs(self, limit: int) -> tuple[set[str], list[str]]:
        """Return which pairs stay, and in which order they are written."""
        keys = list(self.data)
        reorder = self.options.reorder_context
        if len(keys) < 2 or not (self.filters_pairs or reorder != "original"):
            return set(keys), keys
        texts = [as_json({key: self.data[key]}) for key in keys]
        call = self.call([], self.options)
        scorer = call.rankers.scorer(self.options.rank_method, self.options.condition)
        ranked = best_first(values_of(scorer, call.question, texts)).tolist()
        order = [keys[index] for index in written_order(ranked, reorder)]
        kept = {key for key in keys if not self.fields.get(key, Field(removable=False)).removable}
        used = sum(
            self.counter.count(text) for k, text in zip(keys, texts, strict=True) if k in kept
        )
        coarse = self.options.coarse_tokens(limit)
        for index in ranked:
            if self.filters_pairs and kept and used >= coarse:
                break
            if keys[index] not in kept:
                kept.add(keys[index])
                used += self.counter.count(texts[index])
        return kept, order

    def _texts(self, data: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Return the texts that may be shortened, and the key that each is under."""
        pairs = [
            (key, text)
            for key, value in data.items()
            if key in self.fields and self.fields[key].compress and self.fields[key].rate != 1
            for text in strings_in(value)
        ]
        return [key for key, _ in pairs], [text for _, text in pairs]

    def _shortened(
        self, data: dict[str, Any], keys: Sequence[str], texts: Sequence[str], limit: int
    ) -> dict[str, Any]:
        """Shorten the texts until the object fits; without a limit, to their rates."""
        has_limit = self.options.most_tokens is not None
        contexts = []
        for key, text in zip(keys, texts, strict=True):
            rate = self.fields[key].rate
            if rate is None and not has_limit:
                rate = self.options.rate
            split = plain(text, keep_split=self.options.keep_split)
            pieces = (p if p.stays else Piece(p.text, rate, key) for p in split.pieces)
            contexts.append(Context(tuple(pieces)))
        options = replace(self.options, use_context_level_filter=False, reorder_context="original")
        room = sum(self.counter.count(text) for text in texts)
        if has_limit:
            room = max(1, limit - (self._count(data) - room))
        fixed, fitted = self.call(contexts, options).fitting(room)

        def left(tokens: int) -> dict[str, Any]:
            return replaced(data, self.fields, iter(fitted(tokens)))

        most = fixed + sum(self.counter.count(text) for text in texts) + 2 * len(texts)
        if not has_limit:
            return left(most)
        sizes = range(fixed, most + 1)  # the most that fits; a tighter one never has more tokens
        over = bisect_right(sizes, limit, key=lambda tokens: self._count(left(tokens)))
        at = max(0, over - 1)
        while at and self._count(left(sizes[at])) > limit:  # seams can cost a token more
            at -= 1
        return left(sizes[at])


def as_json(data: Mapping[str, Any]) -> str:
    """Return the JSON whose tokens are counted.

    Raises:
        PromptError: Something in it is no JSON.
    """
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PromptError(f"json_data cannot be written as JSON: {error}.") from error


def read_fields(
    data: Mapping[str, Any], config: Mapping[str, Any] | str | Path
) -> dict[str, Field]:
    """Return what a `json_config` says of each key.

    Args:
        data: The object.
        config: By key {"rate", "compress", "value_type", "pair_remove"}, each optional; or the
            path of a YAML file with that (this needs PyYAML).

    Raises:
        SettingError: It is something else, names a key that is not there, or a value is not of
            the type it states.
    """
    if isinstance(config, str | Path):
        config = _from_yaml(Path(config))
    if not isinstance(config, Mapping):
        raise SettingError(f"json_config is a dict or the path of a YAML file, not {config!r}.")
    fields = {}
    for key, settings in config.items():
        if key not in data:
            raise SettingError(
                f"json_config has the key {key!r} and json_data has not. It has:"
                f" {', '.join(map(str, data))}."
            )
        fields[key] = _field(key, settings, data[key])
    return fields


def strings_in(value: Any) -> Iterator[str]:
    """Yield the strings among a value's values, in order; keys are not among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings_in(inner)


def replaced(
    data: Mapping[str, Any], fields: Mapping[str, Field], texts: Iterator[str]
) -> dict[str, Any]:
    """Return an object with its strings that may be shortened replaced, in order."""
    return {
        key: _with_strings(value, texts)
        if key in fields and fields[key].compress and fields[key].rate != 1
        else value
        for key, value in data.items()
    }


def _with_strings(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, Mapping):
        return {key: _with_strings(inner, texts) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = [_with_strings(one, texts) for one in value]
        return tuple(inner) if isinstance(value, tuple) else inner
    return value


def _field(key: str, settings: Any, value: Any) -> Field:
    if not isinstance(settings, Mapping):
        raise SettingError(f"json_config[{key!r}] is a dict, not {settings!r}.")
    known = {"rate", "compress", "value_type", "pair_remove"}
    if unknown := sorted(map(str, set(settings) - known)):
        raise SettingError(
            f"json_config[{key!r}] has {', '.join(unknown)}; it takes {', '.join(sorted(known))}."
        )
    settings = {name: as_plain(given) for name, given in settings.items()}
    rate = settings.get("rate")
    if rate is not None:
        Budget(rate=rate)
    for name in ("compress", "pair_remove"):
        check_flag(f"{name} of json_config[{key!r}]", settings.get(name, True))
    wanted = settings.get("value_type")
    if wanted is not None:
        if wanted not in _TYPES:
            raise SettingError(
                f"value_type is one of {', '.join(_TYPES)}; JSON has no {wanted!r} ({key!r})."
            )
        is_bool = isinstance(value, bool) and "bool" not in wanted
        if not isinstance(value, _TYPES[wanted]) or is_bool:
            raise SettingError(
                f"json_config says that {key!r} is a {wanted}; it is a {type(value).__name__}."
            )
    return Field(rate, settings.get("compress", True), settings.get("pair_remove", True))


def _from_yaml(path: Path) -> Any:
    yaml = need("yaml", extra="yaml")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SettingError(f"json_config {path} cannot be read: {error.strerror}.") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingError(f"json_config {path} is not YAML: {error}") from error
