"""Filters: what stays, what is counted, and rows that are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.learn.filters import (
    cap,
    difficulty,
    distinct,
    dynamic_sampling,
    finished,
    fresh,
    length_window,
    together,
    top_variance,
    varied,
)

REWARD = np.array([1.0, 1, 0, 1, 0.1, 0.1, 0.1, 0.5, 0.6])
GROUP = np.array([5, 5, 2, 2, 9, 9, 9, 7, 7])


def rows(kept: Any) -> list[int]:
    return [int(b) for b in np.flatnonzero(kept.keep_B)]


def test_groups_without_variance_are_dropped() -> None:
    kept = varied(REWARD, GROUP)
    assert (rows(kept), kept.dropped, kept.dropped_groups) == ([2, 3, 7, 8], 5, 2)


def test_the_groups_that_vary_most_stay() -> None:
    assert rows(top_variance(REWARD, GROUP)) == [2, 3]
    assert rows(top_variance(REWARD, GROUP, share=0.5)) == [2, 3, 7, 8]
    assert rows(top_variance(np.array([0.0, 1, 1, 0]), np.array([4, 4, 3, 3]), share=0.5)) == [
        0,
        1,
    ]  # of equals, the first
    assert rows(top_variance(REWARD[:2], GROUP[:2])) == [0, 1]  # one at least
    with pytest.raises(ValueError, match="share"):
        top_variance(REWARD, GROUP, share=0)


def test_difficulty_is_a_window_of_accuracy() -> None:
    success, groups = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool), np.repeat([0, 1], 4)
    assert rows(difficulty(success, groups)) == list(range(8))
    assert rows(difficulty(success, groups, low=0.25)) == [4, 5, 6, 7]
    assert rows(difficulty(success, groups, high=0.5)) == [0, 1, 2, 3]
    kept = difficulty(np.array([True, True, False]), np.array([0, 0, 1]))
    assert (rows(kept), kept.dropped_groups) == ([], 2)


@pytest.mark.parametrize(
    ("wanted", "rounds", "groups", "missing", "decision", "kept"),
    [
        (1, 1, (2,), 0, "enough", [2, 3]),  # a second good group is more than was wanted
        (2, 1, (2, 7), 0, "enough", [2, 3, 7, 8]),
        (4, 1, (2, 7), 2, "more", [2, 3, 7, 8]),
        (4, 9, (2, 7), 2, "more", [2, 3, 7, 8]),
        (4, 10, (2, 7), 2, "stop", [2, 3, 7, 8]),
        (2, 10, (2, 7), 0, "enough", [2, 3, 7, 8]),
    ],
)
def test_dynamic_sampling_decides(
    wanted: int, rounds: int, groups: Any, missing: int, decision: str, kept: Any
) -> None:
    found = dynamic_sampling(REWARD > 0.55, GROUP, wanted=wanted, rounds=rounds)
    assert (found.groups, found.missing, found.decision, rows(found.kept)) == (groups, missing, decision, kept)


def test_dynamic_sampling_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        dynamic_sampling(REWARD > 0.55, GROUP, wanted=0, rounds=1)


def test_episodes_that_were_cut_off_are_dropped() -> None:
    kept = finished(np.array([True, False, True]), np.array([0, 0, 1]))
    assert (rows(kept), kept.dropped, kept.dropped_groups) == ([1], 2, 1)


def test_equal_answers_count_once_a_group() -> None:
    assert rows(distinct(["7", "8", "7", "7", None, None], np.array([0, 0, 0, 1, 1, 1]))) == [0, 1, 3, 4, 5]


def test_a_cap_keeps_the_best() -> None:
    score = np.array([0.0, 1, 1, 2, 3, 1])
    assert rows(cap(score, np.array([0, 0, 0, 1, 1, 0]), most=2)) == [1, 2, 3, 4]
    assert cap(score, np.zeros(6, int), most=9).dropped == 0
    with pytest.raises(ValueError, match="at least 1"):
        cap(score, np.zeros(6, int), most=0)


def test_lengths_and_versions() -> None:
    assert rows(length_window(np.array([1, 2, 4, 5]), np.zeros(4, int), low=2, high=4)) == [1, 2]
    assert rows(fresh(np.array([3, 4, 5]), np.zeros(3, int), current=5, most=1)) == [1, 2]
    assert rows(fresh(np.array([3, 4, 5]), np.zeros(3, int), current=5, most=0)) == [2]
    with pytest.raises(ValueError, match="window"):
        length_window(np.array([1]), np.zeros(1, int), low=3, high=2)
    with pytest.raises(ValueError, match="no version above"):
        fresh(np.array([6]), np.zeros(1, int), current=5, most=1)


def test_filters_together_keep_what_all_keep() -> None:
    group = np.array([0, 0, 1])
    parts = [
        finished(np.array([True, False, False]), group),
        distinct(["a", "b", "c"], group),
        varied(REWARD[:3], group),
    ]
    kept = together(parts, group)
    assert (rows(kept), kept.dropped, kept.dropped_groups) == ([], 3, 2)
    assert rows(together(parts[:2], group)) == [1, 2]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 3)), max_size=12), st.integers(1, 3))
def test_filters_by_group_keep_groups_whole(sample: Any, most: int) -> None:
    reward, group = np.array([r for r, _ in sample]), np.array([g for _, g in sample], dtype=np.int64)
    filters = [varied(reward, group), difficulty(reward > 0, group), top_variance(reward, group, share=0.5)]
    for kept in filters:
        for g in set(group.tolist()):
            assert len(set(kept.keep_B[group == g].tolist())) == 1
        assert kept.dropped + int(kept.keep_B.sum()) == len(group)
    capped = cap(reward, group, most=most).keep_B
    for g in set(group.tolist()):
        inside = group == g
        assert capped[inside].sum() == min(most, inside.sum())
        if (inside & ~capped).any():
            assert reward[inside & capped].min() >= reward[inside & ~capped].max()
