"""The checks of an audit that need no catalogue: fixed policies, golds changed and rewritten, purity, threads."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Mapping, Sequence

from agentrl.audit.card import Row
from agentrl.audit.ledger import Ledger, Tally
from agentrl.audit.records import Item, Outcome, Reply
from agentrl.audit.subject import CHOICES, Kind, Subject
from agentrl.evaluation.stats import wilson

__all__ = ["CHECKS", "common_rows"]

_NOISE_CHARS = 10_000
_CONSTANTS: Mapping[Kind, tuple[str, ...]] = {
    "number": ("0", "1", "2", "3", "4", "5", "10", "-1", "100"),
    "choice": tuple(CHOICES),
    "boolean": ("True", "False", "Yes", "No"),
    "expression": ("0", "1", "x", r"\emptyset", "(0,1)"),
    "text": ("yes", "no", "unknown", "0"),
    "whole": ("yes", "no", "0", "[]", "{}"),
    "open": (),
}
_WORDS = r'0 -1 1/0 [] [1] [[1]] {} {"a":1} null None nan True ( ) [ { ]] \ \frac{1}{0} \boxed{ x=1 a,b 1..2 ٣ ½'
_ODD = (*_WORDS.split(), "", "   ", "\0", "\ud800", "I don't know", "1 2 3", "\n\n", "- a\n- b", "a" * 5000)
_TOWER = "10^{10^{10}}"
"""What a timeout that rests on a signal does not stop outside the main thread."""


def _paid(ledger: Ledger) -> Callable[[Item, Outcome], str]:
    return lambda item, outcome: f"score {outcome.score:g}" if ledger.paid(item, outcome) else ""


def _oracle(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    tally, scores = Tally(), []
    for s in subjects:
        outcome = ledger.full(s.item)
        if outcome is None or s.item.oracle is None:
            continue
        tally.tries += 1
        scores.append(outcome.score or 0.0)
        full = outcome.status == "correct" if outcome.status else (outcome.score or 0.0) > 0
        if not full:
            shown = f"score {outcome.score:g}" if outcome.score is not None else "no score"
            tally.hit(s.item, s.item.oracle, outcome.error or f"{shown} {outcome.status}".strip())
    best = max(scores, default=0.0)
    for s in subjects:  # a scorer without statuses: the right reply must get what it gets elsewhere
        outcome = ledger.full(s.item)
        if outcome is not None and not outcome.status and 0 < (outcome.score or 0.0) < best - 1e-6:
            tally.hit(s.item, s.item.oracle or "", f"score {outcome.score:g}, elsewhere {best:g}")
    return tally.row("oracle", "the right reply is not paid in full", mean=_mean(scores))


def _tried(
    ledger: Ledger, tries: list[tuple[Item, Reply]], wrong: Callable[[Item, Outcome], str]
) -> tuple[Tally, float | None]:
    """What `Ledger.against` shows, and the mean of all scores."""
    scores: list[float] = []

    def noted(item: Item, outcome: Outcome) -> str:
        scores.append(outcome.score or 0.0)
        return wrong(item, outcome)

    return ledger.against(tries, noted), _mean(scores)


def _empty(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    """Silence is surely wrong, whatever the gold; where statuses tell right from wrong it is worth nothing at all."""

    def wrong(item: Item, outcome: Outcome) -> str:
        return f"score {outcome.score:g}" if outcome.score else ""

    judge = wrong if ledger.scorer.strict == "full" else _paid(ledger)
    tally, mean = _tried(ledger, [(s.item, "") for s in subjects], judge)
    return tally.row("empty", "an empty reply is paid", mean=mean)


def _echo(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    asked = [s for s in _closed(subjects) if s.item.prompt.strip() not in ("", s.gold)]
    tally, mean = _tried(ledger, [(s.item, s.item.prompt) for s in asked], _paid(ledger))
    return tally.row("echo", "the question, repeated, is paid", mean=mean)


def _noise(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    draw = random.Random(0)
    text = " ".join(f"{draw.randrange(10**6):x}" for _ in range(_NOISE_CHARS // 6))
    tally, mean = _tried(ledger, [(s.item, text) for s in _closed(subjects)[:4]], _paid(ledger))
    return tally.row("noise", "10 kB of noise is paid", mean=mean)


def _constant(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    """The best of a few constants of the golds' type; a finding where it surely is right more often than not."""
    closed = _closed(subjects)
    kinds = sorted({s.kind for s in closed})
    best, best_mean, best_tally = "", -1.0, Tally()
    for content in dict.fromkeys(itertools.chain.from_iterable(_CONSTANTS[kind] for kind in kinds)):
        tally, mean = _tried(ledger, [(s.item, s.put(content)) for s in closed], _paid(ledger))
        if mean is not None and mean > best_mean:
            best, best_mean, best_tally = content, mean, tally
    asks = "one constant reply is paid for most items"
    if not best_tally.tries:
        return best_tally.row("constant", asks)
    row = best_tally.row("constant", asks, detail=f"best: {best!r}", mean=best_mean)
    if ledger.scorer.basis == "tasks" and wilson(row.hits, row.tries)[0] > 0.5:
        return row
    return dataclasses.replace(row, verdict="clean", examples=())


def _mutation(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    tries = [(s.item, reply) for s in subjects if ledger.usable(s.item) for reply in ledger.scorer.mutations(s.item)]
    return ledger.against(tries, _paid(ledger)).row("mutation", "another answer of the gold's type is paid")


def _rewrite(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    def refused(item: Item, outcome: Outcome) -> str:
        if ledger.paid(item, outcome):
            return ""
        return (
            outcome.error or f"score {outcome.score if outcome.score is not None else 'none'} {outcome.status}".strip()
        )

    tries = [(s.item, reply) for s in subjects if ledger.usable(s.item) for reply in ledger.scorer.rewrites(s.item)]
    return ledger.against(tries, refused).row("rewrite", "the right answer in another spelling is not paid")


def _odd(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    """Short texts of every shape: what they are paid does not matter, that they get a score does."""

    def fails(item: Item, outcome: Outcome) -> str:
        if outcome.timed_out or outcome.error:
            return _said(outcome)
        return "no score" if outcome.score is None and ledger.usable(item) else ""

    tries: list[tuple[Item, Reply]] = [(s.item, text) for s in subjects[:2] for text in _ODD]
    return ledger.against(tries, fails).row("odd_text", "text of another shape makes it raise or hang")


def _ordinary(s: Subject) -> list[Reply]:
    replies: list[Reply] = [s.put(s.wrong()), ""]
    return replies if s.item.oracle is None else [s.item.oracle, *replies]


def _purity(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    tally = Tally()
    asked = [(s.item, reply) for s in subjects for reply in _ordinary(s)]
    first = [ledger.score(item, reply) for item, reply in asked]
    again = [ledger.score(item, reply) for item, reply in reversed(asked)][::-1]
    for (item, reply), one, two in zip(asked, first, again, strict=True):
        tally.tries += 1
        if not _same(one, two):
            tally.hit(item, reply, f"first {_said(one)}, then {_said(two)}")
    return tally.row("purity", "the same call gives another score the second time")


def _threads(ledger: Ledger, subjects: Sequence[Subject]) -> Row:
    """Ordinary replies score the same outside the main thread, and a hostile one ends there as it does elsewhere."""
    tally = Tally()
    for s in subjects[:4]:
        for reply in _ordinary(s):
            here, there = ledger.score(s.item, reply, "main"), ledger.score(s.item, reply, "thread")
            tally.tries += 1
            if not _same(here, there):
                tally.hit(s.item, reply, f"main thread {_said(here)}, another {_said(there)}")
    framed = [s for s in subjects if s.framed and s.kind != "text"]
    for s in framed[:1]:
        outcome = ledger.score(s.item, s.put(_TOWER), "thread")
        tally.tries += 1
        if outcome.timed_out or outcome.error:
            tally.hit(s.item, s.put(_TOWER), f"outside the main thread: {_said(outcome)}")
    return tally.row("threads", "outside the main thread it hangs, fails or scores otherwise")


def _same(one: Outcome, two: Outcome) -> bool:
    return (repr(one.score), one.error, one.timed_out) == (repr(two.score), two.error, two.timed_out)


def _said(outcome: Outcome) -> str:
    if outcome.timed_out:
        return f"no answer within {outcome.seconds:g} s"
    return outcome.error or f"{outcome.score}"


def _closed(subjects: Sequence[Subject]) -> list[Subject]:
    """Those for which a reply that says the same whatever the question is surely wrong, or right by luck."""
    return [s for s in subjects if s.kind != "open"]


def _mean(scores: Sequence[float]) -> float | None:
    return sum(scores) / len(scores) if scores else None


CHECKS: Mapping[str, Callable[[Ledger, Sequence[Subject]], Row]] = {
    "oracle": _oracle,
    "empty": _empty,
    "echo": _echo,
    "noise": _noise,
    "constant": _constant,
    "mutation": _mutation,
    "rewrite": _rewrite,
    "odd_text": _odd,
    "purity": _purity,
    "threads": _threads,
}


def common_rows(ledger: Ledger) -> dict[str, Row]:
    """The rows on what any call may show."""
    return {
        "raises": ledger.raised.row("raises", "a reply makes it raise"),
        "hangs": ledger.hung.row("hangs", "a reply takes it past the deadline"),
        "range": ledger.off_range.row("range", "the score is no finite number"),
        "dropped": ledger.dropped.row("dropped", "a reply gets no score, and so leaves the mean"),
        "runs_code": ledger.ran.row("runs_code", "a reply is run as code"),
    }
