"""`tersely payoff`: say whether compressing a file pays, and from which length on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tersely.cli import options
from tersely.cli.compress import print_json, read_prompt
from tersely.cli.report import reported

if TYPE_CHECKING:
    from tersely.core.prompt import Prompt
    from tersely.counting import TokenCounter
    from tersely.payoff.ledger import Balance
    from tersely.payoff.predict import Payoff
    from tersely.payoff.prices import Prices

LENGTHS = (250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000)
RATE = 0.5


Reader = Annotated[str, typer.Option("--for", help="Model that reads the prompt.")]
Rate = Annotated[
    float | None, typer.Option("--rate", "-r", help="Share of the tokens to keep; 0.5 if left out.")
]
OutputTokens = Annotated[
    float | None, typer.Option(help="Tokens of an answer; left out, only prompts count.")
]
Inflation = Annotated[
    float, typer.Option(help="Output tokens after / before: told less, a model may write more.")
]
Hits = Annotated[
    float, typer.Option(help="Share of the prompt that the provider's cache has, in [0, 1].")
]
HitsAfter = Annotated[float, typer.Option(help="The same for the compressed prompt.")]
Writes = Annotated[
    float, typer.Option(help="Share of the rest that is written to the cache, in [0, 1].")
]
Calls = Annotated[float, typer.Option(help="How often one compressed prompt is sent.")]
Retries = Annotated[
    float, typer.Option(help="Calls made again with the whole prompt, for each call.")
]
Prefill = Annotated[
    float | None, typer.Option(help="How fast the target reads; left out, time is not judged.")
]
Writing = Annotated[float | None, typer.Option(help="How fast it writes.")]
Machine = Annotated[float, typer.Option(help="Price of the machine that compresses.")]
InputPrice = Annotated[
    float | None, typer.Option(help="Your own price of a million tokens in USD, if not the list's.")
]
OutputPrice = Annotated[float | None, typer.Option(help="The same for the answer.")]
ReadPrice = Annotated[float | None, typer.Option(help="The same for what the cache has.")]
WritePrice = Annotated[float | None, typer.Option(help="The same for what is written to it.")]
Measure = Annotated[
    bool, typer.Option("--measure", help="Time the method here, remember it, and compress SOURCE.")
]
Check = Annotated[bool, typer.Option("--check", help="Exit with 1 where it does not pay.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def payoff(
    source: options.Source,
    target: Reader,
    question: options.Question = "",
    instruction: options.Instruction = "",
    tokens: options.Tokens = None,
    rate: Rate = None,
    method: options.Method = "auto",
    model: options.Model = None,
    output_tokens: OutputTokens = None,
    inflation: Inflation = 1.0,
    cache_hits: Hits = 0.0,
    cache_hits_after: HitsAfter = 0.0,
    cache_writes: Writes = 0.0,
    calls: Calls = 1.0,
    retries: Retries = 0.0,
    prefill_tokens_per_second: Prefill = None,
    output_tokens_per_second: Writing = None,
    machine_usd_per_hour: Machine = 0.09,
    input_price: InputPrice = None,
    output_price: OutputPrice = None,
    cache_read_price: ReadPrice = None,
    cache_write_price: WritePrice = None,
    measure: Measure = False,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Say whether compressing SOURCE for a model pays, in money and in time.

    Nothing is compressed and no model is run, unless --measure is given. The exit code is 0 for
    yes and for no.
    """
    with reported():
        from tersely import load_counter
        from tersely.payoff.terms import Terms
        from tersely.prompting import choose_method

        asked = {"question": question, "instruction": instruction}
        prompt = read_prompt(source, asked, content="auto", markup=False)
        terms = Terms(
            prices=_own_prices(input_price, output_price, cache_read_price, cache_write_price),
            output_tokens=output_tokens,
            inflation=inflation,
            cache_hits=cache_hits,
            cache_hits_after=cache_hits_after,
            cache_writes=cache_writes,
            calls=calls,
            retries=retries,
            prefill_tokens_per_second=prefill_tokens_per_second,
            output_tokens_per_second=output_tokens_per_second,
            machine_usd_per_hour=machine_usd_per_hour,
        )
        limit = {"tokens_left": tokens, "rate": RATE if rate is None and tokens is None else rate}
        given: dict[str, Any] = limit | {"model": model}
        given["method"] = choose_method(prompt, method, model=model)
        given |= {"target": target, "terms": terms}
        worth_it = _answer(prompt, load_counter(target), given, measure=measure, as_json=as_json)
        if check and not worth_it:
            raise typer.Exit(1)


def _answer(
    prompt: Prompt,
    counter: TokenCounter,
    given: dict[str, Any],
    *,
    measure: bool,
    as_json: bool,
) -> bool:
    """Predict, measure where asked, print, and return whether it is worth it."""
    from tersely.payoff.predict import predict_payoff

    ahead = predict_payoff(counter.count(prompt.text), **given)  # what is wrong is said now
    taken = None
    if measure:
        taken = _measured(prompt, counter, given)
        ahead = predict_payoff(ahead.tokens, **given)
    rows = [predict_payoff(length, **given) for length in LENGTHS]
    if as_json:
        print_json(_as_dict(ahead, rows, counter) | {"measured": taken})
    else:
        _print(ahead, rows, given["target"], taken)
    return ahead.worth_it


def _own_prices(
    plain: float | None, output: float | None, cache_read: float | None, cache_write: float | None
) -> Prices | str:
    """Return the prices that options give; "" where they give none.

    Raises:
        SettingError: They leave out that of the prompt.
    """
    from tersely.errors import SettingError
    from tersely.payoff.prices import Prices

    if plain is not None:
        return Prices.given(
            input=plain, output=output, cache_read=cache_read, cache_write=cache_write
        )
    if (output, cache_read, cache_write) != (None, None, None):
        raise SettingError("Prices of your own begin with --input-price.")
    return ""


def _measured(prompt: Prompt, counter: TokenCounter, given: dict[str, Any]) -> dict[str, Any]:
    """Time the method, remember it, and return what compressing the prompt itself took."""
    from tersely.core.budget import Budget
    from tersely.loading import load
    from tersely.payoff.speed import describe_method, save_speed
    from tersely.payoff.timing import measure_speed

    compressor = load(given["method"], model=given["model"])
    speed = measure_speed(compressor, counter=counter)
    save_speed(*describe_method(given["method"], given["model"]), speed)
    budget = Budget(tokens=given["tokens_left"], rate=given["rate"])
    result = compressor.compress(prompt, budget, counter=counter)
    return {"tokens_after": result.tokens_after, "compressor_seconds": result.seconds}


def _print(ahead: Payoff, rows: list[Payoff], target: str, taken: dict[str, Any] | None) -> None:
    """Print the verdict, why, and a table over lengths."""
    answer = "yes" if ahead.worth_it else "no"
    typer.echo(
        f"{answer}: {ahead.tokens} -> {ahead.tokens_after} tokens for {target}, {ahead.method}"
    )
    for reason in ahead.reasons:
        typer.echo(f"  {reason}")
    hint = " (--measure times it here)" if ahead.speed.source == "assumed" else ""
    typer.echo(
        f"  The compressor takes {ahead.compressor_seconds:.2f} s, {ahead.speed.source}{hint}."
    )
    if taken is not None:
        typer.echo(
            f"  Compressed: {taken['tokens_after']} tokens left, in"
            f" {taken['compressor_seconds']:.2f} s."
        )
    typer.echo(f"\n{'tokens':>8}{'after':>8}{'saved USD':>14}{'saved s':>10}  pays")
    for row in rows:
        usd, seconds = _saved(row.money), _saved(row.time)
        answer = "yes" if row.worth_it else "no"
        typer.echo(f"{row.tokens:>8}{row.tokens_after:>8}{usd:>14}{seconds:>10}  {answer}")


def _saved(balance: Balance | None) -> str:
    from tersely.payoff.predict import show_amount

    return "" if balance is None else show_amount(balance.saved)


def _as_dict(ahead: Payoff, rows: list[Payoff], counter: TokenCounter) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "worth_it": ahead.worth_it,
        "reasons": list(ahead.reasons),
        "tokens": ahead.tokens,
        "tokens_after": ahead.tokens_after,
        "tokenizer": counter.name,
        "exact": counter.exact,
        "method": ahead.method,
        "model": ahead.model,
        "compressor_seconds": ahead.compressor_seconds,
        "money": _plain(ahead.money),
        "time": _plain(ahead.time),
        "speed": asdict(ahead.speed),
        "prices": None if ahead.prices is None else asdict(ahead.prices),
        "lengths": [
            {
                "tokens": row.tokens,
                "tokens_after": row.tokens_after,
                "saved_usd": None if row.money is None else row.money.saved,
                "saved_seconds": None if row.time is None else row.time.saved,
                "worth_it": row.worth_it,
            }
            for row in rows
        ],
    }


def _plain(balance: Balance | None) -> dict[str, Any] | None:
    return None if balance is None else asdict(balance) | {"saved": balance.saved}
