"""Every call of an audit, remembered: faults that any call may show are collected here, whatever check made it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agentrl.audit.card import Example, Finding, Row, shortest
from agentrl.audit.records import Item, Outcome, Reply, Scorer, Where
from agentrl.types import Message, Transcript

__all__ = ["Ledger", "Tally", "said"]

_TIMEOUTS = 2
"""Calls past the deadline after which a check is given up: each costs its full time."""
_SLOW_S = 1.0
_SLOW_TOTAL_S = 15.0
"""Slow calls are given up as well, after this much time: a timeout of the scorer's own costs nearly as much."""


def said(reply: Reply) -> str:
    """A reply as text, for a reader."""
    if isinstance(reply, str):
        return reply
    if isinstance(reply, Transcript):
        calls = [f"{c.name}({dict(c.arguments)})" for m in reply.messages for c in m.tool_calls]
        return " ".join([reply.reply, *calls]).strip() or repr(dict(reply.final_state))
    return " | ".join(m.content if isinstance(m, Message) else m for m in reply)


@dataclass(slots=True)
class Tally:
    """One check as it goes: tries, and the calls that should have gone otherwise."""

    tries: int = 0
    planned: int = 0
    examples: list[Example] = field(default_factory=list)

    def hit(self, item: Item, reply: Reply, outcome: str) -> None:
        """Note a call that went wrong."""
        self.examples.append(Example(item.id, str(item.answer), said(reply), outcome))

    def row(self, check: str, asks: str, *, detail: str = "", mean: float | None = None) -> Row:
        """The row of this check."""
        hits = len(self.examples)
        if self.tries < self.planned:
            detail = f"given up after {self.tries} of {self.planned} calls: they take too long"
        verdict: Finding = "not applicable" if not self.tries else "finding" if hits else "clean"
        return Row(
            check,
            asks,
            self.tries,
            hits,
            verdict,
            shortest(self.examples),
            detail,
            mean,
        )


@dataclass(slots=True)
class Ledger:
    """The scorer under audit, and what its calls showed.

    Attributes:
        scorer: What is called.
        canary: A file that no call may create.
        calls: Calls so far.
    """

    scorer: Scorer
    canary: Path
    calls: int = 0
    raised: Tally = field(default_factory=Tally)
    hung: Tally = field(default_factory=Tally)
    off_range: Tally = field(default_factory=Tally)
    dropped: Tally = field(default_factory=Tally)
    ran: Tally = field(default_factory=Tally)
    _full: dict[str, Outcome] = field(default_factory=dict)

    def score(self, item: Item, reply: Reply, where: Where = "any") -> Outcome:
        """Call the scorer, and look at the call whatever it was made for."""
        outcome = self.scorer.score(item, reply, where)
        self.calls += 1
        for tally in (self.raised, self.hung, self.off_range, self.ran):
            tally.tries += 1
        if outcome.timed_out:
            self.hung.hit(item, reply, f"no answer within {outcome.seconds:g} s")
        elif outcome.error:
            self.raised.hit(item, reply, outcome.error)
        if outcome.score is not None and not math.isfinite(outcome.score):
            self.off_range.hit(item, reply, f"score {outcome.score}")
        if self.canary.exists():
            self.canary.unlink()
            self.ran.hit(item, reply, "the reply was run: it created a file")
            outcome = dataclasses.replace(outcome, acted=True)
        return outcome

    def full(self, item: Item) -> Outcome | None:
        """What the right reply gets; None where none is known."""
        if item.oracle is None:
            return None
        if item.id not in self._full:
            self._full[item.id] = self.score(item, item.oracle)
        return self._full[item.id]

    def usable(self, item: Item) -> bool:
        """Whether the right reply is paid, so that what a wrong one gets means something."""
        full = self.full(item)
        return full is not None and full.score is not None and full.score > 0

    def paid(self, item: Item, outcome: Outcome) -> bool:
        """Whether a reply got what only the right one should."""
        if outcome.score is None or math.isnan(outcome.score):
            return False
        full = self.full(item)
        best = full.score if full is not None and full.score is not None and full.score > 0 else 1.0
        return outcome.score >= best - 1e-9 if self.scorer.strict == "full" else outcome.score > best / 2

    def note_dropped(self, item: Item, reply: Reply, outcome: Outcome) -> None:
        """A reply without a score, to an item whose right reply has one, leaves the mean by its own doing."""
        if self.usable(item) and not outcome.error and not outcome.timed_out:
            self.dropped.tries += 1
            if outcome.score is None:
                self.dropped.hit(item, reply, f"no score{f' ({outcome.status})' if outcome.status else ''}")

    def against(self, tries: list[tuple[Item, Reply]], wrong: Callable[[Item, Outcome], str]) -> Tally:
        """Try replies and note those for which `wrong` says what is wrong; a check that keeps hanging is given up."""
        tally, timeouts, slow_s = Tally(planned=len(tries)), 0, 0.0
        for item, reply in tries:
            outcome = self.score(item, reply)
            self.note_dropped(item, reply, outcome)
            tally.tries += 1
            problem = wrong(item, outcome)
            if problem:
                tally.hit(item, reply, problem)
            timeouts += outcome.timed_out
            slow_s += outcome.seconds if outcome.seconds > _SLOW_S else 0.0
            if timeouts >= _TIMEOUTS or slow_s >= _SLOW_TOTAL_S:
                break
        return tally
