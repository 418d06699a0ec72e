"""Proofs, checked step by step.

A step holds where what it cites implies it: premises as P1, P2, ... (or by number, where the steps' numbers go on after
the premises'), and earlier steps. The last step must be the conclusion. Under "steps" a proof that reaches for the
conclusion and fails gets half the share of its steps before the first wrong one that the last step rests on, that are
new, and that are not true of everything: restating premises earns nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.types import Check, Status, Verdict
from agentrl.verifiers._fol import prover
from agentrl.verifiers._fol.judge import Credit, shown
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.problem import Problem
from agentrl.verifiers._fol.replies import Step
from agentrl.verifiers._fol.syntax import Formula, Symbols, symbols

__all__ = ["Support", "holds_midway", "judge_proof"]

Support = Literal["cited", "premises"]

_MOST_PARTIAL = 0.5
_STATUSES: Mapping[str, Status] = {"unknown": "resource_limit", "timeout": "timeout"}


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a step does not count."""

    reason: str
    status: Status = "incorrect"


def judge_proof(problem: Problem, steps: Sequence[Step], support: Support, credit: Credit) -> Verdict:
    """Whether every step holds and the last one is the conclusion."""
    assert problem.conclusion is not None
    names = problem.signature or problem.symbols
    known = _numbered(problem.formulas, steps[0].number)
    checks: list[Check] = []
    failure: _Failure | None = None
    for step in steps:
        failure = _failure(step, known, names, problem.formulas if support == "premises" else ())
        checks.append(Check(f"step {step.number}", failure is None, detail=failure.reason if failure else ""))
        if failure is not None:
            break
        known[str(step.number)] = step.formula
    reached = _is_conclusion(steps[-1], problem)
    checks.append(Check("conclusion", reached))
    answer = shown([step.formula for step in steps])
    if failure is None and reached:
        return Verdict(1.0, "correct", answer, tuple(checks))
    if failure is None:
        return Verdict(0.0, "incorrect", answer, tuple(checks), "The last step is not the conclusion.")
    right = len(checks) - 2
    score = _partial(problem, steps, right) if credit == "steps" and reached else 0.0
    feedback = f"Step {steps[right].number} {failure.reason}."
    return Verdict(score, "partial" if score else failure.status, answer, tuple(checks), feedback)


def holds_midway(problem: Problem, steps: Sequence[Step]) -> bool:
    """Whether the last step follows from what it cites and is not the conclusion yet.

    Those before it are taken as known, so that a proof that grows by lines is not checked from its start each time.
    """
    *before, last = steps
    known = _numbered(problem.formulas, steps[0].number) | {str(step.number): step.formula for step in before}
    names = problem.signature or problem.symbols
    return not _is_conclusion(last, problem) and _failure(last, known, names, ()) is None


def _is_conclusion(step: Step, problem: Problem) -> bool:
    assert problem.conclusion is not None
    return canonical(step.formula) == canonical(problem.conclusion)


def _numbered(premises: Sequence[Formula], first: int) -> dict[str, Formula]:
    known = {f"P{i}": formula for i, formula in enumerate(premises, 1)}
    if first > 1:
        known |= {str(i): formula for i, formula in enumerate(premises, 1)}
    return known


def _failure(step: Step, known: Mapping[str, Formula], names: Symbols, always: Sequence[Formula]) -> _Failure | None:
    if not step.cited:
        return _Failure("cites nothing")
    missing = next((one for one in step.cited if one not in known), None)
    if missing is not None:
        return _Failure(f"cites {missing}, which is neither a premise nor an earlier step")
    if symbols([step.formula]) not in names:
        return _Failure("uses a name that the task does not have")
    rests_on = list(dict.fromkeys((*always, *(known[one] for one in step.cited))))
    outcome = prover.satisfiable(rests_on, [step.formula], effort="prove").outcome
    if outcome == "unsat":
        return None
    if outcome == "sat":
        return _Failure("does not follow from what it cites")
    return _Failure("cannot be checked by the solver within its limits", _STATUSES[outcome])


def _partial(problem: Problem, steps: Sequence[Step], right: int) -> float:
    needed, waiting = set[str](), [steps[-1]]
    by_number = {str(step.number): step for step in steps}
    while waiting:
        new = [one for one in waiting.pop().cited if one in by_number and one not in needed]
        needed.update(new)
        waiting += [by_number[one] for one in new]
    seen, count = set(map(canonical, problem.formulas)), 0
    for step in steps[:right]:
        text = canonical(step.formula)
        if text not in seen and str(step.number) in needed:
            count += prover.satisfiable((), [step.formula], effort="prove").outcome == "sat"
        seen.add(text)
    return _MOST_PARTIAL * count / len(steps)
