"""Run llmlingua 0.2.2 with its LongLLMLingua settings, in its own environment, until told to stop.

One JSON object per line in, one out. With "again", what llmlingua found when it ranked the
documents of the call before is used once more, so that a second try costs less; the seconds of
such a call are not those of a whole one.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from llmlingua_worker import count_forward_tokens, load
from measure import peak_mb, reset_peak, timed

# Source: https://github.com/microsoft/LLMLingua/blob/main/examples/RAG.ipynb
SETTINGS: dict[str, Any] = {
    "instruction": "",
    "condition_compare": True,
    "condition_in_question": "after",
    "rank_method": "longllmlingua",
    "use_sentence_level_filter": False,
    "context_budget": "+100",
    "dynamic_context_compression_ratio": 0.4,
    "reorder_context": "sort",
    "concate_question": False,
}


def remember_ranking(compressor: Any) -> Callable[[], None]:
    """Make llmlingua keep its last ranking; what is returned makes it forget."""
    rank = compressor.get_rank_results
    last: list[Any] = []

    def remembering(*args: Any, **kwargs: Any) -> Any:
        if not last:
            last.append(rank(*args, **kwargs))
        return list(last[0])

    compressor.get_rank_results = remembering
    return last.clear


def main(model: str, threads: str) -> None:
    """Answer until the input ends."""
    replies, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no reply
    torch.set_num_threads(int(threads))
    compressor = load(model, "float32")
    sizes = count_forward_tokens(compressor.model)
    forget = remember_ranking(compressor)

    def answer(job: dict[str, Any]) -> dict[str, Any]:
        sizes.clear()
        before = reset_peak()
        if not job["again"]:
            forget()
        lengths = [compressor.get_token_length(context) for context in job["contexts"]]
        result, cpu, wall = timed(
            lambda: compressor.compress_prompt(
                job["contexts"],
                question=job["question"],
                target_token=job["rate"] * sum(lengths),
                **SETTINGS,
            )
        )
        text = result["compressed_prompt"]
        cost = {"cpu": cpu, "wall": wall, "model_tokens": sum(sizes)}
        return cost | {"text": text, "peak_mb": peak_mb(), "more_mb": peak_mb() - before}

    ready = {p: version(p) for p in ("llmlingua", "torch", "transformers")}
    print(json.dumps({"versions": ready}), file=replies, flush=True)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - a failure is a record, the next may succeed
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
