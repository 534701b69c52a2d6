"""llmlingua 0.2.2 as one arm: a process that stays, and its output brought to the common limit."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import HERE, MODEL, export_model, reference_python
from benchmarks.question.prompts import Case
from tersely.core.prompt import JOINER
from tersely.core.select import Count

FULL_ENOUGH = 0.95
"""Share of the room for documents from which no second try is made."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an arm made of one prompt.

    Attributes:
        text: What is left of the documents; the question is not in it.
        tokens: Tokens of the whole compressed prompt, question included.
        model_tokens: Tokens put through models.
        worker_cpu: CPU-seconds of another process.
        calibration_cpu: CPU-seconds of another process spent on meeting the limit only.
        calls: How often the method was run.
        cut: Whether its output was longer than the limit and was cut there.
        peak_mb: The most memory another process used meanwhile, in MB (2**20 bytes).
        more_mb: How much that is above what it used before.
    """

    text: str
    tokens: int
    model_tokens: int = 0
    worker_cpu: float = 0.0
    calibration_cpu: float = 0.0
    calls: int = 1
    cut: bool = False
    peak_mb: float = 0.0
    more_mb: float = 0.0


class Reference:
    """llmlingua 0.2.2, LongLLMLingua settings, in its own environment.

    It does not keep to the tokens it is asked for, so each prompt is tried with the rate asked
    for and, unless 95 % to 100 % of the room was used, once more with the rate corrected in
    proportion. If that does not get there either, the try that is least too long is cut at its
    end, where its least relevant document stands; if neither is too long, the longer one counts.
    The cost is that of the first call; the second one's is kept apart.
    """

    def __init__(self, venv: Path, threads: int, count: Count) -> None:
        """Start the process, and wait until it is ready."""
        python = reference_python(venv)
        self._count = count
        self._folder = tempfile.TemporaryDirectory()
        model = export_model(Path(self._folder.name, MODEL))
        settings = {
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "TRANSFORMERS_VERBOSITY": "error",
            "PYTHONPATH": str(HERE),
        }
        server = Path(__file__).with_name("llmlingua_server.py")
        self._process = subprocess.Popen(
            [python, "-P", server, model, str(threads)],
            env=os.environ | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.versions: dict[str, str] = self._reply()["versions"]

    def __call__(self, case: Case, limit: int) -> Outcome:
        """Compress the documents of a case until they fit the limit with the question."""
        whole, bare = self._count(case.prompt.text), self._count(case.text)
        room = limit - (whole - bare)
        first = self._ask(case, room / bare, again=False)
        tries, calibration = [first["text"]], 0.0
        least = whole - bare + FULL_ENOUGH * room
        if not least <= self._tokens(case, tries[0]) <= limit:
            used = self._tokens(case, tries[0]) - (whole - bare)
            rate = min(1.0, room / bare * room / max(1, used))
            second = self._ask(case, rate, again=True)
            calibration = second["cpu"]
            tries.append(second["text"])
        text = self._best(case, tries, limit, least)
        return Outcome(
            text=text,
            tokens=self._tokens(case, text),
            model_tokens=first["model_tokens"],
            worker_cpu=first["cpu"],
            calibration_cpu=calibration,
            calls=len(tries),
            cut=text not in tries,
            peak_mb=first["peak_mb"],
            more_mb=first["more_mb"],
        )

    def _best(self, case: Case, tries: list[str], limit: int, least: float) -> str:
        """Return the try that fills the limit, or is cut to it; see the class."""
        sizes = {text: self._tokens(case, text) for text in tries}
        fitting = [text for text in tries if sizes[text] <= limit]
        longest = max(fitting, key=sizes.__getitem__, default="")
        over = [text for text in tries if sizes[text] > limit]
        if not over or (longest and sizes[longest] >= least):
            return longest
        return self._cut(case, min(over, key=sizes.__getitem__), limit)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()

    def _ask(self, case: Case, rate: float, *, again: bool) -> dict[str, Any]:
        job = {
            "contexts": list(case.documents),
            "question": case.asked,
            "rate": rate,
            "again": again,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The process of llmlingua has ended; what it said stands above.")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise RuntimeError(f"llmlingua: {reply['error']}")
        return reply

    def _tokens(self, case: Case, text: str) -> int:
        return self._count(f"{text}{JOINER}{case.asked}" if text else case.asked)

    def _cut(self, case: Case, text: str, limit: int) -> str:
        """Return the longest beginning of a text that fits."""
        low, high = 0, len(text)  # invariant: `low` fits
        while high - low > 1:
            middle = (low + high) // 2
            fits = self._tokens(case, text[:middle].rstrip()) <= limit
            low, high = (middle, high) if fits else (low, middle)
        return text[:low].rstrip()
