r"""Credit by turn: an advantage for each turn of an episode, or for each node of a tree. Numbers and keys, no model.

Arrays of shape (B, K) hold one entry a turn, B episodes in all; `padded` makes them from lists of different lengths,
and `present_BK` says which entries are turns. `by_turn` spreads them over the tokens. Scores between turns (the gain of
a second attempt) are made in `agentrl/rewards/turns.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentrl.learn import credit
from agentrl.learn.credit import Advantage, Scale
from agentrl.types import Rollout, Trajectory

__all__ = [
    "Backup",
    "anchor_keys",
    "anchors",
    "backup",
    "by_turn",
    "leaf_rewards",
    "padded",
    "same_turn",
    "siblings",
    "turn_groups",
    "turn_returns",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def padded(rows: Sequence[Sequence[float]]) -> tuple[Floats, Bools]:
    """Values (B, K) of rows of different lengths, and which of them are there.

    >>> value_BK, present_BK = padded([[1, 2], [3]])
    >>> value_BK.tolist(), present_BK.tolist()
    ([[1.0, 2.0], [3.0, 0.0]], [[True, True], [True, False]])
    """
    width = max((len(row) for row in rows), default=0)
    value_BK, present_BK = np.zeros((len(rows), width)), np.zeros((len(rows), width), dtype=np.bool_)
    for b, row in enumerate(rows):
        value_BK[b, : len(row)] = row
        present_BK[b, : len(row)] = True
    return value_BK, present_BK


def by_turn(adv_BK: Floats, trajectories: Sequence[Trajectory]) -> Floats:
    """Each turn's advantage at the tokens drawn in it, shape (B, T); 0 elsewhere.

    Raises:
        ValueError: A turn without an advantage.
    """
    out_BT = np.zeros((len(trajectories), max((len(t) for t in trajectories), default=0)))
    for b, t in enumerate(trajectories):
        turn = t.turn[t.mask]
        if len(turn) and int(turn.max()) >= adv_BK.shape[1]:
            raise ValueError(f"trajectory {b} has {int(turn.max()) + 1} turns, the advantages only {adv_BK.shape[1]}")
        out_BT[b, : len(t)][t.mask] = adv_BK[b, turn]
    return out_BT


def turn_returns(reward_BK: Floats, *, gamma: float = 1.0) -> Floats:
    """Discounted return from each turn on.

    >>> turn_returns(np.array([[0.0, 0, 10]]), gamma=0.95).round(4).tolist()
    [[9.025, 9.5, 10.0]]
    """
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma must be in [0, 1], got {gamma!r}")
    return_BK = np.array(reward_BK, dtype=np.float64)
    for k in reversed(range(return_BK.shape[1] - 1)):
        return_BK[:, k] += gamma * return_BK[:, k + 1]
    return return_BK


def same_turn(
    value_BK: Floats, present_BK: Bools, group_B: Ints, *, kind: Advantage = "leave_one_out", scale: Scale = "none"
) -> Floats:
    """Each turn's value against the same turn of the others in its group; 0 where there is no turn.

    Args:
        value_BK: A return or a reward of each turn.
        present_BK: Which of them are compared.
        group_B: The group of each episode.
        kind: How (see `credit.advantages`).
        scale: What it is divided by, for kind "group".

    >>> same_turn(np.array([[1.0, 11.0], [1.0, 1.0]]), np.ones((2, 2), bool), np.zeros(2, int)).tolist()
    [[0.0, 10.0], [0.0, -10.0]]
    """
    adv_BK = np.zeros(value_BK.shape)
    for k in range(value_BK.shape[1]):
        rows_B = present_BK[:, k]
        adv_BK[rows_B, k] = credit.advantages(value_BK[rows_B, k], group_B[rows_B], kind=kind, scale=scale)
    return adv_BK


def turn_groups(
    reward_BK: Floats,
    present_BK: Bools,
    outcome_B: Floats,
    group_B: Ints,
    *,
    weight: float = 1.0,
    scale: Scale = "group",
) -> Floats:
    r"""Turn-level group advantages: $A_k = A(r_k) + \lambda A(R)$ before the last turn, $A(R)$ at the last.

    $A(r_k)$ compares the reward of a turn with those of the same turn in the group, of episodes that went on after it.

    Args:
        reward_BK: Reward of each turn; that of the last one is the outcome's business.
        present_BK: Which turns there are.
        outcome_B: $R$.
        group_B: The group of each episode.
        weight: $\lambda$.
        scale: See `credit.group`.

    Source: MT-GRPO, Zeng et al. 2025 (arXiv 2505.11821).

    >>> reward, outcome = np.array([[1.0, 0], [0, 0]]), np.array([0.0, 1])
    >>> turn_groups(reward, np.ones((2, 2), bool), outcome, np.zeros(2, int), weight=0.5, scale="none").tolist()
    [[0.25, -0.5], [-0.25, 0.5]]
    """
    whole_B1 = credit.group(outcome_B, group_B, scale=scale)[:, None]
    before_BK = present_BK.copy()
    before_BK[:, :-1] &= present_BK[:, 1:]
    before_BK[:, -1:] = False
    turn_BK = same_turn(reward_BK, before_BK, group_B, kind="group", scale=scale)
    return np.where(before_BK, turn_BK + weight * whole_B1, np.where(present_BK, whole_B1, 0.0))


def anchors(
    reward_BK: Floats,
    keys: Sequence[Sequence[Hashable]],
    group_B: Ints,
    *,
    omega: float = 1.0,
    gamma: float = 0.95,
    scale: Scale = "none",
) -> Floats:
    r"""Group-in-group advantages: $A_k = A^E + \omega A^S_k$.

    $A^E$ compares the episode's reward with its group's; $A^S_k$ the discounted return from turn k on with those of all
    turns of the group that began in the same state. A state that occurs once contributes nothing, so that without a
    shared state this is GRPO. An episode that runs in a circle meets one state often, and each time counts.

    Args:
        reward_BK: Reward of each turn, 0 behind the last.
        keys: For each episode, the state in which each turn began (see `anchor_keys`); "" or None is shared with none.
        group_B: The group of each episode.
        omega: Weight of the turns' part.
        gamma: Discount from turn to turn.
        scale: "none" centres both parts; see `credit.group`.

    Source: GiGPO, Feng et al. 2025 (arXiv 2505.10978), whose code centres only, by default.

    >>> reward = np.array([[0.0, 0, 10], [0, 0, 0]])
    >>> anchors(reward, [["s", "a", "b"], ["s", "c", "d"]], np.zeros(2, int)).round(4).tolist()
    [[9.5125, 5.0, 5.0], [-9.5125, -5.0, -5.0]]
    """
    whole_B = credit.group(reward_BK.sum(axis=1), group_B, scale=scale)
    return_BK = turn_returns(reward_BK, gamma=gamma)
    adv_BK = np.zeros(return_BK.shape)
    where = [(b, k) for b, row in enumerate(keys) for k in range(len(row))]
    if not where:
        return adv_BK
    known: dict[Hashable, int] = {}
    state_N = np.empty(len(where), dtype=np.int64)
    for n, (b, k) in enumerate(where):
        key: Hashable = (int(group_B[b]), keys[b][k]) if keys[b][k] not in ("", None) else (b, k, "alone")
        state_N[n] = known.setdefault(key, len(known))
    row_N, turn_N = np.array(where).T
    step_N = credit.group(return_BK[row_N, turn_N], state_N, scale=scale)
    adv_BK[row_N, turn_N] = whole_B[row_N] + omega * step_N
    return adv_BK


def anchor_keys(rollout: Rollout, leaf: int | None = None) -> list[str]:
    """The state in which each turn of a path began: that of the observation before it; "" where it is not known."""
    nodes = rollout.nodes
    return [
        nodes[nodes[i].parent].state_key if nodes[i].parent >= 0 else ""
        for i in rollout.path(leaf)
        if nodes[i].is_policy
    ]


@dataclass(frozen=True, slots=True)
class Backup:
    """What the leaves of a tree say of its nodes; both of shape (N,).

    Attributes:
        value_N: nan where no leaf below has a reward.
        visits_N: Leaves with a reward at or below the node.
    """

    value_N: Floats
    visits_N: Ints


def leaf_rewards(rollout: Rollout) -> dict[int, float]:
    """The reward of the path to each leaf that ended with a verdict that counts."""
    found = {}
    for leaf in rollout.leaves():
        nodes = [rollout.nodes[i] for i in rollout.path(leaf)]
        verdict = next((node.verdict for node in reversed(nodes) if node.verdict is not None), None)
        if verdict is not None and verdict.scored:
            found[leaf] = float(sum(node.reward or 0.0 for node in nodes))
    return found


def backup(parent_N: Sequence[int], reward_of: Mapping[int, float], *, how: Literal["mean", "max"] = "mean") -> Backup:
    """From rewards of leaves to a value of every node above: their mean (every leaf counts once), or the best.

    Args:
        parent_N: Each node's parent, -1 at the root; parents come before children.
        reward_of: Rewards by leaf (see `leaf_rewards`).
        how: "mean" is what a search's running mean comes to, "max" what the node could still lead to.

    >>> found = backup([-1, 0, 0, 2, 2], {1: 1.0, 3: 0.0, 4: 0.5})
    >>> found.value_N.tolist(), found.visits_N.tolist()
    ([0.5, 1.0, 0.25, 0.0, 0.5], [3, 1, 2, 1, 1])
    """
    count = len(parent_N)
    sum_N, best_N, visits_N = np.zeros(count), np.full(count, -np.inf), np.zeros(count, dtype=np.int64)
    for leaf, reward in reward_of.items():
        sum_N[leaf], best_N[leaf], visits_N[leaf] = reward, reward, 1
    for node in reversed(range(count)):
        parent = parent_N[node]
        if parent >= 0:
            sum_N[parent] += sum_N[node]
            visits_N[parent] += visits_N[node]
            best_N[parent] = max(best_N[parent], best_N[node])
    value_N = best_N if how == "max" else sum_N / np.maximum(visits_N, 1)
    return Backup(np.where(visits_N > 0, value_N, np.nan), visits_N)


def siblings(value_N: Floats, parent_N: Sequence[int]) -> Floats:
    r"""Advantage of each node over its siblings, $A = Q - \bar Q$ with the mean over all children of its parent.

    An only child, the root, and a node without a value have none: 0.

    >>> siblings(np.array([0.5, 1.0, 0.25, 0.0, 0.5]), [-1, 0, 0, 2, 2]).tolist()
    [0.0, 0.375, -0.375, -0.25, 0.25]
    """
    adv_N = np.zeros(len(value_N))
    known_N = ~np.isnan(value_N)
    adv_N[known_N] = credit.group(value_N[known_N], np.asarray(parent_N)[known_N], scale="none")
    return adv_N
