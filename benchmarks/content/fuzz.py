"""Put real and random inputs through the front door, and check what is promised of every result.

`python -m benchmarks.content.fuzz --write` from the repository. The data is not in the repository.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ast_grep_py import SgRoot
from rich.progress import track

import tersely
from benchmarks.common import DATA, RESULTS, at_root, circumstances, commit, say, table
from benchmarks.content.literals import is_json
from tersely.content.code import find_language
from tersely.core.result import bounds_of
from tersely.core.structure import write_out

RATES = (0.5, 0.25)
SETS = {
    "code_files": "text",
    "loghub": "text",
    "tool_json": "text",
    "tech_docs": "text",
    "bfcl_tools": "tools",
    "agent_trajectories": "turns",
}
SYNTAX = {"py": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "rs": "rust"}
SYNTAX |= {"java": "java", "cpp": "cpp"}

NOTES = """\
Every input is compressed by random_drop (the harshest method: a coin for each piece and word) at
rates 0.5 and 0.25, contents found out. Checked of every result: the tokens of the text, counted
afresh, are within the limit; the text is what `kept` and `notes` make; JSON that was kept as JSON
loads; code that was kept as code parses (Python by `ast`, other languages without an error node
that was not there before); in chats nothing but texts has changed, none is empty, and calls and
results are paired; their rate is of the texts that may be cut. *as text*: JSON whose budget did
not leave room for what keeps it valid, or that is a single number or text. *too small*: more is
protected than the budget. *crashes* are all other exceptions.
"""


@dataclass
class Tally:
    """What came of the inputs of one set."""

    inputs: int = 0
    results: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    as_text: int = 0
    too_small: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(options: argparse.Namespace) -> None:
    """Run all sets and print what came of them."""
    rng = np.random.default_rng(options.seed)
    tallies: dict[str, Tally] = {}
    for name, kind in SETS.items():
        rows = read_rows(at_root(options.data) / f"{name}.jsonl.gz")
        chosen = [rows[i] for i in rng.permutation(len(rows))[: options.cases]]
        if kind == "turns":
            chats = [chat_of(row) for row in chosen]
            tallies[f"{name}, as chats"] = run(chats, name)
        else:
            texts = [row["text"] if kind == "text" else json.dumps(row["tools"]) for row in chosen]
            titles = [row.get("title") or "" for row in chosen]
            tallies[name] = run(texts, name, titles)
    tallies["random JSON"] = run([random_json(rng) for _ in range(2000)], "random JSON")
    publish(tallies, write=options.write)


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Return the records of a data set."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def chat_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a trajectory as OpenAI chat messages, a call before every run of results."""
    messages: list[dict[str, Any]] = []
    for number, turn in enumerate(row["turns"]):
        if turn["role"] != "tool":
            messages.append({"role": turn["role"], "content": turn["text"] or "-"})
            continue
        function = {"name": "tool", "arguments": "{}"}
        call = {"id": f"call_{number}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        result = {"role": "tool", "tool_call_id": call["id"], "content": turn["text"] or "-"}
        messages.append(result)
    return messages


def random_json(rng: np.random.Generator, depth: int = 1) -> str:
    """Return a random document, indented or not."""
    value = [_value(rng, depth) for _ in range(rng.integers(1, 12))]
    if rng.integers(2):
        value = {f"key {n}": each for n, each in enumerate(value)}
    indent = [None, None, 1, 4][rng.integers(4)]
    return json.dumps(value, indent=indent, ensure_ascii=bool(rng.integers(2)))


def _value(rng: np.random.Generator, depth: int) -> Any:
    words = [
        "a",
        "the sea",
        'say "no"',
        "línea\n",
        "\\",
        "日本語",
        "x" * 90,
        "to be or not " * 9,
        "",
    ]
    kind = rng.integers(7 if depth < 4 else 4)
    if kind < 4:
        return [rng.integers(1000).item(), bool(rng.integers(2)), None, str(rng.choice(words))][
            kind
        ]
    size = int(rng.integers(0, 9))
    if kind == 4:
        return {f"{rng.choice(words)}{n}": _value(rng, depth + 1) for n in range(size)}
    return [_value(rng, depth + 1) for _ in range(size * 2)]


def run(inputs: list[Any], name: str, titles: list[str] | None = None) -> Tally:
    """Compress all inputs of a set, and check what comes out."""
    tally = Tally(inputs=len(inputs))
    started = time.process_time()
    for number, given in enumerate(track(inputs, description=name)):
        title = titles[number] if titles else ""
        for rate in RATES:
            try:
                wrong = check(given, rate, title, tally)
            except tersely.BudgetTooSmall:
                tally.too_small += 1
                continue
            except Exception as error:  # noqa: BLE001 - what is looked for
                wrong = [f"{type(error).__name__}: {error}"[:200]]
            tally.wrong += [f"{name} {number} at {rate}: {what}" for what in wrong]
    tally.seconds = time.process_time() - started
    return tally


def check(given: Any, rate: float, title: str, tally: Tally) -> list[str]:
    """Return what is wrong with one result."""
    if isinstance(given, list):
        result = tersely.compress_chat(given, rate=rate, rate_of="texts", method="random_drop")
        return check_chat(given, result, tally)
    if not given.strip():
        return []
    result = tersely.compress(given, rate=rate, method="random_drop")
    tally.results += 1
    wrong = []
    kind = result.contents[0]
    tally.kinds[kind] += 1
    counted = tersely.load_counter(result.tokenizer).count(result.text)
    if counted > result.limit_tokens or counted != result.tokens_after:
        wrong.append(f"{counted} tokens, said {result.tokens_after}, limit {result.limit_tokens}")
    kept = bounds_of(result.prompt, result.kept)
    notes = [[note for at, note in result.notes if at == index] for index in range(len(kept))]
    parts = zip(result.prompt.segments, kept, notes, strict=True)
    texts = [write_out(segment.text, bounds, said) for segment, bounds, said in parts]
    if result.prompt.text != given or result.prompt.join(texts) != result.text:
        wrong.append("text is not what was kept and the notes")
    if kind == "json" and not is_json(result.text):
        wrong.append("is no JSON")
    if kind == "code" and not still_parses(given, result.text, title):
        wrong.append("does not parse")
    if kind == "text" and is_json(given) and rate < 1 and len(given) >= 200:
        tally.as_text += 1
    return wrong


def still_parses(before: str, after: str, title: str) -> bool:
    """Return whether code parses as well as it did."""
    language = SYNTAX.get(title.rpartition(".")[2]) or find_language(before)
    if language == "python" and parses(before):
        return parses(after)
    return errors(after, str(language)) <= errors(before, str(language))


def parses(source: str) -> bool:
    """Return whether Python reads it."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def errors(source: str, language: str) -> int:
    """Return how many error nodes its tree has."""
    return len(SgRoot(source, language).root().find_all(kind="ERROR"))


def check_chat(before: list[dict[str, Any]], result: Any, tally: Tally) -> list[str]:
    """Return what is wrong with a chat."""
    tally.results += 1
    tally.kinds.update(result.contents)
    wrong = []
    if result.tokens_after > result.limit_tokens:
        wrong.append("over the limit")
    if len(before) != len(result.messages):
        wrong.append("messages are missing")
    for old, new in zip(before, result.messages, strict=False):
        if list(old) != list(new) or any(old[key] != new[key] for key in old if key != "content"):
            wrong.append("a field has changed")
        if old["content"] and not new["content"]:
            wrong.append("a text is empty")
        if old["content"] and is_json(old["content"]) and not is_json(new["content"]):
            wrong.append("a result is no JSON any more")
    return wrong


def publish(tallies: dict[str, Tally], *, write: bool) -> None:
    """Print the table, and write it."""
    header = (
        "inputs",
        "number",
        "results",
        "as text",
        "too small",
        "wrong",
        "crashes",
        "s",
        "kinds",
    )
    rows = []
    for name, tally in tallies.items():
        crashes = [w for w in tally.wrong if "Error" in w]
        kinds = ", ".join(f"{kind} {count}" for kind, count in tally.kinds.most_common())
        numbers = [tally.inputs, tally.results, tally.as_text, tally.too_small]
        numbers += [len(tally.wrong) - len(crashes), len(crashes)]
        rows.append([name, *map(str, numbers), f"{tally.seconds:.0f}", kinds])
        for what in tally.wrong[:20]:
            say(what)
    head = circumstances({"tersely": f"{tersely.__version__} {commit()}"}, 1)
    text = "\n\n".join(["# Whatever goes, it stays what it is", head, table(header, rows), NOTES])
    say(text)
    if write:
        (RESULTS / "content_fuzz.md").write_text(text, "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.content.fuzz")
    parser.add_argument("--data", type=Path, default=DATA / "dev", help="seen from the repository")
    parser.add_argument("--cases", type=int, default=10_000, help="the most of each data set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write docs/results")
    main(parser.parse_args())
