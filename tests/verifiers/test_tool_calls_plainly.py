"""The quick look at arguments says yes only where the JSON Schema library does."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.envs.tool_calls import ToolCalls
from agentrl.verifiers._tools.gold import read_gold
from agentrl.verifiers._tools.plainly import plainly_fits
from agentrl.verifiers._tools.schema import read_tools

SCALARS = st.sampled_from(
    [None, True, False, 0, 1, -1, 2, 5, 1.0, 2.5, math.nan, "", "a", "ab", "a1", "2024-02-30", "2024-02-29", "10:00:00"]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", "any", ["string", "null"]]),
        "enum": st.lists(SCALARS.filter(lambda value: value == value), min_size=1, max_size=4),
        "pattern": st.sampled_from(["^a", "[0-9]", "(a|b)+$"]),
        "format": st.sampled_from(["date", "time", "ipv4", "unknown"]),
        "minimum": st.sampled_from([0, 1.5]),
        "maximum": st.sampled_from([1, 2.5]),
        "exclusiveMinimum": st.just(1),
        "exclusiveMaximum": st.just(2),
        "minItems": st.just(1),
        "maxItems": st.just(2),
        "uniqueItems": st.just(value=True),
        "minLength": st.just(1),
        "const": SCALARS.filter(lambda value: value == value),
        "not": st.just({"type": "string"}),
        "description": st.just("said"),
    },
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(["object", "array"])},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "required": st.lists(st.sampled_from("abc"), unique=True, max_size=2),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "minItems": st.just(1),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
        },
    )


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.recursive(PLAIN, nested, max_leaves=5), max_size=3), st.data())
def test_it_says_yes_only_where_the_library_does(properties: dict[str, Any], data: st.DataObject) -> None:
    read = read_tools([{"name": "t", "parameters": {"properties": properties, "required": sorted(properties)[:1]}}])[
        "t"
    ]
    arguments = data.draw(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4))
    if plainly_fits(arguments, read.schema):
        assert read.validator.is_valid(arguments)


WHOLE = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False, "required": ["a"]}


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        ({"a": 1}, WHOLE, True),
        ({"a": True}, WHOLE, False),
        ({"a": 1.0}, WHOLE, False),
        ({}, WHOLE, False),
        ({"a": 1, "b": 1}, WHOLE, False),
        ("a", {"type": "string", "enum": ["a", "b"]}, True),
        ("c", {"type": "string", "enum": ["a", "b"]}, False),
        ("2024-02-29", {"type": "string", "format": "date"}, True),
        ("2024-02-30", {"type": "string", "format": "date"}, False),
        ("AB-12", {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}, True),
        ("AB-x", {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"}, False),
        (3, {"type": "integer", "minimum": 1, "maximum": 3}, True),
        (4, {"type": "integer", "minimum": 1, "maximum": 3}, False),
        (1, {"type": "number", "exclusiveMinimum": 1}, False),
        ([1, 2], {"type": "array", "items": {"type": "integer"}, "minItems": 2}, True),
        ([1, "2"], {"type": "array", "items": {"type": "integer"}}, False),
        ([], {"type": "array", "minItems": 1}, False),
        ([1, 2], {"type": "array", "maxItems": 1}, False),
    ],
)
def test_what_it_sees(value: Any, schema: Any, fits: bool) -> None:
    assert plainly_fits(value, schema) is fits


@pytest.mark.parametrize(
    "schema", [True, {"const": 1}, {"$ref": "#/a"}, {"anyOf": [{"type": "integer"}]}, {"enum": [1]}]
)
def test_what_it_leaves_to_the_library(schema: Any) -> None:
    assert not plainly_fits(1, schema)


@pytest.mark.parametrize("level", [1, 3])
def test_generated_calls_do_not_need_the_library(level: int) -> None:
    for task in ToolCalls(level=level).all_tasks("train")[:40]:
        gold = read_gold(task.answer)
        assert all(plainly_fits(call.arguments, gold.tools[call.name].schema) for call in gold.example())
