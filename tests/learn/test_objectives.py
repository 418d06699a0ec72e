"""Objectives: clipping, ratios and weights by hand; the loss does not depend on how a batch is cut."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl.learn.learner import Packing
from agentrl.learn.objectives import PolicyGradient, Terms, WeightedLikelihood, aggregate

LOG_RATIOS = [0.1, -0.2, 0.05, 0.3]
MASK = np.array([[False, True, True, True], [False, True, False, False]])


def _terms(log_ratio: Any, adv: Any, **fields: Any) -> Terms:
    """One row whose old log-probabilities are 0, every token of weight 1 unless said otherwise."""
    logp_BT = torch.tensor([log_ratio], dtype=torch.float64, requires_grad=True)
    ones_BT = torch.ones_like(logp_BT).detach()
    values: dict[str, Any] = {"weight_BT": ones_BT, "old_BT": 0 * ones_BT}
    return Terms(logp_BT=logp_BT, adv_BT=torch.as_tensor(adv).double() * ones_BT, **values | fields)


def _gradient(terms: Terms, objective: Any) -> list[float]:
    objective.loss(terms).loss.backward()
    assert terms.logp_BT.grad is not None
    return [float(g) for g in terms.logp_BT.grad[0]]


def test_token_ratios() -> None:
    """Without clipping and with advantage 1 the loss is minus the ratios, and so is its gradient."""
    terms = _terms(LOG_RATIOS, 1.0)
    loose = PolicyGradient(clip_low=1.0, clip_high=9.0)
    golden = [1.10517, 0.81873, 1.05127, 1.34986]
    assert loose.loss(terms).loss.item() == pytest.approx(-sum(golden), abs=2e-5)
    assert _gradient(terms, loose) == pytest.approx([-g for g in golden], abs=1e-5)


def test_the_sequence_ratio_is_the_product() -> None:
    """exp(0.25) = 1.284025, counted once however many tokens there are; every token moves it alike."""
    terms = _terms(LOG_RATIOS, 1.0)
    loose = PolicyGradient(clip_low=1.0, clip_high=9.0, ratio="sequence")
    assert loose.loss(terms).loss.item() == pytest.approx(-1.284025, abs=1e-6)
    assert _gradient(terms, loose) == pytest.approx([-1.284025] * 4, abs=1e-6)
    assert PolicyGradient(ratio="sequence").loss(terms).loss.item() == pytest.approx(-1.2)


@pytest.mark.parametrize(
    ("log_ratio", "adv", "loss", "moves"),
    [
        (0.5, 1.0, -1.28, False),  # already more likely than 1.28: no reward for more
        (0.5, -1.0, math.exp(0.5), True),  # a bad token that became likelier is pushed back
        (-0.5, 1.0, -math.exp(-0.5), True),  # a good token that became less likely is pulled back
        (-0.5, -1.0, 0.8, False),  # already less likely than 0.8
        (0.1, 1.0, -math.exp(0.1), True),  # inside the bounds
        (-0.1, -1.0, math.exp(-0.1), True),
        (0.0, 0.0, 0.0, False),
    ],
)
@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_clipping_by_hand(log_ratio: float, adv: float, loss: float, moves: bool, ratio: Any) -> None:
    terms = _terms([log_ratio], adv)
    out = PolicyGradient(clip_low=0.2, clip_high=0.28, ratio=ratio).loss(terms)
    assert out.loss.item() == pytest.approx(loss)
    assert out.sums["clipped"] == float(not moves and adv != 0)
    (gradient,) = _gradient(terms, PolicyGradient(clip_low=0.2, clip_high=0.28, ratio=ratio))
    assert gradient == pytest.approx(-adv * math.exp(log_ratio) if moves else 0.0)


def test_without_old_values_the_gradient_is_reinforce() -> None:
    terms = _terms([-1.0, -2.0], [[0.5, -2.0]], old_BT=None)
    out = PolicyGradient().loss(terms)
    assert out.loss.item() == pytest.approx(-0.5 + 2.0)
    assert (out.sums["clipped"], out.sums["ratio"]) == (0.0, 2.0)
    assert _gradient(terms, PolicyGradient()) == [-0.5, 2.0]


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_what_has_no_weight_has_no_part(ratio: Any) -> None:
    """Neither values nor ratios nor advantages of untrained tokens reach the loss, be they ever so wild."""
    weight_BT = torch.tensor([[0.0, 1.0, 1.0]], dtype=torch.float64)
    kl = {"ref_BT": torch.zeros(1, 3).double(), "kl_BT": torch.ones(1, 3).double()}
    objective = PolicyGradient(ratio=ratio)
    calm = objective.loss(_terms([0.0, 0.1, -0.1], [[0.0, 1.0, 2.0]], weight_BT=weight_BT, **kl))
    wild = objective.loss(_terms([700.0, 0.1, -0.1], [[1e9, 1.0, 2.0]], weight_BT=weight_BT, **kl))
    assert calm.loss.item() == wild.loss.item()
    assert calm.sums == wild.sums


def test_the_divergence_has_a_coefficient_a_token() -> None:
    """k3 at 0.2 is 0.0187308; coefficients 1 and 0.5, weights 1: 0.0280962 on top of the surrogate."""
    kl = {"ref_BT": torch.full((1, 2), -0.2).double(), "kl_BT": torch.tensor([[1.0, 0.5]]).double()}
    out = PolicyGradient().loss(_terms([0.0, 0.0], 0.0, **kl))
    assert out.loss.item() == pytest.approx(1.5 * 0.0187308, abs=1e-6)
    assert out.sums["kl"] == pytest.approx(2 * 0.0187308, abs=1e-6)
    assert "kl" not in PolicyGradient().loss(_terms([0.0], 0.0, ref_BT=kl["ref_BT"])).sums


def test_likelihood_is_weighted() -> None:
    terms = _terms([-1.0, -2.0], [[1.0, -0.5]], weight_BT=torch.full((1, 2), 0.5).double())
    assert WeightedLikelihood().loss(terms).loss.item() == pytest.approx(0.5 * 1.0 - 0.25 * 2.0)
    assert _gradient(terms, WeightedLikelihood()) == [-0.5, 0.25]


def test_the_entropy_bonus_is_weighted_like_the_rest() -> None:
    """0.1 times entropies 2 and 5 at weights 1 and 0.5: 0.45 less loss; without a bonus it is not looked at."""
    entropy_BT = torch.tensor([[2.0, 5.0]]).double().requires_grad_()
    terms = _terms([0.0, 0.0], 0.0, entropy_BT=entropy_BT, weight_BT=torch.tensor([[1.0, 0.5]]).double())
    loss = PolicyGradient(entropy_bonus=0.1).loss(terms).loss
    assert loss.item() == pytest.approx(-0.45)
    assert torch.autograd.grad(loss, entropy_BT)[0].tolist() == [pytest.approx([-0.1, -0.05])]
    assert PolicyGradient().loss(terms).loss.item() == 0.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.2), (1.1, 0.2), (0.2, 0.0), (-0.2, 0.2)])
def test_bounds_that_make_no_sense_are_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="clip_low"):
        PolicyGradient(clip_low=low, clip_high=high)


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("sequence_mean", [[0, 1 / 6, 1 / 6, 1 / 6], [0, 1 / 2, 0, 0]]),
        ("token_mean", [[0, 1 / 4, 1 / 4, 1 / 4], [0, 1 / 4, 0, 0]]),
        ("constant", [[0, 1 / 16, 1 / 16, 1 / 16], [0, 1 / 16, 0, 0]]),
        ("sequence_sum", [[0, 1 / 2, 1 / 2, 1 / 2], [0, 1 / 2, 0, 0]]),
    ],
)
def test_aggregation_weights(kind: Any, weights: Any) -> None:
    assert aggregate(MASK, kind, max_tokens=8) == pytest.approx(np.array(weights))


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=5))
def test_aggregation_means_what_it_says(rows: Any) -> None:
    mask = np.array(rows)
    trained = mask.any(axis=1).sum()
    assert aggregate(mask, "sequence_mean").sum() == pytest.approx(trained / len(mask))
    assert aggregate(mask, "token_mean").sum() == pytest.approx(float(mask.any()))
    assert aggregate(mask, "sequence_sum").sum() == pytest.approx(mask.sum() / len(mask))
    assert (aggregate(mask, "sequence_mean")[~mask] == 0).all()


def test_constant_needs_its_constant() -> None:
    with pytest.raises(ValueError, match="max_tokens"):
        aggregate(MASK, "constant")


@pytest.mark.parametrize("ratio", ["token", "sequence"])
@pytest.mark.parametrize("kind", ["sequence_mean", "token_mean", "constant", "sequence_sum"])
def test_eight_at_once_equal_eight_times_one(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any, kind: Any, ratio: Any
) -> None:
    trajectories = group(2, 4)
    mask_BT = np.zeros((8, max(len(t) for t in trajectories)), np.bool_)
    for b, t in enumerate(trajectories):
        mask_BT[b, : len(t)] = t.mask
    batch = batch_of(trajectories, weight_BT=aggregate(mask_BT, kind, max_tokens=8), kl=True)
    model, other = tiny(dtype=torch.float64), tiny(dtype=torch.float64, seed=1)
    found = []
    for layout in (Packing(), Packing("padded", batch_tokens=1), Packing("tree", row_tokens=1, batch_tokens=1)):
        learner = learner_of(model, packing=layout, reference=other)
        old = learner._frozen(batch, tiny(dtype=torch.float64, seed=2, scale=0.15))
        found.append(
            (len(learner.micro_batches(trajectories)), *gradients(learner, batch, PolicyGradient(ratio=ratio), old))
        )
    assert [count for count, *_ in found] == [1, 8, 8]
    (_, loss, whole), *cut = found
    for _, value, gradient in cut:
        assert value == pytest.approx(loss, rel=1e-12)
        for name, g in whole.items():
            assert torch.allclose(gradient[name], g, rtol=1e-9, atol=1e-12)
