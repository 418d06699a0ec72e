"""What a tree means once it is whole: units inside an operation become factors, signs move into quantities."""

from __future__ import annotations

from fractions import Fraction

from agentrl.verifiers._math.cursor import UnreadableError
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
    Text,
    Union,
)

__all__ = ["settled"]

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
            return Listing(tuple(map(settled, items)), words)
        case Matrix(rows=rows):
            return Matrix(tuple(tuple(map(settled, row)) for row in rows))
        case Union(parts=parts, op=op):
            return Union(tuple(map(settled, parts)), op)
        case Relation(sides=sides, ops=ops):
            return Relation(tuple(map(settled, sides)), ops)
        case _:
            return node


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
