"""What runs in the worker processes: whether formulas have a model, and how well two formulas agree.

Whether formulas can be true together is asked of, in turn: random small models; Z3; cvc5, which looks for finite
models; and all models with at most four elements, as a propositional formula. Limits count the solvers' own steps, not
time, so that the answer is the same on every machine. Each question gets a fresh solver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentrl.verifiers._fol import balance
from agentrl.verifiers._fol.models import show_model
from agentrl.verifiers._fol.reader import ANY_NAME, read
from agentrl.verifiers._fol.search import cvc5_outcome, random_model, small_model, z3_outcome
from agentrl.verifiers._fol.smt import unbounded
from agentrl.verifiers._fol.syntax import some_false, symbols

__all__ = ["agreement", "satisfiable", "warm"]


def warm() -> None:
    """Load what the workers need, in the process that they are copies of."""
    satisfiable({"hold": ["P", "¬P"], "refuted": [], "steps": 1000, "effort": "full"})


def satisfiable(question: Mapping[str, Any]) -> dict[str, str | bool]:
    """Whether some formulas can be true while others are not all true.

    Args:
        question: "hold", formulas that must be true; "refuted", of which at least one must be false (where there are
            any); "steps", Z3's limit; "effort", "prove" to ask Z3 alone.

    Returns:
        "outcome"; "model" in one line, where a small one is known; and "hard", whether Z3 gave up.
    """
    formulas = [read(text, constants=(ANY_NAME,)).formula for text in question["hold"]]
    refuted = [read(text, constants=(ANY_NAME,)).formula for text in question["refuted"]]
    if refuted:
        formulas.append(some_false(refuted))
    used = symbols(formulas)
    text = unbounded(formulas, used)
    if question["effort"] == "prove":
        return {"outcome": z3_outcome(text, question["steps"]), "model": "", "hard": False}
    models = random_model(formulas, used)
    outcome = z3_outcome(text, question["steps"]) if models is None else "sat"
    hard = outcome == "unknown"
    if hard:
        outcome = cvc5_outcome(text)
    if models is None and outcome != "unsat":
        models = small_model(formulas, used)
    if models is None:
        return {"outcome": outcome, "model": "", "hard": hard}
    return {"outcome": "sat", "model": show_model(models, 0, used), "hard": hard}


def agreement(question: Mapping[str, Any]) -> dict[str, float] | None:
    """See `balance.agreement`; the formulas come as text."""
    other = [read(text, constants=(ANY_NAME,)).formula for text in question["other"]]
    return balance.agreement(tuple(question["gold"]), other)
