"""Calls of tools: reading, schemas, comparators, matching, order, extra calls, and the dense reward."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentrl import registry
from agentrl.errors import ConfigError
from agentrl.golds import gold_problem, gold_reply, mutated_golds, rewritten_golds
from agentrl.types import Message, Task, ToolCall, Transcript, Verdict
from agentrl.verifiers import tool_calls
from agentrl.verifiers._tools.cases import BUDGET, NUMBER, ORDERED, PAIR, PARALLEL


def grade(reply: str | Transcript, gold: Any, **options: Any) -> Verdict:
    return registry.grade("tool_calls", reply, gold, **options)


def f(schema: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """The gold of one call `f(a=...)`."""
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"a": schema}, "required": ["a"]}}
    return {"tools": [tool], "calls": [{"name": "f", "arguments": {"a": wanted}}]}


def says(value: Any, gold: Any, **options: Any) -> str:
    """The status of a reply that calls `f(a=value)`."""
    return grade(json.dumps({"name": "f", "arguments": {"a": value}}), gold, **options).status


USABLE = {repr((a, o)): (a, o) for a, _, o, status in tool_calls.CASES if status != "task_invalid"}


@pytest.mark.parametrize(("answer", "options"), USABLE.values())
def test_golds_are_right_and_their_mutations_wrong(answer: Any, options: dict[str, Any]) -> None:
    assert gold_problem("tool_calls", answer, options) == ""
    for reply in rewritten_golds("tool_calls", answer, options):
        assert grade(reply, answer, **options).status == "correct", reply
    for reply in mutated_golds("tool_calls", answer, options):
        assert grade(reply, answer, **options).score < 1.0, reply


def test_a_gold_with_calls_has_mutations() -> None:
    golds = [answer for answer, _ in USABLE.values() if "calls" in answer]
    assert min(len(list(mutated_golds("tool_calls", answer))) for answer in golds) >= 2
    assert min(len(list(rewritten_golds("tool_calls", answer))) for answer in golds) >= 2


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "b": 2}}', "malformed"),
        ('{"name": "f", "arguments": {"a": 1, "b": 2}}</tool_call>', "malformed"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "b": 2}} {}</tool_call>', "malformed"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "b": 2}}</tool_call></tool_call>', "malformed"),
        ('<tool_call>[{"name": "f", "arguments": {"a": 1, "b": 2}}]</tool_call>', "malformed"),
        ('<tool_call>{"name": "f", "arguments": "{\\"a\\": 1, \\"b\\": 2}"}</tool_call>', "malformed"),
        ('{"name": "f", "arguments": {"a": 1, "b": 2}, "score": 1}', "malformed"),
        ('{"name": "f", "arguments": {"a": 1, "b": NaN}}', "malformed"),
        ('{"name": "f", "arguments": {"a": 1, "b": 1e999}}', "malformed"),
        ('{"name": "f", "arguments": {"a": 1, "b": ' + "9" * 399 + "}}", "malformed"),
        ("{'name': 'f', 'arguments': {'a': 1, 'b': 2}}", "malformed"),
        ('{"name": ["f"], "arguments": {}}', "malformed"),
        ("[f(a=1, b=2), g(]", "malformed"),
        ("f(a=1, b=2, b=2)", "malformed"),
        ("f(a=1, b=02)", "malformed"),
        ("f(a=1, b=x)", "malformed"),
        ("f(a=1, b=f'{2}')", "malformed"),
        ("f(a=1, b=__import__('os'))", "malformed"),
        ("f(**{'a': 1, 'b': 2})", "malformed"),
        ("[]", "no_answer"),
        ("[f(a=1, b=2,),]", "correct"),
        ("```\n[f(a=1, b=2)]\n```", "correct"),
        ("<think>f(a=9, b=9)</think>\n[f(a=1, b=2)]", "correct"),
        ('<|python_tag|>{"name": "f", "parameters": {"a": 1, "b": 2}}', "correct"),
        (" " * 40_000 + "f(a=1, b=2)", "malformed"),
        ("[" * 30_000, "malformed"),
        ("f(a=" + "[" * 30_000, "malformed"),
    ],
)
def test_reading(reply: str, status: str) -> None:
    assert grade(reply, PAIR).status == status


def test_structured_calls_are_taken_as_they_are() -> None:
    def said(*calls: ToolCall) -> str:
        return grade(Transcript((Message("assistant", "f(a=9, b=9)", calls),)), PAIR).status

    assert said(ToolCall("f", {"a": 1, "b": 2}, "x")) == "correct"
    assert said(ToolCall("f", {"a": 1, "b": (2,)})) == "incorrect"
    assert said(ToolCall("f", {"a": 1, "b": {2}})) == "malformed"
    assert said(ToolCall("f", {"a": 1, "b": float("nan")})) == "malformed"
    assert said(ToolCall("f", {"a": 1, 2: 2})) == "malformed"  # type: ignore[dict-item]
    assert said(*[ToolCall("f", {"a": 1, "b": 2})] * 65) == "malformed"
    assert said(ToolCall("f", {"a": 1, "b": list(range(5000))})) == "malformed"
    assert said(ToolCall("f", {"a": 1, "b": "x" * 40_000})) == "malformed"


def test_the_scope_is_the_last_message_or_all() -> None:
    turns = Transcript(
        (
            Message("user", "Do it."),
            Message("assistant", "", (ToolCall("read", {"id": 1}),)),
            Message("tool", "1"),
            Message("assistant", "write(id=1)"),
            Message("tool", "done"),
            Message("assistant", "It is done."),
        )
    )
    assert grade(turns, ORDERED).status == "no_answer"
    assert grade(turns, ORDERED, scope="all").status == "correct"
    many = Transcript(turns.messages[:4] * 40)
    assert grade(many, ORDERED, scope="all").status == "malformed"


TYPES = [  # schema, wanted, values that are right, values that are wrong
    ({"type": "integer"}, 1, [1], [True, 1.0, "1", None]),
    ({"type": "number"}, 1, [1, 1.0], [True, 1.5, "1"]),
    ({"type": "float"}, 0.5, [0.5], ["0.5", 1]),
    ({"type": "boolean"}, True, [True], [1, "true"]),
    ({"type": "string", "enum": ["Red", "Blue"]}, "Red", ["Red"], ["red", "Blue"]),
    ({"type": "string", "format": "date"}, "2024-05-06", ["2024-05-06"], ["May 6, 2024", "2024-05-32"]),
    ({"type": "string", "format": "date"}, {"date": "2024-05-06"}, ["2024-05-06"], ["May 6, 2024", "2024/05/06"]),
    ({"type": "string", "pattern": "^[a-z]+$"}, {"any": "x"}, ["x", "xy"], ["x\n", "x\ny", ""]),
    ({"type": "string", "pattern": "^(a|b)\\d$"}, {"any": "a1"}, ["b2"], ["a1\n", "a\u0661"]),
    ({"type": "string", "pattern": "[$]\\$$"}, {"any": "$$"}, ["5$$"], ["$", "$$\n"]),
    ({"type": "object", "properties": {"x": {}}}, {"any": {"x": 1}}, [{"x": 2}, {}], [{"y": 2}]),
    ({"type": "array", "uniqueItems": True}, {"any": [1]}, [[1, 2], []], [[1, 1], [1, 1.0], [{"a": 1}, {"a": 1}]]),
    ({"type": "number", "multipleOf": 0.01}, {"any": 0.07}, [0.07, 3, 1e300], [0.075, 1e-300]),
    ({"type": ["string", "null"]}, None, [None], ["", False]),
    ({"type": "any"}, "x", ["x"], [1]),
]


@pytest.mark.parametrize(("schema", "wanted", "right", "wrong"), TYPES)
def test_types_are_strict(schema: dict[str, Any], wanted: Any, right: list[Any], wrong: list[Any]) -> None:
    gold = f(schema, wanted)
    assert {says(value, gold) for value in right} == {"correct"}
    assert {says(value, gold) for value in wrong} == {"incorrect"}


def test_lenient_reading_is_asked_for() -> None:
    assert says("true", f({"type": "boolean"}, True), coerce="lenient") == "correct"
    assert says(2.0, f({"type": "integer"}, 2), coerce="lenient") == "correct"
    assert says("2.5", f({"type": "number"}, 2.5), coerce="lenient") == "correct"
    assert says("2.5", f({"type": "integer"}, 2), coerce="lenient") == "incorrect"
    assert says("1" * 5000, f({"type": "integer"}, 2), coerce="lenient") == "incorrect"


NESTED = {
    "type": "object",
    "properties": {"in": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}},
}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"in": [{"n": 1}]}, "correct"),
        ({"in": [{"n": "1"}]}, "incorrect"),
        ({"in": [{"n": True}]}, "incorrect"),
        ({"in": [{"n": 1, "m": 1}]}, "incorrect"),
        ({"in": [{"n": 1}, {"n": 1}]}, "incorrect"),
        ({"in": [{}]}, "incorrect"),
        ({}, "incorrect"),
    ],
)
def test_nested_values_are_checked_at_every_depth(value: Any, status: str) -> None:
    gold = f(NESTED, {"value": {"in": [{"n": 1}]}})
    assert says(value, gold) == status
    assert (grade(json.dumps({"name": "f", "arguments": {"a": value}}), gold, reward="dense").score == 1.0) == (
        status == "correct"
    )


REFERENCED = {
    "name": "f",
    "parameters": {
        "type": "object",
        "properties": {"a": {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]}},
        "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
    },
}


def test_references_are_followed_and_closed() -> None:
    gold = {"tools": [REFERENCED], "calls": [{"name": "f", "arguments": {"a": {"object": {"x": 1}}}}]}
    assert says({"x": 1}, gold) == "correct"
    assert says({"x": 1, "y": 1}, gold) == "incorrect"
    looped = json.loads(json.dumps(gold).replace('"type": "number"', '"$ref": "#/$defs/Point"'))
    assert "leads outside or back" in gold_problem("tool_calls", looped)
    outside = json.loads(json.dumps(gold).replace("#/$defs/Point", "https://example.org/point.json"))
    assert "leads outside or back" in gold_problem("tool_calls", outside)


def test_parts_of_one_object_are_closed_together() -> None:
    parts = [{"properties": {"x": {"type": "integer"}}}, {"properties": {"y": {"type": "integer"}}}]
    gold = f({"type": "object", "allOf": parts}, {"value": {"x": 1, "y": 2}})
    assert says({"x": 1, "y": 2}, gold) == "correct"
    anything = {"tools": gold["tools"], "calls": [{"name": "f", "arguments": {"a": {"any": {"x": 1}}}}]}
    assert says({"x": 1, "y": 3}, anything) == "correct"
    assert says({"x": 1, "z": 3}, anything) == "incorrect"


COMPARED = [
    ("New  york ", {"NEW YORK": 1, "New York": 1, "NewYork": 0, "new-york": 0}),
    ("1.5", {"15": 0, "1.5 ": 1}),
    ("-3", {"3": 0, "-3": 1}),
    ("a/b", {"ab": 0, "A/B": 1}),
    ("café", {"cafe\u0301": 1, "cafe": 0}),
    ({"exact": "New York"}, {"New York": 1, "new york": 0}),
    ({"string": "New York!", "ignore": "punctuation"}, {"newyork": 1, "new-york": 1, "new yorks": 0}),
    ({"string": "-5", "ignore": "punctuation"}, {"5": 0, "−5": 1, "(-5)": 1, "- 5": 0}),
    ({"string": "5", "ignore": "punctuation"}, {"-5": 0, ".5": 0, "+5.": 1, "5%": 0, "$5": 0}),
    ({"string": "15", "ignore": "punctuation"}, {"1.5": 0, "1,5": 0, "1/5": 0, "1^5": 0, "1⁵": 0, "(15)": 1}),
    ({"string": "No. 1,500", "ignore": "punctuation"}, {"no 1500": 1, "no. 1.500": 0}),
    ({"string": "555-1234", "ignore": "punctuation"}, {"5551234": 1, "555 1234": 1}),
    ({"string": "C++", "ignore": "punctuation"}, {"c": 0, "c++": 1}),
    ({"date": "2024-05-06"}, {"2024-05-06": 1, "May 6, 2024": 1, "6th May 2024": 1, "2024-06-05": 0, "05/06/2024": 0}),
    ({"date": "2024-05-06", "order": "mdy"}, {"05/06/2024": 1, "06/05/2024": 0}),
    ({"date": "2024-05-06T10:00:00Z"}, {"2024-05-06T12:00:00+02:00": 1, "2024-05-06": 0, "2024-05-06T12:00:00": 0}),
    ({"one_of": ["a", {"regex": "[0-9]+b", "example": "1b"}]}, {"A": 1, "22b": 1, "22b2": 0, "": 0}),
    ({"regex": "(a|b)+c", "example": "abc"}, {"bbc": 1, "xbc": 0}),
    ({"any": "x"}, {"": 1, "y": 1}),
]


@pytest.mark.parametrize(("wanted", "value", "right"), [(w, v, x) for w, vs in COMPARED for v, x in vs.items()])
def test_comparators_of_texts(wanted: Any, value: str, right: int) -> None:
    assert says(value, f({"type": "string"}, wanted)) == ("correct" if right else "incorrect")


@pytest.mark.parametrize(
    ("wanted", "value", "right"),
    [
        ({"number": 100, "rel": 0.01}, 101, True),
        ({"number": 100, "rel": 0.01}, 101.5, False),
        ({"number": 0, "abs": 0.5}, -0.5, True),
        ({"number": 100}, 100.0000001, False),
        ({"set": [1, 2, 2]}, [2, 1, 2], True),
        ({"set": [1, 2, 2]}, [1, 1, 2], False),
        ({"set": [{"one_of": [1, 2]}, 1]}, [1, 2], True),
        ({"set": [{"one_of": [1, 2]}, 1]}, [2, 2], False),
        ([1, 2], [2, 1], False),
        ({"list": [1, {"number": 2, "abs": 0.1}]}, [1, 2.05], True),
        ({"object": {"k": "v", "o": {"default_ok": 1}}}, {"k": "V"}, True),
        ({"object": {"k": "v", "o": {"default_ok": 1}}}, {"k": "v", "o": 1}, True),
        ({"object": {"k": "v", "o": {"default_ok": 1}}}, {"k": "v", "o": 2}, False),
        ({"object": {"k": "v"}}, {"k": "v", "more": 1}, False),
        ({"value": {"one_of": [1]}}, {"one_of": [1]}, True),
        (None, None, True),
        (None, False, False),
        ({"value": [0]}, [False], False),
    ],
)
def test_other_comparators(wanted: Any, value: Any, right: bool) -> None:
    assert says(value, f({}, wanted)) == ("correct" if right else "incorrect")


def test_dots_may_be_underscores_where_that_is_one_tool() -> None:
    tools = [{"name": "a.b"}, {"name": "a_b"}, {"name": "c.d.e"}]
    assert grade("a_b()", {"tools": tools, "calls": [{"name": "a.b"}]}).status == "incorrect"
    assert grade("a_b()", {"tools": tools[::2], "calls": [{"name": "a.b"}]}).status == "correct"
    unclear = [{"name": "a.b_c"}, {"name": "a_b.c"}]
    assert grade("a_b_c()", {"tools": unclear, "calls": [{"name": "a.b_c"}]}).status == "incorrect"
    assert grade("c_d_e()", {"tools": tools, "calls": [{"name": "c.d.e"}]}).status == "correct"


def test_order_is_kept_whatever_else_is_called() -> None:
    gold = {**ORDERED, "extra": {"reads": ["read"], "budget": 2}}
    assert grade("[read(id=5), read(id=1), read(id=1), write(id=1)]", gold).status == "correct"
    assert grade("[write(id=1), read(id=1)]", gold).status == "incorrect"
    assert grade("[read(id=2), write(id=1), read(id=1)]", gold).status == "incorrect"


def test_a_partial_order_finds_overlapping_calls() -> None:
    """The first may be 1 or 2, the second 1, and the first comes before the second."""
    calls = [{"name": "f", "arguments": {"a": {"one_of": [1, 2]}}}, {"name": "f", "arguments": {"a": 1}}]
    gold = {"tools": NUMBER["tools"], "calls": calls, "order": [[0, 1]]}
    assert grade("[f(a=2), f(a=1)]", gold).status == "correct"
    assert grade("[f(a=1), f(a=1)]", gold).status == "correct"
    assert grade("[f(a=1), f(a=2)]", gold).status == "incorrect"


def test_reads_cost_after_the_budget() -> None:
    scores = [grade(f"[{'read(id=7), ' * n}write(id=1)]", BUDGET).score for n in range(5)]
    assert scores == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert grade("[read(id='x'), write(id=1)]", BUDGET).score == 0.0  # it breaks its schema
    assert grade("[read(id=7, more=1), write(id=1)]", BUDGET).score == 0.0
    assert grade("[write(id=1), write(id=2)]", BUDGET).score == 0.0


def test_dense_shares_by_hand() -> None:
    """Names, keys and values; nine tenths of their mean."""

    def share(reply: str, gold: Any) -> float:
        return grade(reply, gold, reward="dense").score

    assert share("f(a=1, b=3)", PAIR) == pytest.approx(0.9 * (1 + 1 + 1 / 2) / 3)
    assert share("f(a=1)", PAIR) == pytest.approx(0.9 * (1 + 1 / 2 + 1 / 2) / 3)
    assert share("f(a=1, b=2, c=3)", PAIR) == pytest.approx(0.9 * (1 + 2 / 3 + 2 / 3) / 3)
    assert share("[f(a=1), f(a=2), f(a=2)]", PARALLEL) == pytest.approx(0.9 * (1 + 2 / 3 + 2 / 3) / 3)
    assert share("f(a=2)", PARALLEL) == pytest.approx(0.9 * (1 + 1 / 2 + 1 / 2) / 3)
    assert share("[f(a=1), g(a=2)]", PARALLEL) == pytest.approx(0.9 * (1 / 2 + 1 / 2 + 1 / 2) / 3)
    assert share("g(a=1, b=2)", PAIR) == 0.0
    assert share("[write(id=1), read(id=1)]", ORDERED) == pytest.approx(0.9)  # all but the order
    assert share("f(a=1, b=2)", PAIR) == 1.0


def test_the_dense_matching_is_the_best_one() -> None:
    """Taken one after the other, the first gold call would take the call that only the second can use."""
    tool = {"name": "f", "parameters": {"properties": {k: {"type": "integer"} for k in "abc"}}}
    gold = {
        "tools": [tool],
        "calls": [
            {"name": "f", "arguments": {"a": 1, "b": {"one_of": [1, 2]}}},
            {"name": "f", "arguments": {"a": 1, "b": 2}},
        ],
    }
    score = grade("[f(a=1, b=2), f(a=1, b=1), f(a=5)]", gold, reward="dense").score
    assert score == pytest.approx(0.9 * (1 + 2 / 3 + 2 / 3) / 3)


INVALID: list[tuple[Any, str]] = [
    (None, "must be a mapping"),
    ({"tools": []}, "list of 1 to"),
    ({"tools": [{}]}, "needs a name"),
    ({"tools": [{"name": "f"}, {"name": "f"}], "calls": [{"name": "f"}]}, "declared twice"),
    ({"tools": [{"name": "f"}]}, "calls must be a list"),
    ({"tools": [{"name": "f"}], "calls": [{"name": "g"}]}, "no tool 'g' is declared"),
    ({"tools": [{"name": "f"}], "calls": [{"name": ["f"]}]}, "is declared"),
    ({"tools": [{"name": "f"}], "call": []}, "did you mean 'calls'"),
    ({"tools": [{"name": "f"}], "calls": [{"name": "f"}], "irrelevant": True}, "only be one of them"),
    ({"tools": [{"name": "f"}], "calls": [{"name": "f"}], "order": [[0, 1]]}, "numbers from 0 to 0"),
    ({**PARALLEL, "order": [[0, 1], [1, 0]]}, "circle"),
    ({**PARALLEL, "extra": {"reads": ["g"]}}, "declared tools"),
    ({**PARALLEL, "extra": {"cost": 0}}, "cost must be"),
    (f({"type": "integr"}, 1), "no type 'integr'"),
    (f({"type": "string", "pattern": "("}, "x"), "cannot be used"),
    (f({"type": "string", "minLength": "x"}, "x"), "not valid"),
    (f({"type": "object", "patternProperties": {}}, {"value": {}}), "not supported"),
    (f({}, {"oneof": [1]}), "did you mean 'one_of'"),
    (f({}, {"number": "1"}), "must be numbers"),
    (f({}, {"date": "soon"}), "is no day"),
    (f({}, {"regex": "a", "example": "b"}), "does not fit its own example"),
    (f({}, {"one_of": []}), "at least one"),
    (f({}, {"set": [{"default_ok": 1}]}), "whole argument"),
    (f({}, float("nan")), "no JSON value"),
    (f({"type": "integer"}, "1"), "breaks the schema of its own tool"),
]


@pytest.mark.parametrize(("gold", "reason"), INVALID)
def test_a_gold_of_the_wrong_shape_says_why(gold: Any, reason: str) -> None:
    verdict = grade("f(a=1)", gold)
    assert verdict.status == "task_invalid"
    assert reason in verdict.feedback
    assert "\n" not in verdict.feedback
    assert reason in gold_problem("tool_calls", gold)


@pytest.mark.parametrize(
    "options",
    [
        {"dialect": "xml"},
        {"reward": "sparse"},
        {"outside": "no"},
        {"scope": "first"},
        {"coerce": True},
        {"max_calls": 0},
    ],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))} must be"):
        grade("", PAIR, **options)


def test_an_argument_that_python_cannot_spell() -> None:
    gold = {
        "tools": [{"name": "f", "parameters": {"properties": {"x-y": {}}}}],
        "calls": [{"name": "f", "arguments": {"x-y": 1}}],
    }
    assert gold_problem("tool_calls", gold) == ""
    assert "another dialect" in gold_problem("tool_calls", gold, {"dialect": "python"})


def test_a_text_that_looks_like_a_tag_survives() -> None:
    gold = f({"type": "string"}, {"exact": "</tool_call><tool_call>"})
    assert grade(gold_reply("tool_calls", gold) or "", gold).status == "correct"


def test_the_task_is_not_changed() -> None:
    answer = json.loads(json.dumps(PAIR))
    task = Task("x", (), answer)
    tool_calls.verify(task, Transcript((Message("assistant", "f(a=1, b=2)"),)))
    assert answer == PAIR
