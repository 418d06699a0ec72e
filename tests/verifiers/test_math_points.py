"""The random-point test: what it calls the same is the same, and no number that it meets is large."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.verifiers._math import encode, exact, fields, numeric
from agentrl.verifiers._math.points import same
from agentrl.verifiers._math.reader import read
from agentrl.verifiers._math.tree import Apply, Bracketed, Constant, Node, Number, SetOf, Symbol

X, Y, PI = Symbol("x"), Symbol("y"), Constant("pi")


def number(value: int | Fraction) -> Number:
    return Number(Fraction(value))


def apply(op: str, *args: Node | int | Fraction) -> Apply:
    return Apply(op, tuple(number(arg) if isinstance(arg, int | Fraction) else arg for arg in args))


def tree(text: str) -> Node:
    found = read(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        # Rational functions: decided.
        ("x^2-1", "(x-1)(x+1)", "same"),
        ("x^2-1", "x^2", "different"),
        ("x^2+2x+1", "(x+1)^2", "same"),
        (r"\frac{x^2-1}{x-1}", "x+1", "same"),
        (r"\frac1x+\frac1y", r"\frac{x+y}{xy}", "same"),
        ("x^{-2}", r"\frac1{x^2}", "same"),
        ("x+y", "x+z", "different"),
        ("x^0", "1", "same"),
        ("(x+1)^{99}", "(x+2)^{99}", "different"),
        ("0.5x", r"\frac x2", "same"),
        ("0.333333x", r"\frac x3", "different"),
        # Numbers: exact.
        (r"\frac1{2^{98}}", r"\frac1{2^{99}}", "different"),
        (r"\frac1{2^{98}}", r"\frac2{2^{99}}", "same"),
        (r"\frac1{906!}", r"\frac1{904!}", "different"),
        (r"\frac{10!}{8!}", "90", "same"),
        (r"\binom{10}{3}", "120", "same"),
        ("10^{-400}", "0", "different"),
        # Square roots and i: exact.
        (r"\sqrt8", r"2\sqrt2", "same"),
        (r"\frac1{\sqrt2}", r"\frac{\sqrt2}2", "same"),
        (r"\frac{1}{1+\sqrt2}", r"\sqrt2-1", "same"),
        (r"\frac{1}{\sqrt2+\sqrt3+\sqrt5}", r"\frac{2\sqrt3+3\sqrt2-\sqrt{30}}{12}", "same"),
        (r"\sqrt2\cdot\sqrt3", r"\sqrt6", "same"),
        (r"\sqrt2+\sqrt3", r"\sqrt5", "different"),
        (r"\sqrt2", "1.41421356237309504880", "different"),
        (r"\sqrt{-4}", "2i", "same"),
        ("i^2", "-1", "same"),
        ("(1+i)(1-i)", "2", "same"),
        (r"\frac{1}{1+i}", r"\frac{1-i}{2}", "same"),
        ("4^{3/2}", "8", "same"),
        (r"8^{\frac23}", "4", "same"),
        (r"\sqrt[4]{9}", r"\sqrt3", "same"),
        (r"\sqrt[3]{-8}", "-2", "same"),
        (r"(-8)^{\frac13}", "-2", "same"),
        (r"\sqrt[3]{-2}", r"(-2)^{1/3}", "same"),
        (r"\sqrt[3]{-2}", r"-2^{1/3}", "unknown"),
        (r"(x+\sqrt2)^2", r"x^2+2\sqrt2x+2", "same"),
        (r"(x+\sqrt2)^2", r"x^2+2", "different"),
        # Pi, e and functions: variables of their own, equal where their arguments are.
        (r"2\pi+\frac{\pi}2", r"\frac{5\pi}2", "same"),
        (r"2\pi", r"2\pi+10^{-30}", "different"),
        (r"\pi", "3.14159265358979323846264338327950288", "different"),
        (r"\frac{e^2+e}{e}", "e+1", "same"),
        (r"2\sin(2x)", r"\sin(x+x)+\sin(2x)", "same"),
        (r"3\ln2-\ln2", r"2\ln2", "same"),
        (r"\sqrt[3]2+\sqrt[3]2", r"2\sqrt[3]2", "same"),
        (r"e^{x}\cdot e^{x}", r"(e^{x})^2", "same"),
        (r"\sin x", r"\cos x", "different"),
        (r"\ln(x+1)", r"\ln x+1", "different"),
        (r"\log_2 8", "4", "different"),
        # Only algebra can tell.
        (r"\sin^2 x+\cos^2 x", "1", "unknown"),
        (r"\sqrt{x^2}", "x", "unknown"),
        (r"\log(x^2)", r"2\log x", "unknown"),
        (r"\sqrt[3]{16}", r"2\sqrt[3]{2}", "unknown"),
        (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", "unknown"),
        (r"\log_2 8", "3", "unknown"),
        # Nothing to compare.
        (r"\frac10", "0", "unknown"),
        (r"\frac{1}{x-x}", r"\frac{1}{x-x}", "unknown"),
        ("0^0", "1", "unknown"),
        (r"0\cdot\ln0", "0", "unknown"),
        (r"x+0\cdot\tan90^\circ", "x", "unknown"),
        (r"x+\tan90^\circ-\tan90^\circ", "x", "unknown"),
        (r"x+\frac{0}{\cos90^\circ}", "x", "unknown"),
        (r"x+0\cdot\arcsin2", "x", "unknown"),
        (r"x+0\cdot\sqrt{-1-x^2}", "x", "unknown"),
        (r"x+0\cdot0^x", "x", "unknown"),
        (r"x+\tan180^\circ-\tan180^\circ", "x", "same"),
        (r"\frac{x\sin x}{\sin x}", "x", "same"),
        (r"\sum_{k=1}^{4}k", "10", "unknown"),
        (r"\int_0^1 x dx", r"\frac12", "unknown"),
        (r"x\pm1", r"x\pm1", "unknown"),
        (r"\infty", r"\infty", "unknown"),
    ],
)
def test_pairs(a: str, b: str, verdict: str) -> None:
    assert same(tree(a), tree(b)) == verdict
    assert same(tree(b), tree(a)) == verdict


def test_only_expressions_are_compared() -> None:
    pair = (number(1), number(2))
    assert same(Bracketed(pair), Bracketed(pair)) == "unknown"
    assert same(SetOf(pair), SetOf(pair)) == "unknown"


TOWER = apply("pow", 10, apply("pow", 10, apply("pow", 10, 10)))
HOSTILE: dict[str, Node] = {
    "tower": TOWER,
    "tower of nines": apply("pow", 9, apply("pow", 9, apply("pow", 9, apply("pow", 9, 9)))),
    "tower of x": apply("pow", X, apply("pow", X, TOWER)),
    "factorial": apply("factorial", 10**9),
    "factorial of a factorial": apply("factorial", apply("factorial", 100)),
    "binomial": apply("binomial", 10**9, 5 * 10**8),
    "power": apply("pow", apply("add", X, 1), 10**9),
    "root": apply("root", 2, 10**9),
    "exponential": apply("exp", apply("exp", apply("exp", 1000))),
    "angle": apply("sin", apply("pow", 10, 9999)),
    "two primes": apply("root", (10**12 + 39) * (10**12 + 61), 2),
    "many roots": apply("div", 1, Apply("add", tuple(apply("root", p, 2) for p in (2, 3, 5, 7, 11, 13, 17, 19)))),
    "infinity": Constant("infinity"),
    "sine of infinity": apply("sin", Constant("infinity")),
}


def nested(op: str, depth: int) -> Node:
    found: Node = X
    for _ in range(depth):
        found = apply(op, found, 2) if op in ("root", "div") else apply(op, found)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_trees_end(name: str) -> None:
    assert same(HOSTILE[name], number(1)) in ("different", "unknown")
    assert same(HOSTILE[name], HOSTILE[name]) in ("same", "unknown")


@pytest.mark.parametrize("op", ["root", "div", "sin", "exp", "neg", "abs"])
@pytest.mark.parametrize("depth", [61, 5000])
def test_deep_trees_end(op: str, depth: int) -> None:
    assert same(nested(op, depth), X) in ("different", "unknown")


def test_a_shared_branch_is_not_walked_for_ever() -> None:
    doubling: Node = X
    for _ in range(60):
        doubling = apply("add", doubling, doubling)
    assert same(doubling, X) == "unknown"


def test_large_factorials_are_exact() -> None:
    late, early = (apply("div", 1, apply("factorial", n)) for n in (2006, 2004))
    assert same(late, early) == "different"
    assert same(apply("div", late, early), apply("div", 1, 2006 * 2005)) == "same"


@pytest.mark.parametrize("multiple", [2**61 - 1, 2**61, math.factorial(100), 10**300])
def test_no_known_prime_divides_a_difference_away(multiple: int) -> None:
    assert same(apply("mul", X, apply("add", 1, multiple)), X) == "different"
    assert same(apply("pow", X, 2), apply("mul", X, apply("add", X, multiple))) == "different"


def test_primes_follow_from_what_is_compared() -> None:
    primes = {fields.prime_from(str(seed)) for seed in range(50)}
    assert len(primes) == 50
    for prime in primes:
        assert 1 << 60 < prime < 1 << 61
        assert pow(3, prime - 1, prime) == 1
        assert all(prime % p for p in range(3, 2000, 2))


@given(st.fractions(max_denominator=999), st.fractions(max_denominator=999))
def test_residues_are_a_field(a: Fraction, b: Fraction) -> None:
    field = fields.Residues(fields.prime_from("seed"))
    left, right = field.rational(a), field.rational(b)
    assert field.add(left, right) == field.rational(a + b)
    assert field.mul(left, right) == field.rational(a * b)
    if a:
        assert field.inverse(left) == field.rational(1 / a)


surds = st.lists(st.tuples(st.integers(-9, 9), st.sampled_from((1, 2, 3, 5, 6, 8, 12))), min_size=1, max_size=3)


def surd(terms: list[tuple[int, int]]) -> Node:
    return Apply("add", (number(0), *(apply("mul", n, apply("root", d, 2)) for n, d in terms)))


@settings(max_examples=150)
@given(surds, surds)
def test_surds_agree_with_floats(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    left, right = (sum(n * math.sqrt(d) for n, d in terms) for terms in (a, b))
    verdict = "same" if abs(left - right) < 1e-9 else "different"
    assert same(surd(a), surd(b)) == verdict
    product = apply("mul", surd(a), surd(b))
    assert same(product, apply("mul", surd(b), surd(a))) == "same"
    if abs(right) > 1e-9:
        assert same(apply("div", product, surd(b)), surd(a)) == "same"


@st.composite
def polynomials(draw: st.DrawFn) -> Node:
    leaves = st.one_of(st.integers(-9, 9).map(number), st.sampled_from((X, Y)))
    return draw(
        st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.builds(lambda a, b: apply("add", a, b), inner, inner),
                st.builds(lambda a, b: apply("mul", a, b), inner, inner),
                st.builds(lambda a: apply("neg", a), inner),
                st.builds(lambda a, n: apply("pow", a, n), inner, st.integers(1, 4)),
            ),
            max_leaves=8,
        )
    )


@settings(max_examples=60)
@given(polynomials(), polynomials())
def test_polynomial_identities(a: Node, b: Node) -> None:
    assert same(a, a) == "same"
    assert same(apply("add", a, 1), a) == "different"
    left = apply("mul", apply("add", a, b), apply("add", a, apply("neg", b)))
    right = apply("add", apply("pow", a, 2), apply("neg", apply("pow", b, 2)))
    assert same(left, right) == "same"
    assert same(apply("add", left, X), right) == "different"


@given(polynomials())
def test_trees_survive_json(a: Node) -> None:
    assert encode.from_json(encode.to_json(a)) == a


@pytest.mark.parametrize(
    "text",
    ["(1,2]", r"\{1,2\}", "1, 2", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"(1,2)\cup[3,4]", "x<3", r"5\text{ cm}",
     "101_2", r"\text{even}", r"\pi", "0.50", "1e400"],
)  # fmt: skip
def test_every_kind_of_node_survives_json(text: str) -> None:
    assert encode.from_json(encode.to_json(tree(text))) == tree(text)


def test_digits_that_cancel_are_no_difference() -> None:
    sine, small = apply("sin", 1), Fraction(1, 10**60)
    left = apply("add", apply("mul", sine, 1 + small), apply("neg", sine))  # 50 digits see zero, 75 see 15 digits of it
    right = apply("mul", sine, small)
    assert not numeric.refuted(left, right, "positive").different
    assert numeric.refuted(sine, apply("add", sine, Fraction(1, 10**30)), "positive").different


@pytest.mark.parametrize(
    ("a", "b", "different"),
    [
        (r"\max(x,-100)", "x", True),
        (r"\min(x,10^{400})", "x", True),
        (r"x+\max(0,-x-10^{400})", "x", True),
        (r"\max(x+y,-10^{20})", "x+y", True),
        (r"\sqrt{(x+10^6)^2}", "x+10^6", True),
        (r"\arctan\frac{1000x+1}{1000-x}", r"\arctan x+\arctan\frac1{1000}", True),
        (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}", False),
        ("|x|", r"\max(x,-x)", False),
    ],
)
def test_functions_of_pieces_are_compared_far_away(a: str, b: str, different: bool) -> None:
    assert numeric.refuted(tree(a), tree(b), "both").different == different


@pytest.mark.parametrize(
    ("text", "agreed", "one_sided"),
    [
        (r"\sqrt{x}", True, True),
        (r"\ln x", True, True),
        (r"\sqrt{x+5}", True, False),
        ("0^x", False, True),
        (r"x+0\cdot\tan90^\circ", False, True),
        (r"\ln(-1-x^2)", False, True),
    ],
)
def test_where_a_function_is_defined(text: str, agreed: bool, one_sided: bool) -> None:
    found = numeric.refuted(tree(text), tree(text), "both")
    assert (found.different, found.agreed > 0, found.is_one_sided) == (False, agreed, one_sided)


@pytest.mark.parametrize("op", ["sin", "abs", "ln", "div", "pow", "log", "root", "mod", "floor", "binomial"])
def test_an_operation_with_too_few_or_many_arguments_has_no_value(op: str) -> None:
    assert not any(numeric.has_value(Apply(op, (Number(Fraction(2)),) * count)) for count in (0, 3))


def test_without_mpmath_values_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(digits: int) -> None:
        raise ImportError("mpmath")

    monkeypatch.setattr(numeric, "_context", absent)
    assert same(tree(r"\sin x"), tree(r"\cos x")) == "unknown"
    assert same(tree(r"x+x"), tree(r"2x")) == "same"
    assert same(tree(r"x+0\cdot\sin x"), tree("x")) == "unknown"


def test_the_same_from_many_threads() -> None:
    pairs = [(tree(r"\sin x"), tree(r"\cos x")), (tree(r"\pi"), tree("e^2")), (tree("x^2"), tree(r"x\cdot x"))]
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append([same(a, b) for a, b in pairs * 5])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["different", "different", "same"] * 5] * 6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        (r"\frac{6}{4}", Fraction(3, 2)),
        ("2^{-3}", Fraction(1, 8)),
        (r"\sqrt{\frac49}", Fraction(2, 3)),
        ("5!", 120),
        (r"\gcd(12,18)", 6),
        (r"\max(3,7)", 7),
        ("|-5|", 5),
        (r"\lfloor -2.5\rfloor", -3),
        ("(-1)^{1001}", -1),
        ("1/0", None),
        ("x", None),
        (r"\sqrt2", None),
        ("0^{-1}", None),
    ],
)
def test_constants(text: str, value: int | Fraction | None) -> None:
    assert exact.constant(tree(text)) == value
