"""Every check finds the fault that it is for, in a scorer with that fault, and nothing in one without."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentrl.audit import Card, Row, audit, check_ids
from agentrl.audit.checks import CHECKS
from agentrl.errors import InfraError, UnknownIdError
from agentrl.verifiers._reading.extract import candidates

NUMBERS = ("5", "72", "-7", "0.75", "101")


def honest(reply: str, answer: Any) -> float:
    found = candidates(reply, "boxed")
    return float(bool(found) and (found[-1] or "").strip() == answer)


def rows(card: Card) -> dict[str, Row]:
    return {row.check: row for row in card.rows}


Faults: dict[str, Callable[[str, Any], float | None]] = {
    "oracle": lambda reply, answer: 0.0 if answer == "72" else honest(reply, answer),
    "empty": lambda reply, answer: 1.0 if not reply else honest(reply, answer),
    "echo": lambda reply, answer: 1.0 if reply.endswith("value?") else honest(reply, answer),
    "noise": lambda reply, answer: 1.0 if len(reply) > 9000 else honest(reply, answer),
    "mutation": lambda reply, answer: float("boxed" in reply),
    "rewrite": lambda reply, answer: float(reply == f"\\boxed{{{answer}}}"),
    "odd_text": lambda reply, answer: 1 / len(reply.strip("[](){}")) * 0 + honest(reply, answer),
    "raises": lambda reply, answer: float(reply.encode() is None) + honest(reply, answer),
    "range": lambda reply, answer: float("nan") if "undefined" in reply else honest(reply, answer),
    "dropped": lambda reply, answer: None if "undefined" in reply else honest(reply, answer),
    "M1": lambda reply, answer: float(any((box or "").strip() == answer for box in candidates(reply, "boxed"))),
    "M9": lambda reply, answer: float(f"\\boxed{{{answer}}}" in reply),
    "R2": lambda reply, answer: float(answer in re.findall(r"[-\w.]+", reply)),
}


@pytest.mark.parametrize("check", Faults)
def test_a_fault_is_found(check: str, scorer_of: Callable[..., Any]) -> None:
    card = audit(scorer_of(Faults[check], golds=NUMBERS))
    found = rows(card)[check]
    assert found.verdict == "finding"
    assert found.examples
    assert 0 < found.hits <= found.tries


def test_what_any_call_shows_has_no_false_alarm(scorer_of: Callable[..., Any]) -> None:
    card = audit(scorer_of(honest, golds=NUMBERS))
    assert card.findings == ()
    assert {row.check for row in card.rows} >= set(CHECKS)
    assert card.items == 5


def test_a_reply_that_is_run(scorer_of: Callable[..., Any]) -> None:
    """Stands in for a scorer that evaluates replies: it does what the payload asks, without evaluating."""

    def runs(reply: str, answer: Any) -> float:
        path = re.search(r"open\('([^']+)','w'\)", reply)
        if path:
            Path(path[1]).touch()
        return honest(reply, answer)

    card = audit(scorer_of(runs), only=["M8", "runs_code"])
    assert {row.check: row.verdict for row in card.rows} == {"M8": "finding", "runs_code": "finding"}
    assert rows(card)["M8"].examples[0].reply == "open('FILE','w').close()"


def test_a_scorer_that_a_reply_poisons(scorer_of: Callable[..., Any]) -> None:
    poisoned: list[str] = []

    def poison(reply: str, answer: Any) -> float:
        if "__import__" in reply:
            poisoned.append(reply)
        return 1.0 if poisoned else honest(reply, answer)

    row = audit(scorer_of(poison), only=["M8"]).rows[0]
    assert row.verdict == "finding"
    assert "from now on" in row.examples[0].outcome


def test_hidden_state_is_found(scorer_of: Callable[..., Any]) -> None:
    seen: list[str] = []

    def remembers(reply: str, answer: Any) -> float:
        seen.append(reply)
        return 0.5 if seen.count(reply) > len(NUMBERS) + 1 else honest(reply, answer)

    assert audit(scorer_of(remembers, golds=NUMBERS), only=["purity"]).findings


@pytest.mark.parametrize("fault", ["differs", "raises"])
def test_threads(fault: str, scorer_of: Callable[..., Any]) -> None:
    def score(reply: str, answer: Any) -> float:
        if threading.current_thread() is not threading.main_thread():
            if fault == "raises":
                raise ValueError("signal only works in main thread")
            return 0.0
        return honest(reply, answer)

    row = audit(scorer_of(score), only=["threads"]).rows[0]
    assert row.verdict == "finding"


def test_a_hang_is_a_finding_and_not_the_end(scorer_of: Callable[..., Any]) -> None:
    def hangs(reply: str, answer: Any) -> float:
        if "^{10" in reply or "!" in reply:
            time.sleep(2)
        return honest(reply, answer)

    found = rows(audit(scorer_of(hangs, timeout_s=0.05), only=["threads", "hangs", "M7", "M4"]))
    assert found["threads"].verdict == found["hangs"].verdict == found["M7"].verdict == "finding"
    assert found["M7"].detail == "given up after 3 of 10 calls: they take too long"
    assert found["M4"].verdict == "clean"


@pytest.mark.parametrize(("basis", "verdict"), [("tasks", "finding"), ("table", "clean")])
def test_a_constant_is_a_finding_on_tasks_only(basis: str, verdict: str, scorer_of: Callable[..., Any]) -> None:
    golds = ("1",) * 19 + ("2",)
    row = audit(scorer_of(honest, golds=golds, basis=basis), only=["constant"]).rows[0]
    assert (row.verdict, row.hits, row.tries) == (verdict, 19, 20)
    assert row.mean == pytest.approx(0.95)
    assert row.detail == "best: '1'"


def test_half_pay_counts_for_strangers_only(scorer_of: Callable[..., Any]) -> None:
    def generous(reply: str, answer: Any) -> float:
        return 1.0 if honest(reply, answer) else 0.6

    assert audit(scorer_of(generous), only=["mutation"]).findings
    assert not audit(scorer_of(generous, strict="full"), only=["mutation"]).findings
    assert audit(scorer_of(generous, strict="full"), only=["empty"]).findings, "an empty reply is worth nothing at all"


def test_a_scale_of_its_own(scorer_of: Callable[..., Any]) -> None:
    """Rewards of -1 and 2: half of the right reply's is the limit."""
    assert audit(scorer_of(lambda r, a: 2.0 if honest(r, a) else -1.0)).findings == ()
    assert audit(scorer_of(lambda r, a: 2.0 if honest(r, a) else 1.5), only=["empty"]).findings


def test_golds_without_a_known_reply(scorer_of: Callable[..., Any]) -> None:
    """Nobody can say what is wrong there: only what goes wrong counts."""
    card = audit(scorer_of(lambda reply, answer: 0.7, golds=([1], [2])), only=[*CHECKS, "M9", "M13", "R3", "T9"])
    assert {row.check for row in card.findings} == {"empty"}
    assert rows(card)["oracle"].verdict == rows(card)["mutation"].verdict == "not applicable"
    assert audit(scorer_of(lambda r, a: float("x" in r.split()[0]), golds=([1],)), only=["odd_text"]).findings


def test_same_seed_same_card(scorer_of: Callable[..., Any]) -> None:
    golds = [str(i) for i in range(50)]
    cards = [audit(scorer_of(Faults["M1"], golds=golds), n=5, seed=seed).rows for seed in (1, 1, 2)]
    assert cards[0] == cards[1]
    assert cards[0] != cards[2]


def test_only_and_unknown_names(scorer_of: Callable[..., Any]) -> None:
    ticks: list[str] = []
    card = audit(scorer_of(honest), only=["M1", "oracle", "range"], tick=ticks.append)
    assert [row.check for row in card.rows] == ["oracle", "range", "M1"]
    assert ticks == ["oracle", "M1"]
    with pytest.raises(UnknownIdError, match="did you mean 'oracle'"):
        audit(scorer_of(honest), only=["oracl"])
    assert len(check_ids()) == len(set(check_ids()))


def test_the_machines_failure_is_no_finding(scorer_of: Callable[..., Any]) -> None:
    def fails(reply: str, answer: Any) -> float:
        raise InfraError("no sandbox here")

    with pytest.raises(InfraError, match="no sandbox"):
        audit(scorer_of(fails))
