"""Golds are typed and framed; another answer is never the same one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.audit import Item
from agentrl.audit.domains import domain_of
from agentrl.audit.subject import _MAX_DIGITS, Subject, kind_of, mutations_of, number_of, shown
from agentrl.types import Transcript

FILE = Path("nowhere")


def subject(answer: Any, oracle: str | None, **options: Any) -> Subject:
    return Subject.of(Item("1", "?", answer, oracle, options), FILE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", Fraction(7)),
        ("-7", Fraction(-7)),
        ("1,234,567", Fraction(1234567)),
        ("0.50", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("-3/4", Fraction(-3, 4)),
        (r"\dfrac{3}{4}", Fraction(3, 4)),
        ("1/0", None),
        ("1,23", None),
        ("", None),
        ("-", None),
        ("5 km", None),
        ("9" * 31, None),
    ],
)
def test_numbers(text: str, value: Fraction | None) -> None:
    assert number_of(text) == value


@given(st.fractions(max_denominator=10**6).filter(lambda f: abs(f) < 10**9 and len(shown(f)) <= _MAX_DIGITS))
def test_what_is_shown_is_read_back(value: Fraction) -> None:
    assert number_of(shown(value)) == value


@given(st.one_of(st.text(max_size=12), st.integers().map(str), st.sampled_from(["True", "no", "B", "E", "0", "-0.5"])))
def test_a_mutation_is_another_answer(gold: str) -> None:
    for other in mutations_of(gold):
        assert other != gold
        assert number_of(other) is None or number_of(other) != number_of(gold)


def test_kinds() -> None:
    assert [kind_of(g) for g in ("0.5", "C", "no", "x^2", "New York", "F")] == [
        "number",
        "choice",
        "boolean",
        "expression",
        "text",
        "text",
    ]


def test_the_frame_is_around_the_last_gold() -> None:
    s = subject("5", "5 + 0 = 5\n#### 5")
    assert (s.before, s.after) == ("5 + 0 = 5\n#### ", "")
    assert s.put("6") == "5 + 0 = 5\n#### 6"


def test_a_box_is_a_frame_where_the_gold_is_written_otherwise() -> None:
    s = subject("1/2", r"so \boxed{\frac{1}{2}}.")
    assert s.put("3") == r"so \boxed{3}."


def test_the_box_is_the_answer_whatever_comes_after_it() -> None:
    s = subject("4", r"\boxed{3}, no: \boxed{4} since 4 > 3 and 4 < 5")
    assert s.put("9") == r"\boxed{3}, no: \boxed{9} since 4 > 3 and 4 < 5"


@pytest.mark.parametrize(("answer", "oracle"), [("5", None), ("5", "five"), ([1], "[1]"), (None, "x"), ("", "x")])
def test_without_a_frame_the_kind_is_open(answer: Any, oracle: str | None) -> None:
    assert subject(answer, oracle).kind == "open"


@pytest.mark.parametrize("oracle", ["[1]", Transcript((), {"db": {}})])
def test_a_gold_that_is_no_text_has_the_right_reply_as_a_whole(oracle: str | Transcript) -> None:
    s = Subject.of(Item("1", "?", {"rows": [1]}, oracle), FILE)
    assert (s.kind, s.framed, s.wrong(), s.put("x")) == ("whole", False, "no such answer", "x")


def test_a_tolerance_is_seen() -> None:
    assert subject("5", "5").exact
    near = subject("5", "5", rel_tol=0.1)
    assert not near.exact
    assert near.wrong() == "20", "far enough for any tolerance"
    assert not subject({"value": "5", "places": 2}, "5").exact


@pytest.mark.parametrize(
    ("answers", "domain"),
    [
        (["1", "2", "x"], "maths"),
        ([r"\frac12", "x^2", "Paris"], "maths"),
        (["Paris", "yes", "3"], "text"),
        ([{"format": "stdio"}], "code"),
        ([{"premises": [], "label": "True"}, "∀x P(x)"], "logic"),
        ([{"tools": []}, {"irrelevant": True}], "tools"),
        (["P(a) & Q(a)", "p | q", "P(x)|~Q(x)", "Dog(x) -> Animal(x)", "p & (q | r)"], "logic"),
        (["|x|=2", "a|x|^2", r"\{x | x > 2\}", r"\begin{array} a & b"], "maths"),
        (["AT&T", "Johnson & Johnson", "R&D-department"], "text"),
        ([], "text"),
        ([[1, 2], None], "text"),
    ],
)
def test_domains(answers: list[Any], domain: str) -> None:
    assert domain_of(answers) == domain
