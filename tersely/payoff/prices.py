"""What a million tokens of a model cost: from a table that is installed, or given by the user.

Source: the package genai-prices, which holds the providers' list prices as data. It is asked for
    nothing but that: no price is fetched, so they are as old as the installed release.
    https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from tersely._optional import need
from tersely.errors import SettingError

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Price of a million tokens of one kind.

    Attributes:
        usd: The price.
        tiers: (tokens, price), ascending: if the prompt has more tokens than that, all tokens of
            the call have this price.

    Raises:
        SettingError: A price is below 0, or not a number.
    """

    usd: float
    tiers: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        for usd in (self.usd, *(usd for _, usd in self.tiers)):
            number = isinstance(usd, int | float) and not isinstance(usd, bool)
            if not number or not 0 <= usd < math.inf:
                raise SettingError(
                    f"A price is a number of USD per million tokens, at least 0; not {usd!r}."
                )

    def at(self, prompt_tokens: float) -> float:
        """Return the USD for one token where the prompt has that many."""
        usd = self.usd
        for start, price in self.tiers:
            if prompt_tokens > start:
                usd = price
        return usd / MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a model's tokens cost.

    Attributes:
        input: A token of the prompt that is neither read from the cache nor written to it.
        output: A token of the answer; None where it is not known.
        cache_read: A token of the prompt that the provider still has.
        cache_write: A token of the prompt that the provider is to remember.
        model: Whose prices these are, as the table calls it.
        source: Where they come from.
        window_tokens: The longest prompt that the model takes; None where it is not known.
    """

    input: Price
    output: Price | None
    cache_read: Price
    cache_write: Price
    model: str = ""
    source: str = "given"
    window_tokens: int | None = None

    @classmethod
    def given(
        cls,
        *,
        input: float,  # noqa: A002 - the word that price lists use
        output: float | None = None,
        cache_read: float | None = None,
        cache_write: float | None = None,
        model: str = "",
    ) -> Prices:
        """Return prices of one's own, in USD per million tokens.

        What is read from a cache and what is written to it costs as `input`, if not told.

        Raises:
            SettingError: A price is below 0, or not a number.
        """
        plain = Price(input)
        return cls(
            input=plain,
            output=None if output is None else Price(output),
            cache_read=plain if cache_read is None else Price(cache_read),
            cache_write=plain if cache_write is None else Price(cache_write),
            model=model,
        )

    @property
    def tiers(self) -> tuple[int, ...]:
        """The prompt lengths above which another price holds, ascending."""
        known = (self.input, self.output, self.cache_read, self.cache_write)
        return tuple(sorted({start for price in known if price for start, _ in price.tiers}))


def load_prices(model: str) -> Prices:
    """Return the list prices of a model; a provider may stand before it: "openai/gpt-5".

    The first call takes half a second: it imports a library, the extra `prices`.

    >>> load_prices("gpt-5").input.usd
    1.25

    Raises:
        SettingError: The table has no such model, or no price for its tokens.
        MissingDependency: genai-prices is not installed. Prices of one's own do not need it.
    """
    library = need("genai_prices", extra="prices")
    found = _found(library, model)
    prices = found.model_price
    plain = _price(prices.input_mtok)
    if plain is None:
        raise SettingError(f"The table has {model!r}, but no price for its input. {_OWN_PRICES}")
    return Prices(
        input=plain,
        output=_price(prices.output_mtok),
        cache_read=_price(prices.cache_read_mtok) or plain,
        cache_write=_price(prices.cache_write_mtok) or plain,
        model=found.model.id,
        source=f"{found.provider.id}, by genai-prices {library.__version__}",
        window_tokens=found.model.context_window,
    )


_OWN_PRICES = (
    "Give your own: Prices.given(input=..., output=...), or --input-price and --output-price, in"
    " USD per million tokens."
)


def _found(library: Any, model: str) -> Any:
    """Return what the table says of a model.

    Raises:
        SettingError: Nothing.
    """
    nothing = library.Usage(input_tokens=0, output_tokens=0)
    provider, _, rest = model.partition("/")
    tries: list[dict[str, Any]] = [{"model_ref": model}]
    if rest:
        tries.append({"model_ref": rest, "provider_id": provider})
        tries.append({"model_ref": rest})
    for asked in tries if model.strip() else []:
        try:
            return library.calc_price(nothing, **asked)
        except LookupError:
            continue
    close = get_close_matches(rest or model, _known_models(), n=4, cutoff=0.6)
    hint = f" Near to it are: {', '.join(close)}." if close else ""
    raise SettingError(f"No price is known for {model!r}.{hint} {_OWN_PRICES}")


def _known_models() -> list[str]:
    providers = need("genai_prices.data", extra="prices").providers
    return sorted({model.id for provider in providers for model in provider.models})


def _price(found: Any) -> Price | None:
    """Return a price of the table: None, a number, or one with tiers."""
    if found is None:
        return None
    if not hasattr(found, "tiers"):
        return Price(float(found))
    tiers = sorted((tier.start, float(tier.price)) for tier in found.tiers)
    return Price(float(found.base), tuple(tiers))
