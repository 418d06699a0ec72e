r"""Sums and products of roots and constants: whether they are in simplest form, and whether their terms go together.

2\sqrt{3} is in simplest form, and \sqrt{12} is not; \frac{\sqrt2}{2} is, and \frac1{\sqrt2} is not.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from agentrl.verifiers._math import exact
from agentrl.verifiers._math.encode import text_of
from agentrl.verifiers._math.fields import Element, Surds
from agentrl.verifiers._math.polynomial import Monomial, Polynomial, polynomial
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Symbol

__all__ = [
    "MAX_PRIME",
    "divides_by_roots",
    "factor_powers",
    "is_constant",
    "is_simplest_radical",
    "merges",
    "shared_factor",
    "unsigned",
]

MAX_PRIME = 10**10


def is_constant(tree: Node) -> bool:
    """Whether a tree has no variables."""
    return not any(isinstance(node, Symbol) for node in exact.nodes(tree))


def unsigned(tree: Node) -> Node:
    """A tree without the minus before it."""
    return tree.args[0] if isinstance(tree, Apply) and tree.op == "neg" else tree


def shared_factor(a: Fraction, b: Fraction) -> int:
    """What divides the numerators of both."""
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
        return (term[0] / below.value, term[1]) if shared_factor(term[0], below.value) == 1 else None
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
            return below > 1 and shared_factor(above, below) == 1
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


# What can be put together.


def merges(node: Apply) -> bool:
    r"""Whether a sum, a product, a quotient or a power of constants can be put together: 1+2, \pi+\pi, \sqrt2\sqrt3.

    Of a sum or a product with variables only its constant terms and factors count, and terms that are alike.
    """
    match node:
        case Apply("add", parts):
            return _sum_merges(parts)
        case Apply("mul", parts):
            constants = [part for part in parts if is_constant(part)]
            return len(constants) > 1 and _product_merges(constants)
        case Apply("div", (above, below)):
            return exact.constant(below) is None and _quotient_merges(above, below)
        case Apply("pow", (base, _)):
            return exact.constant(base) is None and _expands_to_less(node)
        case _:
            return False


def divides_by_roots(node: Apply) -> bool:
    """Whether a quotient of constants has a sum of roots, or i, as its denominator."""
    below = node.args[1]
    found = polynomial(below, "letters")
    if found is None or found.is_constant:
        return False
    roots = _roots(below)
    return found.letters <= roots.keys() and (len(found.terms) > 1 or any(roots[name] < 0 for name in found.letters))


def _roots(*trees: Node) -> dict[str, Fraction]:
    """The square roots in some trees, and i, by name: what they are the roots of."""
    found = {}
    for node in (part for tree in trees for part in exact.nodes(tree)):
        match node:
            case Constant("i"):
                found[text_of(node)] = Fraction(-1)
            case Apply("root", (radicand, index)) if exact.constant(index) == 2:
                value = exact.constant(radicand)
                if value is not None:
                    found[text_of(node)] = value
    return found


_Reduced = dict[Monomial, Element]


def _reduced(found: Polynomial, roots: Mapping[str, Fraction]) -> _Reduced:
    """A polynomial in roots and other letters, with the roots multiplied: other letters to a sum of roots."""
    field = Surds()
    values = {name: field.root(field.rational(radicand), 2) or () for name, radicand in roots.items()}
    total: _Reduced = {}
    for monomial, factor in found.terms.items():
        value = field.rational(factor)
        for name, power in monomial:
            if name in roots:
                value = field.mul(value, field.power(values[name], power))
        others = tuple(pair for pair in monomial if pair[0] not in roots)
        total[others] = field.add(total.get(others, ()), value)
    return total


def _count(total: _Reduced) -> int:
    return sum(map(len, total.values()))


def _sum_merges(parts: Sequence[Node]) -> bool:
    """Whether some terms are alike; a term with a variable is taken as it stands."""
    numbers = [value for part in parts if (value := exact.constant(part)) is not None]
    if len(numbers) > 1 or 0 in numbers or _logarithms_merge(parts):
        return True
    found = [polynomial(part, "letters") for part in parts]
    known = [one for part, one in zip(parts, found, strict=True) if one and (is_constant(part) or len(one.terms) == 1)]
    roots = _roots(*parts)
    try:
        written = sum(_count(_reduced(one, roots)) for one in known)
        return _count(_reduced(functools.reduce(Polynomial.plus, known, Polynomial({})), roots)) < written
    except ValueError:  # too large to tell
        return True


def _logarithms_merge(parts: Sequence[Node]) -> bool:
    """Whether two logarithms of numbers that share a factor are added, as in ln 6 - ln 3."""
    values = [
        exact.constant(term.args[0])
        for term in map(unsigned, parts)
        if isinstance(term, Apply) and term.op in ("ln", "log")
    ]
    whole = [value.numerator for value in values if value is not None and value.denominator == 1]
    return any(math.gcd(a, b) > 1 for a, b in itertools.combinations(whole, 2))


def _product_merges(parts: Sequence[Node]) -> bool:
    """Whether numbers, equal factors or roots of one product stand side by side, or sums that shrink when expanded."""
    found = [polynomial(part, "letters") for part in parts]
    single = [next(iter(one.terms.items())) for one in found if one and len(one.terms) == 1]
    numbers = [factor for _, factor in single if abs(factor) != 1]
    if len(numbers) > 1 and not _is_fraction_of(numbers):
        return True
    names = [name for monomial, _ in single for name, _ in monomial]
    return len(set(names)) < len(names) or _expands_to_less(Apply("mul", tuple(parts)))


def _is_fraction_of(numbers: Sequence[Fraction]) -> bool:
    """Whether two factors are a whole number and a unit fraction that do not cancel: 3 (pi/4)."""
    whole, part = sorted(numbers, key=lambda n: n.denominator)[:2]
    is_fraction = whole.denominator == 1 and abs(part.numerator) == 1
    return len(numbers) == 2 and is_fraction and math.gcd(whole.numerator, part.denominator) == 1


def _quotient_merges(above: Node, below: Node) -> bool:
    """Whether both sides of a quotient of single terms share a factor, also under their roots."""
    top, bottom = polynomial(above, "letters"), polynomial(below, "letters")
    if top is None or bottom is None or len(top.terms) != 1 or len(bottom.terms) != 1:
        return False
    roots = _roots(above, below)
    pairs = itertools.product(top.letters & roots.keys(), bottom.letters & roots.keys())
    return bool(top.letters & bottom.letters) or any(shared_factor(roots[a], roots[b]) > 1 for a, b in pairs)


def _expands_to_less(tree: Node) -> bool:
    """Whether a product or a power multiplies roots with each other, so that fewer terms are left when expanded."""
    found, roots = polynomial(tree, "letters"), _roots(tree)
    if found is None:  # too large to tell
        return True
    if len(found.terms) == 1:
        ((monomial, _),) = found.terms.items()
        square = [power for name, power in monomial if roots.get(name, Fraction(0)) > 0]
        return sum(square) > 1 or any(power > 1 for name, power in monomial if name in roots)
    try:
        return _count(_reduced(found, roots)) < len(found.terms)
    except ValueError:  # too large to tell
        return True
