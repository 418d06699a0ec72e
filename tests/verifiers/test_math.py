"""The math verifier: never raises, accepts every spelling of the right number, and nothing else."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl.registry import grade
from agentrl.types import SCORED
from agentrl.verifiers._math.limits import MAX_CHARS
from agentrl.verifiers._reading.extract import last_boxed
from agentrl.verifiers.math import CASES

MODES = ("boxed", "hash", "answer_line", "answer_tag", "final")
WRAPPED = {
    "boxed": "so \\boxed{{{}}}",
    "hash": "so\n#### {}",
    "answer_line": "so\nAnswer: {}",
    "answer_tag": "so <answer>{}</answer>",
    "final": "{}",
}
MARKS = ("\\boxed{", "\\fbox{", "{", "}", "\\", "\\frac", "####", "<answer>", "</answer>", "</think>", "Answer:", "$")

fractions = st.fractions(min_value=-100_000, max_value=100_000, max_denominator=500)
texts = st.one_of(
    st.text(), st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=3), st.just("7"))).map("".join)
)


@st.composite
def spellings(draw: st.DrawFn, value: Fraction) -> str:
    """One of the ways to write a rational number."""
    sign, size = "-" if value < 0 else draw(st.sampled_from(("", "+"))), abs(value)
    times = draw(st.integers(1, 9))
    above, below = size.numerator * times, size.denominator * times
    frac = draw(st.sampled_from((r"\frac", r"\dfrac", r"\tfrac")))
    forms = [f"{frac}{{{above}}}{{{below}}}", f"{above}/{below}", f"{frac}  {{ {above} }} {{{below}}}"]
    if above < 10 and below < 10:
        forms.append(f"{frac}{above}{below}")
    whole, rest = divmod(size, 1)
    if whole and rest:
        forms += [
            f"{whole}{frac}{{{rest.numerator}}}{{{rest.denominator}}}",
            f"{whole} {rest.numerator}/{rest.denominator}",
        ]
    if value.denominator == 1:
        forms += [
            str(size),
            f"{size.numerator:,}",
            f"{size.numerator:,}".replace(",", "{,}"),
            f"{size.numerator:,}".replace(",", r"\,"),
            f"{size.numerator}.00",
        ]
    scaled = size * 10**6
    if scaled.denominator == 1:
        forms += [
            f"{scaled.numerator}e-6",
            rf"{scaled.numerator} \times 10^{{-6}}",
            rf"{scaled.numerator}\cdot10^{{-6}}",
        ]
    text = sign + draw(st.sampled_from(forms))
    return draw(st.sampled_from(("{}", " {} ", "${}$", r"\({}\)", "{}.", "x = {}", r"{}\text{{ cm}}"))).format(text)


@settings(deadline=None)
@given(st.data(), fractions, st.sampled_from(MODES))
def test_every_spelling_of_the_number_is_correct(data: st.DataObject, value: Fraction, mode: str) -> None:
    gold, said = data.draw(spellings(value)), data.draw(spellings(value))
    verdict = grade("math", WRAPPED[mode].format(said), gold, extract=mode)
    assert verdict.status == "correct", (gold, said, verdict)


@settings(deadline=None)
@given(st.data(), fractions, fractions)
def test_another_number_is_incorrect(data: st.DataObject, gold: Fraction, other: Fraction) -> None:
    assume(gold != other)
    said = data.draw(spellings(other))
    assert grade("math", WRAPPED["boxed"].format(said), data.draw(spellings(gold))).status == "incorrect"


@settings(deadline=None, max_examples=300)
@given(texts, texts, st.sampled_from(MODES), st.sampled_from(("last", "reject_if_distinct")))
def test_no_text_raises(gold: str, reply: str, mode: str, several: str) -> None:
    verdict = grade("math", reply, gold, extract=mode, several=several)
    assert verdict.score == (verdict.status == "correct")
    assert grade("math", reply, "5", extract=mode, several=several).status in SCORED


@settings(deadline=None)
@given(st.text(alphabet="x+12^{}()\\frac pi,", min_size=1, max_size=30))
def test_a_boxed_answer_equals_itself(gold: str) -> None:
    boxed = rf"\boxed{{{gold}}}"
    assume(last_boxed(boxed) == gold and grade("math", boxed, gold).status not in ("malformed", "task_invalid"))
    assert grade("math", boxed, gold).success
    assert grade("math", rf"\boxed{{ ${gold}$ }}", gold).success


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(0, 12), st.integers(1, 9))
def test_one_changed_digit_is_incorrect(gold: int, place: int, step: int) -> None:
    digits = list(str(abs(gold)))
    place %= len(digits)
    digits[place] = str((int(digits[place]) + step) % 10)
    said = ("-" if gold < 0 else "") + "".join(digits)
    assert grade("math", f"#### {said}", gold, extract="hash").status == "incorrect"


def test_limits_are_exact() -> None:
    assert grade("math", "9" * 400, "9" * 400, extract="final").success
    assert grade("math", "9" * 401, "1", extract="final").status == "malformed"
    assert grade("math", "x " * (MAX_CHARS // 2), "x " * (MAX_CHARS // 2), extract="final").success
    assert grade("math", "x " * (MAX_CHARS // 2) + "xx", "1", extract="final").status == "malformed"
    assert grade("math", r"\boxed{1e400}", "1").status == "incorrect"
    assert grade("math", r"\boxed{1e401}", "1").status == "malformed"
    assert grade("math", "1", "9" * 401, extract="final").status == "task_invalid"


@pytest.mark.parametrize(
    "answer", [None, True, [5], {"a": 5}, {"value": {"value": 5}}, "", "  ", pytest.param(10**9999, id="huge")]
)
def test_a_gold_of_no_known_kind_is_the_tasks_fault(answer: Any) -> None:
    assert grade("math", "5", answer, extract="final").status == "task_invalid"


@pytest.mark.parametrize(("answer", "said"), [(5, "5"), (0.5, "1/2"), (-7, "-7.0"), (12.0, "12")])
def test_a_gold_may_be_a_number(answer: Any, said: str) -> None:
    assert grade("math", said, answer, extract="final").success


@pytest.mark.parametrize("text", ["10^{9999}", r"3 \times 10^{9999}", "10^{-9999}", r"\frac{1}{5000!}", "9" * 400])
def test_numbers_too_long_to_print_have_a_verdict(text: str) -> None:
    for gold in ("5", r"\sqrt2", "(1,2)", text):
        assert grade("math", rf"\boxed{{{text}}}", gold).success == (gold == text)


@pytest.mark.parametrize(
    "payload",
    [
        "__import__('os').system('touch {}')",
        r"\pi + __import__('os').system('touch {}')",
        "().__class__.__base__.__subclasses__() + open('{}','w')",
        r"\text{{exec(open('{}','w'))}}",
        r"\sqrt{{open('{}','w')}}",
    ],
)
def test_code_in_an_answer_is_not_run(payload: str, tmp_path: Path) -> None:
    said = payload.format(tmp_path / "written")
    for gold in ("1", r"\pi", "x^2", r"\{1,2\}", "y=x"):
        assert grade("math", rf"\boxed{{{said}}}", gold).score == 0
        assert not list(tmp_path.iterdir())
        assert grade("math", r"\boxed{2}", gold).score == 0


def test_deep_and_many_boxes_are_read_in_one_pass() -> None:
    assert grade("math", r"\boxed{" * 50_000 + "5" + "}" * 50_000, "5").status == "malformed"  # over the limit
    assert grade("math", r"\boxed{" * 50_000, "5").status == "malformed"
    assert grade("math", r"\boxed{4}" * 50_000 + r"\boxed{5}", "5").success


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{a\}b}", r"a\}b"),
        (r"\boxed{\{1\}}", r"\{1\}"),
        (r"\boxed{a} } \boxed{b{c}}", "b{c}"),
        (r"\boxed{a \fbox{b} c}", r"a \fbox{b} c"),
        (r"{ \boxed{a}", "a"),
        (r"\\boxed{a}", None),
        (r"\boxed a", "a"),
        ("none", None),
    ],
)
def test_last_box(text: str, content: str | None) -> None:
    assert last_boxed(text) == content


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extract": "box"}, r"extract must be one of boxed, .*; got 'box'"),
        ({"several": "first"}, "several must be one of last, reject_if_distinct, as_set"),
        ({"kind": "number"}, "kind must be one of auto, integer"),
        ({"kind": ["integer"]}, "the options of math are texts"),
        ({"form": "short"}, "form must be one of any, factored"),
        ({"allow": "name"}, "allow takes a list"),
        ({"allow": ["names"]}, "a word of allow must be one of missing_unit, .*; got 'names'"),
        ({"rounding": {"places": 1, "figures": 1}}, 'rounding takes {"places": 2}'),
        ({"rounding": {"places": -1}}, "whole numbers from 0"),
        ({"rounding": {"figures": 0}}, "at least 1"),
        ({"rounding": {"digits": 2}}, 'rounding takes {"places": 2}'),
        ({"rounding": 2}, 'rounding takes {"places": 2}'),
    ],
)
def test_wrong_options_say_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        grade("math", "5", "5", **options)


def test_feedback_never_holds_the_gold() -> None:
    for answer, response, options, status in CASES:
        verdict = grade("math", response, answer, **options)
        if status not in ("correct", "task_invalid") and len(str(answer)) > 1:
            assert str(answer) not in verdict.feedback
