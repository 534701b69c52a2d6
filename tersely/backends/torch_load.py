"""Turn model files into a model of transformers, with its tokenizer and its start token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from tersely._optional import need
from tersely.backends.adapter import Adapter, adapted
from tersely.backends.export import config_of
from tersely.backends.gguf_file import GGUFFile
from tersely.backends.safetensors_folder import start_id_in
from tersely.backends.store import ModelFiles
from tersely.backends.tokenizer import read_tokenizer
from tersely.backends.weights import to_dense
from tersely.errors import BackendError, ModelMismatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

Loaded = tuple["PreTrainedModel", Tokenizer, int]


def read_model(files: ModelFiles, kind: Any) -> Loaded:
    """Read a model on the CPU.

    Args:
        files: What `find_model` returned.
        kind: The torch dtype of its weights.

    Raises:
        ModelMismatch: It is not a model this can use.
        BackendError: It could not be loaded.
    """
    if files.is_gguf or files.adapter:
        files.content_key()  # checks the hash, and that an adapter is for this base
    return (_from_gguf if files.is_gguf else _from_folder)(files, kind)


def _from_gguf(files: ModelFiles, kind: Any) -> Loaded:
    gguf = GGUFFile(files.path)
    whole = adapted(gguf, files)
    weights = {name: torch.tensor(to_dense(whole.weight(name))).to(kind) for name in whole.names()}
    config = transformers.LlamaConfig.from_dict(config_of(gguf.shape))
    with _no_progress_bar():
        model = transformers.LlamaForCausalLM.from_pretrained(
            None, config=config, state_dict=weights, dtype=kind
        )
    chosen = files.manifest.start_id if files.manifest else None
    return model, gguf.tokenizer(), gguf.shape.start_id if chosen is None else chosen


def _from_folder(files: ModelFiles, kind: Any) -> Loaded:
    tokenizer = read_tokenizer(files.path / "tokenizer.json")
    try:
        with _no_progress_bar():
            model, report = transformers.AutoModelForCausalLM.from_pretrained(
                str(files.path),
                dtype=kind,
                local_files_only=True,
                output_loading_info=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise BackendError(f"{files.path} could not be loaded: {error}") from error
    if lost := sorted(report["missing_keys"]):  # transformers fills them with random numbers
        raise ModelMismatch(f"{files.path} lacks {len(lost)} weights, first {lost[0]}.")
    if files.adapter:
        _add(Adapter(files.adapter), model, files.path.name)
    return model, tokenizer, start_id_in(model.config.get_text_config().to_dict())


def _add(adapter: Adapter, model: PreTrainedModel, base: str) -> None:
    """Add an adapter's changes to the weights of a model, in float32."""
    weights = dict(model.named_parameters())  # one that is used twice is named once
    adapter.check_names(iter(weights), base)
    for name in adapter.names():
        old = weights[name].data
        weights[name].data = torch.tensor(adapter.add_to(name, old.float().numpy())).to(old.dtype)


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
