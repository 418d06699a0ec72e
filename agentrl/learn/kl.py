r"""Estimators of the divergence from a reference policy, per token.

With $d = \log \pi(a) - \log \pi_{ref}(a)$ at a drawn token $a \sim \pi$:

    k1 = d               unbiased as a value; as a loss its gradient is zero in expectation
    k2 = d^2 / 2         biased as a value; as a loss its gradient is that of this token's divergence, on-policy
    k3 = e^{-d} - 1 + d  unbiased as a value, never negative; as a loss biased (what GRPO uses)
    exact                the sum over the vocabulary, from full logits

Of this token's: that a token also leads to later ones with a divergence of their own is left out of the gradient by
every per-token loss; a penalty in the reward has it
(k1, detached, taken from the token rewards before credit).

Source: Schulman, "Approximating KL divergence" (2020); gradients: Tang and Munos 2025 (arXiv 2506.09477).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from agentrl.types import Trajectory

__all__ = ["Estimator", "coefficients", "estimate", "exact"]

Estimator = Literal["k1", "k2", "k3"]


def estimate(logp_BT: torch.Tensor, ref_BT: torch.Tensor, estimator: Estimator) -> torch.Tensor:
    """Per-token estimate, shape (B, T), differentiable in `logp_BT`.

    >>> logp, ref = torch.tensor([-1.0]), torch.tensor([-1.2])
    >>> [round(float(estimate(logp, ref, k)), 7) for k in ("k1", "k2", "k3")]
    [0.2, 0.02, 0.0187308]
    """
    difference_BT = logp_BT - ref_BT
    if estimator == "k1":
        return difference_BT
    if estimator == "k2":
        return 0.5 * difference_BT.square()
    # expm1 keeps the digits where the two policies nearly agree.
    return torch.expm1(-difference_BT) + difference_BT


def exact(logits_NV: torch.Tensor, ref_logits_NV: torch.Tensor) -> torch.Tensor:
    r"""$\sum_a \pi(a) (\log \pi(a) - \log \pi_{ref}(a))$ from logits of shape (N, V); returns shape (N,).

    >>> exact(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 0.0]])).tolist()
    [0.0]
    """
    wide = torch.promote_types(logits_NV.dtype, torch.float32)
    logp_NV = torch.log_softmax(logits_NV.to(wide), dim=-1)
    ref_NV = torch.log_softmax(ref_logits_NV.to(wide), dim=-1)
    return (logp_NV.exp() * (logp_NV - ref_NV)).sum(dim=-1)


def coefficients(
    trajectories: Sequence[Trajectory], by_tag: Mapping[str, float], *, default: float
) -> npt.NDArray[np.float64]:
    """A coefficient a token, by its tag: shape (B, T) for a `Batch`'s `kl_BT`.

    Args:
        trajectories: B of them.
        by_tag: Coefficients of the tokens that carry a tag.
        default: Of all others.

    >>> first = np.array([1, 2, 3])
    >>> one = Trajectory(first, first > 1, np.zeros(3, np.float32), ("", "attempt", ""), first, first)
    >>> coefficients([one], {"attempt": 0.5}, default=0.1).tolist()
    [[0.1, 0.5, 0.1]]
    """
    out = np.full((len(trajectories), max((len(t) for t in trajectories), default=0)), default, dtype=np.float64)
    for b, t in enumerate(trajectories):
        out[b, : len(t)] = [by_tag.get(tag, default) for tag in t.tags]
    return out
