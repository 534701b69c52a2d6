"""What a model has to be like for memories to be made of it, and where it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import ModelMismatch, SettingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")


def choose_device(name: str) -> str:
    """Return where to compute: what was named, or with "auto" a GPU if there is one."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: Any) -> None:
    """Refuse a device that torch cannot use here.

    Raises:
        SettingError: It cannot.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:  # torch without CUDA asserts
        why = str(error).split("\n")[0]
        raise SettingError(f"torch cannot use the device {device!r}: {why}") from error


def move(model: PreTrainedModel, device: str) -> PreTrainedModel:
    """Move a model to a device.

    Raises:
        SettingError: There is no such device.
    """
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise SettingError(f"torch cannot use the device {device!r}: {error}") from error


def check_layers(model: PreTrainedModel, name: str) -> None:
    """Refuse a model some layers of which do not see the whole text.

    Raises:
        ModelMismatch: It is one.
    """
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None) or []
    window = getattr(config, "sliding_window", None)
    if kinds:
        limited = [kind for kind in kinds if kind != "full_attention"]
    else:
        limited = ["sliding_attention"] * (config.num_hidden_layers if window else 0)
    if limited:
        wide = f" of {window} tokens" if window else ""
        raise ModelMismatch(
            f"{name} has {limited[0].replace('_', ' ')}{wide} in {len(limited)} of"
            f" {config.num_hidden_layers} layers, which is not supported: they would lose sight of"
            " the memory. Use a model whose layers all see the whole text."
        )


def check_head(model: PreTrainedModel, *, name: str, start_id: int) -> None:
    """Refuse a model whose logits are not what its head makes of its last layer.

    Raises:
        ModelMismatch: It is one.
    """
    ids = torch.full((1, 1), start_id, device=model.device)
    head = model.get_output_embeddings()
    with torch.no_grad():
        whole = model(input_ids=ids, use_cache=False).logits.float()
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        ours = None if head is None else head(hidden).float()
    if ours is None or not torch.allclose(whole, ours, atol=0.02 * float(whole.abs().max())):
        raise ModelMismatch(f"{name} changes its logits after its head, which is not supported.")
