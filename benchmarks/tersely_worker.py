"""Run tersely in a fresh process: job.json in, result.json out, as llmlingua_worker.py does."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import peak_mb, timed

import tersely
from tersely.backends.load import load_causal


def main(job_file: str, result_file: str) -> None:
    """Do the job."""
    job = json.loads(Path(job_file).read_text("utf-8"))
    backend, load_cpu, load_wall = timed(
        lambda: load_causal(job["model"], threads=job["threads"], precision=job["precision"])
    )
    method = tersely.load("llmlingua", model=backend, alignment="paper")

    def run(case: dict[str, Any]) -> dict[str, Any]:
        result, cpu, wall = timed(
            lambda: tersely.compress(case["contexts"], method=method, **case["settings"])
        )
        return {"text": result.text, "cpu": cpu, "wall": wall, "model_tokens": result.model_tokens}

    first = run(job["cases"][0]) if job["warm_up"] else None
    runs = [run(case) for case in job["cases"]]
    result = {
        "load_cpu": load_cpu,
        "load_wall": load_wall,
        "first_wall": first["wall"] if first else None,
        "peak_mb": peak_mb(),
        "runs": runs,
        "versions": {"tersely": tersely.__version__, "openvino": version("openvino")},
    }
    Path(result_file).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
