"""Parts of an answer: its unit, its items, the name before an equals sign, both values of a plus-minus."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

from agentrl.verifiers._math import units
from agentrl.verifiers._math.exact import nodes
from agentrl.verifiers._math.tree import (
    Apply,
    Bracketed,
    Listing,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    SetOf,
    Symbol,
    Text,
)
from agentrl.verifiers._math.words import is_counted

__all__ = ["as_tuple", "factors", "has_signs", "in_order", "is_name", "items_of", "symbol_as_unit", "unit_of"]

_ONE = Fraction(1)
_HUNDRED = Fraction(100)
_MAX_VARIANTS = 8


def is_name(node: Node) -> bool:
    """Whether a node only names what follows: `x`, `f(x)`, `(x, y)`, the segment `AB`, the words `Area`."""
    if isinstance(node, Apply):
        capitals = all(isinstance(part, Symbol) and part.name.isupper() for part in node.args)
        return node.op.startswith("call:") or (node.op == "mul" and capitals)
    if isinstance(node, Matrix):
        return _distinct_names(item for row in node.rows for item in row)
    if isinstance(node, Bracketed):
        return node.left == "(" and node.right == ")" and _distinct_names(node.items)
    return isinstance(node, Symbol | Text)


def _distinct_names(found: Iterable[Node]) -> bool:
    listed = list(found)
    return all(isinstance(item, Symbol) for item in listed) and len(set(listed)) == len(listed)


def in_order(named: Sequence[Node], values: Sequence[Node]) -> tuple[Node, ...]:
    """Values in the order of their names, where these are letters that follow each other: (y, x) = (2, 1) is (1, 2)."""
    letters = [item.name for item in named if isinstance(item, Symbol)]
    ranks = [ord(name) if len(name) == 1 else 0 for name in letters]
    if len(ranks) != len(values) or sorted(ranks) != list(range(min(ranks), min(ranks) + len(ranks))):
        return tuple(values)
    return tuple(values[ranks.index(rank)] for rank in sorted(ranks))


def as_tuple(node: Node) -> Bracketed | None:
    """What `x = 1, y = 2` is where a tuple is asked for; None for anything else."""
    if not isinstance(node, Listing) or node.words == "or":
        return None
    sides = [item.sides for item in node.items if isinstance(item, Relation) and item.ops == ("=",)]
    if len(sides) != len(node.items) or not _distinct_names(left for left, _ in sides):
        return None
    return Bracketed(in_order([left for left, _ in sides], [right for _, right in sides]))


def unit_of(node: Node) -> tuple[Node, str]:
    """A value and its unit, empty where it has none."""
    return (node.value, node.unit) if isinstance(node, Quantity) else (node, "")


def symbol_as_unit(value: Apply, gold_unit: str) -> tuple[Node, str]:
    """`5 m` may be five metres, where a unit is asked for, and `5:30` half past five, where a time of day is."""
    if gold_unit in _TIMES and value.op == "div":
        return _time(value)
    last = value.args[-1] if value.op == "mul" else None
    if isinstance(last, Symbol) and gold_unit and units.convertible(last.name, gold_unit) is not None:
        rest = value.args[:-1]
        return (rest[0] if len(rest) == 1 else Apply("mul", rest)), last.name
    return value, ""


def _time(ratio: Apply) -> tuple[Node, str]:
    hours, minutes = (part.value if isinstance(part, Number) else -_ONE for part in ratio.args)
    if not (0 <= hours < 24 and 10 <= minutes < 60 and hours.denominator == minutes.denominator == 1):
        return ratio, ":"  # no time
    time = hours + minutes / 60
    if hours > 12:
        return Number(time - 12), "p.m."
    return (Number(time), "") if hours else (Number(time + 12), "a.m.")


def factors(gold: str, reply: str, allow: Collection[str]) -> tuple[Fraction, ...]:
    r"""By what a reply's value may be multiplied to be in the gold's unit; none where the units do not fit.

    >>> factors("m", "km", ()), factors("m", "", ("missing_unit",)), factors("", "%", ()), factors("m", "kg", ())
    ((Fraction(1000, 1),), (Fraction(1, 1),), (Fraction(1, 100),), ())
    """
    if gold == reply:
        return (_ONE,)
    if gold in _TIMES or reply in _TIMES:
        return (_ONE,) if _same_half(gold, reply, allow) else ()
    if gold == "%" and not reply:
        return (_ONE, _HUNDRED) if "missing_unit" in allow else (_HUNDRED,)
    if reply == "%" and not gold:
        return (1 / _HUNDRED,)
    if not gold:
        return (_ONE,) if units.lookup(reply) is not None or is_counted(reply) else ()
    if not reply:
        return (_ONE,) if "missing_unit" in allow else ()
    factor = units.convertible(reply, gold)
    if factor is None and gold.casefold().rstrip("s") == reply.casefold().rstrip("s"):
        return (_ONE,)
    return () if factor is None else (factor,)


_TIMES = frozenset(("a.m.", "p.m.", "o'clock"))
_HALVES = {"am": "a.m.", "pm": "p.m."}


def _same_half(gold: str, reply: str, allow: Collection[str]) -> bool:
    """Whether two times of day may be in the same half of the day; a reply that leaves it out leaves out a unit."""
    if reply in ("", "o'clock"):
        return "missing_unit" in allow
    return gold == "o'clock" or _HALVES.get(gold, gold) == _HALVES.get(reply, reply)


def has_signs(node: Node) -> bool:
    r"""Whether `\pm` stands in a value."""
    return any(isinstance(part, Apply) and part.op == "plus_minus" for part in nodes(node))


def items_of(node: Node) -> list[Node] | None:
    r"""The items of a collection or the values of `3 \pm 2`; None where they have different names.

    Of `x = 1, x = 2` the items are 1 and 2.
    """
    listed = list(node.items) if isinstance(node, SetOf | Listing) else [node]
    named = [item for item in listed if isinstance(item, Relation) and item.ops == ("=",) and is_name(item.sides[0])]
    if named and (named[0] is listed[0]) and len({item.sides[0] for item in named}) == 1:
        listed = [item.sides[1] if isinstance(item, Relation) and item.ops == ("=",) else item for item in listed]
    return [value for item in listed for value in _variants(item)]


def _variants(node: Node) -> list[Node]:
    """Each way to take the signs of a value."""
    if isinstance(node, Quantity):
        return [Quantity(value, node.unit) for value in _variants(node.value)]
    if not isinstance(node, Apply) or not has_signs(node):
        return [node]
    found: list[Node] = []
    for args in itertools.islice(itertools.product(*map(_variants, node.args)), _MAX_VARIANTS):
        if node.op == "plus_minus":
            first, *rest = args
            minus: Node = Apply("neg", (rest[0] if rest else first,))
            found += [Apply("add", args), Apply("add", (first, minus))] if rest else [first, minus]
        else:
            found.append(Apply(node.op, args))
    return found[:_MAX_VARIANTS]
