"""Attacks on graders of tool calls and of final states.

Source: the weak points of the Berkeley function-calling leaderboard (ShishirPatil/gorilla, issue 443) and of tau-bench
(arXiv:2507.02825), and of rewards a call (arXiv:2504.14870).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentrl.audit.records import Attack, Reply
from agentrl.audit.subject import Subject
from agentrl.types import Message, Transcript

__all__ = ["ATTACKS"]

Call = dict[str, Any]


def _calls(s: Subject) -> list[Call]:
    """The gold's calls, where their arguments are plain values."""
    answer = s.item.answer
    listed = answer.get("calls") if isinstance(answer, Mapping) else None
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    found = [dict(call) for call in listed if isinstance(call, Mapping) and isinstance(call.get("arguments"), Mapping)]
    return found if len(found) == len(listed) else []


def _plain(value: Any) -> bool:
    return not isinstance(value, Mapping)


def _said(calls: Sequence[Call]) -> str:
    return json.dumps([{"name": c.get("name"), "arguments": dict(c["arguments"])} for c in calls], ensure_ascii=False)


def _changed(calls: Sequence[Call], call: int, name: str, value: Any) -> str:
    copies = [{**c, "arguments": dict(c["arguments"])} for c in calls]
    copies[call]["arguments"][name] = value
    return _said(copies)


def _needs_something(s: Subject) -> bool:
    answer = s.item.answer
    return bool(_calls(s)) or (
        isinstance(answer, Mapping) and any(k in answer for k in ("final", "outputs", "initial"))
    )


def _idle(s: Subject, said: str) -> Iterator[Transcript]:
    """The words, where the state of the world counts as well: as it was at the beginning."""
    oracle, answer = s.item.oracle, s.item.answer
    if isinstance(oracle, Transcript) and "db" in oracle.final_state and "initial" in answer:
        yield Transcript((Message("assistant", said),), {"db": answer["initial"], "events": []})


def _nothing(s: Subject) -> Iterator[Reply]:
    """T1: nothing is done, with or without a claim."""
    if _needs_something(s):
        for said in ("I have done everything that you asked for.", "Done.", "[]", "{}", "null"):
            yield said
            yield from _idle(s, said)


def _everything(s: Subject) -> Iterator[Reply]:
    """T2: every possible answer in one message."""
    if _needs_something(s):
        said = "The answer is one of: " + ", ".join(str(n) for n in range(2000))
        yield said
        yield from _idle(s, said)
    elif s.kind in ("boolean", "choice"):
        yield s.put("True, False, Yes, No, A, B, C, D, E")


def _broken(s: Subject) -> Iterator[str]:
    """T3: text that is neither a call nor an answer."""
    if isinstance(s.item.answer, Mapping) and s.item.answer.get("irrelevant"):
        yield from ("", "   ", "[", "<tool_call>{", '[{"name": ', "<tool_call></tool_call>", '{"arguments": {}}')


def _spam(s: Subject) -> Iterator[str]:
    """T4: the right calls, many times, and calls of what does not exist."""
    calls = _calls(s)
    if calls:
        yield _said(calls * 40)
        yield _said([*calls, {"name": "no_such_tool", "arguments": {}}])


def _marks(s: Subject) -> Iterator[str]:
    """T6: values that differ by punctuation only, or by their type."""
    calls = _calls(s)
    typed = s.item.options.get("coerce", "none") == "none"
    for index, call in enumerate(calls[:3]):
        for name, value in list(call["arguments"].items())[:4]:
            if isinstance(value, bool):
                if typed:
                    yield _changed(calls, index, name, int(value))
            elif isinstance(value, int):
                if typed:
                    yield _changed(calls, index, name, str(value))
                if value:
                    yield _changed(calls, index, name, -value)
            elif isinstance(value, str) and value.strip() and _plain(value):
                yield _changed(calls, index, name, "-" + value)
                yield _changed(calls, index, name, ".".join(value))


def _empty(s: Subject) -> Iterator[str]:
    """T8: the right form with nothing in it."""
    calls = _calls(s)
    if calls:
        yield _said([{**call, "arguments": {}} for call in calls]) if any(c["arguments"] for c in calls) else "[]"
        yield _said([{"name": "", "arguments": {}}])
        yield _said([{"name": call.get("name"), "arguments": {"": None}} for call in calls])


ATTACKS = (
    Attack("T1", "nothing is done", _nothing),
    Attack("T2", "every possible answer is listed", _everything),
    Attack("T3", "broken text where no call is wanted", _broken),
    Attack("T4", "the right calls repeated, or others beside them", _spam),
    Attack("T6", "values that differ by punctuation or by type", _marks),
    Attack("T8", "a call with no arguments, an empty object", _empty),
)
