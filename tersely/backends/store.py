"""Where models live on this machine, and what a model's name means here. No network.

    $TERSELY_HOME, else the user's cache directory
    ├── models/<short name>/<files>     what `tersely models pull` fetched
    └── converted/<content key>/        what a backend made of a model, once

Everything appears in its place whole: it is made beside it, under a hidden name, then renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tersely.backends.adapter_folder import NOTE, adapter_files, check_adapter, check_base
from tersely.backends.manifest import (
    MANIFEST,
    Manifest,
    ModelFile,
    PackagedSource,
    manifest_of,
)
from tersely.errors import BackendError, ModelCorrupt, ModelMismatch, ModelNotFound, UnknownName

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_MAKING = ".tersely-making-"
# What a sentence encoder's folder says beyond its config.json.
_SETTINGS = ("sentence_bert_config.json", "1_Pooling/config.json", "modules.json")
_ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model that is on this machine.

    Attributes:
        name: What it was asked for by.
        path: A `.gguf` file, or a folder with config.json, tokenizer.json and *.safetensors.
        manifest: What is known of it, if it has a short name.
        adapter: The folder of the adapter that changes it, if one was asked for.
    """

    name: str
    path: Path
    manifest: Manifest | None = None
    adapter: Path | None = None

    @property
    def is_gguf(self) -> bool:
        """Whether it is one GGUF file; otherwise it is a folder."""
        return not self.path.is_dir()

    @property
    def files(self) -> list[Path]:
        """The files its numbers depend on."""
        return [*self._base_files, *adapter_files(self.adapter)]

    @property
    def _base_files(self) -> list[Path]:
        if self.is_gguf:
            return [self.path]
        settings = [self.path / name for name in _SETTINGS if (self.path / name).is_file()]
        return [
            self.path / "config.json",
            self.path / "tokenizer.json",
            *weight_files(self.path),
            *settings,
        ]

    def content_key(self) -> str:
        """Return a key that changes with the content, and check a short name's hash by the way.

        Raises:
            ModelCorrupt: A file does not have the hash its manifest states.
            ModelMismatch: The adapter says that it was made for another base.
        """
        base = self._base_key()
        if self.adapter is None:
            return base
        if (note := self.adapter / NOTE).is_file():
            check_base(self.adapter, read_json(note), base, self.path.name)
        return _one_key([base, *map(file_hash, adapter_files(self.adapter))])

    def _base_key(self) -> str:
        if self.manifest is None:
            return content_key(self._base_files)
        for path, file in zip(pulled_files(self.manifest), self.manifest.files, strict=True):
            check_hash(path, file, self.manifest)
        hashes = [file.sha256 for file in self.manifest.files]
        return hashes[0] if len(hashes) == 1 else _one_key(hashes)


def home() -> Path:
    """Return the folder everything is under: `$TERSELY_HOME`, else in the user's caches."""
    if chosen := os.environ.get("TERSELY_HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "tersely"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tersely"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tersely"


def models_dir() -> Path:
    """Return the folder of the pulled models; it need not exist."""
    return home() / "models"


def pulled_path(name: str) -> Path:
    """Return where the model of a short name is, or would be: a file, or a folder of several."""
    manifest = manifest_of(name)
    folder = _folder(manifest)
    return folder if manifest.beside else folder / manifest.file_name


def pulled_files(manifest: Manifest) -> list[Path]:
    """Return where the files of a manifest are, or would be, in its order."""
    return [_folder(manifest) / file.name for file in manifest.files]


def _folder(manifest: Manifest) -> Path:
    source = manifest.source
    return source.path if isinstance(source, PackagedSource) else models_dir() / manifest.name


def is_pulled(name: str) -> bool:
    """Say whether the files of a short name are here; their content is not looked at."""
    return all(path.is_file() for path in pulled_files(manifest_of(name)))


def find_model(name: str) -> ModelFiles:
    """Find a model on this machine.

    Args:
        name: A short name, a local folder or `.gguf` file, or a hub id, "organisation/model"; or
            one of these and the folder of an adapter for it, "BASE+ADAPTER".

    Raises:
        ModelNotFound: It is not on this machine; the message says how to fetch it.
        ModelMismatch: The folder is there, but is not a model folder, or not an adapter.
        UnknownName: It is none of these.
    """
    if name in MANIFEST:
        return _find_short(MANIFEST[name])
    path = Path(name).expanduser()
    if path.is_dir():
        weight_files(path)
        return ModelFiles(name, path)
    if path.is_file() and path.suffix == ".gguf":
        return ModelFiles(name, path)
    base, adapter = split_name(name)
    if adapter:
        folder = Path(adapter).expanduser()
        check_adapter(folder)
        return replace(find_model(base), name=name, adapter=folder)
    if is_hub_id(name):
        return _find_hub(name)
    if path.is_absolute() or name.startswith((".", "~")) or path.suffix == ".gguf":
        raise ModelNotFound(f"There is no model folder or .gguf file {path}.")
    raise UnknownName("model", name, MANIFEST)


def split_name(name: str) -> tuple[str, str]:
    """Cut "BASE+ADAPTER" in two; the adapter is "" where the name is of a model alone.

    Of several "+" it is the first that has a model of this machine before it, else the first.
    """
    if name in MANIFEST or Path(name).expanduser().exists():
        return name, ""
    cuts = [at for at in range(1, len(name) - 1) if name[at] == "+"]
    for at in cuts:
        if name[:at] in MANIFEST or Path(name[:at]).expanduser().exists():
            return name[:at], name[at + 1 :]
    return (name[: cuts[0]], name[cuts[0] + 1 :]) if cuts else (name, "")


def is_hub_id(name: str) -> bool:
    """Say whether a name looks like a hub's "organisation/model"."""
    return _HUB_ID.fullmatch(name) is not None


def _find_short(manifest: Manifest) -> ModelFiles:
    if not is_pulled(manifest.name):
        raise ModelNotFound(
            f"The model {manifest.name!r} is not on this machine. {manifest.remedy}"
        )
    return ModelFiles(manifest.name, pulled_path(manifest.name), manifest)


def _find_hub(name: str) -> ModelFiles:
    """Look a hub id up in the local Hugging Face cache."""
    repo = _hub_cache() / f"models--{name.replace('/', '--')}"
    missing = ModelNotFound(
        f"The model {name!r} is neither a folder here nor in the hub cache {_hub_cache()}."
        f" Fetch it with: tersely models pull {name}"
    )
    try:
        revision = (repo / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        raise missing from None
    folder = repo / "snapshots" / revision
    if not (folder / "config.json").exists():
        raise missing
    weight_files(folder)
    return ModelFiles(name, folder)


def _hub_cache() -> Path:
    """Return the Hugging Face cache; the same rules as huggingface_hub's own."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("HF_HOME") or caches / "huggingface").expanduser() / "hub"


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files of a model folder, in the order its index names them.

    Raises:
        ModelMismatch: It is not a model folder, or has its weights as pickles only.
        ModelNotFound: Weight files that the index names are missing.
    """
    if not (folder / "config.json").is_file():
        raise ModelMismatch(
            f"{folder} has no config.json. A model folder holds config.json, tokenizer.json and"
            " *.safetensors."
        )
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = read_json(index).get("weight_map", {}).values()
        files = [folder / shard for shard in dict.fromkeys(shards)]
    else:  # some repositories carry the same weights twice, under another name
        whole = folder / "model.safetensors"
        files = [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = any([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])
        only = "Its weights are pickles, which can run code and are not loaded." if pickles else ""
        raise ModelMismatch(f"{folder} has no *.safetensors file. {only}".rstrip())
    if lost := [file.name for file in files if not file.is_file()]:
        raise ModelNotFound(f"{folder} lacks {', '.join(lost)}: fetch the model again.")
    return files


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        ModelMismatch: It does not.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelMismatch(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelMismatch(f"{path} holds no JSON object.")
    return content


def check_hash(path: Path, file: ModelFile, manifest: Manifest) -> None:
    """Check that a file of a model is the one its manifest describes.

    Raises:
        ModelCorrupt: It is another.
    """
    found = file_hash(path)
    if found != file.sha256:
        raise ModelCorrupt(
            f"{path} has the SHA-256 {found[:12]}..., but {manifest.name!r} should have"
            f" {file.sha256[:12]}.... {manifest.remedy.replace('Fetch it', 'Fetch it again')}"
        )


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_key(paths: Iterable[Path]) -> str:
    """Return one SHA-256, in hex, over the content of files in this order; names do not count."""
    return _one_key(map(file_hash, paths))


def _one_key(hashes: Iterable[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def prepared(key: str, build: Callable[[Path], None]) -> Path:
    """Return the converted folder of a key, making it now if it is not there.

    Two processes may make it at once: both get the same folder. If `build` fails or is
    interrupted, there is no folder.

    Args:
        key: Names the folder; it should say what went in and what made it.
        build: Writes the files into the empty folder it is given.
    """
    place = home() / "converted" / key
    if place.is_dir():
        return place
    with new_folder(place.parent) as folder:
        build(folder)
        try:
            folder.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was first, and made the same
                raise
    return place


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """Give an empty hidden folder in `parent`; what is still in it afterwards is deleted.

    Raises:
        BackendError: It cannot be made.
    """
    folder = parent / f"{_MAKING}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)  # not mkdtemp: a store may be shared, so the umask decides
    except OSError as error:
        raise BackendError(
            f"{parent} cannot be written ({error.strerror}). Set TERSELY_HOME to a folder that can."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _delete_abandoned(parent)


def _delete_abandoned(parent: Path) -> None:
    """Delete the hidden folders that killed processes left, once they are a day old."""
    for folder in parent.glob(f"{_MAKING}*"):
        with suppress(OSError):  # another process may be deleting it too
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
