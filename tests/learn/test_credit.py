"""Advantages: the golden numbers by hand, and what holds whatever the rewards are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.learn.credit import advantages, batch, exponential, group, leave_one_out, zero_variance_share

GOLDEN = np.array([1.0, 0, 0, 1, 0, 0, 0, 0])
ONE = np.zeros(8, np.int64)

batches = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 1.0]), st.integers(0, 3)), min_size=1, max_size=24).map(
    lambda rows: (np.array([r for r, _ in rows]), np.array([g for _, g in rows]))
)


@pytest.mark.parametrize(
    ("found", "success", "failure"),
    [
        (group(GOLDEN, ONE), 1.61984, -0.53995),  # 0.75 / (0.46291 + 1e-4): the unbiased deviation, not 1.73165
        (group(GOLDEN, ONE, scale="none"), 0.75, -0.25),
        (leave_one_out(GOLDEN, ONE), 0.857143, -0.285714),  # 1 - 1/7, 0 - 2/7
        (batch(GOLDEN, ONE), 1.61984, -0.53995),
    ],
)
def test_golden_vectors(found: Any, success: float, failure: float) -> None:
    assert found == pytest.approx([success if r else failure for r in GOLDEN], abs=5e-6)


def test_groups_are_compared_with_themselves_whatever_their_order() -> None:
    reward_B, group_B = np.array([1.0, 10, 0, 30]), np.array([7, 3, 7, 3])
    assert group(reward_B, group_B, scale="none").tolist() == [0.5, -10, -0.5, 10]
    assert leave_one_out(reward_B, group_B).tolist() == [1, -20, -1, 20]


def test_scale_batch_divides_by_one_deviation_for_all() -> None:
    """Rewards 0 2 and 0 4: centred -1 1 -2 2; deviation of 0 2 0 4 around 1.5 is sqrt(11/3) = 1.914854."""
    found = group(np.array([0.0, 2, 0, 4]), np.array([0, 0, 1, 1]), scale="batch")
    assert found == pytest.approx(np.array([-1, 1, -2, 2]) / (1.9148542 + 1e-4), rel=1e-6)


@given(batches)
def test_what_holds_for_all_rewards(sample: Any) -> None:
    reward_B, group_B = sample
    for found in (group(reward_B, group_B), leave_one_out(reward_B, group_B), group(reward_B, group_B, scale="none")):
        for key in np.unique(group_B):
            members = group_B == key
            assert found[members].sum() == pytest.approx(0, abs=1e-9)
            if np.ptp(reward_B[members]) == 0:  # equal rewards, or a group of one: exactly nothing, not 1e-17
                assert (found[members] == 0).all()
            else:
                best = members & (reward_B == reward_B[members].max())
                assert (found[best] > 0).all()
    if np.ptp(reward_B) == 0:
        assert (batch(reward_B, group_B) == 0).all()


@given(batches, st.floats(0.5, 2.0), st.floats(-3, 3))
def test_shifts_change_nothing(sample: Any, factor: float, shift: float) -> None:
    reward_B, group_B = sample
    moved = factor * reward_B + shift
    assert leave_one_out(moved, group_B) == pytest.approx(factor * leave_one_out(reward_B, group_B), abs=1e-9)


@pytest.mark.parametrize("kind", ["group", "leave_one_out", "batch"])
def test_one_sample_teaches_nothing(kind: Any) -> None:
    assert advantages(np.array([0.7]), np.array([0]), kind=kind, scale="group").tolist() == [0.0]


def test_the_scale_is_for_group_only() -> None:
    args = (GOLDEN, ONE)
    assert advantages(*args, kind="group", scale="none").tolist() == group(*args, scale="none").tolist()
    assert advantages(*args, kind="batch", scale="none").tolist() == batch(*args).tolist()


@pytest.mark.parametrize(
    ("reward", "groups", "said"),
    [([1.0, 0.0], [0], "one shape"), ([float("nan")], [0], "finite"), ([[1.0]], [[0]], "shape")],
)
def test_wrong_input_is_refused(reward: Any, groups: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        group(np.array(reward), np.array(groups))


def test_zero_variance_share() -> None:
    assert zero_variance_share(np.array([0.1, 0.1, 0.1, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 2])) == pytest.approx(2 / 3)
    assert zero_variance_share(np.zeros(0), np.zeros(0, np.int64)) == 0.0


def test_exponential_weights_keep_failures() -> None:
    assert exponential(np.array([1.0, 0.0, 0.5]), tau=0.4) == pytest.approx([12.182494, 1, 3.490343])
    with pytest.raises(ValueError, match="tau must be positive"):
        exponential(np.array([1.0]), tau=0)
