"""Equations, inequalities, memberships and ratios."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from agentrl.verifiers._math import points
from agentrl.verifiers._math.compare import Comparison
from agentrl.verifiers._math.parts import is_name
from agentrl.verifiers._math.regions import region, same_region
from agentrl.verifiers._math.tree import Apply, Node, Number, Relation, Symbol
from agentrl.verifiers._math.values import approximate, exact, is_opaque, names

__all__ = ["is_tautology", "same_relation"]

_ORDERS = frozenset(("<", "<=", ">", ">="))
_POINTS = ((3, 7, 11, 19), (5, 2, 13, 23))


def same_relation(at: Comparison, gold: Relation, reply: Node) -> bool:
    """Whether a reply is the gold's equation, inequality, membership or ratio."""
    kinds = set(gold.ops)
    if kinds == {"="}:
        return _equality(at, gold, reply)
    if kinds == {"in"}:
        return _membership(at, gold, reply)
    if kinds == {":"}:
        return _ratio(at, gold, reply)
    if kinds == {"approx"}:
        return any(at.same(side, reply) for side in gold.sides) or _side_by_side(at, gold, reply)
    found = region(gold)
    if found is not None:
        inside = region(reply)
        return inside is not None and same_region(found, inside, at.same)
    return _inequality(at, gold, reply) or _side_by_side(at, gold, reply)


def _side_by_side(at: Comparison, gold: Relation, reply: Node) -> bool:
    same_shape = isinstance(reply, Relation) and reply.ops == gold.ops
    return same_shape and isinstance(reply, Relation) and all(map(at.same, gold.sides, reply.sides))


# Equations.


def named_value(node: Relation) -> tuple[Node, Node] | None:
    """The name and the value of `x = 5` (or `5 = x`), where the value holds no variable."""
    if node.ops != ("=",):
        return None
    for name, value in (node.sides, node.sides[::-1]):
        if is_name(name) and not names(value):
            return name, value
    return None


def _equality(at: Comparison, gold: Relation, reply: Node) -> bool:
    solved = named_value(gold)
    if solved is not None:
        if not isinstance(reply, Relation):
            return "name" in at.allow and at.same(solved[1], reply)
        answer = named_value(reply)
        return answer is not None and answer[0] == solved[0] and at.same(solved[1], answer[1])
    if not isinstance(reply, Relation):
        return False
    if len(gold.sides) == len(reply.sides) == 2 and set(reply.ops) == {"="}:
        return _equation(at, gold, reply)
    return _side_by_side(at, gold, reply)


def is_tautology(node: Relation) -> bool:
    """Whether an equation says nothing: both sides are the same, or it holds no variable."""
    if node.ops != ("=",):
        return False
    return not names(node) or points.same(*node.sides) == "same"


def _equation(at: Comparison, gold: Relation, reply: Relation) -> bool:
    """Equal up to a non-zero constant: `y = 2x + 1` is `2x - y + 1 = 0`."""
    comparable = all(_is_plain(side) for side in (*gold.sides, *reply.sides))
    if not comparable or names(gold) != names(reply) or is_tautology(gold) or is_tautology(reply):
        return False
    scaled = _scaled(gold, reply)
    if scaled is None:
        return at.algebra(gold, reply)
    return at.expressions(scaled.gold, scaled.reply)


def _is_plain(side: Node) -> bool:
    return isinstance(side, Apply | Symbol | Number) or approximate(side) is not None


def _difference(node: Relation) -> Node:
    return Apply("add", (node.sides[0], Apply("neg", (node.sides[1],))))


@dataclass(frozen=True, slots=True)
class _Scaled:
    """The differences of the sides of two relations, brought to one value at one point.

    Attributes:
        gold: The gold's, times the value of the reply's.
        reply: The reply's, times the value of the gold's.
        factors: These two values, of which neither is zero.
    """

    gold: Node
    reply: Node
    factors: tuple[Node, Node]


def _scaled(gold: Relation, reply: Relation) -> _Scaled | None:
    """None where no point serves."""
    ours, theirs = _difference(gold), _difference(reply)
    variables = sorted(names(gold))
    for values in _POINTS:
        at = {name: Number(Fraction(values[i % 4] + i, 1 + i)) for i, name in enumerate(variables)}
        a, b = _settled(_substituted(ours, at)), _settled(_substituted(theirs, at))
        if a is not None and b is not None:
            return _Scaled(Apply("mul", (ours, b)), Apply("mul", (theirs, a)), (a, b))
    return None


def _settled(node: Node) -> Node | None:
    """A constant in short, where it is certainly not zero."""
    value = exact(node)
    if value is not None:
        return Number(value) if value else None
    near = approximate(node)
    return node if near is not None and abs(near) > 1e-6 else None


def _substituted(node: Node, values: dict[str, Number]) -> Node:
    match node:
        case Symbol(name=name):
            return values[name]
        case Apply(op=op, args=args):
            return Apply(op, tuple(_substituted(part, values) for part in args))
        case _:
            return node


# Inequalities in more than one variable, memberships, ratios.


def _inequality(at: Comparison, gold: Relation, reply: Node) -> bool:
    """Equal up to a positive constant, or turned round with a negative one."""
    if not (isinstance(reply, Relation) and len(gold.ops) == len(reply.ops) == 1):
        return False
    wanted, said = gold.ops[0], reply.ops[0]
    if not {wanted, said} <= _ORDERS or len(wanted) != len(said) or names(gold) != names(reply):
        return False
    if any(is_opaque(side) for side in reply.sides) or not all(map(_is_plain, (*gold.sides, *reply.sides))):
        return False
    scaled = _scaled(gold, reply)
    if scaled is None:
        return False
    signs = approximate(Apply("mul", scaled.factors))
    return signs is not None and (signs.real > 0) == (wanted == said) and at.expressions(scaled.gold, scaled.reply)


def _membership(at: Comparison, gold: Relation, reply: Node) -> bool:
    if isinstance(reply, Relation) and reply.ops == ("in",):
        return gold.sides[0] == reply.sides[0] and at.same(gold.sides[1], reply.sides[1])
    if isinstance(reply, Relation) or not isinstance(gold.sides[0], Symbol):
        return "inequality" in at.allow and at.regions(gold, reply)
    return "name" in at.allow and at.same(gold.sides[1], reply)


def _ratio(at: Comparison, gold: Relation, reply: Node) -> bool:
    """Proportional sides; a ratio of two numbers may be given as a fraction."""
    if not (isinstance(reply, Relation) and set(reply.ops) == {":"}):
        if len(gold.sides) != 2:
            return False
        value = exact(Apply("div", gold.sides))
        return at.same(Apply("div", gold.sides) if value is None else Number(value), reply)
    if _side_by_side(at, gold, reply):
        return True
    if len(gold.sides) != len(reply.sides) or _may_be_time(gold):
        return False
    crossed = [
        (Apply("mul", (side, reply.sides[0])), Apply("mul", (gold.sides[0], other)))
        for side, other in zip(gold.sides[1:], reply.sides[1:], strict=True)
    ]
    nonzero = all(exact(side) != 0 for side in reply.sides)
    return nonzero and all(_equal_values(at, a, b) for a, b in crossed)


def _may_be_time(node: Relation) -> bool:
    """Whether a ratio may be a time of day, of which 2:30 is not 1:15."""
    values = [exact(side) for side in node.sides]
    hours, minutes = values[0], values[1]
    return hours is None or minutes is None or (0 <= hours <= 24 and (minutes == 0 or 10 <= minutes < 60))


def _equal_values(at: Comparison, a: Node, b: Node) -> bool:
    left, right = exact(a), exact(b)
    return left == right if left is not None and right is not None else at.expressions(a, b)
