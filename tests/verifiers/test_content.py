"""Golds that are read once: nothing of one answer is kept for another."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from agentrl.registry import load_verifier
from agentrl.types import Message, Task, Transcript
from agentrl.verifiers._reading.content import content_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1], [True]),
        ([1], [1.0]),
        ([1], (1,)),
        ([1], ["1"]),
        ({1: 2}, {"1": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (["ab", "c"], ["a", "bc"]),
        ({"a": None}, {}),
    ],
)
def test_answers_that_a_verifier_may_tell_apart(one: Any, other: Any) -> None:
    first, second, again = content_of(one), content_of(other), content_of(copy.deepcopy(one))
    assert first is not None
    assert second is not None
    assert first != second
    assert first == again
    assert hash(first) == hash(again)


def test_the_same_texts_are_alike_wherever_else_they_are_referred_to() -> None:
    text = "".join(["interned", "_or_not"])
    shared = [text, text]
    assert content_of(shared) == content_of(["interned_or_not", "".join(["interned", "_or_not"])])


def test_what_is_no_plain_data_is_not_kept() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    looped: list[Any] = []
    looped.append(looped)
    assert [content_of(answer) for answer in (object(), {"a": {1: print}}, deep, looped)] == [None] * 4


FORMULA = {"formula": "P(a)", "signature": {"predicates": {"P": 1, "Q": 1}, "constants": ["a"]}}
PUZZLE = {"numbers": [1, 2, 12], "target": 24}
TOOL = {"name": "ride", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}
RIDE = {"tools": [TOOL], "calls": [{"name": "ride", "arguments": {"to": "Bern"}}]}
CALL = '<tool_call>{"name": "ride", "arguments": {"to": "Bern"}}</tool_call>'


@pytest.mark.parametrize(
    ("verifier", "answer", "reply", "key", "changed"),
    [
        ("fol", FORMULA, "<answer>P(a)</answer>", "formula", "Q(a)"),
        ("countdown", PUZZLE, "<answer>1 * 2 * 12</answer>", "target", 25),
        ("tool_calls", RIDE, CALL, "calls", [{"name": "ride", "arguments": {"to": "Basel"}}]),
    ],
)
def test_an_answer_that_is_changed_in_place_is_read_anew(
    verifier: str, answer: dict[str, Any], reply: str, key: str, changed: Any
) -> None:
    verify = load_verifier(verifier)
    task = Task("t", (), copy.deepcopy(answer))
    transcript = Transcript((Message("assistant", reply),))
    assert verify(task, transcript).status == "correct"
    task.answer[key] = changed
    assert verify(task, transcript).status == "incorrect"
    task.answer[key] = answer[key]
    assert verify(task, transcript).status == "correct"
    task.answer["unknown"] = 1
    assert verify(task, transcript).status == "task_invalid"
