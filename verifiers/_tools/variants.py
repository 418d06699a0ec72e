"""Right replies to a gold, other spellings of them, and golds that are near it and not the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentrl.errors import DataError
from agentrl.types import Message, ToolCall, Transcript
from agentrl.verifiers._tools.gold import Gold, read_gold
from agentrl.verifiers._tools.parse import Call, Dialect, untagged, write_calls
from agentrl.verifiers._tools.pycalls import PythonError, parse_calls

__all__ = ["mutated", "rewritten", "right_reply", "unlike"]

_REFUSALS = (
    "Sorry, none of the tools that I have can do that.",
    "Es tut mir leid, dafür habe ich kein passendes Werkzeug.",
    "Could you tell me more about what you need?",
)
_DIALECTS: tuple[Dialect, ...] = ("hermes", "json", "llama", "python")


def right_reply(gold: Gold, dialect: Dialect) -> str:
    """A reply that must be correct.

    Raises:
        DataError: The gold's calls cannot be written in the dialect.
    """
    if gold.irrelevant:
        return _REFUSALS[0]
    text = write_calls(gold.example(), dialect)
    if dialect == "python" and not _reads_back(gold.example(), text):
        raise DataError("an argument's name cannot be written in Python's syntax; use another dialect")
    return text


def _reads_back(calls: list[Call], text: str) -> bool:
    try:
        return parse_calls(text) == [(call.name, call.arguments) for call in calls]
    except PythonError:
        return False


def rewritten(gold: Gold, dialect: Dialect) -> Iterator[str | Transcript]:
    """Replies that say the same in another way."""
    if gold.irrelevant:
        yield from _REFUSALS[1:]
        return
    calls = gold.example()
    for changed in _respelled(gold, calls):
        yield from _written(changed, dialect)
    if not gold.before and len(calls) > 1:
        yield from _written(calls[::-1], dialect)
    short = {long: short for short, long in gold.names.items()}
    if any(call.name in short for call in calls):
        yield from _written([Call(short.get(call.name, call.name), call.arguments) for call in calls], dialect)
    yield Transcript((Message("assistant", "", tuple(ToolCall(c.name, c.arguments) for c in calls)),))
    if dialect in ("auto", "hermes"):
        spaced = [untagged(json.dumps({"arguments": dict(c.arguments), "name": c.name}, indent=2)) for c in calls]
        yield "Let me see.\n" + "\n".join(f"<tool_call>{text}</tool_call>" for text in spaced)
    if dialect == "auto":
        for other in _DIALECTS:
            yield from _written(calls, other)


def _respelled(gold: Gold, calls: list[Call]) -> Iterator[list[Call]]:
    """The calls with one of them in another spelling that its schema allows."""
    for i, wanted in enumerate(gold.in_order()):
        for arguments in wanted.arguments.examples()[1:]:
            if not gold.tools[wanted.name].problem(arguments):
                yield [*calls[:i], Call(wanted.name, arguments), *calls[i + 1 :]]


def _written(calls: list[Call], dialect: Dialect) -> Iterator[str]:
    text = write_calls(calls, dialect)
    if dialect != "python" or _reads_back(calls, text):
        yield text


def mutated(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Other answers, each a gold of its own: a changed value, a missing call, a repeated one."""
    gold = read_gold(answer)
    if gold.irrelevant:
        return
    for i, wanted in enumerate(gold.calls):
        schema = gold.tools[wanted.name].schema.get("properties", {})
        for key in wanted.arguments.fields:
            peers = [c.arguments.fields[key] for c in gold.calls if c.name == wanted.name and key in c.arguments.fields]
            other = unlike([e for peer in peers for e in peer.examples()], schema.get(key))
            if other is not None and not any(peer.matches(other) for peer in peers):
                changed = _copied(answer)
                changed["calls"][i]["arguments"][key] = {"exact": other}
                yield from _usable(changed)
    for i, wanted in enumerate(gold.calls):
        repeated = _copied(answer)
        repeated["calls"].append(repeated["calls"][i])
        if wanted.name not in gold.extra.reads:
            yield from _usable(repeated)
    if len(gold.calls) > 1:
        fewer = _copied(answer)
        fewer["calls"].pop()
        fewer["order"] = [pair for pair in fewer.get("order", []) if max(pair) < len(gold.calls) - 1]
        yield from _usable(fewer)


def _copied(answer: Mapping[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(dict(answer))


def _usable(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    try:
        read_gold(answer)
    except DataError:
        return
    yield answer


def unlike(examples: list[Any], schema: Any = None) -> Any:
    """A value of the kind of the examples, and none of them; None where none can be named.

    >>> unlike([3, 5]), unlike(["a", "bc"]), unlike([True]), unlike([True, False]), unlike([[1, 2]])
    (27, 'bc zq', False, None, [2])
    """
    first = examples[0] if examples else None
    choices = schema.get("enum") if isinstance(schema, Mapping) else None
    if isinstance(choices, list):
        return next((choice for choice in choices if choice is not None and choice not in examples), None)
    if isinstance(first, bool):
        return None if (not first) in examples else not first
    numbers = [e for e in examples if isinstance(e, int | float) and not isinstance(e, bool)]
    if isinstance(first, int | float):
        return 4 * max(abs(number) for number in numbers) + 7
    if isinstance(first, str):
        return max((e for e in examples if isinstance(e, str)), key=len) + " zq"
    if isinstance(first, list) and first:
        return first[1:]
    return None
