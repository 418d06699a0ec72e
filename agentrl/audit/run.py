"""One audit: the checks, then the attacks of the scorer's domain, then what all calls showed together."""

from __future__ import annotations

import dataclasses
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agentrl.audit.card import Card, Row
from agentrl.audit.catalogue import BY_DOMAIN, attacks
from agentrl.audit.checks import CHECKS, common_rows
from agentrl.audit.ledger import Ledger
from agentrl.audit.records import Attack, Item, Outcome, Reply, Scorer
from agentrl.audit.subject import Subject
from agentrl.errors import UnknownIdError, suggest

__all__ = ["audit", "check_ids", "check_only"]

_COMMON = ("raises", "hangs", "range", "dropped", "runs_code")
_UNRELATED = (
    "I CANNOT say anything about this.",
    '{"unrelated": ["words", 2.5, false]}',
    "The old harbour wakes slowly. Two boats come in with the tide while gulls circle over the quay and a boy counts "
    "the crates that his uncle lifts ashore. Nobody hurries. Later the market opens on the hill and bread is sold "
    "until noon. In the afternoon it rains and people sit by their windows and talk of other years.",
)
"""Words of several shapes that answer no question."""


def check_ids() -> tuple[str, ...]:
    """The names of all checks and attacks of all domains."""
    found = {attack.id for listed in BY_DOMAIN.values() for attack in listed}
    return (*CHECKS, *_COMMON, *sorted(found, key=lambda id: (id[0], int(id[1:]))))


def check_only(only: Sequence[str]) -> None:
    """Refuse names of checks that do not exist.

    Raises:
        UnknownIdError: There is one; the message suggests the nearest.
    """
    known = check_ids()
    for id in only:
        if id not in known:
            raise UnknownIdError(f"no check {id!r}: {suggest(id, known)}")


def audit(
    scorer: Scorer,
    *,
    only: Sequence[str] = (),
    n: int = 20,
    seed: int = 0,
    tick: Callable[[str], None] = lambda check: None,
) -> Card:
    """Attack a scorer; it is not closed.

    Args:
        scorer: What is attacked.
        only: Names of checks and attacks; empty for all.
        n: Items to try, drawn from the scorer's.
        seed: Draws them.
        tick: Called with the name of each check before it runs.

    Raises:
        UnknownIdError: `only` names no check.
    """
    check_only(only)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="agentrl-audit-") as folder:
        ledger = Ledger(scorer, Path(folder) / "canary")
        items = _drawn(scorer.items(), n, seed)
        subjects = _subjects(ledger, items)
        rows = []
        for name, check in CHECKS.items():
            if not only or name in only:
                tick(name)
                rows.append(check(ledger, subjects))
        for attack in attacks(scorer.domain):
            if not only or attack.id in only:
                tick(attack.id)
                rows.append(_attacked(ledger, subjects, attack))
        at = sum(row.check in CHECKS for row in rows)
        rows[at:at] = [row for name, row in common_rows(ledger).items() if not only or name in only]
        shown = tuple(_without(row, str(ledger.canary)) for row in rows)
        return Card(scorer.name, scorer.domain, len(items), ledger.calls, time.monotonic() - began, shown)


def _subjects(ledger: Ledger, items: Sequence[Item]) -> list[Subject]:
    """The items as attacks see them.

    A gold that asks for no more than some words is paid for any, and rightly; one that is paid for unrelated words is
    open, unless all of them are: then it is the scorer that pays anything.
    """
    subjects = [Subject.of(item, ledger.canary) for item in items]
    whole = [s for s in subjects if s.kind == "whole"]
    lax = [s for s in whole if any(ledger.paid(s.item, ledger.score(s.item, words)) for words in _UNRELATED)]
    if len(lax) == len(whole):
        return subjects
    return [dataclasses.replace(s, kind="open") if s in lax else s for s in subjects]


def _without(row: Row, path: str) -> Row:
    """The row with a name in place of a path that the next audit does not have."""
    examples = tuple(dataclasses.replace(e, reply=e.reply.replace(path, "FILE")) for e in row.examples)
    return dataclasses.replace(row, examples=examples)


def _drawn(items: Sequence[Item], n: int, seed: int) -> list[Item]:
    """Up to n items in their order; those whose right reply is known, where there are any."""
    items = [item for item in items if item.oracle is not None] or items
    if len(items) <= n:
        return list(items)
    return [items[i] for i in sorted(random.Random(seed).sample(range(len(items)), n))]


def _attacked(ledger: Ledger, subjects: Sequence[Subject], attack: Attack) -> Row:
    """Every reply of one attack, on the items whose right reply is paid, and on the attack's own golds."""
    usable = (s for s in subjects if s.item.oracle is None or ledger.usable(s.item))
    tries: list[tuple[Item, Reply]] = []
    left = attack.items
    for s in usable:
        replies = list(attack.replies(s))
        if replies and (left is None or left > 0):
            tries += [(s.item, reply) for reply in replies]
            left = None if left is None else left - 1
    tries += itertools.chain.from_iterable(_posed(ledger, *pair) for pair in attack.pairs)

    def wrong(item: Item, outcome: Outcome) -> str:
        if attack.hit == "acts":
            return "it was run: it created a file" if outcome.acted else ""
        if outcome.timed_out:
            return f"no answer within {outcome.seconds:g} s"
        return f"score {outcome.score:g}" if ledger.paid(item, outcome) else ""

    plain = [(s.item, s.put(s.wrong())) for s in subjects[:4] if s.kind != "open" and attack.hit == "acts"]
    before = [ledger.paid(item, ledger.score(item, reply)) for item, reply in plain]
    tally = ledger.against(tries, wrong)
    for (item, reply), was_paid in zip(plain, before, strict=True):  # what ran may have changed the scorer itself
        if not was_paid and ledger.paid(item, ledger.score(item, reply)):
            tally.hit(item, reply, "a wrong reply that is paid from now on")
    return tally.row(attack.id, attack.exploits)


def _posed(ledger: Ledger, gold: str, content: str) -> list[tuple[Item, Reply]]:
    item = ledger.scorer.pose(gold)
    if item is None:
        return []
    s = Subject.of(item, ledger.canary)
    return [] if s.kind == "open" else [(item, s.put(content))]
