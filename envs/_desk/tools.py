"""Tools of a desk: what the agent may call, with arguments that are checked before anything is done."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.envs._desk.world import Change, ToolError, World
from agentrl.verifiers._tools.parse import Call
from agentrl.verifiers._tools.plain import PlainError, plain
from agentrl.verifiers._tools.schema import Tool as Declared
from agentrl.verifiers._tools.schema import read_tools

__all__ = ["CLOSE", "TRANSFER", "Result", "Tool", "amount", "choice", "closing", "ids", "one_of", "run_tool", "text"]

CLOSE = "close_case"
TRANSFER = "transfer_to_human_agents"
MAX_TEXT = 2000
MAX_NUMBER = 10**9
_ENCODER = json.JSONEncoder(ensure_ascii=False)
Json = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: As the agent calls it.
        says: What it does.
        properties: JSON Schemas of its arguments; all are required, and no others are taken.
        run: From the world and the arguments to a JSON value; a `ToolError` refuses the call.
    """

    name: str
    says: str
    properties: Mapping[str, Json]
    run: Callable[..., Any]

    def schema(self) -> Json:
        """As function-calling models know it."""
        parameters = {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.properties),
            "additionalProperties": False,
        }
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.says, "parameters": parameters},
        }

    @functools.cached_property
    def compiled(self) -> Declared:
        """The schema, compiled."""
        return read_tools([self.schema()])[self.name]


def text(says: str) -> Json:
    """An argument that is text."""
    return {"type": "string", "description": says, "maxLength": MAX_TEXT}


def amount(says: str, least: int = 0) -> Json:
    """An argument that is a whole number."""
    return {"type": "integer", "description": says, "minimum": least, "maximum": MAX_NUMBER}


def one_of(says: str, values: Sequence[str]) -> Json:
    """An argument that is one of some words."""
    return {"type": "string", "enum": list(values), "description": says}


def choice(wanted: str, among: Sequence[Mapping[str, Any]], what: str) -> Mapping[str, Any]:
    """The row of an id among some.

    Raises:
        ToolError: It is none of them.
    """
    found = next((row for row in among if row["id"] == wanted), None)
    if found is None:
        raise ToolError(f"{wanted!r:.60} is no {what}; there are: {', '.join(row['id'] for row in among) or 'none'}")
    return found


def ids(says: str) -> Json:
    """An argument that is a list of ids, each at most once."""
    item = {"type": "string", "maxLength": MAX_TEXT}
    return {"type": "array", "items": item, "minItems": 1, "maxItems": 20, "uniqueItems": True, "description": says}


def closing(outcomes: Sequence[str]) -> Tool:
    """The tool that ends a case; the environment itself carries it out."""
    properties = {
        "outcome": one_of("How the case ends.", outcomes),
        "message": text("The last thing that the customer reads; it states what the customer asked to know."),
    }
    return Tool(CLOSE, "Say goodbye and close the case. Nothing can be done after that.", properties, _nothing)


def _nothing(world: World, **arguments: Any) -> None:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call: JSON text, what was looked at and changed, and whether it was refused."""

    text: str
    change: Change
    refused: bool


def run_tool(tools: Mapping[str, Tool], world: World, call: Call) -> Result:
    """Carry out a call."""
    try:
        arguments = checked(tools, call)
        result, change = world.run(lambda: tools[call.name].run(world, **arguments))
    except ToolError as error:
        return Result(json.dumps({"error": str(error)}), Change(error.reads, ()), refused=True)
    return Result(_ENCODER.encode(result), change, refused=False)


def checked(tools: Mapping[str, Tool], call: Call) -> Json:
    """The arguments of a call.

    Raises:
        ToolError: There is no such tool, or they do not keep to its schema.
    """
    if call.name not in tools:
        raise ToolError(f"there is no tool {call.name!r:.60}; there are: {', '.join(tools)}")
    tool = tools[call.name]
    try:
        arguments: Json = plain(call.arguments)
    except PlainError as error:
        raise ToolError(f"the arguments cannot be read: {error}") from None
    missing = [name for name in tool.properties if name not in arguments]
    unknown = [name for name in arguments if name not in tool.properties]
    if missing or unknown:
        wrong = f"missing: {', '.join(missing)}" if missing else f"unknown: {unknown[0]!r:.60}"
        raise ToolError(f"{tool.name} takes {', '.join(tool.properties) or 'no arguments'}; {wrong}")
    problem = tool.compiled.problem(arguments)
    if problem:
        raise ToolError(f"wrong argument of {tool.name}, {problem}")
    if not _storable(arguments):
        raise ToolError("the arguments hold characters or numbers that cannot be stored")
    return arguments


def _storable(value: Any) -> bool:
    """Whether SQLite takes all texts and numbers in a value."""
    if isinstance(value, dict):
        return all(_storable(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_storable(inner) for inner in value)
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, int) or abs(value) <= MAX_NUMBER
