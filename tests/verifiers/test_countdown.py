"""The countdown verifier: its reader and its search against other computations, and replies made to cheat."""

from __future__ import annotations

import itertools
import operator
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentrl
from agentrl.errors import ConfigError, DataError
from agentrl.golds import gold_problem, gold_reply
from agentrl.verifiers._countdown.expression import MAX_CHARS, NotAnExpressionError, read
from agentrl.verifiers._countdown.search import reachable, solved

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
NUMBER = st.integers(0, 99).map(lambda n: (str(n), Fraction(n)))


def joined(parts: tuple[Any, str, Any]) -> tuple[str, Fraction | None]:
    """A bracketed expression and its value, computed beside the reader."""
    (x, a), sign, (y, b) = parts
    known = a is not None and b is not None and (sign != "/" or b)
    return f"({x}{sign}{y})", OPERATORS[sign](a, b) if known else None


TREE = st.recursive(NUMBER, lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(joined), max_leaves=8)


def status(reply: str, answer: Any = None, **options: Any) -> str:
    answer = answer or {"numbers": [1, 2, 12], "target": 24}
    return agentrl.grade("countdown", f"<answer>{reply}</answer>", answer, **options).status


@given(TREE)
@settings(max_examples=200)
def test_brackets_are_computed_exactly(case: tuple[str, Fraction | None]) -> None:
    text, value = case
    assert read(text).value == value


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from("+-*/")), min_size=1, max_size=8))
@settings(max_examples=200)
def test_precedence_is_the_usual_one(parts: list[tuple[int, str]]) -> None:
    values, signs = [Fraction(parts[0][0])], []
    for (number, _), (_, sign) in zip(parts[1:], parts, strict=False):
        if sign in "*/":
            values[-1] = OPERATORS[sign](values[-1], Fraction(number))
        else:
            signs.append(sign)
            values.append(Fraction(number))
    expected = values[0]
    for sign, value in zip(signs, values[1:], strict=True):
        expected = OPERATORS[sign](expected, value)
    text = "".join(f"{number}{sign}" for number, sign in parts)[:-1]
    assert read(text).value == expected


def brute(numbers: list[Fraction]) -> set[Fraction]:
    """All values of all expressions, by putting any two numbers together until one is left."""
    if len(numbers) == 1:
        return set(numbers)
    found = set()
    for i, j in itertools.permutations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        for sign, apply in OPERATORS.items():
            if sign != "/" or numbers[j]:
                found |= brute([*rest, apply(numbers[i], numbers[j])])
    return found


@pytest.mark.parametrize("numbers", [(2, 2), (1, 3, 7), (0, 5, 5), (4, 4, 4), (3, 3, 8, 8), (2, 3, 5, 100)])
def test_the_search_reaches_what_brute_force_reaches(numbers: tuple[int, ...]) -> None:
    values = brute([Fraction(n) for n in numbers])
    assert reachable(numbers) == values
    for target in range(-5, 120):
        found = solved(numbers, target, least=len(numbers))
        assert (found is not None) == (target in values), target
        if found is not None:
            assert read(found).value == Fraction(target)
            assert sorted(read(found).numbers) == sorted(numbers)


def test_the_search_leaves_numbers_out_only_where_it_may() -> None:
    assert solved((2, 12, 5), 24, least=3) is None
    found = solved((2, 12, 5), 24, least=1)
    assert found is not None
    assert sorted(read(found).numbers) == [2, 12]


@pytest.mark.parametrize(
    "text", ["1" * 400, "+".join(["1"] * 300), "(" * 200 + "1", "(" * 60 + "1" + ")" * 60, "=" * 99]
)
def test_what_is_large_is_refused(text: str) -> None:
    assert status(text) == "malformed"


def test_many_long_answers_are_refused_at_once() -> None:
    boxes = "".join(rf"\boxed{{{'(' * (n % 300)}{n}}}" for n in range(20_000))
    began = time.monotonic()
    verdict = agentrl.grade("countdown", boxes, {"numbers": [24], "target": 24}, extract="boxed")
    assert verdict.status == "malformed"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "reply",
    [
        "12(2)(1)",
        "12 2 1",
        "12 * 2 * 1!",
        "12 * 2 * +1",
        "12 * ２ * 1",
        "12 * 2 * 1 + 0*0",
        "24",
        "1_2 * 2 * 1",
        "12 * 2 * 1 # 24",
        "12 * 2 * 1; 24",
        "12 * 2 * int('1')",
        "1e1 + 12 + 2",
        "12 * 2 * 1 = 24.0",
        "12 * 2 * 1 = 12 * 2",
        "round(12 * 2 * 1)",
        "12 % 2 * 1",
        "(12, 2, 1)",
        "None",
    ],
)
def test_what_is_no_plain_expression_is_not_paid(reply: str) -> None:
    assert status(reply) in ("malformed", "incorrect")


def test_a_value_that_is_only_near_is_wrong() -> None:
    answer = {"numbers": [24, 1, 999983, 999983], "target": 24}
    assert status("24 + 1/999983/999983", answer) == "incorrect"
    assert status("24 * 1 * 999983 / 999983", answer) == "correct"


def test_an_expression_as_long_as_allowed_is_read() -> None:
    text = "(" * 20 + "12*2*1" + ")" * 20
    assert status(text + " " * (MAX_CHARS - len(text))) == "correct"
    with pytest.raises(NotAnExpressionError, match="too long"):
        read("1+" * MAX_CHARS + "1")


def test_a_gold_is_searched_where_none_is_stated() -> None:
    assert gold_reply("countdown", {"numbers": [3, 3, 8, 8], "target": 24}) == "<answer>8/(3-(8/3))</answer>"
    assert gold_problem("countdown", {"numbers": [1, 2, 3, 4, 5, 6], "target": 720}) == ""
    with pytest.raises(DataError, match="do not make the target"):
        gold_reply("countdown", {"numbers": [1, 1, 1, 1], "target": 24})
    with pytest.raises(DataError, match="more than 6 numbers"):
        gold_reply("countdown", {"numbers": [1] * 7, "target": 7})


def test_a_stated_solution_must_be_right() -> None:
    wrong = {"numbers": [1, 2, 12], "target": 24, "solution": "12 * 2 + 1"}
    assert "its own reply is incorrect" in gold_problem("countdown", wrong)


@pytest.mark.parametrize("options", [{"uses": "some"}, {"extract": "box"}])
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        status("1", **options)
