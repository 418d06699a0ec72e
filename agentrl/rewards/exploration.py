r"""Bonuses for states that were rarely seen: $1 / \sqrt{N(s)}$, by the digests that environments give.

The steps of an episode are averaged, not added, so that a long one can bring no more than a short one.

Source: the form of Bellemare et al. 2016 (arXiv 1606.01868), with exact counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from agentrl.rewards.terms import Term
from agentrl.rewards.views import state_keys
from agentrl.types import Rollout

__all__ = ["exploration_term", "group_novelty", "visit_bonuses"]


def visit_bonuses(keys: Sequence[str], seen: Mapping[str, int] | None = None) -> list[float]:
    r"""$1 / \sqrt{N}$ for each visit, with $N$ the visits of that state so far, this one included. Each in (0, 1].

    Args:
        keys: The states, in order.
        seen: How often each was visited before.

    >>> visit_bonuses(["a", "b"] + ["a"] * 3, {"b": 3})[:2], visit_bonuses(["a"] * 4)[3]
    ([1.0, 0.5], 0.5)
    """
    count = Counter(seen or {})
    bonuses = []
    for key in keys:
        count[key] += 1
        bonuses.append(count[key] ** -0.5)
    return bonuses


def exploration_term() -> Term:
    """The mean of an episode's `visit_bonuses`; 0 where its environment gives no digests. In [0, 1]."""

    def value(rollout: Rollout) -> float:
        bonuses = visit_bonuses(state_keys(rollout))
        return sum(bonuses) / len(bonuses) if bonuses else 0.0

    return Term("exploration", 0.0, 1.0, value)


def group_novelty(keys_G: Sequence[Sequence[str]]) -> list[float]:
    r"""For each sample of a group the mean of $1 / \sqrt{N(s)}$ over its states, $N$ the samples that reach $s$.

    Each in [0, 1]; a sample that goes where others do not has more.

    >>> group_novelty([["a", "b"], ["a", "a"], [], ["a"], ["a"]])
    [0.75, 0.5, 0.0, 0.5, 0.5]
    """
    reached = Counter(key for keys in keys_G for key in set(keys))
    means = []
    for keys in keys_G:
        bonuses = [reached[key] ** -0.5 for key in sorted(set(keys))]
        means.append(sum(bonuses) / len(bonuses) if bonuses else 0.0)
    return means
