"""What a check of a plan says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentrl.verifiers._plan.reading import Day
from agentrl.verifiers._plan.world import Query, World

__all__ = ["Outcome", "PlanCheck", "failed", "passed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check of one plan.

    Attributes:
        applicable: Whether the query asks for it; known before there is a plan.
        passed: Whether the plan keeps to it.
        witness: Where it does not.
    """

    applicable: bool
    passed: bool
    witness: str = ""


PlanCheck = Callable[[Query, World, tuple[Day, ...]], Outcome]


def failed(witness: str) -> Outcome:
    """It is asked for and broken."""
    return Outcome(applicable=True, passed=False, witness=witness)


def passed() -> Outcome:
    """It is asked for and kept."""
    return Outcome(applicable=True, passed=True)
