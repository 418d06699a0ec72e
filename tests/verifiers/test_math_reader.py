"""The reader of answers: what each spelling is as a tree, and that no text escapes its limits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.verifiers._math.answers import answer
from agentrl.verifiers._math.canonical import bare
from agentrl.verifiers._math.limits import MAX_CHARS, MAX_DEPTH, OverLimitError
from agentrl.verifiers._math.reader import read
from agentrl.verifiers._math.tree import (
    Apply,
    Based,
    Bracketed,
    Constant,
    Listing,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    SetOf,
    Symbol,
    Text,
    Union,
)


def short(node: Node | None) -> str:
    """A tree on one line."""
    match node:
        case None:
            return "none"
        case Number(value=value):
            return str(value)
        case Apply(op=op, args=args):
            return f"{op}({' '.join(map(short, args))})"
        case Bracketed(items=items, left=left, right=right):
            return left + " ".join(map(short, items)) + right
        case SetOf(items=items):
            return "{" + " ".join(map(short, items)) + "}"
        case Listing(items=items, words=words):
            return f"list{words and ':' + words}<{' '.join(map(short, items))}>"
        case Matrix(rows=rows):
            return "matrix<" + "; ".join(" ".join(map(short, row)) for row in rows) + ">"
        case Relation(sides=sides, ops=ops):
            return short(sides[0]) + "".join(f" {op} {short(side)}" for op, side in zip(ops, sides[1:], strict=True))
        case _:
            return shorter(node)


def shorter(node: Node) -> str:
    match node:
        case Union(parts=parts, op=op):
            return f"{op}<{' '.join(map(short, parts))}>"
        case Quantity(value=value, unit=unit):
            return f"{short(value)} [{unit}]"
        case Based(digits=digits, base=base):
            return f"{digits}_{base}"
        case Text(text=text):
            return repr(text)
        case Symbol(name=name) | Constant(name=name):
            return name
        case _:
            raise TypeError(node)


TREES = {
    # Numbers.
    "1/2": "div(1 2)",
    r"\frac12": "div(1 2)",
    r"\dfrac{1}{2}": "div(1 2)",
    r"1\frac12": "3/2",
    "-1 1/2": "neg(3/2)",
    "1 3/2": "none",
    r"2\frac{x}{3}": "mul(2 div(x 3))",
    "1,000": "1000",
    r"1{,}000": "1000",
    r"1\,000": "1000",
    r"20,\!000": "20000",
    "1, 234": "list<1 234>",
    "(1,234)": "(1 234)",
    "1,2": "list<1 2>",
    "1e-3": "1/1000",
    r"1.5 \times 10^{-3}": "mul(3/2 pow(10 neg(3)))",
    r"0.1\overline{6}": "1/6",
    "5½": "11/2",
    "2 3": "none",
    "x2": "none",
    "2 - -3": "add(2 3)",
    # Units.
    r"50\%": "50 [%]",
    r"-5\%": "neg(5) [%]",
    r"\$5.00": "5 [$]",
    r"-\$5": "neg(5) [$]",
    r"5\text{ cm}": "5 [cm]",
    "5 cm": "5 [cm]",
    r"440\text{ cm}^2": "440 [cm^2]",
    r"60\text{ km}/\text{h}": "60 [km/h]",
    r"80^{\circ}": "80 [degree]",
    "30°C": "30 [°C]",
    r"5\text{ million}": "5000000",
    r"\$5 million": "5000000 [$]",
    r"\$5\text{ cm}": "none",
    r"\text{12 cm}": "12 [cm]",
    r"\cos(60^\circ)": "cos(mul(60 div(pi 180)))",
    # Expressions.
    "xy": "mul(x y)",
    r"2\pi r": "mul(2 pi r)",
    "-x^2": "neg(pow(x 2))",
    "ab^2": "mul(a pow(b 2))",
    "1/2x": "mul(div(1 2) x)",
    "(x+1)(x-1)": "mul(add(x 1) add(x neg(1)))",
    "2^10": "pow(2 10)",
    r"\sqrt2": "root(2 2)",
    r"\sqrt[3]{2}": "root(2 3)",
    "√12": "root(12 2)",
    "|x-2|": "abs(add(x neg(2)))",
    r"\binom{10}{3}": "binomial(10 3)",
    r"\sin^2 x": "pow(sin(x) 2)",
    r"\sin^{-1} x": "arcsin(x)",
    r"\sin 2x\cos x": "mul(sin(mul(2 x)) cos(x))",
    r"\log_2 8": "log(8 2)",
    "3-2f(x)": "add(3 neg(mul(2 call:f(x))))",
    r"x_{12}+\alpha_1": "add(x_12 alpha_1)",
    r"1-\frac1{\mathrm e}": "add(1 neg(div(1 e)))",
    r"3\pm2\sqrt2": "plus_minus(3 mul(2 root(2 2)))",
    r"\int_0^1 x dx": "integral(mul(x d x) 0 1)",
    r"\sum_{k=1}^{9} k": "sum(k k = 1 9)",
    r"\frac{d}{dx}x^2": "none",
    "4!!": "none",
    # Collections.
    r"\{1,2\}": "{1 2}",
    r"\emptyset": "{}",
    r"(-\infty,3]\cup(4,\infty)": "cup<(neg(infinity) 3] (4 infinity)>",
    r"\mathbb{R}\setminus\{0\}": "minus<(neg(infinity) infinity) {0}>",
    r"2, 3, \text{ and } 4": "list:and<2 3 4>",
    r"x<1 \text{ or } x>2": "list:or<x < 1 x > 2>",
    r"\begin{pmatrix}1&-2\\0&1\end{pmatrix}": "matrix<1 neg(2); 0 1>",
    r"\begin{pmatrix}1&2\\0\end{pmatrix}": "none",
    r"\begin{vmatrix}1&2\\0&1\end{vmatrix}": "none",
    r"\langle 1,2\rangle": "(1 2)",
    r"\{x \mid x>1\}": "x > 1",
    r"1, 2, \ldots, n": "none",
    # Relations.
    "y=2x+1": "y = add(mul(2 x) 1)",
    r"1<x\le4": "1 < x <= 4",
    r"x\in[0,1]": "x in [0 1]",
    "1=2=5": "1 = 2 = 5",
    "2:3": "2 : 3",
    # Bases and words.
    "101_2": "101_2",
    r"\text{A5}_{11}": "A5_11",
    "102_2": "none",
    "even": "'even'",
    "CD": "'CD'",
    r"\text{(B)}": "'(B)'",
    r"\text{A,C,F}": "list<A C F>",
    r"\text{The answer is }3": "3",
}


@pytest.mark.parametrize("text", TREES)
def test_tree(text: str) -> None:
    assert short(read(bare(text))) == TREES[text]


def test_a_comma_between_digits_is_read_both_ways() -> None:
    assert short(read("1,234")) == "1234"
    assert short(read("1,234", "split")) == "list<1 234>"
    assert short(read("(1,000)")) == "1000", "an item does not begin with 0"


def test_a_number_keeps_how_it_was_spelt() -> None:
    assert read("0.50") == Number(Fraction(1, 2), "decimal", 2)
    assert read("5e-1") == Number(Fraction(1, 2), "scientific", 1)
    assert read(r"2\frac12") == Number(Fraction(5, 2), "mixed")


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^9}",
        "9^{9^{9^9}}",
        "10^{10^{10}}",
        "2^{10000}",
        "x^{10000}",
        "x^{x^x}",
        "2^{3!}",
        "10000!",
        "(10^9)!",
        r"\binom{10001}{2}",
        r"\binom{10^9}{5\cdot10^8}",
        "(2^{999})^{999}",
        "+".join("1" * 62),
        "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
        r"\sqrt" * (MAX_DEPTH + 1) + "2",
        r"\{" + ",".join("1" * 65) + r"\}",
        "1e401",
    ],
)
def test_what_would_be_large_is_over_the_limit(text: str) -> None:
    with pytest.raises(OverLimitError):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "2^{9999}",
        "x^{9999}",
        "2^{x^2}",
        "e^{-x^2/2}",
        r"\frac1{2004!}",
        r"\binom{10000}{2}",
        "+".join("1" * 61),
        "(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH,
        r"\{" + ",".join("1" * 64) + r"\}",
        "1e400",
    ],
)
def test_what_is_just_not_too_large_is_read(text: str) -> None:
    assert read(text) is not None


PIECES = (
    *("\\frac", "\\sqrt", "{", "}", "(", ")", "[", "]", "\\{", "\\}", "|", "^", "_", "!", "%", "\\$", "$", ",", "\\\\"),
    *("\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\int", "\\sum", "\\lim", "\\to", "\\cup", "\\in", "=", "<", "\\pm"),
    *("1", "23", "1,000", ".5", "x", "ab", "cm", "sin", "\\log", "\\text{ and }", "\\text{cm}", "or", "^\\circ", "f("),
    *("-", "+", "/", "\\cdot", " ", "\\mathbb{R}", "\\infty", "\\overline", "1e9", "\\langle", "√", "°"),
)
texts = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@settings(deadline=None, max_examples=400)
@given(texts)
def test_any_text_is_a_tree_or_none_or_over_the_limit(text: str) -> None:
    try:
        found = read(bare(text))
    except OverLimitError:
        return
    assert short(found)


@given(st.from_regex(r"-?[0-9]{1,9}[./][0-9]{1,9}", fullmatch=True))
def test_the_short_way_to_a_number_gives_what_the_reader_gives(text: str) -> None:
    found = answer(text)
    assert found is not None
    assert found.tree == read(text)
    above, _, below = text.partition("/")
    if int(below or "1"):
        assert found.value == (Fraction(int(above), int(below)) if below else Fraction(text))
    else:
        assert found.value is None


@settings(deadline=None, max_examples=200)
@given(texts)
def test_white_space_around_an_answer_does_not_matter(text: str) -> None:
    try:
        assert read(bare(text)) == read(bare(f" {bare(text)}\t\n"))
    except OverLimitError:
        return


def test_the_limit_on_characters_comes_first() -> None:
    assert bare("x" * MAX_CHARS)
    for text in ("x" * (MAX_CHARS + 1), "x" * 10**6, "9" * 401):
        with pytest.raises(OverLimitError):
            bare(text)
