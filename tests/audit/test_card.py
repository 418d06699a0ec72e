"""Rates, intervals, and what is shown of a hit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.audit import Card, Example, Row, wilson
from agentrl.audit.card import shortest


def test_wilson_by_hand() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(1, 1)  # 1 / (1 + z^2) with z^2 = 3.8415
    assert low == pytest.approx(1 / 4.8415, abs=1e-4)
    assert high == 1.0
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_rate_and_is_symmetric(case: tuple[int, int]) -> None:
    hits, tries = case
    low, high = wilson(hits, tries)
    assert 0 <= low <= hits / tries + 1e-12
    assert hits / tries - 1e-12 <= high <= 1
    other = wilson(tries - hits, tries)
    assert (low, high) == pytest.approx((1 - other[1], 1 - other[0]))


def test_the_three_shortest_replies_once_each() -> None:
    examples = [Example("1", "5", reply, "score 1") for reply in ("aaaa", "bb", "bb", "c" * 999, "ddd")]
    assert [e.reply for e in shortest(examples)] == ["bb", "ddd", "aaaa"]
    assert len(shortest([Example("1", "5", "c" * 999, "")])[0].reply) == 200


def test_json() -> None:
    rows = (
        Row("M1", "several", 10, 5, "finding", (Example("1", "5", "x", "score 1"),)),
        Row("M2", "none", 0, 0, "not applicable"),
        Row("M3", "fine", 4, 0, "clean"),
    )
    card = Card("a", "maths", 3, 14, 0.5, rows)
    shown = json.loads(json.dumps(card.to_json()))
    assert shown["findings"] == ["M1"]
    assert shown["checks"][0]["rate"] == 0.5
    assert shown["checks"][0]["interval"] == pytest.approx([0.2366, 0.7634], abs=1e-4)
    assert shown["checks"][1]["interval"] is None
    assert card.findings == rows[:1]
