r"""Sets of real numbers as unions of intervals: `(1, 2) \cup [3, \infty)`, `x < 1`, `x \ne 0`, `\{0\}`.

A region is the ends that occur, in order, and which cells between and at them belong to it: with ends a < b the cells
are (-inf, a), {a}, (a, b), {b}, (b, inf). Union, intersection and difference are then cell by cell, and two regions
are equal when, without the ends that change nothing, ends and cells are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from agentrl.verifiers._math.exact import nodes
from agentrl.verifiers._math.tree import Bracketed, Listing, Node, Relation, SetOf, Symbol, Union
from agentrl.verifiers._math.values import approximate, exact, names

__all__ = ["Region", "region", "same_region", "says_inequality"]

_NEAR = 1e-12


@dataclass(frozen=True, slots=True)
class _End:
    """A finite end: its value to about 15 digits, and its tree for an exact comparison."""

    value: float
    tree: Node


@dataclass(frozen=True, slots=True)
class Region:
    """A union of intervals in the normal form of the module.

    Attributes:
        ends: Finite ends in increasing order.
        cells: One more than twice as many cells, whether each belongs.
        variable: The variable whose values these are, where it is named.
    """

    ends: tuple[_End, ...]
    cells: tuple[bool, ...]
    variable: str = ""


class _NoRegionError(ValueError):
    pass


def region(node: Node) -> Region | None:
    """The region that a node describes; None where it describes none."""
    try:
        return _simplified(_region(node))
    except _NoRegionError:
        return None


def same_region(a: Region, b: Region, same_end: Callable[[Node, Node], bool]) -> bool:
    """Whether two regions are equal, where `same_end` decides between ends that are near each other."""
    if a.cells != b.cells or (a.variable and b.variable and a.variable != b.variable):
        return False
    near = all(_is_near(left, right) for left, right in zip(a.ends, b.ends, strict=True))
    return near and all(same_end(left.tree, right.tree) for left, right in zip(a.ends, b.ends, strict=True))


def says_inequality(node: Node) -> bool:
    r"""Whether a node says its region by `<` or `\ne`, not by intervals."""
    return any(isinstance(part, Relation) and part.ops not in (("in",), ("=",)) for part in nodes(node))


def _region(node: Node) -> Region:
    match node:
        case Bracketed(items=(_, _)):
            return _interval(node)
        case SetOf(items=items):
            return _joined([_interval(Bracketed((item, item), "[", "]")) for item in items], any)
        case Union(parts=parts, op=op):
            together = {"cup": any, "cap": all, "minus": _first_only}[op]
            return _joined([_region(part) for part in parts], together)
        case Listing(items=items, words=words) if words and all(isinstance(item, Relation) for item in items):
            return _joined([_region(item) for item in items], any if words == "or" else all)
        case Relation(sides=(Symbol(name=name), inside), ops=("in",)):
            found = _region(inside)
            return Region(found.ends, found.cells, name)
        case Relation():
            return _chain(node)
        case _:
            raise _NoRegionError


def _first_only(belongs: list[bool]) -> bool:
    return belongs[0] and not any(belongs[1:])


def _interval(node: Bracketed) -> Region:
    low, high = node.items
    low_closed, high_closed = node.left == "[", node.right == "]"
    left, right = _end(low), _end(high)
    if left is not None and right is not None and _is_near(left, right):
        return Region((left,), (False, low_closed and high_closed, False))
    if _infinite(low) > 0 or _infinite(high) < 0:
        raise _NoRegionError
    if left is None and right is None:
        return Region((), (True,))
    if left is None:
        assert right is not None
        return Region((right,), (True, high_closed, False))
    if right is None:
        return Region((left,), (False, low_closed, True))
    if left.value > right.value:
        raise _NoRegionError
    return Region((left, right), (False, low_closed, True, high_closed, False))


def _end(node: Node) -> _End | None:
    """A finite end; None for an infinite one."""
    value = approximate(node)
    if value is None or abs(value.imag) > _NEAR * (1 + abs(value)):
        raise _NoRegionError
    if math.isinf(value.real):
        return None
    return _End(value.real, node)


def _infinite(node: Node) -> float:
    value = approximate(node)
    return value.real if value is not None and math.isinf(value.real) else 0.0


def _is_near(a: _End, b: _End) -> bool:
    left, right = exact(a.tree), exact(b.tree)
    if left is not None and right is not None:
        return left == right
    return math.isclose(a.value, b.value, rel_tol=_NEAR, abs_tol=_NEAR)


_ORDERS = frozenset(("<", "<=", ">", ">="))


def _chain(node: Relation) -> Region:
    r"""`1 < x \le 3`, `x > 1`, `x \ne 0`, `x = 2`: one variable by itself, the other sides constant."""
    variables = [side.name for side in node.sides if isinstance(side, Symbol)]
    others = [side for side in node.sides if not isinstance(side, Symbol)]
    if len(variables) != 1 or any(names(side) for side in others):
        raise _NoRegionError
    place = next(index for index, side in enumerate(node.sides) if isinstance(side, Symbol))
    if len(node.sides) > 3 or (len(node.sides) == 3 and (place != 1 or _directions(node.ops) > 1)):
        raise _NoRegionError
    parts = []
    for index, op in enumerate(node.ops):
        left, right = node.sides[index], node.sides[index + 1]
        parts.append(_half(right, op) if left is node.sides[place] else _half(left, _turned(op)))
    found = _joined(parts, all)
    return Region(found.ends, found.cells, variables[0])


def _directions(ops: tuple[str, ...]) -> int:
    return len({op[0] if op in _ORDERS else "?" for op in ops})


def _turned(op: str) -> str:
    return op.translate(str.maketrans("<>", "><"))


_HALVES = {
    "<": (True, False, False),
    "<=": (True, True, False),
    ">": (False, False, True),
    ">=": (False, True, True),
    "!=": (True, False, True),
    "=": (False, True, False),
}


def _half(bound: Node, op: str) -> Region:
    if op not in _HALVES:
        raise _NoRegionError
    end = _end(bound)
    if end is None:
        below = _infinite(bound) > 0
        if op not in ("<", ">") or (op == "<") != below:
            raise _NoRegionError
        return Region((), (True,))
    return Region((end,), _HALVES[op])


def _joined(parts: list[Region], together: Callable[[list[bool]], bool]) -> Region:
    """Regions over all their ends, combined cell by cell."""
    ends: list[_End] = []
    for end in sorted((end for part in parts for end in part.ends), key=lambda end: end.value):
        if not ends or not _is_near(ends[-1], end):
            ends.append(end)
    spread = [_over(part, ends) for part in parts]
    cells = tuple(together([cells[index] for cells in spread]) for index in range(2 * len(ends) + 1))
    if not parts:
        cells = (False,)
    variables = {part.variable for part in parts if part.variable}
    if len(variables) > 1:
        raise _NoRegionError
    return Region(tuple(ends), cells, next(iter(variables), ""))


def _over(part: Region, ends: list[_End]) -> list[bool]:
    """The cells of a region over more ends than its own."""
    cells = [part.cells[0]]
    place = 0
    for end in ends:
        if place < len(part.ends) and _is_near(part.ends[place], end):
            cells += [part.cells[2 * place + 1], part.cells[2 * place + 2]]
            place += 1
        else:
            cells += [cells[-1], cells[-1]]
    return cells


def _simplified(found: Region) -> Region:
    """Without the ends at which nothing changes."""
    ends: list[_End] = []
    cells = [found.cells[0]]
    for index, end in enumerate(found.ends):
        at, after = found.cells[2 * index + 1], found.cells[2 * index + 2]
        if not cells[-1] == at == after:
            ends.append(end)
            cells += [at, after]
    return Region(tuple(ends), tuple(cells), found.variable)
