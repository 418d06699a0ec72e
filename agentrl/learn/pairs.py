r"""Pairs: which of two answers should be the likelier, and how much that is worth. Numbers and keys only, no model.

A builder names answers by index: rows of a batch, or nodes of a tree (`step` makes the trajectory of one). What a pair
is worth can be set afterwards, and `batched` makes of a list what a batch holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentrl.learn.batch import Pairs
from agentrl.learn.credit import members
from agentrl.types import Rollout, Trajectory

__all__ = [
    "Pair",
    "batched",
    "best_worst",
    "gold_own",
    "rank_agreement",
    "relabelled",
    "scaled_betas",
    "siblings",
    "step",
    "success_failure",
    "with_label",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pair:
    """One answer that is better than another.

    Attributes:
        chosen: Index of the better answer.
        rejected: Index of the worse one.
        gap: How much better it is: the difference of their scores, at least 0.
        weight: How much the pair counts.
        label: How sure it is that the chosen answer is the better one, in [0, 1].
        beta: Temperature of the implicit reward.

    Raises:
        ValueError: An answer paired with itself, or a number out of its range.
    """

    chosen: int
    rejected: int
    gap: float = 0.0
    weight: float = 1.0
    label: float = 1.0
    beta: float = 0.1

    def __post_init__(self) -> None:
        if self.chosen == self.rejected:
            raise ValueError(f"answer {self.chosen} is paired with itself")
        if not (math.isfinite(self.gap) and self.gap >= 0 and math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"a pair needs a finite gap and weight from 0 on, got {self.gap} and {self.weight}")
        if not (0 <= self.label <= 1 and self.beta > 0):
            raise ValueError(f"a pair needs a label in [0, 1] and beta > 0, got {self.label} and {self.beta}")


def best_worst(score_B: Floats, group_B: Ints, *, min_gap: float = 0.0) -> list[Pair]:
    """The best answer of each group over its worst; of equals, the first.

    Args:
        score_B: Of each answer.
        group_B: Its group.
        min_gap: A group whose best and worst are closer makes no pair, nor does one whose answers are all equal.

    Source: RLHF workflow, Dong et al. 2024 (arXiv 2405.07863).

    >>> best_worst(np.array([0.2, 0.9, 0.9, 0.1]), np.zeros(4, int))
    [Pair(chosen=1, rejected=3, gap=0.8, weight=1.0, label=1.0, beta=0.1)]
    """
    pairs = []
    for rows in members(group_B):
        best, worst = int(rows[score_B[rows].argmax()]), int(rows[score_B[rows].argmin()])
        gap = float(score_B[best] - score_B[worst])
        if gap > 0 and gap >= min_gap:
            pairs.append(Pair(best, worst, gap))
    return pairs


def success_failure(
    success_B: Bools, group_B: Ints, *, cap: int | None = None, rng: np.random.Generator | None = None
) -> list[Pair]:
    """Every success of a group over every failure of it.

    Args:
        success_B: Whether an answer is right.
        group_B: Its group.
        cap: Most pairs of a group; which of them stay is drawn.
        rng: What draws; needed with a cap.

    Raises:
        ValueError: A cap without a generator, or below 1.

    >>> [(p.chosen, p.rejected) for p in success_failure(np.array([True, False, True, False]), np.array([0, 0, 0, 1]))]
    [(0, 1), (2, 1)]
    """
    if cap is not None and (rng is None or cap < 1):
        raise ValueError(f"a cap of pairs must be at least 1 and comes with a generator, got cap {cap} and rng {rng}")
    pairs = []
    for rows in members(group_B):
        right, wrong = rows[success_B[rows]].tolist(), rows[~success_B[rows]].tolist()
        found = [Pair(chosen, rejected, 1.0) for chosen in right for rejected in wrong]
        if cap is not None and rng is not None and len(found) > cap:
            found = [found[i] for i in sorted(rng.choice(len(found), size=cap, replace=False))]
        pairs += found
    return pairs


def siblings(value_N: Floats, parent_N: Sequence[int], visits_N: Ints, *, threshold: float) -> list[Pair]:
    r"""Every two children of a node that were both visited and differ by a threshold: $|Q_a - Q_b| \ge \theta$.

    Args:
        value_N: $Q$ of each node of a tree (see `turns.backup`).
        parent_N: Its parent.
        visits_N: How often it was visited.
        threshold: $\theta$, above 0.

    Source: Agent Q, Putta et al. 2024 (arXiv 2408.07199).

    >>> value, parent, visits = np.array([0.5, 0.9, 0.2, 0.1]), [-1, 0, 0, 0], np.array([3, 2, 1, 0])
    >>> [(p.chosen, p.rejected, round(p.gap, 6)) for p in siblings(value, parent, visits, threshold=0.5)]
    [(1, 2, 0.7)]
    """
    if not threshold > 0:
        raise ValueError(f"a threshold between siblings must be positive, got {threshold}")
    pairs = []
    for nodes in members(np.asarray(parent_N)):
        visited = [int(node) for node in nodes if visits_N[node] > 0]
        for i, first in enumerate(visited):
            for second in visited[i + 1 :]:
                better, worse = (first, second) if value_N[first] >= value_N[second] else (second, first)
                gap = float(value_N[better] - value_N[worse])
                if gap >= threshold:
                    pairs.append(Pair(better, worse, gap))
    return pairs


def gold_own(gold_B: Bools, group_B: Ints) -> list[Pair]:
    """Every demonstration of a group over every sample of the policy in it.

    Source: SPIN, Chen et al. 2024 (arXiv 2401.01335).

    >>> [(p.chosen, p.rejected) for p in gold_own(np.array([True, False, False]), np.zeros(3, int))]
    [(0, 1), (0, 2)]
    """
    return [replace(pair, gap=0.0) for pair in success_failure(gold_B, group_B)]


def scaled_betas(pairs: Iterable[Pair], *, beta: float = 0.1, weight: float = 0.5, rate: float = 0.5) -> list[Pair]:
    r"""A temperature by gap, $\beta(\delta) = \beta_0 (1 + w (1 - e^{-k \delta}))$: what is clearer is learnt harder.

    Args:
        pairs: With gaps.
        beta: $\beta_0$.
        weight: $w$.
        rate: $k$.

    Source: MM-RLHF, Zhang et al. 2025 (arXiv 2502.10391).

    >>> [round(p.beta, 6) for p in scaled_betas([Pair(0, 1, gap) for gap in (0, 1, 4)])]
    [0.1, 0.119673, 0.143233]
    """
    return [replace(pair, beta=beta * (1 + weight * (1 - math.exp(-rate * pair.gap)))) for pair in pairs]


def with_label(pairs: Iterable[Pair], label: float) -> list[Pair]:
    """All pairs as sure as this: for example the `rank_agreement` of two judges, as CREAM does."""
    return [replace(pair, label=label) for pair in pairs]


def rank_agreement(first: Floats, second: Floats) -> float:
    r"""How far two scores of the same answers agree on their order: $C = (\tau + 1) / 2$ with Kendall's $\tau$.

    1 where every two answers stand in the same order, 0 where every two stand reversed; ties count half.

    Source: CREAM, Wang et al. 2024 (arXiv 2410.12735).

    >>> rank_agreement(np.array([1, 2, 3, 4, 5]), np.array([1, 3, 2, 4, 5]))
    0.9
    """
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(f"two scores of the same two or more answers are needed, got {first.shape} and {second.shape}")
    one, other = np.triu_indices(len(first), 1)
    signs = np.sign(first[one] - first[other]) * np.sign(second[one] - second[other])
    return float((signs.mean() + 1) / 2)


def relabelled(pairs: Iterable[Pair], score_B: Floats) -> list[tuple[float, Pair]]:
    """Each pair under two goals: to reach the better score, and, turned round, to reach the worse one.

    Returns:
        Goals with their pairs. The goal belongs into the prompt, so each answer is rendered once a goal.

    Source: Zhang et al. 2024, reward-augmented data (arXiv 2410.08067).

    >>> [(goal, p.chosen, p.rejected) for goal, p in relabelled([Pair(0, 1, 0.5)], np.array([0.9, 0.4]))]
    [(0.9, 0, 1), (0.4, 1, 0)]
    """
    return [
        (float(score_B[chosen]), replace(pair, chosen=chosen, rejected=rejected))
        for pair in pairs
        for chosen, rejected in ((pair.chosen, pair.rejected), (pair.rejected, pair.chosen))
    ]


def step(rollout: Rollout, node: int) -> Trajectory:
    """The path to a policy's node, with that node alone to be trained: one side of a pair of siblings.

    Raises:
        ValueError: The policy did not write that node.
    """
    if not rollout.nodes[node].is_policy:
        raise ValueError(
            f"node {node} of rollout {rollout.id} is an observation: only what the policy wrote is trained"
        )
    path = rollout.trajectory(node)
    return replace(path, mask=path.mask & (path.turn == path.turn[-1]))


def batched(pairs: Sequence[Pair], *, margin: Literal["none", "gap"] = "none") -> Pairs:
    """Pairs as a batch holds them: each weight over their number, so that a loss is the weighted mean.

    Args:
        pairs: Whose indices are rows of the batch.
        margin: "gap" asks for the difference of the scores: the target of difference regression, or a margin to win by.

    >>> found = batched([Pair(0, 1, 0.8), Pair(2, 3, 0.2, weight=3.0)], margin="gap")
    >>> found.weight_P.tolist(), found.margin_P.tolist()
    ([0.5, 1.5], [0.8, 0.2])
    """
    count = max(len(pairs), 1)
    return Pairs(
        chosen_P=np.array([p.chosen for p in pairs], dtype=np.int64),
        rejected_P=np.array([p.rejected for p in pairs], dtype=np.int64),
        weight_P=np.array([p.weight / count for p in pairs], dtype=np.float64),
        beta_P=np.array([p.beta for p in pairs], dtype=np.float64),
        label_P=np.array([p.label for p in pairs], dtype=np.float64),
        margin_P=np.array([p.gap if margin == "gap" else 0.0 for p in pairs], dtype=np.float64),
    )
