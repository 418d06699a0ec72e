"""pass@k, pass^k and majority vote against numbers done by hand."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import UsageError
from agentrl.evaluation.metrics import maj_at_k, pass_at_k, pass_hat_k


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (10, 3, 1, 0.3),
        (10, 3, 5, 0.9166667),
        (100, 1, 10, 0.1),
        (5, 0, 5, 0.0),
        (5, 1, 5, 1.0),
        (4, 4, 1, 1.0),
    ],
)
def test_pass_at_k_golden(n: Any, c: Any, k: Any, expected: Any) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(expected, abs=1e-7)


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_both_equal_counting_all_subsets(sizes: Any) -> None:
    n, c, k = sizes
    subsets = list(combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))
    assert pass_hat_k(n, c, k) == pytest.approx(sum(map(all, subsets)) / len(subsets))


def test_large_counts_stay_finite() -> None:
    assert pass_at_k(10_000, 5000, 1000) == pytest.approx(1.0)
    assert 0 < pass_at_k(10_000, 1, 1) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("answers", "correct", "k", "expected"),
    [
        (["a", "b", "b"], [0, 1, 1], 3, 1.0),
        (["a", "b"], [0, 1], 2, 0.0),  # a tie: the first seen wins
        (["b", "a"], [1, 0], 2, 1.0),
        ([None, None, "b"], [0, 0, 1], 3, 1.0),  # no answer, no vote
        ([None, None], [0, 0], 2, 0.0),
        (["a", "b", "b", "b", "a"], [0, 1, 1, 1, 0], 2, 0.5),  # runs (a b), (b b); the fifth is left out
    ],
)
def test_majority(answers: Any, correct: Any, k: Any, expected: Any) -> None:
    assert maj_at_k(answers, [bool(c) for c in correct], k) == expected


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1)])
def test_impossible_counts_are_refused(n: Any, c: Any, k: Any) -> None:
    for metric in (pass_at_k, pass_hat_k):
        with pytest.raises(UsageError):
            metric(n, c, k)
