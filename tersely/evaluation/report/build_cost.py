"""Track 3: what a method needs before its first use."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass

from tersely._registry import compressor_class, compressor_names
from tersely.backends.load import DEFAULT_CLASSIFIER, DEFAULT_ENCODER, DEFAULT_MODEL
from tersely.backends.manifest import MANIFEST
from tersely.evaluation.arms import BASELINES, REFERENCES
from tersely.evaluation.report.corpus import Corpus
from tersely.evaluation.report.score import FORMULA, quadratic_mean, share_of_cost
from tersely.evaluation.report.table import Cell, Column, Section, Table

YARD_MEGABYTES = 1000.0
YARD_LABELS = 1000.0
YARD_SECONDS = 3600.0
"""What halves a ratio of this track; without compression nothing is needed, so a yardstick is."""

_GENERATED = {"evaluator_heads": "heads found once from 48 generated texts; they are shipped"}
_ENCODERS = ("minilm", "minilm_documents")

COLUMNS = (
    Column(name="arm", title="arm"),
    Column(name="models", title="model files"),
    Column(name="megabytes", title="MB", form=",.1f"),
    Column(name="labels", title="labels", form=",d"),
    Column(name="calibration_seconds", title="calibration s", form=",.1f"),
    Column(name="size_ratio", title="files", form=".3f", heat=True),
    Column(name="label_ratio", title="labels", form=".3f", heat=True),
    Column(name="calibration_ratio", title="calibration", form=".3f", heat=True),
    Column(name="score", title="score", form=".3f"),
    Column(name="remark", title="remark"),
)
MODEL_COLUMNS = (
    Column(name="model", title="model"),
    Column(name="sha", title="SHA-256 begins with"),
    Column(name="megabytes", title="MB", form=",.1f"),
)
NOTES = (
    "Files: 1000 / (1000 + MB). Labels: 1000 / (1000 + labels). Calibration: 3600 / (3600 +"
    " seconds). So 1,000 MB, 1,000 labels or an hour each halve their ratio; the full prompt needs"
    " none of them.",
    FORMULA,
    "MB are those of the default model's files, as its manifest states them; a model that several"
    " arms share counts for each. Labels are answers or marks that people or larger models gave."
    " A blank: not known here, such as for a method of a plug-in that is not installed.",
)


@dataclass(frozen=True, slots=True)
class Need:
    """What an arm needs.

    Attributes:
        models: Short names of models.
        labels: Labelled examples it was made with.
        seconds: What its calibration takes.
        remark: What else there is to say.
    """

    models: tuple[str, ...] = ()
    labels: int = 0
    seconds: float = 0.0
    remark: str = ""

    @property
    def megabytes(self) -> float | None:
        """Size of its model files; None where one has no manifest."""
        if any(name not in MANIFEST for name in self.models):
            return None
        return sum(MANIFEST[name].total_bytes for name in self.models) / 1e6


def need_of(arm: str) -> Need | None:
    """Return what an arm needs; None if it is not known here."""
    name, _, settings = arm.partition(":")
    found = [_need_of_stage(stage, settings) for stage in name.split("+")]
    if any(one is None for one in found):
        return None
    needs = [one for one in found if one is not None]
    return Need(
        models=tuple(dict.fromkeys(model for one in needs for model in one.models)),
        labels=sum(one.labels for one in needs),
        seconds=sum(one.seconds for one in needs),
        remark="; ".join(one.remark for one in needs if one.remark),
    )


def _need_of_stage(name: str, settings: str) -> Need | None:
    if name in _ENCODERS:
        return Need(models=(DEFAULT_ENCODER,))
    if name == "oracle":
        return Need(remark="knows the answers: no method")
    if name in REFERENCES:
        return Need()
    if name in compressor_names():
        return Need(models=_models_of(name, settings), remark=_GENERATED.get(name, ""))
    return Need() if name in BASELINES else None


def _models_of(name: str, settings: str) -> tuple[str, ...]:
    """Return the models that a method of the registry loads when nothing else is said."""
    cls = compressor_class(name)
    known = {field.name for field in fields(cls)} if is_dataclass(cls) else set()
    chosen = dict(pair.split("=", 1) for pair in settings.split(",") if "=" in pair)
    if "backend" in known:
        return (chosen.get("model", DEFAULT_MODEL),)
    if "classifier" in known:
        return (chosen.get("model", DEFAULT_CLASSIFIER),)
    if "encoder" in known:
        encoder = chosen.get("encoder", chosen.get("model", DEFAULT_ENCODER))
        return () if encoder in ("null", "None") else (encoder,)
    return ()


def build_cost(corpus: Corpus) -> Section:
    """Return the track."""
    ends = [arm for arm in ("full", "none") if any(a == arm for a, _ in corpus.points)]
    rows = tuple(_row(arm) for arm in [*ends, *corpus.arms])
    table = Table(
        name="needs", title="Before the first use", columns=COLUMNS, rows=rows, notes=NOTES
    )
    return Section(
        name="build_cost",
        title="3 Build cost",
        texts=(
            "What has to be there before the first prompt is shortened: model files to fetch,"
            " labelled examples, time to calibrate.",
        ),
        parts=(table, *_models(corpus)),
    )


def _row(arm: str) -> tuple[Cell, ...]:
    need = need_of(arm)
    if need is None:
        return (arm, *[None] * (len(COLUMNS) - 2), "not known here")
    size = need.megabytes
    ratios = [
        None if size is None else share_of_cost(YARD_MEGABYTES, size),
        share_of_cost(YARD_LABELS, need.labels),
        share_of_cost(YARD_SECONDS, need.seconds),
    ]
    score = quadratic_mean([r for r in ratios if r is not None])
    models = " + ".join(need.models) or "none"
    return (arm, models, size, need.labels, need.seconds, *ratios, score, need.remark)


def _models(corpus: Corpus) -> list[Table]:
    found = {pair for record in corpus.records for pair in record.models.items()}
    if not found:
        return []
    rows = tuple(
        (name, sha, MANIFEST[name].total_bytes / 1e6 if name in MANIFEST else None)
        for name, sha in sorted(found)
    )
    title = "Models that ran, of arms and readers"
    return [Table(name="models", title=title, columns=MODEL_COLUMNS, rows=rows)]
