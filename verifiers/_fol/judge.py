"""Verdicts on formulas and on labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from agentrl.types import Check, Verdict
from agentrl.verifiers._fol import prover
from agentrl.verifiers._fol.align import alignments
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.problem import Problem
from agentrl.verifiers._fol.replies import Formal, used_symbols
from agentrl.verifiers._fol.syntax import Formula, Symbols, renamed

__all__ = ["Credit", "judge_entailment", "judge_equivalence", "shown"]

Credit = Literal["none", "balanced", "steps"]

_MOST_PARTIAL = 0.5
_MOST_ONE_SIDED = 0.25
_MODEL_CHARS = 300
_UNDECIDED = {
    "unknown": Verdict(0.0, "resource_limit", feedback="The solvers cannot decide this within their limits."),
    "timeout": Verdict(0.0, "timeout", feedback="The solvers ran out of time on this."),
}


def shown(formulas: Sequence[Formula]) -> str:
    """Formulas in canonical form, cut to what a verdict may hold."""
    return "; ".join(map(canonical, formulas))[:2000]


def judge_equivalence(
    problem: Problem, formulas: tuple[Formula, ...], warnings: Sequence[str], credit: Credit
) -> Verdict:
    """Whether the reply's formulas say together what the gold's do."""
    used = used_symbols(formulas)
    brackets = tuple(Check("brackets", passed=False, weight=0.0, detail=text) for text in warnings[:1])
    ways = _ways(problem, used)
    checks: tuple[Check, ...] = (*brackets, Check("names", bool(ways)))
    answer = shown(formulas)
    if not ways:
        return Verdict(0.0, "incorrect", answer, checks, _wrong_names(problem))
    if not _mentions(problem.required, used, ways[0]):
        checks = (*checks, Check("required", passed=False))
        return Verdict(0.0, "incorrect", answer, checks, "A predicate that the task requires is not mentioned.")
    found = _compare_all(problem.formulas, formulas, ways, credit)
    if found.status == "equivalent":
        return Verdict(1.0, "correct", answer, (*checks, Check("meaning", passed=True)))
    if found.status != "different":
        undecided = _UNDECIDED[found.status]
        return Verdict(0.0, undecided.status, answer, checks, undecided.feedback)
    score = _partial(problem, formulas, ways[0], found) if credit == "balanced" else 0.0
    detail = f"the formulas differ in: {found.model}"[:_MODEL_CHARS] if found.model else ""
    checks = (*checks, Check("meaning", passed=False, detail=detail))
    feedback = "The formula does not say what the task says."
    return Verdict(score, "partial" if score else "incorrect", answer, checks, feedback)


def _ways(problem: Problem, used: Symbols) -> list[dict[str, str]]:
    """From the reply's names to the gold's."""
    if problem.signature is not None:
        return [{name: name for name in used.names}] if used in problem.signature else []
    return alignments(problem.symbols, used, problem.synonyms)


def _wrong_names(problem: Problem) -> str:
    if problem.signature is not None:
        return "The formula uses a name that the task does not give, or with another number of arguments."
    return "The names of the formula cannot be matched with those of the task."


def _mentions(required: Sequence[str], used: Symbols, way: Mapping[str, str]) -> bool:
    return set(required) <= {way[name] for name in used.predicates}


def _compare_all(
    gold: Sequence[Formula], formulas: Sequence[Formula], ways: Sequence[Mapping[str, str]], credit: Credit
) -> prover.Comparison:
    """Equivalent under every one of the matchings; else what the first that is not says.

    Names that tie would let a formula and its converse both pass, were one matching enough. A reply may choose names
    with many ties, and formulas on which Z3 gives up: after a hard question none is asked, and the reply is refused.
    """
    first: prover.Comparison | None = None
    for number, way in enumerate(ways, 1):
        back = {to: name for name, to in way.items()}
        mine = [renamed(formula, back) for formula in gold]  # in the reply's names, which a model may show
        found = prover.compare(mine, formulas, directions="both" if credit == "balanced" else "until_different")
        if found.status != "equivalent":
            return found
        if found.hard and number < len(ways):
            return replace(found, status="different")
        first = first or found
    assert first is not None
    return first


def _partial(problem: Problem, formulas: Sequence[Formula], way: Mapping[str, str], found: prover.Comparison) -> float:
    if found.forward is None or found.backward is None:
        return 0.0
    agreed = prover.agreement(problem.formulas, [renamed(f, way) for f in formulas]) or 0.0
    most = _MOST_ONE_SIDED if found.forward or found.backward else _MOST_PARTIAL
    return min(most, _MOST_PARTIAL * agreed)


def judge_entailment(problem: Problem, reply: Formal, formalise: Literal["optional", "required"]) -> Verdict:
    """Whether the label is right; with a formalisation, also whether that says what the task does."""
    right = Check("label", reply.label == problem.label)
    if reply.premises is None or reply.conclusion is None:
        if formalise == "required":
            return Verdict(
                0.0, "malformed", reply.label, (), "The answer must hold premises, a conclusion and a label."
            )
        score = float(right.passed)
        feedback = "" if right.passed else "The label is not right."
        return Verdict(score, "correct" if right.passed else "incorrect", reply.label, (right,), feedback)
    everything = (*reply.premises, reply.conclusion)
    answer = f"{reply.label}: {shown(everything)}"[:2000]
    checks, stopped = _formal_checks(problem, reply.premises, reply.conclusion)
    if stopped is not None:
        return Verdict(0.0, stopped.status, answer, checks, stopped.feedback)
    failed = next((check for check in (*checks, right) if not check.passed), None)
    if failed is None:
        return Verdict(1.0, "correct", answer, (*checks, right))
    return Verdict(0.0, "incorrect", answer, (*checks, right), _FAILED[failed.name])


_FAILED = {
    "names": "The names of the formalisation do not fit those of the task.",
    "consistent": "The premises of the formalisation contradict each other.",
    "premises": "The premises of the formalisation do not say what the task's do.",
    "conclusion": "The conclusion of the formalisation does not say what the task's does.",
    "label": "The label is not right.",
}


def _formal_checks(
    problem: Problem, premises: tuple[Formula, ...], conclusion: Formula
) -> tuple[tuple[Check, ...], Verdict | None]:
    """The checks up to the first that fails, or the verdict where the solvers give up."""
    assert problem.conclusion is not None
    used = used_symbols((*premises, conclusion))
    ways = _ways(problem, used)
    checks = [Check("names", bool(ways))]
    if not ways:
        return tuple(checks), None
    consistent = prover.satisfiable(premises).outcome if premises else "sat"
    if consistent in _UNDECIDED:
        return tuple(checks), _UNDECIDED[consistent]
    checks.append(Check("consistent", consistent == "sat"))
    if consistent != "sat":
        return tuple(checks), None
    found: list[Check] = []
    for number, way in enumerate(ways, 1):  # all of them must fit, as in `_compare_all`
        back = {to: name for name, to in way.items()}
        found, hard = [], False
        for name, gold, mine in (
            ("premises", problem.formulas, premises),
            ("conclusion", (problem.conclusion,), (conclusion,)),
        ):
            same = prover.compare([renamed(f, back) for f in gold], mine, directions="until_different")
            if same.status in _UNDECIDED:
                return tuple(checks), _UNDECIDED[same.status]
            hard = hard or same.hard
            found.append(Check(name, same.status == "equivalent" and not (same.hard and number < len(ways))))
        if hard or not all(check.passed for check in found):
            break
    return (*checks, *found), None
