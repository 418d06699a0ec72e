r"""What only changes the look of an answer does not change the answer: fonts, colours, spaces, marks, characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.registry import grade
from agentrl.verifiers._math.answers import answer
from agentrl.verifiers._math.lexer import plain


def right(gold: str, said: str) -> bool:
    return grade("math", rf"\boxed{{{said}}}", gold).success


# A frame around an answer: `@` is the answer.
FRAMES = [
    *(r"\color{red}{@}", r"{\color{red} @}", r"\textcolor{blue}{@}", r"\color[HTML]{FF0000}{@}", r"\colorbox{red}{@}"),
    *(r"\fcolorbox{red}{white}{@}", r"{\color{red}@}\color{black}", r"\mathbf{@}", r"\bm{@}", r"\boldsymbol{@}"),
    *(r"\textbf{@}", r"{\bf @}", r"\bf{@}", r"\bold{@}", r"\underline{@}", r"\underline{\underline{@}}", r"\emph{@}"),
    *(
        r"\textit{@}",
        r"\textup{@}",
        r"\textsf{@}",
        r"\mathtt{@}",
        r"\mathsf{@}",
        r"\mathrm{@}",
        r"{\rm @}",
        r"\text{@}",
    ),
    *(r"\mbox{@}", r"\hbox{@}", r"\text{ @ }", r"\textbf{\text{@}}", r"\mathbf{\text{@}}", r"\text{\textbf{@}}"),
    *(r"\displaystyle @", r"{\displaystyle @}", r"\mathbf{\displaystyle @}", r"\large @", r"\Large{@}", r"\huge @"),
    *(r"\smash{@}", r"\mathop{@}", r"\mathord{@}", r"\ensuremath{@}", r"\boxed{@}", r"\displaystyle\boxed{@}"),
    *(r"~@~", r"\ @\ ", r"\quad @", r"@\qquad", r"\enspace @", r"\,@\,", r"\;@", r"@\!", r"\hspace{1em}@"),
    *(r"\hspace*{0.5cm} @", r"@\vspace{2pt}", r"\phantom{-}@", r"@\phantom{00}", r"\vphantom{A}@", r"\phantom -@"),
    *(r"\strut @", r"@\hfill", r"@\label{a}", r"@\tag{1}", r"{}@", r"@{}", r"@^{}", r"@_{}", r"{@}", r"{{@}}"),
    *(r"= @", r"=@", r"\Rightarrow @", r"\implies @", r"\therefore @", "∴ @", r"\approx @", r"@ \checkmark", "@ ✓"),
    *(r"@ \blacksquare", "@ \\\\", "`@`", "$@$", "$$@$$", r"\(@\)", r"\[@\]", "**@**", "@.", r"x=\boxed{@}"),
    *("\u200b@", "@\ufeff", "\u3000@\u2003", r"\text{Answer: }@", r"\text{The answer is } @", r"\text{Answer} = @"),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_changes_nothing(frame: str) -> None:
    for gold, wrong in (("5", "6"), ("17", "71"), ("-3", "3")):
        assert right(gold, frame.replace("@", gold))
        assert not right(gold, frame.replace("@", wrong))


SPELLINGS = {
    # Characters.
    "5": ("５", "𝟓", "𝟝", "+5", "5.00", "005", "5_{10}"),
    "12": ("１２", "𝟏𝟐"),
    "-5": ("−5", "–5", "‐5", "－５", "﹣5"),
    r"\frac13": ("⅓", "1⁄3", "1∕3", "1÷3", "１／３"),
    r"\frac53": (
        "1⅔",
        "1 ⅔",
        r"1\tfrac23",
        r"1{\frac{2}{3}}",
        r"1\text{ }\frac{2}{3}",
        "1 {2 \\over 3}",
        "^5/_3",
        "5⁄3",
    ),
    r"\frac58": ("⅝",),
    r"\frac15": ("⅕", "20%"),
    r"-\frac12": ("-½", "−½", r"-{1 \over 2}"),
    r"\frac{5}{7}": (
        r"5 \over 7",
        r"{5 \over 7}",
        r"5\over7",
        r"\sfrac{5}{7}",
        r"\nicefrac57",
        r"{\displaystyle {5\over 7}}",
    ),
    r"\binom{10}{3}": (r"{10 \choose 3}",),
    r"\sqrt[3]{10}": ("∛10", "∛{10}", "10^{1/3}"),
    r"\sqrt2": ("√2", "2^½", r"\sqrt{\,2}"),
    "x^2": ("x²", "x**2", r"x^{\,2}"),
    "x^{-3}": ("x⁻³", "x^{−3}"),
    "x^{10}+1": ("x¹⁰+1", "x**10 + 1"),
    "10^{-3}": ("10⁻³", "0.001"),
    r"1.5\times10^{8}": ("1.5×10⁸", "1.5∗10^8", "1.5✕10⁸"),
    "x_1": ("x₁",),
    "x_{12}": ("x₁₂", "x_{1,2}"),
    r"x \le 2": ("x ≤ 2", "x ⩽ 2", "x ≦ 2", "x <= 2"),
    r"x \ge 2": ("x ⩾ 2", "x ≧ 2"),
    "x > 3": ("x＞3", "x ＞ ３"),
    r"x \ne 2": ("x ≠ 2", "x != 2", r"x \not= 2", r"x\not =2"),
    "30^\\circ": ("30º", "30°", "30˚", r"30^{\text{o}}", r"30^{o}", r"30\textdegree", r"30\degree"),
    r"(-\infty,1)\cup(2,\infty)": (
        *("(-∞, 1) ∪ (2, ∞)", "(-∞,1)⋃(2,∞)", "(-∞, 1) U (2, ∞)", r"(-\infty,1)\text{ U }(2,\infty)"),
        *(r"(-\infty,1)\bigcup(2,\infty)", r"(-\infty,1)\text{ or }(2,\infty)"),
    ),
    "(1,2)": (
        "（1，2）",
        "<1,2>",
        "⟨1,2⟩",
        "〈1,2〉",
        r"\left<1,2\right>",
        r"\langle 1,2 \rangle",
        r"\lparen 1,2 \rparen",
    ),
    "1,2,3": ("1，2，3", "1、2、3", r"\text{1, 2, and 3}"),
    "f(x)=2x": (r"f\left(x\right)=2x", r"y=f(x)=2x"[2:]),
    r"\{1,2\}": ("｛1，2｝",),
    "3:4": ("3∶4", "3 to 4", r"3\text{ to }4", r"3:\!4"),
    # Digits in groups, and decimals that go on.
    "1234567": (r"1\,234\,567", r"1\;234\;567", r"1\ 234\ 567", "1~234~567", r"1{,}234{,}567", r"1{\,}234{\,}567"),
    "20000": (r"20,\!000", r"20\!,\!000", "20,000", "20\u202f000"),
    r"\frac16": (
        r"0.1\overline{6}",
        r"0.1\overline6",
        r"0.1\bar{6}",
        r"0.1\dot{6}",
        "0.1666...",
        r"0.1666\ldots",
        "0.1666…",
    ),
    r"\frac13 ": ("0.(3)", "0.333...", r"0.\dot{3}", r"0.333\dots"),
    r"\frac17": (r"0.\dot{1}4285\dot{7}",),
    # Words.
    r"\emptyset": ("∅", r"\text{empty set}", r"\text{the empty set}", r"\left\{\right\}"),
    r"\infty": ("∞", "infinity", r"\text{infinity}", r"+\infty"),
    r"\ln 2": (r"\text{ln}\,2", r"\mathrm{ln}\,2", r"\operatorname{ln} 2", r"\text{ln }2"),
    r"\text{(B)}": (
        r"\text{Option B}",
        "Choice (B)",
        r"\textbf{(B)}",
        r"{\bf B}",
        r"\underline{B}",
        r"\textcolor{red}{B}",
    ),
    r"\text{Tuesday}": (r"{\rm Tuesday}", r"\textcolor{red}{\text{Tuesday}}", r"\underline{\text{tuesday}}"),
    r"1\pm\sqrt2": (r"1\mp\sqrt2", "1±√2"),
}


@pytest.mark.parametrize("gold", SPELLINGS)
def test_another_spelling_is_the_same_answer(gold: str) -> None:
    for said in SPELLINGS[gold]:
        assert right(gold, said), said
        assert right(said, gold), said


NEAR = [
    *((r"\frac13", said) for said in ("⅔", "1⅓", "0.33", "0.333", "0.33...", "0.(4)", r"0.\dot{4}", "3⁄1")),
    *(
        ("50", said)
        for said in (r"5\phantom{0}", r"5\phantom{0}0", r"5\hspace{1em}0", r"5{}0", r"5\color{red}{0}", "５")
    ),
    *(
        ("5", said)
        for said in (r"\phantom{5}", r"\hspace{5em}", r"\color{5}{6}", r"5^{}5", "5_{8}", r"5\quad 5", "6_{10}")
    ),
    *(("1000", said) for said in ("1 000", r"1\,00", "1.000", r"1\;0000", "10,00", r"1\quad 000")),
    *(("x^2", said) for said in ("x³", "x₂", "x*2", "x2")),
    *(("x^{12}", said) for said in ("x¹²³", "x¹^²", "x₁₂")),
    *((r"\frac{5}{7}", said) for said in (r"7 \over 5", r"{5 \over 7} \over 2", r"5 \over", r"x=5 \over 7")),
    *(("(1,2)", said) for said in (r"\left<2,1\right>", "<1,2", "1,2>", "[1,2]", r"\{1,2\}")),
    *((r"(-\infty,1)\cup(2,\infty)", said) for said in ("(-∞,1]U(2,∞)", "(-∞,1)∩(2,∞)", "(-∞,1),(2,∞)")),
    *((r"\{(1,2),(3,4)\}", said) for said in (r"(1,2)\cup(3,4)", "(1,2) U (3,4)")),
    *(("9", said) for said in ("1.5(6)", r"3\mp 6", "3 to 1")),
    *((r"\text{(B)}", said) for said in (r"\text{Option C}", "Options B", r"\text{Option B or C}")),
    *(("120", said) for said in ("5!=120=119", "5 != 120")),
    *((r"1\pm\sqrt2", said) for said in (r"1\mp\sqrt3", r"1+\sqrt2")),
]


@pytest.mark.parametrize(("gold", "said"), NEAR)
def test_a_near_spelling_is_another_answer(gold: str, said: str) -> None:
    assert not right(gold, said)


def test_choices_between_points_stay_points() -> None:
    assert right(r"(1,2) \text{ or } (3,4)", "(3,4), (1,2)")
    assert not right(r"(1,2) \text{ or } (3,4)", r"(1,2)\cup(3,4)")


@pytest.mark.parametrize("piece", ["x_", "2^-", "sqrt ", r"\sin-", r"\sqrt", r"\bm{", r"\text{", "½", "０.", r"\over "])
def test_what_repeats_without_end_is_refused(piece: str) -> None:
    verdict = grade("math", r"\boxed{" + piece * 170 + "1}", "1")
    assert verdict.status in ("malformed", "incorrect", "no_answer")


def test_the_limits_hold_for_what_characters_stand_for() -> None:
    assert answer("５" * 400) is not None
    assert answer("５" * 401) is None


@given(st.text(alphabet="\\{}$`=<>()[]_^.,:;!~ 019abmopx½⁻²₁−text\n", max_size=60))
def test_any_text_is_made_plain(text: str) -> None:
    assert len(plain(text)) <= 12 * len(text)
