"""Low-rank changes of a frozen model, on only while they are wanted.

A change adds s B A x to what a layer W x gives. The model itself is not touched: hooks stand beside
its layers and do nothing unless the change is on in this thread, so that with it off the model
gives the same bits as without it. One copy of the weights is encoder (on) and decoder (off).

Paper:    Hu et al. 2021, LoRA. https://arxiv.org/abs/2106.09685
Differs:  from peft: nothing is wrapped, renamed or copied, the switch costs nothing, and it is the
          forward pass that is switched, not the module, so gradients flow through either.
Cost:     2 r (I + O) FLOPs a token and layer of I inputs and O outputs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tersely._optional import need
from tersely.errors import SettingError

torch: Any = need("torch", extra="torch")

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
INNER = ("gate_proj", "up_proj", "down_proj")
TARGETS = ATTENTION + INNER
"""Which layers can be changed, as Llama-like models of transformers call them."""

_FEEDS_CACHE = ("k_proj", "v_proj")


@dataclass(frozen=True, slots=True)
class Place:
    """One layer that is changed.

    Attributes:
        name: Its name in the model, as "model.layers.3.self_attn.q_proj".
        inputs: I.
        outputs: O.
    """

    name: str
    inputs: int
    outputs: int

    def parameters(self, rank: int) -> int:
        """Return how many numbers a change of rank `rank` has."""
        return rank * (self.inputs + self.outputs)


def places_of(model: Any, targets: Sequence[str], *, skip_last: bool) -> list[Place]:
    """Return the layers that are changed.

    Args:
        model: A causal model of transformers.
        targets: Last parts of their names, of `TARGETS`.
        skip_last: Whether to leave out what only the output of the last block depends on: the
            keys and values of that block are made before it, so where nothing but keys and values
            is read, no gradient reaches such a change.

    Raises:
        SettingError: The model has no such layer.
    """
    linear = [(n, m) for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)]
    blocks = [n for n, _ in linear if n.rpartition(".")[2] in TARGETS]
    ends = {name.rpartition(".")[2] for name in blocks}
    if lost := [name for name in targets if name not in ends]:
        known = ", ".join(name for name in TARGETS if name in ends) or "none of ours"
        raise SettingError(f"The model has no layers {lost[0]!r} to change; it has {known}.")
    last = f".{model.config.get_text_config().num_hidden_layers - 1}."
    return [
        Place(name, one.in_features, one.out_features)
        for name, one in linear
        if (end := name.rpartition(".")[2]) in targets
        and not (skip_last and last in name and end not in _FEEDS_CACHE)
    ]


def check_rank(model: Any, targets: Sequence[str], rank: int) -> None:
    """Refuse a rank that no change of these layers can have: more would only be more numbers.

    Args:
        model: A causal model of transformers.
        targets: As for `places_of`.
        rank: r.

    Raises:
        SettingError: It is larger than the smaller side of a layer; the model has no such layer.
    """
    places = places_of(model, targets, skip_last=False)
    most, name = min((min(one.inputs, one.outputs), one.name) for one in places)
    if rank > most:
        raise SettingError(
            f"rank is at most {most}, the smaller side of {name}; got {rank}. Use rank={most}"
            " (--shape), with which all can be learnt."
        )


class LowRank(torch.nn.Module):  # type: ignore[misc] # torch has no types here
    """The changes of one adapter, beside one model.

    Attributes:
        places: The layers changed.
        rank: r.
        scale: s = alpha / r.
    """

    def __init__(
        self, model: Any, places: Sequence[Place], *, rank: int, alpha: float, dropout: float
    ) -> None:
        """Stand beside a model. B is 0, so that nothing is changed yet.

        Args:
            model: Its layers get hooks; `detach` takes them away.
            places: What `places_of` returned for the same model.
            rank: r.
            alpha: The changes are scaled by alpha / r.
            dropout: Share of a change's inputs that is left out in training.
        """
        super().__init__()
        self.places, self.rank, self.scale = tuple(places), rank, alpha / rank
        self.dropout = dropout
        device = next(model.parameters()).device
        self.down, self.up = torch.nn.ParameterList(), torch.nn.ParameterList()
        for place in places:
            down = torch.empty(rank, place.inputs)
            torch.nn.init.kaiming_uniform_(down, a=5**0.5)
            self.down.append(torch.nn.Parameter(down.to(device)))
            self.up.append(torch.nn.Parameter(torch.zeros(place.outputs, rank, device=device)))
        self._switch = threading.local()
        layers = [model.get_submodule(place.name) for place in places]
        self._hooks = [
            layer.register_forward_hook(self._hook(number)) for number, layer in enumerate(layers)
        ]

    @contextmanager
    def on(self) -> Iterator[None]:
        """Change what the model gives, in this thread, until the block ends."""
        before = self.is_on
        self._switch.on = True
        try:
            yield
        finally:
            self._switch.on = before

    @property
    def is_on(self) -> bool:
        """Whether this thread's forward passes are changed now."""
        return getattr(self._switch, "on", False)

    @property
    def count(self) -> int:
        """How many numbers it has, by formula."""
        return sum(place.parameters(self.rank) for place in self.places)

    def detach(self) -> None:
        """Take the hooks away; the model is as it was."""
        for hook in self._hooks:
            hook.remove()

    def _hook(self, number: int) -> Any:
        def add(_layer: Any, given: tuple[Any, ...], out: Any) -> Any:
            if not self.is_on:
                return None
            x = torch.nn.functional.dropout(given[0], self.dropout, self.training)
            down, up = self.down[number], self.up[number]
            linear = torch.nn.functional.linear
            change = linear(linear(x, down.to(x.dtype)), up.to(x.dtype))  # (..., O)
            return out + self.scale * change.to(out.dtype)

        return add
