"""Fine-tune a soft compressor on questions: answer from the memory as from the text.

    tersely train soft-finetune --data questions.jsonl --adapter pretrained --out tuned

Reads from top to bottom: settings, data, model, loop, checkpoint. A row's text becomes a memory;
the frozen model reads it and the question, in the form of its chat template, and is scored on the
answer and on how far it is, at each token of the answer, from what it says with the whole text in
front. The same settings, files and number of threads give the same weights, bit for bit, on a CPU;
so does a training that was stopped and goes on.

Paper:    Li, Su and Collier 2024, 500xCompressor. https://arxiv.org/abs/2408.03094
          Zhang et al. 2026, FlexComp, for drawing the number of slots here.
          https://arxiv.org/abs/2609.11192
Differs:  from the paper: one adapter for several numbers of slots, a chat template, several
          segments, and the divergence from full context beside the answer.
Needs:    pip install 'tersely[train]'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tersely._words import counted
from tersely.backends.load import DEFAULT_MODEL
from tersely.backends.store import file_hash
from tersely.errors import SettingError
from tersely.soft.adapter_file import read_adapter
from tersely.soft.host import Host
from tersely.soft.presets import Shape
from tersely.soft.trained import Network, take_weights
from tersely.training.soft.course import Course, Pace
from tersely.training.soft.outcome import (
    Outcome,
    check_names,
    finished_before,
    folder_of,
    follow,
    new_network,
    said_of_held_out,
)
from tersely.training.soft.pretrain import load_soft_host, marks_of
from tersely.training.soft.questions import Lessons, Reading, read_questions
from tersely.training.soft.reading import Weights
from tersely.training.soft.samples import plan_steps
from tersely.training.soft.shards import check_files, check_held_out
from tersely.training.soft.team import Team
from tersely.training.steps import choose_device, undisturbed

WEIGHTS = Weights(regeneration=0.1, following=1.0, divergence=1.0)
"""What the parts of the loss count unless it is said otherwise."""

# ---- settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a training depends on; written beside its weights.

    Attributes:
        data: JSON lines of {question, answers, documents | context}.
        out: The folder to write.
        adapter: Folder of the pretrained compressor; None begins with a new one of `shape`.
        measured: JSON lines of what is measured on later; texts that share wording are left out.
        model: The causal model to stand beside; its files are only read.
        method: "compressor500x", "icae" or "icformer"; with an adapter it is the adapter's.
        shape: What is trained; with an adapter it is the adapter's.
        slots: Numbers of slots that steps draw from; () is all of the shape's budgets.
        context_tokens: The longest text.
        segment_tokens: A longer text is compressed in segments, with `slots` each.
        weights: What the parts of the loss count; "following" is the answer.
        pace: How steps are done.
        held_out: Share of the texts that nothing is learnt from.
        most_held_out: The most held-out questions.
        prefix: What stands before every memory: "chat", "start", or None for the model's own.
        device: "cpu", "cuda", "mps", or "auto" for the best there is.
        precision: "f32" or "bf16", of the frozen model; None is bf16 on a GPU and f32 elsewhere.
    """

    data: tuple[Path, ...]
    out: Path
    adapter: Path | None = None
    measured: tuple[Path, ...] = ()
    model: str = DEFAULT_MODEL
    method: str = "compressor500x"
    shape: Shape = field(default_factory=Shape)
    slots: tuple[int, ...] = ()
    context_tokens: int = 2048
    segment_tokens: int = 512
    weights: Weights = WEIGHTS
    pace: Pace = field(default_factory=lambda: Pace(learning_rate=5e-4))
    held_out: float = 0.02
    most_held_out: int = 64
    prefix: str | None = None
    device: str = "auto"
    precision: str | None = None

    def __post_init__(self) -> None:
        for name in ("context_tokens", "segment_tokens"):
            if not getattr(self, name) >= 2:
                raise SettingError(f"{name} is at least 2; got {getattr(self, name)}.")
        if not self.data:
            raise SettingError("Name at least one file of questions.")
        check_held_out(self.held_out)
        if not self.most_held_out >= 1:
            raise SettingError(f"most_held_out is at least 1; got {self.most_held_out}.")
        check_names(method=self.method, precision=self.precision, prefix=self.prefix)

    def told(self, method: str, shape: Shape, drawn: tuple[int, ...]) -> dict[str, Any]:
        """Return what the weights depend on, beside the files and the machine; without any path."""
        own = ("context_tokens", "segment_tokens", "held_out", "most_held_out", "prefix")
        told = {name: getattr(self, name) for name in (*own, "precision")}
        told |= {"method": method, "slots": list(drawn), "shape": shape.to_json()}
        return told | {**asdict(self.weights), **self.pace.told}


# ---- the training


def finetune(
    settings: Settings,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Fine-tune, or go on with what was stopped; measure it before and after.

    Args:
        settings: Everything the weights depend on.
        progress: Called after each step with (steps done, steps).
        say: Called with a line of what is known, as soon as it is.
        stop: Asked after each step; if it says so, the state is kept, and the same call with the
            same settings goes on, to the same weights.

    Raises:
        SettingError: There is nothing to learn from; the folder holds another training.
        ModelNotFound: The model, or the adapter, is not on this machine.
        ModelMismatch: The adapter was trained beside another model.
        BackendError: Something is damaged, or cannot be written.
    """
    say = say or (lambda line: None)
    team = Team.current()
    device = choose_device(settings.device)
    check_files((*settings.data, *settings.measured))
    before = read_adapter(settings.adapter) if settings.adapter else None
    method, shape = (before.method, before.shape) if before else (settings.method, settings.shape)
    drawn = drawn_slots(settings, shape)
    seeded = undisturbed(seed=settings.pace.seed, threads=settings.pace.threads, device=device)
    with folder_of(settings.out), seeded:
        # ---- data
        host = load_soft_host(settings.model, device, settings.precision, settings.prefix)
        told = settings.told(method, shape, drawn) | {
            "data_sha256": [file_hash(file) for file in settings.data],
            "measured_sha256": [file_hash(file) for file in settings.measured],
            "adapter_sha256": before.sha256 if before else "",
            "base_sha256": host.fingerprint.model,
            "processes": team.size,
        }
        if done := finished_before(settings.out, told, say):
            return done
        if before:
            before.check(host)
        lessons = read_lessons(settings, host, drawn)
        say(said_of_lessons(lessons))
        texts = len(lessons.learnt) + len(lessons.held_out)
        if odd := said_of_held_out(settings.held_out, len(lessons.held_out), texts):
            say(odd)

        # ---- model
        network = new_network(method, host, shape, seed=settings.pace.seed)
        if before:
            take_weights(network, before)
        course = course_of(settings, host, told, lessons, network, drawn)

        # ---- loop, checkpoint
        data, made_by = told_of_data(settings, lessons), "tersely train soft-finetune"
        return follow(course, made_by, data, progress=progress, say=say, stop=stop)


def course_of(
    settings: Settings,
    host: Host,
    told: dict[str, Any],
    lessons: Lessons,
    network: Network,
    drawn: tuple[int, ...],
) -> Course:
    """Return the training before its first step."""
    pace = settings.pace
    steps = plan_steps(
        [sample.tokens for sample in lessons.learnt],
        batch_tokens=pace.batch_tokens,
        pass_tokens=pace.pass_tokens,
        epochs=pace.epochs,
        budgets=drawn,
        seed=pace.seed,
        most_steps=pace.most_steps,
    )
    return Course(
        out=settings.out,
        told=told,
        host=host,
        network=network,
        learnt=lessons.learnt,
        held_out=lessons.held_out[: settings.most_held_out],
        steps=steps,
        marks=marks_of(host),
        weights=settings.weights,
        pace=pace,
        segment_tokens=settings.segment_tokens,
        measured_slots=min(drawn, key=lambda slots: (abs(slots - 16), slots)),
        team=Team.current(),
    )


def drawn_slots(settings: Settings, shape: Shape) -> tuple[int, ...]:
    """Return the numbers of slots that steps draw from, rising.

    Raises:
        SettingError: One is larger than what the shape has, or than a text.
    """
    drawn = tuple(sorted(set(settings.slots or shape.budgets)))
    if not 1 <= drawn[0] <= drawn[-1] <= max(shape.budgets):
        raise SettingError(
            f"slots are from 1 to the largest budget, {max(shape.budgets)}; got {drawn}."
        )
    if drawn[-1] >= (longest := min(settings.context_tokens, settings.segment_tokens)):
        raise SettingError(
            f"{drawn[-1]} slots of a segment of {longest} tokens compress nothing. Use fewer slots,"
            " or a longer context."
        )
    return drawn


def read_lessons(settings: Settings, host: Host, drawn: tuple[int, ...]) -> Lessons:
    """Read the questions; what is raised is as for `read_questions`."""
    reading = Reading(
        question=lambda question: host.chat.question(question, host.system),
        encode=host.encode,
        end=marks_of(host).end,
        context_tokens=settings.context_tokens,
        least_tokens=drawn[0] + 1,
        room_tokens=host.window_tokens - len(host.prefix),
    )
    return read_questions(settings.data, settings.measured, reading, held_out=settings.held_out)


def told_of_data(settings: Settings, lessons: Lessons) -> dict[str, Any]:
    """Return what tersely.json says of the questions."""
    return {
        "files": [file.name for file in settings.data],
        "rows": lessons.rows,
        "left_out": lessons.left_out,
        "learnt": len(lessons.learnt),
        "held_out": len(lessons.held_out),
        "leakage": lessons.leakage,
    }


def said_of_lessons(lessons: Lessons) -> str:
    """Return in words what is learnt from."""
    return (
        f"{counted(lessons.rows, 'row')}: {len(lessons.learnt):,} to learn from,"
        f" {len(lessons.held_out):,} held out, {lessons.left_out:,} left out for their text or"
        f" answer, {lessons.leakage['dropped']:,} for sharing wording with what is measured on"
    )
