"""The calls that a reply makes, read strictly in one dialect.

    hermes  <tool_call>{"name": ..., "arguments": {...}}</tool_call>, as often as wanted (Hermes, Qwen)
    json    {"name": ..., "arguments": {...}}, or a list of these, and nothing else
    llama   {"name": ..., "parameters": {...}}, or a list of these, after <|python_tag|> or not
    python  f(a=1), or a list of these (the Berkeley leaderboard's)
    auto    the one of these that the reply's first mark belongs to

In all but the first, the reply may be one fenced block. Calls that come apart from the text, in a message's
`tool_calls`, are taken as they are, whatever the dialect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.types import Message
from agentrl.verifiers._reading.extract import final_segment
from agentrl.verifiers._reading.fences import blocks
from agentrl.verifiers._reading.strict_json import JsonError, parse_json
from agentrl.verifiers._tools.plain import PlainError, canonical, plain
from agentrl.verifiers._tools.pycalls import PythonError, format_calls, parse_calls

__all__ = ["Call", "Dialect", "Limits", "Outside", "Unreadable", "parse_message", "untagged", "write_calls"]

Dialect = Literal["auto", "hermes", "json", "llama", "python"]
Outside = Literal["ignore", "reject"]
_OPEN, _CLOSE, _PYTHON_TAG = "<tool_call>", "</tool_call>", "<|python_tag|>"


class Unreadable(ValueError):
    """The reply holds no calls that can be read within the limits."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call; arguments are a plain mapping."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a reply may hold."""

    calls: int
    chars: int


def parse_message(message: Message, dialect: Dialect, outside: Outside, limits: Limits) -> list[Call]:
    """The calls of one assistant message.

    Args:
        message: Its `tool_calls` where it has any, else its text.
        dialect: See the module.
        outside: What text outside of tags does under "hermes": nothing, or it makes the reply unreadable.
        limits: On the number of calls and on characters.

    Raises:
        Unreadable: With one line that may be shown to the policy.
    """
    if message.tool_calls:
        if len(message.tool_calls) > limits.calls:
            raise Unreadable(f"there are {len(message.tool_calls)} calls, at most {limits.calls} are allowed")
        calls = [_call(call.name, call.arguments) for call in message.tool_calls]
        if sum(len(call.name) + len(canonical(call.arguments)) for call in calls) > limits.chars:
            raise Unreadable(f"the calls have more than {limits.chars} characters")
        return calls
    text = final_segment(message.content)
    if len(text) > limits.chars:
        raise Unreadable(f"the reply has {len(text)} characters, at most {limits.chars} are allowed")
    if dialect == "auto":
        dialect = _recognised(text)
    calls = _tagged(text, outside) if dialect == "hermes" else _READERS[dialect](_unfenced(text))
    if len(calls) > limits.calls:
        raise Unreadable(f"there are {len(calls)} calls, at most {limits.calls} are allowed")
    return calls


def _recognised(text: str) -> Dialect:
    """The dialect whose mark comes first."""
    if _OPEN in text or _CLOSE in text:
        return "hermes"
    body = _unfenced(text)
    if body.startswith(_PYTHON_TAG):
        return "llama"
    inner = body[1:].lstrip() if body.startswith("[") else body
    if not inner.startswith(("{", "]")):
        return "python"
    return "llama" if '"parameters"' in body and '"arguments"' not in body else "json"


def _unfenced(text: str) -> str:
    text = text.strip()
    if not text.startswith("```") or not text.endswith("```"):
        return text
    found = list(blocks(text))
    return text[found[0].start : found[0].end].strip() if len(found) == 1 else text


def _tagged(text: str, outside: Outside) -> list[Call]:
    before, *parts = text.split(_OPEN)
    calls, rest = [], [before]
    for part in parts:
        body, closed, after = part.partition(_CLOSE)
        if not closed:
            raise Unreadable("a <tool_call> is never closed")
        calls.append(_from_json(_json(body), "arguments"))
        rest.append(after)
    if any(_CLOSE in piece for piece in rest):
        raise Unreadable("a </tool_call> closes nothing")
    if outside == "reject" and any(piece.strip() for piece in rest):
        raise Unreadable("there is text outside of the tags")
    if not calls:
        raise Unreadable("there is no <tool_call>")
    return calls


def _json_calls(text: str) -> list[Call]:
    return _listed(_json(text), "arguments")


def _llama_calls(text: str) -> list[Call]:
    return _listed(_json(text.removeprefix(_PYTHON_TAG)), "parameters")


def _listed(value: Any, key: str) -> list[Call]:
    return [_from_json(one, key) for one in value] if isinstance(value, list) else [_from_json(value, key)]


def _python_calls(text: str) -> list[Call]:
    try:
        return [_call(name, arguments) for name, arguments in parse_calls(text)]
    except PythonError as error:
        raise Unreadable(f"it is no call: {error}") from None


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except JsonError as error:
        raise Unreadable(f"it is no JSON: {error}") from None


def _from_json(value: Any, key: str) -> Call:
    if not isinstance(value, dict) or not {"name", key} <= value.keys() <= {"name", key, "id"}:
        raise Unreadable(f"a call is an object with name and {key}")
    return _call(value["name"], value[key])


def _call(name: Any, arguments: Any) -> Call:
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise Unreadable("a call has a text as its name, and a mapping as its arguments")
    try:
        return Call(name, plain(arguments))
    except PlainError as error:
        raise Unreadable(f"the arguments cannot be read: {error}") from None


_READERS: Mapping[str, Callable[[str], list[Call]]] = {
    "json": _json_calls,
    "llama": _llama_calls,
    "python": _python_calls,
}


def write_calls(calls: Sequence[Call], dialect: Dialect) -> str:
    """Calls as a reply in one dialect; "auto" writes the first.

    >>> write_calls([Call("f", {"a": 1})], "python"), write_calls([Call("f", {"a": 1})], "llama")
    ('[f(a=1)]', '[{"name":"f","parameters":{"a":1}}]')
    """
    if dialect == "python":
        return format_calls([(call.name, dict(call.arguments)) for call in calls])
    key = "parameters" if dialect == "llama" else "arguments"
    values = [{"name": call.name, key: dict(call.arguments)} for call in calls]
    texts = [untagged(json.dumps(value, separators=(",", ":"), allow_nan=False)) for value in values]
    if dialect in ("json", "llama"):
        return f"[{','.join(texts)}]"
    return "\n".join(f"{_OPEN}\n{text}\n{_CLOSE}" for text in texts)


def untagged(written: str) -> str:
    """JSON in which no text can be taken for a tag."""
    return written.replace("<", "\\u003c")
