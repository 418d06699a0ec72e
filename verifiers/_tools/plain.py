"""Plain JSON values: what may come from a policy, brought to exact types within limits; and one text for each."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["PlainError", "canonical", "digest", "plain", "settled"]

MAX_DEPTH = 32
MAX_NODES = 4096
MAX_BITS = 1000
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class PlainError(ValueError):
    """The value is no JSON value within the limits."""


def plain(value: Any, *, max_nodes: int = MAX_NODES) -> Any:
    """The same value in dicts with text keys, lists, and exact JSON types; a tuple becomes a list.

    Raises:
        PlainError: It holds anything else, a number that is not finite or too long, or more than the limits allow.

    >>> plain({"a": (1, 2.5, None)})
    {'a': [1, 2.5, None]}
    """
    left = [max_nodes]
    return _plain(value, MAX_DEPTH, left)


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise PlainError("it holds too many values")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if depth == 0:
        raise PlainError(f"it is nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise PlainError("a key is no text")
        return {key: _plain(inner, depth - 1, left) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth - 1, left) for inner in value]
    raise PlainError(f"{type(value).__name__} is no JSON value")


def _number(value: float) -> float:
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise PlainError("a number is too long")
        return value
    if not math.isfinite(value):
        raise PlainError("a number is not finite")
    return value


def canonical(value: Any) -> str:
    r"""One text for each plain value: keys sorted, no spaces, ASCII only.

    >>> print(canonical({"b": [1, "ä"], "a": None}))
    {"a":null,"b":[1,"\u00e4"]}
    """
    return _ENCODER.encode(value)


def settled(value: Any, decimals: int) -> Any:
    """A plain value with its floats rounded; a float without a fraction becomes an integer.

    >>> settled({"price": 0.1 + 0.2, "count": 2.0, "zero": -0.0}, 6)
    {'price': 0.3, 'count': 2, 'zero': 0}
    """
    if isinstance(value, float):
        rounded = round(value, decimals)
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, dict):
        return {key: settled(inner, decimals) for key, inner in value.items()}
    if isinstance(value, list):
        return [settled(inner, decimals) for inner in value]
    return value


def digest(value: Any, decimals: int) -> str:
    """A hash that two plain values share where they differ only in the order of keys and in the noise of floats."""
    return hashlib.sha256(canonical(settled(value, decimals)).encode()).hexdigest()
