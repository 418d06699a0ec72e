"""Rows of the Berkeley function-calling leaderboard as golds of `tool_calls`.

There a call's arguments map to lists of possible values, in which "" says that the argument may be left out; a mapping
among these values holds such lists again. Java's and JavaScript's objects may be given by the name of a variable, as
text.

Four things are put right where that leaves no doubt: a parameter whose default is null may be null; an enumeration of
texts at an array is one of its items; a text that differs from a member of its enumeration only by case is that member;
and an argument that its declaration requires cannot be left out. Possible values that break the schema are dropped;
where none is left, the row's own answer contradicts its declaration, and it is no usable gold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agentrl.errors import DataError
from agentrl.verifiers._tools.schema import Tool, read_tools
from agentrl.verifiers._tools.values import fold, read_matcher

__all__ = ["Language", "call_gold", "no_call_gold"]

Language = Literal["python", "java", "javascript"]
_OBJECTS = ("array", "Array", "ArrayList", "dict", "HashMap", "Hashtable", "Set")


def no_call_gold(functions: Sequence[Mapping[str, Any]], *, language: Language = "python") -> dict[str, Any]:
    """The gold of a row where no function fits."""
    return {"tools": [_declaration(function, language) for function in functions], "irrelevant": True}


def call_gold(
    functions: Sequence[Mapping[str, Any]], truth: Sequence[Mapping[str, Any]], *, language: Language = "python"
) -> dict[str, Any]:
    """The gold of a row with calls.

    Args:
        functions: The row's `function`.
        truth: The `ground_truth` of its possible answer: calls as {name: {parameter: possible values}}.
        language: Of the row's category.

    Raises:
        DataError: The answer contradicts the declarations.

    >>> f = {"name": "f", "parameters": {"type": "dict", "properties": {"a": {"type": "float"}}, "required": []}}
    >>> call_gold([f], [{"f": {"a": [1.5, 2, ""]}}])["calls"]
    [{'name': 'f', 'arguments': {'a': {'default_ok': {'one_of': [1.5, 2]}}}}]
    """
    tools = [_declaration(function, language) for function in functions]
    read = read_tools(tools)
    calls = []
    for call in truth:
        for name, arguments in call.items():
            if name not in read:
                raise DataError(f"the answer calls {name!r:.60}, which is not declared")
            calls.append({"name": name, "arguments": _arguments(read[name], arguments)})
    return {"tools": tools, "calls": calls}


def _declaration(function: Mapping[str, Any], language: Language) -> dict[str, Any]:
    return {"name": function["name"], "parameters": _schema(function["parameters"], language, depth=0)}


def _schema(schema: Mapping[str, Any], language: Language, *, depth: int) -> dict[str, Any]:
    found = {key: value for key, value in schema.items() if key != "description"}
    if isinstance(found.get("properties"), dict):
        parts = found["properties"].items()
        found["properties"] = {key: _schema(part, language, depth=depth + 1) for key, part in parts}
    if isinstance(found.get("items"), dict):
        found["items"] = _schema(found["items"], language, depth=depth + 1)
    if isinstance(found.get("items"), dict) and not any(isinstance(m, list) for m in found.get("enum", [[]])):
        found["items"] = {**found["items"], "enum": found.pop("enum")}
    if depth and "default" in found and found["default"] is None and found.get("type") not in (None, "any", ""):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    if depth and language != "python" and found.get("type") in _OBJECTS:
        return {"anyOf": [found, {"type": "string"}]}
    return found


def _arguments(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, possible in given.items():
        schema = tool.schema["properties"].get(key)
        if schema is None:
            raise DataError(f"the answer gives {tool.name!r:.60} an argument {key!r:.40}, which is not declared")
        kept = [value for p in possible if tool.allows(key, _example(value := _value(p, schema)))]
        if not kept and "" not in possible:
            raise DataError(f"no possible value of {key!r:.40} keeps to its schema, such as {possible!r:.80}")
        if kept:
            found[key] = _joined(kept, "" in possible and key not in tool.schema.get("required", ()))
    return found


def _joined(values: list[Any], optional: Any) -> Any:
    one = values[0] if len(values) == 1 else {"one_of": values}
    return {"default_ok": one} if optional else one


def _example(comparator: Any) -> Any:
    return read_matcher(comparator, "").examples()[0]


def _value(possible: Any, schema: Any) -> Any:
    """One possible value as a comparator."""
    schema = _inside(schema, possible)
    if isinstance(possible, str):
        members = [m for m in schema.get("enum", ()) if isinstance(m, str) and fold(m) == fold(possible)]
        return possible if possible in members or not members else members[0]
    if isinstance(possible, list):
        return [_value(item, schema.get("items")) for item in possible]
    if isinstance(possible, dict):
        parts = schema.get("properties", {})
        return {"object": {key: _choices(inner, parts.get(key)) for key, inner in possible.items()}}
    return possible


def _choices(possible: Any, schema: Any) -> Any:
    """The field of a mapping: a list of possible values, or at times a value by itself."""
    if not isinstance(possible, list) or not possible:
        return _value(possible, schema)
    return _joined([_value(p, schema) for p in possible if p != ""] or [""], "" in possible)


def _inside(schema: Any, value: Any) -> Mapping[str, Any]:
    """The branch for a value, where a variable's name is allowed beside it."""
    if not isinstance(schema, Mapping):
        return {}
    branches = schema.get("anyOf")
    return branches[int(isinstance(value, str))] if isinstance(branches, list) and len(branches) == 2 else schema
