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
        passed: Whether the plan keeps to it.
        witness: Where it does not.
    """

    passed: bool
    witness: str = ""


PlanCheck = Callable[[Query, World, tuple[Day, ...]], Outcome]


def failed(witness: str) -> Outcome:
    """It is broken."""
    return Outcome(passed=False, witness=witness)


def passed() -> Outcome:
    """It is kept."""
    return Outcome(passed=True)
