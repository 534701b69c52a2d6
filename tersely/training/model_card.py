"""The README.md of an exported token classifier, made of what its tersely.json says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Card = Mapping[str, Any]


def model_card(card: Card) -> str:
    """Return the card as Markdown; what is not known is left out."""
    parts = [
        _head(card),
        _use(card),
        _data(card),
        _training(card),
        _evaluation(card),
        _limits(card),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(card: Card) -> Iterator[str]:
    base = card.get("base", {}).get("name", "an encoder")
    yield "# A token classifier for prompt compression"
    yield ""
    yield f"It says of each word of a text how worth keeping it is. Made of `{base}` by `tersely`."
    if licence := card.get("notes", {}).get("licence") or card.get("base", {}).get("licence"):
        yield ""
        yield f"Licence: {licence}."


def _use(card: Card) -> Iterator[str]:
    export = card.get("export", {})
    yield ""
    yield "```python"
    yield 'tersely.compress(text, rate=0.33, method="llmlingua2", model="THIS FOLDER").text'
    yield "```"
    if export:
        form = "8-bit rows with one scale each" if export["int8"] else "the weights as trained"
        yield ""
        yield f"Files: config.json, tokenizer.json, model.safetensors ({form}), tersely.json."


def _data(card: Card) -> Iterator[str]:
    data = card.get("data")
    if not data:
        return
    kinds = ", ".join(f"{count:,} `{kind}`" for kind, count in data["kinds"].items())
    yield from ("", "## Data", "")
    if note := card.get("notes", {}).get("data"):
        yield from (note, "")
    yield (
        f"{data['rows']:,} label rows ({kinds}) with {data['words']:,} words, of {data['groups']:,}"
        f" articles, papers or conversations; languages: {', '.join(data['languages'])}."
    )
    yield (
        f"{data['held_out_rows']:,} rows of {data['held_out_groups']:,} of these groups were held"
        " out: nothing was learnt from them, and the best epoch was chosen by them."
    )
    yield ""
    for file in card.get("labels", ()):
        yield f"- `{file['name']}`, SHA-256 `{file['sha256'][:16]}`"


def _training(card: Card) -> Iterator[str]:
    if "steps" not in card:
        return
    machine, settings = card["machine"], card["settings"]
    speed = card["tokens"] / max(card["seconds"], 1e-9)
    yield from ("", "## Training", "")
    yield (
        f"{card['steps']:,} steps, {card['tokens']:,} tokens in {card['seconds']:,.0f} seconds"
        f" ({speed:,.0f} a second) on {machine['device']} ({machine['processor']},"
        f" {machine['cores']} cores); "
        + ", ".join(f"{name} {version}" for name, version in card["versions"].items())
        + "."
    )
    yield from ("", "| setting | value |", "| --- | --- |")
    for name, value in settings.items():
        if not name.endswith("sha256"):
            yield f"| {name} | {value} |"


def _evaluation(card: Card) -> Iterator[str]:
    best, export = card.get("best"), card.get("export")
    yield from ("", "## Evaluation", "")
    if best:
        yield "| epoch | held-out nats | least possible | rank correlation | kept | rows |"
        yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
        for epoch in card["epochs"]:
            mark = "**" if epoch["number"] == best["number"] else ""
            yield (
                f"| {mark}{epoch['number']}{mark} | {epoch['nats']} | {epoch['floor_nats']}"
                f" | {epoch['rank']} | {epoch['kept']} | {epoch['rows']} |"
            )
        yield ""
        by_kind = ", ".join(f"{kind} {rank}" for kind, rank in best["ranks"].items())
        yield (
            "Rank correlation: Spearman's, of a word's label and P(keep), over the words of a"
            f" held-out text, mean of the texts. Of the best epoch, by kind: {by_kind or 'none'}."
            " *kept*: share of the best words that are among the third most likely kept."
        )
    if export:
        shares = ", ".join(f"{share:.3f} at {rate}" for rate, share in export["overlap"].items())
        yield ""
        yield (
            f"Words kept by this export and by the float weights (Jaccard, {export['texts']}"
            f" texts): {shares}."
        )


def _limits(card: Card) -> Iterator[str]:
    settings, data = card.get("settings", {}), card.get("data", {})
    yield from ("", "## Limits", "")
    if languages := data.get("languages"):
        yield f"- It has learnt from texts in these languages only: {', '.join(languages)}."
    if window := settings.get("window_tokens"):
        yield f"- It reads {window} tokens at once; what is further away does not count."
    if data and not data["with_question"]:
        yield "- It knows no question: it keeps what is likely to be asked of a text."
    yield "- Its numbers rank words. They are not the chance that an answer needs a word."
    yield "- It has learnt its teacher's errors, too: measure it on texts of your own."
