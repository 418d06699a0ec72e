"""The gold of a task with a state: how it begins, how it must end, what must be said and what must have happened.

    {"initial": state,
     "final": state,
     "assert": [{"path": "orders/7/status", "value": comparator}, {"path": "carts/3", "absent": true}],   in its place
     "row_depth": 2,               how many keys name a row (`rows.py`)
     "mask": ["orders/*/updated_at"],     fields, or whole rows, whose values are volatile
     "decimals": 6,                to which floats are rounded
     "outputs": [facts],           (`facts.py`)
     "outputs_from": "final",      or "all": the assistant messages that may state them
     "events": {invariants}}       (`events.py`)

All keys are texts, as in JSON; a gold or a state with other keys is refused, so that 7 never stands for "7".

Rows that the gold does not change must be as they were, volatile fields included; in those that it does, a volatile
field must be short, and of the kind that it has in the final state. With "assert", all other fields of the rows that
are named must be as they were; where a named place is new, so are the mappings above it, with nothing else in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.errors import DataError, suggest
from agentrl.memo import Memo
from agentrl.types import Check
from agentrl.verifiers._tools.events import Invariants, read_invariants
from agentrl.verifiers._tools.facts import Fact, read_facts
from agentrl.verifiers._tools.gold import text_of
from agentrl.verifiers._tools.patterns import PatternTimeout
from agentrl.verifiers._tools.plain import PlainError, canonical, digest, plain
from agentrl.verifiers._tools.rows import (
    MISSING,
    Path,
    covers,
    get,
    patterns,
    read_path,
    reduced,
    rows_of,
    same_row,
)
from agentrl.verifiers._tools.values import Matcher, read_matcher

__all__ = ["MAX_NODES", "Assertion", "Compared", "Goal", "compare", "leaves", "read_goal"]

MAX_NODES = 1_000_000
_KEYS = ("initial", "final", "assert", "row_depth", "mask", "decimals", "outputs", "outputs_from", "events")
_goals: Memo[Goal] = Memo("state goals", 64)


@dataclass(frozen=True, slots=True)
class Assertion:
    """What must stand at a path; nothing, where there is no matcher."""

    path: Path
    matcher: Matcher | None

    def holds(self, state: Any) -> bool:
        """Whether it does."""
        value = get(state, self.path)
        if value is MISSING or self.matcher is None:
            return value is MISSING and self.matcher is None
        return self.matcher.matches(value)


@dataclass(frozen=True, slots=True)
class Goal:
    """A task's gold, checked.

    Attributes:
        rows: The initial rows, each as canonical text.
        wanted: The final rows that differ from them, or `MISSING` where one is gone; empty with assertions.
        assertions: Empty with a final state.
    """

    rows: Mapping[Path, str]
    wanted: Mapping[Path, Any]
    assertions: tuple[Assertion, ...]
    depth: int
    masks: tuple[Path, ...]
    decimals: int
    outputs: tuple[Fact, ...]
    outputs_from: Literal["final", "all"]
    invariants: Invariants

    def row_of(self, path: Path) -> Path | None:
        """The row that the gold changes, of which a path is a part; None where it changes none there."""
        row = path[: self.depth]
        if row in self.wanted or any(covers(a.path[: self.depth], row) for a in self.assertions):
            return row
        return None


def read_goal(answer: Any) -> Goal:
    """The gold of a task.

    Raises:
        DataError: It is none, or doing nothing fulfils it, with one line that says why.
    """
    if not isinstance(answer, Mapping):
        raise DataError(f"the answer must be a mapping with an initial and a final state, got {type(answer).__name__}")
    text = text_of(answer)
    key = hashlib.sha256(text.encode()).digest()
    return _goals.decide(key, lambda: _read(_loaded(answer, text)))


def _loaded(answer: Any, text: str) -> dict[str, Any]:
    """The answer as its text has it, in which every key is one.

    Raises:
        DataError: In the answer itself a key is none.
    """
    left = [answer]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise DataError(f"the key {key!r:.40} is no text; write it as {str(key)!r:.40}")
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _read(answer: dict[str, Any]) -> Goal:
    for key in answer:
        if key not in _KEYS:
            raise DataError(f"the answer has an unknown key {key!r:.40}: {suggest(key, _KEYS)}")
    depth, decimals = _number(answer, "row_depth", 2, 8), _number(answer, "decimals", 6, 12)
    initial, final = _state(answer, "initial"), _state(answer, "final") if "final" in answer else None
    if (final is None) == ("assert" not in answer):
        raise DataError("the answer needs either final or assert")
    before = dict(rows_of(initial, depth))
    rows = {path: canonical(row) for path, row in before.items()}
    wanted: dict[Path, Any] = {}
    if final is not None:
        after = dict(rows_of(final, depth))
        changed = (path for path in rows.keys() | after.keys() if canonical_or_none(after, path) != rows.get(path))
        wanted = {path: after.get(path, MISSING) for path in changed}
    said_by = answer.get("outputs_from", "final")
    if said_by not in ("final", "all"):
        raise DataError(f"outputs_from must be final or all, got {said_by!r:.40}")
    goal = Goal(
        rows=rows,
        wanted=wanted,
        assertions=_assertions(answer["assert"]) if final is None else (),
        depth=depth,
        masks=patterns(answer.get("mask", []), "mask"),
        decimals=decimals,
        outputs=read_facts(answer.get("outputs", [])),
        outputs_from=said_by,
        invariants=read_invariants(answer.get("events")),
    )
    _asks_for_something(goal, initial)
    return goal


def canonical_or_none(rows: Mapping[Path, Any], path: Path) -> str | None:
    """A row's text; None where there is none."""
    return canonical(rows[path]) if path in rows else None


def _number(answer: Mapping[str, Any], key: str, default: int, most: int) -> int:
    value = answer.get(key, default)
    if type(value) is not int or not 1 <= value <= most:
        raise DataError(f"{key} must be a whole number from 1 to {most}, got {value!r:.40}")
    return value


def _state(answer: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = answer.get(key)
    if not isinstance(value, dict):
        raise DataError(f"{key} must be a mapping of tables, got {value!r:.40}")
    try:
        return dict(plain(value, max_nodes=MAX_NODES))
    except PlainError as error:
        raise DataError(f"{key}: {error}") from None


def _assertions(given: Any) -> tuple[Assertion, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise DataError(f"assert must be a list of at least one assertion, got {given!r:.60}")
    return tuple(_assertion(one, f"assertion {number}") for number, one in enumerate(given, 1))


def _assertion(given: dict[str, Any], where: str) -> Assertion:
    path = read_path(given.get("path"), where)
    if "*" in path:
        raise DataError(f"{where}: its path must name one place, got {'/'.join(path)!r:.60}")
    if given.keys() == {"path", "value"}:
        return Assertion(path, read_matcher(given["value"], where))
    if given.keys() == {"path", "absent"} and given["absent"] is True:
        return Assertion(path, None)
    raise DataError(f"{where} must have a path and either a value or absent true, got {sorted(given)!r:.60}")


def _asks_for_something(goal: Goal, initial: Any) -> None:
    if goal.outputs or goal.invariants.required:
        return
    try:
        solved = all(check.passed for check in compare(goal, initial).checks)
    except PatternTimeout:
        raise DataError("a pattern takes too long on the initial state") from None
    if solved:
        raise DataError("doing nothing solves it: it needs outputs or required events")


@dataclass(frozen=True, slots=True)
class Compared:
    """A state beside its gold; `name` is the same for states that differ from the initial one in the same way."""

    checks: tuple[Check, ...]
    name: str


def compare(goal: Goal, state: Any) -> Compared:
    """Whether a state is as the gold wants it, and nothing else has changed.

    Args:
        goal: The gold.
        state: Plain (see `plain`).

    Raises:
        PatternTimeout: A pattern of the task took too long.
    """
    rows = dict(rows_of(state, goal.depth))
    changed = _changed(goal, rows)
    reached = all(_as_wanted(goal, path, rows) for path in goal.wanted) and all(a.holds(state) for a in goal.assertions)
    kept = all(_kept(goal, path, rows) for path in changed if path not in goal.wanted)
    named = {"/".join(path): _plain_row(goal, path, rows.get(path), (), "kind") for path in changed}
    return Compared((Check("state", reached), Check("untouched", kept)), digest(named, goal.decimals))


def _changed(goal: Goal, rows: Mapping[Path, Any]) -> list[Path]:
    """The rows that are not as they were, by their texts: almost every row of a large state is left out here."""
    known = [path for path, text in goal.rows.items() if canonical_or_none(rows, path) != text]
    return known + [path for path in rows if path not in goal.rows]


def _as_wanted(goal: Goal, path: Path, rows: Mapping[Path, Any]) -> bool:
    got, wanted = (_plain_row(goal, path, row, (), "kind") for row in (rows.get(path, MISSING), goal.wanted[path]))
    return same_row(got, wanted, goal.decimals)


def _kept(goal: Goal, path: Path, rows: Mapping[Path, Any]) -> bool:
    """Whether a row with another text than before, which is not in the final state, may have it."""
    if goal.row_of(path) is not None:
        return _beside(goal, path, rows)
    if path not in goal.rows and rows[path] == {} and len(path) < goal.depth:  # a new mapping above a place named
        return any(a.matcher is not None and a.path[: len(path)] == path for a in goal.assertions)
    return _unchanged(goal, path, rows)


def _unchanged(goal: Goal, path: Path, rows: Mapping[Path, Any]) -> bool:
    """Whether a row with another text is the same row all the same."""
    if path not in rows or path not in goal.rows:
        return False
    masks = [mask for mask in goal.masks if covers(mask, path)]  # only whole rows: a volatile field is no excuse here
    row, old = rows[path], json.loads(goal.rows[path])
    return same_row(reduced(row, path, masks, (), "kind"), reduced(old, path, masks, (), "kind"), goal.decimals)


def _beside(goal: Goal, path: Path, rows: Mapping[Path, Any]) -> bool:
    """Of a row that assertions name: whether the rest of it is as it was."""
    free = tuple(a.path for a in goal.assertions)
    if any(covers(pattern, path) for pattern in free):
        return True
    old = _with_places(goal, path, json.loads(goal.rows[path]) if path in goal.rows else MISSING)
    got, before = (_plain_row(goal, path, row, free, "drop") for row in (rows.get(path, MISSING), old))
    return same_row(got, before, goal.decimals)


def _with_places(goal: Goal, path: Path, row: Any) -> Any:
    """A row with the mappings in it that assertions need for their places."""
    for assertion in goal.assertions:
        if assertion.matcher is None or assertion.path[: len(path)] != path:
            continue
        here = row = {} if row is MISSING else row
        for key in assertion.path[len(path) : -1]:
            here = here.setdefault(key, {}) if isinstance(here, dict) else get(here, (key,))
    return row


def _plain_row(goal: Goal, path: Path, row: Any, free: tuple[Path, ...], mode: Literal["kind", "drop"]) -> Any:
    return row if row is MISSING else reduced(row, path, goal.masks, free, mode)


def leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The plain parts of a row that are neither mappings nor lists, with their paths."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from leaves(inner, (*path, str(key)))
    else:
        yield path, value
