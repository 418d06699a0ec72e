"""Competition problems that are made: answers against other computations, questions that are no answers."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest

import agentrl
from agentrl.envs.competition import SUBJECTS, Competition
from agentrl.golds import gold_problem
from agentrl.types import Split, Task

OPTIONS = {"extract": "boxed"}
Facts = Mapping[str, Any]


def ratio(good: int, every: int) -> str:
    return f"{good}/{every}"


def exact(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def counted(items: Any) -> str:
    return str(sum(1 for _ in items))


def dice(f: Facts) -> str:
    sums = [i + j for i in range(1, f["sides"][0] + 1) for j in range(1, f["sides"][1] + 1)]
    meets = {"is": f["total"].__eq__, "is at most": f["total"].__ge__, "is greater than": f["total"].__lt__}[f["way"]]
    return ratio(sum(map(meets, sums)), len(sums))


def same_pairs(f: Facts) -> str:
    socks = [colour for colour, n in enumerate(f["counts"]) for _ in range(n)]
    pairs = list(itertools.combinations(socks, 2))
    return ratio(sum(a == b for a, b in pairs), len(pairs))


def heads(f: Facts) -> str:
    p = Fraction(f["p"])
    throws = itertools.product((0, 1), repeat=f["n"])
    return exact(sum(p ** sum(t) * (1 - p) ** (f["n"] - sum(t)) for t in throws if sum(t) == f["k"]) + Fraction(0))


def paths(f: Facts) -> str:
    ways: dict[tuple[int, int], int] = {(0, 0): 1}
    for x, y in itertools.product(range(f["end"][0] + 1), range(f["end"][1] + 1)):
        if (x, y) != (0, 0):
            ways[x, y] = 0 if [x, y] == f["hole"] else ways.get((x - 1, y), 0) + ways.get((x, y - 1), 0)
    return str(ways[f["end"][0], f["end"][1]])


def sums(n: int, k: int, low: int, high: int) -> int:
    return int(n == 0) if k == 0 else sum(sums(n - x, k - 1, low, high) for x in range(low, min(high, n) + 1))


def power(a: int, b: int, n: int) -> str:
    value = complex(a, b) ** n
    return f"{round(value.real)}+({round(value.imag)})i"


def zeros(n: int, base: int) -> str:
    value, found = math.factorial(n), 0
    while value % base == 0:
        value, found = value // base, found + 1
    return str(found)


def three_sides(f: Facts) -> str:
    a, b, c = f["sides"]
    s = Fraction(a + b + c, 2)
    square = s * (s - a) * (s - b) * (s - c)
    area = rf"\sqrt{{{square.numerator}/{square.denominator}}}"
    if f["asked"] == "area":
        return area
    inscribed = f["asked"] == "radius of the inscribed circle"
    return rf"\frac{{{area}}}{{{s}}}" if inscribed else rf"\frac{{{a * b * c}}}{{4{area}}}"


def root(square: int) -> str:
    return rf"\sqrt{{{square}}}"


def power_sum(f: Facts) -> str:
    p, q = f["p"], f["q"]
    return str({2: p * p - 2 * q, 3: p**3 - 3 * p * q, 4: (p * p - 2 * q) ** 2 - 2 * q * q}[f["k"]])


def divisor(f: Facts) -> str:
    a, b = f["pair"]
    if f["name"] == "gcd":
        return str(max(d for d in range(1, a + 1) if a % d == b % d == 0))
    return str(next(n for n in itertools.count(b, b) if n % a == 0))


def committee(f: Facts) -> str:
    women, men = (itertools.combinations(range(n), k) for n, k in (f["women"], f["men"]))
    return counted(itertools.product(women, men))


def apart(f: Facts) -> str:
    chosen = itertools.combinations(range(f["n"]), f["k"])
    return counted(c for c in chosen if all(b - a > 1 for a, b in itertools.pairwise(c)))


def together(f: Facts) -> str:
    friends, rows = set(range(f["k"])), itertools.permutations(range(min(f["n"], 7)))
    if f["n"] > 7:  # more rows than a test should count
        return ""
    side_by_side = sum(any(set(row[i : i + f["k"]]) == friends for i in range(f["n"])) for row in rows)
    return str(side_by_side if f["way"] == "side by side" else math.factorial(f["n"]) - side_by_side)


def at_least_one(f: Facts) -> str:
    rolls = list(itertools.product(range(1, f["sides"] + 1), repeat=f["n"])) if f["sides"] ** f["n"] < 50_000 else []
    return ratio(sum(max(roll) > f["sides"] - f["good"] for roll in rolls), len(rolls)) if rolls else ""


def onto(n: int, k: int) -> int:
    """Surjections, by the recurrence of the numbers of partitions."""
    return k * (onto(n - 1, k) + onto(n - 1, k - 1)) if n and k else int(n == k)


def largest(f: Facts) -> str:
    hands = list(itertools.combinations(range(1, f["n"] + 1), f["k"]))
    return ratio(sum(map(max, hands)), len(hands))


def solid(f: Facts) -> str:
    thirds = {"cylinder": 3, "cone": 1, "sphere": 4}[f["kind"]] * f["r"] ** 2 * (f["h"] or f["r"])
    return rf"{thirds}\pi/3"


def shoelace(f: Facts) -> str:
    corners = [*f["points"], f["points"][0]]
    return ratio(abs(sum(a * d - b * c for (a, b), (c, d) in itertools.pairwise(corners))), 2)


def boxes(f: Facts) -> str:
    (a, b), (c, d) = f["a"], f["b"]
    return ratio(a * (c + d), a * (c + d) + c * (a + b))


def midpoint(f: Facts) -> str:
    (a, b), (c, d) = f["points"]
    return f"({a}+({c}-{a})/2,{b}+({d}-{b})/2)".replace("--", "+").replace("+-", "-")


def arrangements(f: Facts) -> str:
    return counted(set(itertools.permutations(f["word"]))) if len(f["word"]) < 9 else ""


def polar(f: Facts) -> str:
    angle = rf"\frac{{{f['k']}\pi}}{{6}}"
    return rf"({f['r']}\cos{angle},{f['r']}\sin{angle})"


def cramer(f: Facts) -> str:
    (a, b, e), (c, d, g) = f["rows"]
    return f"({ratio(e * d - b * g, a * d - b * c)},{ratio(a * g - e * c, a * d - b * c)})"


def multiplied(f: Facts) -> str:
    value = math.prod(complex(*factor) for factor in f["factors"])
    return f"{round(value.real)}+({round(value.imag)})i"


def matrix(f: Facts) -> str:
    columns = list(zip(*f["b"], strict=True))
    rows = [[sum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in f["a"]]
    return r"\begin{bmatrix}" + r"\\".join("&".join(map(str, row)) for row in rows) + r"\end{bmatrix}"


COMPUTED: dict[str, Callable[[Facts], str]] = {  # from what was drawn, in another way and another spelling
    "linear": lambda f: ratio(f["c"] - f["b"], f["a"]),
    "value_at": lambda f: str(sum(c * f["x"] ** (2 - i) for i, c in enumerate(f["c"]))),
    "linear_both_sides": lambda f: ratio(f["d"] - f["b"], f["a"] - f["c"]),
    "product": lambda f: f"({f['a']}x+{f['b']})({f['c']}x+{f['d']})".replace("+-", "-"),
    "factors": lambda f: f"{f['a']}x^2+{f['a'] * f['s'] + f['r']}x+{f['r'] * f['s']}".replace("+-", "-"),
    "system": cramer,
    "real_roots": lambda f: rf"{f['p']}\pm\sqrt{{{f['n']}}}",
    "reciprocal_roots": lambda f: ratio(-f["b"], f["c"]),
    "power_sum": power_sum,
    "nested_root": lambda f: rf"{root(f['m'])}{f['sign']}{root(f['n'])}",
    "composed": lambda f: str(f["f"][0] * (f["g"][0] * f["x"] ** 2 + f["g"][2]) + f["f"][1]),
    "arithmetic_sum": lambda f: str(sum(f["a"] + i * f["d"] for i in range(f["n"]))),
    "logarithm": lambda f: ratio(f["n"], f["m"]),
    "trigonometric": lambda f: rf"\{f['name']} {f['degrees']}^\circ",
    "complex_product": multiplied,
    "matrix_product": matrix,
    "to_rectangular": polar,
    "complex_power": lambda f: power(f["a"], f["b"], f["n"]),
    "telescoping": lambda f: exact(sum((Fraction(1, k * (k + f["d"])) for k in range(1, f["n"] + 1)), Fraction(0))),
    "geometric_series": lambda f: ratio(f["a"] * f["q"], f["q"] - f["p"]),
    "divisor": divisor,
    "remainder": lambda f: str(f["pair"][0] * f["pair"][1] % f["m"]),
    "divisors": lambda f: counted(d for d in range(1, f["n"] + 1) if f["n"] % d == 0),
    "large_power": lambda f: str(f["a"] ** f["e"] % f["m"]),
    "congruences": lambda f: str(next(n for n in itertools.count(1) if all(n % m == r for m, r in f["moduli"]))),
    "inverse": lambda f: str(next(x for x in range(f["m"]) if f["a"] * x % f["m"] == 1)),
    "multiples": lambda f: counted(
        n for n in range(1, f["n"] + 1) if n % f["c"] and any(n % d == 0 for d in f["either"])
    ),
    "trailing_zeros": lambda f: zeros(f["n"], f["base"]),
    "outfits": lambda f: counted(itertools.product(*map(range, f["counts"]))),
    "queue": lambda f: str(math.factorial(f["n"]) // math.factorial(f["n"] - f["k"])),
    "committee": committee,
    "anagrams": arrangements,
    "together": together,
    "at_least_one": at_least_one,
    "grid_paths": lambda f: paths({"end": f["sides"], "hole": None}),
    "paths_around": paths,
    "positive_sums": lambda f: str(sums(f["n"], f["k"], 1, f["n"])),
    "bounded_sums": lambda f: str(sums(f["n"], f["k"], 0, f["most"])),
    "no_neighbours": apart,
    "onto": lambda f: str(onto(f["n"], f["k"])),
    "one_draw": lambda f: ratio(f["counts"][0], sum(f["counts"])),
    "two_dice": dice,
    "same_colour": same_pairs,
    "coins": heads,
    "two_boxes": boxes,
    "expected_largest": largest,
    "rectangle": lambda f: str(math.prod(f["sides"]) if f["asked"] == "area" else sum(f["sides"]) * 2),
    "third_angle": lambda f: str(180 - sum(f["angles"])),
    "hypotenuse": lambda f: root(f["legs"][0] ** 2 + f["legs"][1] ** 2),
    "distance": lambda f: root(sum((a - b) ** 2 for a, b in zip(*f["points"], strict=True))),
    "midpoint": midpoint,
    "interior_angle": lambda f: exact(180 - Fraction(360, f["n"])),
    "area_of_points": shoelace,
    "solid": solid,
    "equilateral": lambda f: rf"\frac{{{f['s']}^2\sqrt{{3}}}}{{4}}",
    "by_three_sides": three_sides,
    "chord": lambda f: root(4 * (f["r"] ** 2 - f["d"] ** 2)),
    "box_diagonal": lambda f: root(sum(side**2 for side in f["sides"])),
    "tangent_length": lambda f: root(f["between"] ** 2 - (f["s"] - f["r"]) ** 2),
    "circle": lambda f: rf"{f['d']}^2\pi/4" if f["asked"] == "area" else rf"{f['d']}\pi",
}
BY_POINTS = ("quadratic_inequality", "rational_inequality", "trigonometric_equation", "in_base")


def make(**options: Any) -> Competition:
    env = agentrl.make("competition", **options)
    assert isinstance(env, Competition)
    return env


def by_kind(split: Split = "train", each: int = 6) -> dict[str, list[Task]]:
    """Tasks of every kind."""
    found: dict[str, list[Task]] = {}
    for level in range(1, 6):
        for task in make(level=level).all_tasks(split)[:400]:
            tasks = found.setdefault(task.data["kind"], [])
            if len(tasks) < each:
                tasks.append(task)
    return found


TASKS = by_kind()


def value_of(task: Task) -> str:
    return str(task.answer["value"] if isinstance(task.answer, Mapping) else task.answer)


def grade(reply: str, answer: Any) -> float:
    return agentrl.grade("math", rf"\boxed{{{reply}}}", answer, **OPTIONS).score


def test_every_maker_is_drawn_and_checked() -> None:
    makers = {maker.__name__ for levels in SUBJECTS.values() for makers in levels.values() for maker in makers}
    assert set(TASKS) == makers == {*COMPUTED, *BY_POINTS}
    assert all(set(levels) == {1, 2, 3, 4, 5} for levels in SUBJECTS.values())


@pytest.mark.parametrize("kind", COMPUTED)
def test_answers_agree_with_another_computation(kind: str) -> None:
    for task in TASKS[kind]:
        computed = COMPUTED[kind](task.data["facts"])
        assert not computed or grade(value_of(task), computed) == 1.0, (task, computed)


INTERVAL = re.compile(r"([(\[])(-?\d+|-\\infty),(-?\d+|\\infty)([)\]])")


def holds(value: str, x: Fraction) -> bool:
    """Whether x is in a union of intervals, by its text."""
    found = False
    for left, low, high, right in INTERVAL.findall(value):
        above = "infty" in low or x > int(low) or (x == int(low) and left == "[")
        below = "infty" in high or x < int(high) or (x == int(high) and right == "]")
        found |= above and below
    return found


def test_inequalities_hold_at_every_half() -> None:
    halves = [Fraction(n, 2) for n in range(-40, 41)]
    for task in TASKS["quadratic_inequality"]:
        f = task.data["facts"]
        for x in halves:
            y = (x - f["r"]) * (x - f["s"])
            assert holds(value_of(task), x) == {"<": y < 0, r"\le": y <= 0, ">": y > 0, r"\ge": y >= 0}[f["sign"]]
    for task in TASKS["rational_inequality"]:
        f = task.data["facts"]
        for x in halves:
            assert holds(value_of(task), x) == (x != f["b"] and (x - f["a"]) / (x - f["b"]) <= 0)


def test_bases_and_angles() -> None:
    for task in TASKS["in_base"]:
        digits, base = re.fullmatch(r"(\d+)_\{(\d)\}", value_of(task)).groups()  # type: ignore[union-attr]
        assert int(digits, int(base)) == task.data["facts"]["n"]
    for task in TASKS["trigonometric_equation"]:
        angles = value_of(task).split(", ")
        assert len(angles) == 2
        for angle in angles:
            sine = rf"\sin\left({angle}\right)"
            assert grade(task.data["facts"]["value"], sine) == 1.0


@pytest.mark.parametrize("kind", TASKS)
def test_golds_are_usable_and_score_1(kind: str) -> None:
    env = make()
    for task in TASKS[kind]:
        assert gold_problem("math", task.answer, OPTIONS) == ""
        env.reset(options={"task": task})
        assert env.step(env.gold(task)[0])[1] == 1.0


@pytest.mark.parametrize("kind", TASKS)
def test_no_part_of_the_question_is_its_answer(kind: str) -> None:
    for task in TASKS[kind]:
        question = task.prompt[-1].content
        for part in (question, *re.findall(r"\$([^$]+)\$", question)):
            assert part == value_of(task) or grade(part, task.answer) == 0.0, (task, part)


def test_splits_share_no_problem_and_are_stable() -> None:
    train, test = (
        {f"{kind} {task.data['facts']}" for kind, tasks in by_kind(split, 400).items() for task in tasks}
        for split in ("train", "test")
    )
    assert len(test) > 500
    assert not train & test
    assert make(level=4).all_tasks("test")[:20] == make(level=4).all_tasks("test")[:20]


def test_levels_and_subjects_are_drawn_alike() -> None:
    tasks = make(level="1-2", subjects=("geometry", "counting")).all_tasks("train")[:800]
    drawn = Counter((t.data["level"], t.data["subject"]) for t in tasks)
    assert len(drawn) == 4
    assert min(drawn.values()) > 150
