"""Equations and inequalities, compared in a worker with sympy.

Two equations are the same where the difference of the sides of one is a constant times that of the other, denominators
cleared, and both hold the same variables. Two inequalities in one real variable are the same where their solutions are.
One that always or never holds is the same as nothing: it says nothing about its variables.
"""

from __future__ import annotations

import functools
from typing import Any

from agentrl.verifiers._math.points import Sameness
from agentrl.verifiers._math.symbolic import NoExpressionError, expression
from agentrl.verifiers._math.tree import Apply, Node, Relation
from agentrl.verifiers._math.values import names

__all__ = ["compare_relations"]

_DIRECTIONS = ("<", "<=", ">", ">=")


def compare_relations(gold: Relation, reply: Relation) -> Sameness:
    """Compare two relations; chains of equations are not taken apart here."""
    if names(gold) != names(reply):
        return "different"
    try:
        if gold.ops == reply.ops == ("=",):
            return _equations(gold, reply)
        if all(op in _DIRECTIONS for op in (*gold.ops, *reply.ops)):
            return _in_one_variable(gold, reply) if len(names(gold)) == 1 else _in_several_variables(gold, reply)
    except (NoExpressionError, NotImplementedError):  # no counterpart in sympy, or no solution by it
        return "unknown"
    return "unknown"


def _equations(gold: Relation, reply: Relation) -> Sameness:
    import sympy

    left, right = (_cleared(relation) for relation in (gold, reply))
    if left.free_symbols != right.free_symbols or not left.free_symbols:
        return "unknown"  # one of them always or never holds, or holds a variable in name only
    ratio = sympy.cancel(left / right)
    if ratio.free_symbols:
        ratio = sympy.simplify(ratio)
    if ratio.is_number and ratio.is_finite and ratio.is_zero is False:
        return "same"
    return "different" if left.is_polynomial() and right.is_polynomial() else "unknown"


def _cleared(relation: Relation) -> Any:
    """The difference of the sides of an equation, without its denominator."""
    import sympy

    left, right = (expression(side, "real") for side in relation.sides)
    above, _ = sympy.fraction(sympy.cancel(sympy.together(left - right)))
    return sympy.expand(above)


def _in_one_variable(gold: Relation, reply: Relation) -> Sameness:
    import sympy

    left, right = (_solutions(relation) for relation in (gold, reply))
    if any(part in (sympy.S.EmptySet, sympy.S.Reals) for part in (left, right)):
        return "unknown"
    if not all(_is_explicit(part) for part in (left, right)):
        return "unknown"
    if left == right or left.symmetric_difference(right) == sympy.S.EmptySet:
        return "same"
    return "different"


def _is_explicit(found: Any) -> bool:
    import sympy

    return all(isinstance(part, sympy.Interval | sympy.FiniteSet) for part in sympy.Union.make_args(found))


def _solutions(relation: Relation) -> Any:
    """The real solutions of a chain of inequalities in one variable."""
    import sympy

    sides = [expression(side, "real") for side in relation.sides]
    kinds = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}
    sets = []
    for left, op, right in zip(sides, relation.ops, sides[1:], strict=False):
        link = kinds[op](left, right)
        if link in (sympy.true, sympy.false):
            sets.append(sympy.S.Reals if link == sympy.true else sympy.S.EmptySet)
            continue
        (variable,) = link.free_symbols
        sets.append(sympy.solve_univariate_inequality(link, variable, relational=False))
    return functools.reduce(lambda a, b: a.intersect(b), sets)


def _in_several_variables(gold: Relation, reply: Relation) -> Sameness:
    """The difference of the sides of one must be a positive multiple of that of the other, zero in or out alike."""
    import sympy

    if len(gold.ops) != 1 or len(reply.ops) != 1:
        return "unknown"
    (a, strict_a), (b, strict_b) = _positive_side(gold), _positive_side(reply)
    left, right = (expression(tree, "real").expand() for tree in (a, b))
    if not left.is_polynomial() or not right.is_polynomial() or not right.free_symbols or not left.free_symbols:
        return "unknown"
    ratio = sympy.cancel(left / right)
    return "same" if strict_a == strict_b and ratio.is_number and ratio.is_positive else "different"


def _positive_side(relation: Relation) -> tuple[Node, bool]:
    """What must be positive, and whether zero is excluded."""
    (left, right), (op,) = relation.sides, relation.ops
    above, below = (left, right) if op in (">", ">=") else (right, left)
    return Apply("add", (above, Apply("neg", (below,)))), op in ("<", ">")
