"""Two claims about learning to correct oneself, in tables small enough to follow the exact gradient.

A table of three choices plays two attempts. At the first it picks a sound way or a poor one; at the second it keeps
its answer or goes over it, with care or without:

    first    sound: right in SOLVED of the tasks; poor: never
    second   keep: as the first was
             with care: a right answer stays right, a wrong one is mended in MENDED of the cases
             without care: a right answer is spoilt in SPOILT of the cases, and nothing is mended

It never sees whether its first answer was right. The initial table goes over its answers mostly without care, so that
second attempts hurt, as those of untrained models do (arXiv 2409.12917). Learning is the recipe's own: its rewards,
returns, surrogate and divergence, over every outcome with its probability, so that nothing is left to chance but the
initial table, which each seed moves.

What it shows holds for tables like these and runs of this length, with room for the seeds; a table that starts with
more care needs neither stage I nor the bonus, one with less is not saved by both. Part of what the bonus adds between
the attempts is a first attempt held back: then a run without it may end with more right answers at the second. An
exact gradient never quite vanishes, so a longer run may leave the state in which nothing is changed any more; one
that samples its episodes would hardly meet the changes to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from agentrl.learn.objectives import PolicyGradient, Terms, WeightedLikelihood
from agentrl.learn.turns import turn_returns
from agentrl.recipes.score import Stage, attempt_rewards

SOLVED, MENDED, SPOILT = 0.7, 0.5, 0.5
STEPS, RATE = 150, 0.5
BETA1, BETA2 = 0.01, 3.0
FIRST, CHANGE, CARE = range(3)
SEEDS = range(5)

Run = Sequence[tuple[Stage, float]]
"""The stage and alpha of each half of the steps."""


def _outcomes() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[list[int]]]:
    """Every outcome: its choices (N, 3), which of them were made, what the tasks give it by chance, its scores."""
    rows = []
    for first in (0, 1):
        for one in (0, 1):
            chance = abs((1 - one) - (SOLVED if first == 0 else 0.0))
            rows.append((first, 0, 0, 0, chance, [one, one]))
            for care in (0, 1):
                right = (1.0 if one else MENDED) if care == 0 else (1 - SPOILT if one else 0.0)
                rows += [(first, 1, care, 1, chance * abs((1 - two) - right), [one, two]) for two in (0, 1)]
    rows = [row for row in rows if row[4] > 0]
    made = torch.tensor([[1, 1, row[3]] for row in rows], dtype=torch.float64)
    chance_N = torch.tensor([row[4] for row in rows], dtype=torch.float64)
    return torch.tensor([row[:3] for row in rows]), made, chance_N, [row[5] for row in rows]


CHOICE_NT, MADE_NT, CHANCE_N, SCORES = _outcomes()


def initial(seed: int) -> torch.Tensor:
    """Logits of the three choices, each of two."""
    share = torch.tensor([[0.6, 0.4], [0.7, 0.3], [0.15, 0.85]], dtype=torch.float64)
    return share.log() + torch.from_numpy(np.random.default_rng(seed).normal(size=(3, 2)) * 0.05)


def logp(table: torch.Tensor) -> torch.Tensor:
    rows = torch.log_softmax(table, dim=1)
    return torch.stack([rows[k][CHOICE_NT[:, k]] for k in range(3)], dim=1) * MADE_NT


def shares(table: torch.Tensor) -> torch.Tensor:
    return (logp(table).sum(dim=1).exp() * CHANCE_N).detach()


def measured(table: torch.Tensor) -> tuple[float, float, float]:
    """acc@t1, acc@t2, and how often the answer is gone over."""
    share_N = shares(table)
    first, second = (share_N @ torch.tensor(SCORES, dtype=torch.float64)).tolist()
    return first, second, float(share_N[CHOICE_NT[:, CHANGE] == 1].sum())


def trained(seed: int, run: Run, *, gamma: float = 1.0) -> torch.Tensor:
    table = initial(seed).requires_grad_()
    ref_NT = logp(table).detach()
    objective = PolicyGradient(surrogate="reinforce", kl_estimator="k2")
    for stage, alpha in run:
        rewards = np.array([attempt_rewards(scores, stage, alpha=alpha) for scores in SCORES])
        return_NT = torch.from_numpy(turn_returns(rewards, gamma=gamma)[:, [0, 1, 1]])
        strong = BETA1 + BETA2 * (stage == "I")
        kl_NT = torch.tensor([strong, BETA1, BETA1], dtype=torch.float64).expand_as(MADE_NT)
        for _ in range(STEPS):
            logp_NT = logp(table)
            weight_NT = shares(table)[:, None] * MADE_NT
            adv_NT = return_NT - (weight_NT * return_NT).sum(dim=0) / weight_NT.sum(dim=0)
            terms = Terms(logp_BT=logp_NT, weight_BT=weight_NT, adv_BT=adv_NT, ref_BT=ref_NT, kl_BT=kl_NT)
            (gradient,) = torch.autograd.grad(objective.loss(terms).loss, table)
            table = (table - RATE * gradient).detach().requires_grad_()
    return table.detach()


NAIVE: Run = (("II", 0.0), ("II", 0.0))
SCORE: Run = (("I", 3.0), ("II", 3.0))
NO_BONUS: Run = (("I", 0.0), ("II", 0.0))
NO_STAGE_1: Run = (("II", 3.0), ("II", 3.0))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_outcome_is_counted_and_second_attempts_hurt_at_first(seed: int) -> None:
    table = initial(seed)
    assert float(shares(table).sum()) == pytest.approx(1)
    first, second, changed = measured(table)
    assert second < first - 0.03
    assert changed > 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sum_of_both_rewards_comes_to_change_nothing(seed: int) -> None:
    """The first attempt learns faster, and the better it is, the less it pays to go over it without care."""
    first, second, changed = measured(trained(seed, NAIVE))
    assert first > SOLVED - 0.01
    assert changed < 0.05
    assert abs(second - first) < 0.01


@pytest.mark.parametrize("seed", SEEDS)
def test_stage_one_and_the_bonus_together_keep_the_changes_and_make_them_pay(seed: int) -> None:
    found = {name: measured(trained(seed, run)) for name, run in (("naive", NAIVE), ("score", SCORE))}
    first, second, changed = found["score"]
    assert changed > 0.5
    assert second - first > 0.05
    assert second > found["naive"][1] + 0.03  # not by doing worse at first: more is right in the end
    assert first > measured(initial(seed))[0]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("without", [NO_BONUS, NO_STAGE_1], ids=["no_bonus", "no_stage1"])
def test_without_either_the_second_attempt_gains_less(without: Run, seed: int) -> None:
    deltas = [second - first for first, second, _ in (measured(trained(seed, run)) for run in (SCORE, without))]
    assert deltas[0] > deltas[1] + 0.01


def test_stage_one_alone_leaves_the_first_attempt_near_where_it_was() -> None:
    only = trained(0, (("I", 0.0), ("I", 0.0)))
    base = measured(initial(0))[0]
    assert abs(measured(only)[0] - base) < abs(measured(trained(0, NAIVE))[0] - base) / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bonus_beyond_what_mending_costs_makes_failing_first_pay(seed: int) -> None:
    """Right first pays while alpha < (1 + d) / (1 - d), with d the share kept right less the share mended: 3 here.

    Where the first attempt does not answer for the second (gamma 0), no bonus does that.
    """
    large: Run = (("I", 10.0), ("II", 10.0))
    base = measured(initial(seed))[0]
    assert measured(trained(seed, large))[0] < base - 0.1
    assert measured(trained(seed, large, gamma=0.0))[0] > base


# Learning from an earlier policy's corrections. A first answer is right, or one of two mistakes; the second attempt
# keeps it, or makes the change that mends one of the mistakes, without seeing which one it has before it.

RIGHT, OFTEN, SELDOM = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_corrections_learnt_from_another_policys_mistakes_do_not_help_with_ones_own(seed: int) -> None:
    """Fine-tuning on traces of the initial policy: right first answers, and corrections that came out right."""
    first = torch.tensor([0.4, 0.5, 0.1], dtype=torch.float64).log().requires_grad_()
    second = torch.tensor([0.6, 0.2, 0.2], dtype=torch.float64).log().requires_grad_()
    base = torch.softmax(first, 0).detach()
    before = float(base @ torch.softmax(second, 0).detach())  # a change is right where it meets its mistake
    rng = np.random.default_rng(seed)
    seen = rng.choice(3, size=4000, p=base.numpy())
    done = rng.choice(3, size=4000, p=torch.softmax(second, 0).detach().numpy())
    corrected = torch.from_numpy(done[(seen == done) & (seen != RIGHT)])
    answered = torch.full((len(corrected),), RIGHT)
    objective = WeightedLikelihood()
    for _ in range(200):
        logp_BT = torch.stack([torch.log_softmax(first, 0)[answered], torch.log_softmax(second, 0)[corrected]], dim=1)
        even_BT = torch.full_like(logp_BT, 1 / len(corrected)).detach()
        loss = objective.loss(Terms(logp_BT=logp_BT, weight_BT=even_BT, adv_BT=torch.ones_like(even_BT))).loss
        gradients = torch.autograd.grad(loss, [first, second])
        first, second = (
            (x - 0.1 * g).detach().requires_grad_() for x, g in zip((first, second), gradients, strict=True)
        )
    own, change = torch.softmax(first, 0).detach(), torch.softmax(second, 0).detach()
    assert own[RIGHT] > base[RIGHT] + 0.2  # it answers better at first, so what it sees is not what it was taught on
    assert change[OFTEN] > 2 * change[SELDOM]
    assert float(base @ change) > before + 0.03
    assert float(own @ change) < before
