"""The gold of a task with tools: what is declared, what must be called, in what order, and what may be called besides.

{"tools": [declarations],
 "calls": [{"name": "f", "arguments": {parameter: comparator}}],     see `values.py` and `schema.py`
 "order": [[0, 1]],                the call that is matched to the first comes before the one of the second
 "extra": {"reads": ["g"], "budget": 2, "cost": 0.5}}
                                   calls of these tools may be added: that many freely, each further one at a cost
{"tools": [declarations], "irrelevant": true}       no tool fits: the reply must say so in words
"""

from __future__ import annotations

import functools
import graphlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentrl.errors import DataError, suggest
from agentrl.verifiers._reading.content import Content, content_of
from agentrl.verifiers._tools.matching import topological
from agentrl.verifiers._tools.parse import Call
from agentrl.verifiers._tools.patterns import PatternTimeout
from agentrl.verifiers._tools.plain import canonical
from agentrl.verifiers._tools.schema import Tool, read_tools
from agentrl.verifiers._tools.values import Object, checked, read_object

__all__ = ["Extra", "Gold", "GoldCall", "read_gold", "text_of"]

MAX_GOLD_CALLS = 64
_KEYS = ("tools", "calls", "order", "extra", "irrelevant")


@dataclass(frozen=True, slots=True)
class GoldCall:
    """One call that must be made."""

    name: str
    arguments: Object


@dataclass(frozen=True, slots=True)
class Extra:
    """Which calls may be added."""

    reads: frozenset[str] = frozenset()
    budget: int = 0
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Gold:
    """A task's gold, checked.

    Attributes:
        tools: By their declared names.
        calls: None of them where no tool fits.
        before: Pairs of indices of `calls` whose order counts.
        extra: What may be called besides.
        names: Declared names by their spelling with underscores for dots, where that is not another tool's name.
    """

    tools: Mapping[str, Tool]
    calls: tuple[GoldCall, ...] = ()
    before: tuple[tuple[int, int], ...] = ()
    extra: Extra = field(default_factory=Extra)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def irrelevant(self) -> bool:
        """Whether no tool fits."""
        return not self.calls

    def declared(self, name: str) -> str:
        """The declared name that a called one stands for; itself where there is none."""
        return name if name in self.tools else self.names.get(name, name)

    def in_order(self) -> list[GoldCall]:
        """The calls in an order that may be made."""
        return [self.calls[i] for i in topological(len(self.calls), self.before)]

    def example(self) -> list[Call]:
        """Calls that must be right."""
        return [Call(call.name, call.arguments.examples()[0]) for call in self.in_order()]


def read_gold(answer: Any) -> Gold:
    """The gold of a task.

    Raises:
        DataError: It is none, or its own calls break the schemas of its tools, with one line that says why.
    """
    if not isinstance(answer, Mapping):
        raise DataError(f"the answer must be a mapping with tools and calls, got {type(answer).__name__}")
    content = content_of(answer)
    return _read(text_of(answer)) if content is None else _read_once(content)


@functools.lru_cache(4096)
def _read_once(content: Content) -> Gold:
    return _read(text_of(content.answer))


def text_of(answer: Any) -> str:
    """A gold's canonical text; what it holds is looked at when it is read.

    Raises:
        DataError: It has none.
    """
    try:
        return canonical(answer)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"the answer is no JSON value: {error!s:.80}") from None


def _read(text: str) -> Gold:
    answer = checked(json.loads(text), "the answer")
    for key in answer:
        if key not in _KEYS:
            raise DataError(f"the answer has an unknown key {key!r:.40}: {suggest(key, _KEYS)}")
    tools = read_tools(answer.get("tools"))
    names = _aliases(tools)
    if answer.get("irrelevant", False) not in (True, False):
        raise DataError(f"irrelevant must be true or false, got {answer['irrelevant']!r:.40}")
    if answer.get("irrelevant"):
        if answer.get("calls"):
            raise DataError("the answer is irrelevant and has calls: it can only be one of them")
        return Gold(tools, names=names)
    calls = _calls(answer.get("calls"), tools)
    gold = Gold(
        tools, calls, _order(answer.get("order", []), len(calls)), _extra(answer.get("extra", {}), tools), names
    )
    _keeps_to_schemas(gold)
    return gold


def _aliases(tools: Mapping[str, Tool]) -> dict[str, str]:
    spelled: dict[str, list[str]] = {}
    for name in tools:
        spelled.setdefault(name.replace(".", "_"), []).append(name)
    return {short: names[0] for short, names in spelled.items() if len(names) == 1 and short not in tools}


def _calls(given: Any, tools: Mapping[str, Tool]) -> tuple[GoldCall, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_GOLD_CALLS:
        raise DataError(f"calls must be a list of 1 to {MAX_GOLD_CALLS} calls, or irrelevant true; got {given!r:.40}")
    found = []
    for number, call in enumerate(given, 1):
        if not isinstance(call, dict) or not {"name"} <= call.keys() <= {"name", "arguments"}:
            raise DataError(f"call {number} must have a name and arguments, got {call!r:.60}")
        if not isinstance(call["name"], str) or call["name"] not in tools:
            raise DataError(
                f"call {number}: no tool {call['name']!r:.60} is declared; {suggest(str(call['name']), tools)}"
            )
        found.append(GoldCall(call["name"], read_object(call.get("arguments", {}), f"call {number}")))
    return tuple(found)


def _order(given: Any, count: int) -> tuple[tuple[int, int], ...]:
    pairs: list[Any] = given if isinstance(given, list) else [None]
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(i) is int and 0 <= i < count for i in pair)):
            raise DataError(f"order must be a list of pairs of numbers from 0 to {count - 1}, got {pair!r:.40}")
    before = tuple((pair[0], pair[1]) for pair in pairs)
    try:
        topological(count, before)
    except graphlib.CycleError:
        raise DataError("order leads in a circle") from None
    return before


def _extra(given: Any, tools: Mapping[str, Tool]) -> Extra:
    if not isinstance(given, dict) or not given.keys() <= {"reads", "budget", "cost"}:
        raise DataError(f"extra takes reads, budget and cost; got {given!r:.60}")
    reads, budget, cost = given.get("reads", []), given.get("budget", 0), given.get("cost", 1.0)
    if not isinstance(reads, list) or not all(isinstance(name, str) and name in tools for name in reads):
        raise DataError(f"extra: reads must be a list of declared tools, got {reads!r:.60}")
    if type(budget) is not int or budget < 0:
        raise DataError(f"extra: budget must be a number of calls, got {budget!r:.40}")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 < cost <= 1:
        raise DataError(f"extra: cost must be a number over 0 and at most 1, got {cost!r:.40}")
    return Extra(frozenset(reads), budget, float(cost))


def _keeps_to_schemas(gold: Gold) -> None:
    for number, call in enumerate(gold.calls, 1):
        try:
            problem = gold.tools[call.name].problem(call.arguments.examples()[0])
        except PatternTimeout:
            problem = "a pattern takes too long"
        if problem:
            raise DataError(f"call {number} breaks the schema of its own tool {call.name!r:.60}: {problem}")
