"""Run the calls of llmlingua's own tests on the drop-in, beside what llmlingua makes of them.

    pip download llmlingua==0.2.2 --no-deps --no-binary :all: -d build/llmlingua
    tar xzf build/llmlingua/llmlingua-0.2.2.tar.gz -C build/llmlingua
    python -m benchmarks.compat.upstream_calls [--write]

The texts are read from those tests, and are not copied here.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tersely.backends.base import CausalBackend
from tersely.backends.load import load_causal
from tersely.compat.llmlingua import PromptCompressor
from tersely.counting.base import TokenCounter
from tersely.errors import Error

TESTS = Path("build/llmlingua/llmlingua-0.2.2/tests")
RESULTS = Path("docs/results/llmlingua_calls.md")
LONG = {
    "condition_in_question": "after_condition",
    "reorder_context": "sort",
    "dynamic_context_compression_ratio": 0.4,
    "condition_compare": True,
    "context_budget": "+100",
    "rank_method": "longllmlingua",
}

# (tokens before, tokens after, model tokens) of llmlingua e0e9d99 with SmolLM2-135M and its tokens,
# transformers 4.46.3; None where it raised an AssertionError.
MEASURED: dict[str, tuple[int, int, int] | None] = {
    "one demonstration, 150": (467, 178, 741),
    "all demonstrations, 150": (802, 232, 1133),
    "tagged JSON, rate 0.5": (334, 252, 676),
    "tagged JSON and meeting, rate 0.5": (1221, 484, 3904),
    "one demonstration, question, 250": (528, 343, 1674),
    "all demonstrations, question, 250": (1231, 262, 4708),
    "tagged JSON, question, 150": None,
    "tagged JSON and meeting, question, 650": None,
}


class ModelCounter:
    """Counts in the tokens of a model, as the measured numbers do."""

    exact = True

    def __init__(self, backend: CausalBackend) -> None:
        self.name = backend.name
        self._backend = backend

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        return len(self._backend.encode(text))


class Noting:
    """A backend that counts what is put through it."""

    def __init__(self, backend: CausalBackend) -> None:
        self._backend = backend
        self.tokens = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def extend(self, state: Any, ids: Any, *, scored_from: int) -> Any:
        """Read on, and count."""
        self.tokens += len(ids)
        return self._backend.extend(state, ids, scored_from=scored_from)

    def score(self, sequences: Any, *, scored_from: Any = None, on_tokens: Any = None) -> Any:
        """Score, and count."""

        def note(tokens: int) -> None:
            self.tokens += tokens
            if on_tokens:
                on_tokens(tokens)

        return self._backend.score(sequences, scored_from=scored_from, on_tokens=note)


@dataclass(frozen=True, slots=True)
class Row:
    """One call.

    Attributes:
        name: What it is.
        limit: What was asked for, as text.
        before: Tokens before.
        after: Tokens after; None where the budget is refused.
        read: Tokens put through the model.
        note: What was checked, or what was said.
    """

    name: str
    limit: str
    before: int
    after: int | None
    read: int
    note: str


def constants(path: Path) -> dict[str, str]:
    """Return the texts that a test class holds, by name."""
    out: dict[str, str] = {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    out[target.id] = node.value.value
    return out


def calls(tests: Path) -> dict[str, Callable[[PromptCompressor], dict[str, Any]]]:
    """Return the calls of the tests of llmlingua and longllmlingua."""
    plain, long = constants(tests / "test_llmlingua.py"), constants(tests / "test_longllmlingua.py")
    shown, tagged = plain["GSM8K_PROMPT"].split("\n\n"), plain["JSON_PROMPT"]
    meeting = plain["MEETINGBANK_TRANSCRIPT_0_PROMPT"]
    asked, about = long["QUESTION"], long["STRUCTURED_QUESTION"]
    demos = long["GSM8K_PROMPT"].split("\n\n")
    free = {"concate_question": False, **LONG}
    return {
        "one demonstration, 150": lambda c: c.compress_prompt(shown[0], target_token=150),
        "all demonstrations, 150": lambda c: c.compress_prompt(shown, target_token=150),
        "tagged JSON, rate 0.5": lambda c: c.structured_compress_prompt(
            [tagged], rate=0.5, use_sentence_level_filter=True
        ),
        "tagged JSON and meeting, rate 0.5": lambda c: c.structured_compress_prompt(
            [tagged, meeting], rate=0.5
        ),
        "one demonstration, question, 250": lambda c: c.compress_prompt(
            demos[0], question=asked, target_token=250, **LONG
        ),
        "all demonstrations, question, 250": lambda c: c.compress_prompt(
            demos, question=asked, target_token=250, **LONG
        ),
        "tagged JSON, question, 150": lambda c: c.structured_compress_prompt(
            [tagged],
            question=about,
            target_token=150,
            use_sentence_level_filter=True,
            **free,
        ),
        "tagged JSON and meeting, question, 650": lambda c: c.structured_compress_prompt(
            [tagged, meeting], question=about, target_token=650, **free
        ),
    }


def run(name: str, call: Any, backend: CausalBackend, counter: TokenCounter | str) -> Row:
    """Run one call."""
    noting = Noting(backend)
    compressor = PromptCompressor(noting, tokenizer=counter)
    limit = name.rpartition(", ")[2]
    try:
        result = call(compressor)
    except Error as error:
        return Row(name, limit, 0, None, noting.tokens, f"{type(error).__name__}: {error}")
    text = result["compressed_prompt"]
    note = ""
    if "JSON" in name:
        json.JSONDecoder().raw_decode(
            text.strip() if text.strip()[0] == "{" else text[text.index("{") :]
        )
        note = "JSON still loads"
    before, after = result["origin_tokens"], result["compressed_tokens"]
    return Row(name, limit, before, after, noting.tokens, note)


def report(ours: list[Row], cl100k: list[Row], model: str) -> str:
    """Return the page."""
    out = [
        "# The calls of llmlingua's own tests",
        "",
        "Inputs and arguments of `test_llmlingua.py` and `test_longllmlingua.py` of llmlingua",
        "0.2.2: GSM8K demonstrations, a tagged JSON object, a tagged meeting. Its tests compare",
        f"texts made with another model; here both use {model} (ours in",
        "`tersely.compat.llmlingua`, its at commit e0e9d99 with transformers 4.46.3).",
        "",
        f"Counted in {model}'s tokens. *Read* is what goes through the model.",
        "",
        "| call | before | llmlingua | ours | llmlingua read | ours read | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in ours:
        known = MEASURED[row.name]
        theirs, read = ("raises", "") if known is None else (f"{known[1]:,}", f"{known[2]:,}")
        mine = "refused" if row.after is None else f"{row.after:,}"
        out.append(
            f"| {row.name} | {row.before:,} | {theirs} | {mine} | {read} | {row.read:,} |"
            f" {row.note} |"
        )
    out += [
        "",
        "The same in `cl100k_base`, which is what its results count in:",
        "",
        "| call | before | ours | |",
        "| --- | ---: | ---: | --- |",
    ]
    for row in cl100k:
        mine = "refused" if row.after is None else f"{row.after:,}"
        out.append(f"| {row.name} | {row.before:,} | {mine} | {row.note} |")
    out += [
        "",
        "A number in a call's name is the most tokens of the whole result; llmlingua means those",
        "of the contexts, in its model's tokens, and passes even that. Tagged texts keep at most",
        "their own rates; with a target, all together at most that.",
        "",
        "Made by `python -m benchmarks.compat.upstream_calls --write`, whose docstring says how to",
        "get the tests.",
        "",
    ]
    return "\n".join(out)


def main() -> None:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=Path, default=TESTS, help="llmlingua's tests")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS}")
    given = parser.parse_args()
    backend = load_causal()
    counter = ModelCounter(backend)
    todo = calls(given.tests)
    ours = [run(name, call, backend, counter) for name, call in todo.items()]
    cl100k = [run(name, call, backend, "cl100k_base") for name, call in todo.items()]
    page = report(ours, cl100k, backend.name)
    print(page)
    if given.write:
        RESULTS.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
