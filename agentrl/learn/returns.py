"""Credit by token: from rewards at tokens to returns and advantages. Numbers only, no model.

Arrays have shape (B, T) over whole trajectories. `mask_BT` says which tokens the policy drew; the others (prompts,
observations) are no steps: nothing is discounted over them, and what is carried backwards passes them unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentrl.learn import credit
from agentrl.types import Rollout, Score

__all__ = ["Discounts", "Estimates", "Stream", "bilevel_gae", "gae", "returns", "token_rewards", "whiten"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stream:
    """Rewards that are discounted alike.

    Attributes:
        reward_BT: At each token, shape (B, T).
        gamma: The discount, in [0, 1].
    """

    reward_BT: Floats
    gamma: float = 1.0


@dataclass(frozen=True, slots=True)
class Discounts:
    """How far a token answers for what comes later.

    Raises:
        ValueError: A number outside [0, 1].
    """

    gamma: float = 1.0
    """Discount from token to token."""
    lam: float = 0.95
    """0 trusts the values, 1 the rewards."""
    turn_gamma: float = 0.95
    """Discount from turn to turn (`bilevel_gae`)."""

    def __post_init__(self) -> None:
        for name in ("gamma", "lam", "turn_gamma"):
            _unit(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Estimates:
    """Advantages, and what the values should have been; both (B, T), 0 where the policy drew nothing."""

    adv_BT: Floats
    return_BT: Floats


def returns(streams: Sequence[Stream], mask_BT: Bools) -> Floats:
    r"""Discounted return from each drawn token on, $G_t = \sum_j \sum_{k \ge t} \gamma_j^{k-t} r^j_k$; 0 elsewhere.

    Each stream has a discount of its own: a penalty for repetition should not reach back as far as the answer does.

    Source: Yeo et al. 2025 (arXiv 2502.03373).

    >>> answer, penalty = np.array([[0.0, 0, 0, 2]]), np.array([[0, -0.05, -0.05, 0]])
    >>> returns([Stream(answer), Stream(penalty, 0.99)], np.ones((1, 4), bool)).round(6).tolist()
    [[1.901495, 1.9005, 1.95, 2.0]]
    """
    total_BT = np.zeros(mask_BT.shape)
    for stream in streams:
        reward_BT = _rewards(stream.reward_BT, mask_BT)
        gamma = _unit("gamma", stream.gamma)
        carried_B = np.zeros(len(mask_BT))
        for t in reversed(range(mask_BT.shape[1])):
            carried_B = np.where(mask_BT[:, t], reward_BT[:, t] + gamma * carried_B, carried_B)
            total_BT[:, t] += np.where(mask_BT[:, t], carried_B, 0.0)
    return total_BT


def gae(
    reward_BT: Floats, value_BT: Floats, mask_BT: Bools, *, last_B: Floats, truncated_B: Bools, discounts: Discounts
) -> Estimates:
    r"""Generalised advantage estimation over the drawn tokens.

    $A_t = \delta_t + \gamma \lambda A_{t'}$ with $\delta_t = r_t + \gamma V_{t'} - V_t$, where $t'$ is the next token
    that the policy drew. After the last one there is no advantage, and the value is 0, or where the episode was cut off
    that of the state it was cut off in: a limit on length says nothing of what the state is worth.

    Args:
        reward_BT: 0 where the policy drew nothing.
        value_BT: Of the state before each token.
        mask_BT: Which tokens the policy drew.
        last_B: Value of the state at the end, shape (B,).
        truncated_B: Whether an episode was cut off, shape (B,).
        discounts: `gamma` and `lam`.

    Source: Schulman et al. 2015 (arXiv 1506.02438).

    >>> reward, value = np.array([[0.0, 0, 1]]), np.array([[0.5, 0.4, 0.6]])
    >>> found = gae(reward, value, reward >= 0, last_B=np.ones(1), truncated_B=np.zeros(1, bool), discounts=Discounts())
    >>> found.adv_BT.round(6).tolist(), found.return_BT.round(6).tolist()
    ([[0.451, 0.58, 0.4]], [[0.951, 0.98, 1.0]])
    """
    reward_BT = _rewards(reward_BT, mask_BT)
    next_B = np.where(truncated_B, last_B, 0.0)
    nowhere_BT = np.zeros(mask_BT.shape, dtype=np.bool_)
    return _swept(reward_BT, value_BT, mask_BT, next_B, nowhere_BT, discounts.gamma, discounts.lam)


def bilevel_gae(
    reward_BT: Floats,
    value_BT: Floats,
    turn_BT: Ints,
    mask_BT: Bools,
    *,
    last_B: Floats,
    truncated_B: Bools,
    discounts: Discounts,
) -> Estimates:
    """Generalised advantage estimation over turns, then over the tokens of each turn.

    The last drawn tokens of the turns are the steps of the upper level, discounted by `turn_gamma`; the return that a
    turn has there is the reward at its end for the tokens inside it, discounted by `gamma`. So a long turn does not
    wash out what a later turn earns.

    Args:
        reward_BT: 0 where the policy drew nothing.
        value_BT: Of the state before each token.
        turn_BT: The turn of each token (see `Trajectory.turn`).
        mask_BT: Which tokens the policy drew.
        last_B: Value of the state at the end, shape (B,).
        truncated_B: Whether an episode was cut off, shape (B,).
        discounts: All three.

    Source: RAGEN (arXiv 2504.20073), `compute_bi_level_gae_advantage_return`. Differs: turns are those of the episode,
    where RAGEN takes every token with a reward other than 0 for the end of a turn; what a token inside a turn earns
    counts for the tokens before it in that turn only.

    >>> reward, value = np.array([[0.0, 0, 0, 1]]), np.array([[0.5, 0.5, 0.5, 0.5]])
    >>> turn, half = np.array([[0, 0, 1, 1]]), Discounts(lam=1, turn_gamma=0.5)
    >>> nothing = {"last_B": np.zeros(1), "truncated_B": np.zeros(1, bool)}
    >>> bilevel_gae(reward, value, turn, reward >= 0, **nothing, discounts=half).return_BT.tolist()
    [[0.5, 0.5, 1.0, 1.0]]
    """
    reward_BT = _rewards(reward_BT, mask_BT)
    end_BT = _turn_ends(turn_BT, mask_BT)
    upper = gae(
        np.where(end_BT, reward_BT, 0.0),
        value_BT,
        end_BT,
        last_B=last_B,
        truncated_B=truncated_B,
        discounts=Discounts(discounts.turn_gamma, discounts.lam),
    )
    earned_BT = np.where(end_BT, upper.return_BT, reward_BT)
    return _swept(earned_BT, value_BT, mask_BT, np.zeros(len(mask_BT)), end_BT, discounts.gamma, discounts.lam)


def whiten(adv_BT: Floats, mask_BT: Bools) -> Floats:
    """Mean 0 and standard deviation 1 over the drawn tokens of the batch, as `credit.batch` has it; 0 elsewhere.

    >>> whiten(np.array([[1.0, 7.0, 3.0]]), np.array([[True, False, True]])).round(4).tolist()
    [[-0.7071, 0.0, 0.7071]]
    """
    out_BT = np.zeros(mask_BT.shape)
    drawn = adv_BT[mask_BT]
    out_BT[mask_BT] = credit.batch(drawn, np.zeros(len(drawn), np.int64))
    return out_BT


def token_rewards(scores: Iterable[Score], rollout: Rollout, leaf: int | None = None) -> Floats:
    """Scores at the tokens that answer for them, shape (T,) as `rollout.trajectory(leaf)`.

    A score of a whole node lands on the last token drawn by then, one at a position on that token of its node. Scores
    of another rollout or of another branch are left out.

    Args:
        scores: From terms, judges or verdicts.
        rollout: With token ids.
        leaf: The path's end; None for the last node.

    Raises:
        ValueError: A position that the policy did not draw.
    """
    path = rollout.path(leaf)
    ends = dict(zip(path, np.cumsum([len(rollout.nodes[i].token_ids) for i in path]).tolist(), strict=True))
    drawn_T = np.array([drawn for i in path for drawn in rollout.nodes[i].drawn], dtype=np.bool_)
    reward_T = np.zeros(len(drawn_T))
    places = np.flatnonzero(drawn_T)
    for score in scores:
        if score.rollout != rollout.id or score.node not in ends or not len(places):
            continue
        if score.position == "whole":
            before = int(np.searchsorted(places, ends[score.node]))
            reward_T[places[max(before - 1, 0)]] += score.value  # the first drawn token, where none was drawn by then
            continue
        count = len(rollout.nodes[score.node].token_ids)
        if not (0 <= score.position < count and rollout.nodes[score.node].drawn[score.position]):
            raise ValueError(
                f"score {score.term!r} is at token {score.position} of node {score.node}, which has {count} tokens: "
                "a position must be one that the policy drew"
            )
        reward_T[ends[score.node] - count + score.position] += score.value
    return reward_T


def _swept(
    reward_BT: Floats, value_BT: Floats, mask_BT: Bools, next_B: Floats, end_BT: Bools, gamma: float, lam: float
) -> Estimates:
    """From the last token to the first; `next_B` is the value behind the last, and nothing passes an end."""
    adv_BT = np.zeros(mask_BT.shape)
    carried_B = np.zeros(len(mask_BT))
    for t in reversed(range(mask_BT.shape[1])):
        here_B, end_B = mask_BT[:, t], end_BT[:, t]
        next_B, carried_B = np.where(end_B, 0.0, next_B), np.where(end_B, 0.0, carried_B)
        delta_B = reward_BT[:, t] + gamma * next_B - value_BT[:, t]
        carried_B = np.where(here_B, delta_B + gamma * lam * carried_B, carried_B)
        next_B = np.where(here_B, value_BT[:, t], next_B)
        adv_BT[:, t] = np.where(here_B, carried_B, 0.0)
    return Estimates(adv_BT, np.where(mask_BT, adv_BT + value_BT, 0.0))


def _turn_ends(turn_BT: Ints, mask_BT: Bools) -> Bools:
    """Whether a token is the last that was drawn in its turn."""
    end_BT = np.zeros(mask_BT.shape, dtype=np.bool_)
    later_B = np.full(len(mask_BT), -1)
    for t in reversed(range(mask_BT.shape[1])):
        end_BT[:, t] = mask_BT[:, t] & (turn_BT[:, t] != later_B)
        later_B = np.where(mask_BT[:, t], turn_BT[:, t], later_B)
    return end_BT


def _rewards(reward_BT: Floats, mask_BT: Bools) -> Floats:
    reward_BT = np.asarray(reward_BT, dtype=np.float64)
    if reward_BT.shape != mask_BT.shape:
        raise ValueError(f"rewards and mask must have one shape (B, T), got {reward_BT.shape} and {mask_BT.shape}")
    if not np.isfinite(reward_BT).all() or reward_BT[~mask_BT].any():
        raise ValueError("rewards must be finite, and 0 at tokens that the policy did not draw")
    return reward_BT


def _unit(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}")
    return value
