"""What a whole tree means: units inside an operation become factors, signs move into quantities, names go first."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from agentrl.verifiers._math.cursor import UnreadableError
from agentrl.verifiers._math.exact import nodes
from agentrl.verifiers._math.parts import in_order, is_name
from agentrl.verifiers._math.tree import (
    Apply,
    Bracketed,
    Constant,
    Listing,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    SetOf,
    Symbol,
    Text,
    Union,
)
from agentrl.verifiers._math.values import names

__all__ = ["settled"]

_INFINITY = Constant("infinity")
_HUNDRED = Number(Fraction(100))
_DEGREE = Apply("div", (Constant("pi"), Number(Fraction(180))))


def settled(node: Node) -> Node:
    """The same tree, where a unit stands only around a whole value.

    Raises:
        UnreadableError: Words or a unit stand where no value can have one.
    """
    match node:
        case Apply(op="neg", args=(Quantity(value=value, unit=unit),)):
            return Quantity(Apply("neg", (_operand(value),)), unit)
        case Apply(op="plus_minus", args=(Quantity(value=value, unit=unit),)):
            return Quantity(Apply("plus_minus", (_operand(value),)), unit)
        case Apply(op="mul", args=(Symbol(name=name), Bracketed() as point)) if name.isupper():
            return Relation((Symbol(name), settled(point)), ("=",))  # P(1, 2)
        case Apply(op="mul", args=(*factors, Quantity(value=value, unit=unit))):
            return Quantity(_apply(Apply("mul", (*factors, value))), unit)
        case Apply():
            return _apply(node)
        case Quantity(value=Quantity()):
            raise UnreadableError("two units")
        case Quantity(value=value, unit=unit):
            return Quantity(_operand(value), unit)
        case _:
            return _container(node)


def _container(node: Node) -> Node:
    match node:
        case Bracketed(items=items, left=left, right=right):
            return Bracketed(tuple(map(settled, items)), left, right)
        case SetOf(items=items):
            return SetOf(tuple(map(settled, items)))
        case Listing(items=items, words=words):
            return _listing(tuple(map(settled, items)), words)
        case Matrix(rows=rows):
            return Matrix(tuple(tuple(map(settled, row)) for row in rows))
        case Union(parts=parts, op=op):
            return Union(tuple(map(settled, parts)), op)
        case Relation(sides=sides, ops=ops):
            return _relation(tuple(map(settled, sides)), ops)
        case _:
            return node


def _relation(sides: tuple[Node, ...], ops: tuple[str, ...]) -> Relation:
    r"""A relation with the name first: `5 = x` and `x \approx 5` name a number as `x = 5` does."""
    match sides, ops:
        case (Bracketed(items=named) as name, Bracketed(items=values) as value), ("=",) if is_name(name):
            if len(named) != len(values):
                raise UnreadableError("names for other values")
            first = Bracketed(in_order(named, named), name.left, name.right)
            return Relation((first, Bracketed(in_order(named, values), value.left, value.right)), ops)
        case (value, Symbol() as name), ("=",) if not is_name(value) and not names(value):
            return Relation((name, value), ops)
        case (name, value, *_), ("approx", *rest) if is_name(name) and not is_name(value) and not names(value):
            return Relation(sides, ("=", *rest))
        case _:
            return Relation(sides, ops)


def _listing(items: tuple[Node, ...], words: Literal["", "and", "or"]) -> Node:
    """A list; intervals with "or" between them are their union, where they cannot be points."""
    if words == "or" and all(isinstance(item, Bracketed) and len(item.items) == 2 for item in items):
        marks = {mark for item in items if isinstance(item, Bracketed) for mark in (item.left, item.right)}
        if marks != {"(", ")"} or any(part == _INFINITY for item in items for part in nodes(item)):
            return Union(items)
    return Listing(items, words)


def _apply(node: Apply) -> Apply:
    """An operation whose arguments have no units."""
    if node.op in ("sum", "product", "integral", "limit"):  # their bounds may be relations
        return Apply(node.op, tuple(settled(part) for part in node.args))
    return Apply(node.op, tuple(map(_operand, node.args)))


def _operand(node: Node) -> Node:
    match node:
        case Quantity(value=value, unit="degree"):
            return Apply("mul", (_operand(value), _DEGREE))
        case Quantity(value=value, unit="%"):
            return Apply("div", (_operand(value), _HUNDRED))
        case Apply():
            return _apply(node)
        case Quantity() | Text() | Listing() | Relation() | Bracketed() | SetOf() | Union():
            raise UnreadableError("something that is no value inside an operation")
        case _:
            return node
