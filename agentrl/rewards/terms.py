"""A term, what may be combined, and the sum that training sees.

A verdict decides; terms nudge. Their weighted sum is clamped to `limit` on either side before it is added, each part is
kept apart, and settings under which a term alone could pass the limit, or pay for form without content, are refused.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentrl.errors import ConfigError, UsageError, suggest
from agentrl.types import Rollout, Score

__all__ = ["VERDICT", "Shaped", "Shaping", "Term"]

VERDICT = "verdict"
"""The name of the verdict's own part."""
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Term:
    """One shaping term.

    Attributes:
        name: Under which it is weighed and logged.
        low: It is never less.
        high: It is never more.
        value: From a stored rollout.
        gate: "verdict" multiplies it by the verdict's score, so that it pays nothing where the answer is wrong.
        ungated_limit: Most that it may weigh without a gate.
        needs: Terms without which it can be gamed.
        excludes: Terms that pull the other way.
    """

    name: str
    low: float
    high: float
    value: Callable[[Rollout], float]
    gate: Literal["none", "verdict"] = "none"
    ungated_limit: float = math.inf
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ConfigError(f"the term {self.name} must have finite bounds, low to high; got {self.low}, {self.high}")
        if self.gate not in ("none", "verdict"):
            raise ConfigError(f"the gate of {self.name} must be none or verdict, got {self.gate!r}")

    @property
    def size(self) -> float:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))

    def checked(self, value: float) -> float:
        """The value, if it is within the bounds.

        Raises:
            ValueError: It is not: the term has a fault.
        """
        if not self.low - _SLACK <= value <= self.high + _SLACK:
            raise ValueError(f"the term {self.name} must be in [{self.low:g}, {self.high:g}], got {value!r}")
        return min(max(float(value), self.low), self.high)


@dataclass(frozen=True, slots=True)
class Shaped:
    """The sum that training sees, and what it is made of: weighted parts, the verdict's first."""

    total: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Shaping:
    """Terms with their weights.

    Args:
        terms: The terms.
        weights: By name; 1 where not given.
        limit: Most that all terms together may add or take.

    Raises:
        ConfigError: The terms and weights do not go together.
    """

    terms: tuple[Term, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    limit: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit) and self.limit > 0):
            raise ConfigError(f"limit must be a finite number over 0, got {self.limit!r}")
        names = {term.name for term in self.terms}
        twice = [name for name, count in Counter(term.name for term in self.terms).items() if count > 1]
        if twice or VERDICT in names:
            raise ConfigError(f"the name {(twice or [VERDICT])[0]!r} is taken: give each term a name of its own")
        for name, weight in self.weights.items():
            if name not in names:
                raise ConfigError(f"there is no term {name!r} to weigh: {suggest(name, names)}")
            if not math.isfinite(weight):
                raise ConfigError(f"the weight of {name} must be finite, got {weight!r}")
        for term in self.terms:
            self._check(term, names)

    def _check(self, term: Term, names: set[str]) -> None:
        size = abs(self.weight(term)) * term.size
        if size > self.limit + _SLACK:
            raise ConfigError(f"{term.name} can reach {size:g}: lower its weight, or raise the limit of {self.limit:g}")
        if term.gate == "none" and size > term.ungated_limit + _SLACK:
            raise ConfigError(
                f"{term.name} can reach {size:g} whatever the answer: weigh it so that it is at most "
                f"{term.ungated_limit:g}, or gate it by the verdict"
            )
        for other in term.needs:
            if other not in names:
                raise ConfigError(f"{term.name} can be gamed without the term {other}: add it")
        for other in term.excludes:
            if other in names:
                raise ConfigError(f"{term.name} and {other} pull in opposite directions: choose one")

    def weight(self, term: Term) -> float:
        """The weight of a term."""
        return self.weights.get(term.name, 1.0)

    def measure(self, rollouts: Iterable[Rollout]) -> list[Score]:
        """Every term's raw value of every rollout, for the side table of scores; the rollouts stay as they are."""
        return [
            Score(rollout.id, len(rollout.nodes) - 1, "whole", term.name, term.checked(term.value(rollout)))
            for rollout in rollouts
            for term in self.terms
        ]

    def shaped(self, score: float, values: Mapping[str, float]) -> Shaped:
        """Add the weighted terms to a verdict's score.

        Args:
            score: The verdict's, in [0, 1].
            values: Raw values by the terms' names, as `measure` gives them.

        Raises:
            ValueError: A value is missing, or outside its bounds.
        """
        if not 0 <= score <= 1:
            raise ValueError(f"a verdict's score is in [0, 1], got {score!r}")
        missing = [term.name for term in self.terms if term.name not in values]
        if missing:
            raise ValueError(f"the value of {missing[0]} is missing")
        parts = {VERDICT: float(score)}
        for term in self.terms:
            factor = score if term.gate == "verdict" else 1.0
            parts[term.name] = self.weight(term) * factor * term.checked(values[term.name])
        added = math.fsum(parts.values()) - score
        return Shaped(score + min(max(added, -self.limit), self.limit), parts)

    def of(self, rollout: Rollout) -> Shaped:
        """Measure and add, for one rollout.

        Raises:
            UsageError: It has no verdict that may be used; its whole group is to be dropped.
        """
        verdict = rollout.verdict
        if verdict is None or not rollout.scored:
            raise UsageError(f"rollout {rollout.id} has no score to shape: drop its group")
        return self.shaped(verdict.score, {row.term: row.value for row in self.measure([rollout])})
