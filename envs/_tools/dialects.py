"""How tools are shown and calls are to be written.

hermes      <tool_call>{"name": ..., "arguments": {...}}</tool_call> for each call (Hermes, Qwen)
llama_json  {"name": ..., "parameters": {...}}, or a list of these
python      [f(a=1), g(b="x")], as on the Berkeley leaderboard
openai      the tools go with the request, and the calls come back apart from the text
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agentrl.golds import gold_reply
from agentrl.types import Message, ToolCall

__all__ = ["READ_AS", "WRITTEN_AS", "Dialect", "declared", "shown_tools", "written"]

Dialect = Literal["hermes", "llama_json", "python", "openai"]
READ_AS: Mapping[str, str] = {"hermes": "hermes", "llama_json": "llama", "python": "python", "openai": "auto"}
"""The verifier's name of each; a text under "openai" is in the form of the model's own template."""
WRITTEN_AS: Mapping[str, str] = {**READ_AS, "openai": "json"}
"""The verifier's name of what a gold is written in; for "openai" its calls are taken out of it."""
_FORMS = {
    "hermes": (
        "Write each call as a JSON object with name and arguments between tags:\n"
        '<tool_call>\n{"name": "...", "arguments": {...}}\n</tool_call>'
    ),
    "llama_json": (
        "A reply that calls is nothing but JSON: one call as "
        '{"name": "...", "parameters": {...}}, or several as a list of these.'
    ),
    "python": (
        "A reply that calls is nothing but a list of calls in Python's syntax, with keywords and plain values: "
        '[first_function(a=1, b="x"), second_function(c=[2, 3])].'
    ),
}


def declared(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Declarations as chat templates and endpoints take them, without dots in names where they stay different."""
    names = [tool["name"].replace(".", "_") for tool in tools]
    kept = names if len(set(names)) == len(names) else [tool["name"] for tool in tools]
    return [{"type": "function", "function": {**tool, "name": name}} for tool, name in zip(tools, kept, strict=True)]


def shown_tools(tools: Sequence[Mapping[str, Any]], dialect: Dialect) -> str:
    """The tools and the form of a call as text; empty where they go with the request."""
    if dialect == "openai":
        return ""
    shown = [{"type": "function", "function": tool} for tool in tools] if dialect == "hermes" else tools
    lines = [json.dumps(tool, ensure_ascii=False) for tool in shown]
    return "<tools>\n" + "\n".join(lines) + f"\n</tools>\n{_FORMS[dialect]}"


def written(answer: Mapping[str, Any], dialect: Dialect) -> str | Message:
    """The right calls of a gold of `tool_calls`, or a sentence where none is right.

    Raises:
        DataError: The gold is no usable one, or cannot be written in the dialect.
    """
    reply = str(gold_reply("tool_calls", answer, {"dialect": WRITTEN_AS[dialect]}))
    if dialect != "openai" or answer.get("irrelevant"):
        return reply
    calls = tuple(ToolCall(call["name"], call["arguments"], f"call_{i}") for i, call in enumerate(json.loads(reply)))
    return Message("assistant", "", calls)
