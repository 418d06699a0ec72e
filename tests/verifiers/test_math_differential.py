"""2,000 pairs whose answer is known by construction: all are graded right, and Math-Verify differs only as listed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from agentrl.registry import grade

PAIRS = 2000
EVERY = 4  # of these, the share that Math-Verify is asked about: it takes milliseconds for each


@dataclass(frozen=True)
class Pair:
    """A gold, a reply, and whether they are equal."""

    kind: str
    gold: str
    reply: str
    equal: bool


Draw = Callable[[random.Random], tuple[str, str, str]]
"""A gold, a reply that equals it, and one that does not."""


def latex(value: Fraction) -> str:
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return str(value)
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def integers(rng: random.Random) -> tuple[str, str, str]:
    n = rng.randint(-(10**6), 10**6)
    spelt = rng.choice((f"{n}", f"{n:,}", f"{n}.0", f" {n} ", f"x = {n}"))
    return str(n), spelt, str(n + rng.choice((-1, 1, 10, 1000)))


def fractions(rng: random.Random) -> tuple[str, str, str]:
    value = Fraction(rng.randint(-99, 99), rng.randint(2, 60))
    times = rng.randint(1, 6)
    spelt = rng.choice(
        (f"{value.numerator * times}/{value.denominator * times}", latex(value).replace("frac", "dfrac"), latex(value))
    )
    return latex(value), spelt, latex(value + Fraction(1, rng.randint(2, 90)))


def decimals(rng: random.Random) -> tuple[str, str, str]:
    places = rng.randint(1, 4)
    units = rng.randint(1, 10**6)
    value = Fraction(units, 10**places)
    text = f"{units // 10**places}.{units % 10**places:0{places}d}"
    return text, rng.choice((text + "0", latex(value), text)), text + str(rng.randint(1, 9))


def tiny(rng: random.Random) -> tuple[str, str, str]:
    n, zeros = rng.randint(1, 8), rng.randint(7, 12)
    text = f"0.{'0' * zeros}{n}"
    return text, rf"\frac{{{n}}}{{1{'0' * (zeros + 1)}}}", f"0.{'0' * zeros}{n + 1}"


def rounded(rng: random.Random) -> tuple[str, str, str]:
    above, below = rng.randint(1, 20), rng.choice((3, 7, 11, 13))
    value = Fraction(above * below + 1, below)
    return latex(value), f"{value.numerator}/{below}", f"{float(value):.8f}"


def surds(rng: random.Random) -> tuple[str, str, str]:
    a, b, d = rng.randint(1, 9), rng.randint(2, 9), rng.choice((2, 3, 5, 6, 7, 10))
    gold = rf"{a}+{b}\sqrt{{{d}}}"
    spelt = rng.choice((rf"\sqrt{{{b * b * d}}}+{a}", rf"\frac{{{2 * a}+{2 * b}\sqrt{{{d}}}}}{{2}}"))
    return gold, spelt, rng.choice((rf"{a}-{b}\sqrt{{{d}}}", rf"{a + 1}+{b}\sqrt{{{d}}}", rf"{a}+{b}\sqrt{{{d + 1}}}"))


def polynomials(rng: random.Random) -> tuple[str, str, str]:
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    gold = f"(x+{a})(x-{b})"
    middle = f"{a - b:+d}x" if a != b else ""
    return gold, f"x^2{middle}-{a * b}", f"x^2{middle}-{a * b + 1}"


def rational_functions(rng: random.Random) -> tuple[str, str, str]:
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    gold = rf"\frac{{{a}}}{{x}}+\frac{{{b}}}{{y}}"
    return gold, rf"\frac{{{a}y+{b}x}}{{xy}}", rf"\frac{{{a}y+{b + 1}x}}{{xy}}"


def trigonometry(rng: random.Random) -> tuple[str, str, str]:
    k = rng.randint(2, 9)
    return rng.choice(
        (
            (rf"\sin({2 * k}x)", rf"2\sin({k}x)\cos({k}x)", rf"2\sin({k}x)"),
            (rf"{k}\pi", rf"\frac{{{2 * k}\pi}}{{2}}", rf"\frac{{{2 * k + 1}\pi}}{{2}}"),
            (rf"\ln {2**k}", rf"{k}\ln 2", rf"{k + 1}\ln 2"),
        )
    )


def sets(rng: random.Random) -> tuple[str, str, str]:
    items = rng.sample(range(-20, 20), rng.randint(2, 5))
    turned = rng.sample(items, len(items))
    other = [items[0] + 50, *items[1:]]
    gold, spelt, wrong = (r"\{" + ", ".join(map(str, part)) + r"\}" for part in (items, turned, other))
    return gold, spelt, rng.choice((wrong, r"\{" + ", ".join(map(str, items[1:])) + r"\}"))


def tuples(rng: random.Random) -> tuple[str, str, str]:
    a, b, c = rng.sample(range(-20, 20), 3)
    return f"({a}, {b}, {c})", rf"\left({a},{b},\frac{{{2 * c}}}{{2}}\right)", f"({b}, {a}, {c})"


def sets_for_pairs(rng: random.Random) -> tuple[str, str, str]:
    low = rng.randint(-9, 9)
    high = low + rng.randint(1, 9)
    return f"({low},{high})", rf"\left({low}, {high}\right)", rf"\{{{low},{high}\}}"


def intervals(rng: random.Random) -> tuple[str, str, str]:
    low = rng.randint(-9, 9)
    high = low + rng.randint(2, 9)
    return f"[{low},{high})", rf"x \in \left[{low}, {high}\right)", rng.choice((f"[{low},{high}]", f"({low},{high})"))


def unions(rng: random.Random) -> tuple[str, str, str]:
    low = rng.randint(-9, 0)
    high = rng.randint(1, 9)
    gold = rf"(-\infty,{low})\cup({high},\infty)"
    return gold, rf"({high},\infty)\cup(-\infty,{low})", rf"(-\infty,{low}]\cup({high},\infty)"


def equations(rng: random.Random) -> tuple[str, str, str]:
    m, c = rng.randint(2, 9), rng.randint(1, 9)
    return f"y={m}x+{c}", f"{m}x-y+{c}=0", f"{m}x-y+{c + 1}=0"


def inequalities(rng: random.Random) -> tuple[str, str, str]:
    a = rng.randint(1, 9)
    return f"x>{a}", f"{a}<x", rng.choice((rf"x\ge{a}", f"x<{a}"))


def percent(rng: random.Random) -> tuple[str, str, str]:
    n = rng.randint(1, 99)
    return rf"{n}\%", latex(Fraction(n, 100)), latex(Fraction(n, 10))


def chains(rng: random.Random) -> tuple[str, str, str]:
    n = rng.randint(2, 99)
    return str(n), rf"\frac{{{2 * n}}}{{2}}={n}", f"1=2={n}"


def powers(rng: random.Random) -> tuple[str, str, str]:
    n = rng.randint(60, 120)
    return rf"\frac{{1}}{{2^{{{n}}}}}", rf"\frac{{2}}{{2^{{{n + 1}}}}}", rf"\frac{{1}}{{2^{{{n + 1}}}}}"


def matrices(rng: random.Random) -> tuple[str, str, str]:
    a, b, c, d = (rng.randint(-9, 9) for _ in range(4))
    rows = r"\begin{{pmatrix}}{} & {} \\ {} & {}\end{{pmatrix}}"
    return rows.format(a, b, c, d), rows.format(a, b, c, f"{d}.0"), rows.format(a, b, c, d + 1)


def units(rng: random.Random) -> tuple[str, str, str]:
    n = rng.randint(1, 99)
    return rf"{n}\text{{ m}}", rf"{n}\text{{ m}}", rf"{n}\text{{ km}}"


KINDS: tuple[Draw, ...] = (
    integers, fractions, decimals, tiny, rounded, surds, polynomials, rational_functions, trigonometry, sets, tuples,
    sets_for_pairs, intervals, unions, equations, inequalities, percent, chains, powers, matrices, units,
)  # fmt: skip

# What Math-Verify 0.9 decides otherwise among the pairs it is asked about: (kind, what it says) to how often.
DIFFERENCES = {
    ("tiny", "accepts another answer"): 12,  # floats are rounded to six decimal places
    ("rounded", "accepts another answer"): 12,  # likewise, against a fraction
    ("powers", "accepts another answer"): 12,  # a difference under 10^-15 is chopped off
    ("sets_for_pairs", "accepts another answer"): 12,  # {1,2} for (1,2), read as an open interval
    ("chains", "accepts another answer"): 12,  # of 1=2=5 the last side is kept, the links are not checked
    ("units", "accepts another answer"): 12,  # both units are dropped
}


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    rng = random.Random(0)
    drawn = []
    for index in range(PAIRS):
        draw = KINDS[index // 2 % len(KINDS)]
        gold, right, wrong = draw(rng)
        equal = index % 2 == 0
        drawn.append(Pair(draw.__name__, gold, right if equal else wrong, equal))
    return drawn


def test_every_pair_is_graded_as_it_was_built(pairs: list[Pair]) -> None:
    wrong = [pair for pair in pairs if grade("math", rf"So \boxed{{{pair.reply}}}.", pair.gold).success != pair.equal]
    assert wrong == []
    assert sum(pair.equal for pair in pairs) == PAIRS // 2


ASK = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify
config = LatexExtractionConfig(
    boxed_match_priority=0, try_extract_without_anchor=False,
    normalization_config=NormalizationConfig(units=True, malformed_operators=False, boxed="last"),
)
def says(gold, reply):
    found = parse(reply, extraction_config=[config], extraction_mode="first_match", parsing_timeout=None)
    return bool(verify(parse(gold, parsing_timeout=None), found, timeout_seconds=None))
print(json.dumps([says(gold, reply) for gold, reply in json.load(sys.stdin)]))
"""


def math_verify(pairs: list[Pair]) -> list[bool]:
    """Its verdicts, from a process of its own that is killed if it takes too long."""
    asked = [(f"${pair.gold}$", rf"So $\boxed{{{pair.reply}}}$.") for pair in pairs]
    done = subprocess.run(
        [sys.executable, "-c", ASK], input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    said: Any = json.loads(done.stdout)
    return [bool(verdict) for verdict in said]


def test_math_verify_differs_only_where_it_is_known_to(pairs: list[Pair]) -> None:
    asked = [pair for index, pair in enumerate(pairs) if index // 2 // len(KINDS) % EVERY == 0]
    said = math_verify(asked)
    found = Counter(
        (pair.kind, "accepts another answer" if verdict else "rejects the answer")
        for pair, verdict in zip(asked, said, strict=True)
        if verdict != pair.equal
    )
    assert dict(found) == DIFFERENCES
