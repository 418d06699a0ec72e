"""Most schemas ask for a few properties of plain types, and most arguments have them: that is seen in one pass.

What this does not see goes to the JSON Schema library, which takes longer and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentrl.verifiers._tools.formats import formats
from agentrl.verifiers._tools.patterns import found_at_once

__all__ = ["plainly_fits"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def plainly_fits(value: Any, schema: Any) -> bool:
    """Whether a value surely keeps to a schema; False says nothing.

    Args:
        value: Of exact JSON types.
        schema: In JSON Schema's words.

    >>> schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    >>> [plainly_fits(value, schema) for value in ({"n": 1}, {"n": True}, {}, {"n": 1, "m": 2})]
    [True, False, False, False]
    """
    if not isinstance(schema, dict) or "$ref" in schema:
        return False
    return all(key in _RULES and _RULES[key](value, part, schema) for key, part in schema.items())


def _has_type(value: Any, kind: Any, _: Any) -> bool:
    return isinstance(kind, str) and type(value) in _TYPES[kind]


def _is_listed(value: Any, values: Any, _: Any) -> bool:
    """Texts only: whether numbers and truth values are equal is the library's to say."""
    return type(value) is str and any(type(one) is str and one == value for one in values)


def _has_properties(value: Any, properties: Any, _: Any) -> bool:
    return type(value) is dict and all(
        name not in value or plainly_fits(value[name], part) for name, part in properties.items()
    )


def _has_all(value: Any, required: Any, _: Any) -> bool:
    return type(value) is dict and all(name in value for name in required)


def _has_no_more(value: Any, allowed: Any, schema: Any) -> bool:
    return allowed is False and type(value) is dict and value.keys() <= schema.get("properties", {}).keys()


def _has_items(value: Any, schema: Any, _: Any) -> bool:
    return type(value) is list and all(plainly_fits(item, schema) for item in value)


def _has_format(value: Any, name: Any, _: Any) -> bool:
    return bool(formats().conforms(value, name))


def _has_pattern(value: Any, pattern: Any, _: Any) -> bool:
    return type(value) is str and found_at_once(pattern, value)


def _is_number(value: Any) -> bool:
    return type(value) in _TYPES["number"]


def _is_remark(_: Any, __: Any, ___: Any) -> bool:
    return True


_RULES: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "type": _has_type,
    "enum": _is_listed,
    "properties": _has_properties,
    "required": _has_all,
    "additionalProperties": _has_no_more,
    "items": _has_items,
    "format": _has_format,
    "pattern": _has_pattern,
    "minimum": lambda value, least, _: _is_number(value) and value >= least,
    "maximum": lambda value, most, _: _is_number(value) and value <= most,
    "exclusiveMinimum": lambda value, bound, _: _is_number(value) and value > bound,
    "minItems": lambda value, least, _: type(value) is list and len(value) >= least,
    "maxItems": lambda value, most, _: type(value) is list and len(value) <= most,
    "title": _is_remark,
    "description": _is_remark,
    "default": _is_remark,
}
