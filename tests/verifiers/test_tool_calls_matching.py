"""Who belongs to whom: matchings with and without an order, and the best assignment."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl import registry
from agentrl.verifiers._reading.matching import perfect_matching
from agentrl.verifiers._tools import matching
from agentrl.verifiers._tools.cases import NUMBER
from agentrl.verifiers._tools.matching import assignment, ordered_matching

EDGES = st.lists(st.sets(st.integers(0, 4), max_size=5), min_size=1, max_size=4)


def brute(edges: list[set[int]], before: list[tuple[int, int]]) -> bool:
    choices = itertools.permutations(range(5), len(edges))
    return any(
        all(c[i] in edges[i] for i in range(len(edges))) and all(c[a] < c[b] for a, b in before) for c in choices
    )


@settings(max_examples=100, deadline=None)
@given(EDGES, st.data())
def test_matchings_agree_with_brute_force(edges: list[set[int]], data: st.DataObject) -> None:
    n = len(edges)
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    before = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    for wanted, found in (([], perfect_matching(edges)), (before, ordered_matching(edges, before))):
        assert (found is not None) == brute(edges, wanted)
        if found is not None:
            assert len(set(found)) == n
            assert all(right in edges[left] for left, right in enumerate(found))
            assert all(found[a] < found[b] for a, b in wanted)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_the_assignment_agrees_with_brute_force(rows: int, columns: int, data: st.DataObject) -> None:
    gain = [[data.draw(st.integers(0, 6)) / 4 for _ in range(columns)] for _ in range(rows)]
    pairs = assignment(gain)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs) == min(rows, columns)
    small, large, flipped = (rows, columns, False) if rows <= columns else (columns, rows, True)
    best = max(
        sum(gain[c][i] if flipped else gain[i][c] for i, c in enumerate(chosen))
        for chosen in itertools.permutations(range(large), small)
    )
    assert sum(gain[r][c] for r, c in pairs) == pytest.approx(best)


def keeps(edges: list[Any], before: list[tuple[int, int]]) -> bool:
    """Whether an ordered matching is found; what is found must be one."""
    found = ordered_matching(edges, before)
    if found is not None:
        assert len(set(found)) == len(edges)
        assert all(right in edges[left] for left, right in enumerate(found))
        assert all(found[a] < found[b] for a, b in before)
    return found is not None


@pytest.mark.parametrize("n", [9, 12, 16])
def test_an_order_among_many_calls_is_decided(n: int) -> None:
    every = [list(range(n))] * n
    chain = [(i + 1, i) for i in range(n - 1)]
    assert keeps(every, chain)
    assert keeps([[i] for i in range(n)][::-1], chain)
    assert not keeps([[i] for i in range(n)], chain)
    assert keeps([*every[1:], [0]], [(0, 1)])  # the last call has the first place, and the search must give it up
    assert not keeps([*every[1:], [0]], [(0, n - 1)])
    assert keeps([[n - 2, n - 1], *every[1:]], [(n - 1, 0)])
    for seed in range(5):
        dice = random.Random(seed)
        order = dice.sample(range(n), n)
        edges = [{order.index(i), *(r for r in range(n) if dice.random() < 0.5)} for i in range(n)]
        before = [(a, b) for a in range(n) for b in range(n) if order.index(a) < order.index(b) and dice.random() < 0.1]
        assert keeps(edges, before)


def many(n: int) -> dict[str, Any]:
    """Any of n calls may be any of n values, and the second comes before the first."""
    call = {"name": "f", "arguments": {"a": {"one_of": list(range(n))}}}
    return {"tools": NUMBER["tools"], "calls": [*[call] * (n - 1), {"name": "f", "arguments": {"a": 0}}]}


@pytest.mark.parametrize("n", [9, 12, 16])
def test_replies_with_many_calls_in_order(n: int) -> None:
    calls = [f"f(a={i})" for i in range(n)]
    gold = {**many(n), "order": [[0, 1]]}
    assert registry.grade("tool_calls", f"[{', '.join(calls)}]", gold).status == "correct"
    gold["order"] = [[0, n - 1]]
    assert registry.grade("tool_calls", f"[{', '.join(calls)}]", gold).status == "incorrect"
    assert registry.grade("tool_calls", f"[{', '.join(calls[::-1])}]", gold).status == "correct"


def test_a_search_that_ends_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MAX_STEPS", 5)
    calls = json.dumps([{"name": "f", "arguments": {"a": i}} for i in range(6)])
    for reward in ("binary", "dense"):
        verdict = registry.grade("tool_calls", calls, {**many(6), "order": [[0, 5]]}, reward=reward)
        assert (verdict.status, verdict.score) == ("resource_limit", 0.0)
