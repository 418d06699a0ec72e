"""JSON that a model wrote, read strictly: one value, no duplicate keys, no NaN, bounded in size and depth."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

__all__ = ["JsonError", "parse_json"]

MAX_CHARS = 100_000
MAX_DEPTH = 50
MAX_DIGITS = 400
# A string that never ends goes to the end of the text: tried again from each of its quotes, it would take square time.
_STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.?+)*+"?+|[\[\]{}]', re.DOTALL)


class JsonError(ValueError):
    """The text is not one JSON value within the limits."""


def parse_json(text: str, *, max_chars: int = MAX_CHARS) -> Any:
    """Read one JSON value.

    Raises:
        JsonError: It is none, a key occurs twice, a number is not finite or too long, or a limit is passed.

    >>> parse_json(' {"a": [1, 2.5, null]} ')
    {'a': [1, 2.5, None]}
    """
    if len(text) > max_chars:
        raise JsonError(f"{len(text)} characters are over the limit of {max_chars}")
    if _depth(text) > MAX_DEPTH:
        raise JsonError(f"it is nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int)
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at character {error.pos}") from None


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        mark = text[match.start()]
        if mark != '"':
            depth += 1 if mark in "[{" else -1
            deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise JsonError(f"the key {twice!r:.60} occurs twice")
    return found


def _constant(text: str) -> Any:
    raise JsonError(f"{text} is no number")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise JsonError(f"{text:.40} is too large for a number")
    return value


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise JsonError(f"a number of {len(text)} digits is over the limit of {MAX_DIGITS}")
    return int(text)
