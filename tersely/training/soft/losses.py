"""What a reader of a memory gets wrong: cross-entropy, and divergence from full context.

Logits are made for scored positions only, some rows at a time, and are never kept: the head is
frozen, so a row's gradient is all that is needed of its logits, and it is taken at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tersely._optional import need

torch: Any = need("torch", extra="train")

HEAD_ROWS = 256
"""Rows of logits alive at a time: 256 x 49,152 of them are 50 MB."""


@dataclass(frozen=True, slots=True)
class Nats:
    """Sums over N scored positions.

    Attributes:
        loss: What is learnt, a scalar with a gradient: weighted sums of the two below.
        entropy: Sum of the cross-entropies, in nats.
        divergence: Sum of KL(full context || memory), in nats; 0 without a teacher.
        positions: N.
    """

    loss: Any
    entropy: float
    divergence: float
    positions: int


def scored(
    hidden: Any,
    targets: Any,
    head: Any,
    *,
    teacher: Any | None = None,
    entropy_weight: float = 1.0,
    divergence_weight: float = 0.0,
) -> Nats:
    """Score N positions.

    Args:
        hidden: (N, D) what the reader's last layer gives.
        targets: (N,) the tokens that follow.
        head: (V, D) frozen.
        teacher: (N, D) the same of the model with full context; it gets no gradient.
        entropy_weight: What a nat of cross-entropy counts in the loss.
        divergence_weight: What a nat of divergence counts; without a teacher nothing.
    """
    weights = (entropy_weight, divergence_weight if teacher is not None else 0.0)
    loss, entropy, divergence = _Scored.apply(hidden, targets, head, teacher, *weights)
    return Nats(loss, float(entropy), float(divergence), len(targets))


class _Scored(torch.autograd.Function):  # type: ignore[misc] # torch has no types here
    """The sums, with the gradient of the hidden rows taken on the way."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Any,
        targets: Any,
        head: Any,
        teacher: Any,
        of_nats: float,
        of_kl: float,
    ) -> tuple[Any, Any, Any]:
        """Go over the rows, a few at a time."""
        gradient = torch.empty_like(hidden)
        sums = torch.zeros(3, dtype=torch.float64)
        wanted = ctx.needs_input_grad[0]
        for at in range(0, len(targets), HEAD_ROWS):
            part = slice(at, at + HEAD_ROWS)
            taught = None if teacher is None else teacher[part]
            with torch.set_grad_enabled(wanted):
                rows = hidden[part].detach().requires_grad_(wanted)
                entropy, kl = _sums(rows, targets[part], head, taught)
                loss = of_nats * entropy + of_kl * kl
            if wanted:
                (gradient[part],) = torch.autograd.grad(loss, rows)
            sums += torch.stack([loss, entropy, kl]).detach().double().cpu()
        ctx.save_for_backward(gradient)
        loss, entropy, kl = sums.to(hidden.device if hidden.device.type != "mps" else "cpu")
        ctx.mark_non_differentiable(entropy, kl)
        return loss.float().to(hidden.device), entropy, kl

    @staticmethod
    def backward(ctx: Any, of_loss: Any, *_: Any) -> tuple[Any, ...]:
        """Return the gradient that was taken."""
        (gradient,) = ctx.saved_tensors
        return gradient * of_loss.to(gradient.dtype), None, None, None, None, None


def _sums(rows: Any, targets: Any, head: Any, teacher: Any | None) -> tuple[Any, Any]:
    """Return the sums of cross-entropy and of divergence of some rows."""
    log_p = torch.log_softmax((rows @ head.to(rows.dtype).T).float(), dim=-1)  # (N, V)
    entropy = -log_p.gather(1, targets[:, None]).sum()
    if teacher is None:
        return entropy, torch.zeros_like(entropy)
    with torch.no_grad():
        log_t = torch.log_softmax((teacher @ head.to(teacher.dtype).T).float(), dim=-1)
    return entropy, (log_t.exp() * (log_t - log_p)).sum()
