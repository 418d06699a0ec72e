"""Shaping as a recipe's settings: what is weighed, what training sees, what is logged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentrl.errors import ConfigError
from agentrl.recipes.grpo import Config, credit
from agentrl.rewards import ShapingSpec, shaped_rewards
from agentrl.types import Rollout

MakeRollout = Callable[..., Rollout]


def test_a_term_without_a_weight_is_left_out() -> None:
    assert ShapingSpec().shaping(max_tokens=100) is None
    shaping = ShapingSpec(overlong=0.5, loop=0.25).shaping(max_tokens=100)
    assert shaping is not None
    assert {t.name: shaping.weight(t) for t in shaping.terms} == {"overlong": 0.5, "loop": 0.25}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"overlong": -1.0}, "shaping.overlong must be a finite number of at least 0, got -1.0"),
        ({"loop": float("nan")}, "shaping.loop must be a finite number"),
        ({"format": 0.2}, "format can reach 0.2 whatever the answer"),
        ({"repetition": 2.0}, "repetition can reach 2: lower its weight"),
        ({"overlong": 1.0, "overlong_cache": 2000}, "overlong needs 0 <= cache <= limit"),
    ],
)
def test_weights_that_do_not_fit_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ShapingSpec(**settings)  # type: ignore[arg-type]


def test_the_ramp_begins_a_fifth_before_the_limit(make_rollout: MakeRollout) -> None:
    stored = [make_rollout(ids=[[7] * n]) for n in (80, 90, 100)]
    rewards, logged = shaped_rewards(ShapingSpec(overlong=0.5).shaping(max_tokens=100), stored, [0, 0, 0])
    assert rewards == pytest.approx([r.reward + ramp for r, ramp in zip(stored, (0, -0.25, -0.5), strict=True)])
    assert logged == pytest.approx({"shaping_overlong": -0.25, "shaping_alone": 1.0})


def test_groups_that_a_verdict_tells_apart_are_not_the_terms_alone(make_rollout: MakeRollout) -> None:
    stored = [make_rollout([score], ids=[[7] * 90]) for score in (0.0, 1.0, 1.0, 1.0)]
    shaping = ShapingSpec(overlong=0.5).shaping(max_tokens=100)
    assert shaped_rewards(shaping, stored, [0, 0, 1, 1])[1]["shaping_alone"] == 0


def test_grpo_learns_from_the_shaped_reward_and_logs_the_plain_one(make_rollout: MakeRollout) -> None:
    stored = [make_rollout(ids=[[7] * n]) for n in (80, 100)]
    assert credit(Config(), stored)[0] is None  # one reward: nothing to learn
    batch, logged = credit(Config(shaping=ShapingSpec(overlong=0.5, overlong_limit=100)), stored)
    assert batch is not None
    assert batch.adv_BT[0, 0] > 0 > batch.adv_BT[1, 0]
    assert (logged["reward"], logged["reward_std"]) == (stored[0].reward, 0.0)
    assert logged["shaping_overlong"] == pytest.approx(-0.25)
