"""Pairs: who is paired with whom, ties, caps, and what a pair is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.learn.pairs import (
    Pair,
    batched,
    best_worst,
    gold_own,
    rank_agreement,
    relabelled,
    scaled_betas,
    siblings,
    step,
    success_failure,
    with_label,
)
from agentrl.types import Message, Node, Provenance, Rollout, Task


def who(pairs: Any) -> list[tuple[int, int]]:
    return [(pair.chosen, pair.rejected) for pair in pairs]


def test_best_over_worst() -> None:
    score, groups = np.array([0.5, 0.9, 0.9, 0.1, 0.1, 0.3, 0.3, 0.7]), np.array([8, 8, 8, 8, 8, 3, 3, 1])
    assert best_worst(score, groups) == [
        Pair(1, 3, score[1] - score[3])
    ]  # of equals the first; no pair of equals or of one
    assert who(best_worst(score, np.zeros(8, int), min_gap=0.8)) == [(1, 3)]
    assert best_worst(score, np.zeros(8, int), min_gap=0.81) == []


def test_successes_over_failures() -> None:
    success, groups = np.array([True, False, True, False, True, True]), np.array([0, 0, 0, 0, 1, 1])
    everyone = [(0, 1), (0, 3), (2, 1), (2, 3)]
    assert who(success_failure(success, groups)) == everyone
    found = [who(success_failure(success, groups, cap=2, rng=np.random.default_rng(seed))) for seed in range(20)]
    assert all(len(pairs) == 2 and set(pairs) <= set(everyone) and pairs == sorted(pairs) for pairs in found)
    assert {pair for pairs in found for pair in pairs} == set(everyone)  # drawn, not always the first
    assert found[3] == who(success_failure(success, groups, cap=2, rng=np.random.default_rng(3)))
    for cap, rng in ((2, None), (0, np.random.default_rng(0))):
        with pytest.raises(ValueError, match="at least 1 and comes with a generator"):
            success_failure(success, groups, cap=cap, rng=rng)


def test_siblings_were_visited_and_differ() -> None:
    value, parent = np.array([0.5, 0.5, 0.7, 0.2, 0.9, 0.0]), [-1, 0, 0, 0, 0, 1]
    visits = np.array([9, 1, 3, 2, 0, 1])
    assert who(siblings(value, parent, visits, threshold=0.1)) == [(2, 1), (1, 3), (2, 3)]
    assert who(siblings(value, parent, visits, threshold=0.31)) == [(2, 3)]
    unknown = np.array([0.5, np.nan, 0.9])
    assert siblings(unknown, [-1, 0, 0], np.array([1, 0, 1]), threshold=0.1) == []
    with pytest.raises(ValueError, match="must be positive"):
        siblings(value, parent, visits, threshold=0)


def test_a_demonstration_over_own_samples() -> None:
    assert gold_own(np.array([False, True, False, True]), np.array([0, 0, 0, 1])) == [Pair(1, 0), Pair(1, 2)]


def test_a_clearer_pair_has_a_higher_beta() -> None:
    pairs = [Pair(0, 1, gap) for gap in (0, 1, 4, 1e9)]
    assert [p.beta for p in scaled_betas(pairs)] == pytest.approx([0.1, 0.119673, 0.143233, 0.15], abs=5e-7)
    assert [p.beta for p in scaled_betas(pairs, weight=0)] == [0.1] * 4


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ([1, 2, 3, 4, 5], [1, 3, 2, 4, 5], 0.9),  # one of ten pairs is reversed: tau 0.8
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [3, 2, 1], 0.0),
        ([1, 1], [1, 2], 0.5),
    ],
)
def test_rank_agreement(first: Any, second: Any, share: float) -> None:
    assert rank_agreement(np.array(first), np.array(second)) == pytest.approx(share)
    assert with_label([Pair(0, 1)], share)[0].label == share


def test_rank_agreement_needs_two_answers() -> None:
    with pytest.raises(ValueError, match="two or more"):
        rank_agreement(np.array([1.0]), np.array([1.0]))


def test_a_goal_turns_a_pair_round() -> None:
    found = relabelled([Pair(2, 0, 0.5, weight=2.0)], np.array([0.4, 0.0, 0.9]))
    assert found == [(0.9, Pair(2, 0, 0.5, weight=2.0)), (0.4, Pair(0, 2, 0.5, weight=2.0))]


def test_a_step_trains_its_own_turn_only() -> None:
    def node(parent: int, drawn: str, reward: float | None = None) -> Node:
        ids = tuple(range(len(drawn)))
        return Node(parent, Message("user", ""), ids, tuple(c == "x" for c in drawn), (0.0,) * len(ids), reward=reward)

    nodes = (node(-1, "."), node(0, "xx", 0), node(1, ".."), node(2, "xx.", 1), node(2, "x", 0))
    rollout = Rollout("0/0/0", Task.ask("a", "?"), nodes, "done", Provenance("e"))
    assert step(rollout, 3).mask.tolist() == [False] * 5 + [True, True, False]
    assert step(rollout, 4).mask.tolist() == [False] * 5 + [True]
    assert step(rollout, 1).mask.tolist() == [False, True, True]
    with pytest.raises(ValueError, match="is an observation"):
        step(rollout, 2)


def test_a_batch_holds_the_weighted_mean() -> None:
    pairs = [Pair(0, 1, 0.8, beta=0.2), Pair(2, 3, 0.2, weight=3.0, label=0.75)]
    found = batched(pairs)
    assert (found.chosen_P.tolist(), found.rejected_P.tolist()) == ([0, 2], [1, 3])
    assert (found.weight_P.tolist(), found.beta_P.tolist(), found.label_P.tolist()) == (
        [0.5, 1.5],
        [0.2, 0.1],
        [1, 0.75],
    )
    assert (found.margin_P.tolist(), batched(pairs, margin="gap").margin_P.tolist()) == ([0, 0], [0.8, 0.2])
    assert len(batched([])) == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rejected": 0}, "itself"),
        ({"gap": -0.1}, "gap"),
        ({"gap": float("nan")}, "gap"),
        ({"weight": -1.0}, "weight"),
        ({"label": 1.1}, "label"),
        ({"beta": 0.0}, "beta"),
    ],
)
def test_nonsense_is_no_pair(fields: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pair(**{"chosen": 0, "rejected": 1} | fields)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 1.0]), st.integers(0, 3)), max_size=12), st.integers(1, 4))
def test_pairs_stay_in_their_group_and_never_favour_the_worse(sample: Any, most: int) -> None:
    score, groups = np.array([s for s, _ in sample]), np.array([g for _, g in sample], dtype=np.int64)
    extremes = best_worst(score, groups)
    crossed = success_failure(score == 1, groups, cap=most, rng=np.random.default_rng(0))
    for pair in [*extremes, *crossed]:
        assert groups[pair.chosen] == groups[pair.rejected]
        assert score[pair.chosen] > score[pair.rejected]
    varying = [g for g in set(groups.tolist()) if np.ptp(score[groups == g]) > 0]
    assert len(extremes) == len(varying)
    for g in set(groups.tolist()):
        right = int((score[groups == g] == 1).sum())
        count = sum(groups[pair.chosen] == g for pair in crossed)
        assert count == min(most, right * int((groups == g).sum() - right))
