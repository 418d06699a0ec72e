r"""Usual spellings of money, quantities, times of day, bases, systems and matrices, and what each of them is not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from agentrl.registry import grade
from agentrl.verifiers._math.reader import read
from agentrl.verifiers._math.tree import Number, Quantity
from agentrl.verifiers._math.words import is_counted, time_of_day


def right(gold: str, said: str) -> bool:
    return grade("math", rf"\boxed{{{said}}}", gold).success


# A gold, what is right, and what is not.
ROWS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    r"\$5": (
        (
            *(r"\text{\$}5", r"\text{\$5.00}", r"\$ 5", r"\$\,5", "5 dollars", r"5\text{ dollars}", r"5\$", "5 USD"),
            *("USD 5", r"\text{USD }5", r"US\$5", r"\textdollar 5", r"\$5\text{ dollars}", r"\mathrm{\$}5"),
        ),
        (r"\text{\$}6", "€5", r"5\text{ cents}", "USD 6", r"\$5\text{ cents}", r"\$5\text{ cm}"),
    ),
    r"-\$5": ((r"\$-5", r"-\text{\$}5", r"\$(-5)", r"-5\text{ dollars}"), (r"\$5", r"\$-6")),
    r"\$32{,}500": ((r"\$32,500.00", r"\text{\$32,500}", "32,500 USD", r"\$32,\!500"), (r"\$32,50", "€32,500")),
    r"5\%": (
        (r"\text{5\%}", r"5\text{\%}", r"5\;\%", "5 percent", r"\text{5 percent}", "0.05", r"\text{5%}"),
        (r"6\%", "0.5"),
    ),
    r"66\frac23\%": ((r"66.\overline{6}\%", "66⅔%", "66 2/3%", r"\frac23", "66.666...%"), (r"66.67\%", "67%")),
    r"25\text{ cm}^2": (
        (
            *(
                "25 cm²",
                r"25\text{ cm²}",
                r"25\mathrm{~cm}^2",
                r"25\ \mathrm{cm^2}",
                r"25\ \mathrm{cm^{2}}",
                r"25{\rm cm}^2",
            ),
            *(
                r"25\ \rm cm^2",
                r"25(\text{cm}^2)",
                r"25\ (\mathrm{cm}^{2})",
                r"25\text{ sq. cm}",
                r"25\, \mathrm{cm}^{\,2}",
            ),
            *(
                r"25\text{ cm}\textsuperscript{2}",
                r"25~\text{cm}^{2}",
                r"\text{25 cm²}",
                r"25\hspace{0.2em}\text{cm}^2",
            ),
        ),
        ("26 cm²", "25 cm³", r"25\ \mathrm{m^{2}}", r"25\ \rm cm"),
    ),
    r"9.8\text{ m/s}^2": (
        (
            *(r"9.8\,\mathrm{m\,s^{-2}}", r"9.8\,\frac{\text{m}}{\text{s}^2}", r"9.8\,\text{m}\cdot\text{s}^{-2}"),
            *(r"9.8\text{ m/s²}", r"9.8\ \mathrm{m/s^{2}}", r"9.8\text{ m}\,\text{s}^{-2}"),
        ),
        (r"9.8\,\frac{\text{m}}{\text{s}}", r"9.8\text{ m}\,\text{s}^{2}", r"9.8\text{ m}\cdot\text{s}^{-1}"),
    ),
    r"60\text{ mph}": (
        (
            r"60\,\frac{\text{miles}}{\text{hour}}",
            r"60\text{ mi}\,\text{hr}^{-1}",
            r"60 \dfrac{\mathrm{mi}}{\mathrm{h}}",
        ),
        (r"60\,\frac{\text{hours}}{\text{mile}}", r"60\text{ mi hr}"),
    ),
    "17": (
        (
            *(
                r"17\text{ years old}",
                r"17\text{ chairs}",
                "17 windows",
                r"17\text{ pieces of candy}",
                r"17 \text{ kids}",
            ),
            *(
                r"17\text{ possible values}",
                r"17\text{ more apples}",
                r"17\text{ red balls}",
                r"17\text{ baseball cards}",
            ),
            *(
                r"\text{The answer is 17}",
                r"\text{Answer: 17}",
                r"17\text{ (cm)}"[:2],
                r"17\mathrm{~km}",
                r"17\,{\rm kg}",
            ),
        ),
        (
            *(
                r"17\text{ tens}",
                r"17\text{ thousandths}",
                r"17\text{ tenths}",
                r"17\text{ hundreds of chairs}",
                "17 dozens",
            ),
            *(r"17\text{ fewer chairs}", r"17\text{ or 18 chairs}", r"17\text{ and a half years}", r"17\text{ lakhs}"),
            *(
                r"17\text{ more}",
                r"17\text{ squared}",
                r"17\text{ at least students}",
                r"17\text{ halves}",
                "17x",
                "17m",
            ),
            *(r"\text{Answer: 18}", r"\text{The answer is 17 or 18}", r"18\text{ chairs}", r"17\text{ mod tens}"),
        ),
    ),
    "101_2": (
        (
            *(
                "(101)_2",
                "{101}_2",
                r"\left(101\right)_{2}",
                "101_{two}",
                r"101_{\text{base 2}}",
                r"101_{\text{base two}}",
            ),
            *(
                r"101\text{ base }2",
                r"101\text{ (base 2)}",
                r"101\text{ in base two}",
                "101 base 2",
                "101₂",
                r"\text{101 base 2}",
            ),
        ),
        ("(101)_3", "(110)_2", r"101\text{ base }3", "101", "5", r"\text{100 base 2}", "101 base two or 3"),
    ),
    "123_{10}": (("123", "123₁₀", r"123_{\text{ten}}"), ("123_4", "1230")),
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}": (
        (
            *(
                r"\begin{pmatrix} 1 & 2 \\[4pt] 3 & 4 \end{pmatrix}",
                r"\begin{bmatrix} 1 & 2 \\[0.5em] 3 & 4 \end{bmatrix}",
            ),
            *(
                r"\begin{pmatrix} 1 & 2 \cr 3 & 4 \end{pmatrix}",
                r"\left(\begin{smallmatrix}1&2\\3&4\end{smallmatrix}\right)",
            ),
            *(
                r"\begin{psmallmatrix}1&2\\3&4\end{psmallmatrix}",
                r"\begin{pmatrix}\phantom{-}1&2\\3&\phantom -4\end{pmatrix}",
            ),
        ),
        (r"\begin{pmatrix} 1 & 2 \\[4pt] 3 & 5 \end{pmatrix}", r"\begin{pmatrix} 1 & 3 \cr 2 & 4 \end{pmatrix}"),
    ),
    "y = 2x + 3": (
        (r"\mathbf{y = 2x + 3}", r"\text{y = 2x + 3}", "y−3＝2x"),
        (r"\mathbf{y = 2x - 3}", r"\text{x = 2y + 3}"),
    ),
    # Times of day.
    r"5:30\text{ p.m.}": (
        (
            *(
                "5:30 p.m.",
                "5:30 PM",
                r"5\!:\!30 \text{ p.m.}",
                r"5:30\text{ PM}",
                "5:30pm",
                "05:30 P.M.",
                r"\text{5:30 p.m.}",
            ),
            *("17:30", "5:30", "5{:}30 p.m."),
        ),
        ("5:30 a.m.", "1:6", "11:2", "5:31 PM", "18:30", "330", "11/2", "10:60", "5:30:01 p.m.", "6:30", "5:30x"),
    ),
    "10:05": (("10:05", "10:05 a.m.", "10:05 PM"), ("2:1", "10:06", "10:50", "20:10")),
    r"7\text{ a.m.}": (("7 AM", "7:00 a.m.", "7:00", r"7\text{ am}", "07:00", "7 a.m."), ("7 p.m.", "19:00", "8 AM")),
    r"7\text{ o'clock}": (("7:00", "7", r"7 \text{ o'clock}", "7:00 p.m."), ("8:00", "7:10")),
    r"\text{12:15 AM}": (("12:15 a.m.", "0:15"), ("12:15 PM", "13:15")),
    "1:06": (("1:06",), ("1:6", "1/6", "11:10")),
    "5:30": (("5:30",), ("1:6", "10:60")),
    "2:3": (("4:6", "2/3", "2 to 3"), ("3:2", "2:03")),
}


@pytest.mark.parametrize("gold", ROWS)
def test_spellings(gold: str) -> None:
    same, other = ROWS[gold]
    for said in same:
        assert right(gold, said), said
    for said in other:
        assert not right(gold, said), said


@pytest.mark.parametrize("name", ["chairs", "years old", "pieces of candy", "two-digit numbers", "months", "Chairs"])
def test_what_is_counted(name: str) -> None:
    assert is_counted(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "chair",
        "cross",
        "tens",
        "fifths",
        "millionths",
        "chairs or so",
        "no chairs",
        "5 chairs",
        "basis points",
    ],
)
def test_what_is_not_counted(name: str) -> None:
    assert not is_counted(name)


def test_a_time_of_day_is_hours_of_one_half_of_the_day() -> None:
    assert read("5:30 p.m.") == Quantity(Number(Fraction(11, 2)), "p.m.")
    assert read("00:05") == Quantity(Number(12 + Fraction(1, 12)), "a.m.")
    assert read(r"4\!:\!51\!:\!06 \text{ p.m.}") == Quantity(Number(4 + Fraction(51, 60) + Fraction(6, 3600)), "p.m.")


@pytest.mark.parametrize(
    "text", ["5:30", "24:05", "5:60 p.m.", "13:00 a.m.", "0:00 p.m.", "7 pm", "7 am", "5:5 p.m.", "x:05"]
)
def test_what_is_no_time_of_day(text: str) -> None:
    assert time_of_day(text) is None
