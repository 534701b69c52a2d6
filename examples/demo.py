"""What `make demo` shows: a few-shot prompt and a question over documents, both shortened.

python examples/demo.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import tersely
from tersely.cli.diff import print_diff

HERE = Path(__file__).parent


def main() -> None:
    prompt = (HERE / "maths_cot.txt").read_text("utf-8")
    print("Eight worked examples and a question, to 500 tokens ...", file=sys.stderr)
    result = tersely.compress(prompt, tokens=500, tokenizer="o200k_base")
    print("---- what was kept (in [-brackets-] or struck through: what was dropped)")
    print_diff(result)
    show(result)

    documents = (HERE / "documents.txt").read_text("utf-8")
    question = (HERE / "documents_question.txt").read_text("utf-8").strip()
    print("\nTen documents and a question, to 250 tokens ...", file=sys.stderr)
    show(tersely.compress(documents, question=question, tokens=250, tokenizer="o200k_base"))


def show(result: tersely.Compression) -> None:
    print("---- what is sent")
    print(result.text)
    print("---- numbers")
    print(f"method  {result.method}")
    print(f"before  {result.tokens_before:5d} tokens ({result.tokenizer})")
    print(f"after   {result.tokens_after:5d} tokens, {1 / result.rate:.1f} times fewer")
    print(f"limit   {result.limit_tokens:5d} tokens")
    print(f"read    {result.model_tokens:5d} tokens with {result.model} in {result.seconds:.1f} s")
    recount = tersely.load_counter(result.tokenizer).count(result.text)
    kept = "kept" if recount <= result.limit_tokens else "BROKEN"
    print(f"counted again: {recount} <= {result.limit_tokens}: {kept}")


if __name__ == "__main__":
    main()
