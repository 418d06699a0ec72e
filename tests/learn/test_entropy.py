"""The controller of the entropy bonus, step by step as in TRL."""

from __future__ import annotations

import pytest

from agentrl.errors import ConfigError
from agentrl.learn.entropy import EntropyTarget


def test_the_coefficient_follows_the_entropy() -> None:
    """Up while the policy is too sure, down while it is not, and within its bounds; at the target it goes down."""
    held = EntropyTarget(target=0.2, step=0.005, high=0.012)
    coefficients = [0.0]
    for entropy in (0.1, 0.1, 0.1, 0.3, 0.2, 0.3, 0.3):
        coefficients.append(held.following(coefficients[-1], entropy))
    assert coefficients == pytest.approx([0.0, 0.005, 0.01, 0.012, 0.007, 0.002, 0.0, 0.0])


def test_the_bonus_rests_above_the_target() -> None:
    held = EntropyTarget(target=0.2)
    assert [held.applied(0.3, entropy) for entropy in (0.1, 0.2, 0.21)] == [0.3, 0.3, 0.0]


def test_a_policy_is_held_at_the_target() -> None:
    """A stand-in policy that loses 0.02 an update, and gains what the bonus is: it ends near the target."""
    held, coefficient, entropy = EntropyTarget(target=0.5), 0.0, 1.0
    seen = []
    for _ in range(400):
        entropy = max(0.0, entropy - 0.02 + held.applied(coefficient, entropy))
        coefficient = held.following(coefficient, entropy)
        seen.append(entropy)
    assert 0.35 < sum(seen[200:]) / 200 < 0.65


@pytest.mark.parametrize("settings", [{"step": 0.0}, {"low": -0.1}, {"low": 0.5, "high": 0.4}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="0 <= low <= high"):
        EntropyTarget(**settings)
