"""The result of an audit: a row a check, with rates, intervals and the shortest examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.audit.records import Domain

__all__ = ["Card", "Example", "Finding", "Row", "shortest", "wilson"]

Finding = Literal["finding", "clean", "not applicable"]
_Z = 1.959963984540054  # the 0.975 quantile of the normal distribution
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Example:
    """A call that should have gone otherwise."""

    item: str
    answer: str
    reply: str
    outcome: str

    def to_json(self) -> dict[str, str]:
        """As JSON."""
        return {"item": self.item, "answer": self.answer, "reply": self.reply, "outcome": self.outcome}


@dataclass(frozen=True, slots=True)
class Row:
    """One check.

    Attributes:
        check: Its name: an id of the catalogue, or a word.
        asks: What would be wrong, in one line.
        tries: Calls that could have shown it.
        hits: Calls that did.
        verdict: What follows.
        examples: Up to three, the shortest replies first.
        detail: A figure that belongs to the check, such as the best constant reply.
        mean: The mean score, where the check is a policy.
    """

    check: str
    asks: str
    tries: int
    hits: int
    verdict: Finding
    examples: tuple[Example, ...] = ()
    detail: str = ""
    mean: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON, with the rate and its interval."""
        low, high = wilson(self.hits, self.tries)
        return {
            "check": self.check,
            "asks": self.asks,
            "verdict": self.verdict,
            "tries": self.tries,
            "hits": self.hits,
            "rate": self.hits / self.tries if self.tries else None,
            "interval": [low, high] if self.tries else None,
            "mean": self.mean,
            "detail": self.detail,
            "examples": [example.to_json() for example in self.examples],
        }


@dataclass(frozen=True, slots=True)
class Card:
    """All rows of one audit."""

    name: str
    domain: Domain
    items: int
    calls: int
    seconds: float
    rows: tuple[Row, ...]

    @property
    def findings(self) -> tuple[Row, ...]:
        """The rows that found something."""
        return tuple(row for row in self.rows if row.verdict == "finding")

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "domain": self.domain,
            "items": self.items,
            "calls": self.calls,
            "seconds": round(self.seconds, 3),
            "findings": [row.check for row in self.findings],
            "checks": [row.to_json() for row in self.rows],
        }


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95% interval of a rate (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    With p = hits / tries, n = tries and z = 1.96, the ends are
    (p + z^2 / 2n -/+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    No hit in 10: the lower end is 0, the upper z^2 / (10 + z^2) = 3.8415 / 13.8415.

    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]
    >>> [round(end, 4) for end in wilson(5, 10)]
    [0.2366, 0.7634]
    """
    if tries == 0:
        return 0.0, 1.0
    p, square = hits / tries, _Z * _Z
    middle = p + square / (2 * tries)
    half = _Z * math.sqrt(p * (1 - p) / tries + square / (4 * tries * tries))
    scale = 1 + square / tries
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def shortest(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Up to three, the shortest replies first, each cut to a length that can be read."""
    chosen = sorted({example.reply: example for example in examples}.values(), key=lambda e: len(e.reply))[:3]
    return tuple(Example(e.item, e.answer[:_SHOWN], e.reply[:_SHOWN], e.outcome) for e in chosen)
