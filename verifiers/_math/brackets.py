r"""Brackets of the grammar: groups, tuples and intervals, sets, matrices and vectors."""

from __future__ import annotations

from fractions import Fraction

from agentrl.verifiers._math.cursor import Grammar, UnreadableError
from agentrl.verifiers._math.tree import (
    Apply,
    Bracketed,
    Constant,
    Listing,
    Matrix,
    Node,
    Number,
    Relation,
    SetOf,
    Symbol,
)

__all__ = ["OVER", "bracketed", "group", "of_command", "over"]

_INFINITY = Constant("infinity")
REALS = Bracketed((Apply("neg", (_INFINITY,)), _INFINITY), "(", ")")
OVER = {r"\over": "div", r"\choose": "binomial"}
_MATRICES = frozenset(("pmatrix", "bmatrix", "matrix", "array", "smallmatrix", "psmallmatrix", "bsmallmatrix"))


def group(at: Grammar) -> Node:
    """What stands in braces: a value, or a list without brackets."""
    items = [over(at, at.sum())]
    while at.accept(","):
        items.append(at.sum())
    at.expect("}")
    return items[0] if len(items) == 1 else Listing(tuple(items))


def over(at: Grammar, above: Node) -> Node:
    r"""What stands before `\over` or `\choose`, with what follows it; as it is where neither stands there."""
    operation = OVER.get(at.accept(*OVER))
    return above if operation is None else Apply(operation, (above, at.sum()))


def bracketed(at: Grammar, opening: str) -> Node:
    """What stands after an opening bracket, up to its closing one."""
    if opening == r"\{":
        return _set(at)
    if at.sees(")", "]"):
        raise UnreadableError("empty brackets")
    items = [at.relation()]
    while at.accept(",", ";"):
        items.append(at.relation())
    closing = at.expect(")", "]")
    if len(items) > 1:
        return Bracketed(tuple(items), "(" if opening == "(" else "[", ")" if closing == ")" else "]")
    if (opening, closing) not in (("(", ")"), ("[", "]")):
        raise UnreadableError("brackets that do not fit")
    return items[0]


def _set(at: Grammar) -> Node:
    """The items of a set, or the condition of a set-builder."""
    if at.accept(r"\}"):
        return SetOf(())
    items = [at.relation()]
    if at.accept("|", r"\mid", ":"):
        return _condition(at, items[0])
    while at.accept(",", ";"):
        items.append(at.relation())
    at.expect(r"\}")
    return SetOf(tuple(items))


def _condition(at: Grammar, head: Node) -> Node:
    r"""`\{x \mid x > 1\}` is its condition; the head is a variable, perhaps a real one."""
    match head:
        case Relation(sides=(Symbol() as name, domain), ops=("in",)) if domain == REALS:
            head = name
    condition = at.relation()
    at.expect(r"\}")
    if not (isinstance(head, Symbol) and isinstance(condition, Relation)):
        raise UnreadableError("a set that its condition does not describe")
    return condition


def of_command(at: Grammar, command: str) -> Node:
    """What a command that opens brackets, or that names a set, stands for."""
    if command == r"\begin":
        return _matrix(at)
    if command == r"\langle":
        with at.inside():
            items = [at.sum()]
            while at.accept(","):
                items.append(at.sum())
            at.expect(r"\rangle")
        return Bracketed(tuple(items))
    if command == r"\emptyset":
        return SetOf(())
    if command in (r"\mathbb", r"\R"):
        if command == r"\mathbb":
            _braced_name(at, "R")
        return REALS
    raise UnreadableError(command)


def _braced_name(at: Grammar, *names: str) -> str:
    braced = bool(at.accept("{"))
    token = at.take()
    if braced:
        at.expect("}")
    if names and token.text not in names:
        raise UnreadableError(token.text)
    return token.text


def _matrix(at: Grammar) -> Node:
    name = _braced_name(at)
    if name not in _MATRICES:
        raise UnreadableError(name)
    if name == "array":
        _columns(at)
    rows: list[tuple[Node, ...]] = []
    with at.inside():
        while not at.sees(r"\end"):
            row = [at.sum()]
            while at.accept("&"):
                row.append(at.sum())
            rows.append(tuple(row))
            if not at.accept("\\\\"):
                break
            if at.sees(r"\end"):
                break
        at.expect(r"\end")
        if _braced_name(at) != name:
            raise UnreadableError("a matrix that does not end")
    if not rows or len({len(row) for row in rows}) != 1:
        raise UnreadableError("rows of different length")
    return Matrix(tuple(rows))


def _columns(at: Grammar) -> None:
    at.expect("{")
    while not at.accept("}"):
        at.take()


ZERO = Number(Fraction(0))
