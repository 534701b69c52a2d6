"""What a training of a soft compressor leaves: weights, and a card that says what they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tersely import __version__
from tersely._optional import need
from tersely.soft.adapter_file import WEIGHTS
from tersely.training import checkpoint
from tersely.training.soft.course import Course
from tersely.training.steps import machine

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
    say(f"{count:,} numbers are trained, {count / whole:.2%} of {whole:,}, in {steps:,} steps")
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
    """
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


def finished_before(out: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Return the card of a training that came to its end in this folder, or {}.

    Raises:
        SettingError: The folder holds something else, or another training.
    """
    checkpoint.open_folder(out)
    card = checkpoint.read_card(out) or {}
    if card:
        checkpoint.check_same(card.get("settings", {}), told, out)
    return card
