"""Parts of an answer: its unit, its items, the name before an equals sign, both values of a plus-minus."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from fractions import Fraction

from agentrl.verifiers._math import units
from agentrl.verifiers._math.exact import nodes
from agentrl.verifiers._math.tree import Apply, Listing, Node, Quantity, Relation, SetOf, Symbol, Text

__all__ = ["factors", "has_signs", "is_name", "items_of", "symbol_as_unit", "unit_of"]

_ONE = Fraction(1)
_HUNDRED = Fraction(100)
_MAX_VARIANTS = 8


def is_name(node: Node) -> bool:
    """Whether a node only names what follows: `x`, `f(x)`, the segment `AB`, the words `Area`."""
    if isinstance(node, Apply):
        capitals = all(isinstance(part, Symbol) and part.name.isupper() for part in node.args)
        return node.op.startswith("call:") or (node.op == "mul" and capitals)
    return isinstance(node, Symbol | Text)


def unit_of(node: Node) -> tuple[Node, str]:
    """A value and its unit, empty where it has none."""
    return (node.value, node.unit) if isinstance(node, Quantity) else (node, "")


def symbol_as_unit(value: Apply, gold_unit: str) -> tuple[Node, str]:
    """`5 m` may be five metres: a product that ends in the symbol of a unit, where a unit is asked for."""
    last = value.args[-1] if value.op == "mul" else None
    if isinstance(last, Symbol) and gold_unit and units.convertible(last.name, gold_unit) is not None:
        rest = value.args[:-1]
        return (rest[0] if len(rest) == 1 else Apply("mul", rest)), last.name
    return value, ""


def factors(gold: str, reply: str, allow: Collection[str]) -> tuple[Fraction, ...]:
    r"""By what a reply's value may be multiplied to be in the gold's unit; none where the units do not fit.

    >>> factors("m", "km", ()), factors("m", "", ("missing_unit",)), factors("", "%", ()), factors("m", "kg", ())
    ((Fraction(1000, 1),), (Fraction(1, 1),), (Fraction(1, 100),), ())
    """
    if gold == reply:
        return (_ONE,)
    if gold == "%" and not reply:
        return (_ONE, _HUNDRED) if "missing_unit" in allow else (_HUNDRED,)
    if reply == "%" and not gold:
        return (1 / _HUNDRED,)
    if not gold:
        return (_ONE,) if units.lookup(reply) is not None else ()
    if not reply:
        return (_ONE,) if "missing_unit" in allow else ()
    factor = units.convertible(reply, gold)
    if factor is None and gold.casefold().rstrip("s") == reply.casefold().rstrip("s"):
        return (_ONE,)
    return () if factor is None else (factor,)


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
