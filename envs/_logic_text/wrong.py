"""Formulas that do not say what another does, with a model that shows it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from agentrl.envs._logic_text.perturb import Edit, perturbed
from agentrl.verifiers._fol.models import Models
from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.prover import compare, satisfiable
from agentrl.verifiers._fol.reader import ANY_NAME, ReadError, read
from agentrl.verifiers._fol.search import random_model
from agentrl.verifiers._fol.syntax import Formula, Not, SymbolError, Symbols, symbols

__all__ = ["contrast", "is_contingent", "is_different", "wrong_formula"]

_TRIES = 30


def wrong_formula(gold: Formula, pool: Symbols, random: random.Random, most: int) -> tuple[Formula, list[Edit]] | None:
    """A formula made by 1 to `most` edits that reads back and is proven to be different; None where none was found."""
    for _ in range(_TRIES):
        found = perturbed(gold, pool, random, random.randint(1, most))
        if found is not None and _reads_back(found[0]) and _apart(gold, found[0], pool):
            return found
    return None


def _reads_back(formula: Formula) -> bool:
    try:
        return read(show(formula), constants=(ANY_NAME,)).formula == formula
    except ReadError:
        return False


def _apart(gold: Formula, other: Formula, pool: Symbols) -> bool:
    """Whether the other uses names that there are not, or a small model tells the two apart."""
    return symbols([other]) not in pool or _between(gold, other) is not None


def is_different(gold: Formula, other: Formula, pool: Symbols) -> bool:
    """Whether two formulas are proven not to say the same; the solvers are asked where no small model shows it.

    Raises:
        MissingExtraError: Z3 is not installed.
        InfraError: No process can be started.
    """
    return _apart(gold, other, pool) or compare([gold], [other], directions="until_different").status == "different"


def is_contingent(formula: Formula) -> bool:
    """Whether a formula can be true and can be false; the solvers are asked where no small model shows it.

    Raises:
        MissingExtraError: Z3 is not installed.
        InfraError: No process can be started.
    """
    return all(
        random_model([side], symbols([side])) is not None or satisfiable([side]).outcome == "sat"
        for side in (formula, Not(formula))
    )


def _between(gold: Formula, other: Formula) -> tuple[Models, bool] | None:
    """A small model that tells two formulas apart, and whether the first is the true one; None if chance finds none."""
    used = symbols([gold, other])
    for hold in ([gold, Not(other)], [other, Not(gold)]):
        model = random_model(hold, used)
        if model is not None:
            return model, hold[0] is gold
    return None


def contrast(gold: Formula, other: Formula) -> str:
    """A world in which one of two formulas is true and the other is not, in words; empty where none was found."""
    try:
        used = symbols([gold, other])
    except SymbolError:
        return ""
    found = _between(gold, other)
    if found is None:
        return ""
    model, is_true = found
    sides = ("true", "false") if is_true else ("false", "true")
    return f"In this world the sentence is {sides[0]} and your formula is {sides[1]}: {_world(model, used)}."


def _world(model: Models, used: Symbols) -> str:
    """The first model in words.

    >>> _world(Models(2, 1, {"P": np.array([[True, False]]), "a": np.array([1])}), Symbols({"P": 1}, {"a": 0}))
    'there are the things 0 and 1; a is 1; P holds of 0'
    """
    parts = [
        f"there is only the thing {0}" if model.size == 1 else f"there are the things {_listed(range(model.size))}"
    ]
    for name, arity in used.functions.items():
        table = model.tables[name][0]
        entries = [f"{name}({', '.join(map(str, at))})" if arity else name for at in np.ndindex(table.shape)]
        parts += [f"{entry} is {value}" for entry, value in zip(entries, table.ravel(), strict=True)]
    for name, arity in used.predicates.items():
        table = model.tables[name][0]
        true = [str(at[0]) if arity == 1 else f"({', '.join(map(str, at))})" for at in np.argwhere(table)]
        if arity:
            parts.append(f"{name} holds of {_listed(true) if true else 'nothing'}")
        else:
            parts.append(f"{name} is {'true' if table else 'false'}")
    return "; ".join(parts)


def _listed(items: Sequence[object]) -> str:
    *before, last = map(str, items)
    return f"{', '.join(before)} and {last}" if before else last
