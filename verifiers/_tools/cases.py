"""The truth table of `tool_calls`."""

from __future__ import annotations

from typing import Any

from agentrl.types import Message, ToolCall, Transcript

Row = tuple[Any, str | Transcript, dict[str, Any], str]


def _tool(name: str, required: list[str] | None = None, **kinds: Any) -> dict[str, Any]:
    properties = {key: kind if isinstance(kind, dict) else {"type": kind} for key, kind in kinds.items()}
    parameters = {"type": "object", "properties": properties, "required": list(kinds) if required is None else required}
    return {"name": name, "parameters": parameters}


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


_AB = _tool("f", a="integer", b="integer")
_A = _tool("f", a="integer")
_TEXT = _tool("f", a="string")
_LIST = _tool("f", a={"type": "array", "items": {"type": "string"}})
_MANY = [
    _tool("read", id="integer"),
    _tool("write", id="integer"),
    _tool("send.mail", [], to="string", urgent="boolean"),
]

PAIR = {"tools": [_AB], "calls": [_call("f", a=1, b=2)]}
NUMBER = {"tools": [_A], "calls": [_call("f", a=1)]}
CITY = {"tools": [_TEXT], "calls": [_call("f", a="new york ")]}
DIGITS = {"tools": [_TEXT], "calls": [_call("f", a="15")]}
PARALLEL = {"tools": [_A], "calls": [_call("f", a=1), _call("f", a=2)]}
NESTED = {"tools": [_LIST], "calls": [_call("f", a=["1", "2"])]}
NONE_FITS = {"tools": [_TEXT], "irrelevant": True}
OVERLAP = {"tools": [_A], "calls": [_call("f", a={"one_of": [1, 2]}), _call("f", a=1)]}
ORDERED = {"tools": _MANY, "calls": [_call("read", id=1), _call("write", id=1)], "order": [[0, 1]]}
BUDGET = {
    "tools": _MANY,
    "calls": [_call("write", id=1)],
    "extra": {"reads": ["read"], "budget": 1, "cost": 0.5},
}
MAIL = {"tools": _MANY, "calls": [_call("send.mail", to="Ann", urgent={"default_ok": False})]}
_STRUCTURED = Transcript((Message("assistant", "", (ToolCall("f", {"b": 2, "a": 1}),)),))
_SENTENCE = "Sorry, none of these tools can answer that."

CASES: list[Row] = [
    (PAIR, '<tool_call>\n{"name": "f", "arguments": {"b": 2, "a": 1}}\n</tool_call>', {}, "correct"),
    (PAIR, 'I will call f.\n<tool_call>{"name": "f", "arguments": {"a": 1, "b": 2}}</tool_call>', {}, "correct"),
    (
        PAIR,
        'Now: <tool_call>{"name": "f", "arguments": {"a": 1, "b": 2}}</tool_call>',
        {"outside": "reject"},
        "malformed",
    ),
    (PAIR, '[{"name": "f", "arguments": {"a": 1, "b": 2}}]', {}, "correct"),
    (PAIR, '```json\n{"name": "f", "arguments": {"a": 1, "b": 2}}\n```', {"dialect": "json"}, "correct"),
    (PAIR, '{"name": "f", "parameters": {"a": 1, "b": 2}}', {"dialect": "llama"}, "correct"),
    (PAIR, '{"name": "f", "parameters": {"a": 1, "b": 2}}', {"dialect": "json"}, "malformed"),
    (PAIR, "[f(b=2, a=1)]", {"dialect": "python"}, "correct"),
    (PAIR, "f(a=1, b=2)", {}, "correct"),
    (PAIR, "f(1, 2)", {}, "malformed"),
    (PAIR, "f(a=1, b=1+1)", {}, "malformed"),
    (PAIR, "f(a=1, b=2) and that is it", {}, "malformed"),
    (PAIR, _STRUCTURED, {}, "correct"),
    (PAIR, '{"name": "f", "arguments": {"a": 1, "a": 1, "b": 2}}', {}, "malformed"),
    (PAIR, "f(a=1)", {}, "incorrect"),
    (PAIR, "f(a=1, b=2, c=3)", {}, "incorrect"),
    (PAIR, "g(a=1, b=2)", {}, "incorrect"),
    (PAIR, "f(a=1, b=3)", {"reward": "dense"}, "partial"),
    (PAIR, "The answer is 3.", {}, "no_answer"),
    (PAIR, "<think>f(a=1, b=2)", {}, "no_answer"),
    (PAIR, "", {}, "no_answer"),
    (NUMBER, "f(a=True)", {}, "incorrect"),
    (NUMBER, "f(a=1.0)", {}, "incorrect"),
    (NUMBER, "f(a='1')", {}, "incorrect"),
    (NUMBER, "f(a='1')", {"coerce": "lenient"}, "correct"),
    (CITY, "f(a='New York')", {}, "correct"),
    (DIGITS, "f(a='1.5')", {}, "incorrect"),
    (PARALLEL, "[f(a=2), f(a=1)]", {}, "correct"),
    (PARALLEL, "[f(a=1), f(a=2), f(a=2)]", {}, "incorrect"),
    (NESTED, "f(a=[1, 2])", {}, "incorrect"),
    (OVERLAP, "[f(a=1), f(a=2)]", {}, "correct"),
    (ORDERED, "[read(id=1), write(id=1)]", {}, "correct"),
    (ORDERED, "[write(id=1), read(id=1)]", {}, "incorrect"),
    (BUDGET, "[read(id=9), write(id=1)]", {}, "correct"),
    (BUDGET, "[read(id=9), read(id=9), write(id=1)]", {}, "partial"),
    (BUDGET, "[read(id=9), read(id=9), read(id=9), write(id=1)]", {}, "incorrect"),
    (BUDGET, "[write(id=1), write(id=1)]", {}, "incorrect"),
    (MAIL, "send_mail(to='ann')", {}, "correct"),
    (MAIL, "send.mail(to='ann', urgent=False)", {}, "correct"),
    (MAIL, "send.mail(to='ann', urgent=True)", {}, "incorrect"),
    (NONE_FITS, _SENTENCE, {}, "correct"),
    (NONE_FITS, "f(a='x')", {}, "incorrect"),
    (NONE_FITS, "f(a=", {}, "incorrect"),
    (NONE_FITS, '{"name": "f", "arguments": ', {}, "incorrect"),
    (NONE_FITS, "abc", {}, "incorrect"),
    (NONE_FITS, "", {}, "no_answer"),
    ({"tools": [_A], "calls": []}, _SENTENCE, {}, "task_invalid"),
    ({"tools": [_A], "calls": [_call("f", a="one")]}, "f(a='one')", {}, "task_invalid"),
    ("f(a=1)", "f(a=1)", {}, "task_invalid"),
]
