"""What a training of a soft compressor leaves: weights, and a card that says what they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely import __version__
from tersely._optional import need
from tersely._words import counted
from tersely.errors import SettingError, UnknownName
from tersely.soft.adapter_file import WEIGHTS
from tersely.soft.lora import check_rank
from tersely.soft.trained import NETWORKS, Network, network_of
from tersely.training import checkpoint
from tersely.training.soft.course import Course
from tersely.training.steps import machine

if TYPE_CHECKING:
    from tersely.soft.host import Host
    from tersely.soft.presets import Shape

torch: Any = need("torch", extra="train")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training.

    Attributes:
        out: Its folder.
        steps: Steps done.
        of_steps: Steps there are.
        finished: Whether it came to its end; if not, the same call goes on.
        card: What tersely.json says; empty before the end.
    """

    out: Path
    steps: int
    of_steps: int
    finished: bool
    card: dict[str, Any]


@contextmanager
def folder_of(out: Path) -> Iterator[None]:
    """Make the folder of a training for a block that writes to it; left empty, it goes again.

    Raises:
        SettingError: It is something else, or cannot be made.
    """
    if not out.resolve().name:
        raise SettingError(f"Name a folder to write; {out} is none.")
    with checkpoint.unless_empty(out):
        checkpoint.open_folder(out)
        yield


def check_names(*, method: str, precision: str | None, prefix: str | None) -> None:
    """Check what a training calls by name, before the model is loaded.

    Raises:
        UnknownName: No trained method is called that.
        SettingError: There is no such precision or prefix.
    """
    if method not in NETWORKS:
        raise UnknownName("trained soft method", method, NETWORKS)
    if precision not in (None, "f32", "bf16"):
        raise SettingError(f"precision is 'f32' or 'bf16', not {precision!r}.")
    if prefix not in (None, "chat", "start"):
        raise SettingError(f"prefix is 'chat' or 'start', not {prefix!r}.")


def new_network(method: str, host: Host, shape: Shape, *, seed: int) -> Network:
    """Return what is trained, before the first step; what is raised is as for `network_of`.

    Raises:
        SettingError: The rank is larger than a layer that is changed.
    """
    if method != "icformer":  # which has no low-rank changes
        check_rank(host.model, shape.targets, shape.rank)
    return network_of(method, host, shape, seed=seed)


def said_of_held_out(asked: float, held_out: int, texts: int) -> str:
    """Return what is to say where nothing is held out although a share was asked for, or ""."""
    if held_out or not asked:
        return ""
    return (
        f"nothing is held out: of {counted(texts, 'text')} a share of {asked} is none that can be"
        " used, so nothing will be measured; raise --held-out"
    )


def follow(
    course: Course,
    made_by: str,
    data: dict[str, Any],
    *,
    progress: Callable[[int, int], None] | None,
    say: Callable[[str], None],
    stop: Callable[[], bool] | None,
) -> Outcome:
    """Go on from what was kept, do the steps that are left, and write what came of them.

    Args:
        course: The training.
        made_by: The command.
        data: What it was trained on: counts, fingerprint, what was left out.
        progress: Called after each step with (steps done, steps).
        say: Called with a line of what is known, as soon as it is.
        stop: Asked after each step; if it says so, the state is kept.

    Raises:
        SettingError: What was kept is of other settings, data or model.
        BackendError: It is damaged, or something cannot be written.
    """
    whole = sum(one.numel() for one in course.host.model.parameters())
    count, steps = course.network.trainable, len(course.steps)
    share = f"{count / whole:.2%} of {whole:,}"
    say(f"{count:,} numbers are trained, {share}, in {counted(steps, 'step')}")
    if course.resume():
        say(f"going on after step {course.state.step}")
    if not course.run(progress, say, stop):
        return Outcome(course.out, course.state.step, steps, finished=False, card={})
    card = finish(course, made_by, data)
    return Outcome(course.out, course.state.step, steps, finished=True, card=card)


def finish(course: Course, made_by: str, data: dict[str, Any]) -> dict[str, Any]:
    """Write the weights and their card, drop the state, and return the card.

    Args:
        course: A training at its end.
        made_by: The command.
        data: What it was trained on: counts, fingerprint, what was left out.

    Raises:
        BackendError: A weight is not finite, or something cannot be written.
    """
    course.check_weights()
    out, host, network, state = course.out, course.host, course.network, course.state
    if not course.team.is_first:
        course.team.wait()
        return checkpoint.read_card(out) or {}
    weights_sha256 = checkpoint.write_weights(out / WEIGHTS, network.state_dict())
    parameters = sum(one.numel() for one in host.model.parameters())
    card: dict[str, Any] = {
        "made_by": made_by,
        "base": {"name": host.name, "sha256": host.fingerprint.model},
        "adapter": {
            "method": network.method,
            "shape": network.shape.to_json(),
            "trigger": course.marks.trigger,
            "end": course.marks.end,
            "prefix_sha256": host.prefix_sha256,
            "prefix_tokens": len(host.prefix),
        },
        "trainable": network.trainable,
        "share": round(network.trainable / parameters, 6),
        "settings": course.told,
        "data": data,
        "measured": state.measured,
        "log": state.log,
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
        "cpu_seconds": round(state.cpu_seconds, 1),
        "machine": machine(course.device)
        | {"threads": torch.get_num_threads(), "processes": course.team.size},
        "versions": {"tersely": __version__, "torch": torch.__version__},
        "weights_sha256": weights_sha256,
    }
    checkpoint.write_notes(out / checkpoint.CARD, card)
    checkpoint.drop_state(out)
    course.team.wait()
    return card


def finished_before(out: Path, told: dict[str, Any], say: Callable[[str], None]) -> Outcome | None:
    """Return what came of a training that came to its end in this folder; None if none did.

    Raises:
        SettingError: The folder holds another training, or cannot be written.
    """
    card = checkpoint.read_card(out)
    if card is None:
        if not os.access(out, os.W_OK | os.X_OK):
            raise SettingError(f"{out} cannot be written.")
        return None
    checkpoint.check_same(card.get("settings", {}), told, out)
    say(f"nothing is left to do: {out} holds this training, finished")
    return Outcome(out, card["steps"], card["steps"], finished=True, card=card)
