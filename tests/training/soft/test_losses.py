"""The loss: sums of cross-entropy and divergence, and their gradients, against plain torch."""

import pytest
import torch

from tersely.training.soft import losses
from tersely.training.soft.losses import scored


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr(losses, "HEAD_ROWS", 3)


def made(rows=8, width=5, words=11):
    torch.manual_seed(0)
    hidden = torch.randn(rows, width, dtype=torch.float64, requires_grad=True)
    head, teacher = torch.randn(words, width).double(), torch.randn(rows, width).double()
    return hidden, torch.randint(0, words, (rows,)), head, teacher


def reference(hidden, targets, head, teacher):
    log_p = (hidden @ head.T).log_softmax(-1)
    log_t = (teacher @ head.T).log_softmax(-1)
    entropy = sum(-log_p[row, target] for row, target in enumerate(targets))
    return entropy, sum((t.exp() * (t - p)).sum() for t, p in zip(log_t, log_p, strict=True))


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (0.3, 2.0)])
def test_sums_and_gradients_are_those_of_whole_logits(weights):
    hidden, targets, head, teacher = made()
    entropy, divergence = reference(hidden, targets, head, teacher)
    (wanted,) = torch.autograd.grad(weights[0] * entropy + weights[1] * divergence, hidden)
    given = {"entropy_weight": weights[0], "divergence_weight": weights[1]}
    found = scored(hidden, targets, head, teacher=teacher, **given)
    assert found.entropy == pytest.approx(float(entropy.detach()), rel=1e-5)
    assert found.divergence == pytest.approx(float(divergence.detach()), rel=1e-5)
    (gradient,) = torch.autograd.grad(2 * found.loss, hidden)
    torch.testing.assert_close(gradient, 2 * wanted, rtol=1e-4, atol=1e-5)


def test_without_a_teacher_nothing_diverges():
    hidden, targets, head, _ = made()
    found = scored(hidden, targets, head, divergence_weight=5.0)
    assert found.divergence == 0
    assert float(found.loss.detach()) == pytest.approx(found.entropy, rel=1e-6)


def test_a_reader_that_says_what_the_teacher_says_does_not_diverge():
    hidden, targets, head, _ = made()
    found = scored(hidden, targets, head, teacher=hidden.detach(), divergence_weight=1.0)
    assert found.divergence == pytest.approx(0, abs=1e-6)


def test_no_gradient_is_taken_where_none_is_wanted():
    hidden, targets, head, teacher = made()
    with torch.no_grad():
        assert not scored(hidden, targets, head, teacher=teacher).loss.requires_grad


def test_of_no_position_the_sums_are_nothing():
    hidden, targets, head, _ = made(rows=0)
    found = scored(hidden, targets, head)
    assert (found.entropy, found.positions) == (0, 0)
