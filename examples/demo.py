"""What `make demo` shows: a real 2,000-token few-shot prompt, shortened to 500 tokens.

python examples/demo.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import tersely
from tersely.cli.diff import print_diff

PROMPT = Path(__file__).parent / "maths_cot.txt"
LIMIT = 500


def main() -> None:
    text = PROMPT.read_text("utf-8")
    print(f"Reading {PROMPT.name} with a 135-million-parameter model ...", file=sys.stderr)
    result = tersely.compress(text, tokens=LIMIT, tokenizer="o200k_base")

    print("---- what was kept (in [-brackets-] or struck through: what was dropped)")
    print_diff(result)
    print("---- what is sent")
    print(result.text)
    print("---- numbers")
    print(f"before  {result.tokens_before:5d} tokens ({result.tokenizer})")
    print(f"after   {result.tokens_after:5d} tokens, {1 / result.rate:.1f} times fewer")
    print(f"limit   {result.limit_tokens:5d} tokens")
    print(f"read    {result.model_tokens:5d} tokens with {result.model} in {result.seconds:.1f} s")
    recount = tersely.load_counter("o200k_base").count(result.text)
    print(f"counted again: {recount} <= {LIMIT}: {'kept' if recount <= LIMIT else 'BROKEN'}")


if __name__ == "__main__":
    main()
