"""Rates, intervals, and what is shown of a hit."""

from __future__ import annotations

import json

import pytest

from agentrl.audit import Card, Example, Row
from agentrl.audit.card import shortest


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
