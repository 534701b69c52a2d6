"""What the trained soft compressors share: a network beside the frozen model, and its start.

A network is what is trained (`tersely.training.soft`): `encode` turns B texts into the slots of B
memories and lets gradients through. The producers `compressor500x`, `icae` and `icformer` call it
on one text.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from tersely._optional import need
from tersely.errors import ModelMismatch, SettingError, UnknownName
from tersely.soft.adapter_file import Adapter, read_adapter
from tersely.soft.base import check_count, check_slots, made_by
from tersely.soft.layout import Layout, lay_out
from tersely.soft.lora import LowRank, Place, places_of
from tersely.soft.presets import PAPER_SHARE, Shape, preset
from tersely.soft.slots import SlotTable

if TYPE_CHECKING:
    from torch import Tensor

    from tersely.soft.host import Host, Pass
    from tersely.soft.memory import Memory
    from tersely.soft.past import Past

torch: Any = need("torch", extra="torch")

NETWORKS: dict[str, str] = {
    "compressor500x": "tersely.soft.compressor500x:Network500x",
    "icae": "tersely.soft.icae:NetworkICAE",
    "icformer": "tersely.soft.icformer:NetworkICFormer",
}
"""What is trained of each method, by its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The slots of B memories, with gradients.

    Attributes:
        keys: (L, B, H, K, D), un-rotated.
        values: (L, B, H, K, D).
        positions: (B, K) counted from the first token of the text.
        present: (B, K) bool: False where a row of fewer slots was filled up.
        after: (B,) the position at which a reader goes on after the text.
    """

    keys: Tensor
    values: Tensor
    positions: Tensor
    present: Tensor
    after: Tensor

    def past(self, host: Host) -> Past:
        """Put them behind the prefix of a host, to be read."""
        return host.place(
            self.keys,
            self.values,
            self.positions[:, None],
            next_positions=self.after + len(host.prefix),
            present=self.present,
        )


def joined(parts: Sequence[Slots]) -> Slots:
    """Join the slots of consecutive segments of the same B texts."""
    positions, after = [], torch.zeros_like(parts[0].after)
    for part in parts:
        positions.append(part.positions + after[:, None])
        after = after + part.after
    return Slots(
        torch.cat([part.keys for part in parts], dim=3),
        torch.cat([part.values for part in parts], dim=3),
        torch.cat(positions, dim=1),
        torch.cat([part.present for part in parts], dim=1),
        after,
    )


class Network(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """What is trained of a compressor.

    Attributes:
        shape: Its settings, with the rank that was really taken.
        table: The vectors of the slots.
    """

    method: ClassVar[str]

    def __init__(self, host: Host, shape: Shape) -> None:
        """Stand beside a frozen model."""
        super().__init__()
        self.shape = shape
        each = shape.slots == "memory"
        table = SlotTable(shape.budgets, host.width, each=each, nested=shape.nested)
        self.table = table.to(host.device)
        if each and shape.start != "words":
            start_rows(self.table.rows, host.model.get_input_embeddings().weight, shape.start)

    @abstractmethod
    def encode(self, host: Host, texts: Sequence[Sequence[int]], slots: Sequence[int]) -> Slots:
        """Compress B texts, each on its own.

        Args:
            host: The model it was made beside.
            texts: B texts in tokens, without a prefix.
            slots: K of each, at most its tokens.

        Raises:
            SettingError: A text has fewer tokens than slots, or there are too many slots.
        """

    @property
    def trainable(self) -> int:
        """How many numbers are trained."""
        return sum(int(one.numel()) for one in self.parameters())

    def slot_vectors(self) -> Iterator[Any]:
        """Yield what is learnt faster and does not decay: vectors, not matrices."""
        yield self.table.rows

    def detach(self) -> None:
        """Take everything away that stands beside the model."""


class LowRankNetwork(Network):
    """A network that reads texts with the frozen model itself, changed by low-rank changes."""

    reads_cache_only: ClassVar[bool]
    """Whether its memory is made of keys and values, not of what the last block gives."""

    def __init__(self, host: Host, shape: Shape) -> None:
        """Stand beside a frozen model; nothing is changed yet."""
        places = places_of(host.model, shape.targets, skip_last=self.reads_cache_only)
        rank = shape.rank or rank_of_share(host.model, places, PAPER_SHARE)
        shape = replace(shape, rank=rank, alpha=shape.alpha or rank / 2)
        super().__init__(host, shape)
        self.low_rank = LowRank(
            host.model, places, rank=rank, alpha=shape.alpha, dropout=shape.dropout
        )

    def read(
        self, host: Host, texts: Sequence[Sequence[int]], slots: Sequence[int]
    ) -> tuple[Layout, Pass]:
        """Read texts with the changes on; return how they were laid out, and what came of it."""
        layout = lay_out(texts, slots, self.shape, self.table, host.device)
        marks = torch.nn.functional.embedding(layout.rows.clamp(min=0), self.table.rows)
        marks = marks * (layout.rows >= 0)[..., None]  # (B, N, W)
        rows = host.embed(layout.words)
        if self.shape.slots == "memory" and self.shape.start != "words":
            rows = rows * ~layout.appended[..., None]
        past = host.prefix_past.repeat(len(texts))  # raw: made with the changes off
        with self.low_rank.on():
            read = host.forward(
                embeddings=rows + marks.to(rows.dtype),
                positions=layout.positions + len(host.prefix),
                past=past,
                visible=layout.seen(self.shape.attention, len(host.prefix)),
            )
        return layout, read

    def after(self, layout: Layout) -> Any:
        """Return where a reader goes on, (B,)."""
        return layout.present.sum(1) if self.shape.positions == "paper" else layout.tokens

    def detach(self) -> None:
        """Take the hooks off the model."""
        self.low_rank.detach()


def rank_of_share(model: Any, places: Sequence[Place], share: float) -> int:
    """Return the rank at which the changes come nearest to a share of the model's weights."""
    whole = sum(int(one.numel()) for one in model.parameters())
    return max(1, round(share * whole / sum(place.parameters(1) for place in places)))


def start_rows(rows: Any, words: Any, start: str) -> None:
    """Give slot vectors their random start, in place.

    Args:
        rows: (R, D).
        words: The model's word vectors, (V, D).
        start: "mean" or "paper", as in `Shape`.
    """
    with torch.no_grad():
        rows.normal_()
        if start == "mean":
            rows.mul_(words.float().std(0)).add_(words.float().mean(0))


def take_weights(network: Network, adapter: Adapter) -> None:
    """Put what was trained into a network, in place.

    Raises:
        ModelMismatch: It is not all of its own, or of other sizes.
        BackendError: The file is damaged.
    """
    tensors, own = adapter.weights(), network.state_dict()
    sizes = {key: tuple(one.shape) for key, one in tensors.items()}
    wanted = {key: tuple(one.shape) for key, one in own.items()}
    if sizes != wanted:
        odd = sorted(set(sizes.items()) ^ set(wanted.items()))[0][0]
        raise ModelMismatch(
            f"{adapter.folder} does not fit: {odd} is {sizes.get(odd, 'missing')} there, and"
            f" {wanted.get(odd, 'not known')} here."
        )
    network.load_state_dict(tensors)


def network_of(method: str, host: Host, shape: Shape, *, seed: int = 0) -> Network:
    """Return a new network beside a host; the same seed gives the same one.

    Raises:
        UnknownName: No trained method is called that.
        SettingError: Settings do not go together, or do not fit the model.
    """
    if method not in NETWORKS:
        raise UnknownName("trained soft method", method, NETWORKS)
    module, _, attribute = NETWORKS[method].partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made: Network = getattr(import_module(module), attribute)(host, shape)
    return made


@dataclass(frozen=True, kw_only=True)
class TrainedProducer:
    """A compressor that was trained, or is about to be; implements `Producer`.

    Attributes:
        adapter: Folder of the trained weights; None is the compressor before any training.
        preset: What it is made of where there is no adapter.
        segment_tokens: The longest text it reads at once.
    """

    name: ClassVar[str]
    adapter: str | Path | None = None
    preset: str = "default"
    segment_tokens: int | None = 512

    def __post_init__(self) -> None:
        if self.segment_tokens is not None:
            check_count("segment_tokens", self.segment_tokens, least=1)
        if self.adapter and self.preset != "default":
            raise SettingError(
                f"{self.name} has an adapter, which says what it is; preset is for one without."
            )

    @property
    def untrained(self) -> str:
        """Its name if it is yet to be trained, or ""."""
        return "" if self.adapter else self.name

    @cached_property
    def trained(self) -> Adapter | None:
        """What the folder says of itself; None without one."""
        return read_adapter(Path(self.adapter), self.name) if self.adapter else None

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it was made with."""
        if self.trained is None:
            return {"preset": self.preset}
        shape = self.trained.shape.to_json()
        return {"adapter_sha256": self.trained.sha256, "shape": shape}

    @cached_property
    def _networks(self) -> WeakKeyDictionary[Host, Network]:
        return WeakKeyDictionary()

    def network(self, host: Host) -> Network:
        """Return its network beside a host; made at the first call.

        Raises:
            ModelMismatch: The adapter was trained beside another model, or behind another prefix.
        """
        if (found := self._networks.get(host)) is not None:
            return found
        trained = self.trained
        if trained is not None:
            trained.check(host)
        made = network_of(self.name, host, trained.shape if trained else preset(self.preset))
        if trained is not None:
            take_weights(made, trained)
        self._networks[host] = made.eval().requires_grad_(False)
        return made

    def produce(self, host: Host, ids: Sequence[int], slots: int) -> Memory:
        """Compress one text; see `Producer.produce`.

        Raises:
            ModelMismatch: The adapter was trained beside another model, or behind another prefix.
            SettingError: It has too few slots.
        """
        check_slots(slots)
        host.check_length(len(ids) + slots)
        network, trained = self.network(host), self.trained
        if slots >= len(ids):  # nothing was trained for these: they are what the model itself keeps
            return host.memory_of(host.read(ids), made_by=made_by(self))
        with torch.no_grad():
            made = network.encode(host, [list(ids)], [slots])
        behind = network.shape.positions == "paper"
        return host.memory(
            made.keys[:, 0],
            made.values[:, 0],
            made.positions[0],
            source_tokens=len(ids),
            places=int(made.after[0]),
            made_by=made_by(self, trigger=trained.trigger if trained else None, behind=behind),
            adapter=trained.sha256 if trained else "",
        )
