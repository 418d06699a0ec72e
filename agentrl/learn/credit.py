"""Credit: from the returns of a batch's episodes to one advantage an episode. Numbers and group keys only, no model.

All functions take `reward_B`, shape (B,), and `group_B`, the group (task) of each episode, shape (B,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "ADVANTAGES",
    "Advantage",
    "Scale",
    "advantages",
    "batch",
    "exponential",
    "group",
    "leave_one_out",
    "members",
    "zero_variance_share",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Scale = Literal["group", "batch", "none"]
Advantage = Literal["group", "leave_one_out", "batch"]

_EPSILON = 1e-4
"""Added to a standard deviation, as in TRL."""


def group(reward_B: Floats, group_B: Ints, *, scale: Scale = "group") -> Floats:
    r"""Reward minus the group's mean, over a standard deviation (GRPO; "none" is Dr. GRPO).

    $A_i = (R_i - \bar R_g) / (s + 10^{-4})$ with the unbiased standard deviation $s$ of the group, of the batch, or 1.
    A group of one, or of equal rewards, contributes nothing.

    Source: Shao et al. 2024 (arXiv 2402.03300), equation 3; "none": Liu et al. 2025 (arXiv 2503.20783).

    >>> group(np.array([1.0, 0, 0, 1, 0, 0, 0, 0]), np.zeros(8, int)).round(5)[:2].tolist()
    [1.61984, -0.53995]
    >>> group(np.array([1.0, 0, 0, 1, 0, 0, 0, 0]), np.zeros(8, int), scale="none")[:2].tolist()
    [0.75, -0.25]
    """
    reward_B, group_B = _checked(reward_B, group_B)
    index_B, count_G, centred_B = _groups(reward_B, group_B)
    if scale == "none":
        return centred_B
    if scale == "batch":
        return centred_B / (_deviation(reward_B) + _EPSILON)
    square_G = np.bincount(index_B, centred_B**2, minlength=len(count_G))
    deviation_G = np.sqrt(square_G / np.maximum(count_G - 1, 1))
    return np.asarray(centred_B / (deviation_G[index_B] + _EPSILON), dtype=np.float64)


def leave_one_out(reward_B: Floats, group_B: Ints) -> Floats:
    r"""Reward minus the mean of the group's others (RLOO): $A_i = R_i - \frac{1}{G-1}\sum_{j \ne i} R_j$.

    A group of one contributes nothing.

    Source: Ahmadian et al. 2024 (arXiv 2402.14740).

    >>> leave_one_out(np.array([1.0, 0, 0, 1, 0, 0, 0, 0]), np.zeros(8, int)).round(6)[:2].tolist()
    [0.857143, -0.285714]
    """
    reward_B, group_B = _checked(reward_B, group_B)
    index_B, count_G, centred_B = _groups(reward_B, group_B)
    count_B = count_G[index_B]
    return np.asarray(centred_B * count_B / np.maximum(count_B - 1, 1), dtype=np.float64)


def batch(reward_B: Floats, group_B: Ints) -> Floats:
    r"""Reward normalised over the whole batch: $A_i = (R_i - \bar R) / (s + 10^{-4})$, unbiased $s$; groups ignored.

    Source: REINFORCE++, Hu 2025 (arXiv 2501.03262).

    >>> batch(np.array([1.0, 0.0, 0.0, 1.0]), np.array([0, 0, 1, 1])).round(4).tolist()
    [0.8659, -0.8659, -0.8659, 0.8659]
    """
    reward_B, group_B = _checked(reward_B, group_B)
    _, _, centred_B = _groups(reward_B, np.zeros_like(group_B))
    return np.asarray(centred_B / (_deviation(reward_B) + _EPSILON), dtype=np.float64)


def exponential(reward_B: Floats, *, tau: float = 0.4) -> Floats:
    r"""Weights for a likelihood, $w_i = e^{R_i / \tau}$: failures still count, but little.

    Source: RISE, Qu et al. 2024 (arXiv 2407.18219), with its code's temperature.

    >>> exponential(np.array([1.0, 0.0])).round(6).tolist()
    [12.182494, 1.0]
    """
    if not tau > 0:
        raise ValueError(f"tau must be positive, got {tau}")
    return np.asarray(np.exp(np.asarray(reward_B, dtype=np.float64) / tau), dtype=np.float64)


ADVANTAGES: Mapping[Advantage, Callable[[Floats, Ints], Floats]] = {
    "group": group,
    "leave_one_out": leave_one_out,
    "batch": batch,
}


def advantages(reward_B: Floats, group_B: Ints, *, kind: Advantage, scale: Scale) -> Floats:
    """The advantage a recipe names; `scale` applies to "group" only."""
    return group(reward_B, group_B, scale=scale) if kind == "group" else ADVANTAGES[kind](reward_B, group_B)


def zero_variance_share(reward_B: Floats, group_B: Ints) -> float:
    """Share of groups whose rewards are all equal: they teach nothing.

    >>> zero_variance_share(np.array([1.0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    0.5
    """
    reward_B, group_B = _checked(reward_B, group_B)
    keys = np.unique(group_B)
    if not len(keys):
        return 0.0
    return float(np.mean([np.ptp(reward_B[group_B == key]) == 0 for key in keys]))


def members(group_B: Ints) -> list[Ints]:
    """The rows of each group, groups in the order of their first row.

    >>> [rows.tolist() for rows in members(np.array([7, 3, 7]))]
    [[0, 2], [1]]
    """
    found: dict[int, list[int]] = {}
    for row, key in enumerate(np.asarray(group_B).tolist()):
        found.setdefault(key, []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in found.values()]


def _checked(reward_B: Floats, group_B: Ints) -> tuple[Floats, Ints]:
    reward_B, group_B = np.asarray(reward_B, dtype=np.float64), np.asarray(group_B)
    if reward_B.shape != group_B.shape or reward_B.ndim != 1:
        raise ValueError(f"rewards and groups must have one shape (B,), got {reward_B.shape} and {group_B.shape}")
    if not np.isfinite(reward_B).all():
        raise ValueError("rewards must be finite")
    return reward_B, group_B


def _groups(reward_B: Floats, group_B: Ints) -> tuple[Ints, Ints, Floats]:
    """Each episode's group as an index, the groups' sizes, and each reward minus its group's mean."""
    _, index_B, count_G = np.unique(group_B, return_inverse=True, return_counts=True)
    centred_B = reward_B - (np.bincount(index_B, reward_B) / count_G)[index_B]
    low_G, high_G = np.full(len(count_G), np.inf), np.full(len(count_G), -np.inf)
    np.minimum.at(low_G, index_B, reward_B)
    np.maximum.at(high_G, index_B, reward_B)
    # Exactly 0 where all are equal: the mean of three 0.1 is not 0.1, and Adam makes a step out of what is left.
    return index_B, count_G, np.where((low_G == high_G)[index_B], 0.0, centred_B)


def _deviation(reward_B: Floats) -> float:
    return float(reward_B.std(ddof=1)) if len(reward_B) > 1 else 0.0
