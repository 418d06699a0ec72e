r"""Whether a sum of roots is in simplest form: 2\sqrt{3}, not \sqrt{12}; \frac{\sqrt2}{2}, not \frac1{\sqrt2}."""

from __future__ import annotations

import math
from fractions import Fraction

from agentrl.verifiers._math import exact
from agentrl.verifiers._math.polynomial import polynomial
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number

__all__ = ["factor_powers", "is_simplest_radical", "unsigned"]

MAX_PRIME = 10**10


def unsigned(tree: Node) -> Node:
    """A tree without the minus before it."""
    return tree.args[0] if isinstance(tree, Apply) and tree.op == "neg" else tree


def _gcd(a: Fraction, b: Fraction) -> int:
    return math.gcd(a.numerator, b.numerator)


def is_simplest_radical(tree: Node) -> bool:
    """A sum of terms n sqrt(d), over at most one integer, with nothing left to cancel."""
    tree = unsigned(tree)
    if isinstance(tree, Apply) and tree.op == "div":
        above, below = tree.args
        if not isinstance(below, Number) or below.spelt != "integer" or below.value <= 1:
            return False
        found = _radical_sum(unsigned(above))
        shared = None if found is None else math.gcd(below.value.numerator, *(n.numerator for n in found))
        return shared == 1 and found is not None and all(n.denominator == 1 for n in found)
    return _radical_sum(tree) is not None


def _radical_sum(tree: Node) -> list[Fraction] | None:
    """The factors of the terms of a sum in simplest form; None where it is not one."""
    parts = tree.args if isinstance(tree, Apply) and tree.op == "add" else (tree,)
    terms = [_radical_term(unsigned(part)) for part in parts]
    known = [term for term in terms if term is not None]
    kinds = [kind for _, kind in known]
    if len(known) < len(terms) or len(set(kinds)) < len(kinds):
        return None
    return [factor for factor, _ in known]


def _radical_term(tree: Node) -> tuple[Fraction, tuple[Node, ...]] | None:
    """One term: its rational factor, and its roots and letters; None where it is not in simplest form."""
    if isinstance(tree, Apply) and tree.op == "div":
        above, below = tree.args
        term = _radical_term(unsigned(above))
        whole = isinstance(below, Number) and below.spelt == "integer" and below.value > 1
        if term is None or not whole or not isinstance(below, Number):
            return None
        return (term[0] / below.value, term[1]) if _gcd(term[0], below.value) == 1 else None
    factor, roots, letters = Fraction(1), [], []
    for part in tree.args if isinstance(tree, Apply) and tree.op == "mul" else (tree,):
        if isinstance(part, Number) and part.spelt == "integer":
            factor *= part.value
        elif isinstance(part, Apply) and part.op in ("root", "sqrt"):
            roots.append(part)
        elif isinstance(part, Number):
            return None
        elif polynomial(part) is not None or isinstance(part, Constant):
            letters.append(part)
        elif not _is_fraction(part):
            return None
        else:
            value = exact.constant(part)
            factor *= Fraction(1) if value is None else value
    if len(roots) > 1 or not all(_is_simplest_root(root) for root in roots):
        return None
    return factor, (*roots, *letters)


def _is_fraction(tree: Node) -> bool:
    match tree:
        case Apply("div", (Number(above, "integer"), Number(below, "integer"))):
            return below > 1 and _gcd(above, below) == 1
        case _:
            return False


def _is_simplest_root(root: Apply) -> bool:
    """Whether nothing can be taken out of a root and its index is as small as it can be."""
    radicand = root.args[0]
    index = exact.constant(root.args[1]) if len(root.args) == 2 else Fraction(2)
    if index is None or index.denominator != 1 or index < 2:
        return False
    if isinstance(radicand, Number):
        if radicand.spelt != "integer" or not 2 <= radicand.value <= MAX_PRIME:
            return False
        powers = factor_powers(radicand.value.numerator)
        return max(powers) < index and math.gcd(index.numerator, *powers) == 1
    found = polynomial(radicand)
    if found is None or found.is_constant:
        return False
    return len(found.terms) > 1 or all(power < index for _, power in next(iter(found.terms)))


def factor_powers(n: int) -> list[int]:
    """The exponents in the factorisation of an integer up to `MAX_PRIME`."""
    powers, divisor = [], 2
    while divisor * divisor <= n:
        power = 0
        while n % divisor == 0:
            n, power = n // divisor, power + 1
        powers += [power] if power else []
        divisor += 1 if divisor == 2 else 2
    return [*powers, 1] if n > 1 else powers
