"""Finite models: many at once, as tables of numbers, and whether a formula is true in each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agentrl.verifiers._fol.syntax import (
    Apply,
    Atom,
    Equal,
    Formula,
    Joined,
    Not,
    Quantified,
    Symbols,
    Term,
    Variable,
    nodes,
)

__all__ = ["MAX_CELLS", "Models", "draw", "fits", "gathered", "show_model", "truth"]

MAX_CELLS = 1 << 24
Table = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Models:
    """Models with the elements 0 .. size-1.

    Attributes:
        size: Number of elements.
        count: Number of models.
        tables: For each name an array of shape (count, size, ..., size), one axis an argument: truth values for a
            predicate, elements for a function.
    """

    size: int
    count: int
    tables: Mapping[str, Table]

    def pick(self, index: npt.NDArray[Any]) -> Models:
        """Some of the models, by their numbers."""
        return Models(self.size, len(index), {name: table[index] for name, table in self.tables.items()})


def fits(formulas: Iterable[Formula], found: Symbols, size: int, count: int) -> bool:
    """Whether tables and intermediate results for `count` models stay below a bound on memory and time."""
    entries = sum(size**arity for arity in (*found.predicates.values(), *found.functions.values()))
    return entries * count <= MAX_CELLS and all(_cells(f, size) * count <= MAX_CELLS for f in formulas)


def _cells(formula: Formula, size: int) -> int:
    return int(size ** _depth(formula)) * sum(1 for _ in nodes(formula))


def _depth(formula: Formula) -> int:
    match formula:
        case Quantified(_, _, body):
            return 1 + _depth(body)
        case Not(body):
            return _depth(body)
        case Joined(_, left, right):
            return max(_depth(left), _depth(right))
    return 0


def draw(found: Symbols, size: int, count: int, generator: np.random.Generator) -> Models:
    """Random models; in each, every predicate is rare, even or frequent."""
    tables: dict[str, Table] = {}
    for name in sorted(found.predicates):
        shape = (count, *[size] * found.predicates[name])
        share = generator.choice((0.15, 0.5, 0.85), (count, *[1] * found.predicates[name]))
        tables[name] = generator.random(shape) < share
    for name in sorted(found.functions):
        tables[name] = generator.integers(0, size, (count, *[size] * found.functions[name]))
    return Models(size, count, tables)


def gathered(parts: Sequence[Models]) -> Models:
    """Models of one size, put together."""
    names = parts[0].tables
    joined = {name: np.concatenate([part.tables[name] for part in parts]) for name in names}
    return Models(parts[0].size, sum(part.count for part in parts), joined)


def truth(formula: Formula, models: Models) -> npt.NDArray[np.bool_]:
    """Whether a formula is true, for each model; shape (count,).

    Axis 0 of every intermediate array is the model, axis 1 + i the value of the variable of the i-th enclosing
    quantifier; an axis that does not matter has length 1.
    """
    depth = _depth(formula)
    every = np.arange(models.count).reshape(-1, *[1] * depth)
    elements = np.arange(models.size)

    def value(term: Term, axes: Mapping[str, int]) -> Table:
        if isinstance(term, Variable):
            shape = [1] * (depth + 1)
            shape[1 + axes[term.name]] = models.size
            return elements.reshape(shape)
        return entry(term, axes)

    def entry(node: Atom | Apply, axes: Mapping[str, int]) -> Table:
        found: Table = models.tables[node.name][(every, *(value(arg, axes) for arg in node.args))]
        return found

    def visit(node: Formula, axes: Mapping[str, int]) -> Table:
        match node:
            case Atom():
                return entry(node, axes)
            case Equal(left, right):
                return np.asarray(value(left, axes) == value(right, axes))
            case Not(body):
                return ~visit(body, axes)
            case Joined(op, left, right):
                return _joined(op, visit(left, axes), visit(right, axes))
            case Quantified(kind, name, body):
                inner = visit(body, {**axes, name: len(axes)})
                fold = np.logical_and if kind == "forall" else np.logical_or
                return np.asarray(fold.reduce(inner, axis=1 + len(axes), keepdims=True))

    result: npt.NDArray[np.bool_] = np.broadcast_to(visit(formula, {}), every.shape).reshape(models.count)
    return result


def _joined(op: str, left: Table, right: Table) -> Table:
    if op == "and":
        return left & right
    if op == "or":
        return left | right
    if op == "implies":
        return ~left | right
    return left ^ right if op == "xor" else left == right


def show_model(models: Models, index: int, found: Symbols) -> str:
    """One model in one line.

    >>> tables = {"P": np.array([[True, False]]), "a": np.array([1])}
    >>> show_model(Models(2, 1, tables), 0, Symbols({"P": 1}, {"a": 0}))
    'domain {0, 1}; a = 1; P = {0}'
    """
    parts = [f"domain {{{', '.join(map(str, range(models.size)))}}}"]
    for name, arity in found.functions.items():
        table = models.tables[name][index]
        if arity:
            entries = (f"{_tuple(at)}→{table[at]}" for at in np.ndindex(table.shape))
            parts.append(f"{name} = {{{', '.join(entries)}}}")
        else:
            parts.append(f"{name} = {table}")
    for name, arity in found.predicates.items():
        table = models.tables[name][index]
        if arity:
            parts.append(f"{name} = {{{', '.join(_tuple(at) for at in np.ndindex(table.shape) if table[at])}}}")
        else:
            parts.append(f"{name} is {'true' if table else 'false'}")
    return "; ".join(parts)


def _tuple(at: tuple[int, ...]) -> str:
    return str(at[0]) if len(at) == 1 else f"({', '.join(map(str, at))})"
