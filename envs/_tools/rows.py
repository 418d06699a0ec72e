"""A row of a data set of calls, whichever it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.envs._tools.requests import Kind
from agentrl.types import Message

__all__ = ["CallRow"]


@dataclass(frozen=True, slots=True)
class CallRow:
    """One usable row, from whichever source.

    Attributes:
        id: Its own.
        kind: Of request.
        category: Of the source.
        messages: What is said; those of a system come first.
        tools: As they are shown.
        answer: The gold for `tool_calls`.
    """

    id: str
    kind: Kind
    category: str
    messages: tuple[Message, ...]
    tools: Sequence[Mapping[str, Any]]
    answer: Mapping[str, Any]
