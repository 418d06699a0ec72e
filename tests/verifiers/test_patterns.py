"""Patterns that tasks give: which run at once, and what golds of tools may hold."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.registry import grade
from agentrl.verifiers._reading.patterns import MAX_PATTERN, How, PatternError, compiled, guarded, is_simple, match
from agentrl.verifiers._tools import patterns
from agentrl.verifiers._tools.patterns import PatternTimeout, bounded, check_pattern, found

UNSETTLED = ["[[a]", "[a--b]", "[a&&b]", "[^a||b]", "[]~~]"]


@pytest.mark.parametrize(
    ("pattern", "chars", "how", "simple"),
    [
        ("[a-z]+x", 2000, "anywhere", True),
        ("[a-z]+x", 5000, "anywhere", False),
        ("[a-z]+x", 5000, "whole", True),
        ("a+" + "b" * 100, 2000, "anywhere", False),
        ("a?" * 10, 100, "anywhere", True),
        ("a?" * 10, 2000, "anywhere", False),
        ("(a|b)c", 2000, "anywhere", True),
        ("(a|b)+", 1, "whole", False),
    ],
)
def test_how_long_a_pattern_may_take_depends_on_the_text(pattern: str, chars: int, how: How, simple: bool) -> None:
    assert is_simple(pattern, chars, how) == simple


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("[a-z]+x", "a" * 2000), ("a?" * 10 + "b", "a" * 100), ("(a|aa|b)(a|aa|b)(a|aa|b)c", "a" * 2000)],
)
def test_simple_patterns_are_quick(pattern: str, text: str) -> None:
    assert is_simple(pattern, len(text), "anywhere")
    began = time.perf_counter()
    assert not match([pattern, 0, text, "anywhere"])
    assert time.perf_counter() - began < 0.5


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["a+b", "(a|b)c", "a{2}$", r"^\d?x", "(a)+"]), st.text("abcx1\n", max_size=6))
def test_a_worker_answers_as_the_caller_would(pattern: str, text: str) -> None:
    for how in ("whole", "anywhere"):
        assert guarded(pattern, re.ASCII, text, how) == (
            "match" if match([pattern, re.ASCII, text, how]) else "no_match"
        )


@pytest.mark.parametrize("pattern", ["(", "a{1,99999999999}", "(?<\n)a", "a" * (MAX_PATTERN + 1), *UNSETTLED])
def test_a_pattern_that_cannot_be_used(pattern: str) -> None:
    with pytest.raises(PatternError) as caught:
        compiled(pattern)
    assert "\n" not in str(caught.value)
    for how in ("whole", "anywhere"):
        with pytest.raises(PatternError, match="cannot be used"):
            check_pattern(pattern, how)


def tools_with(schema: dict[str, Any], wanted: Any) -> dict[str, Any]:
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string", **schema}}}}
    return {"tools": [tool], "calls": [{"name": "f", "arguments": {"a": wanted}}]}


@pytest.mark.parametrize(
    ("gold", "reply", "status"),
    [
        (tools_with({"pattern": "^a[b]$"}, "ab"), "f(a='ab')", "correct"),
        (tools_with({"pattern": ""}, "ab"), "f(a='ab')", "correct"),
        (tools_with({"pattern": "(?u)a"}, "a"), "f(a='a')", "task_invalid"),
        (tools_with({}, {"regex": "(?u)a", "example": "a"}), "f(a='a')", "correct"),
        *((tools_with({"pattern": pattern}, "a"), "f(a='a')", "task_invalid") for pattern in UNSETTLED),
        (tools_with({}, {"regex": "[a&&b]", "example": "a"}), "f(a='a')", "task_invalid"),
    ],
)
def test_patterns_of_golds_of_tools(gold: Any, reply: str, status: str) -> None:
    assert grade("tool_calls", reply, gold).status == status


def test_a_spent_budget_asks_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def slow(pattern: str, flags: int, text: str, how: How, *, timeout_s: float) -> str:
        asked.append(timeout_s)
        time.sleep(timeout_s)
        return "timeout"

    monkeypatch.setattr(patterns, "guarded", slow)
    monkeypatch.setattr(patterns, "BUDGET_S", 0.01)
    with bounded():
        for _ in range(3):
            with pytest.raises(PatternTimeout):
                found("(a+)+b", "a" * 40, "whole")
    assert len(asked) == 1
    assert asked[0] <= 0.01
