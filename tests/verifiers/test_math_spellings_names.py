r"""Names before an answer, `P(A) = 1/2` or `x = 1, y = 2`, and approximations after it."""

from __future__ import annotations

from typing import Any

import pytest

from agentrl.registry import grade


def right(gold: Any, said: str, **options: Any) -> bool:
    return grade("math", rf"\boxed{{{said}}}", gold, **options).success


NAMED = {
    "5": (
        *(
            "AB = 5",
            "|AB| = 5",
            r"\overline{AB} = 5",
            r"|\overline{AB}|=5",
            "[ABC] = 5",
            r"[\triangle ABC] = 5",
            "A'B' = 5",
        ),
        *(r"S_{\triangle ABC} = 5", r"\text{Area}(ABC) = 5", r"\text{Area of } \triangle ABC = 5", r"\|v\| = 5"),
        *("f(3) = 5", "f^{-1}(3) = 5", "f'(2) = 5", "f''(2)=5", "f(f(2)) = 5", r"(f \circ g)(2) = 5", "g_1(2) = 5"),
        *(
            "a_n = 5",
            "S_{10} = 5",
            "P(2) = 5",
            "p(-1) = 5",
            "E[X] = 5",
            r"\mathbb{E}[X] = 5",
            r"\det A = 5",
            r"\phi(6)=5",
        ),
        *(r"\text{Area} = 5", "Area = 5", "Total price = 5", r"\text{Total: } 5", r"\text{Total}: 5", "5 = x", "N=5"),
    ),
    "1/2": (
        *("P(A) = 1/2", r"P(A \cap B) = \frac12", "P(X=1) = 1/2", "P(A|B) = 1/2", r"P(A\mid B) = 1/2", r"\Pr(A) = 1/2"),
        *(r"\Pr[A] = 1/2", r"\mathbb{P}(A) = 1/2", r"\mathrm{P}(A)=1/2", r"P(\text{red}) = 1/2", r"P(X \le 2) = 1/2"),
        *(
            r"\cos A = 1/2",
            r"\sin\theta = 1/2",
            r"\cos \angle ABC = 1/2",
            r"\tan(\alpha) = 1/2",
            r"\text{Probability} = 1/2",
        ),
    ),
    r"60^\circ": (
        *(r"\angle A = 60^\circ", r"m\angle ABC = 60^\circ", r"\angle{ABC} = 60", r"m \angle A=60°", r"\theta = 60°"),
        *(r"\measuredangle A = 60^\circ", r"\angle \alpha = 60^\circ"),
    ),
    "2x": (r"\frac{dy}{dx} = 2x", "dy/dx = 2x", "y' = 2x", r"\frac{df}{dx}=2x", r"\frac{\partial f}{\partial x} = 2x"),
    "x^2+1": (
        "P(x) = x^2+1",
        "p(x)=x^2+1",
        r"Q\left(x\right) = x^2+1",
        "f^{-1}(x) = x^2+1",
        "y(x) = x^2 + 1",
        "y=x^2+1",
    ),
    "2n+1": ("a_n = 2n+1", "a(n) = 2n+1", "T(n) = 2n+1"),
    "(1,2)": (
        *("(x,y) = (1,2)", r"\left(x,y\right)=\left(1,2\right)", "(a,b)=(1,2)", "(y,x) = (2,1)", "P(1,2)", "P = (1,2)"),
        *("x=1, y=2", r"x = 1 \text{ and } y = 2", "x=1; y=2", r"x=1,\quad y=2", "y = 2, x = 1", "m=1, b=2"),
        *(r"\begin{cases}x=1\\y=2\end{cases}", r"\begin{aligned}x&=1\\y&=2\end{aligned}", r"(r,\theta)=(1,2)"),
        r"\vec{v} = (1,2)",
    ),
    "(1,2,3)": ("(x,y,z)=(1,2,3)", "x=1, y=2, z=3", "z=3, x=1, y=2", "(z,y,x) = (3,2,1)"),
    "(x,y)=(1,2)": ("(1,2)", "(y,x)=(2,1)"),
    "y=3": ("3", "3 = y"),
    r"\begin{pmatrix}1\\2\end{pmatrix}": (
        *(r"\vec{v} = \begin{pmatrix}1\\2\end{pmatrix}", r"\mathbf{v} = \begin{pmatrix}1\\2\end{pmatrix}"),
        *(r"\begin{pmatrix}x\\y\end{pmatrix} = \begin{pmatrix}1\\2\end{pmatrix}",),
        *(r"A^{-1} = \begin{pmatrix}1\\2\end{pmatrix}", r"\mathbf{A}^T = \begin{pmatrix}1\\2\end{pmatrix}"),
    ),
}


@pytest.mark.parametrize("gold", NAMED)
def test_a_name_before_the_answer(gold: str) -> None:
    for said in NAMED[gold]:
        assert right(gold, said), said


def test_a_name_needs_to_be_allowed() -> None:
    for gold in ("5", "1/2", "2x"):
        for said in NAMED[gold]:
            assert not right(gold, said, allow=["missing_unit"]), said


NOT_NAMED = [
    # A left side that could be computed or solved.
    *(("5", said) for said in ("x^2 = 5", "x^2+1=5", "2x = 5", "x-5 = 5", "|x| = 5", "xy = 5", "x+y = 5", "n! = 5")),
    *(("5", said) for said in (r"\sqrt{x} = 5", "3+2=6=5", "1=5", "x=5x", "x(2) = 5", "A^2 = 5", "A^{-1} = 5")),
    *(
        ("1/2", said)
        for said in (r"\sin x = 1/2", r"2\sin\theta = 1/2", "2P(A) = 1/2", "P(A)+P(B) = 1/2", r"\sin 2\theta=1/2")
    ),
    # Another value.
    *(("5", said) for said in ("|AB| = 6", "f^{-1}(3) = 6", "P(2) = 6", "Area = 6", r"\text{Total}: 6", "6 = x")),
    *(("1/2", said) for said in ("P(A|B) = 1/3", "P(X=1/2) = 1/3", r"\cos A = 1/3")),
    (r"60^\circ", r"\angle A = 61^\circ"),
    ("2x", r"\frac{dy}{dx} = 3x"),
    # Another order, or names for other values.
    *(("(1,2)", said) for said in ("(x,y)=(2,1)", "(y,x)=(1,2)", "x=2, y=1", "y=1, x=2", "P(2,1)", "(x,y,z)=(1,2)")),
    *(
        ("(1,2)", said)
        for said in ("(x,x)=(1,2)", "x=1, x=2", "x=1, 2", "x=1", "x=1 or y=2", "(x+1,y)=(1,2)", "(1,2)=(1,2)")
    ),
    ("(1,2,3)", "x=1, z=2, y=3"),
    ("[1,2]", "x=1, y=2"),
    # Another name than the gold's.
    ("y=3", "x=3"),
    ("P(A) = 1/2", "P(B) = 1/2"),
    (r"\angle A = 60^\circ", r"\angle B = 60^\circ"),
    ("(x,y)=(1,2)", "(a,b)=(1,2)"),
    ("AB = 5", "AC = 5"),
    (r"f^{-1}(3) = 5", "f^{-1}(4) = 5"),
]


@pytest.mark.parametrize(("gold", "said"), NOT_NAMED)
def test_what_is_no_name_or_names_something_else(gold: str, said: str) -> None:
    assert not right(gold, said)


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ("AB = 5", r"\overline{AB} = 5"),
        (r"\angle A = 60^\circ", r"m\angle{A} = 60°"),
        (r"\text{Area} = 5", "Area = 5"),
        ("P(A) = 1/2", "P(A)=0.5"),
        ("m=2, b=3", "b = 3, m = 2"),
        (r"\frac{dy}{dx} = 2x", r"\frac{dy}{dx} = x + x"),
    ],
)
def test_the_same_name_in_another_spelling(gold: str, said: str) -> None:
    assert right(gold, said)


ROUNDED = {"value": r"\sqrt2", "places": 2}


@pytest.mark.parametrize(
    ("gold", "said", "accepted"),
    [
        (r"\sqrt2", r"x = \sqrt2 ≈ 1.414", True),
        (r"\sqrt2", r"\sqrt{2} \approx 1.41\text{ cm}", True),
        (r"\sqrt2", r"x = \frac{2}{\sqrt2} = \sqrt2 \simeq 1.41", True),
        (r"\sqrt2", r"x \approx 1.414", False),
        (r"\sqrt2", r"x = 1.414 \approx \sqrt2", False),
        (r"\sqrt2", r"\sqrt3 \approx \sqrt2", False),
        (r"\sqrt2", r"\sqrt2 = 1.414", False),
        (r"\sqrt2", r"x = \sqrt2 = 1.414 \approx 1.41", False),
        ("1/3", r"\frac13 \approx 0.333", True),
        ("1/3", r"x \approx 0.333", False),
        ("8.24", r"x \approx 8.24", True),
        ("8.24", r"\approx 8.24\text{ mph}", True),
        ("8.24", r"x \approx 8.25", False),
        (r"\approx 8.24 \text{ mph}", "8.24", True),
        (r"\approx 8.24 \text{ mph}", "8.3", False),
        (ROUNDED, r"x = \sqrt2 \approx 1.41", True),
        (ROUNDED, r"x \approx 1.41", True),
        (ROUNDED, r"\approx 1.41", True),
        (ROUNDED, r"x = \sqrt3 \approx 1.41", False),
        (ROUNDED, r"x \approx 1.43", False),
    ],
)
def test_an_approximation_after_the_answer(gold: Any, said: str, accepted: bool) -> None:
    assert right(gold, said) is accepted
