"""Intervals cover what they claim to; pairing helps; p-values equal counting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import UsageError
from agentrl.evaluation.stats import interval, paired, paired_ratio, ratio, sign_flip_p, wilson


@pytest.mark.parametrize(("n", "p"), [(10, 0.3), (50, 0.1), (200, 0.5)])
def test_the_interval_covers_the_truth_about_95_times_in_100(n: Any, p: Any) -> None:
    rng = np.random.default_rng(1)
    found = [interval((rng.random(n) < p).astype(float), rng) for _ in range(200)]
    covered = np.mean([i.low - 1e-9 <= p <= i.high + 1e-9 for i in found])
    assert 0.90 <= covered <= 1.0  # 4 standard errors of 200 draws below 0.95 is 0.89
    assert np.mean([i.high - i.low for i in found]) < 5 * math.sqrt(p * (1 - p) / n)


def test_tasks_are_the_unit_not_samples() -> None:
    """Repeating each task's samples adds no information: only the number of tasks narrows the interval."""
    rng = np.random.default_rng(0)
    few, many = rng.random(20), rng.random(500)
    assert np.ptp(_ends(few)) > 3 * np.ptp(_ends(many))


def _ends(value: Any) -> Any:
    found = interval(value, np.random.default_rng(0))
    return found.low, found.high


def test_the_interval_is_close_to_the_normal_one_for_many_tasks() -> None:
    value = np.random.default_rng(0).normal(0.5, 0.1, 1000)
    found = interval(value, np.random.default_rng(1))
    half = 1.96 * value.std() / math.sqrt(1000)
    assert found.low == pytest.approx(value.mean() - half, abs=0.05 * half)
    assert found.high == pytest.approx(value.mean() + half, abs=0.05 * half)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ([0.0] * 10, 0.0, 1 - 0.05**0.1),  # the rule of three: 0.2589
        ([1.0] * 10, 0.05**0.1, 1.0),
        ([0.0], 0.0, 0.95),
        ([0.5, 0.5], 0.5 - 0.5 * (1 - 0.05**0.5), 0.5 + 0.5 * (1 - 0.05**0.5)),
    ],
)
def test_equal_tasks_do_not_claim_certainty(value: Any, low: Any, high: Any) -> None:
    found = interval(value, np.random.default_rng(0))
    assert [found.low, found.high] == pytest.approx([low, high])


def test_equal_tasks_without_bounds_have_no_interval() -> None:
    found = interval([3.0, 3.0], np.random.default_rng(0), bounds=None)
    assert found.mean == 3.0
    assert math.isnan(found.low)
    assert str(found) == "3.000"


def test_a_seed_gives_one_interval() -> None:
    value = np.random.default_rng(0).random(30)
    assert _ends(value) == _ends(value)


def test_no_tasks_are_refused() -> None:
    with pytest.raises(UsageError, match="no tasks"):
        interval([], np.random.default_rng(0))


def test_pairing_removes_the_spread_between_tasks() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.random(100)
    before, after = difficulty * 0.9, difficulty * 0.9 + 0.05 + 0.02 * rng.normal(size=100)
    found = paired(before.tolist(), after.tolist(), np.random.default_rng(1))
    alone = interval(after, np.random.default_rng(1))
    assert found.difference.high - found.difference.low < 0.2 * (alone.high - alone.low)
    assert found.difference.low > 0
    assert found.p < 0.001


@pytest.mark.parametrize(
    ("change", "p"),
    [
        ([1, 1, 1, 1, 1], 2 / 32),
        ([1, 1, 1, 1, -1], 12 / 32),  # McNemar: 2 * (1 + 5) / 32
        ([1, -1], 1.0),
        ([0, 0], 1.0),
        ([0.5, 0.25], 0.5),  # of 4 patterns, +- 0.75 are as far
        ([0.1, 0.2, -0.3], 1.0),
    ],
)
def test_exact_p(change: Any, p: Any) -> None:
    assert sign_flip_p(change, np.random.default_rng(0)) == pytest.approx(p)


def test_drawn_p_is_close_to_the_exact_one() -> None:
    """20 gains and 8 losses of 1: McNemar's exact p is 2 * sum_{i<=8} C(28, i) / 2^28."""
    exact = 2 * sum(math.comb(28, i) for i in range(9)) / 2**28
    assert sign_flip_p([1] * 20 + [-1] * 8, np.random.default_rng(0)) == pytest.approx(exact, abs=0.006)


def test_p_is_uniform_without_a_difference() -> None:
    rng = np.random.default_rng(3)
    small = np.mean([sign_flip_p(rng.normal(size=10), rng) <= 0.1 for _ in range(300)])
    assert 0.04 < small < 0.16


def test_different_lengths_cannot_be_paired() -> None:
    with pytest.raises(UsageError, match="3 and 2"):
        paired([1, 2, 3], [1, 2], np.random.default_rng(0))


@pytest.mark.parametrize("n", [15, 60])
def test_the_interval_of_a_ratio_covers_the_truth_about_95_times_in_100(n: Any) -> None:
    """Up to 6 tries a task, in some tasks none, and a chance of its own in each: 0.4 of all tries in the long run."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        tries = rng.integers(0, 7, n)
        hits = rng.binomial(tries, rng.choice([0.2, 0.6], n))
        found = ratio(hits, tries, rng)
        covered += found.low <= 0.4 <= found.high
    assert 0.90 <= covered / 200 <= 1.0


def test_a_ratio_counts_tries_not_tasks() -> None:
    found = ratio([0, 4, 0], [1, 4, 0], np.random.default_rng(0))
    assert (found.mean, found.n) == (0.8, 2)


@pytest.mark.parametrize(("above", "low", "high"), [(0.0, 0.0, 1 - 0.05**0.25), (2.0, 0.05**0.25, 1.0)])
def test_equal_ratios_do_not_claim_certainty(above: float, low: float, high: float) -> None:
    found = ratio([above] * 4 + [0.0], [2.0] * 4 + [0.0], np.random.default_rng(0))
    assert [found.low, found.high] == pytest.approx([low, high])


def test_a_ratio_without_tries_is_not_defined() -> None:
    found = ratio([0, 0], [0, 0], np.random.default_rng(0))
    assert (str(found), found.n) == ("-", 0)
    assert found.to_json() == {"mean": None, "low": None, "high": None}
    none, some = (np.zeros(2), np.zeros(2)), (np.ones(2), np.ones(2))
    for pair in ((none, some), (some, none), (none, none)):
        assert str(paired_ratio(*pair, np.random.default_rng(0))) == "-"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=24))
def test_with_equal_tries_a_paired_ratio_is_a_paired_mean(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(side) / 3 for side in zip(*pairs, strict=True))
    tries = np.ones(len(pairs))
    means = paired(first, second, np.random.default_rng(0))
    rates = paired_ratio((first, tries), (second, tries), np.random.default_rng(0))
    assert rates.difference.mean == pytest.approx(means.difference.mean)
    if len(pairs) <= 16:  # all patterns; past that some are drawn, and these are not the same ones
        assert rates.p == pytest.approx(means.p)
    if np.ptp(second - first) > 0:
        assert [rates.difference.low, rates.difference.high] == pytest.approx(
            [means.difference.low, means.difference.high]
        )


def test_exchanges_of_a_paired_ratio_by_hand() -> None:
    """Rates 0/3 and 2/2 over two tasks; of the four exchanges, 0/3 to 2/2 and back are as far, 1/3 to 1/2 are not."""
    first = (np.array([0.0, 0.0]), np.array([2.0, 1.0]))
    second = (np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    found = paired_ratio(first, second, np.random.default_rng(0))
    assert (found.difference.mean, found.p) == (1.0, 0.5)


def test_tasks_that_did_not_change_do_not_count_for_p_of_a_paired_ratio() -> None:
    """Three of 40 tasks changed, all for the better: 2 of the 8 patterns are as far, exactly."""
    before, after = np.zeros(40), np.array([1.0] * 3 + [0.0] * 37)
    assert paired_ratio((before, np.ones(40)), (after, np.ones(40)), np.random.default_rng(0)).p == 0.25


def test_an_exchange_that_leaves_no_tries_counts_as_far() -> None:
    """All tries are in one task before, and in the other after: exchanging either leaves a side without any."""
    first, second = (np.array([1.0, 0.0]), np.array([1.0, 0.0])), (np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    found = paired_ratio(first, second, np.random.default_rng(0))
    assert (found.difference.mean, found.p) == (-0.5, 1.0)


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
