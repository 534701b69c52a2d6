"""Pretrain a soft compressor on plain text: write it again, go on from it, agree with full context.

    tersely train soft-pretrain --data texts.jsonl --out adapter
    torchrun --nproc-per-node 8 --no-python tersely train soft-pretrain --data ... --out ...

Reads from top to bottom: settings, data, model, loop, checkpoint. Of each window of a text the
first part becomes a memory; the frozen model reads it and is scored on writing that part again, on
how the text goes on, and on how far it is from what it says with the whole part in front. The same
settings, files and number of threads give the same weights, bit for bit, on a CPU; so does a
training that was stopped and goes on.

Paper:    Li, Su and Collier 2024, 500xCompressor. https://arxiv.org/abs/2408.03094
          Ge et al. 2024, ICAE, for the continuation. https://arxiv.org/abs/2307.06945
Differs:  the paper trains on writing again alone; a continuation and the agreement with full
          context, which needs no labels, are what later use depends on. One adapter for several
          numbers of slots. No loss on padding. No gradient checkpointing: it drops the cache.
Needs:    pip install 'tersely[train]'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tersely._words import counted
from tersely.backends.load import DEFAULT_MODEL
from tersely.errors import SettingError
from tersely.soft.host import Host, load_host
from tersely.soft.presets import Shape
from tersely.soft.trained import Network
from tersely.training.checkpoint import unless_empty
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
from tersely.training.soft.reading import Marks, Weights
from tersely.training.soft.samples import Sample, cut_document, plan_steps
from tersely.training.soft.shards import (
    Shards,
    Source,
    check_files,
    make_shards,
    open_folder,
    undone_if_refused,
)
from tersely.training.soft.team import Team
from tersely.training.steps import choose_device, undisturbed

LEAST_TEXTS = 2
"""To learn from; of one text nothing general is learnt."""

LEAST_FOLLOWING = 2
"""Tokens of a continuation that is scored: its first has nothing but the memory in front."""

# ---- settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a training depends on; written beside its weights.

    Attributes:
        source: Texts, and what is measured on later.
        out: The folder to write.
        model: The causal model to stand beside; its files are only read.
        method: "compressor500x", "icae" or "icformer".
        shape: What is trained.
        shards: Folder of the texts as tokens; None is beside `out`.
        slots: Numbers of slots that steps draw from; () is all of the shape's budgets.
        measured_slots: With how many the held-out texts are measured; None is the nearest to 16.
        context_tokens: What becomes a memory, of a whole window.
        continuation_tokens: What follows it, of a whole window.
        segment_tokens: A longer context is compressed in segments, with `slots` each.
        weights: What the parts of the loss count.
        pace: How steps are done.
        most_held_out: The most held-out windows.
        prefix: What stands before every memory: "chat", "start", or None for the model's own.
        device: "cpu", "cuda", "mps", or "auto" for the best there is.
        precision: "f32" or "bf16", of the frozen model; None is bf16 on a GPU and f32 elsewhere.
            What is trained is in f32.
    """

    source: Source
    out: Path
    model: str = DEFAULT_MODEL
    method: str = "compressor500x"
    shape: Shape = field(default_factory=Shape)
    shards: Path | None = None
    slots: tuple[int, ...] = ()
    measured_slots: int | None = None
    context_tokens: int = 512
    continuation_tokens: int = 128
    segment_tokens: int = 512
    weights: Weights = field(default_factory=Weights)
    pace: Pace = field(default_factory=Pace)
    most_held_out: int = 64
    prefix: str | None = None
    device: str = "auto"
    precision: str | None = None

    def __post_init__(self) -> None:
        least = {"context_tokens": 2, "continuation_tokens": 0, "segment_tokens": 2}
        for name, bound in (least | {"most_held_out": 1}).items():
            if not getattr(self, name) >= bound:
                raise SettingError(f"{name} is at least {bound}; got {getattr(self, name)}.")
        check_names(method=self.method, precision=self.precision, prefix=self.prefix)
        most = max(self.shape.budgets)
        for slots in (*self.slots, *([self.measured_slots] if self.measured_slots else [])):
            if not 1 <= slots <= most:
                raise SettingError(f"slots are from 1 to the largest budget, {most}; got {slots}.")
        if self.drawn[-1] >= min(self.context_tokens, self.segment_tokens):
            raise SettingError(
                f"{self.drawn[-1]} slots of a segment of"
                f" {min(self.context_tokens, self.segment_tokens)} tokens compress nothing. Use"
                " fewer slots, or a longer context."
            )
        if self.continuation_tokens < LEAST_FOLLOWING and not self.weights.regeneration:
            raise SettingError(
                f"Nothing is scored: the weight of regeneration is 0, and of"
                f" {counted(self.continuation_tokens, 'token')} that follow none is. Use a longer"
                " continuation."
            )

    @property
    def drawn(self) -> tuple[int, ...]:
        """Numbers of slots that steps draw from, rising."""
        return tuple(sorted(set(self.slots or self.shape.budgets)))

    @property
    def told(self) -> dict[str, Any]:
        """What the weights depend on, beside the files and the machine; without any path."""
        own = ("method", "context_tokens", "continuation_tokens", "segment_tokens", "prefix")
        told = {name: getattr(self, name) for name in (*own, "most_held_out", "precision")}
        told |= {"slots": list(self.drawn), "measured_slots": measured_slots(self)}
        return told | {"shape": self.shape.to_json(), **asdict(self.weights), **self.pace.told}


# ---- the training


def pretrain(
    settings: Settings,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Pretrain, or go on with what was stopped; measure it before and after.

    Args:
        settings: Everything the weights depend on.
        progress: Called after each step with (steps done, steps).
        say: Called with a line of what is known, as soon as it is.
        stop: Asked after each step; if it says so, the state is kept, and the same call with the
            same settings goes on, to the same weights.

    Raises:
        SettingError: There is too little text; the folder holds another training.
        ModelNotFound: The model is not on this machine.
        ModelMismatch: It is not a model that memories can be made of.
        BackendError: Something is damaged, or cannot be written.
    """
    say = say or (lambda line: None)
    team = Team.current()
    device = choose_device(settings.device)
    check_files((*settings.source.files, *settings.source.measured))
    seeded = undisturbed(seed=settings.pace.seed, threads=settings.pace.threads, device=device)
    with folder_of(settings.out), shards_folder(settings) as folder, seeded:
        host = load_soft_host(settings.model, device, settings.precision, settings.prefix)
        check_window(settings, host)
        network = new_network(settings.method, host, settings.shape, seed=settings.pace.seed)

        # ---- data
        with undone_if_refused(folder) if team.is_first else nullcontext():
            shards = open_shards(settings, folder, host, team)
            told = settings.told | {
                "data_sha256": shards.fingerprint,
                "base_sha256": host.fingerprint.model,
                "processes": team.size,
            }
            if done := finished_before(settings.out, told, say):
                return done
            learnt, held_out = read_samples(settings, shards)
        say(said_of_data(shards, learnt, held_out))
        if odd := said_of_held_out(settings.source.held_out, len(held_out), shards.card["texts"]):
            say(odd)

        # ---- model
        course = course_of(settings, host, network, told, learnt, held_out)

        # ---- loop, checkpoint
        data = {key: one for key, one in shards.card.items() if key not in ("shards", "settings")}
        data |= {"windows": len(learnt), "windows_held_out": len(held_out)}
        made_by = "tersely train soft-pretrain"
        return follow(course, made_by, data, progress=progress, say=say, stop=stop)


def course_of(
    settings: Settings,
    host: Host,
    network: Network,
    told: dict[str, Any],
    learnt: list[Sample],
    held_out: list[Sample],
) -> Course:
    """Return the training before its first step."""
    pace = settings.pace
    steps = plan_steps(
        [sample.tokens for sample in learnt],
        batch_tokens=pace.batch_tokens,
        pass_tokens=pace.pass_tokens,
        epochs=pace.epochs,
        budgets=settings.drawn,
        seed=pace.seed,
        most_steps=pace.most_steps,
    )
    return Course(
        out=settings.out,
        told=told,
        host=host,
        network=network,
        learnt=learnt,
        held_out=held_out,
        steps=steps,
        marks=marks_of(host),
        weights=settings.weights,
        pace=pace,
        segment_tokens=settings.segment_tokens,
        measured_slots=measured_slots(settings),
        team=Team.current(),
    )


def load_soft_host(model: str, device: str, precision: str | None, prefix: str | None) -> Host:
    """Load the frozen model; what is raised is as for `load_host`."""
    kinds = {"f32": "float32", "bf16": "bfloat16", None: None}
    host = load_host(model, device=device, dtype=kinds[precision], prefix=prefix)  # type: ignore[arg-type]
    _ = host.prefix_past  # read now, while nothing is changed and gradients may be kept
    return host


@contextmanager
def shards_folder(settings: Settings) -> Iterator[Path]:
    """Make the folder of the shards for a block that writes to it; left empty, it goes again.

    Raises:
        SettingError: It holds something else, cannot be made, or is the folder to write.
    """
    out = settings.out.resolve()
    above = settings.out.parent if settings.out.name else out.parent
    folder = settings.shards or above / f"{out.name}-shards"
    if out in (folder.resolve(), *folder.resolve().parents):
        raise SettingError(f"{folder} is for shards and cannot be the folder to write, or in it.")
    with unless_empty(folder):
        open_folder(folder)
        yield folder


def check_window(settings: Settings, host: Host) -> None:
    """Refuse windows that the model cannot read at once.

    Raises:
        SettingError: They are too long.
    """
    room = host.window_tokens - len(host.prefix)
    if settings.context_tokens + settings.continuation_tokens > room:
        raise SettingError(
            f"{settings.context_tokens} tokens of context and {settings.continuation_tokens} that"
            f" follow are more than the {room} that {host.name} reads at once. Use a shorter"
            " context."
        )


def open_shards(settings: Settings, folder: Path, host: Host, team: Team) -> Shards:
    """Make the shards, in the first process, and open them in all."""

    def make() -> Shards:
        return make_shards(
            settings.source,
            folder,
            encode=host.encode,
            vocabulary=host.model.get_input_embeddings().weight.shape[0],
            tokenizer=host.fingerprint.tokenizer,
        )

    made = make() if team.is_first else None
    team.wait()
    return made or make()


def read_samples(settings: Settings, shards: Shards) -> tuple[list[Sample], list[Sample]]:
    """Cut the texts into windows: to learn from, and to measure on.

    Raises:
        SettingError: There are fewer than two texts to learn from, or they are too short.
    """
    if shards.learnt < LEAST_TEXTS:
        verb = "is" if shards.learnt == 1 else "are"
        raise SettingError(
            f"There {verb} {counted(shards.learnt, 'text')} to learn from, beside"
            f" {shards.held_out} held out, and {LEAST_TEXTS} are needed."
        )
    least = settings.drawn[-1] + 1
    sides: list[list[Sample]] = []
    for held_out in (False, True):
        cut = [
            sample
            for text in shards.texts(held_out=held_out)
            for sample in cut_document(
                text,
                context=settings.context_tokens,
                continuation=settings.continuation_tokens,
                least=least,
            )
        ]
        sides.append(cut)
    if not sides[0]:
        raise SettingError(
            f"No text is longer than {settings.drawn[-1]} slots: with"
            f" {settings.continuation_tokens} tokens of continuation for"
            f" {settings.context_tokens} of context, {least} tokens are needed as context. Use"
            " fewer slots."
        )
    return sides[0], sides[1][: settings.most_held_out]


def marks_of(host: Host) -> Marks:
    """Return the trigger, which is the start token as in the paper, and the token of an end."""
    end = host.model.config.get_text_config().eos_token_id
    ends = [end] if isinstance(end, int) else list(end or ())
    known = [one for one in ends if one in host.special_ids.values()]
    return Marks(trigger=host.start_id, end=known[0] if known else host.start_id)


def measured_slots(settings: Settings) -> int:
    """Return with how many slots the held-out texts are measured."""
    nearest = min(settings.drawn, key=lambda slots: (abs(slots - 16), slots))
    return settings.measured_slots or nearest


def said_of_data(shards: Shards, learnt: Sequence[Sample], held_out: Sequence[Sample]) -> str:
    """Return in words what is learnt from."""
    left = shards.card["leakage"]["dropped"]
    return (
        f"{counted(shards.card['texts'], 'text')}, {counted(shards.card['tokens'], 'token')};"
        f" {left:,} more left out for sharing wording with what is measured on;"
        f" {counted(len(learnt), 'window')} to learn from, {len(held_out):,} held out"
    )
