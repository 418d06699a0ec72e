"""Known faults of TRL 1.16 with Math-Verify 0.9 are found by its audit; skipped where they are not installed."""

from __future__ import annotations

import importlib.util

import pytest

from agentrl.audit import Row, audit
from agentrl.errors import UnknownIdError
from agentrl.interop.trl import open_reward

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("trl", "math_verify")),
    reason="needs trl and math-verify: pip install 'agentrl[trl,math]'",
)
CHECKS = ("oracle", "empty", "noise", "constant", "mutation", "threads", "M1", "M2", "M4", "M5", "M6", "M9", "M12")


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    scorer = open_reward("accuracy_reward", timeout_s=1.5)
    try:
        return {row.check: row for row in audit(scorer, only=CHECKS, n=6).rows}
    finally:
        scorer.close()


def test_false_accepts_are_found(rows: dict[str, Row]) -> None:
    assert {check for check, row in rows.items() if row.verdict == "finding"} == {
        "threads",
        "M2",
        "M4",
        "M5",
        "M6",
        "M9",
        "M12",
    }


def test_it_hangs_outside_the_main_thread(rows: dict[str, Row]) -> None:
    (example,) = rows["threads"].examples
    assert example.outcome == "outside the main thread: no answer within 1.5 s"


def test_a_tautology_is_paid(rows: dict[str, Row]) -> None:
    assert r"\boxed{7=7}" in [example.reply for example in rows["M4"].examples]


def test_golds_are_framed_as_it_reads_them() -> None:
    scorer = open_reward("reasoning_accuracy_reward")
    item = scorer.items()[0]
    assert (item.answer, item.oracle) == ("$5$", r"<think>I see.</think> \boxed{5}")
    scorer.close()


def test_a_function_that_does_not_exist() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'accuracy_reward'"):
        open_reward("accuracy_rewards_")
