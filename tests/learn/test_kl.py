"""Divergence estimators: values by hand, and gradients against the whole vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agentrl.learn.kl import coefficients, estimate, exact
from agentrl.types import Trajectory

LOGITS = torch.tensor([0.3, -1.2, 0.8, 0.1], dtype=torch.float64)
REFERENCE = torch.tensor([-0.5, 0.4, 0.9, -0.2], dtype=torch.float64)


@pytest.mark.parametrize(("kind", "value"), [("k1", 0.2), ("k2", 0.02), ("k3", 0.0187308)])
def test_golden_values(kind: Any, value: float) -> None:
    assert float(estimate(torch.tensor(-1.0), torch.tensor(-1.2), kind)) == pytest.approx(value, abs=1e-7)


def test_exact_is_the_sum_by_hand() -> None:
    """pi = (1/2, 1/2) against (3/4, 1/4): ln(2/3)/2 + ln(2)/2 = 0.143841."""
    found = exact(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 1.0]]).log())
    assert found.tolist() == pytest.approx([0.1438410], abs=1e-6)


@pytest.mark.parametrize("kind", ["k1", "k3"])
def test_expected_value_is_the_divergence(kind: Any) -> None:
    logp, ref = LOGITS.log_softmax(0), REFERENCE.log_softmax(0)
    mean = (logp.exp() * estimate(logp, ref, kind)).sum()
    assert float(mean) == pytest.approx(float(exact(LOGITS[None], REFERENCE[None])), rel=1e-12)
    assert kind == "k1" or (estimate(logp, ref, kind) >= 0).all()


def _expected_gradient(kind: Any) -> torch.Tensor:
    """The mean over a ~ pi of the estimator's gradient, as a loss sees it: pi itself is not differentiated."""
    logits = LOGITS.clone().requires_grad_()
    logp = logits.log_softmax(0)
    (logp.detach().exp() * estimate(logp, REFERENCE.log_softmax(0), kind)).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return logits.grad


def test_gradients_on_policy() -> None:
    """k2's is the divergence's own; k1's is zero; k3's is that of the reverse divergence, KL(ref || pi)."""
    logits = LOGITS.clone().requires_grad_()
    logp, ref = logits.log_softmax(0), REFERENCE.log_softmax(0)
    (truth,) = torch.autograd.grad((logp.exp() * (logp - ref)).sum(), logits, retain_graph=True)
    (reverse,) = torch.autograd.grad((ref.exp() * (ref - logp)).sum(), logits)
    assert torch.allclose(_expected_gradient("k2"), truth, atol=1e-12)
    assert torch.allclose(_expected_gradient("k1"), torch.zeros(4, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(_expected_gradient("k3"), reverse, atol=1e-12)
    assert not torch.allclose(reverse, truth, atol=1e-2)


def test_k3_keeps_its_digits_where_the_policies_nearly_agree() -> None:
    near = estimate(torch.tensor(-1.0 - 2**-12), torch.tensor(-1.0), "k3")
    assert float(near) == pytest.approx(2**-25, rel=1e-3)  # naively e^d - 1 - d is off by half of it in float32


def test_coefficients_by_tag() -> None:
    """A first attempt is held to the reference, a second one is not; padding has the default."""
    numbers = np.zeros(4, np.int32)
    tags = ("", "first", "first", "second")
    long = Trajectory(np.arange(4), numbers == 0, np.zeros(4, np.float32), tags, numbers, numbers)
    short = Trajectory(np.arange(1), numbers[:1] == 0, np.zeros(1, np.float32), ("second",), numbers[:1], numbers[:1])
    found = coefficients([long, short], {"first": 0.5, "second": 0.0}, default=0.1)
    assert found.tolist() == [[0.1, 0.5, 0.5, 0.0], [0.0, 0.1, 0.1, 0.1]]


def test_in_the_reward_k1_has_the_divergences_gradient() -> None:
    """The score function times (-d) on a bandit, in expectation: minus the divergence's gradient, which k2's is."""
    logits = LOGITS.clone().requires_grad_()
    logp, ref = logits.log_softmax(0), REFERENCE.log_softmax(0)
    penalty = -estimate(logp, ref, "k1").detach()
    (found,) = torch.autograd.grad((logp.detach().exp() * penalty * logp).sum(), logits)
    assert torch.allclose(-found, _expected_gradient("k2"), atol=1e-12)
