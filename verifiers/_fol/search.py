"""The searches for models, each within limits that count steps: random, Z3, cvc5, and every model of a few elements."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agentrl.verifiers._fol.models import Models, draw, fits, truth
from agentrl.verifiers._fol.smt import TooLarge, grounded, solver_names
from agentrl.verifiers._fol.syntax import Formula, Symbols

__all__ = ["Outcome", "cvc5_outcome", "random_model", "small_model", "z3_outcome"]

_RANDOM_MODELS = 48
_CVC5_STEPS = 40_000
_GROUNDED_STEPS = 200_000

Outcome = Literal["sat", "unsat", "unknown"]


def random_model(formulas: Sequence[Formula], used: Symbols) -> Models | None:
    """A model with one to three elements, if chance finds it; the draw is the same every time."""
    generator = np.random.default_rng(0)
    for size in (1, 2, 3):
        if not fits(formulas, used, size, _RANDOM_MODELS):
            return None
        models = draw(used, size, _RANDOM_MODELS, generator)
        alive = np.arange(models.count)
        for formula in formulas:
            alive = alive[truth(formula, models.pick(alive))]
            if not len(alive):
                break
        if len(alive):
            return models.pick(alive[:1])
    return None


def z3_outcome(text: str, steps: int) -> Outcome:
    """What Z3 says of a text in SMT-LIB."""
    import z3

    solver = z3.SimpleSolver(ctx=z3.Context())
    solver.set("rlimit", steps)
    solver.from_string(text)
    return _outcome(str(solver.check()))


def _outcome(said: str) -> Outcome:
    return "sat" if said == "sat" else "unsat" if said == "unsat" else "unknown"


def cvc5_outcome(text: str) -> Outcome:
    """What cvc5 says while it looks for finite models; "unknown" where it is not installed."""
    if importlib.util.find_spec("cvc5") is None:
        return "unknown"
    import cvc5

    solver = cvc5.Solver()
    solver.setLogic("UF")
    solver.setOption("finite-model-find", "true")
    solver.setOption("rlimit-per", str(_CVC5_STEPS))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
    while not (command := parser.nextCommand()).isNull():
        command.invoke(solver, parser.getSymbolManager())
    answer = solver.checkSat()
    return "sat" if answer.isSat() else "unsat" if answer.isUnsat() else "unknown"


def small_model(formulas: Sequence[Formula], used: Symbols, sizes: Sequence[int] = (1, 2, 3, 4)) -> Models | None:
    """A model of one of these sizes, checked; None where there is none, or the search is too large."""
    import z3

    for size in sizes:
        try:
            text = grounded(formulas, used, size)
        except TooLarge:
            return None
        solver = z3.SimpleSolver(ctx=z3.Context())
        solver.set("rlimit", _GROUNDED_STEPS)
        solver.from_string(text)
        if str(solver.check()) != "sat":
            continue
        model = solver.model()
        true = {declared.name() for declared in model.decls() if z3.is_true(model[declared])}
        found = _tables(true, used, size)
        if fits(formulas, used, size, 1) and all(truth(formula, found)[0] for formula in formulas):
            return found
    return None


def _tables(true: set[str], used: Symbols, size: int) -> Models:
    names = solver_names(used)
    tables: dict[str, npt.NDArray[Any]] = {}
    for name, arity in used.predicates.items():
        table = np.zeros((1, *[size] * arity), dtype=np.bool_)
        for at in np.ndindex(*table.shape[1:]):
            table[(0, *at)] = "_".join((names[name], *map(str, at))) in true
        tables[name] = table
    for name, arity in used.functions.items():
        values = np.zeros((1, *[size] * arity), dtype=np.int64)
        for at in np.ndindex(*values.shape[1:]):
            stem = "_".join((names[name], *map(str, at)))
            values[(0, *at)] = next((to for to in range(size) if f"{stem}__{to}" in true), 0)
        tables[name] = values
    return Models(size, 1, tables)
