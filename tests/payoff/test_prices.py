"""Prices: those of the table, those of one's own, and what is said where there are none."""

import subprocess
import sys

import pytest

from tersely import _optional
from tersely.errors import MissingDependency, SettingError
from tersely.payoff.prices import Price, Prices, load_prices


def million(price, prompt_tokens=1):
    return price.at(prompt_tokens) * 1e6


@pytest.mark.parametrize(
    ("model", "usd"),
    [("gpt-5", (1.25, 10, 0.125, 1.25)), ("gpt-4o", (2.5, 10, 1.25, 2.5))],
)
def test_well_known_models_have_their_list_prices(model, usd):
    prices = load_prices(model)
    kinds = (prices.input, prices.output, prices.cache_read, prices.cache_write)
    assert tuple(map(million, kinds)) == pytest.approx(usd)


def test_writing_to_a_cache_has_its_own_price_where_the_provider_has_one():
    prices = load_prices("claude-opus-4-1")
    assert million(prices.cache_write) == pytest.approx(1.25 * million(prices.input))
    assert million(prices.cache_read) == pytest.approx(0.1 * million(prices.input))


def test_a_long_prompt_has_another_price_for_all_its_tokens():
    prices = load_prices("gemini-2.5-pro")
    assert prices.tiers == (200_000,)
    assert million(prices.input, 200_001) == 2 * million(prices.input, 200_000)


def test_the_source_and_the_window_are_said():
    prices = load_prices("gpt-5")
    assert (prices.model, prices.window_tokens) == ("gpt-5", 400_000)
    assert prices.source.startswith("openai, by genai-prices ")


@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude-opus-4-1", "GPT-5"])
def test_a_provider_may_stand_before_the_name(model):
    assert load_prices(model).input == load_prices(model.lower().rpartition("/")[2]).input


@pytest.mark.parametrize("model", ["o200k_base", "", " ", "nobody/no-model"])
def test_what_has_no_price_says_how_to_give_one(model):
    with pytest.raises(SettingError, match=r"No price is known.*--input-price"):
        load_prices(model)


def test_a_misspelt_model_is_told_those_near_to_it():
    with pytest.raises(SettingError, match=r"Near to it are.*gpt-5-mini"):
        load_prices("openai/gpt5-minni")


def test_without_the_table_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(_optional, "import_module", missing)
    with pytest.raises(MissingDependency, match=r"tersely\[prices\]"):
        load_prices("gpt-5")


def test_own_prices_need_no_table_and_cost_nothing_to_look_up():
    code = (
        "import sys; from tersely.payoff import Prices, Terms, predict_payoff as predict\n"
        "prices = Prices.given(input=2.0)\n"
        "assert predict(900, rate=0.5, terms=Terms(prices=prices)).money.pays\n"
        "assert not {'genai_prices', 'openvino', 'tiktoken', 'tokenizers'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_fetched():
    code = (
        "import sys\n"
        "def refuse(event, args): assert not event.startswith('socket'), event\n"
        "sys.addaudithook(refuse)\n"
        "from tersely.payoff import load_prices; assert load_prices('gpt-5').input.usd > 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_not_given_costs_as_the_prompt_does():
    prices = Prices.given(input=3.0, cache_read=0.3)
    assert (prices.cache_read.usd, prices.cache_write.usd, prices.output) == (0.3, 3.0, None)


@pytest.mark.parametrize("usd", [-1, float("nan"), float("inf"), "1", None, True])
def test_what_is_no_price_is_refused(usd):
    with pytest.raises(SettingError, match="USD per million tokens"):
        Price(usd)


def test_a_tier_that_is_no_price_is_refused():
    with pytest.raises(SettingError, match="not -2"):
        Price(1.0, ((1000, -2),))
