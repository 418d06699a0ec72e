"""Shaping as settings of a recipe: a weight for each term, and what training sees of a batch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agentrl.errors import ConfigError
from agentrl.rewards.format import format_term
from agentrl.rewards.length import overlong_term
from agentrl.rewards.repetition import loop_term, repetition_term
from agentrl.rewards.terms import Shaping, Term
from agentrl.rewards.variance import variance_shares
from agentrl.types import Rollout

__all__ = ["ShapingSpec", "shaped_rewards"]


@dataclass(frozen=True, slots=True)
class ShapingSpec:
    """Weights of the terms that are added to the reward; 0 leaves a term out."""

    overlong: float = 0.0
    """Takes up to this over the last `overlong_cache` drawn tokens before the limit, and past it (arXiv 2503.14476)."""
    overlong_limit: int = 0
    """Drawn tokens of an episode; 0 takes `sampling.max_tokens`."""
    overlong_cache: int = 0
    """Length of the ramp in tokens; 0 takes a fifth of the limit."""
    format: float = 0.0
    """Pays well-formed replies, whatever the answer: 0.1 at most."""
    repetition: float = 0.0
    """Takes up to this for repeated n-grams of 40 tokens (arXiv 2502.03373)."""
    loop: float = 0.0
    """Takes up to this for text that compresses too well."""
    limit: float = 1.0
    """Most that all terms together may add or take."""

    def __post_init__(self) -> None:
        for name, weight in self.weights().items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ConfigError(f"shaping.{name} must be a finite number of at least 0, got {weight}")
        self.shaping(max_tokens=1024)

    def weights(self) -> dict[str, float]:
        """The weight of each term."""
        return {name: getattr(self, name) for name in ("overlong", "format", "repetition", "loop")}

    def shaping(self, *, max_tokens: int) -> Shaping | None:
        """The terms with a weight; None where there is none.

        Raises:
            ConfigError: A weight is more than its term may have.
        """
        weights = {name: weight for name, weight in self.weights().items() if weight}
        return (
            Shaping(tuple(self._term(name, max_tokens) for name in weights), weights, self.limit) if weights else None
        )

    def _term(self, name: str, max_tokens: int) -> Term:
        if name == "overlong":
            limit = self.overlong_limit or max_tokens
            return overlong_term(limit=limit, cache=self.overlong_cache or limit // 5)
        if name == "format":
            return format_term()
        return repetition_term() if name == "repetition" else loop_term()


def shaped_rewards(
    shaping: Shaping | None, rollouts: Sequence[Rollout], groups: Sequence[int]
) -> tuple[list[float], dict[str, float]]:
    """The rewards that training sees, and what to log of the terms.

    Args:
        shaping: The terms; None leaves the rewards as they are.
        rollouts: Scored ones.
        groups: The group of each; of one verdict alone, the terms are all that tells its rollouts apart.

    Returns:
        The rewards; the mean of each weighted part, and the share of groups that only terms tell apart.
    """
    if shaping is None:
        return [rollout.reward for rollout in rollouts], {}
    rewards, parts_of = [], defaultdict(list)
    for rollout, group in zip(rollouts, groups, strict=True):
        shaped = shaping.of(rollout)
        assert rollout.verdict is not None  # `of` wants one
        rewards.append(rollout.reward + shaped.total - rollout.verdict.score)
        parts_of[group].append(shaped.parts)
    alone = [
        bool(variance_shares({name: [parts[name] for parts in members] for name in members[0]}).warning)
        for members in parts_of.values()
    ]
    everyone = [parts for members in parts_of.values() for parts in members]
    metrics = {f"shaping_{t.name}": float(np.mean([parts[t.name] for parts in everyone])) for t in shaping.terms}
    return rewards, {**metrics, "shaping_alone": float(np.mean(alone))}
