"""Questions with one right and several plausible wrong answers: what comes of the usual slips.

A maker gives a question, the right answer and wrong ones in the order in which they are wanted: first what a certain
slip leads to (the inverse operation, a dropped sign, one too many), then neighbours of the right answer.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from agentrl.envs._maths.latex import polynomial

__all__ = ["MAKERS", "Quiz"]


@dataclass(frozen=True, slots=True)
class Quiz:
    """A question as a maker asks it.

    Attributes:
        text: The question.
        right: The right answer.
        wrong: Wrong answers, the most tempting first; none is the right one, none comes twice.
        facts: The numbers that were drawn: they tell questions apart.
    """

    text: str
    right: str
    wrong: tuple[str, ...]
    facts: Mapping[str, Any]


Maker = Callable[[random.Random], Quiz]


def _quiz(text: str, right: Any, slips: Iterable[Any], facts: Mapping[str, Any]) -> Quiz:
    """A question whose wrong answers are slips and, where these are few, numbers near the right one."""
    near: list[Any] = []
    if isinstance(right, int | Fraction):
        near = [right + 1, right - 1, -right, right + 10, right - 10, 2 * right, right + 2, right - 2, right + 5]
    texts = dict.fromkeys(str(slip) for slip in (*slips, *near))
    return Quiz(text, str(right), tuple(text for text in texts if text != str(right)), facts)


def _number(draw: random.Random, low: int, high: int) -> int:
    return draw.choice((-1, 1)) * draw.randint(low, high)


def plus_minus(draw: random.Random) -> Quiz:
    a, b, sign = draw.randint(11, 99), draw.randint(11, 99), draw.choice("+-")
    value, inverse = (a + b, a - b) if sign == "+" else (a - b, a + b)
    return _quiz(f"What is {a} {sign} {b}?", value, (value + 10, value - 1, inverse), {"a": a, "b": b, "sign": sign})


def times(draw: random.Random) -> Quiz:
    a, b = draw.randint(3, 15), draw.randint(3, 15)
    return _quiz(f"What is {a} times {b}?", a * b, (a * (b + 1), (a - 1) * b, a + b), {"pair": sorted((a, b))})


def precedence(draw: random.Random) -> Quiz:
    a, b, c, sign = draw.randint(2, 30), draw.randint(2, 12), draw.randint(2, 12), draw.choice("+-")
    value, left = (a + b * c, (a + b) * c) if sign == "+" else (a - b * c, (a - b) * c)
    facts = {"a": a, "pair": [b, c], "sign": sign}
    return _quiz(f"What is {a} {sign} {b} × {c}?", value, (left, a * b + c, a + b + c), facts)


def signs(draw: random.Random) -> Quiz:
    a, b, sign = _number(draw, 2, 40), -draw.randint(2, 40), draw.choice("+-")
    value, slip = (a + b, a - b) if sign == "+" else (a - b, a + b)
    return _quiz(f"What is {a} {sign} ({b})?", value, (slip, -value, -slip), {"a": a, "b": b, "sign": sign})


def percentage(draw: random.Random) -> Quiz:
    p, n = 5 * draw.randint(1, 19), 20 * draw.randint(1, 40)
    value = n * p // 100
    return _quiz(f"What is {p}% of {n}?", value, (n - value, value * 10, n - p, value + p), {"p": p, "n": n})


def sum_of_fractions(draw: random.Random) -> Quiz:
    b, d = draw.sample(range(2, 10), 2)
    a, c = draw.randint(1, b - 1), draw.randint(1, d - 1)
    value = Fraction(a, b) + Fraction(c, d)
    slips = (Fraction(a + c, b + d), Fraction(a * c, b * d), Fraction(a + c, b * d), Fraction(a, b) - Fraction(c, d))
    return _quiz(f"What is {a}/{b} + {c}/{d}?", value, slips, {"terms": sorted([[a, b], [c, d]])})


def equation(draw: random.Random) -> Quiz:
    a, x, b = draw.randint(2, 12), _number(draw, 1, 12), _number(draw, 1, 30)
    c = a * x + b
    slips = (-x, x + 1, Fraction(c + b, a), c - b - a, c - b)
    return _quiz(f"Which $x$ solves ${polynomial((a, b))} = {c}$?", x, slips, {"a": a, "b": b, "c": c})


def rectangle(draw: random.Random) -> Quiz:
    a, b = draw.randint(3, 25), draw.randint(3, 25)
    area, around = a * b, 2 * (a + b)
    asked = draw.choice(("area", "perimeter"))
    value, other = (area, around) if asked == "area" else (around, area)
    slips = (other, a + b, 2 * area)
    return _quiz(
        f"What is the {asked} of a rectangle with sides {a} and {b}?",
        value,
        slips,
        {"sides": sorted((a, b)), "asked": asked},
    )


def powers(draw: random.Random) -> Quiz:
    a, b = draw.sample(range(2, 13), 2)
    kind = draw.choice(("product", "power", "quotient"))
    text, value = {
        "product": (f"$x^{{{a}}} \\cdot x^{{{b}}}$", a + b),
        "power": (f"$(x^{{{a}}})^{{{b}}}$", a * b),
        "quotient": (f"$x^{{{a}}} / x^{{{b}}}$", a - b),
    }[kind]
    slips = (a + b, a * b, a - b, a**2, value + 1, value - 1, b - a)
    shown = (f"$x^{{{e}}}$" for e in slips)
    return _quiz(f"Which is equal to {text} for $x > 0$?", f"$x^{{{value}}}$", shown, {"a": a, "b": b, "kind": kind})


def square(draw: random.Random) -> Quiz:
    a, b = draw.randint(1, 6), _number(draw, 1, 9)
    right = (a * a, 2 * a * b, b * b)
    wrong = (
        (a * a, 0, b * b),
        (a * a, a * b, b * b),
        (a * a, -2 * a * b, b * b),
        (a, 2 * a * b, b * b),
        (a * a, 2 * a * b, -b * b),
    )
    shown = (f"${polynomial(c)}$" for c in wrong)
    return _quiz(f"Which is equal to $({polynomial((a, b))})^2$?", f"${polynomial(right)}$", shown, {"a": a, "b": b})


def slope(draw: random.Random) -> Quiz:
    x, y, run, rise = draw.randint(-9, 9), draw.randint(-9, 9), draw.randint(1, 9), _number(draw, 1, 9)
    value = Fraction(rise, run)
    text = f"What is the slope of the line through $({x},{y})$ and $({x + run},{y + rise})$?"
    slips = (1 / value, -value, -1 / value, rise, run)
    return _quiz(text, value, slips, {"first": [x, y], "second": [x + run, y + rise]})


def mean(draw: random.Random) -> Quiz:
    numbers = sorted(draw.randint(1, 40) for _ in range(5))
    shown = ", ".join(map(str, draw.sample(numbers, 5)))
    asked = draw.choice(("mean", "median", "range"))
    values = {
        "mean": Fraction(sum(numbers), 5),
        "median": Fraction(numbers[2]),
        "range": Fraction(numbers[4] - numbers[0]),
    }
    slips = [value for name, value in values.items() if name != asked] + [
        Fraction(sum(numbers), 4),
        Fraction(sum(numbers)),
    ]
    return _quiz(f"What is the {asked} of {shown}?", values[asked], slips, {"numbers": numbers, "asked": asked})


def logarithm(draw: random.Random) -> Quiz:
    base, e = draw.choice((2, 3, 4, 5, 6, 7)), draw.randint(2, 5)
    slips = (base, base**e // base, e + 1, base * e, e - 1)
    return _quiz(f"What is the logarithm of {base**e} to base {base}?", e, slips, {"base": base, "e": e})


def selection(draw: random.Random) -> Quiz:
    n, k = draw.randint(5, 14), draw.randint(2, 3)
    asked = draw.choice(("committees", "orders"))
    chosen, ordered = math.comb(n, k), math.perm(n, k)
    text = {
        "committees": f"How many committees of {k} people can be chosen from {n} people?",
        "orders": f"In how many ways can {n} runners take the first {k} places, without ties?",
    }[asked]
    value, other = (chosen, ordered) if asked == "committees" else (ordered, chosen)
    return _quiz(text, value, (other, n**k, n * k, math.comb(n + 1, k)), {"n": n, "k": k, "asked": asked})


def derivative(draw: random.Random) -> Quiz:
    a, n, b = draw.randint(2, 9), draw.randint(3, 8), _number(draw, 1, 9)

    def term(c: int, e: int, d: int) -> str:
        return f"${polynomial((c, *[0] * (e - 1), d))}$"

    right = term(a * n, n - 1, b)
    wrong = (
        term(a * n, n, b),
        term(a, n - 1, b),
        term(a * n, n - 1, 0),
        term(a * (n - 1), n - 1, b),
        term(a * n, n - 1, -b),
    )
    text = f"What is the derivative of ${polynomial((a, *[0] * (n - 2), b, 0))}$?"
    return _quiz(text, right, wrong, {"a": a, "n": n, "b": b})


def residue(draw: random.Random) -> Quiz:
    a, e, m = draw.randint(2, 12), draw.randint(10, 60), draw.choice((7, 9, 11, 13))
    value = pow(a, e, m)
    others = draw.sample([r for r in range(m) if r != value], 5)
    text = f"What is the remainder when ${a}^{{{e}}}$ is divided by {m}?"
    return Quiz(
        text,
        str(value),
        tuple(str(r) for r in dict.fromkeys((a * e % m, *others)) if r != value),
        {"a": a, "e": e, "m": m},
    )


def series(draw: random.Random) -> Quiz:
    a, d, n = draw.randint(1, 20), draw.randint(2, 9), draw.randint(8, 30)
    last = a + (n - 1) * d
    value = n * (a + last) // 2
    text = f"What is the sum of the {n} numbers {a}, {a + d}, {a + 2 * d}, ..., {last}?"
    return _quiz(
        text,
        value,
        (n * (a + last), value + last + d, value - last, (n - 1) * (a + last) // 2),
        {"a": a, "d": d, "n": n},
    )


MAKERS: Mapping[int, Sequence[Maker]] = {
    1: (plus_minus, times),
    2: (precedence, signs, percentage),
    3: (sum_of_fractions, equation, rectangle),
    4: (powers, square, slope, mean),
    5: (logarithm, selection, derivative, residue, series),
}
