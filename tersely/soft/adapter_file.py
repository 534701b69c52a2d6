"""A trained compressor on disk: `adapter.safetensors` and what `tersely.json` says beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.backends.store import file_hash, read_json
from tersely.errors import BackendError, ModelMismatch, ModelNotFound, SettingError
from tersely.soft.presets import Shape

if TYPE_CHECKING:
    from tersely.soft.host import Host

WEIGHTS = "adapter.safetensors"
CARD = "tersely.json"


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a folder holds.

    Attributes:
        folder: Where it is.
        method: "compressor500x", "icae" or "icformer".
        shape: What was trained.
        trigger: The token after which a text is written again.
        base_sha256: Of the model it was trained beside.
        prefix_sha256: Of the prefix it was trained behind.
        sha256: Of its weights.
    """

    folder: Path
    method: str
    shape: Shape
    trigger: int
    base_sha256: str
    prefix_sha256: str
    sha256: str

    def weights(self) -> dict[str, Any]:
        """Read its weights: tensors by name.

        Raises:
            BackendError: The file is damaged.
        """
        safetensors = need("safetensors", extra="torch")
        load_file = need("safetensors.torch", extra="torch").load_file
        path = self.folder / WEIGHTS
        try:
            tensors: dict[str, Any] = load_file(path)
        except (OSError, safetensors.SafetensorError) as error:
            raise BackendError(f"{path} is damaged: {error}.") from error
        return tensors

    def check(self, host: Host) -> None:
        """Check that it belongs to a host.

        Raises:
            ModelMismatch: It was trained beside another model, or behind another prefix.
        """
        if self.base_sha256 != host.fingerprint.model:
            raise ModelMismatch(
                f"{self.folder} was trained beside another model: its base is"
                f" {self.base_sha256[:12]}, and {host.name} is {host.fingerprint.model[:12]}."
                " Load the model it was trained beside (--model)."
            )
        if self.prefix_sha256 != host.prefix_sha256:
            raise ModelMismatch(
                f"{self.folder} was trained behind another prefix ({self.prefix_sha256[:12]}) than"
                f" {host.name} has here ({host.prefix_sha256[:12]}). Load the host with the same"
                " prefix= and system= (--prefix, --system)."
            )


def read_adapter(folder: Path, method: str | None = None) -> Adapter:
    """Read what a folder says of itself; its weights are read by `weights`.

    Args:
        folder: What `tersely train soft-pretrain` or `soft-finetune` wrote.
        method: What it is wanted for; None takes any.

    Raises:
        ModelNotFound: There is no finished adapter.
        ModelMismatch: It is of another method, or its settings are not known here.
        BackendError: It is damaged: the weights are not those that were written.
    """
    if not (folder / CARD).is_file() or not (folder / WEIGHTS).is_file():
        raise ModelNotFound(
            f"{folder} holds no trained adapter ({CARD} and {WEIGHTS}). Make one with"
            " `tersely train soft-pretrain`; one that was stopped is finished by the same command."
        )
    card = read_json(folder / CARD)
    try:
        told: Mapping[str, Any] = card["adapter"]
        found = Adapter(
            folder=folder,
            method=told["method"],
            shape=Shape.from_json(told["shape"]),
            trigger=int(told["trigger"]),
            base_sha256=card["base"]["sha256"],
            prefix_sha256=told["prefix_sha256"],
            sha256=card["weights_sha256"],
        )
    except (KeyError, TypeError, ValueError, SettingError) as error:
        why = str(error).rstrip(".")
        raise ModelMismatch(f"{folder / CARD} describes no adapter known here: {why}.") from error
    if method is not None and found.method != method:
        raise ModelMismatch(f"{folder} was trained for {found.method!r}, not for {method!r}.")
    if (actual := file_hash(folder / WEIGHTS)) != found.sha256:
        raise BackendError(
            f"{folder / WEIGHTS} is damaged: its SHA-256 is {actual[:12]}, and {CARD} says"
            f" {found.sha256[:12]}. Copy the folder again."
        )
    return found
