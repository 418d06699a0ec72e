"""Contest problems of geometry; a maker gives None where the numbers are not good."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from agentrl.envs._maths.latex import Posed, fraction, radical, simplified_root

__all__ = ["GEOMETRY"]

Maker = Callable[[random.Random], "Posed | None"]


def _times_pi(value: Fraction) -> dict[str, str]:
    above = "" if value.numerator == 1 else str(value.numerator)
    shown = rf"{above}\pi" if value.denominator == 1 else rf"\frac{{{above}\pi}}{{{value.denominator}}}"
    return {"value": shown, "form": "in_terms_of_pi"}


def _radical(factor: Fraction, n: int) -> dict[str, str]:
    """A rational factor times the root of n."""
    outside, inside = simplified_root(n)
    factor *= outside
    if inside == 1:
        return {"value": fraction(factor), "form": "simplest_radical"}
    above = "" if factor.numerator == 1 else str(factor.numerator)
    root = rf"{above}\sqrt{{{inside}}}"
    shown = root if factor.denominator == 1 else rf"\frac{{{root}}}{{{factor.denominator}}}"
    return {"value": shown, "form": "simplest_radical"}


def rectangle(draw: random.Random) -> Posed:
    a, b = draw.randint(3, 60), draw.randint(3, 60)
    asked, value = draw.choice((("area", a * b), ("perimeter", 2 * (a + b))))
    text = f"A rectangle has sides of length {a} and {b}. What is its {asked}?"
    return Posed(text, str(value), {"sides": sorted((a, b)), "asked": asked})


def third_angle(draw: random.Random) -> Posed:
    a, b = draw.randint(15, 85), draw.randint(15, 85)
    text = (
        f"Two angles of a triangle measure ${a}^\\circ$ and ${b}^\\circ$. How many degrees does the third one measure?"
    )
    return Posed(text, str(180 - a - b), {"angles": sorted((a, b))})


def circle(draw: random.Random) -> Posed:
    d = draw.randint(2, 60)
    asked = draw.choice(("area", "circumference"))
    text = rf"A circle has diameter {d}. What is its {asked}, in terms of $\pi$?"
    return Posed(text, _times_pi(Fraction(d * d, 4) if asked == "area" else Fraction(d)), {"d": d, "asked": asked})


def hypotenuse(draw: random.Random) -> Posed:
    a, b = draw.randint(2, 20), draw.randint(2, 20)
    text = f"The legs of a right triangle have lengths {a} and {b}. Find the hypotenuse in simplest radical form."
    return Posed(text, _radical(Fraction(1), a * a + b * b), {"legs": sorted((a, b))})


def distance(draw: random.Random) -> Posed | None:
    a, b, c, d = (draw.randint(-9, 9) for _ in range(4))
    if (a, b) == (c, d):
        return None
    text = f"Find the distance between $({a},{b})$ and $({c},{d})$ in simplest radical form."
    return Posed(text, _radical(Fraction(1), (a - c) ** 2 + (b - d) ** 2), {"points": sorted([[a, b], [c, d]])})


def midpoint(draw: random.Random) -> Posed | None:
    a, b, c, d = (draw.randint(-20, 20) for _ in range(4))
    if (a + c) % 2 == 0 and (b + d) % 2 == 0:
        return None
    text = f"Find the midpoint of the segment from $({a},{b})$ to $({c},{d})$. Give it as an ordered pair."
    value = rf"\left({fraction(Fraction(a + c, 2))},{fraction(Fraction(b + d, 2))}\right)"
    return Posed(text, {"value": value, "kind": "tuple", "form": "evaluated"}, {"points": sorted([[a, b], [c, d]])})


def interior_angle(draw: random.Random) -> Posed:
    n = draw.randint(5, 120)
    text = (
        f"How many degrees does each interior angle of a regular polygon with {n} sides measure? "
        "Give a common fraction if it is not whole."
    )
    return Posed(text, {"value": fraction(Fraction(180 * (n - 2), n)), "form": "simplest_fraction"}, {"n": n})


def area_of_points(draw: random.Random) -> Posed | None:
    (a, b), (c, d), (e, f) = ((draw.randint(-9, 9), draw.randint(-9, 9)) for _ in range(3))
    twice = abs((c - a) * (f - b) - (e - a) * (d - b))
    if not twice:
        return None
    text = f"Find the area of the triangle with vertices $({a},{b})$, $({c},{d})$ and $({e},{f})$."
    answer = {"value": fraction(Fraction(twice, 2)), "form": "evaluated"}
    return Posed(text, answer, {"points": sorted([[a, b], [c, d], [e, f]])})


def solid(draw: random.Random) -> Posed:
    r, h, kind = draw.randint(2, 15), draw.randint(2, 20), draw.choice(("cylinder", "cone", "sphere"))
    size = f"radius {r}" if kind == "sphere" else f"radius {r} and height {h}"
    value = {"cylinder": Fraction(r * r * h), "cone": Fraction(r * r * h, 3), "sphere": Fraction(4 * r**3, 3)}[kind]
    text = rf"Find the volume of a {kind} with {size}, in terms of $\pi$."
    return Posed(text, _times_pi(value), {"kind": kind, "r": r, "h": 0 if kind == "sphere" else h})


def equilateral(draw: random.Random) -> Posed:
    s = draw.randint(3, 80)
    text = f"Find the area of an equilateral triangle with sides of length {s}, in simplest radical form."
    return Posed(text, _radical(Fraction(s * s, 4), 3), {"s": s})


def by_three_sides(draw: random.Random) -> Posed | None:
    """The area, the inradius or the circumradius of a triangle, from sixteen times its squared area."""
    a, b, c = sorted(draw.randint(3, 20) for _ in range(3))
    if a + b <= c:
        return None
    sixteen = (a + b + c) * (a + b - c) * (a - b + c) * (b + c - a)
    asked = draw.choice(("area", "radius of the inscribed circle", "radius of the circumscribed circle"))
    factors = {
        "area": Fraction(1, 4),
        "radius of the inscribed circle": Fraction(1, 2 * (a + b + c)),
        "radius of the circumscribed circle": Fraction(a * b * c, sixteen),
    }
    text = f"A triangle has sides of length {a}, {b} and {c}. Find the {asked} in simplest radical form."
    return Posed(text, _radical(factors[asked], sixteen), {"sides": [a, b, c], "asked": asked})


def chord(draw: random.Random) -> Posed:
    r = draw.randint(4, 30)
    d = draw.randint(1, r - 1)
    text = f"A chord of a circle with radius {r} is {d} away from the center. Find its length in simplest radical form."
    return Posed(text, _radical(Fraction(2), r * r - d * d), {"r": r, "d": d})


def box_diagonal(draw: random.Random) -> Posed:
    a, b, c = sorted(draw.randint(2, 15) for _ in range(3))
    text = f"A box measures {a} by {b} by {c}. Find the length of its space diagonal in simplest radical form."
    return Posed(text, {"value": radical(a * a + b * b + c * c), "form": "simplest_radical"}, {"sides": [a, b, c]})


def tangent_length(draw: random.Random) -> Posed | None:
    r, s = sorted((draw.randint(2, 12), draw.randint(2, 12)))
    gap = draw.randint(1, 12)
    if r == s:
        return None
    between = r + s + gap
    text = (
        f"Two circles with radii {r} and {s} have their centers {between} apart. Find the length of a common external "
        "tangent, between its points of contact, in simplest radical form."
    )
    return Posed(
        text, _radical(Fraction(1), math.prod((between - s + r, between + s - r))), {"r": r, "s": s, "between": between}
    )


GEOMETRY: Mapping[int, Sequence[Maker]] = {
    1: (rectangle, third_angle),
    2: (circle, hypotenuse),
    3: (distance, midpoint, interior_angle),
    4: (area_of_points, solid, equilateral, box_diagonal),
    5: (by_three_sides, chord, tangent_length),
}
