"""What objectives over pairs are for, seen on distributions over a few answers of one token."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np
import pytest
import torch

from agentrl.learn.filters import cap
from agentrl.learn.objectives import PairTerms, Terms, WeightedLikelihood
from agentrl.learn.pairs import batched, best_worst
from agentrl.learn.preference import DifferenceRegression, PairContrast

REWARD = torch.tensor([1.0, 0.2, -0.5, 0.0, 0.7], dtype=torch.float64)
REFERENCE = torch.tensor([0.1, 0.3, 0.4, 0.15, 0.05], dtype=torch.float64)
BETA = 0.5


def _everyone(objective: Literal["contrast", "regression"]) -> PairTerms:
    """Every two answers, with the label of a Bradley-Terry judge, or with the difference of their rewards."""
    first, second = torch.triu_indices(5, 5, 1)
    gap = REWARD[first] - REWARD[second]
    one = torch.ones_like(gap)
    label, margin = (gap.sigmoid(), 0 * one) if objective == "contrast" else (one, gap)
    return PairTerms(first, second, one / len(gap), BETA * one, label, margin)


@pytest.mark.parametrize(
    ("objective", "pairs"),
    [
        (PairContrast(), "contrast"),
        (DifferenceRegression(), "regression"),
        (DifferenceRegression(clip=100.0), "regression"),
    ],
)
def test_the_minimiser_is_the_best_policy_near_the_reference(objective: Any, pairs: Any) -> None:
    r"""$\pi^* \propto \pi_{ref} e^{r / \beta}$, which maximises the reward less beta times the divergence."""
    logits = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")
    terms_of_pairs, one = _everyone(pairs), torch.ones(5, 1, dtype=torch.float64)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logp_BT = logits.log_softmax(0)[:, None]
        loss = objective.loss(Terms(logp_BT, one, one, ref_BT=REFERENCE.log()[:, None], pairs=terms_of_pairs)).loss
        loss.backward()
        return loss  # type: ignore[no-any-return]

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    best = REFERENCE * (REWARD / BETA).exp()
    assert torch.allclose(logits.detach().softmax(0), best / best.sum(), atol=1e-5)


ARMS = 40


def _bandit(method: Literal["likelihood", "pairs"], *, peak: int, steps: int) -> float:
    """Reward after some steps on two own samples a task; the reference is about arm 10 and hardly draws arm 20."""
    rng = torch.Generator().manual_seed(1)
    arms = torch.arange(ARMS)
    reward = 1 - (arms - peak).abs() / ARMS
    reference = (-((arms - 10) ** 2) / 60).float().log_softmax(0)
    logits = reference.clone().requires_grad_()
    group_B, one_B1 = np.repeat(np.arange(64), 2), torch.ones(128, 1)
    objective: Any = WeightedLikelihood() if method == "likelihood" else PairContrast()
    for _ in range(steps):
        arm_B = torch.multinomial(logits.detach().softmax(0), len(group_B), replacement=True, generator=rng)
        reward_B = reward[arm_B].double().numpy()
        best_B1 = torch.from_numpy(cap(reward_B, group_B, most=1).keep_B).float()[:, None]
        found = batched([replace(pair, beta=1.0) for pair in best_worst(reward_B, group_B)])
        terms = Terms(
            logits.log_softmax(0)[arm_B][:, None],
            best_B1 / 64 if method == "likelihood" else one_B1,
            one_B1,
            ref_BT=reference[arm_B][:, None],
            pairs=PairTerms(**{f.name: torch.from_numpy(getattr(found, f.name)) for f in fields(found)}),
        )
        objective.loss(terms).loss.backward()
        assert logits.grad is not None
        with torch.no_grad():
            logits -= 5 * logits.grad
        logits.grad = None
    return float((logits.detach().softmax(0) * reward).sum())


def test_what_is_lost_on_a_rare_peak_without_pushing_down() -> None:
    """The likelihood of winners settles on the best that was ever drawn; pairs push the others down, and go on."""
    assert _bandit("likelihood", peak=12, steps=60) > 0.99
    assert _bandit("pairs", peak=12, steps=60) > 0.99  # where the peak is drawn often, either will do
    assert _bandit("pairs", peak=30, steps=200) > _bandit("likelihood", peak=30, steps=200) + 0.05
