"""Turn keys to where they stand, and back: rotary positions, so that a memory can be put anywhere.

A model with rotary positions turns each pair of numbers (a_i, b_i) of a key by the angle
position x frequency_i, and queries alike; values are not turned. So a key that is stored as if it
stood at 0 can be read at any place.

Paper:    Su et al. 2021, RoFormer. https://arxiv.org/abs/2104.09864
Code:     https://github.com/huggingface/transformers, models/llama/modeling_llama.py: entry i goes
          with entry i + R / 2, where the first R entries of a key are turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import ModelMismatch

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

torch: Any = need("torch", extra="torch")
transformers: Any = need("transformers", extra="torch")

_PROBE_AT = 7
# Their frequencies change with the length of the text, so a key cannot be turned by a fixed angle.
_CHANGING = ("dynamic", "longrope")


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """How one model turns its keys.

    Attributes:
        frequencies: (R / 2,) float32, radians per position.
        scaling: What turned keys are multiplied by; 1 but for YaRN.
    """

    frequencies: Tensor
    scaling: float = 1.0

    def rotate(self, keys: Tensor, positions: Tensor) -> Tensor:
        """Turn keys (or queries) from 0 to their positions; gradients pass.

        Args:
            keys: (..., S, D).
            positions: Integers that broadcast to (..., S): (S,), or (B, 1, S) for (B, H, S, D).
        """
        cos, sin = self._angles(positions, keys)
        return _turned(keys, cos * self.scaling, sin * self.scaling)

    def unrotate(self, keys: Tensor, positions: Tensor) -> Tensor:
        """Turn keys (or queries) from their positions back to 0: the inverse of `rotate`."""
        cos, sin = self._angles(positions, keys)
        return _turned(keys, cos / self.scaling, -sin / self.scaling)

    def _angles(self, positions: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosines and sines, (..., S, R / 2): in float32, as the models themselves do."""
        places = positions.to(keys.device)[..., None].float()
        angles = places * self.frequencies.to(keys.device)
        return angles.cos(), angles.sin()


def _turned(keys: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = cos.shape[-1]
    a, b, rest = keys[..., :half], keys[..., half : 2 * half], keys[..., 2 * half :]
    turned = torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)  # at least float32
    whole: Tensor = torch.cat([turned.to(keys.dtype), rest], dim=-1)
    return whole


def find_rotation(model: PreTrainedModel, *, name: str, start_id: int) -> Rotation:
    """Find out how a model turns its keys, and check it on the model itself.

    A token that stands alone looks at itself only, so all that its position changes in the cache
    is how far its keys are turned, in every layer.

    Args:
        model: A causal model of transformers.
        name: What errors call it.
        start_id: A token to look at.

    Raises:
        ModelMismatch: It has no rotary positions, or not of the kind that can be turned back.
    """
    rope = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    body = model.base_model
    found = [one for key, one in body.named_buffers() if key.split(".")[-1] == "inv_freq"]
    if not found:
        raise ModelMismatch(
            f"{name} has no rotary positions (RoPE), so what it has read cannot be stored for"
            " another place. Use a model like Llama, Qwen or SmolLM."
        )
    if len(found) > 1 or rope.get("rope_type") in _CHANGING:
        kind = "several rotary bases" if len(found) > 1 else f"{rope['rope_type']} rotary positions"
        raise ModelMismatch(
            f"{name} has {kind}, which are not supported. Use a model whose keys turn at one set"
            " of fixed frequencies."
        )
    module = next(one for key, one in body.named_modules() if key.endswith("rotary_emb"))
    scaling = float(getattr(module, "attention_scaling", 1.0))
    rotation = Rotation(found[0].detach().float(), scaling)
    first, later = (_probe(model, start_id, at, name) for at in (0, _PROBE_AT))
    for before, after in zip(first, later, strict=True):
        zero, there = torch.tensor([0]), torch.tensor([_PROBE_AT])
        turned = rotation.rotate(rotation.unrotate(before, zero), there)
        if turned.shape != after.shape or not _alike(turned, after):
            raise ModelMismatch(
                f"{name} turns its keys in a way that is not known here. Use a model like Llama."
            )
    return rotation


def _probe(model: PreTrainedModel, token: int, at: int, name: str) -> list[Tensor]:
    """Read a token at a position: the keys of each layer, (1, H, 1, D)."""
    cache = transformers.DynamicCache()
    ids = torch.tensor([[token]], device=model.device)
    with torch.no_grad():
        model.base_model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            position_ids=torch.full_like(ids, at),
            past_key_values=cache,
            use_cache=True,
        )
    keys = [getattr(layer, "keys", None) for layer in cache.layers]
    values = [getattr(layer, "values", None) for layer in cache.layers]
    plain = all(one is not None and one.ndim == 4 and one.shape[2] == 1 for one in keys + values)
    shapes = {tuple(one.shape) for one in keys + values if one is not None}
    if not keys or not plain or len(shapes) != 1:
        raise ModelMismatch(
            f"{name} has no plain key-value cache with heads of one size, which is not supported."
        )
    return [one for one in keys if one is not None]


def _alike(a: Tensor, b: Tensor) -> bool:
    """Say whether two tensors are the same up to the rounding of bfloat16."""
    largest = float(b.float().abs().max())
    return float((a.float() - b.float()).abs().max()) <= 0.02 * largest
