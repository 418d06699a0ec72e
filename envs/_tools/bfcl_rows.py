"""Rows of the Berkeley function-calling leaderboard as tasks' parts.

A row's functions are shown with the types of JSON Schema; what its answers may be is told by
`agentrl.verifiers._tools.bfcl`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentrl.data import read_jsonl, split_of
from agentrl.envs._tools.requests import Kind
from agentrl.envs._tools.rows import CallRow
from agentrl.errors import DataError
from agentrl.types import Message, Split
from agentrl.verifiers._tools.bfcl import Language, call_gold, no_call_gold

__all__ = ["CATEGORIES", "bfcl_rows", "is_bfcl"]

CATEGORIES: Mapping[str, Kind] = {
    "simple_python": "simple",
    "simple_java": "simple",
    "simple_javascript": "simple",
    "live_simple": "simple",
    "multiple": "multiple",
    "live_multiple": "multiple",
    "parallel": "parallel",
    "parallel_multiple": "parallel",
    "live_parallel": "parallel",
    "live_parallel_multiple": "parallel",
    "irrelevance": "irrelevance",
    "live_irrelevance": "irrelevance",
}
_TYPES = {
    "dict": "object", "HashMap": "object", "Hashtable": "object",
    "float": "number", "double": "number",
    "tuple": "array", "Array": "array", "ArrayList": "array", "list": "array",
    "String": "string", "char": "string",
    "long": "integer", "int": "integer", "short": "integer", "byte": "integer", "Bigint": "integer",
    "Boolean": "boolean", "bool": "boolean",
}  # fmt: skip
_ROLES = ("system", "user", "assistant")
_NOTE = "The functions are written in {}: an object of that language may be given by its name, as text."


def is_bfcl(folder: Path) -> bool:
    """Whether a folder holds the leaderboard's files."""
    return any(_file(folder, category) for category in CATEGORIES)


def bfcl_rows(folder: Path, split: Split, kinds: Sequence[Kind]) -> Iterator[CallRow | None]:
    """The rows of a split; None for one whose answer contradicts its functions or that has none.

    Rows with the same functions are in the same split, four fifths of these sets in train.

    Raises:
        DataError: A file cannot be read, or a row is not what it should be; it says which.
    """
    for category, kind in CATEGORIES.items():
        path = _file(folder, category)
        if kind not in kinds or path is None:
            continue
        truths = {} if kind == "irrelevance" else _truths(folder, category)
        for number, row in enumerate(read_jsonl(path), 1):
            where = f"{path}, row {number}"
            functions = row.get("function")
            if not isinstance(functions, list) or not all(isinstance(f, dict) for f in functions):
                raise DataError(f"{where}: 'function' must be a list of declarations, got {functions!r:.40}")
            if split_of("bfcl", json.dumps(functions, sort_keys=True)) == split:
                yield _row(row, category, kind, truths, where)


def _file(folder: Path, category: str) -> Path | None:
    paths = (folder / f"BFCL_v4_{category}.json{end}" for end in ("", ".gz"))
    return next((path for path in paths if path.is_file()), None)


def _truths(folder: Path, category: str) -> dict[Any, Any]:
    path = _file(folder / "possible_answer", category)
    if path is None:
        raise DataError(
            f"{folder / 'possible_answer'} holds no answers to {category}: BFCL_v4_{category}.json or .json.gz"
        )
    return {row.get("id"): row.get("ground_truth") for row in read_jsonl(path)}


def _row(row: Mapping[str, Any], category: str, kind: Kind, truths: Mapping[Any, Any], where: str) -> CallRow | None:
    language: Language = "java" if category.endswith("java") else "python"
    language = "javascript" if category.endswith("javascript") else language
    messages = _messages(row.get("question"), where)
    if language != "python":
        messages = (Message("system", _NOTE.format(language.title())), *messages)
    try:
        if kind == "irrelevance":
            answer = no_call_gold(row["function"], language=language)
        else:
            answer = call_gold(row["function"], truths[row.get("id")], language=language)
    except DataError:
        return None
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where}: its functions or its answer are not of the leaderboard's form: {error!r:.80}"
        ) from error
    tools = [_shown(function) for function in row["function"]]
    return CallRow(f"bfcl/{row['id']}", kind, category, messages, tools, answer) if tools else None


def _messages(question: Any, where: str) -> tuple[Message, ...]:
    turns = question[0] if isinstance(question, list) and len(question) == 1 else None
    if not isinstance(turns, list) or not all(
        isinstance(m, dict) and m.get("role") in _ROLES and isinstance(m.get("content"), str) for m in turns
    ):
        raise DataError(f"{where}: 'question' must be a list of one list of messages, got {question!r:.60}")
    return tuple(Message(m["role"], m["content"]) for m in turns)


def _shown(function: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _schema(function["parameters"])
    return {"name": function["name"], "description": function.get("description", ""), "parameters": parameters}


def _schema(schema: Any) -> Any:
    """A schema with the types of JSON Schema."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if isinstance(found.get("type"), str):
        found["type"] = _TYPES.get(found["type"], found["type"])
        if found["type"] in ("any", ""):
            del found["type"]
    if isinstance(found.get("properties"), dict):
        found["properties"] = {key: _schema(part) for key, part in found["properties"].items()}
    if "items" in found:
        found["items"] = _schema(found["items"])
    return found
