"""Whole answers, equal or equal but for case: golds in letters whose capitals are others'."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.golds import gold_problem, mutated_golds, rewritten_golds
from agentrl.registry import grade

OPTIONS: tuple[dict[str, str], ...] = ({}, {"compare": "fold"})


@pytest.mark.parametrize("answer", ["Paris", "ılık", "straße", "ﬁn", 7, "New  York"])
def test_rewritten_golds_are_correct(answer: object) -> None:
    for options in OPTIONS:
        assert gold_problem("exact", answer, options) == ""
        for reply in rewritten_golds("exact", answer, options):
            assert grade("exact", reply, answer, **options).success, reply


@given(st.text().filter(str.strip))
def test_golds_of_any_text(answer: str) -> None:
    for options in OPTIONS:
        assert grade("exact", answer, answer, **options).success
        assert all(
            grade("exact", reply, answer, **options).success for reply in rewritten_golds("exact", answer, options)
        )
        assert not grade("exact", f"{answer} or another", answer, **options).success
        assert not any(grade("exact", str(reply), answer).success for reply in mutated_golds("exact", answer))
