"""Contest problems of algebra and precalculus; each maker poses one problem, or None where the numbers are not good."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from agentrl.envs._maths.latex import Posed, fraction, polynomial, radical, sum_with_radical

__all__ = ["ALGEBRA", "PRECALCULUS"]

Maker = Callable[[random.Random], "Posed | None"]


def _signed(draw: random.Random, most: int) -> int:
    """A number other than 0."""
    return draw.choice((-1, 1)) * draw.randint(1, most)


def linear(draw: random.Random) -> Posed:
    a, x, b = draw.randint(2, 12), _signed(draw, 15), _signed(draw, 30)
    return Posed(f"Solve for $x$: ${polynomial((a, b))} = {a * x + b}$.", str(x), {"a": a, "b": b, "c": a * x + b})


def value_at(draw: random.Random) -> Posed:
    c, x = [_signed(draw, 6) for _ in range(3)], _signed(draw, 6)
    value = (c[0] * x + c[1]) * x + c[2]
    return Posed(f"If $f(x) = {polynomial(c)}$, compute $f({x})$.", str(value), {"c": c, "x": x})


def linear_both_sides(draw: random.Random) -> Posed | None:
    a, b, c, d = draw.randint(2, 12), _signed(draw, 20), _signed(draw, 12), _signed(draw, 20)
    if a == c or (d - b) % (a - c) == 0:
        return None
    text = f"Solve for $x$: ${polynomial((a, b))} = {polynomial((c, d))}$. Express your answer as a common fraction."
    answer = {"value": fraction(Fraction(d - b, a - c)), "form": "simplest_fraction"}
    return Posed(text, answer, {"a": a, "b": b, "c": c, "d": d})


def product(draw: random.Random) -> Posed:
    a, b, c, d = draw.randint(1, 4), _signed(draw, 9), draw.randint(1, 4), _signed(draw, 9)
    text = f"Expand $({polynomial((a, b))})({polynomial((c, d))})$."
    answer = {"value": polynomial((a * c, a * d + b * c, b * d)), "form": "expanded"}
    return Posed(text, answer, {"a": a, "b": b, "c": c, "d": d})


def factors(draw: random.Random) -> Posed:
    a, r, s = draw.choice((1, 1, 2, 3)), _signed(draw, 9), _signed(draw, 9)
    while math.gcd(a, r) > 1:
        r = _signed(draw, 9)
    text = f"Factor ${polynomial((a, a * s + r, r * s))}$ completely."
    first, second = polynomial((a, r)), polynomial((1, s))
    value = f"({first})^2" if first == second else f"({first})({second})"
    return Posed(text, {"value": value, "form": "factored"}, {"a": a, "r": r, "s": s})


def quadratic_inequality(draw: random.Random) -> Posed:
    r, s = sorted(draw.sample(range(-9, 10), 2))
    sign = draw.choice(("<", r"\le", ">", r"\ge"))
    left, right = ("[", "]") if "e" in sign else ("(", ")")
    outside = rf"(-\infty,{r}{right}\cup{left}{s},\infty)"
    value = f"{left}{r},{s}{right}" if sign in ("<", r"\le") else outside
    text = f"Solve ${polynomial((1, -r - s, r * s))} {sign} 0$. Give the answer in interval notation."
    return Posed(text, {"value": value, "kind": "interval_union"}, {"r": r, "s": s, "sign": sign})


def system(draw: random.Random) -> Posed | None:
    a, b, c, d = (_signed(draw, 7) for _ in range(4))
    x, y = _signed(draw, 9), _signed(draw, 9)
    if a * d == b * c:
        return None
    first, second = (
        f"{polynomial((m, 0))}{polynomial((n, 0), 'y') if n < 0 else '+' + polynomial((n, 0), 'y')}"
        for m, n in ((a, b), (c, d))
    )
    e, f = a * x + b * y, c * x + d * y
    text = f"Solve the system ${first} = {e}$ and ${second} = {f}$. Give the answer as an ordered pair $(x, y)$."
    return Posed(text, {"value": f"({x},{y})", "kind": "tuple", "form": "evaluated"}, {"rows": [[a, b, e], [c, d, f]]})


def real_roots(draw: random.Random) -> Posed | None:
    p, n = draw.randint(-6, 6), draw.randint(2, 60)
    if math.isqrt(n) ** 2 == n:
        return None
    text = f"Find all real solutions of ${polynomial((1, -2 * p, p * p - n))} = 0$."
    answer = {"value": f"{sum_with_radical(p, n)}, {sum_with_radical(p, n, '-')}", "kind": "set"}
    return Posed(text, answer, {"p": p, "n": n})


def rational_inequality(draw: random.Random) -> Posed:
    a, b = draw.sample(range(-9, 10), 2)
    top, bottom = polynomial((1, -a)), polynomial((1, -b))
    value = rf"[{a},{b})" if a < b else rf"({b},{a}]"
    text = rf"Find all real $x$ with $\frac{{{top}}}{{{bottom}}} \le 0$. Give the answer in interval notation."
    return Posed(text, {"value": value, "kind": "interval_union"}, {"a": a, "b": b})


def power_sum(draw: random.Random) -> Posed:
    p, q, k = _signed(draw, 7), _signed(draw, 9), draw.choice((2, 3, 4))
    sums = [2, p]
    for _ in range(k - 1):
        sums.append(p * sums[-1] - q * sums[-2])
    text = f"Let $r$ and $s$ be the roots of ${polynomial((1, -p, q))} = 0$. Compute $r^{k} + s^{k}$."
    return Posed(text, str(sums[k]), {"p": p, "q": q, "k": k})


def nested_root(draw: random.Random) -> Posed | None:
    m, n = draw.randint(2, 15), draw.randint(1, 14)
    if m <= n or math.isqrt(m * n) ** 2 == m * n or math.isqrt(m) ** 2 == m:
        return None
    sign = draw.choice("+-")
    roots = f"{radical(m)}{sign}{radical(n)}"
    nested = rf"\sqrt{{{m + n}{sign}{radical(4 * m * n)}}}"
    text = f"Write ${nested}$ as a sum or difference of two terms in simplest radical form."
    return Posed(text, {"value": roots, "form": "simplest_radical"}, {"m": m, "n": n, "sign": sign})


def reciprocal_roots(draw: random.Random) -> Posed | None:
    a, b, c = draw.randint(2, 9), _signed(draw, 12), _signed(draw, 12)
    if b * b <= 4 * a * c or b % c == 0:
        return None
    asked = r"Find $\frac{1}{r} + \frac{1}{s}$ as a common fraction."
    text = f"Let $r$ and $s$ be the roots of ${polynomial((a, b, c))} = 0$. {asked}"
    answer = {"value": fraction(Fraction(-b, c)), "form": "simplest_fraction"}
    return Posed(text, answer, {"a": a, "b": b, "c": c})


# Precalculus.


def composed(draw: random.Random) -> Posed:
    a, b, c, d, x = _signed(draw, 6), _signed(draw, 9), _signed(draw, 3), _signed(draw, 9), _signed(draw, 5)
    text = f"Let $f(x) = {polynomial((a, b))}$ and $g(x) = {polynomial((c, 0, d))}$. Compute $f(g({x}))$."
    value = a * (c * x * x + d) + b
    return Posed(text, str(value), {"f": [a, b], "g": [c, 0, d], "x": x})


def arithmetic_sum(draw: random.Random) -> Posed:
    a, d, n = _signed(draw, 20), _signed(draw, 9), draw.randint(10, 40)
    shown = ", ".join(str(a + i * d) for i in range(3))
    text = f"Find the sum of the first {n} terms of the arithmetic sequence ${shown}, \\ldots$."
    return Posed(text, str(n * (2 * a + (n - 1) * d) // 2), {"a": a, "d": d, "n": n})


def logarithm(draw: random.Random) -> Posed | None:
    base, m, n = draw.choice((2, 3, 5)), draw.randint(2, 6), _signed(draw, 7)
    if n % m == 0 or (m, n) == (1, 1):
        return None
    inside = str(base**n) if n > 0 else rf"\frac{{1}}{{{base**-n}}}"
    text = rf"Evaluate $\log_{{{base**m}}} {inside}$."
    return Posed(text, {"value": fraction(Fraction(n, m)), "form": "evaluated"}, {"base": base, "m": m, "n": n})


_SINES = {0: "0", 30: r"\frac{1}{2}", 45: r"\frac{\sqrt{2}}{2}", 60: r"\frac{\sqrt{3}}{2}", 90: "1"}
_TANGENTS = {0: "0", 30: r"\frac{\sqrt{3}}{3}", 45: "1", 60: r"\sqrt{3}"}


def trigonometric(draw: random.Random) -> Posed | None:
    name, degrees = (
        draw.choice(("sin", "cos", "tan")),
        draw.choice([d for d in range(90, 720, 15) if d % 30 == 0 or d % 45 == 0]),
    )
    angle = (degrees + 90) % 360 if name == "cos" else degrees % 360
    if name == "tan":
        reduced = angle % 180
        if reduced == 90:
            return None
        value = _TANGENTS[min(reduced, 180 - reduced)]
        negative = reduced > 90
    else:
        reduced = angle % 180
        value = _SINES[min(reduced, 180 - reduced)]
        negative = angle > 180
    answer = {"value": f"-{value}" if negative and value != "0" else value, "form": "evaluated"}
    return Posed(rf"Compute $\{name} {degrees}^\circ$.", answer, {"name": name, "degrees": degrees})


def complex_number(a: int, b: int) -> str:
    """The number a + bi, as it is usually written."""
    imaginary = {1: "i", -1: "-i"}.get(b, f"{b}i")
    if b == 0 or a == 0:
        return str(a) if b == 0 else imaginary
    return f"{a}{'' if b < 0 else '+'}{imaginary}"


def complex_product(draw: random.Random) -> Posed:
    a, b, c, d = (_signed(draw, 9) for _ in range(4))
    text = f"Compute $({complex_number(a, b)})({complex_number(c, d)})$, where $i^2 = -1$."
    answer = {"value": complex_number(a * c - b * d, a * d + b * c), "form": "evaluated"}
    return Posed(text, answer, {"factors": [[a, b], [c, d]]})


def matrix_product(draw: random.Random) -> Posed:
    a, b = ([[draw.randint(-6, 6) for _ in range(2)] for _ in range(2)] for _ in range(2))
    c = [[sum(a[i][k] * b[k][j] for k in range(2)) for j in range(2)] for i in range(2)]
    text = f"Compute the matrix product ${_matrix(a)} {_matrix(b)}$."
    return Posed(text, {"value": _matrix(c), "kind": "matrix", "form": "evaluated"}, {"a": a, "b": b})


def _matrix(rows: Sequence[Sequence[int]]) -> str:
    inside = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    return rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}"


def geometric_series(draw: random.Random) -> Posed | None:
    a, p, q = draw.randint(1, 12), _signed(draw, 7), draw.randint(2, 9)
    if abs(p) >= q or math.gcd(p, q) > 1:
        return None
    terms = [Fraction(a) * Fraction(p, q) ** k for k in range(3)]
    shown = "".join(("" if t < 0 or k == 0 else " + ") + fraction(t) for k, t in enumerate(terms))
    text = f"Find the sum of the infinite geometric series ${shown} + \\cdots$ as a common fraction in lowest terms."
    answer = {"value": fraction(a / (1 - Fraction(p, q))), "form": "simplest_fraction"}
    return Posed(text, answer, {"a": a, "p": p, "q": q})


def to_rectangular(draw: random.Random) -> Posed:
    r, k = 2 * draw.randint(1, 9), draw.choice((1, 2, 4, 5, 7, 8, 10, 11))
    half, long = r // 2, radical(3 * (r // 2) ** 2)
    x = str(half) if k in (2, 4, 8, 10) else long
    y = str(half) if k in (1, 5, 7, 11) else long
    x, y = f"-{x}" if 3 < k < 9 else x, f"-{y}" if k > 6 else y
    angle = Fraction(k, 6)
    shown = rf"\frac{{{'' if angle.numerator == 1 else angle.numerator}\pi}}{{{angle.denominator}}}"
    text = rf"Convert the polar coordinates $\left({r}, {shown}\right)$ to rectangular coordinates $(x, y)$."
    return Posed(text, {"value": f"({x},{y})", "kind": "tuple", "form": "evaluated"}, {"r": r, "k": k})


def complex_power(draw: random.Random) -> Posed:
    a, b, n = _signed(draw, 3), _signed(draw, 3), draw.randint(4, 9)
    value = (1, 0)
    for _ in range(n):
        value = value[0] * a - value[1] * b, value[0] * b + value[1] * a
    text = f"Compute $({complex_number(a, b)})^{{{n}}}$, where $i^2 = -1$."
    return Posed(text, {"value": complex_number(*value), "form": "evaluated"}, {"a": a, "b": b, "n": n})


def telescoping(draw: random.Random) -> Posed:
    d, n = draw.randint(1, 4), draw.randint(10, 99)
    value = Fraction(1, d) * sum(Fraction(1, k) - Fraction(1, n + k) for k in range(1, d + 1))
    text = rf"Compute $\sum_{{k=1}}^{{{n}}} \frac{{1}}{{k(k+{d})}}$ as a common fraction."
    return Posed(text, {"value": fraction(value), "form": "simplest_fraction"}, {"d": d, "n": n})


_SINE_ANGLES = {  # where the sine has a value
    r"\frac{1}{2}": (r"\frac{\pi}{6}", r"\frac{5\pi}{6}"),
    r"-\frac{1}{2}": (r"\frac{7\pi}{6}", r"\frac{11\pi}{6}"),
    r"\frac{\sqrt{2}}{2}": (r"\frac{\pi}{4}", r"\frac{3\pi}{4}"),
    r"-\frac{\sqrt{2}}{2}": (r"\frac{5\pi}{4}", r"\frac{7\pi}{4}"),
    r"\frac{\sqrt{3}}{2}": (r"\frac{\pi}{3}", r"\frac{2\pi}{3}"),
    r"-\frac{\sqrt{3}}{2}": (r"\frac{4\pi}{3}", r"\frac{5\pi}{3}"),
}


def trigonometric_equation(draw: random.Random) -> Posed:
    value = draw.choice(sorted(_SINE_ANGLES))
    scale, shift = draw.randint(2, 9), _signed(draw, 9)
    shown = f"{scale} \\sin x {'+' if shift > 0 else '-'} {abs(shift)}"
    right = rf"{scale} \cdot \left({value}\right) {'+' if shift > 0 else '-'} {abs(shift)}"
    text = rf"Find all $x$ with $0 \le x < 2\pi$ and ${shown} = {right}$. Give them as a set."
    answer = {"value": ", ".join(_SINE_ANGLES[value]), "kind": "set", "form": "evaluated"}
    return Posed(text, answer, {"value": value, "scale": scale, "shift": shift})


ALGEBRA: Mapping[int, Sequence[Maker]] = {
    1: (linear, value_at),
    2: (linear_both_sides, product),
    3: (factors, quadratic_inequality, system),
    4: (real_roots, rational_inequality, reciprocal_roots),
    5: (power_sum, nested_root),
}
PRECALCULUS: Mapping[int, Sequence[Maker]] = {
    1: (composed,),
    2: (arithmetic_sum, logarithm),
    3: (trigonometric, complex_product),
    4: (matrix_product, geometric_series, to_rectangular),
    5: (complex_power, telescoping, trigonometric_equation),
}
