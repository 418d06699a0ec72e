"""The result of an audit: a row a check, with rates, intervals and the shortest examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.audit.records import Domain
from agentrl.evaluation.stats import wilson

__all__ = ["Card", "Example", "Finding", "Row", "shortest"]

Finding = Literal["finding", "clean", "not applicable"]
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


def shortest(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Up to three, the shortest replies first, each cut to a length that can be read."""
    chosen = sorted({example.reply: example for example in examples}.values(), key=lambda e: len(e.reply))[:3]
    return tuple(Example(e.item, e.answer[:_SHOWN], e.reply[:_SHOWN], e.outcome) for e in chosen)
