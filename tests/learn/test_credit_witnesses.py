"""What credit is for, seen on tasks small enough to count: seeded, and asserted with room to spare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agentrl.learn.credit import Scale, group
from agentrl.learn.objectives import Aggregation, PolicyGradient, Terms, aggregate
from agentrl.learn.turns import anchors

STEPS = 5
CHANCE = 0.5
"""Of the right action at each step, as the policy stands."""


def _corridor(groups: int, samples: int, seed: int) -> tuple[Any, Any]:
    """Episodes of five steps, each of which pays for its own right action; and the group of each."""
    rng = np.random.default_rng(seed)
    return (rng.random((groups * samples, STEPS)) < CHANCE).astype(float), np.repeat(np.arange(groups), samples)


def _noise(adv_BK: Any, action_BK: Any, groups: int) -> Any:
    """The gradient's variance over its squared mean, at each step, for an estimate from one group."""
    gradient_GK = (adv_BK * (action_BK - CHANCE)).reshape(groups, -1, STEPS).mean(axis=1)
    return gradient_GK.var(axis=0) / gradient_GK.mean(axis=0) ** 2


def test_shared_states_take_noise_out_of_the_gradient() -> None:
    """In a corridor that all walk, a step is compared with that step: what came before no longer counts."""
    groups, samples = 400, 8
    reward_BK, group_B = _corridor(groups, samples, seed=0)
    shared = [list(range(1, STEPS + 1))] * len(reward_BK)
    plain_BK = np.broadcast_to(group(reward_BK.sum(axis=1), group_B, scale="none")[:, None], reward_BK.shape)
    plain = _noise(plain_BK, reward_BK, groups)
    found = _noise(anchors(reward_BK, shared, group_B), reward_BK, groups)
    assert found.sum() < 0.8 * plain.sum()
    assert found[-1] < 0.5 * plain[-1]  # the last step bears the noise of no later one
    alone = [[f"{b}/{k}" for k in range(STEPS)] for b in range(len(reward_BK))]
    assert _noise(anchors(reward_BK, alone, group_B), reward_BK, groups) == pytest.approx(plain)


LENGTHS = torch.tensor([1, 1, 6])
"""Tokens of the right answer, of a short wrong one, and of a long wrong one."""


def _long_share(scale: Scale, aggregation: Aggregation, steps: int = 60) -> float:
    """How many wrong answers are long in the end. The first token decides which answer it is, the others follow."""
    rng = torch.Generator().manual_seed(0)
    logits = torch.zeros(3, requires_grad=True)
    for _ in range(steps):
        answer_B = torch.multinomial(logits.detach().softmax(0), 512, replacement=True, generator=rng)
        mask_BT = torch.arange(int(LENGTHS.max()))[None, :] < LENGTHS[answer_B][:, None]
        adv_B = group((answer_B == 0).double().numpy(), np.repeat(np.arange(64), 8), scale=scale)
        logp_BT = torch.zeros(mask_BT.shape).index_put(
            (torch.arange(512), torch.tensor(0)), logits.log_softmax(0)[answer_B]
        )
        weight_BT = torch.from_numpy(aggregate(mask_BT.numpy(), aggregation, max_tokens=int(LENGTHS.max()))).float()
        adv_BT = torch.from_numpy(adv_B).float()[:, None].expand_as(weight_BT)
        PolicyGradient("reinforce").loss(Terms(logp_BT, weight_BT, adv_BT)).loss.backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        with torch.no_grad():
            logits -= logits.grad / logits.grad.norm() * 0.05  # steps of one size, so that only directions differ
        logits.grad = None
    wrong = logits.detach().softmax(0)[1:]
    assert float(logits.detach().softmax(0)[0]) > 0.8  # it does learn
    return float(wrong[1] / wrong.sum())


def test_a_mean_over_each_sequence_makes_wrong_answers_long() -> None:
    """GRPO spreads a penalty over the tokens of an answer, so that long ones are punished less; Dr. GRPO does not."""
    assert _long_share("group", "sequence_mean") > 0.6
    assert _long_share("none", "constant") == pytest.approx(0.5, abs=0.06)
