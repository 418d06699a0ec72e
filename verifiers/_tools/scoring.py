"""How well calls fit a gold: five checks, a score, and a share for a dense reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.types import Check
from agentrl.verifiers._reading.matching import perfect_matching
from agentrl.verifiers._tools.gold import Gold, GoldCall
from agentrl.verifiers._tools.matching import assignment, ordered_matching
from agentrl.verifiers._tools.parse import Call
from agentrl.verifiers._tools.schema import coerced

__all__ = ["Judged", "Reward", "judge", "prepared"]

Reward = Literal["binary", "dense"]
_NOT_CORRECT = 0.9


@dataclass(frozen=True, slots=True)
class Judged:
    """A score in [0, 1] with what led to it."""

    score: float
    checks: tuple[Check, ...]
    feedback: str = ""


def prepared(gold: Gold, calls: Sequence[Call], coerce: Literal["none", "lenient"]) -> list[Call]:
    """Calls under their declared names; with "lenient", values of the types that the schemas ask for."""
    found = []
    for call in calls:
        name = gold.declared(call.name)
        tool = gold.tools.get(name)
        arguments = call.arguments if coerce == "none" or tool is None else coerced(call.arguments, tool.schema)
        found.append(Call(name, arguments))
    return found


def judge(gold: Gold, calls: Sequence[Call], reward: Reward) -> Judged:
    """Judge calls under their declared names.

    Raises:
        PatternTimeout: A pattern of the task took too long.
        SearchLimit: Whether the order is kept could not be decided.
    """
    problem = _problem(gold, calls)
    edges = [[i for i, call in enumerate(calls) if _fits(wanted, call)] for wanted in gold.calls]
    matched = perfect_matching(edges) is not None
    in_order = ordered_matching(edges, gold.before) is not None if matched else False
    over = _over_budget(gold, calls)
    checks = (
        Check("format", passed=True),
        Check("schema", not problem, detail=problem),
        Check("calls", matched),
        Check("order", in_order),
        Check("extra", over == 0),
    )
    if in_order and not problem and over is not None:
        return Judged(max(0.0, 1.0 - gold.extra.cost * over), checks, "Too many further calls." if over else "")
    feedback = f"A call breaks its schema: {problem}" if problem else "The calls are not the right ones."
    return Judged(_NOT_CORRECT * _share(gold, calls) if reward == "dense" else 0.0, checks, feedback)


def _problem(gold: Gold, calls: Sequence[Call]) -> str:
    """What the first wrong call breaks."""
    for number, call in enumerate(calls, 1):
        tool = gold.tools.get(call.name)
        problem = f"no tool {call.name!r:.60}" if tool is None else tool.problem(call.arguments)
        if problem:
            return f"call {number}: {problem}"
    return ""


def _fits(wanted: GoldCall, call: Call) -> bool:
    return wanted.name == call.name and wanted.arguments.matches(call.arguments)


def _over_budget(gold: Gold, calls: Sequence[Call]) -> int | None:
    """How many calls of reading tools are beyond the budget; None where others are called too often.

    Of each tool the gold takes its own number of calls, so that it does not matter which of them are the further ones.
    """
    left = [call.name for call in calls]
    for wanted in gold.calls:
        if wanted.name in left:
            left.remove(wanted.name)
    if not gold.extra.reads.issuperset(left):
        return None
    return max(0, len(left) - gold.extra.budget)


def _share(gold: Gold, calls: Sequence[Call]) -> float:
    """The mean of the shares of names, keys and values; the last two over the best matching."""
    wanted, called = {call.name for call in gold.calls}, {call.name for call in calls}
    names = len(wanted & called) / len(wanted | called)
    gain = [[sum(_overlap(one, call)) for call in calls] for one in gold.calls]
    total = sum(gain[row][column] for row, column in assignment(gain))
    return (names + total / max(len(gold.calls), len(calls))) / 3


def _overlap(wanted: GoldCall, call: Call) -> tuple[float, float]:
    """Of one pair, the shares of keys and of values; 0 where the tools differ."""
    if wanted.name != call.name:
        return 0.0, 0.0
    arguments: Mapping[str, Any] = call.arguments
    known = wanted.arguments.fields.keys()
    needed = (known - wanted.arguments.optional) | (known & arguments.keys())
    every = needed | arguments.keys()
    if not every:
        return 1.0, 1.0
    return len(needed & arguments.keys()) / len(every), wanted.arguments.hits(arguments) / len(every)
