"""Declarations of tools, and whether a call keeps to them: JSON Schema, strict on types and on names.

A tool is declared as {"name", "parameters"}, or inside {"type": "function", "function": ...}. Names of types from the
Berkeley leaderboard ("dict", "float", "tuple", "any", and Java's) are read as those of JSON Schema. Where a schema
lists properties and says nothing of others, others are not allowed. True is no integer, and 5.0 is none either.
References inside one schema are followed; those that lead back to themselves, or out of it, are refused.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from agentrl.errors import DataError
from agentrl.verifiers._reading.patterns import PatternError
from agentrl.verifiers._tools.formats import formats
from agentrl.verifiers._tools.patterns import check_pattern, found
from agentrl.verifiers._tools.plain import canonical, settled
from agentrl.verifiers._tools.plainly import plainly_fits

__all__ = ["Tool", "coerced", "read_tools"]

MAX_TOOLS = 1000
MAX_SCHEMA_NODES = 20_000
MAX_DECIMALS = 400  # more than a float has: 1.0 is 1, and nothing is rounded
_TYPES = {
    "dict": "object", "HashMap": "object", "Hashtable": "object",
    "float": "number", "double": "number",
    "tuple": "array", "Array": "array", "ArrayList": "array", "list": "array",
    "String": "string", "char": "string",
    "long": "integer", "int": "integer", "short": "integer", "byte": "integer", "Bigint": "integer",
    "Boolean": "boolean", "bool": "boolean",
    "none": "null",
}  # fmt: skip
_ANY = ("any", "")
_KNOWN = ("object", "number", "array", "string", "integer", "boolean", "null")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "dependentSchemas")
_ONE = (
    "items",
    "additionalProperties",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
)
_REFUSED = ("patternProperties", "$dynamicRef", "$recursiveRef")
_DROPPED = ("$defs", "definitions", "$schema", "$id", "$anchor", "optional")


@dataclass(frozen=True, slots=True)
class Tool:
    """One declared tool.

    Attributes:
        name: As declared.
        schema: Of its arguments, in JSON Schema's own words.
        validator: Compiled from it.
    """

    name: str
    schema: Mapping[str, Any]
    validator: Any

    def problem(self, arguments: Mapping[str, Any]) -> str:
        """What the arguments break, by place and rule; the empty string where they keep to the schema."""
        if plainly_fits(arguments, self.schema):
            return ""
        error = next(self.validator.iter_errors(arguments), None)
        if error is None:
            return ""
        place = "/".join(str(part) for part in error.absolute_path)
        return f"{place or 'the arguments'!s:.60}: {error.validator}"

    def allows(self, key: str, value: Any) -> bool:
        """Whether a value keeps to the schema of one argument; never, where there is no such argument."""
        schema = self.schema.get("properties", {}).get(key)
        return schema is not None and bool(self.validator.evolve(schema=schema).is_valid(value))


def read_tools(given: Any) -> dict[str, Tool]:
    """Tools by name.

    Raises:
        DataError: A declaration is none, or a name occurs twice.
    """
    if not isinstance(given, list) or not given or len(given) > MAX_TOOLS:
        raise DataError(f"tools must be a list of 1 to {MAX_TOOLS} declarations, got {given!r:.60}")
    tools: dict[str, Tool] = {}
    for declared in given:
        inner = declared.get("function", declared) if isinstance(declared, dict) else None
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or not isinstance(name, str) or not name:
            raise DataError(f"a tool needs a name and parameters, got {declared!r:.60}")
        if name in tools:
            raise DataError(f"the tool {name!r:.60} is declared twice")
        tools[name] = _tool(name, canonical(inner.get("parameters", inner.get("input_schema", {}))))
    return tools


@functools.lru_cache(4096)
def _tool(name: str, text: str) -> Tool:
    """One tool; the same declaration comes with every task of an environment."""
    import jsonschema

    parameters = json.loads(text)
    if not isinstance(parameters, dict):
        raise DataError(f"tool {name!r:.60}: parameters must be a mapping, got {parameters!r:.60}")
    reader = _Reader(name, parameters, [MAX_SCHEMA_NODES])
    schema = reader.read({"properties": {}, **parameters, "type": "object"}, ())
    kind = _validator_class()
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise DataError(f"tool {name!r:.60}: its schema is not valid: {error.message!s:.100}") from None
    return Tool(name, schema, kind(schema, format_checker=formats()))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Brings one declaration into JSON Schema's words."""

    name: str
    root: Mapping[str, Any]
    left: list[int]

    def read(self, schema: Any, refs: tuple[str, ...], *, merged: str = "") -> Any:
        """A schema; `merged` says that another closes the object it describes a part of."""
        self.left[0] -= 1
        if self.left[0] < 0:
            raise DataError(f"tool {self.name!r:.60}: its schema has over {MAX_SCHEMA_NODES} parts")
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise DataError(f"tool {self.name!r:.60}: a schema must be a mapping, got {schema!r:.60}")
        for key in _REFUSED:
            if key in schema:
                raise DataError(f"tool {self.name!r:.60}: {key} is not supported in its schema")
        if "$ref" in schema:
            return self._followed(schema, refs, merged)
        found = {key: value for key, value in schema.items() if key not in _DROPPED}
        self._set_type(found)
        composed = any(isinstance(found.get(key), list) for key in _LISTS[:3]) or "if" in found
        whole = composed and ("properties" in found or "allOf" in found)
        self._set_parts(found, refs, "part" if whole or merged else "")
        if "pattern" in found:
            self._check(found["pattern"])
        if not merged and whole:
            found.setdefault("unevaluatedProperties", False)
        elif not merged and "properties" in found:
            found.setdefault("additionalProperties", False)
        return found

    def _set_parts(self, found: dict[str, Any], refs: tuple[str, ...], merged: str) -> None:
        for key in found.keys() & {*_LISTS}:
            if isinstance(found[key], list):
                inner = "" if key == "prefixItems" else merged
                found[key] = [self.read(part, refs, merged=inner) for part in found[key]]
        for key in found.keys() & {*_MAPS}:
            if isinstance(found[key], dict):
                inner = "part" if key == "dependentSchemas" else ""
                found[key] = {name: self.read(part, refs, merged=inner) for name, part in found[key].items()}
        for key in found.keys() & {*_ONE}:
            found[key] = self.read(found[key], refs, merged="part" if key in ("not", "if", "then", "else") else "")

    def _set_type(self, found: dict[str, Any]) -> None:
        if "type" not in found:
            return
        given = found["type"] if isinstance(found["type"], list) else [found["type"]]
        if any(kind in _ANY for kind in given):
            del found["type"]
            return
        kinds = [_TYPES.get(kind, kind) if isinstance(kind, str) else kind for kind in given]
        unknown = [kind for kind in kinds if kind not in _KNOWN]
        if unknown:
            raise DataError(f"tool {self.name!r:.60}: no type {unknown[0]!r:.40} is known")
        found["type"] = kinds if len(kinds) > 1 else kinds[0]

    def _followed(self, schema: dict[str, Any], refs: tuple[str, ...], merged: str) -> Any:
        ref = schema["$ref"]
        if not isinstance(ref, str) or not ref.startswith("#/") or ref in refs:
            raise DataError(f"tool {self.name!r:.60}: the reference {ref!r:.60} leads outside or back to itself")
        target: Any = self.root
        for part in ref[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or part not in target:
                raise DataError(f"tool {self.name!r:.60}: the reference {ref!r:.60} leads nowhere")
            target = target[part]
        others = {key: value for key, value in schema.items() if key != "$ref"}
        followed = (*refs, ref)
        if not isinstance(target, dict) or not (others.keys() - {"description", "title", "default"}):
            return self.read(target, followed, merged=merged)
        return self.read({**others, "allOf": [target, *others.get("allOf", [])]}, followed, merged=merged)

    def _check(self, pattern: Any) -> None:
        try:
            check_pattern(str(pattern), "anywhere")
        except PatternError as error:
            raise DataError(f"tool {self.name!r:.60}: {error}") from None


@functools.cache
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    rules = {"pattern": _pattern, "uniqueItems": _unique, "multipleOf": _multiple}
    return validators.extend(Draft202012Validator, rules, type_checker=checker)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not found(pattern, instance, "anywhere"):
        yield ValidationError("the pattern does not fit")


def _unique(validator: Any, unique: bool, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: FBT001  # jsonschema calls it
    """In linear time, where the library compares each item with each other."""
    from jsonschema import ValidationError

    if (
        unique
        and isinstance(instance, list)
        and len({canonical(settled(item, MAX_DECIMALS)) for item in instance}) < len(instance)
    ):
        yield ValidationError("an item occurs twice")


def _multiple(validator: Any, of: float, instance: Any, schema: Any) -> Iterator[Any]:
    """Exact for decimal fractions, of which the library's division by floats finds 0.07 no multiple of 0.01."""
    from jsonschema import ValidationError

    if validator.is_type(instance, "number") and Fraction(str(instance)) % Fraction(str(of)):
        yield ValidationError("it is no multiple")


def coerced(value: Any, schema: Any) -> Any:
    """A value with texts read as the numbers and truth values that its schema asks for, where they are.

    >>> coerced({"n": "5", "deep": ["true"]}, {"properties": {"n": {"type": "integer"},
    ...     "deep": {"items": {"type": "boolean"}}}})
    {'n': 5, 'deep': [True]}
    """
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return {key: coerced(inner, parts.get(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [coerced(inner, schema.get("items")) for inner in value]
    kind = schema.get("type")
    if isinstance(value, float) and kind == "integer" and value.is_integer():
        return int(value)
    if not isinstance(value, str) or kind not in ("integer", "number", "boolean"):
        return value
    if kind == "boolean":
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    text = value.strip()
    if len(text) <= 100 and re.fullmatch(r"[+-]?\d++", text, re.ASCII):
        return int(text)
    if (
        kind == "number"
        and len(text) <= 100
        and re.fullmatch(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d{1,2})?", text, re.ASCII)
    ):
        return float(text)
    return value
