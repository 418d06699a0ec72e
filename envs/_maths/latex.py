r"""Numbers and polynomials in LaTeX, in lowest terms and with the simplest roots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["Posed", "fraction", "polynomial", "radical", "simplified_root", "sum_with_radical"]


@dataclass(frozen=True, slots=True)
class Posed:
    """A problem as a maker poses it.

    Attributes:
        text: The question.
        answer: The gold: LaTeX, or a mapping with `value` and its `form` or `kind`.
        facts: The numbers that were drawn: they tell problems apart.
    """

    text: str
    answer: Any
    facts: dict[str, Any] = field(default_factory=dict)


def fraction(value: Fraction | int) -> str:
    r"""A rational number.

    >>> fraction(Fraction(-6, 8)), fraction(Fraction(4, 2))
    ('-\\frac{3}{4}', '2')
    """
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    return rf"{'-' if value < 0 else ''}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def simplified_root(n: int) -> tuple[int, int]:
    """The root of n as outside times the root of a square-free inside.

    >>> simplified_root(72), simplified_root(49)
    ((6, 2), (7, 1))
    """
    outside = next(k for k in range(math.isqrt(n), 0, -1) if n % (k * k) == 0)
    return outside, n // (outside * outside)


def radical(n: int) -> str:
    r"""The root of a whole number above 0, simplified.

    >>> radical(12), radical(9), radical(7)
    ('2\\sqrt{3}', '3', '\\sqrt{7}')
    """
    outside, inside = simplified_root(n)
    if inside == 1:
        return str(outside)
    return rf"{outside if outside > 1 else ''}\sqrt{{{inside}}}"


def sum_with_radical(a: int, n: int, sign: str = "+") -> str:
    r"""a, plus or minus the root of n.

    >>> sum_with_radical(3, 8), sum_with_radical(0, 2, "-")
    ('3+2\\sqrt{2}', '-\\sqrt{2}')
    """
    if a == 0:
        return radical(n) if sign == "+" else f"{sign}{radical(n)}"
    return f"{a}{sign}{radical(n)}"


def polynomial(coefficients: Sequence[int], letter: str = "x") -> str:
    """A polynomial, the highest power first.

    >>> polynomial((1, -5, 6)), polynomial((-1, 0, 4)), polynomial((0,))
    ('x^2-5x+6', '-x^2+4', '0')
    """
    text = ""
    for power, c in zip(range(len(coefficients) - 1, -1, -1), coefficients, strict=True):
        if c:
            sign = "-" if c < 0 else "+" if text else ""
            size = "" if abs(c) == 1 and power else str(abs(c))
            text += sign + size + ("" if power == 0 else letter if power == 1 else f"{letter}^{power}")
    return text or "0"
