"""What the verifier asks the solvers, and what it makes of their answers; they run in processes that can be killed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.errors import MissingExtraError
from agentrl.memo import Memo
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.syntax import Formula
from agentrl.workers import Workers

__all__ = ["Comparison", "Effort", "Finding", "agreement", "compare", "label_of", "satisfiable"]

STEPS = 500_000
PROOF_STEPS = 100_000
_workers = Workers("agentrl.verifiers._fol.solver", timeout_s=2.0, warm="warm")
_memo: Memo[Finding] = Memo("fol")
_balance_memo: Memo[float | None] = Memo("fol balance")

Effort = Literal["full", "prove"]
Label = Literal["True", "False", "Uncertain", "inconsistent", "unknown", "timeout"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether formulas can be true together.

    Attributes:
        outcome: "unknown" where the solvers gave up within their limits, "timeout" where the wall guard ended them.
        model: A small model in one line, where one is known.
        hard: Whether Z3 gave up, so that other searches were tried.
    """

    outcome: Literal["sat", "unsat", "unknown", "timeout"]
    model: str = ""
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two sets of formulas, each taken together, relate.

    Attributes:
        status: "equivalent" only where both directions are proven.
        forward: Whether the first implies the second; None where that was not asked or not found out.
        backward: The other way round.
        model: One that tells them apart.
        hard: Whether Z3 gave up on a question.
    """

    status: Literal["equivalent", "different", "unknown", "timeout"]
    forward: bool | None = None
    backward: bool | None = None
    model: str = ""
    hard: bool = False


def satisfiable(hold: Sequence[Formula], refuted: Sequence[Formula] = (), *, effort: Effort = "full") -> Finding:
    """Whether `hold` can be true while some formula of `refuted` (where there are any) is false.

    Args:
        hold: Formulas.
        refuted: Formulas.
        effort: "full" asks every solver, "prove" asks Z3 alone under a smaller limit: for proofs of many steps.

    Raises:
        MissingExtraError: Z3 is not installed.
        InfraError: No process can be started.
    """
    return _satisfiable(_texts(hold), _texts(refuted), effort)


def _texts(formulas: Sequence[Formula]) -> tuple[str, ...]:
    return tuple(map(canonical, formulas))


def _satisfiable(hold: tuple[str, ...], refuted: tuple[str, ...], effort: Effort = "full") -> Finding:
    steps = STEPS if effort == "full" else PROOF_STEPS
    question = {"hold": hold, "refuted": refuted, "steps": steps, "effort": effort}

    def ask() -> Finding:
        if importlib.util.find_spec("z3") is None:
            raise MissingExtraError("first-order logic needs Z3: pip install 'agentrl[fol]'")
        answer = _workers.call("satisfiable", question)
        if answer.status == "timeout":
            return Finding("timeout", hard=True)
        return Finding(**answer.value) if answer.status == "done" else Finding("unknown", hard=True)

    return _memo.decide((effort, hold, refuted), ask, keep=lambda found: found.outcome != "timeout")


def compare(
    gold: Sequence[Formula], other: Sequence[Formula], *, directions: Literal["until_different", "both"]
) -> Comparison:
    """Whether two sets of formulas say the same: two one-sided questions, since solvers do badly on one of both.

    Raises:
        MissingExtraError: Z3 is not installed.
        InfraError: No process can be started.
    """
    gold_texts, other_texts = _texts(gold), _texts(other)
    forward = _against(gold_texts, other_texts)
    if forward.outcome == "sat" and directions == "until_different":
        return Comparison("different", forward=False, model=forward.model, hard=forward.hard)
    if forward.outcome == "timeout":  # one wall guard, not two
        return Comparison("timeout", hard=True)
    backward = _against(other_texts, gold_texts)
    known = {"sat": False, "unsat": True}
    both = (forward.outcome, backward.outcome)
    status: Literal["equivalent", "different", "unknown", "timeout"] = "unknown"
    if "sat" in both:
        status = "different"
    elif "timeout" in both:
        status = "timeout"
    elif both == ("unsat", "unsat"):
        status = "equivalent"
    model = forward.model if forward.outcome == "sat" else backward.model
    hard = forward.hard or backward.hard
    return Comparison(status, known.get(forward.outcome), known.get(backward.outcome), model, hard)


def _against(hold: tuple[str, ...], refuted: tuple[str, ...]) -> Finding:
    """Whether the first can be true and one of the second false; where there is no second, none can."""
    return _satisfiable(hold, refuted) if refuted else Finding("unsat")


def label_of(premises: Sequence[Formula], conclusion: Formula) -> Label:
    """What the premises say of the conclusion; "unknown" where the solvers do not find it out.

    Raises:
        MissingExtraError: Z3 is not installed.
        InfraError: No process can be started.
    """
    consistent = satisfiable(premises).outcome if premises else "sat"
    if consistent != "sat":
        return "inconsistent" if consistent == "unsat" else _unsure(consistent)
    against = satisfiable(premises, [conclusion]).outcome
    if against == "unsat":
        return "True"
    agreeing = satisfiable([*premises, conclusion]).outcome
    if agreeing == "unsat":
        return "False"
    if against == agreeing == "sat":
        return "Uncertain"
    return _unsure("timeout" if "timeout" in (against, agreeing) else "unknown")


def _unsure(outcome: str) -> Literal["unknown", "timeout"]:
    return "timeout" if outcome == "timeout" else "unknown"


def agreement(gold: Sequence[Formula], other: Sequence[Formula]) -> float | None:
    """Balanced agreement on sampled models, in [0, 1]; None where it cannot be computed within the limits.

    Raises:
        InfraError: No process can be started.
    """
    gold_texts, other_texts = _texts(gold), _texts(other)
    question = {"gold": gold_texts, "other": other_texts}

    def ask() -> float | None:
        answer = _workers.call("agreement", question)
        value: Mapping[str, float] | None = answer.value if answer.status == "done" else None
        if value is None:
            return None
        right = value["true_positive"] + value["true_negative"]
        return 2 * value["true_positive"] * value["true_negative"] / right if right else 0.0

    return _balance_memo.decide((gold_texts, other_texts), ask, keep=lambda found: found is not None)
