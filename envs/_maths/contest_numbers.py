"""Contest problems of number theory, counting and probability; a maker gives None where the numbers are not good."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from agentrl.envs._maths.latex import Posed, fraction

__all__ = ["COUNTING", "NUMBER_THEORY", "PROBABILITY"]

Maker = Callable[[random.Random], "Posed | None"]


def _common_fraction(value: Fraction) -> dict[str, str]:
    return {"value": fraction(value), "form": "simplest_fraction"}


# Number theory.


def divisor(draw: random.Random) -> Posed:
    k = draw.randint(2, 30)
    a, b = k * draw.randint(2, 30), k * draw.randint(2, 30)
    name, word = draw.choice((("gcd", "greatest common divisor"), ("lcm", "least common multiple")))
    value = math.gcd(a, b) if name == "gcd" else math.lcm(a, b)
    return Posed(f"What is the {word} of {a} and {b}?", str(value), {"name": name, "pair": sorted((a, b))})


def remainder(draw: random.Random) -> Posed:
    a, b, m = draw.randint(20, 300), draw.randint(20, 300), draw.randint(5, 40)
    text = rf"What is the remainder when ${a} \cdot {b}$ is divided by {m}?"
    return Posed(text, str(a * b % m), {"pair": sorted((a, b)), "m": m})


def divisors(draw: random.Random) -> Posed:
    powers = {p: draw.randint(0, most) for p, most in ((2, 4), (3, 3), (5, 2), (7, 1))}
    n = math.prod(p**e for p, e in powers.items())
    text = f"How many positive divisors does {max(n, 2)} have?"
    return Posed(text, str(sum(1 for d in range(1, max(n, 2) + 1) if max(n, 2) % d == 0)), {"n": max(n, 2)})


def large_power(draw: random.Random) -> Posed:
    a, e, m = draw.randint(2, 30), draw.randint(20, 500), draw.choice((7, 9, 10, 11, 13, 17, 100))
    text = f"What is the remainder when ${a}^{{{e}}}$ is divided by {m}?"
    return Posed(text, str(pow(a, e, m)), {"a": a, "e": e, "m": m})


def in_base(draw: random.Random) -> Posed:
    n, base = draw.randint(20, 2000), draw.randint(3, 9)
    digits, rest = "", n
    while rest:
        digits, rest = str(rest % base) + digits, rest // base
    text = f"Write {n} in base {base}. Give the answer with its base as a subscript, as in $12_{{{base}}}$."
    return Posed(text, {"value": f"{digits}_{{{base}}}", "kind": "base_n"}, {"n": n, "base": base})


def congruences(draw: random.Random) -> Posed:
    p, q = draw.sample((5, 7, 8, 9, 11, 13), 2)
    n = draw.randint(2, p * q - 1)
    text = (
        f"Find the smallest positive integer that leaves remainder {n % p} when divided by {p} "
        f"and {n % q} when divided by {q}."
    )
    return Posed(text, str(n), {"moduli": sorted([[p, n % p], [q, n % q]])})


def inverse(draw: random.Random) -> Posed | None:
    m = draw.randint(11, 60)
    a = draw.randint(2, m - 1)
    if math.gcd(a, m) > 1:
        return None
    text = rf"Find the integer $x$ with $0 < x < {m}$ and ${a}x \equiv 1 \pmod{{{m}}}$."
    return Posed(text, str(pow(a, -1, m)), {"a": a, "m": m})


def multiples(draw: random.Random) -> Posed:
    n, (a, b, c) = draw.randint(200, 3000), draw.sample((2, 3, 5, 7, 11), 3)
    text = f"How many positive integers at most {n} are divisible by {a} or {b} but not by {c}?"
    value = n // a + n // b - n // (a * b) - n // (a * c) - n // (b * c) + n // (a * b * c)
    return Posed(text, str(value), {"n": n, "either": sorted((a, b)), "c": c})


def trailing_zeros(draw: random.Random) -> Posed:
    n, base = draw.randint(20, 400), draw.choice((6, 10, 12, 14, 15))
    ends = []
    for p in (2, 3, 5, 7):
        exponent = next(e for e in itertools.count() if base % p ** (e + 1))
        if exponent:
            ends.append(sum(n // p**k for k in range(1, 10)) // exponent)
    text = f"In how many zeros does ${n}!$ end when it is written in base {base}?"
    return Posed(text, str(min(ends)), {"n": n, "base": base})


# Counting.


def outfits(draw: random.Random) -> Posed:
    counts = [draw.randint(2, 12) for _ in range(draw.choice((2, 3)))]
    names = ("shirts", "hats", "pairs of shoes")
    shown = " and ".join(f"{n} {name}" for n, name in zip(counts, names, strict=False))
    text = f"Someone owns {shown}. In how many ways can one of each be chosen?"
    return Posed(text, str(math.prod(counts)), {"counts": counts})


def queue(draw: random.Random) -> Posed:
    n = draw.randint(4, 40)
    k = draw.randint(2, min(n, 4))
    text = f"In how many ways can {k} different medals be given to {k} of {n} runners?"
    return Posed(text, str(math.perm(n, k)), {"n": n, "k": k})


def committee(draw: random.Random) -> Posed:
    n, m, k, j = draw.randint(4, 10), draw.randint(4, 10), draw.randint(1, 4), draw.randint(1, 4)
    text = f"In how many ways can a committee be chosen that has {k} of {n} women and {j} of {m} men?"
    return Posed(text, str(math.comb(n, k) * math.comb(m, j)), {"women": [n, k], "men": [m, j]})


_WORDS = (
    *("BANANA", "LETTER", "COFFEE", "BALLOON", "PEPPER", "CANAL", "ROTOR", "MAMMAL", "ALGEBRA", "SUCCESS", "KAYAK"),
    *(
        "TOMATO",
        "POTATO",
        "PUPPY",
        "CARROT",
        "PARALLEL",
        "GEOMETRY",
        "DIVISION",
        "INTEGER",
        "NUMBER",
        "TENNIS",
        "LEVEL",
    ),
    *("STATISTICS", "COMMITTEE", "ELEVEN", "SEVEN", "THIRTEEN", "CIRCLE", "PYRAMID", "BUTTER", "FERRET", "GIRAFFE"),
)


def anagrams(draw: random.Random) -> Posed:
    word = draw.choice(_WORDS)
    value = math.factorial(len(word)) // math.prod(map(math.factorial, Counter(word).values()))
    return Posed(f"How many different arrangements do the letters of the word {word} have?", str(value), {"word": word})


def grid_paths(draw: random.Random) -> Posed:
    a, b = draw.randint(2, 9), draw.randint(2, 9)
    text = f"How many paths lead from $(0,0)$ to $({a},{b})$ if every step adds 1 to one of the two coordinates?"
    return Posed(text, str(math.comb(a + b, a)), {"sides": sorted((a, b))})


def together(draw: random.Random) -> Posed:
    n, k = draw.randint(4, 9), draw.randint(2, 3)
    way = draw.choice(("side by side", "not all side by side"))
    block = math.factorial(n - k + 1) * math.factorial(k)
    value = block if way == "side by side" else math.factorial(n) - block
    text = f"In how many ways can {n} people stand in a row so that {k} friends among them stand {way}?"
    return Posed(text, str(value), {"n": n, "k": k, "way": way})


def paths_around(draw: random.Random) -> Posed:
    a, b = draw.randint(4, 9), draw.randint(4, 9)
    c, d = draw.randint(1, a - 1), draw.randint(1, b - 1)
    text = (
        f"How many paths lead from $(0,0)$ to $({a},{b})$ without passing through $({c},{d})$, "
        "if every step adds 1 to one of the two coordinates?"
    )
    value = math.comb(a + b, a) - math.comb(c + d, c) * math.comb(a + b - c - d, a - c)
    return Posed(text, str(value), {"end": [a, b], "hole": [c, d]})


def positive_sums(draw: random.Random) -> Posed:
    n, k = draw.randint(8, 30), draw.randint(3, 5)
    unknown = " + ".join(f"x_{i}" for i in range(1, k + 1))
    text = f"How many solutions does ${unknown} = {n}$ have in positive integers?"
    return Posed(text, str(math.comb(n - 1, k - 1)), {"n": n, "k": k})


def bounded_sums(draw: random.Random) -> Posed | None:
    n, k, most = draw.randint(8, 20), draw.randint(3, 5), draw.randint(4, 8)
    ways = [1] + [0] * n
    for _ in range(k):
        ways = [sum(ways[max(0, total - most) : total + 1]) for total in range(n + 1)]
    if not ways[n]:
        return None
    unknown = " + ".join(f"x_{i}" for i in range(1, k + 1))
    text = f"How many solutions does ${unknown} = {n}$ have in integers from 0 to {most}?"
    return Posed(text, str(ways[n]), {"n": n, "k": k, "most": most})


def no_neighbours(draw: random.Random) -> Posed:
    n, k = draw.randint(8, 20), draw.randint(2, 4)
    text = f"In how many ways can {k} of {n} chairs in a row be chosen so that no two of them stand side by side?"
    return Posed(text, str(math.comb(n - k + 1, k)), {"n": n, "k": k})


def onto(draw: random.Random) -> Posed:
    n, k = draw.randint(4, 9), draw.randint(2, 4)
    value = sum((-1) ** i * math.comb(k, i) * (k - i) ** n for i in range(k + 1))
    text = f"In how many ways can {n} different balls be put into {k} different boxes so that no box stays empty?"
    return Posed(text, str(value), {"n": n, "k": k})


# Probability.

_AS_FRACTION = " Express your answer as a common fraction."


def one_draw(draw: random.Random) -> Posed:
    colours = draw.sample(("red", "blue", "green", "white", "black"), 3)
    counts = [draw.randint(2, 20) for _ in colours]
    shown = ", ".join(f"{n} {colour}" for n, colour in zip(counts, colours, strict=True))
    text = f"A bag holds these marbles: {shown}. One is drawn. What is the probability that it is {colours[0]}?"
    return Posed(text + _AS_FRACTION, _common_fraction(Fraction(counts[0], sum(counts))), {"counts": counts})


def two_dice(draw: random.Random) -> Posed:
    a, b = draw.choice((4, 6, 8, 12)), draw.choice((6, 8, 10, 20))
    total, way = draw.randint(4, a + b - 2), draw.choice(("is", "is at most", "is greater than"))
    good = {
        "is": range(total, total + 1),
        "is at most": range(total + 1),
        "is greater than": range(total + 1, a + b + 1),
    }
    ways = sum(i + j in good[way] for i in range(1, a + 1) for j in range(1, b + 1))
    text = (
        f"A fair die with {a} sides and one with {b} sides, each numbered from 1, are rolled. "
        f"What is the probability that the sum {way} {total}?"
    )
    return Posed(
        text + _AS_FRACTION,
        _common_fraction(Fraction(ways, a * b)),
        {"sides": sorted((a, b)), "way": way, "total": total},
    )


def same_colour(draw: random.Random) -> Posed:
    counts = [draw.randint(2, 9) for _ in range(3)]
    n = sum(counts)
    text = (
        f"A drawer holds {counts[0]} black, {counts[1]} white and {counts[2]} grey socks. Two are taken at random "
        "without looking. What is the probability that they have the same colour?"
    )
    value = Fraction(sum(math.comb(c, 2) for c in counts), math.comb(n, 2))
    return Posed(text + _AS_FRACTION, _common_fraction(value), {"counts": sorted(counts)})


def coins(draw: random.Random) -> Posed:
    n, p = draw.randint(4, 8), Fraction(1, draw.choice((2, 2, 3, 4)))
    k = draw.randint(1, n - 1)
    text = (
        f"A coin shows heads with probability ${fraction(p)}$. It is tossed {n} times. "
        f"What is the probability of exactly {k} heads?"
    )
    value = math.comb(n, k) * p**k * (1 - p) ** (n - k)
    return Posed(text + _AS_FRACTION, _common_fraction(value), {"n": n, "k": k, "p": str(p)})


def at_least_one(draw: random.Random) -> Posed:
    sides, n = draw.choice((4, 6, 8, 10, 12, 20)), draw.randint(2, 4)
    good = draw.randint(1, sides // 2)
    text = (
        f"A fair die with {sides} sides, numbered from 1, is rolled {n} times. "
        f"What is the probability that at least one roll shows a number greater than {sides - good}?"
    )
    value = 1 - Fraction(sides - good, sides) ** n
    return Posed(text + _AS_FRACTION, _common_fraction(value), {"sides": sides, "n": n, "good": good})


def two_boxes(draw: random.Random) -> Posed:
    (a, b), (c, d) = ((draw.randint(1, 9), draw.randint(1, 9)) for _ in range(2))
    text = (
        f"Box A holds {a} gold and {b} silver coins, box B {c} gold and {d} silver ones. A box is chosen at random, "
        "then a coin from it, and the coin is gold. What is the probability that it is from box A?"
    )
    first, second = Fraction(a, a + b), Fraction(c, c + d)
    return Posed(text + _AS_FRACTION, _common_fraction(first / (first + second)), {"a": [a, b], "b": [c, d]})


def expected_largest(draw: random.Random) -> Posed:
    n, k = draw.randint(4, 12), draw.randint(2, 3)
    text = (
        f"From the numbers 1 to {n}, {k} different ones are drawn at random. What is the expected value of the largest?"
        " Express your answer as a common fraction or a whole number."
    )
    return Posed(text, _common_fraction(Fraction(k * (n + 1), k + 1)), {"n": n, "k": k})


NUMBER_THEORY: Mapping[int, Sequence[Maker]] = {
    1: (divisor,),
    2: (remainder, divisors),
    3: (large_power, in_base),
    4: (congruences, inverse),
    5: (multiples, trailing_zeros),
}
COUNTING: Mapping[int, Sequence[Maker]] = {
    1: (outfits, queue),
    2: (committee,),
    3: (anagrams, grid_paths, together),
    4: (paths_around, positive_sums),
    5: (bounded_sums, no_neighbours, onto),
}
PROBABILITY: Mapping[int, Sequence[Maker]] = {
    1: (one_draw,),
    2: (two_dice,),
    3: (same_colour,),
    4: (coins, at_least_one),
    5: (two_boxes, expected_largest),
}
