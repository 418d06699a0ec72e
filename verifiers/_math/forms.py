r"""The form of an answer: whether a tree is factored, expanded, a fraction in lowest terms, and so on.

A form is a property of what was written. It says nothing about the value: `holds` goes with a comparison.

    factored             (x-2)(x-3), 2^3 \cdot 5           not x^2-5x+6, 40
    expanded             x^2-5x+6                          not (x-2)(x-3), x+x
    simplest_fraction    3/4, -7, \frac{x}{x+1}            not 6/8, 0.75, 1\frac12
    simplest_radical     2\sqrt{3}, \frac{\sqrt2}{2}       not \sqrt{12}, \frac1{\sqrt2}
    in_terms_of_pi       25\pi                             not 78.5
    evaluated            128, \sqrt{2}, x^2, \ln 2         not 2^7, 5!, \sum_{k=1}^{4} k, \sin 60^\circ, \pi+\pi

A form is asked of the value: of the last side of `x = 3/4`, of 3/4 in 3/4 cm, of each item of a collection. One that
would take too long to decide does not hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Literal

from agentrl.verifiers._math import algebra, exact
from agentrl.verifiers._math.algebra import Budget
from agentrl.verifiers._math.parts import has_signs, is_name, items_of
from agentrl.verifiers._math.polynomial import polynomial
from agentrl.verifiers._math.radicals import (
    MAX_PRIME,
    divides_by_roots,
    factor_powers,
    is_constant,
    is_simplest_radical,
    merges,
    shared_factor,
    unsigned,
)
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
    Union,
)
from agentrl.verifiers._math.values import approximate

__all__ = ["Form", "evaluated", "holds", "last_side", "no_less_finished"]

Form = Literal["factored", "expanded", "simplest_fraction", "simplest_radical", "in_terms_of_pi", "evaluated"]


def holds(form: Form, tree: Node, budget: Budget | None = None) -> bool:
    """Whether a tree is in a form.

    Args:
        form: The form.
        tree: An answer.
        budget: The computer algebra that may still be asked; default: as for one reply.

    >>> six_eighths = Apply("div", (Number(Fraction(6)), Number(Fraction(8))))
    >>> holds("simplest_fraction", six_eighths), holds("evaluated", six_eighths)
    (False, True)
    """
    budget = budget or Budget()
    return exact.small_enough(tree) and all(_FORMS[form](part, budget) for part in _values(tree))


def last_side(tree: Relation) -> Node:
    """What a chain of equalities comes to; an approximation at its end only adds to that."""
    cut = tree.ops.index("approx") + 1 if "approx" in tree.ops else len(tree.sides)
    return tree.sides[1 if cut == 1 and is_name(tree.sides[0]) else cut - 1]


def _values(tree: Node) -> list[Node]:
    """The values that a form is asked of; a percentage stays whole, because it is a fraction of its own form."""
    match tree:
        case Quantity(value, unit) if unit != "%":
            return _values(value)
        case Relation(sides, ops) if set(ops) <= {"=", "approx"} and is_name(sides[0]):
            return _values(last_side(tree))
        case SetOf() | Listing() | Bracketed() | Union() | Matrix():
            ends = (Constant("infinity"), Apply("neg", (Constant("infinity"),)))
            return [value for part in exact.children(tree) if part not in ends for value in _values(part)]
        case Apply() if has_signs(tree):
            return items_of(tree) or [tree]
        case _:
            return [tree]


# Work that is left.


def evaluated(tree: Node) -> bool:
    r"""Whether everything was carried out that only restates a problem.

    A sum, a product, an integral, a limit or a derivative must not be left, nor, of constants: a factorial, an absolute
    value or the like; a power of numbers with an exponent over 1, but for scientific notation; a root, a logarithm or
    a trigonometric function with a value learnt by heart; terms or factors that can be put together, as in 1+2+\pi,
    \sqrt2 \cdot \sqrt3 and (1+\sqrt2)(3-\sqrt2). It need not be simplest: \sqrt{12} and 2(1+\sqrt3) are evaluated.
    """
    if not exact.small_enough(tree):
        return False
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if _is_scientific(node) or _is_angle(node):
            continue
        if _is_left(node):
            return False
        waiting.extend(exact.children(node))
    return True


def no_less_finished(golds: Iterable[Node], reply: Node) -> bool:
    r"""Whether a reply leaves no kind of work that the golds do not leave: \cos 10^\circ for \sin 80^\circ only.

    The kinds are trigonometric functions of constants, their inverses, logarithms, hyperbolic functions, and quotients
    by a sum of roots.
    """
    wanted = [gold for gold in golds if exact.small_enough(gold)]
    return exact.small_enough(reply) and _work(reply) <= {kind for gold in wanted for kind in _work(gold)}


def _work(tree: Node) -> set[str]:
    applied = [node for node in exact.nodes(tree) if isinstance(node, Apply) and is_constant(node)]
    return {_GROUPS[node.op] for node in applied if node.op in _GROUPS} | {
        "quotient" for node in applied if node.op == "div" and divides_by_roots(node)
    }


def _is_scientific(tree: Node) -> bool:
    """Whether a product is a number in scientific notation, such as 3 times 10^8."""
    match tree:
        case Apply("mul", (Number(factor), Apply("pow", (Number(base), _)))):
            return base == 10 and 1 <= abs(factor) < 10
        case _:
            return False


def _is_angle(tree: Node) -> bool:
    """Whether a product is a number of degrees."""
    match tree:
        case Apply("mul", (Number(), Apply("div", (Constant("pi"), Number(below))))):
            return below == _STRAIGHT_ANGLE
        case _:
            return False


def _is_left(node: Node) -> bool:
    if not isinstance(node, Apply):
        return False
    if node.op in exact.NOT_CARRIED_OUT:
        return True
    if not is_constant(node):
        return node.op in ("add", "mul") and merges(node)
    if node.op in ("factorial", "binomial", "gcd", "lcm", "max", "min", "mod", "floor", "ceil", "abs"):
        return True
    if node.op == "pow":
        return _is_power_left(*node.args)
    return (node.op == "root" and exact.constant(node) is not None) or _is_well_known(node) or merges(node)


def _is_power_left(base: Node, exponent: Node) -> bool:
    known, power = exact.constant(base), exact.constant(exponent)
    if any(isinstance(part, Apply) and part.op in _LOGARITHMS for part in exact.nodes(exponent)):
        return True
    if known is None or power is None:
        return merges(Apply("pow", (base, exponent)))
    if power.denominator == 1:
        return abs(power) > 1
    return exact.rational_root(known, power.denominator) is not None


def _is_well_known(node: Apply) -> bool:
    """Whether a value is learnt by heart: of multiples of 30 and 45 degrees, of a power of the base of a logarithm."""
    if node.op in _CIRCULAR:
        value = approximate(node.args[0])
    elif node.op in _INVERSES or node.op in _LOGARITHMS:
        value = approximate(node)
    else:
        return False
    if value is None or value.imag:
        return False
    if node.op in _LOGARITHMS:
        return _is_near_whole(12 * value.real)
    return any(_is_near_whole(parts * value.real / math.pi) for parts in (4, 6))


def _is_near_whole(value: float) -> bool:
    return abs(value) < _MAX_TURNS and abs(value - round(value)) < _NEAR


_STRAIGHT_ANGLE = 180
_MAX_TURNS = 1e4
_NEAR = 1e-10
_CIRCULAR = ("sin", "cos", "tan", "cot", "sec", "csc")
_INVERSES = tuple(f"arc{name}" for name in _CIRCULAR)
_LOGARITHMS = ("log", "ln")
_HYPERBOLIC = tuple(
    name for stem in ("sinh", "cosh", "tanh", "coth", "sech", "csch") for name in (stem, f"arc{stem}", f"ar{stem}")
)
_GROUPS = (
    dict.fromkeys(_CIRCULAR, "trigonometric")
    | dict.fromkeys(_INVERSES, "inverse")
    | dict.fromkeys(_LOGARITHMS, "logarithm")
    | dict.fromkeys(_HYPERBOLIC, "hyperbolic")
)


def _in_terms_of_pi(tree: Node) -> bool:
    return evaluated(tree) and Constant("pi") in exact.nodes(tree)


# Fractions.


def _simplest_fraction(tree: Node, budget: Budget) -> bool:
    match unsigned(tree):
        case Number(value, spelt):
            return spelt == "integer" and value.denominator == 1
        case Apply("div", (above, below)):
            return _lowest_terms(unsigned(above) if unsigned(tree) is tree else above, below, budget)
        case other:
            found = polynomial(other)
            return (
                found is not None
                and not found.is_constant
                and all(factor.denominator == 1 for factor in found.terms.values())
            )


def _lowest_terms(above: Node, below: Node, budget: Budget) -> bool:
    if isinstance(above, Number) and isinstance(below, Number):
        whole = above.spelt == below.spelt == "integer"
        return whole and below.value > 1 and above.value >= 0 and shared_factor(above.value, below.value) == 1
    top, bottom = polynomial(above), polynomial(below)
    if top is None or bottom is None or (top.is_constant and bottom.is_constant) or not top.terms or not bottom.terms:
        return False
    if bottom.is_constant and bottom.terms[()] <= 1:
        return False
    if any(factor.denominator != 1 for part in (top, bottom) for factor in part.terms.values()):
        return False
    if math.gcd(top.content().numerator, bottom.content().numerator) != 1:
        return False
    return bottom.is_constant or algebra.coprime(above, below, budget)


# Products and sums.


def _factored(tree: Node, budget: Budget) -> bool:
    """A product of powers of irreducible polynomials; of primes where there is no variable."""
    factors = _factors(tree)
    if not any(isinstance(node, Symbol) for node in exact.nodes(tree)):
        return all(isinstance(part, Number) and _is_prime(part) for part in factors)
    return all(_is_irreducible(part, budget) for part in factors)


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


def _is_irreducible(tree: Node, budget: Budget) -> bool:
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
    return algebra.irreducible(tree, budget)


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


_FORMS: dict[str, Callable[[Node, Budget], bool]] = {
    "factored": _factored,
    "expanded": lambda tree, _: _expanded(tree),
    "simplest_fraction": _simplest_fraction,
    "simplest_radical": lambda tree, _: is_simplest_radical(tree),
    "in_terms_of_pi": lambda tree, _: _in_terms_of_pi(tree),
    "evaluated": lambda tree, _: evaluated(tree),
}
