"""Polynomials with rational coefficients in several letters, as far as the form of an answer asks for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from agentrl.verifiers._math import exact
from agentrl.verifiers._math.encode import text_of
from agentrl.verifiers._math.tree import Apply, Node, Symbol

__all__ = ["Monomial", "Polynomial", "polynomial"]

Monomial = tuple[tuple[str, int], ...]
"""Sorted pairs of a letter and its power; the monomial 1 has none."""

MAX_TERMS = 200
MAX_DEGREE = 200


class _TooLargeError(ValueError):
    """Not a polynomial, or one with too many terms."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of terms: monomial to coefficient, none of them zero."""

    terms: Mapping[Monomial, Fraction]

    @classmethod
    def of(cls, value: Fraction) -> Polynomial:
        """A constant."""
        return cls({(): value} if value else {})

    @property
    def is_constant(self) -> bool:
        """Whether no letter is left."""
        return not any(self.terms)

    @property
    def letters(self) -> frozenset[str]:
        """The letters."""
        return frozenset(name for monomial in self.terms for name, _ in monomial)

    @property
    def degree(self) -> int:
        """The total degree; 0 for zero."""
        return max((sum(power for _, power in monomial) for monomial in self.terms), default=0)

    def content(self) -> Fraction:
        """What can be taken out of the coefficients: gcd of the numerators over lcm of the denominators.

        >>> Polynomial({(("x", 1),): Fraction(4), (): Fraction(6)}).content()
        Fraction(2, 1)
        """
        above = math.gcd(*(factor.numerator for factor in self.terms.values()))
        return Fraction(above, math.lcm(*(factor.denominator for factor in self.terms.values())))

    def plus(self, other: Polynomial) -> Polynomial:
        """The sum."""
        total = dict(self.terms)
        for monomial, factor in other.terms.items():
            total[monomial] = total.get(monomial, Fraction(0)) + factor
        return _checked(total)

    def times(self, other: Polynomial) -> Polynomial:
        """The product."""
        if len(self.terms) * len(other.terms) > 10 * MAX_TERMS:
            raise _TooLargeError
        total: dict[Monomial, Fraction] = {}
        for left, p in self.terms.items():
            for right, q in other.terms.items():
                both = _joined(left, right)
                total[both] = total.get(both, Fraction(0)) + p * q
        return _checked(total)


def _joined(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted(powers.items()))


def _checked(total: Mapping[Monomial, Fraction]) -> Polynomial:
    found = Polynomial({monomial: factor for monomial, factor in total.items() if factor})
    if len(found.terms) > MAX_TERMS or found.degree > MAX_DEGREE:
        raise _TooLargeError
    if any(exact.bits(factor) > exact.MAX_BITS // 10 for factor in found.terms.values()):
        raise _TooLargeError
    return found


def polynomial(tree: Node, others: Literal["refuse", "letters"] = "refuse") -> Polynomial | None:
    r"""The polynomial that a tree is; None where it is none, or too large.

    Args:
        tree: An expression, small enough (`exact.small_enough`).
        others: What is neither number, letter, sum, product nor power: refused, or taken as a letter of its own.
    """
    try:
        return _read(tree, others)
    except (_TooLargeError, ZeroDivisionError):
        return None


def _read(tree: Node, others: Literal["refuse", "letters"]) -> Polynomial:
    value = exact.constant(tree)
    if value is not None:
        return _checked({(): value})
    match tree:
        case Symbol(name):
            return Polynomial({((name, 1),): Fraction(1)})
        case Apply("add", parts):
            total = Polynomial({})
            for part in parts:
                total = total.plus(_read(part, others))
            return total
        case Apply("neg", (part,)):
            return _read(part, others).times(Polynomial.of(Fraction(-1)))
        case Apply("mul", parts):
            return _product([_read(part, others) for part in parts])
        case Apply("div", (above, below)) if (divisor := exact.constant(below)) is not None:
            return _read(above, others).times(Polynomial.of(1 / divisor))
        case Apply("pow", (base, exponent)) if (power := _positive(exponent)) is not None:
            return _product([_read(base, others)] * power)
    if others == "refuse":
        raise _TooLargeError
    return Polynomial({((text_of(tree), 1),): Fraction(1)})


def _positive(exponent: Node) -> int | None:
    value = exact.constant(exponent)
    if value is None or value.denominator != 1 or value <= 0:
        return None
    if value > MAX_DEGREE:
        raise _TooLargeError
    return value.numerator


def _product(parts: list[Polynomial]) -> Polynomial:
    total = Polynomial.of(Fraction(1))
    for part in parts:
        total = total.times(part)
    return total
