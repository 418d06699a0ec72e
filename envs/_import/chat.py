"""Messages and tools in OpenAI's form, as our own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.errors import DataError
from agentrl.types import Message, Role, ToolCall

__all__ = ["messages_of", "tools_of"]

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def messages_of(value: Any) -> tuple[Message, ...]:
    """A prompt: a list holds messages, as does the JSON text of one; other text is one user message.

    Raises:
        DataError: It is neither, or a message is not what it should be.

    >>> messages_of("Hello")[0].role, messages_of([{"role": "developer", "content": "Be brief."}])[0].role
    ('user', 'system')
    """
    if isinstance(value, str) and value.strip():
        listed = _listed(value)
        if listed is None:
            return (Message("user", value),)
        value = listed
    if not isinstance(value, list) or not value:
        raise DataError(f"the prompt must be text or a list of messages, got {value!r:.60}")
    return tuple(_message(entry, f"message {number}") for number, entry in enumerate(value, 1))


def tools_of(value: Any) -> list[dict[str, Any]]:
    """Declarations as {"type": "function", "function": {...}}, from a list of these or of the functions alone.

    Raises:
        DataError: It is no list of declarations, nor the JSON text of one.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value or "[]")
        except ValueError as error:
            raise DataError(f"the tools are text that is not JSON: {error}") from error
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"the tools must be a list, got {value!r:.60}")
    return [_tool(entry, f"tool {number}") for number, entry in enumerate(value, 1)]


def _listed(text: str) -> list[Any] | None:
    """The messages of a text that is JSON of some; None for text of another kind."""
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if found and all(isinstance(entry, Mapping) and "role" in entry for entry in found) else None


def _tool(entry: Any, where: str) -> dict[str, Any]:
    function = entry.get("function", entry) if isinstance(entry, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise DataError(f"{where} has no function with a name: {entry!r:.60}")
    return {"type": "function", "function": dict(function)}


def _message(entry: Any, where: str) -> Message:
    if not isinstance(entry, Mapping):
        raise DataError(f"{where} must be an object, got {entry!r:.60}")
    role = entry.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise DataError(f"{where}: role must be one of {', '.join(_ROLES)}; got {role!r:.40}")
    calls = entry.get("tool_calls") or ()
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise DataError(f"{where}: tool_calls must be a list, got {calls!r:.40}")
    return Message(
        _ROLES[role],
        _content(entry.get("content"), where),
        tuple(_call(call, where) for call in calls),
        _text_or_none(entry.get("tool_call_id")),
        _text_or_none(entry.get("name")),
    )


def _content(content: Any, where: str) -> str:
    """Text; None is none, and parts of text are put together."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise DataError(f"{where}: content must be text, got {content!r:.40}")
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        raise DataError(f"{where}: only parts of text can be used, got {content!r:.60}")
    return "".join(texts)


def _call(call: Any, where: str) -> ToolCall:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise DataError(f"{where}: a tool call has no name: {call!r:.60}")
    arguments = function.get("arguments") or {}
    try:
        found = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise DataError(f"{where}: the arguments of {function['name']!r} must be an object, got {arguments!r:.60}")
    return ToolCall(function["name"], dict(found), _text_or_none(call.get("id")))


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
