"""A tree as JSON and back: what is sent to a worker, and what a digest is taken of.

Numbers are written in base 16: Python refuses to print long ones in base 10.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from agentrl.verifiers._math import tree
from agentrl.verifiers._math.tree import Node

__all__ = ["from_json", "text_of", "to_json"]


def to_json(node: Node) -> list[Any]:
    """A tree as nested lists, the kind of node first.

    >>> to_json(tree.Apply("neg", (tree.Number(Fraction(31, 2)),)))
    ['apply', 'neg', ['number', '1f', '2', 'integer', 0]]
    """
    match node:
        case tree.Number(value, spelt, places):
            return ["number", f"{value.numerator:x}", f"{value.denominator:x}", spelt, places]
        case tree.Symbol(name) | tree.Constant(name) | tree.Text(name):
            return [type(node).__name__.lower(), name]
        case tree.Apply(op, args):
            return ["apply", op, *map(to_json, args)]
        case tree.Quantity(value, unit):
            return ["quantity", unit, to_json(value)]
        case tree.Based(digits, base):
            return ["based", digits, base]
        case _:
            return _collection(node)


def _collection(
    node: tree.Bracketed | tree.SetOf | tree.Listing | tree.Matrix | tree.Union | tree.Relation,
) -> list[Any]:
    match node:
        case tree.Bracketed(items, left, right):
            return ["bracketed", left, right, *map(to_json, items)]
        case tree.SetOf(items):
            return ["set", *map(to_json, items)]
        case tree.Listing(items, words):
            return ["listing", words, *map(to_json, items)]
        case tree.Matrix(rows):
            return ["matrix", *([to_json(entry) for entry in row] for row in rows)]
        case tree.Union(parts, op):
            return ["union", op, *map(to_json, parts)]
        case tree.Relation(sides, ops):
            return ["relation", list(ops), *map(to_json, sides)]


def from_json(value: list[Any]) -> Node:
    """The inverse of `to_json`."""
    kind, *rest = value
    return _READERS[kind](rest)


def text_of(node: Node) -> str:
    """One line that tells two different trees apart."""
    return json.dumps(to_json(node), separators=(",", ":"))


def _all(values: list[Any]) -> tuple[Node, ...]:
    return tuple(map(from_json, values))


_READERS: dict[str, Callable[[list[Any]], Node]] = {
    "number": lambda r: tree.Number(Fraction(int(r[0], 16), int(r[1], 16)), r[2], r[3]),
    "symbol": lambda r: tree.Symbol(r[0]),
    "constant": lambda r: tree.Constant(r[0]),
    "text": lambda r: tree.Text(r[0]),
    "apply": lambda r: tree.Apply(r[0], _all(r[1:])),
    "bracketed": lambda r: tree.Bracketed(_all(r[2:]), r[0], r[1]),
    "set": lambda r: tree.SetOf(_all(r)),
    "listing": lambda r: tree.Listing(_all(r[1:]), r[0]),
    "matrix": lambda r: tree.Matrix(tuple(_all(row) for row in r)),
    "union": lambda r: tree.Union(_all(r[1:]), r[0]),
    "relation": lambda r: tree.Relation(_all(r[1:]), tuple(r[0])),
    "quantity": lambda r: tree.Quantity(from_json(r[1]), r[0]),
    "based": lambda r: tree.Based(r[0], r[1]),
}
