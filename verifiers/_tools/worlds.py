"""Right ends of a task with a state, other spellings of them, and golds that are near it and not the same."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from agentrl.errors import DataError
from agentrl.types import Message, Transcript
from agentrl.verifiers._tools.goal import Assertion, Goal, leaves, read_goal
from agentrl.verifiers._tools.rows import MISSING, covers, get
from agentrl.verifiers._tools.variants import unlike

__all__ = ["changed_goals", "other_ends", "right_end"]


def right_end(answer: Any) -> Transcript:
    """A transcript that must be correct.

    Raises:
        DataError: The answer is no usable gold.
    """
    goal = read_goal(answer)
    return _transcript(goal, _final(answer, goal), _words(goal))


def _transcript(goal: Goal, state: Any, words: str) -> Transcript:
    return Transcript((Message("assistant", words),), {"db": state, "events": _events(goal)})


def _final(answer: Mapping[str, Any], goal: Goal) -> Any:
    if "final" in answer:
        return copy.deepcopy(answer["final"])
    state = copy.deepcopy(dict(answer["initial"]))
    for assertion in goal.assertions:
        _put(state, assertion)
    return state


def _put(state: Any, assertion: Assertion) -> None:
    *above, last = assertion.path
    if assertion.matcher is None and get(state, tuple(above)) is MISSING:
        return
    here = state
    for key in above:
        if isinstance(here, dict):
            here = here.setdefault(key, {})
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            raise DataError(f"there is no place {'/'.join(assertion.path)!r:.60} in the initial state")
    value = MISSING if assertion.matcher is None else assertion.matcher.examples()[0]
    if isinstance(here, dict):
        here.pop(last, None)
        if value is not MISSING:
            here[last] = value
    elif isinstance(here, list) and last.isdecimal() and int(last) < len(here):
        here[int(last) : int(last) + 1] = [] if value is MISSING else [value]
    elif isinstance(here, list) and last == str(len(here)) and value is not MISSING:
        here.append(value)
    else:
        raise DataError(f"there is no place {'/'.join(assertion.path)!r:.60} in the initial state")


def _words(goal: Goal) -> str:
    return " ".join(["Done.", *(f"It is {fact.kind.sentence()}." for fact in goal.outputs)])


def _events(goal: Goal) -> list[dict[str, Any]]:
    """What must happen, and a write to each row that changes and is not written by that."""
    events: list[dict[str, Any]] = [pattern.examples()[0] for pattern in goal.invariants.required]
    written = {goal.row_of(tuple(str(part) for part in _parts(event.get("path")))) for event in events}
    rows = [*goal.wanted, *(a.path[: goal.depth] for a in goal.assertions)]
    return events + [{"op": "update", "path": list(row)} for row in dict.fromkeys(rows) if row not in written]


def _parts(path: Any) -> list[Any]:
    return path.split("/") if isinstance(path, str) else path if isinstance(path, list) else []


def other_ends(answer: Mapping[str, Any]) -> Iterator[Transcript]:
    """The same end with its keys backwards, with the noise of floats, with other volatile values, without a log."""
    goal = read_goal(answer)
    state, words = _final(answer, goal), _words(goal)
    yield _transcript(goal, _backwards(state), words)
    yield _transcript(goal, _noisy(state), f"<think>0 or 1?</think>\n{words}")
    yield _transcript(goal, _moved(goal, state), f"{words} Goodbye!")
    if not goal.invariants.stated:
        yield Transcript((Message("assistant", words),), {"db": state})


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _backwards(inner) for key, inner in reversed(value.items())}
    return [_backwards(inner) for inner in value] if isinstance(value, list) else value


def _noisy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _noisy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_noisy(inner) for inner in value]
    return value + 1e-15 if isinstance(value, float) and abs(value) < 10 else value


def _moved(goal: Goal, state: Any) -> Any:
    """Other values of the same kind in the volatile fields of the rows that change."""
    state = copy.deepcopy(state)
    for path, value in list(leaves(state, ())):
        if goal.row_of(path) and any(covers(mask, path) for mask in goal.masks) and isinstance(value, str):
            holder = get(state, path[:-1])
            if isinstance(holder, dict):
                holder[path[-1]] = "other"
    return state


def changed_goals(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Other answers, each a gold of its own: another value in a row that changes, and another output."""
    goal = read_goal(answer)
    for path, row in goal.wanted.items():
        for place, value in [] if row is MISSING else leaves(row, path):
            if not any(covers(mask, place) for mask in goal.masks):
                yield from _usable(_with_leaf(answer, place, unlike([value])))
                break
    for i, assertion in enumerate(goal.assertions):
        if assertion.matcher is not None:
            other = unlike(assertion.matcher.examples())
            if other is not None and not assertion.matcher.matches(other):
                changed = copy.deepcopy(dict(answer))
                changed["assert"][i]["value"] = {"exact": other}
                yield from _usable(changed)
    for i, fact in enumerate(answer.get("outputs", [])):
        changed = copy.deepcopy(dict(answer))
        changed["outputs"][i] |= {"value": _other_fact(fact)}
        yield from _usable(changed)


def _with_leaf(answer: Mapping[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(answer))
    holder = get(changed["final"], place[:-1])
    if value is None or not isinstance(holder, dict):
        return {}
    holder[place[-1]] = value
    return changed


def _other_fact(fact: Mapping[str, Any]) -> Any:
    value = fact["value"]
    if fact["type"] == "number":
        return 4 * abs(value) + 4 * fact.get("abs", 0) + 7
    if fact["type"] == "id":
        return value + "7"
    if fact["type"] == "text":
        return next((member for member in fact["among"] if member != value), value + " zq")
    return (
        (datetime.date.fromisoformat(value) + datetime.timedelta(1)).isoformat() if len(value) == 10 else "1999-12-31"
    )


def _usable(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    try:
        read_goal(answer)
    except DataError:
        return
    yield answer
