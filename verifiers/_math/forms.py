r"""The form of an answer: whether a tree is factored, expanded, a fraction in lowest terms, and so on.

A form is a property of what was written. It says nothing about the value: `holds` goes with a comparison.

    factored             (x-2)(x-3), 2^3 \cdot 5           not x^2-5x+6, 40
    expanded             x^2-5x+6                          not (x-2)(x-3), x+x
    simplest_fraction    3/4, -7, \frac{x}{x+1}            not 6/8, 0.75, 1\frac12
    simplest_radical     2\sqrt{3}, \frac{\sqrt2}{2}       not \sqrt{12}, \frac1{\sqrt2}
    in_terms_of_pi       25\pi                             not 78.5
    evaluated            128, \sqrt{2}, x^2                not 2^7, 5!, \sum_{k=1}^{4} k

A form that would take too long to decide does not hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

from agentrl.verifiers._math import algebra, exact
from agentrl.verifiers._math.polynomial import polynomial
from agentrl.verifiers._math.radicals import factor_powers, is_simplest_radical, unsigned
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Symbol

__all__ = ["Form", "evaluated", "holds"]

Form = Literal["factored", "expanded", "simplest_fraction", "simplest_radical", "in_terms_of_pi", "evaluated"]

MAX_PRIME = 10**10


def holds(form: Form, tree: Node) -> bool:
    """Whether a tree is in a form.

    >>> six_eighths = Apply("div", (Number(Fraction(6)), Number(Fraction(8))))
    >>> holds("simplest_fraction", six_eighths), holds("evaluated", six_eighths)
    (False, True)
    """
    return exact.small_enough(tree) and _FORMS[form](tree)


def evaluated(tree: Node) -> bool:
    """Whether everything was carried out that only restates a problem.

    A sum, a product, an integral, a limit or a derivative must not be left, nor a factorial or a binomial coefficient
    of numbers, nor a power of two numbers with an exponent over 1, but for scientific notation.
    """
    if not exact.small_enough(tree):
        return False
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if _is_left(node):
            return False
        waiting.extend(() if _is_scientific(node) else exact.children(node))
    return True


def _is_scientific(tree: Node) -> bool:
    """Whether a product is a number in scientific notation, such as 3 times 10^8."""
    match tree:
        case Apply("mul", (Number(factor), Apply("pow", (Number(base), _)))):
            return base == 10 and 1 <= abs(factor) < 10
        case _:
            return False


def _is_left(node: Node) -> bool:
    if not isinstance(node, Apply):
        return False
    if node.op in exact.NOT_CARRIED_OUT:
        return True
    values = [exact.constant(part) for part in node.args]
    if any(value is None for value in values):
        return False
    if node.op == "pow":
        base, exponent = values
        return base is not None and exponent is not None and exponent.denominator == 1 and abs(exponent) > 1
    return node.op in ("factorial", "binomial", "gcd", "lcm", "max", "min", "mod", "floor", "ceil", "abs")


def _in_terms_of_pi(tree: Node) -> bool:
    return evaluated(tree) and Constant("pi") in exact.nodes(tree)


# Fractions.


def _simplest_fraction(tree: Node) -> bool:
    match unsigned(tree):
        case Number(value, spelt):
            return spelt == "integer" and value.denominator == 1
        case Apply("div", (above, below)):
            return _lowest_terms(unsigned(above) if unsigned(tree) is tree else above, below)
        case other:
            found = polynomial(other)
            return (
                found is not None
                and not found.is_constant
                and all(factor.denominator == 1 for factor in found.terms.values())
            )


def _lowest_terms(above: Node, below: Node) -> bool:
    if isinstance(above, Number) and isinstance(below, Number):
        whole = above.spelt == below.spelt == "integer"
        return whole and below.value > 1 and above.value >= 0 and _gcd(above.value, below.value) == 1
    top, bottom = polynomial(above), polynomial(below)
    if top is None or bottom is None or (top.is_constant and bottom.is_constant) or not top.terms or not bottom.terms:
        return False
    if bottom.is_constant and bottom.terms[()] <= 1:
        return False
    if any(factor.denominator != 1 for part in (top, bottom) for factor in part.terms.values()):
        return False
    if math.gcd(top.content().numerator, bottom.content().numerator) != 1:
        return False
    return bottom.is_constant or algebra.coprime(above, below)


def _gcd(a: Fraction, b: Fraction) -> int:
    return math.gcd(a.numerator, b.numerator)


# Products and sums.


def _factored(tree: Node) -> bool:
    """A product of powers of irreducible polynomials; of primes where there is no variable."""
    factors = _factors(tree)
    if not any(isinstance(node, Symbol) for node in exact.nodes(tree)):
        return all(isinstance(part, Number) and _is_prime(part) for part in factors)
    return all(_is_irreducible(part) for part in factors)


def _factors(tree: Node) -> list[Node]:
    """The factors of a product or a quotient, powers taken off."""
    match tree:
        case Apply("neg", (part,)):
            return _factors(part)
        case Apply("mul" | "div", parts):
            return [factor for part in parts for factor in _factors(part)]
        case Apply("pow", (base, exponent)) if (power := exact.constant(exponent)) and power.denominator == 1:
            return _factors(base)
        case _:
            return [tree]


def _is_prime(number: Number) -> bool:
    value = number.value
    return number.spelt == "integer" and 2 <= value <= MAX_PRIME and factor_powers(value.numerator) == [1]


def _is_irreducible(tree: Node) -> bool:
    if isinstance(tree, Symbol) or not any(isinstance(node, Symbol) for node in exact.nodes(tree)):
        return True
    found = polynomial(tree)
    if found is None or found.is_constant or found.content().numerator != 1:
        return False
    if found.degree == 1:
        return True
    if found.degree == 2 and len(found.letters) == 1:
        (letter,) = found.letters
        a, b, c = (found.terms.get(monomial, Fraction(0)) for monomial in (((letter, 2),), ((letter, 1),), ()))
        return exact.rational_root(b * b - 4 * a * c, 2) is None
    return algebra.irreducible(tree)


def _expanded(tree: Node) -> bool:
    """A sum of single terms, like terms collected."""
    seen = set()
    for part in tree.args if isinstance(tree, Apply) and tree.op == "add" else (tree,):
        term = part.args[0] if isinstance(part, Apply) and part.op == "neg" else part
        found = polynomial(term, "letters") if _is_single(term) else None
        if found is None or len(found.terms) > 1:
            return False
        monomial = next(iter(found.terms), ())
        if monomial in seen:
            return False
        seen.add(monomial)
    return True


def _is_single(tree: Node) -> bool:
    """Whether a term holds no sum that could be multiplied out."""
    match tree:
        case Apply("add" | "neg"):
            return False
        case Apply("mul", parts):
            return all(map(_is_single, parts))
        case Apply("div", (above, below)):
            return _is_single(above) and _is_single(below)
        case Apply("pow", (base, _)):
            return _is_single(base)
        case _:
            return True


_FORMS: dict[str, Callable[[Node], bool]] = {
    "factored": _factored,
    "expanded": _expanded,
    "simplest_fraction": _simplest_fraction,
    "simplest_radical": is_simplest_radical,
    "in_terms_of_pi": _in_terms_of_pi,
    "evaluated": evaluated,
}
