"""States of a world as rows: what a gold changes, what it leaves alone, and what does not count.

A state is a mapping of tables. The value at a path of `depth` keys is a row; above it stand only keys. A path is
"orders/7/status" or ["orders", "7", "status"], and "*" stands for any key; an item of a list has its number as its key.
Keys are texts, as in JSON: the number 7 is no key, and neither a state nor a gold may have it as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from agentrl.errors import DataError
from agentrl.verifiers._tools.plain import PlainError, canonical, settled

__all__ = ["Path", "covers", "get", "read_path", "reduced", "rows_of", "same_row"]

Path = tuple[str, ...]
MISSING = object()
MAX_MASKED = 100


def read_path(given: Any, where: str) -> Path:
    """A path from a gold.

    Raises:
        DataError: It is none.

    >>> read_path("orders/*/status", "mask"), read_path(["a/b", 0], "mask")
    (('orders', '*', 'status'), ('a/b', '0'))
    """
    parts = given.split("/") if isinstance(given, str) else given
    if not isinstance(parts, list) or not parts or not all(isinstance(p, str | int) and p != "" for p in parts):
        raise DataError(f'{where}: a path is "table/key/field" or a list of keys, got {given!r:.60}')
    return tuple(str(part) for part in parts)


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a mapping or list, with what stands under them.

    Raises:
        PlainError: A key is no text.
    """
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise PlainError("a key is no text")
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from ((str(i), inner) for i, inner in enumerate(value))


def rows_of(state: Any, depth: int, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The rows of a state with their paths; what stands above rows is an empty mapping or list, as no row there can be.

    >>> list(rows_of({"orders": {"7": {"n": 1}}, "clock": 5}, 2))
    [((), {}), (('orders',), {}), (('orders', '7'), {'n': 1}), (('clock',), 5)]
    """
    if len(path) == depth or not isinstance(state, Mapping | list | tuple):
        yield path, state
        return
    yield path, {} if isinstance(state, Mapping) else []
    for key, inner in parts_of(state):
        yield from rows_of(inner, depth, (*path, key))


def get(state: Any, path: Path) -> Any:
    """What stands at a path; `MISSING` where nothing does."""
    for key in path:
        state = dict(parts_of(state)).get(key, MISSING)
    return state


def covers(pattern: Path, path: Path) -> bool:
    """Whether a pattern names a path or something above it."""
    return len(pattern) <= len(path) and all(p in ("*", key) for p, key in zip(pattern, path, strict=False))


def reduced(
    value: Any, path: Path, masks: Collection[Path], free: Collection[Path], mode: Literal["kind", "drop"]
) -> Any:
    """A row without what does not count.

    Args:
        value: The row, or a part of it.
        path: Where it stands.
        masks: What is volatile: of it only its kind counts and that it is short ("kind"), or that it is short ("drop").
        free: What is judged elsewhere, and left out here.
        mode: See `masks`.
    """
    if any(covers(mask, path) for mask in masks):
        return _masked(value, mode)
    if not isinstance(value, Mapping | list | tuple):
        return value
    inside = {
        key: reduced(inner, (*path, key), masks, free, mode)
        for key, inner in parts_of(value)
        if not any(covers(pattern, (*path, key)) for pattern in free)
    }
    inside = {key: inner for key, inner in inside.items() if inner is not MISSING}
    return inside if isinstance(value, Mapping) else ["list", inside]


def _masked(value: Any, mode: Literal["kind", "drop"]) -> Any:
    """What counts of a volatile value: junk must not hide in it."""
    if len(canonical(value)) > MAX_MASKED:
        return {"volatile": "long"}
    if mode == "drop":
        return MISSING
    kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    return {"volatile": kind}


def same_row(a: Any, b: Any, decimals: int) -> bool:
    """Whether two rows are equal but for the noise of floats."""
    if a is MISSING or b is MISSING:
        return a is b
    return canonical(settled(a, decimals)) == canonical(settled(b, decimals))


def patterns(given: Any, where: str) -> tuple[Path, ...]:
    """A list of paths from a gold.

    Raises:
        DataError: It is none.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise DataError(f"{where} must be a list of paths, got {given!r:.60}")
    return tuple(read_path(path, where) for path in given)
