"""All checks of one plan, and the pass rates of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from agentrl.verifiers._plan.commonsense import COMMONSENSE
from agentrl.verifiers._plan.hard import HARD, applicable
from agentrl.verifiers._plan.outcome import Outcome, failed
from agentrl.verifiers._plan.reading import Day
from agentrl.verifiers._plan.world import Query, World

__all__ = ["Assessment", "Rates", "assess", "rates"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """Every applicable check of one plan; as many for a plan that was never delivered.

    Attributes:
        delivered: Whether there is a plan that can be read.
        commonsense: The eight, by name, in order.
        hard: Those that the query asks for, by name, in order.
    """

    delivered: bool
    commonsense: Mapping[str, Outcome]
    hard: Mapping[str, Outcome]

    @property
    def opened(self) -> bool:
        """Whether the hard checks were run: everything exists and the plan is complete."""
        return self.commonsense["within_sandbox"].passed and self.commonsense["complete"].passed

    @property
    def commonsense_share(self) -> Fraction:
        """Of the commonsense checks."""
        return _share(self.commonsense)

    @property
    def hard_share(self) -> Fraction:
        """Of the hard checks that the query asks for."""
        return _share(self.hard)

    @property
    def micro(self) -> Fraction:
        """Of all checks together."""
        return _share({**self.commonsense, **{f"hard {name}": outcome for name, outcome in self.hard.items()}})

    @property
    def final(self) -> bool:
        """Whether every check is passed."""
        return self.micro == 1


@dataclass(frozen=True, slots=True)
class Rates:
    """TravelPlanner's six numbers over N plans, undelivered ones included.

    Attributes:
        delivery: Plans delivered / N.
        commonsense_micro: Checks passed / (8 N).
        commonsense_macro: Plans with all eight passed / N.
        hard_micro: Checks passed / hard checks asked for by all N queries.
        hard_macro: Plans with all of theirs passed / N.
        final: Plans with everything passed / N.
    """

    delivery: Fraction
    commonsense_micro: Fraction
    commonsense_macro: Fraction
    hard_micro: Fraction
    hard_macro: Fraction
    final: Fraction


def assess(query: Query, world: World, plan: tuple[Day, ...]) -> Assessment:
    """Run the checks; the hard ones only if everything exists and the plan is complete. An empty plan passes none."""
    if not plan:
        return Assessment(
            delivered=False,
            commonsense=dict.fromkeys(COMMONSENSE, failed("there is no plan")),
            hard=dict.fromkeys(applicable(query), failed("there is no plan")),
        )
    commonsense = {name: check(query, world, plan) for name, check in COMMONSENSE.items()}
    if commonsense["within_sandbox"].passed and commonsense["complete"].passed:
        hard = {name: HARD[name](query, world, plan) for name in applicable(query)}
    else:
        hard = dict.fromkeys(applicable(query), failed("not judged: incomplete, or something does not exist"))
    return Assessment(delivered=True, commonsense=commonsense, hard=hard)


def rates(assessments: Sequence[Assessment]) -> Rates:
    """The pass rates of a data set, one assessment a query.

    Raises:
        ValueError: There is none.
    """
    if not assessments:
        raise ValueError("no plan to rate: give one assessment for each query, delivered or not")
    count = len(assessments)

    def macro(passes: Sequence[bool]) -> Fraction:
        return Fraction(sum(passes), count)

    return Rates(
        delivery=macro([a.delivered for a in assessments]),
        commonsense_micro=_pooled([a.commonsense for a in assessments]),
        commonsense_macro=macro([a.commonsense_share == 1 for a in assessments]),
        hard_micro=_pooled([a.hard for a in assessments]),
        hard_macro=macro([a.hard_share == 1 for a in assessments]),
        final=macro([a.final for a in assessments]),
    )


def _share(outcomes: Mapping[str, Outcome]) -> Fraction:
    return Fraction(sum(outcome.passed for outcome in outcomes.values()), len(outcomes))


def _pooled(many: Sequence[Mapping[str, Outcome]]) -> Fraction:
    return Fraction(sum(o.passed for checks in many for o in checks.values()), sum(len(checks) for checks in many))
