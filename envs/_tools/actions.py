"""What a tool is here: its declaration, and the phrases that ask for it.

A phrase is an imperative with its arguments in braces and parts that may be left out in brackets, as in
"book a table at {place}[ for {people} people]". A part is said where all its arguments are given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentrl.envs._tools.kinds import Scene, Value, ValueKind

__all__ = ["Action", "Asked", "Parameter", "drawn", "phrase"]

_PART = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ABSENT = "\0"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool.

    Attributes:
        kind: Of its values.
        about: Its description.
        optional: Whether it may be left out.
        default: What the tool takes where it is left out; None where that is not said.
    """

    kind: ValueKind
    about: str = ""
    optional: bool = False
    default: Any = None

    def schema(self) -> dict[str, Any]:
        """In JSON Schema, with its description and default."""
        schema = self.kind.schema()
        about = "; ".join(text for text in (self.about, schema.pop("description", "")) if text)
        found = {**schema, **({"description": about} if about else {})}
        return found if self.default is None else {**found, "default": self.default}


@dataclass(frozen=True, slots=True)
class Action:
    """A tool.

    Attributes:
        name: Of the function.
        about: Its description.
        parameters: By name.
        phrases: That ask for it.
        again: The argument that "the same for ..." may change.
    """

    name: str
    about: str
    parameters: Mapping[str, Parameter]
    phrases: tuple[str, ...]
    again: str = ""

    def declaration(self) -> dict[str, Any]:
        """Name, description and parameters, as JSON Schema."""
        properties = {name: parameter.schema() for name, parameter in self.parameters.items()}
        required = [name for name, parameter in self.parameters.items() if not parameter.optional]
        schema = {"type": "object", "properties": properties, "required": required}
        return {"name": self.name, "description": self.about, "parameters": schema}

    def droppable(self, pattern: str) -> list[str]:
        """Required arguments that a phrase can leave unsaid."""
        named = [slot for part in _PART.findall(pattern) for slot in _SLOT.findall(part)]
        return [name for name in named if not self.parameters[name].optional]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a request asks for.

    Attributes:
        action: The tool.
        values: The arguments that are said.
        text: The imperative that says them.
    """

    action: Action
    values: Mapping[str, Value]
    text: str

    def gold(self) -> dict[str, Any]:
        """As `tool_calls` wants it: what equals the default may be left out."""
        found: dict[str, Any] = {}
        for name, parameter in self.action.parameters.items():
            value = self.values.get(name)
            if value is not None:
                same = parameter.default is not None and value.plain == parameter.default
                found[name] = {"default_ok": value.gold} if same else value.gold
            elif parameter.default is not None:
                found[name] = {"default_ok": parameter.default}
        return {"name": self.action.name, "arguments": found}

    def plain(self) -> list[Any]:
        """Name and arguments; calls that are equal have equal ones."""
        return [self.action.name, {name: self.values[name].plain for name in sorted(self.values)}]


def drawn(action: Action, scene: Scene, drop: str = "") -> Asked:
    """A call of a tool, with each optional argument that its phrase can say half of the time from level 2 on.

    Args:
        action: The tool.
        scene: Where values come from.
        drop: A required argument that is left unsaid.
    """
    patterns = [p for p in action.phrases if not drop or drop in action.droppable(p)]
    pattern = scene.random.choice(patterns)
    said = set(_SLOT.findall(pattern))
    values = {}
    for name, parameter in action.parameters.items():
        wanted = not parameter.optional or (scene.level > 1 and scene.random.random() < 0.5)
        if name in said and name != drop and wanted:
            values[name] = parameter.kind.draw(scene)
    return Asked(action, values, phrase(pattern, values))


def phrase(pattern: str, values: Mapping[str, Value]) -> str:
    """A phrase with its values.

    >>> one = Value(1, "one", 1)
    >>> phrase("take {a}[ of {b}]", {"a": one}), phrase("take {a}[ of {b}]", {"a": one, "b": one})
    ('take one', 'take one of one')
    """

    def fill(text: str) -> str:
        return _SLOT.sub(lambda slot: values[slot[1]].said if slot[1] in values else _ABSENT, text)

    def part(found: re.Match[str]) -> str:
        filled = fill(found[1])
        return "" if _ABSENT in filled else filled

    return fill(_PART.sub(part, pattern))
