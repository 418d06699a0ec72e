"""The form of an answer: decided by what was written, never by its value."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.registry import grade
from agentrl.verifiers._math import algebra
from agentrl.verifiers._math.forms import Form, evaluated, holds
from agentrl.verifiers._math.polynomial import polynomial
from agentrl.verifiers._math.reader import read
from agentrl.verifiers._math.tree import Apply, Node, Number, Symbol
from agentrl.workers import Answer


def tree(text: str) -> Node:
    found = read(text)
    assert found is not None, text
    return found


TABLE: dict[Form, tuple[list[str], list[str]]] = {
    "factored": (
        [
            "(x-2)(x-3)",
            "(x-2)^2",
            "2(x+1)(x-1)",
            "-(x-1)(x+2)",
            "x(x+1)",
            "x^2(x+1)",
            "x^2+1",
            "(x^2+x+1)(x-1)",
            "x",
            "5x",
            "(x-y)(x+y)",
            "(x^2-2)(x^2+2)",
            r"\frac{(x-1)(x+2)}{x+3}",
            r"\frac12(x+1)",
            "(x^4+1)(x+1)",
            r"2^3\cdot 5",
            "7",
            "(a+b)(a^2-ab+b^2)",
            "3x^2(x+2y)",
            "-7",
            r"2\cdot 2\cdot 3",
        ],
        [
            "x^2-5x+6",
            "2x+4",
            "x^2+x",
            "x^2-y^2",
            "(x-1)(x^2-4)",
            "2(x^2-5x+6)",
            "40",
            r"4\cdot 5",
            "x^4+4",
            "x^3-1",
            "x^2-2x+1",
            "(2x+2)(x-1)",
            r"\sin x+1",
            "0.5",
            "1",
            "(x^2-1)^2",
        ],
    ),
    "expanded": (
        [
            "x^2-5x+6",
            "x",
            "5",
            "x^2+2xy+y^2",
            "-x^3+2",
            r"\frac{x}{2}+1",
            r"\sqrt2x+3",
            r"2\sin x+1",
            r"x^2+\frac1x",
            "0",
        ],
        ["(x-2)(x-3)", "(x+1)^2", "x(x+1)", "2(x+1)", "x+x", "x^2+2x+3x+6", "-(x+1)", r"\frac{x+1}{2}", "1+2"],
    ),
    "simplest_fraction": (
        [
            r"\frac34",
            r"-\frac34",
            r"\frac{-3}{4}",
            "7",
            "-7",
            "0",
            "3/4",
            r"\frac{x}{x+1}",
            r"\frac{x+1}{2}",
            r"\frac{x-1}{x^2+1}",
            "x+1",
            r"\frac{2x+1}{4}",
            r"x=\frac34",
            "x=6/8=3/4",
            r"\frac34\text{ cm}",
            r"x=3/4\text{ cm}",
            r"\{\frac12,\frac34\}",
            r"x=\frac12, x=-3",
            r"\pm\frac34",
            r"(-\infty,\frac34]",
        ],
        [
            r"\frac68",
            "0.75",
            r"1\frac12",
            r"\frac{3}{-4}",
            r"-\frac{-3}{4}",
            r"\frac71",
            r"\frac{x^2-1}{x-1}",
            r"\frac{2x}{4}",
            "3e2",
            r"\frac{0.5}{3}",
            "1+2",
            r"\frac{1+2}{4}",
            r"\frac{\frac12}{3}",
            r"\frac{x}{1}",
            r"\frac{0}{5}",
            "x=6/8",
            r"\frac68\text{ cm}",
            r"\{\frac12,\frac68\}",
            r"\pm\frac68",
            r"75\%",
            r"x<\frac34",
        ],
    ),
    "simplest_radical": (
        [
            r"\sqrt2",
            r"2\sqrt3",
            r"-2\sqrt3",
            r"1+\sqrt2",
            r"\frac{\sqrt2}{2}",
            r"\frac{1+\sqrt5}{2}",
            "5",
            r"\frac34",
            r"\sqrt[3]{2}",
            r"5\sqrt[3]{4}",
            r"\frac{3\sqrt2}{4}",
            r"\frac12+\frac{\sqrt3}{2}",
            r"\sqrt6",
            r"2x\sqrt{x}",
            r"3-2\sqrt{2}",
            r"i\sqrt3",
            r"\sqrt{x+1}",
            r"\frac{\sqrt2-\sqrt3}{5}",
            r"x=1\pm2\sqrt3",
        ],
        [
            r"\sqrt{12}",
            r"\frac{1}{\sqrt2}",
            r"\frac{2\sqrt2}{4}",
            r"\sqrt2\sqrt3",
            r"\sqrt2+\sqrt2",
            r"\sqrt{\frac12}",
            r"\sqrt4",
            r"\sqrt[4]{4}",
            r"\sqrt[3]{16}",
            r"\frac{2+2\sqrt5}{4}",
            "1.5",
            r"\sqrt{0.5}",
            r"\sqrt{x^3}",
            r"\frac{1}{1+\sqrt2}",
            r"\frac{\sqrt2}{1}",
            r"1+2\sqrt2+3",
            r"\sqrt{1}",
            r"1\pm\sqrt{12}",
        ],
    ),
    "in_terms_of_pi": (
        [r"25\pi", r"\pi", r"\frac{3\pi}{2}", r"6.25\pi", r"10+2\pi", r"A=25\pi\text{ cm}^2", r"A=25\pi\approx78.5"],
        ["78.5", "25", r"\sum_{k=1}^{3}\pi", r"5^2\pi", r"\frac{157}{2}", r"\pi+24\arccos(-1)", r"x\approx78.5"],
    ),
    "evaluated": (
        [
            "128",
            r"\sqrt2",
            "x^2",
            r"\frac34",
            r"2\pi",
            "n!",
            r"3\times10^8",
            "x^2+2x",
            r"2^{n}",
            r"\frac{1}{x^3}",
            r"2^{\frac12}",
            "-5",
            r"\log_2 5",
            r"\ln2",
            "e^2",
            "e^{-1}",
            "(e-1)^2",
            "e(e+1)",
            r"1+\sqrt2",
            r"\sqrt{12}",
            r"2(1+\sqrt3)",
            r"(1+\sqrt2)(1+\sqrt3)",
            r"\frac{1+\sqrt5}{2}",
            r"\frac12+\frac{\sqrt5}{2}",
            r"\frac{2}{\sqrt3}",
            r"\frac{\pi}{3}+\sqrt3",
            r"\frac43\pi",
            r"3\cdot\frac{\pi}{4}",
            r"\frac13\pi+\frac12",
            r"10\ln10-2\ln2-8",
            r"2\ln3-\ln2",
            r"\sin10^\circ",
            r"\tan15^\circ",
            r"\arctan2",
            r"\sqrt{2+\sqrt2}",
            r"\sqrt2i",
            r"\frac{1-i}{2}",
            r"3-2i",
            "x=128",
            "x=2^7=128",
            r"128\text{ cm}",
            r"\frac{4}{3}\pi r^3",
            r"2x(x+1)",
            r"3\times10^{-8}\text{ m}",
            r"45^\circ",
        ],
        [
            "2^7",
            "5!",
            r"\binom{10}{3}",
            r"\sum_{k=1}^{4}k",
            r"\int_0^1 x^2 dx",
            r"\prod_{k=1}^{3}k",
            r"\lim_{x\to0}x",
            r"3+2^{10}",
            r"\frac{1}{2^5}",
            r"\sqrt{2^3}",
            "|-5|",
            r"\gcd(4,6)",
            # Functions whose values are known.
            r"\sin30^\circ",
            r"\cos^2\frac{\pi}{6}",
            r"\arcsin\frac12",
            r"\arctan1",
            r"\ln e^2",
            r"\log_4 8",
            r"e^{2\ln3}",
            r"1+\sqrt{25}",
            r"8^{\frac23}",
            r"|-\sqrt2|",
            # Terms and factors that go together.
            r"\sqrt3+\sqrt3",
            r"\sqrt2+\sqrt8",
            r"\pi+\pi",
            r"1+2+\sqrt2",
            r"1+0+\sqrt2",
            "x+x^2+0",
            "x+2x",
            r"(1+\sqrt2)+(\sqrt2-1)",
            r"\ln6-\ln3",
            "1+2i+2",
            r"\sqrt{2+3}",
            "e^{1+1}",
            r"2\cdot3\pi",
            r"2\cdot\frac{\sqrt3}{2}",
            r"\frac12\cdot\frac{\pi}{3}",
            r"\sqrt2\cdot\sqrt3",
            r"e\cdot e",
            r"(1+\sqrt2)(3-\sqrt2)",
            r"(1+\sqrt2)^2",
            r"(2\sqrt3)^2\pi",
            "(2+i)(2-i)",
            "i^3",
            r"\frac{\sqrt6}{\sqrt2}",
            r"\frac{\pi^2}{\pi}",
            r"(\sqrt2+\sqrt3+\sqrt5+\sqrt7+\sqrt{11}+\sqrt{13}+\sqrt{17})^{50}",
        ],
    ),
}


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, (good, _) in TABLE.items() for text in good])
def test_form_holds(form: Form, text: str) -> None:
    assert holds(form, tree(text))


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, (_, bad) in TABLE.items() for text in bad])
def test_form_does_not_hold(form: Form, text: str) -> None:
    assert not holds(form, tree(text))


def test_the_table_has_every_form() -> None:
    assert set(TABLE) == set(get_args(Form))


@pytest.mark.parametrize("text", ["(1,2)", r"\{1,2\}", "x=3", "x<3", r"\text{even}", "1, 2", r"5\text{ cm}"])
@pytest.mark.parametrize("form", get_args(Form))
def test_any_kind_of_answer_may_be_asked_about(form: Form, text: str) -> None:
    assert holds(form, tree(text)) in (True, False)


def test_inside_a_collection_all_must_be_evaluated() -> None:
    assert evaluated(tree("(1,8)"))
    assert not evaluated(tree("(1,2^3)"))


def large(op: str, *args: Node | int) -> Apply:
    return Apply(op, tuple(Number(Fraction(arg)) if isinstance(arg, int) else arg for arg in args))


# A reply that is finished may still leave more than the gold does.

REPLIES: list[tuple[Form, str, str, bool]] = [
    ("evaluated", r"\frac{\sqrt6-\sqrt2}{4}", r"\sin15^\circ", False),
    ("evaluated", r"\sin15^\circ", r"\cos75^\circ", True),
    ("evaluated", r"1+\arctan2", r"\arctan2+1", True),
    ("evaluated", r"3\ln2", r"\ln8", True),
    ("evaluated", r"\log_2 5", r"\frac{\ln5}{\ln2}", True),
    ("evaluated", r"\sqrt2-1", r"\frac1{1+\sqrt2}", False),
    ("evaluated", r"\sqrt2-1", r"-1+\sqrt2", True),
    ("evaluated", r"\frac1{1+\sqrt2}", r"\sqrt2-1", True),
    ("evaluated", r"\frac{1-i}{2}", r"\frac1{1+i}", False),
    ("evaluated", r"\frac{e}{e-1}", r"1+\frac{1}{e-1}", True),
    ("evaluated", r"\frac1e", "e^{-1}", True),
    ("evaluated", "128", r"x=2^7=128", True),
    ("in_terms_of_pi", r"25\pi", r"A=25\pi\approx78.54", True),
    ("in_terms_of_pi", r"25\pi", r"25\pi\text{ cm}^2", True),
    ("simplest_fraction", r"\frac34", "x = 3/4", True),
    ("simplest_fraction", r"\frac34\text{ cm}", r"\frac34\text{ cm}", True),
    ("simplest_fraction", r"\frac34", "x = 6/8", False),
    ("simplest_fraction", r"\frac34", r"\frac34=\frac68", False),
    ("simplest_fraction", r"\frac34", r"\frac68=\frac34", True),
    ("simplest_fraction", r"\frac34", r"75\%", False),
    ("simplest_fraction", r"(\frac12,\frac34)", r"(\frac12,\frac68)", False),
    ("factored", "(x-2)(x+2)", "x^2-4=(x+2)(x-2)", True),
    ("factored", "(x-2)(x+2)", "(x-2)(x+2)=x^2-4", False),
]


@pytest.mark.parametrize(("form", "gold", "said", "accepted"), REPLIES)
def test_the_form_of_a_reply(form: Form, gold: str, said: str, accepted: bool) -> None:
    verdict = grade("math", rf"\boxed{{{said}}}", gold, form=form)
    assert verdict.status == ("correct" if accepted else "incorrect")


X = Symbol("x")
HOSTILE: list[Node] = [
    large("pow", large("add", X, 1), 10**9),
    large("pow", 10, large("pow", 10, large("pow", 10, 10))),
    large("factorial", 10**9),
    large("root", (10**12 + 39) * (10**12 + 61), 2),
    Number(Fraction(10**300 + 1)),
    large("mul", *(large("add", Symbol(f"x_{k}"), 1) for k in range(60))),
    large("pow", large("add", *(Symbol(f"x_{k}") for k in range(40))), 150),
]


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize("index", range(len(HOSTILE)))
def test_hostile_trees_end(form: Form, index: int) -> None:
    assert holds(form, HOSTILE[index]) in (True, False)


def test_what_takes_too_long_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra.workers, "call", lambda *args, **named: Answer("timeout"))
    assert not holds("factored", tree("x^4+x^3+x^2+x+7"))  # it is irreducible, but nobody found out
    monkeypatch.undo()
    assert holds("factored", tree("x^4+x^3+x^2+x+7"))


@given(st.integers(-99, 99), st.integers(1, 99))
def test_fractions(above: int, below: int) -> None:
    lowest = Fraction(above, below) == Fraction(above) / below and Fraction(above, below).denominator == below
    assert holds("simplest_fraction", tree(rf"\frac{{{above}}}{{{below}}}")) == (lowest and below > 1)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4))
def test_products_of_linear_factors(roots: list[int]) -> None:
    product = tree(r"\cdot ".join(f"(x-({root}))" if root else "x" for root in roots))
    assert holds("factored", product)
    assert holds("expanded", product) == (not any(roots) or (len(roots) == 1 and roots[0] > 0))
    found = polynomial(product)
    assert found is not None
    assert found.degree == len(roots)
