"""Invariants on the log of what was done to a state: a state that looks right in the end may have been wrong before.

An event is a mapping. Its "op" is "read", or else it writes; its "path" names what is written. Where there is a log,
each write must be to a row that the gold changes, or fit one of the patterns "required" or "allowed".

    {"required": [{"op": "send", "to": "ann@example.org"}],    each has an event of its own
     "forbidden": [{"op": "delete"}],                          no event fits
     "allowed": [{"op": "log"}],                               writes that do no harm
     "max_writes": 1}                                          to any one row

Without "max_writes" such a row may be written any number of times: only its end counts then, and a task in which
writing twice does harm, as a payment does, must say so. A pattern maps fields to comparators; an event may have more
fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.errors import DataError
from agentrl.verifiers._reading.matching import perfect_matching
from agentrl.verifiers._tools.plain import PlainError, plain
from agentrl.verifiers._tools.rows import Path
from agentrl.verifiers._tools.values import Object, read_object

__all__ = ["Invariants", "read_invariants"]

MAX_EVENTS = 10_000
MAX_PATTERNS = 64
_LISTS = ("required", "forbidden", "allowed")


@dataclass(frozen=True, slots=True)
class Invariants:
    """What a log must and must not hold.

    Attributes:
        stated: Whether the gold says anything of events, so that there must be a log.
        most: Writes to one row; 0 for any number.
    """

    required: tuple[Object, ...] = ()
    forbidden: tuple[Object, ...] = ()
    allowed: tuple[Object, ...] = ()
    most: int = 0
    stated: bool = False

    def problem(self, log: Any, row_of: Callable[[Path], Path | None]) -> str:
        """What the log breaks; the empty string where it keeps to all.

        Args:
            log: What the transcript holds as its events; None where it holds none.
            row_of: From the path of a write to the row that the gold changes there, or None.
        """
        if log is None:
            return "there is no log of events" if self.stated else ""
        try:
            events = _read(log)
        except PlainError as error:
            return f"the log of events cannot be read: {error}"
        if any(_fits(pattern, event) for pattern in self.forbidden for event in events):
            return "something was done that must not be done"
        edges = [[i for i, event in enumerate(events) if _fits(pattern, event)] for pattern in self.required]
        if perfect_matching(edges) is None:
            return "something was not done that must be done"
        return self._writes(events, row_of)

    def _writes(self, events: Sequence[Mapping[str, Any]], row_of: Callable[[Path], Path | None]) -> str:
        count: Counter[Path] = Counter()
        for event in events:
            if event.get("op") == "read":
                continue
            path = event.get("path")
            parts = path.split("/") if isinstance(path, str) else path
            row = row_of(tuple(str(part) for part in parts)) if isinstance(parts, list) else None
            if row is not None:
                count[row] += 1
            elif not any(_fits(pattern, event) for pattern in (*self.required, *self.allowed)):
                return "something else was written"
        if self.most and count and max(count.values()) > self.most:
            return "a row was written too often"
        return ""


def _read(log: Any) -> list[dict[str, Any]]:
    if not isinstance(log, list | tuple) or len(log) > MAX_EVENTS:
        raise PlainError(f"it must be a list of at most {MAX_EVENTS} events")
    events = [plain(event) for event in log]
    if not all(isinstance(event, dict) for event in events):
        raise PlainError("an event must be a mapping")
    return events


def _fits(pattern: Object, event: Mapping[str, Any]) -> bool:
    return all(key in event and matcher.matches(event[key]) for key, matcher in pattern.fields.items())


def read_invariants(given: Any) -> Invariants:
    """The invariants that a gold writes down; see the module.

    Raises:
        DataError: They are none.
    """
    if given is None:
        return Invariants()
    if not isinstance(given, dict) or not given.keys() <= {*_LISTS, "max_writes"}:
        raise DataError(f"events takes {', '.join(_LISTS)} and max_writes; got {given!r:.60}")
    most = given.get("max_writes", 0)
    if type(most) is not int or most < 0:
        raise DataError(f"events: max_writes must be a number of writes, got {most!r:.40}")
    required, forbidden, allowed = (_patterns(given.get(name, []), name) for name in _LISTS)
    return Invariants(required, forbidden, allowed, most, stated=True)


def _patterns(given: Any, name: str) -> tuple[Object, ...]:
    if not isinstance(given, list) or len(given) > MAX_PATTERNS or not all(given):
        raise DataError(
            f"events: {name} must be a list of at most {MAX_PATTERNS} patterns, none empty; got {given!r:.60}"
        )
    return tuple(read_object(pattern, f"events, {name}") for pattern in given)
