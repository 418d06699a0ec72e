"""Comparison by type: what each type accepts, what it refuses, and the laws that hold for all of them."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.registry import grade
from agentrl.types import Verdict
from agentrl.verifiers._math import algebra, points
from agentrl.verifiers._math.answers import answer
from agentrl.verifiers._math.compare import Rounding
from agentrl.verifiers._math.kinds import KINDS, kind_of
from agentrl.verifiers._math.matching import matched
from agentrl.verifiers._math.regions import region
from agentrl.workers import Answer


def verdict(gold: Any, said: str, **options: Any) -> Verdict:
    return grade("math", rf"\boxed{{{said}}}", gold, **options)


def right(gold: Any, said: str, **options: Any) -> bool:
    return verdict(gold, said, **options).success


EQUAL = [
    (r"\log x", r"\lg x", r"\log_{10} x", r"\frac{\ln x}{\ln 10}"),
    (r"\log 2", r"\log_{10} 2"),
    ("(x+1)^2", "x^2+2x+1", "(1+x)(x+1)", r"x^{2} + 2 \cdot x + 1"),
    (r"\sqrt{12}", r"2\sqrt{3}", r"2 \cdot 3^{1/2}", r"\frac{6}{\sqrt3}"),
    (r"\frac{1+\sqrt5}{2}", r"\frac12+\frac{\sqrt5}{2}", "(1+√5)/2"),
    ("2i+3", "3+2i"),
    (r"\{1, \frac12\}", r"\{0.5, 1\}", r"\left\{ \dfrac12, 1 \right\}"),
    ("1, 2, 3", "3, 2, 1", r"2, 3 \text{ and } 1"),
    (r"(-\infty, 1) \cup (2, \infty)", r"(2,\infty)\cup(-\infty,1)", r"\mathbb{R} \setminus [1,2]"),
    ("0 < x < 5", "5 > x > 0", r"x > 0 \text{ and } x < 5"),
    ("y = 2x + 1", "2x - y + 1 = 0", "2y - 4x = 2", "y - 1 = 2x"),
    ("x + 2y < 4", "4 > x + 2y", "-x - 2y > -4", "2x < 8 - 4y"),
    (r"\begin{pmatrix} 1 & 1/2 \end{pmatrix}", r"\begin{bmatrix} 1 & 0.5 \end{bmatrix}"),
    ("2:3", "4:6"),
    (r"\frac{x^2-1}{x-1}", "x+1"),
    (r"5\sqrt2 \text{ km}", r"5000\sqrt2 \text{ m}"),
    (r"1 \pm \sqrt2", r"1-\sqrt2, 1+\sqrt2", r"x = 1 \pm \sqrt{2}"),
    (r"\sqrt{xy}", r"\sqrt{x}\sqrt{y}", r"\sqrt{y}\cdot\sqrt{x}"),
    ("|x|", r"\sqrt{x^2}", "|-x|"),
    (r"2\sqrt{x+1}", r"\sqrt{4x+4}"),
    (r"\frac{x\sin x}{\sin x}", "x"),
]


@pytest.mark.parametrize("spellings", EQUAL, ids=lambda s: s[0])
def test_equal_answers_are_equal_both_ways(spellings: tuple[str, ...]) -> None:
    for gold, said in itertools.permutations(spellings, 2):
        assert right(gold, said), (gold, said)


DIFFERENT = [
    (r"\ln x", r"\lg x"),
    (r"\ln x", r"\log x"),
    (r"\frac12\ln x", r"\lg\sqrt x"),
    (r"y=\ln x", r"y=\lg x"),
    (r"\log 2", r"\ln 2"),
    ("x", r"x+\max(0,\min(-x-5,x+6))"),
    ("x", r"x+10^{-90}(\sqrt{(x+6)^2}-x-6)"),
    ("(x+1)^2", "x^2+2x-1"),
    (r"\sqrt{12}", "3.4641016151377544"),
    (r"\pi", r"\frac{355}{113}"),
    ("e", "2.718281828459045"),
    (r"1-\frac1e", r"1+\frac1e"),
    (r"\{1,2\}", "(1,2)"),
    (r"\{1,2\}", "1"),
    ("(1,2)", "1, 2"),
    ("a=2, b=3", "3, 2"),
    ("a=2, b=3", "a=3, b=2"),
    ("[1,2]", "(1,2]"),
    ("(1,2,3)", "(1,2)"),
    (r"(1,2)\cup(2,3)", "(1,3)"),
    (r"[0,\infty)", r"x \ge 0"),
    ("x > 3", "y > 3"),
    ("x > 3", r"x \ge 3"),
    ("0 < x < 5", "0 < x > 5"),
    ("y = 2x + 1", "y = 2x - 1"),
    ("y = 2x + 1", "y = 2x + 1 = 3"),
    ("y = 2x + 1", "0 = 0"),
    ("y = 2x + 1", "2x + 1"),
    ("x + 2y < 4", r"x + 2y \le 4"),
    (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    ("2:30", "1:15"),
    ("2:3", "3:2"),
    ("5", "|{-5}|"),
    ("5", r"\sqrt{25}"),
    ("5", "x = 5 = 6"),
    ("6", "x = 5 = 6"),
    ("5", "5 or 6"),
    ("5", r"\pm 5"),
    ("5", "(5)(1)"),
    ("0.5", r"\frac{1}{2}\text{ million}"),
    (r"\$5", r"5\%"),
    (r"5\%", r"\$5"),
    (r"30^\circ", r"30 \text{ m}"),
    (r"\int x dx", "x^2/2"),
    (r"\frac12", r"\frac{d}{dx}\frac{x}{2}"),
    ("even", "odd"),
    ("15", "15 and 16"),
    (r"\infty", r"-\infty"),
    # Other far from where most points lie, or defined nowhere.
    ("x", r"\max(x,-100)"),
    ("x", r"\min(x,10^9)"),
    ("x", r"x+\max(0,-x-10^{300})"),
    ("x+y", r"\max(x+y,-10^6)"),
    ("x+100", r"\sqrt{(x+100)^2}"),
    ("x+100", r"\sqrt[4]{(x+100)^4}"),
    ("x", "0^x+x"),
    ("x", r"x+0\cdot\tan 90^\circ"),
    ("x", r"x+\frac{0}{\cos 90^\circ}"),
    ("x", r"x+0\cdot\arcsin 2"),
    ("x", r"x+0\cdot\ln(-1-x^2)"),
    ("x", r"x+\frac{0}{\sin^2 x+\cos^2 x-1}"),
    (r"\sqrt2", r"\sqrt2+\tan 90^\circ-\tan 90^\circ"),
]


@pytest.mark.parametrize(("gold", "said"), DIFFERENT)
def test_different_answers_are_incorrect(gold: str, said: str) -> None:
    assert verdict(gold, said).status == "incorrect"


def test_an_echo_of_the_question_is_no_solution() -> None:
    for gold, echo in (("x < 2", "2x + 3 < 7"), ("x = 5", "2x = 10"), ("[1,3]", r"|x-2| \le 1"), ("x = 5", "x = x")):
        assert verdict(gold, echo).status == "incorrect", echo


def test_every_link_of_a_chain_must_hold() -> None:
    assert right("36", "x = 12 * 3 = 36")
    assert right("0.5", "1/2 = 0.5")
    assert not right("36", "12 * 4 = 36")
    assert not right("36", "x = 12 * 4 = 36")
    assert right(r"\pi", r"\pi \approx 3.14")
    assert not right("3.14", r"\pi \approx 3.14")
    assert right("3.14", r"\pi \approx 3.14", rounding={"places": 2})


# Numbers under a tolerance: half a unit in the last place, on either side.


@pytest.mark.parametrize(
    ("gold", "said", "places", "accepted"),
    [
        ("0.125", "0.12", 2, True),
        ("0.125", "0.13", 2, True),
        ("0.125", "0.14", 2, False),
        ("2/3", "0.667", 3, True),
        ("2/3", "0.666", 3, False),
        ("2/3", "0.66666667", 2, True),
        (r"\sqrt2", "1.41", 2, True),
        (r"\sqrt2", "1.42", 2, False),
        ("7", "7.4", 0, True),
        (r"\sqrt2", "1.41+0i", 2, True),
        (r"\sqrt2", "1.41+0.001i", 2, False),
        (r"\sin\pi", "0.4", 0, True),
        (r"\sin\pi", "0.4i", 0, False),
        ("2i", "1.9i", 0, True),
        ("2i", "0.1+2i", 0, False),
        ("1+i", "1.2+0.9i", 0, True),
    ],
)
def test_decimal_places(gold: str, said: str, places: int, accepted: bool) -> None:
    assert right({"value": gold, "places": places}, said) == accepted
    assert right(gold, said, rounding={"places": places}) == accepted


@pytest.mark.parametrize(
    ("gold", "said", "figures", "accepted"),
    [("123456", "123000", 3, True), ("123456", "122000", 3, False), ("0.00123", "0.0012", 2, True)],
)
def test_significant_figures(gold: str, said: str, figures: int, accepted: bool) -> None:
    assert right({"value": gold, "figures": figures}, said) == accepted


@given(st.fractions(-100, 100, max_denominator=50), st.integers(0, 4))
def test_a_rounded_number_is_accepted_at_its_own_exactness(value: Fraction, places: int) -> None:
    scaled = value * 10**places
    for whole in (round(scaled), int(scaled + Fraction(1, 2)) if scaled >= 0 else -int(-scaled + Fraction(1, 2))):
        assert Rounding("places", places).accepts(value, Fraction(whole, 10**places))
    assert not Rounding("places", places).accepts(value, value + Fraction(2, 3 * 10**places))


def test_a_float_is_compared_without_its_noise() -> None:
    assert right(0.1 + 0.2, "0.3")
    assert right(1 / 3, "0.33333333333333")
    assert not right(1 / 3, "1/3")
    assert not right("0.333333333", "0.3333333333")


# Laws.

numbers = st.integers(-30, 30)


@given(st.lists(numbers, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_sets_have_no_order_and_tuples_have_one(items: list[int], rng: Any) -> None:
    turned = rng.sample(items, len(items))
    braces = r"\{{{}\}}"
    assert right(braces.format(", ".join(map(str, items))), braces.format(", ".join(map(str, turned))))
    assert right(f"({','.join(map(str, items))})", f"({', '.join(map(str, turned))})") == (items == turned)


@given(st.lists(numbers, min_size=1, max_size=5), st.lists(numbers, min_size=1, max_size=5))
def test_sets_are_equal_where_pythons_are(a: list[int], b: list[int]) -> None:
    left, said = (r"\{" + ",  ".join(map(str, part)) + r"\}" for part in (a, b))
    assert right(left, said) == (set(a) == set(b))
    assert right(left, said, kind="multiset") == (sorted(a) == sorted(b))


ends = st.tuples(numbers, st.integers(1, 9), st.sampled_from("(["), st.sampled_from(")]"))


@settings(deadline=None)
@given(st.lists(ends, min_size=1, max_size=4), st.lists(ends, min_size=1, max_size=4))
def test_unions_of_intervals_are_equal_where_their_points_are(
    a: list[tuple[int, int, str, str]], b: list[tuple[int, int, str, str]]
) -> None:
    texts = [r"\cup".join(f"{left}{low}, {low + size}{r}" for low, size, left, r in part) for part in (a, b)]
    found = [region(tree) for text in texts if (read := answer(text)) is not None and (tree := read.tree) is not None]
    points_a, points_b = ({x for part in side for x in covered(*part)} for side in (a, b))
    assert len(found) == 2
    assert found[0] is not None
    assert found[1] is not None
    same = found[0].cells == found[1].cells and [e.value for e in found[0].ends] == [e.value for e in found[1].ends]
    assert same == (points_a == points_b)


def covered(low: int, size: int, left: str, right_: str) -> set[Fraction]:
    """The integers and the halves between them that an interval covers: they tell such intervals apart."""
    inner = {Fraction(2 * low + step, 2) for step in range(1, 2 * size)}
    return inner | ({Fraction(low)} if left == "[" else set()) | ({Fraction(low + size)} if right_ == "]" else set())


def test_a_matching_is_not_a_zip_of_sorted_lists() -> None:
    near = [[1, 2], [1]]  # the first fits both, the second only one
    assert matched([0, 1], [1, 2], lambda a, b: b in near[a])
    assert not matched([0, 1, 1], [1, 2, 2], lambda a, b: b in near[a])


@pytest.mark.parametrize(
    "gold",
    ["5", "1/2", r"\sqrt2", "(1,2)", "[1,2)", r"\{1,2\}", "x^2", "y=2x", "x<1", r"50\%", "101_2", "B", r"\text{no}"],
)
def test_the_four_constant_policies(gold: str) -> None:
    constants = ["", "What is the answer? Give it in a box.", r"\boxed{0}", "x1! {" * 2000]
    assert [grade("math", text, gold).score for text in constants] == [0.0] * 4


def test_kinds() -> None:
    golds = {
        "5": "integer",
        "1/2": "rational",
        "0.5": "decimal",
        r"5\%": "percent",
        r"\$5": "money",
        "5 cm": "quantity",
        "1+i": "complex",
        r"2\pi": "expression",
        "y=2x": "equation",
        "x<2": "inequality",
        "(0,1]": "interval_union",
        r"\{1\}": "set",
        "1, 1": "multiset",
        "(1,2)": "tuple",
        r"\begin{pmatrix}1\end{pmatrix}": "matrix",
        "B": "choice",
        "blue": "text",
        "12_3": "base_n",
    }
    assert {gold: kind_of(read) for gold in golds if (read := answer(gold)) is not None} == golds
    assert set(golds.values()) == set(KINDS) - {"boolean"}


# How far a comparison may go.


def test_what_is_not_carried_out_never_reaches_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "same", lambda a, b: "same")
    assert verdict(r"\frac{\pi}{4}", r"\int_0^1 \frac{1}{1+x^2} dx").status == "incorrect"
    assert verdict(r"\frac{\pi}{4}", r"\lim_{n\to\infty} \frac{\pi n}{4n}").status == "incorrect"


def test_an_equation_that_says_nothing_never_reaches_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra, "compare", lambda *args, **named: "same")
    for gold, said in (("x = x", "2x = 2x"), ("7 = 7", "3 = 3"), ("7 = 8", "3 = 4"), ("y = 2x", "y - x = y - x")):
        assert verdict(gold, said).status == "incorrect", gold


def test_a_comparison_asks_algebra_a_few_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(points, "same", lambda a, b: "unknown")

    def call(function: str, argument: Any, timeout_s: float) -> Answer:
        asked.append(function)
        return Answer("done", "unknown", seconds=0.1)

    monkeypatch.setattr(algebra.workers, "call", call)
    items = ", ".join(rf"\sin {i}x" for i in range(1, 9))
    assert verdict(rf"\{{{items}\}}", rf"\{{{items.replace('x', 'y')}\}}").status == "resource_limit"
    assert asked == ["compare"] * algebra.MAX_CALLS


@pytest.mark.parametrize("status", ["timeout", "resource_limit"])
def test_what_takes_too_long_is_said_so_and_asked_again(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "same", lambda a, b: "unknown")
    monkeypatch.setattr(algebra, "compare", lambda *args, **named: status)
    gold, said = rf"\sin {len(status)}x", rf"\cos {len(status)}x"
    assert verdict(gold, said).status == status
    monkeypatch.setattr(algebra, "compare", lambda *args, **named: "same")
    assert verdict(gold, said).status == "correct", "a machine's limit is not remembered"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_same_verdict_from_another_process(method: str) -> None:
    rows = [(spellings[0], spellings[1]) for spellings in EQUAL[:4]] + DIFFERENT[:8]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        there = list(pool.map(grade, *zip(*(("math", rf"\boxed{{{b}}}", a) for a, b in rows), strict=True)))
    assert there == [verdict(*row) for row in rows]


def test_the_same_verdict_from_threads_and_from_asyncio() -> None:
    rows = [*((gold, said) for gold, said in DIFFERENT), *((row[0], row[1]) for row in EQUAL)]
    here = [verdict(*row) for row in rows]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda row: verdict(*row), rows)) == here

    async def there() -> list[Verdict]:
        return list(await asyncio.gather(*(asyncio.to_thread(verdict, *row) for row in rows)))

    assert asyncio.run(there()) == here
