"""What both trainings of a soft compressor do the same: their settings of steps, and the steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tersely._optional import need
from tersely.errors import BackendError, SettingError
from tersely.soft.trained import Network
from tersely.training import checkpoint
from tersely.training.soft.reading import Marks, Weights, read_pass, remember
from tersely.training.soft.samples import Sample, Step, filled
from tersely.training.soft.team import Team
from tersely.training.steps import restore, state_tensors

if TYPE_CHECKING:
    from tersely.soft.host import Host

torch: Any = need("torch", extra="train")

PARTS = ("regeneration", "following", "divergence")
"""Parts of the loss: the text again; what follows it; KL from full context there."""

_MOST = 1e15  # two of them multiplied are still a number of 32 bits
_MOST_SEED = 2**63 - 1  # of torch
_MOST_THREADS = 1024  # torch crashes at a hundred times as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How steps are done.

    Attributes:
        learning_rate: The greatest, of matrices: it rises in `warmup_steps` and falls as a cosine.
        slot_rate: That of slot vectors, in learning rates.
        warmup_steps: Steps in which it rises, at most a tenth of all.
        end_rate: What it falls to, as a share.
        weight_decay: Of matrices.
        most_gradient: A longer gradient is shortened to this.
        epochs: How often the data is read.
        most_steps: After so many it ends; None is all that the epochs have.
        batch_tokens: The most tokens of a step, over all processes, padding included.
        pass_tokens: The most that are read at once: what memory must hold.
        measure_steps: How often the held-out samples are measured, beside the start and the end.
        log_steps: How many steps one line of the log is the mean of.
        save_seconds: How often the state is kept.
        seed: Of the network, the order, the draws and dropout, from 0 to 2**63 - 1.
        threads: Of the processor; None leaves it to torch.
    """

    learning_rate: float = 1e-3
    slot_rate: float = 3.0
    warmup_steps: int = 100
    end_rate: float = 0.1
    weight_decay: float = 0.01
    most_gradient: float = 1.0
    epochs: int = 1
    most_steps: int | None = None
    batch_tokens: int = 32_768
    pass_tokens: int = 8_192
    measure_steps: int = 500
    log_steps: int = 10
    save_seconds: float = 120.0
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        least: dict[str, float] = {"slot_rate": 0, "warmup_steps": 0, "end_rate": 0, "seed": 0}
        least |= {"weight_decay": 0, "epochs": 1, "most_steps": 1, "batch_tokens": 1}
        least |= {"pass_tokens": 1, "measure_steps": 1, "log_steps": 1, "threads": 1}
        for name, bound in (least | {"save_seconds": 0}).items():
            given = getattr(self, name)
            most = math.inf if name == "seed" else _MOST
            if given is not None and not bound <= given < most:
                raise SettingError(f"{name} is at least {bound} and finite; got {given}.")
        for name, most in {"seed": _MOST_SEED, "threads": _MOST_THREADS}.items():
            if (getattr(self, name) or 0) > most:
                raise SettingError(f"{name} is at most {most}; got {getattr(self, name)}.")
        for name in ("learning_rate", "most_gradient"):
            if not 0 < getattr(self, name) < _MOST:
                raise SettingError(
                    f"{name} is greater than 0 and less than {_MOST:g}; got {getattr(self, name)}."
                )

    @property
    def told(self) -> dict[str, Any]:
        """What the weights depend on, beside the machine."""
        besides = ("threads", "save_seconds")
        return {name: value for name, value in asdict(self).items() if name not in besides}

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step; 0 is the first."""
        rising = min(self.warmup_steps, steps // 10)
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        turn = (step - rising) / max(1, steps - rising)
        falling = self.end_rate + (1 - self.end_rate) * (1 + math.cos(math.pi * turn)) / 2
        return self.learning_rate * falling


@dataclass(slots=True)
class State:
    """Where a training is.

    Attributes:
        step: Steps done.
        tokens: Tokens of the samples of these steps, padding not included.
        seconds: Spent on them.
        cpu_seconds: Of the processor, spent on them by this process.
        log: One entry for `log_steps` steps: the means of the parts, in nats a token.
        measured: One entry for each time the held-out samples were measured.
        sums: Of the steps since the last entry of the log: nats, and scored tokens.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    log: list[dict[str, Any]] = field(default_factory=list)
    measured: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, list[float]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Course:
    """A training that is going on: what it is made of, and where it is."""

    out: Path
    told: dict[str, Any]
    host: Host
    network: Network
    learnt: Sequence[Sample]
    held_out: Sequence[Sample]
    steps: Sequence[Step]
    marks: Marks
    weights: Weights
    pace: Pace
    segment_tokens: int
    measured_slots: int
    team: Team = field(default_factory=Team)
    optimizer: Any = None
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.optimizer = optimizer_of(self.network, self.pace)

    @property
    def device(self) -> str:
        """Where it computes: "cpu", "cuda", ..."""
        return str(self.host.device.type)

    def resume(self) -> bool:
        """Go on from what an earlier call kept; return whether there was any.

        Raises:
            SettingError: It is of other settings, data or model.
            BackendError: It is damaged.
        """
        kept = checkpoint.load_state(self.out)
        if kept is None:
            return False
        tensors, notes = kept
        checkpoint.check_same(notes["settings"], self.told, self.out)
        restore(self.network, self.optimizer, tensors)
        self.state = State(**notes["state"])
        return True

    def keep(self) -> None:
        """Keep everything that a training goes on from.

        Raises:
            BackendError: A weight is not finite, or it cannot be written.
        """
        self.check_weights()
        if self.team.is_first:
            tensors = state_tensors(self.network, self.optimizer, self.device)
            notes = {"settings": self.told, "state": asdict(self.state)}
            checkpoint.save_state(self.out, f"{self.state.step:07d}", tensors, notes)
        self.team.wait()

    def learn(self) -> None:
        """Do one step."""
        step, state = self.steps[self.state.step], self.state
        rate = self.pace.rate(state.step, len(self.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.network.train()
        sums = {part: [0.0, 0.0] for part in PARTS}
        counts = counts_of([self.learnt[i] for one in step.passes for i in one])
        for members in self.team.share(step.passes):
            samples = [self.learnt[i] for i in members]
            loss = self.score(samples, step.slots, counts, sums, turn=state.step)
            if loss is not None:
                loss.backward()
        whole = torch.tensor([sums[part] for part in PARTS], dtype=torch.float64)
        self.team.add_up([whole])
        self.check_finite(means(dict(zip(PARTS, whole.tolist(), strict=True))))
        self.apply()
        for part, (nats, count) in zip(PARTS, whole.tolist(), strict=True):
            entry = state.sums.setdefault(part, [0.0, 0.0])
            entry[0], entry[1] = entry[0] + nats, entry[1] + count
        state.tokens += sum(self.learnt[i].tokens for one in step.passes for i in one)
        state.step += 1

    def apply(self) -> None:
        """Add up the gradients of all processes, and let the optimiser do its step.

        Raises:
            BackendError: They are not finite; the weights are as they were.
        """
        trained = list(self.network.parameters())
        for one in trained:
            one.grad = torch.zeros_like(one) if one.grad is None else one.grad
        self.team.add_up(one.grad for one in trained)
        length = torch.nn.utils.clip_grad_norm_(trained, self.pace.most_gradient)
        self.check_finite({"the length of the gradient": float(length)})
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def check_finite(self, found: dict[str, float]) -> None:
        """Stop where a training has left the numbers; what is on disk is of before.

        Raises:
            BackendError: Something is not finite.
        """
        odd = [f"{name} is {value}" for name, value in found.items() if not math.isfinite(value)]
        if odd:
            helps = (
                f"A smaller learning rate than {self.pace.learning_rate} (--learning-rate) helps"
            )
            if not self.state.step:
                helps = "Nothing was learnt yet: smaller weights or --precision f32 may help"
            raise BackendError(
                f"At step {self.state.step + 1} of {len(self.steps)} {odd[0]}, and the training"
                f" ends here. {helps}. Nothing of this step is written."
            )

    def check_weights(self) -> None:
        """Check that what was learnt is finite; what is raised is as for `check_finite`."""
        named = self.network.named_parameters()
        self.check_finite({name: float(one.detach().abs().max()) for name, one in named})

    def score(
        self,
        samples: Sequence[Sample],
        slots: int,
        counts: dict[str, int],
        sums: dict[str, list[float]],
        turn: int = 0,
    ) -> Any:
        """Read one pass; add its nats to `sums`, and return its share of the step's loss."""
        host, network = self.host, self.network
        made = remember(host, network, samples, slots, self.segment_tokens, turn)
        read = read_pass(host, network, samples, made, self.marks, self.weights)
        losses = []
        if read.regeneration:
            add(sums, "regeneration", read.regeneration.entropy, read.regeneration.positions)
            share = self.weights.regeneration / counts["regeneration"]
            losses.append(read.regeneration.loss * share)
        if read.following:
            add(sums, "following", read.following.entropy, read.following.positions)
            add(sums, "divergence", read.following.divergence, read.following.positions)
            losses.append(read.following.loss / counts["following"])
        return sum(losses) if losses else None

    def measure(self) -> dict[str, Any]:
        """Return the means of the parts on the held-out samples, in nats a token."""
        sums = {part: [0.0, 0.0] for part in PARTS}
        sizes = [sample.tokens for sample in self.held_out]
        self.network.eval()
        with torch.no_grad():
            order = sorted(range(len(sizes)), key=sizes.__getitem__)
            for members in filled(order, sizes, self.pace.pass_tokens):
                samples = [self.held_out[i] for i in members]
                self.score(samples, self.measured_slots, counts_of(samples), sums)
        found = means(sums)
        self.check_finite({f"{part} of what is held out": one for part, one in found.items()})
        return {"step": self.state.step, "slots": self.measured_slots} | found

    def _is_due(self) -> bool:
        """Return whether there is something to measure that was not measured at this step."""
        state = self.state
        due = state.step % self.pace.measure_steps == 0 or state.step == len(self.steps)
        done = bool(state.measured) and state.measured[-1]["step"] == state.step
        return bool(self.held_out) and due and not done

    def run(
        self,
        progress: Callable[[int, int], None] | None,
        say: Callable[[str], None],
        stop: Callable[[], bool] | None,
    ) -> bool:
        """Do the steps that are left; return whether it came to the end."""
        state, pace, last_kept = self.state, self.pace, time.monotonic()
        while True:
            if self._is_due():
                state.measured.append(self.measure())
                say(f"held out: {worded(state.measured[-1])}")
            if state.step == len(self.steps):
                return True
            began, began_cpu = time.monotonic(), time.process_time()
            self.learn()
            state.seconds += time.monotonic() - began
            state.cpu_seconds += time.process_time() - began_cpu
            if state.step % pace.log_steps == 0 or state.step == len(self.steps):
                state.log.append({"step": state.step} | means(state.sums))
                state.sums = {}
                say(worded(state.log[-1]))
            if progress:
                progress(state.step, len(self.steps))
            if self.team.agree(bool(stop and stop())):
                self.keep()
                return False
            if self.team.agree(time.monotonic() - last_kept > pace.save_seconds):
                self.keep()
                last_kept = time.monotonic()


def optimizer_of(network: Network, pace: Pace) -> Any:
    """Return AdamW; slot vectors learn faster and do not decay."""
    vectors = list(network.slot_vectors())
    ours = {id(one) for one in vectors}
    matrices = [one for one in network.parameters() if id(one) not in ours]
    groups = [
        {"params": matrices, "weight_decay": pace.weight_decay, "factor": 1.0},
        {"params": vectors, "weight_decay": 0.0, "factor": pace.slot_rate},
    ]
    return torch.optim.AdamW(groups, lr=pace.learning_rate, betas=(0.9, 0.95))


def counts_of(samples: Sequence[Sample]) -> dict[str, int]:
    """Return how many tokens of samples are scored, at least 1 each."""
    again = sum(len(sample.text) + 1 for sample in samples)
    after = sum(int(sample.scored[1:].sum()) for sample in samples)
    return {"regeneration": max(1, again), "following": max(1, after)}


def add(sums: dict[str, list[float]], part: str, nats: float, count: int) -> None:
    """Add what a pass came to."""
    sums[part][0] += nats
    sums[part][1] += count


def means(sums: dict[str, list[float]]) -> dict[str, float]:
    """Return nats a token of each part that was scored."""
    return {part: round(nats / count, 5) for part, (nats, count) in sums.items() if count}


def worded(entry: dict[str, Any]) -> str:
    """Return an entry of the log in words."""
    parts = ", ".join(f"{part} {entry[part]:.3f}" for part in PARTS if part in entry)
    return f"step {entry['step']}: {parts} nats a token"
