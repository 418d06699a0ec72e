"""GRPO's settings: what each preset stands for, and what is refused before anything is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from agentrl import config as configs
from agentrl.errors import ConfigError
from agentrl.recipes import preset, presets
from agentrl.recipes.grpo import Config


def test_every_preset_reads() -> None:
    assert presets("grpo") == ["cispo", "dapo", "dr_grpo", "grpo", "gspo", "reinforce_pp", "rloo"]
    found = {name: configs.load_toml(preset("grpo", name), Config) for name in presets("grpo")}
    assert (found["dr_grpo"].scale, found["dr_grpo"].aggregation) == ("none", "constant")
    assert found["dapo"].objective.clip_high == 0.28
    assert (found["grpo"].kl, found["grpo"].kl_in) == (0.04, "loss")
    gspo = found["gspo"].objective
    assert (gspo.ratio, gspo.clip_low, gspo.clip_high) == ("sequence_mean", 3e-4, 4e-4)
    assert (found["cispo"].objective.surrogate, found["cispo"].objective.clip_high) == ("cispo", 4.0)
    plus = found["reinforce_pp"]
    assert (plus.advantage, plus.aggregation, plus.kl, plus.kl_in) == ("batch", "token_mean", 0.01, "reward")
    rloo = found["rloo"]
    assert (rloo.objective.ratio, rloo.advantage, rloo.kl, rloo.kl_in) == ("sequence", "leave_one_out", 0.05, "reward")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 1}, "samples >= 2"),
        ({"sampling": {"top_p": 0.9}}, "top_p = 1"),
        ({"sampling": {"temperature": 0.0}}, "temperature > 0"),
        ({"kl": -1.0}, "kl must be 0 or more"),
        ({"objective": {"ratio": "sequence"}, "aggregation": "token_mean"}, "per sequence goes with aggregation"),
        ({"objective": {"dual_clip": 1.1}}, r"above 1 \+ clip_high = 1.2"),
        ({"objective": {"mismatch": {"kind": "token_mask", "low": 6.0}}}, "0 <= low < high, got 6.0 and 5.0"),
        ({"optim": {"lrr": 1.0}}, r"optim\.lrr: Optim has no such setting; did you mean 'lr'"),
    ],
)
def test_bad_settings_name_themselves(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configs.from_mapping(settings, Config)
