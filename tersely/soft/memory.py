"""A memory: the keys and values of a few slots that stand for a text, and what they were made by.

Keys are stored as if they stood at position 0 (see `tersely.soft.rotation`), so a memory can be
read at any place, and after other memories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import BackendError, ModelMismatch, SettingError
from tersely.soft.checks import check_device
from tersely.soft.fingerprint import Fingerprint as Fingerprint
from tersely.soft.memory_file import read_parts, write_parts

if TYPE_CHECKING:
    from torch import Tensor

torch: Any = need("torch", extra="torch")

POSITION_BYTES = 4
"""What a position is stored in."""

TENSORS = ("keys", "values", "positions", "key_scales", "value_scales")
SAID = ("source_tokens", "places", "fingerprint", "prefix", "made_by")
"""What a file holds of a memory beside its tensors."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Memory:
    """S slots that stand for a text of T tokens, in each of L layers with H key-value heads.

    Attributes:
        keys: (L, H, S, D), un-rotated: as if every slot stood at position 0. int8 if quantised.
        values: (L, H, S, D), alike.
        positions: int64: where each slot stands, counted from the first token of its own text.
            (S,), or (L, H, S) where heads keep different tokens.
        source_tokens: T.
        fingerprint: What it was made by.
        prefix: Hash of the tokens that stood before the text, which are kept as they are.
        made_by: {"name": ..., "settings": ...} of the producer.
        places: Where what follows the text stands, counted alike: what it takes of the window.
            0 stands for T.
        key_scales: (L, H, S, 1) of a quantised memory: keys are `keys * key_scales`.
        value_scales: (L, H, S, 1), alike.
    """

    keys: Tensor
    values: Tensor
    positions: Tensor
    source_tokens: int
    fingerprint: Fingerprint
    prefix: str = ""
    made_by: Mapping[str, Any] = field(default_factory=dict)
    places: int = 0
    key_scales: Tensor | None = None
    value_scales: Tensor | None = None

    def __post_init__(self) -> None:
        """Check that the parts go together.

        Raises:
            SettingError: They do not.
        """
        self._check_tensors()
        self._check_said()
        if not self.places:
            object.__setattr__(self, "places", self.source_tokens)
        self._check_places()
        self._check_scales()

    def _check_tensors(self) -> None:
        keys, values = self.keys, self.values
        if keys.ndim != 4 or keys.shape != values.shape:
            raise SettingError(
                f"A memory's keys and values are both (L, H, S, D), not {tuple(keys.shape)} and"
                f" {tuple(values.shape)}."
            )
        if keys.dtype != values.dtype or keys.device != values.device:
            raise SettingError(
                f"A memory's keys ({keys.dtype} on {keys.device}) and values ({values.dtype} on"
                f" {values.device}) are of one type, on one device."
            )
        if not keys.is_floating_point() and keys.dtype != torch.int8:
            raise SettingError(f"A memory's numbers are floating-point or int8, not {keys.dtype}.")
        if not keys.numel():
            raise SettingError("A memory has at least 1 slot.")

    def _check_places(self) -> None:
        keys, places = self.keys, self.positions
        if places.shape not in (keys.shape[2:3], keys.shape[:3]) or places.dtype != torch.int64:
            raise SettingError(
                f"A memory's positions are int64, {tuple(keys.shape[2:3])} or"
                f" {tuple(keys.shape[:3])}, not {places.dtype} {tuple(places.shape)}."
            )
        if self.source_tokens < 1 or self.places < 0 or (not places.is_cuda and places.min() < 0):
            raise SettingError(
                "A memory is of at least 1 token, and its slots stand at 0 or later; it has"
                f" {self.source_tokens} tokens, and a slot stands at {int(places.min())}."
            )
        # memory tokens may stand behind their text, and joined memories behind each other
        most = self.source_tokens + self.places + self.slots
        if not places.is_cuda and places.max() >= most:
            raise SettingError(
                f"A slot stands at {int(places.max())}, far behind the {self.source_tokens} tokens"
                " that the memory is of."
            )

    def __repr__(self) -> str:
        return (
            f"<Memory of {self.source_tokens} tokens in {self.slots} slots, {self.bytes} bytes of"
            f" {self.keys.dtype}, by {self.made_by.get('name', 'nobody')}>"
        )

    def _check_said(self) -> None:
        for name in ("source_tokens", "places"):
            if type(given := getattr(self, name)) is not int or given >= 2**31:
                raise SettingError(f"{name} of a memory is a whole number; got {given!r}.")
        made = self.fingerprint
        hashes = (made.model, made.tokenizer, made.adapter, self.prefix)
        if not all(isinstance(one, str) for one in hashes):
            raise SettingError(f"A memory's fingerprint and prefix are text; got {hashes}.")
        made_by = self.made_by
        if (
            not isinstance(made_by, Mapping)
            or not isinstance(made_by.get("settings", {}), Mapping)
            or not isinstance(made_by.get("trigger", 0), int | None)
        ):
            raise SettingError(
                'made_by is {"name": ..., "settings": {...}}, and may have a "trigger", a token;'
                f" got {made_by!r}."
            )

    def _check_scales(self) -> None:
        scales = (self.key_scales, self.value_scales)
        size = (*self.keys.shape[:3], 1)
        whole = all(one is not None and tuple(one.shape) == size for one in scales)
        none = all(one is None for one in scales)
        if (self.keys.dtype == torch.int8 and not whole) or (
            self.keys.dtype != torch.int8 and not none
        ):
            raise SettingError(f"A memory in int8, and no other, has scales of {size}.")

    @property
    def slots(self) -> int:
        """S."""
        return int(self.keys.shape[2])

    @property
    def size(self) -> tuple[int, int, int]:
        """L, H and D."""
        layers, heads, _, width = self.keys.shape
        return int(layers), int(heads), int(width)

    @property
    def rate(self) -> float:
        """Slots / tokens of the text, in (0, 1]; more only for a memory with slots to spare."""
        return self.slots / self.source_tokens

    @property
    def bytes(self) -> int:
        """What keys, values, scales and positions occupy."""
        tensors = [self.keys, self.values, self.key_scales, self.value_scales]
        held = sum(one.numel() * one.element_size() for one in tensors if one is not None)
        return int(held + self.positions.numel() * POSITION_BYTES)

    @property
    def is_quantized(self) -> bool:
        """Whether it is in int8."""
        return bool(self.keys.dtype == torch.int8)

    @property
    def is_finite(self) -> bool:
        """Whether none of its numbers is infinite or NaN."""
        held = (
            (self.key_scales, self.value_scales) if self.is_quantized else (self.keys, self.values)
        )
        return all(bool(torch.isfinite(one).all()) for one in held)

    def quantized(self) -> Memory:
        """Return it in int8: each row of D numbers by its largest; reading multiplies it back."""
        if self.is_quantized:
            return self
        (keys, key_scales), (values, value_scales) = _rounded(self.keys), _rounded(self.values)
        return replace(
            self, keys=keys, values=values, key_scales=key_scales, value_scales=value_scales
        )

    def dequantized(self, dtype: Any = None) -> Memory:
        """Return it in floating point.

        Args:
            dtype: A torch dtype; None is float32 of int8, and else what it is.
        """
        if not self.is_quantized:
            return self if dtype is None else self.to(dtype=dtype)
        kind = dtype or torch.float32
        return replace(
            self,
            keys=(self.keys * self.key_scales).to(kind),
            values=(self.values * self.value_scales).to(kind),
            key_scales=None,
            value_scales=None,
        )

    def to(self, *, device: Any = None, dtype: Any = None) -> Memory:
        """Return it on a device, or in another floating-point type (which ends quantisation)."""
        if dtype is not None and self.is_quantized:
            return self.dequantized(dtype).to(device=device)
        moved = {
            name: one.to(device=device, dtype=dtype if name in ("keys", "values") else None)
            for name in ("keys", "values", "key_scales", "value_scales")
            if (one := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    def select(self, chosen: Tensor) -> Memory:
        """Return some of its slots.

        Args:
            chosen: Indices in [0, S): (K,), or (L, H, K) for different ones in each head.
        """
        device = self.keys.device
        index = chosen.to(device)
        if index.ndim == 1:
            cut = {
                name: one.index_select(2, index)
                for name in ("keys", "values", "key_scales", "value_scales")
                if (one := getattr(self, name)) is not None
            }
            places = self.positions.index_select(-1, chosen.to(self.positions.device))
            return replace(self, positions=places, **cut)
        cut = {
            name: one.gather(2, index[..., None].expand(-1, -1, -1, one.shape[-1]))
            for name in ("keys", "values", "key_scales", "value_scales")
            if (one := getattr(self, name)) is not None
        }
        here = chosen.to(self.positions.device)
        places = self.positions.expand(self.keys.shape[:3]).gather(2, here)
        return replace(self, positions=places, **cut)

    def save(self, path: Path | str) -> None:
        """Write it to a file, which appears whole; one that is there keeps its permissions.

        Raises:
            BackendError: It cannot be written, or what is there is no file.
        """
        if not str(path):
            raise BackendError("A memory is written to a file; its name is empty.")
        tensors = {name: one for name in TENSORS if (one := getattr(self, name)) is not None}
        tensors["positions"] = self.positions.to(torch.int32)
        said = {name: getattr(self, name) for name in SAID}
        said |= {"fingerprint": asdict(self.fingerprint), "made_by": dict(self.made_by)}
        write_parts(Path(path), tensors, said)

    @classmethod
    def load(
        cls, path: Path | str, expect: Fingerprint | None = None, *, device: Any = "cpu"
    ) -> Memory:
        """Read a memory from a file.

        Args:
            path: The file.
            expect: What it has to have been made by, as `Host.fingerprint`; None takes any.
            device: Where its tensors go.

        Raises:
            BackendError: There is no such file, it is no memory, or it is damaged.
            ModelMismatch: It was made by another model, tokenizer or adapter.
            SettingError: There is no such device, or what is expected is no fingerprint.
        """
        check_device(device)
        if expect is not None and not isinstance(expect, Fingerprint):
            raise SettingError(f"expect is a Fingerprint, as host.fingerprint; got {expect!r}.")
        tensors, said = read_parts(Path(path))
        try:
            parts: dict[str, Any] = {name: tensors.get(name) for name in TENSORS}
            parts |= {name: said[name] for name in SAID}
            parts["positions"] = tensors["positions"].to(torch.int64)
            parts["fingerprint"] = Fingerprint(**said["fingerprint"])
            memory = cls(**parts)
        except (AttributeError, KeyError, TypeError, SettingError) as error:
            why = str(error).rstrip(".")
            raise BackendError(f"{path} is not a whole memory: {why}.") from error
        if not memory.is_finite:
            raise BackendError(
                f"{path} holds numbers that are infinite or NaN. Compress the text again, by"
                " another method or adapter."
            )
        if expect is not None:
            memory.fingerprint.check(expect, f"The memory {path}")
        return memory.to(device=device)

    @classmethod
    def join(cls, memories: Iterable[Memory]) -> Memory:
        """Put memories one after the other: the text of each stands behind that of the one before.

        None of them has seen another: each text was read on its own.

        Raises:
            SettingError: There is none, or they differ in type or device, or stood behind
                different prefixes.
            ModelMismatch: They were made by different models, tokenizers or adapters.
        """
        memories = several(memories)
        check_together(memories)
        if len(memories) == 1:
            return memories[0]
        first = memories[0]
        by_head = any(memory.positions.ndim == 3 for memory in memories)
        places, start = [], 0
        for memory in memories:
            own = memory.positions + start
            places.append(own.expand(memory.keys.shape[:3]) if by_head else own)
            start += memory.places
        joined = {
            name: torch.cat([getattr(memory, name) for memory in memories], dim=2)
            for name in ("keys", "values", "key_scales", "value_scales")
            if getattr(first, name) is not None
        }
        makers = [dict(memory.made_by) for memory in memories]
        same = all(maker == makers[0] for maker in makers)
        adapters = [one.fingerprint.adapter for one in memories if one.fingerprint.adapter]
        return replace(
            first,
            **joined,
            positions=torch.cat(places, dim=-1),
            source_tokens=sum(memory.source_tokens for memory in memories),
            places=start,
            fingerprint=replace(first.fingerprint, adapter=adapters[0] if adapters else ""),
            made_by=makers[0] if same else {"name": "join", "settings": {"of": makers}},
        )


def several(memories: Any) -> list[Memory]:
    """Return memories that were given one after the other.

    Raises:
        SettingError: They are something else.
    """
    is_one = isinstance(memories, Memory | str | bytes | Mapping)
    if is_one or not isinstance(memories, Iterable):
        raise SettingError(
            f"Give memories one after the other, as [a, b]; got {_said_briefly(memories)}."
            " Memory.load reads a file."
        )
    held = list(memories)
    for one in held:
        if not isinstance(one, Memory):
            raise SettingError(
                f"A memory is a Memory, not {_said_briefly(one)}; Memory.load reads a file."
            )
    return held


def check_together(memories: Sequence[Memory]) -> None:
    """Check that memories can be read one after the other; what is raised is as for `join`."""
    if not memories:
        raise SettingError("There is no memory to read: give at least one.")
    first = memories[0]
    adapter = next((one.fingerprint for one in memories if one.fingerprint.adapter), None)
    for at, memory in enumerate(memories[1:], start=2):
        name = f"Memory {at} of {len(memories)}"
        memory.fingerprint.check(replace(first.fingerprint, adapter=""), name)
        if adapter is not None and memory.fingerprint.adapter:
            memory.fingerprint.check(adapter, name)
        if memory.prefix != first.prefix:
            raise SettingError(
                f"{name} stood behind another prefix ({memory.prefix[:12] or 'none'}) than the"
                f" first ({first.prefix[:12] or 'none'}). Compress both behind the same."
            )
        if memory.size != first.size:
            raise ModelMismatch(
                f"{name} has {memory.size} layers, heads and numbers a head, the first"
                f" {first.size}: they are not of one model."
            )
        if (memory.keys.dtype, memory.keys.device) != (first.keys.dtype, first.keys.device):
            raise SettingError(
                f"{name} is {memory.keys.dtype} on {memory.keys.device}, the first is"
                f" {first.keys.dtype} on {first.keys.device}. Bring them together with"
                " memory.to(device=..., dtype=...)."
            )


def _said_briefly(given: Any) -> str:
    return "one memory" if isinstance(given, Memory) else f"{given!r:.60}"


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Round (..., D) to int8 by rows: the numbers, and float32 scales (..., 1)."""
    whole = rows.detach().float()
    largest = whole.abs().amax(dim=-1, keepdim=True)
    scales = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
    return (whole / scales).round().clamp(-127, 127).to(torch.int8), scales
