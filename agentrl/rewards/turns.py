"""Terms between the turns of an episode: what a later attempt gains over an earlier one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentrl.errors import ConfigError
from agentrl.rewards.terms import Term
from agentrl.rewards.views import policy_nodes, turn_scores
from agentrl.types import Rollout, Score

__all__ = ["potential_deltas", "turn_delta_scores", "turn_delta_term", "turn_deltas"]


def turn_deltas(score_K: Sequence[float], *, alpha: float) -> list[float]:
    r"""The bonus of each turn: $b_1 = 0$, $b_k = \alpha (r_k - r_{k-1})$; in $[-\alpha, \alpha]$ for scores in [0, 1].

    It changes the optimum on purpose: correcting pays, spoiling costs. So does failing first: keep $r_1$ in the return.

    Source: SCoRe, Kumar et al. 2024 (arXiv 2409.12917).

    >>> [[r2 + turn_deltas([r1, r2], alpha=10)[1] for r1, r2 in pairs] for pairs in [[(0, 0), (0, 1), (1, 0), (1, 1)]]]
    [[0.0, 11.0, -10.0, 1.0]]
    """
    if not (math.isfinite(alpha) and alpha >= 0):
        raise ConfigError(f"alpha must be a finite number from 0 on, got {alpha!r}")
    return [0.0 if k == 0 else alpha * (score_K[k] - score_K[k - 1]) + 0.0 for k in range(len(score_K))]


def turn_delta_scores(rollout: Rollout, *, alpha: float) -> list[Score]:
    """`turn_deltas` as rows for the side table, each at the node of its turn."""
    nodes = [index for index, _ in policy_nodes(rollout)]
    bonuses = turn_deltas(turn_scores(rollout), alpha=alpha)
    return [Score(rollout.id, node, "whole", "turn_delta", bonus) for node, bonus in zip(nodes, bonuses, strict=True)]


def turn_delta_term() -> Term:
    """The last turn's score minus the first's, in [-1, 1]; its weight is alpha. 0 for an episode of one turn."""

    def value(rollout: Rollout) -> float:
        return math.fsum(turn_deltas(turn_scores(rollout), alpha=1.0))

    return Term("turn_delta", -1.0, 1.0, value)


def potential_deltas(potential_K: Sequence[float], *, gamma: float = 1.0) -> list[float]:
    r"""Shaping that leaves the best policy as it is: $F_k = \gamma \Phi(s_{k+1}) - \Phi(s_k)$, with 0 after the end.

    Args:
        potential_K: $\Phi$ of the state before each turn; with values in [0, 1] each $F_k$ is in [-1, 1].
        gamma: The discount of the return.

    The discounted sum is $-\Phi(s_1)$ whatever the policy does. Source: Ng, Harada and Russell 1999.

    >>> potential_deltas([0.0, 0.5, 1.0]), potential_deltas([0.5, 1.0], gamma=0.5)
    ([0.5, 0.5, -1.0], [0.0, -1.0])
    """
    if not 0 <= gamma <= 1:
        raise ConfigError(f"gamma must be in [0, 1], got {gamma!r}")
    after_K = [*potential_K[1:], 0.0]
    return [gamma * after - before for before, after in zip(potential_K, after_K, strict=False)]
