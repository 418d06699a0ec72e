"""Rows of Seal-Tools as tasks' parts: the tools that a row calls, among others of other fields.

A row is kept where each value of its answer stands in the request and none comes from another call: the values were
written by a model, and one that the request does not name cannot be found by reading.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentrl.data import read_jsonl
from agentrl.envs._tools.requests import Kind
from agentrl.envs._tools.rows import CallRow
from agentrl.errors import DataError
from agentrl.types import Message, Split

__all__ = ["is_seal", "seal_rows", "seal_tools"]

FILES: Mapping[Split, Sequence[str]] = {"train": ("dev",), "test": ("test_in_domain", "test_out_domain")}
OTHERS = 5
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def is_seal(folder: Path) -> bool:
    """Whether a folder holds the data set's files."""
    return _file(folder, "tool").is_file()


def seal_tools(folder: Path) -> dict[str, dict[str, Any]]:
    """Declarations by name, each with its field.

    Raises:
        DataError: The file cannot be read, or a row is not what it should be.
    """
    path, found = _file(folder, "tool"), {}
    for number, row in enumerate(read_jsonl(path), 1):
        try:
            properties = {
                name: {"type": _TYPES[p["type"]], "description": p["description"]}
                for name, p in row["parameters"].items()
            }
            schema = {"type": "object", "properties": properties, "required": list(row["required"])}
            found[row["api_name"]] = {
                "name": row["api_name"],
                "description": row["api_description"],
                "parameters": schema,
                "field": row["field"].partition("/")[0],
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, row {number}: it is no tool of Seal-Tools: {error!r:.80}") from error
    return found


def seal_rows(folder: Path, split: Split, kinds: Sequence[Kind]) -> Iterator[CallRow | None]:
    """The rows of a split; None for one that reading cannot solve. One call is "multiple", several are "parallel".

    Raises:
        DataError: A file cannot be read, or a row is not what it should be.
    """
    tools = seal_tools(folder)
    for name in FILES[split]:
        path = _file(folder, name)
        for number, row in enumerate(read_jsonl(path), 1):
            try:
                query, calls = (
                    row["query"].strip(),
                    [(call["api"], dict(call["parameters"])) for call in row["calling"]],
                )
                kind: Kind = "multiple" if len(calls) == 1 else "parallel"
                if kind in kinds:
                    yield _row(f"seal/{row['id']}", kind, name, query, calls, tools)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise DataError(f"{path}, row {number}: it is no row of Seal-Tools: {error!r:.80}") from error


def _file(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.jsonl.gz"
    return packed if packed.is_file() else folder / f"{name}.jsonl"


def _row(
    id: str,
    kind: Kind,
    category: str,
    query: str,
    calls: Sequence[tuple[str, dict[str, Any]]],
    tools: Mapping[str, Any],
) -> CallRow | None:
    names = list(dict.fromkeys(name for name, _ in calls))
    if not calls or any(name not in tools for name in names) or not _readable(query, calls):
        return None
    fields = {tools[name]["field"] for name in names}
    rng = random.Random(f"seal_tools/{id}")
    pool = [name for name, tool in tools.items() if tool["field"] not in fields]
    shown = names + rng.sample(pool, min(OTHERS, len(pool)))
    rng.shuffle(shown)
    declared = [{k: v for k, v in tools[name].items() if k != "field"} for name in shown]
    gold = {
        "tools": [{"name": t["name"], "parameters": _bare(t["parameters"])} for t in declared],
        "calls": [{"name": n, "arguments": {k: _gold(v) for k, v in a.items()}} for n, a in calls],
    }
    return CallRow(id, kind, category, (Message("user", query),), declared, gold)


def _readable(query: str, calls: Sequence[tuple[str, dict[str, Any]]]) -> bool:
    """Whether every value stands in the request, and no two calls are the same."""
    if len({json.dumps(call, sort_keys=True) for call in calls}) < len(calls):
        return False
    values = [value for _, arguments in calls for value in arguments.values()]
    plain = all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in values)
    return plain and all(str(value) and str(value).casefold() in query.casefold() for value in values)


def _gold(value: Any) -> Any:
    """A sentence's full stop may stay with a text or go."""
    return (
        {"string": value, "ignore": "punctuation"}
        if isinstance(value, str) and value.endswith((".", "!", "?"))
        else value
    )


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: {"type": part["type"]} for name, part in schema["properties"].items()}
    return {**schema, "properties": properties}
