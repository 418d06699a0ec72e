"""The policy-gradient family: each surrogate and ratio by hand, by finite differences, and all of them on-policy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.errors import ConfigError
from agentrl.learn.learner import Packing
from agentrl.learn.mismatch import Mismatch
from agentrl.learn.objectives import PolicyGradient, Terms, aggregate

FAMILY = {
    "clip": PolicyGradient(),
    "dual": PolicyGradient(dual_clip=1.3),
    "product": PolicyGradient(ratio="sequence"),
    "gspo": PolicyGradient(ratio="sequence_mean", clip_low=0.05, clip_high=0.04),
    "gspo_token": PolicyGradient(ratio="sequence_mean_token", clip_low=0.05, clip_high=0.04),
    "cispo": PolicyGradient("cispo", clip_high=0.1),
    "cispo_gspo": PolicyGradient("cispo", "sequence_mean", clip_high=0.04),
    "reinforce": PolicyGradient("reinforce"),
    "corrected": PolicyGradient(mismatch=Mismatch("token_truncate", high=1.2)),
    "masked": PolicyGradient(mismatch=Mismatch("sequence_mask", high=1.5)),
}
AGGREGATIONS = ["sequence_mean", "token_mean", "constant", "sequence_sum"]


def _terms(log_ratio: Any, adv: Any, **fields: Any) -> Terms:
    """One row whose old log-probabilities are -1, every token of weight 1 unless said otherwise."""
    shift_BT = torch.tensor([log_ratio], dtype=torch.float64)
    ones_BT = torch.ones_like(shift_BT)
    values: dict[str, Any] = {"weight_BT": ones_BT, "old_BT": -ones_BT}
    logp_BT = (shift_BT - 1).requires_grad_()
    return Terms(logp_BT=logp_BT, adv_BT=torch.as_tensor(adv).double() * ones_BT, **values | fields)


def _gradient(terms: Terms, objective: Any) -> list[float]:
    (gradient_BT,) = torch.autograd.grad(objective.loss(terms).loss, terms.logp_BT)
    return [float(g) for g in gradient_BT[0]]


def test_the_mean_ratio_of_a_sequence() -> None:
    """exp((0.1 - 0.2 + 0.05 + 0.3) / 4) = 1.064494 at every token; each moves it by a quarter of itself."""
    terms = _terms([0.1, -0.2, 0.05, 0.3], 1.0)
    loose = PolicyGradient(ratio="sequence_mean", clip_low=1.0, clip_high=9.0)
    out = loose.loss(terms)
    assert out.loss.item() == pytest.approx(-4 * 1.064494, abs=4e-6)
    assert out.sums["ratio"] == pytest.approx(4 * 1.064494, abs=4e-6)
    assert _gradient(terms, loose) == pytest.approx([-1.064494] * 4, abs=1e-6)
    tight = PolicyGradient(ratio="sequence_mean", clip_low=3e-4, clip_high=4e-4)
    assert tight.loss(terms).loss.item() == pytest.approx(-4 * 1.0004)
    assert tight.loss(terms).sums["clipped"] == 4
    assert _gradient(terms, tight) == [0.0] * 4


def test_the_token_form_has_advantages_of_its_own() -> None:
    """s = e^0.1 = 1.105171 in front of each token's own advantage: 2 and -1."""
    terms = _terms([0.3, -0.1], [[2.0, -1.0]])
    loose = PolicyGradient(ratio="sequence_mean_token", clip_low=1.0, clip_high=9.0)
    assert loose.loss(terms).loss.item() == pytest.approx(-1.105171, abs=1e-6)
    assert _gradient(terms, loose) == pytest.approx([-2.210342, 1.105171], abs=1e-6)
    shared = PolicyGradient(ratio="sequence_mean", clip_low=1.0, clip_high=9.0)
    assert _gradient(terms, shared) == pytest.approx([-0.552585] * 2, abs=1e-6)  # (2 - 1) / 2 of s each
    tight = PolicyGradient(ratio="sequence_mean_token")
    clipped = _terms([0.5, 0.1], [[1.0, -1.0]])  # s = e^0.3 is above 1.2: what was good is let go, what was bad is not
    assert _gradient(clipped, tight) == pytest.approx([0.0, math.exp(0.3)])


def test_the_forms_agree_where_the_advantage_is_the_sequences() -> None:
    terms = _terms([0.3, -0.1, 0.0], -0.7)
    one, other = (_gradient(terms, PolicyGradient(ratio=r)) for r in ("sequence_mean", "sequence_mean_token"))
    assert one == pytest.approx(other)


@pytest.mark.parametrize(
    ("log_ratio", "adv", "weight"),
    [
        (2.0, 1.0, 5.0),  # e^2 = 7.39 is cut to 5: the token still teaches
        (2.0, -1.0, 5.0),
        (0.5, 1.0, math.exp(0.5)),
        (-2.0, -1.0, math.exp(-2.0)),  # nothing holds it up
    ],
)
def test_cispo_weighs_and_never_drops(log_ratio: float, adv: float, weight: float) -> None:
    terms = _terms([log_ratio], adv)
    cispo = PolicyGradient("cispo", clip_high=4.0)
    out = cispo.loss(terms)
    assert out.loss.item() == pytest.approx(-weight * adv * (log_ratio - 1))
    assert out.sums["clipped"] == float(log_ratio > math.log(5))
    assert _gradient(terms, cispo) == pytest.approx([-weight * adv])


def test_reinforce_is_the_score_function_whatever_the_old_policy() -> None:
    terms = _terms([0.5, -0.5], [[2.0, -3.0]])
    out = PolicyGradient("reinforce").loss(terms)
    assert out.loss.item() == pytest.approx(2.0 * 0.5 - 3.0 * 1.5)
    assert out.sums["clipped"] == 0
    assert _gradient(terms, PolicyGradient("reinforce")) == [-2.0, 3.0]


@pytest.mark.parametrize(
    ("log_ratio", "adv", "loss", "moves"),
    [
        (2.0, -1.0, 3.0, False),  # e^2 = 7.39: a bad token that became far likelier costs 3 and no more
        (1.0, -1.0, math.e, True),  # below the bound it is pushed back in full
        (2.0, 1.0, -1.2, False),  # a good one is clipped at 1.2 as ever
        (-2.0, -1.0, 0.8, False),
    ],
)
def test_the_dual_clip_bounds_what_a_bad_token_costs(log_ratio: float, adv: float, loss: float, moves: bool) -> None:
    terms, dual = _terms([log_ratio], adv), PolicyGradient(dual_clip=3.0)
    out = dual.loss(terms)
    assert out.loss.item() == pytest.approx(loss)
    assert out.sums["clipped"] == float(not moves)
    assert _gradient(terms, dual) == pytest.approx([-adv * math.exp(log_ratio) if moves else 0.0])


def test_the_divergence_can_bear_the_ratio() -> None:
    """rho k3 with rho = e^0.3 and d = 0.2: its gradient has the ratio's own, rho k3, besides rho (1 - e^-d)."""
    kl = {"ref_BT": torch.full((1, 1), -0.9).double(), "kl_BT": torch.ones(1, 1).double()}
    terms = _terms([0.3], 0.0, **kl)
    rho, k3 = math.exp(0.3), math.exp(-0.2) - 1 + 0.2
    weighted = PolicyGradient(kl_weight="ratio")
    assert weighted.loss(terms).loss.item() == pytest.approx(rho * k3)
    assert _gradient(terms, weighted) == pytest.approx([rho * k3 + rho * (1 - math.exp(-0.2))])
    assert PolicyGradient().loss(terms).loss.item() == pytest.approx(k3)


def _random(rng: np.random.Generator, weight_BT: torch.Tensor) -> dict[str, Any]:
    shape = weight_BT.shape
    return {
        "weight_BT": weight_BT,
        "adv_BT": torch.from_numpy(rng.normal(size=shape)),
        "old_BT": torch.from_numpy(rng.normal(size=shape)),
        "sampler_BT": torch.from_numpy(rng.normal(size=shape)),
    }


@pytest.mark.parametrize("kind", AGGREGATIONS)
@pytest.mark.parametrize("name", sorted(FAMILY))
def test_gradients_are_the_losss_own(name: str, kind: Any) -> None:
    """Against central differences of the loss in which what is detached stands still."""
    rng = np.random.default_rng(0)
    mask = rng.random((3, 5)) < 0.7
    fields = _random(rng, torch.from_numpy(aggregate(mask, kind, max_tokens=8)))
    at_BT = fields["old_BT"] + 0.1 * torch.from_numpy(rng.normal(size=mask.shape))
    fields["sampler_BT"] = fields["old_BT"] + 0.1 * torch.from_numpy(rng.normal(size=mask.shape))
    objective = FAMILY[name]
    logp_BT = at_BT.clone().requires_grad_()
    (found_BT,) = torch.autograd.grad(objective.loss(Terms(logp_BT=logp_BT, **fields)).loss, logp_BT)
    step, expected_BT = 1e-6, torch.zeros_like(at_BT)
    for b, t in np.ndindex(*mask.shape):
        sides = []
        for sign in (step, -step):
            moved_BT = at_BT.clone()
            moved_BT[b, t] += sign
            sides.append(float(_by_definition(name, objective, fields, moved_BT, at_BT)))
        expected_BT[b, t] = (sides[0] - sides[1]) / (2 * step)
    assert torch.allclose(found_BT, expected_BT, atol=1e-6)
    assert found_BT.abs().max() > 0
    assert (found_BT[~torch.from_numpy(mask)] == 0).all()


def _by_definition(
    name: str, objective: PolicyGradient, fields: dict[str, Any], new_BT: torch.Tensor, held_BT: torch.Tensor
) -> float:
    """The loss written out token by token, with what is detached taken at `held_BT`."""
    loss = 0.0
    weight, old, adv = fields["weight_BT"], fields["old_BT"], fields["adv_BT"]
    for b in range(len(weight)):
        tokens = [t for t in range(weight.shape[1]) if weight[b, t] > 0]
        drift = {t: float(new_BT[b, t] - old[b, t]) for t in tokens}
        held = {t: float(held_BT[b, t] - old[b, t]) for t in tokens}
        off = {t: math.exp(float(old[b, t] - fields["sampler_BT"][b, t])) for t in tokens}
        for t in tokens:
            a, share, factor = float(adv[b, t]), float(weight[b, t]), 1.0
            kind, n = objective.ratio, len(tokens)
            rho = {
                "token": math.exp(drift[t]),
                "sequence": math.exp(sum(drift.values())),
                "sequence_mean": math.exp(sum(drift.values()) / n),
                "sequence_mean_token": math.exp(sum(held.values()) / n + drift[t] - held[t]),
            }[kind]
            share = share / n if kind == "sequence" else share
            if name == "corrected":
                factor = min(off[t], 1.2)
            elif name == "masked":
                product = math.prod(off.values())
                factor = product if product <= 1.5 else 0.0
            if objective.surrogate == "reinforce":
                value = a * float(new_BT[b, t])
            elif objective.surrogate == "cispo":
                still = math.exp(held[t] if kind == "token" else sum(held.values()) / n)
                value = min(still, 1 + objective.clip_high) * a * float(new_BT[b, t])
            else:
                near = min(max(rho, 1 - objective.clip_low), 1 + objective.clip_high)
                value = min(rho * a, near * a)
                value = max(value, (objective.dual_clip or math.inf) * a) if a < 0 else value
            loss -= share * factor * value
    return loss


@pytest.mark.parametrize("kind", AGGREGATIONS)
@pytest.mark.parametrize("name", sorted(set(FAMILY) - {"corrected", "masked"}))
def test_on_policy_all_are_reinforce(name: str, kind: Any) -> None:
    """Under every aggregation, for advantages that are a sequence's own."""
    rng = np.random.default_rng(1)
    mask = rng.random((4, 6)) < 0.6
    fields = _random(rng, torch.from_numpy(aggregate(mask, kind, max_tokens=8)))
    fields["adv_BT"] = fields["adv_BT"][:, :1].expand(4, 6)
    logp_BT = fields.pop("old_BT").requires_grad_()
    found = []
    for objective in (FAMILY[name], PolicyGradient("reinforce")):
        for old_BT in (None, logp_BT.detach()):
            loss = objective.loss(Terms(logp_BT=logp_BT, old_BT=old_BT, **fields)).loss
            found.append(torch.autograd.grad(loss, logp_BT)[0])
    assert all(torch.allclose(g, found[-1], atol=1e-12) for g in found)
    assert found[-1].abs().max() > 0


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_the_order_of_a_group_is_irrelevant(name: str) -> None:
    rng = np.random.default_rng(2)
    mask = rng.random((4, 6)) < 0.6
    fields = _random(rng, torch.from_numpy(aggregate(mask, "sequence_mean")))
    logp_BT = (fields["old_BT"] + 0.1 * torch.from_numpy(rng.normal(size=mask.shape))).requires_grad_()
    order = [2, 0, 3, 1]
    (straight,) = torch.autograd.grad(FAMILY[name].loss(Terms(logp_BT=logp_BT, **fields)).loss, logp_BT)
    mixed_BT = logp_BT.detach()[order].requires_grad_()
    mixed = {key: value[order] for key, value in fields.items()}
    (shuffled,) = torch.autograd.grad(FAMILY[name].loss(Terms(logp_BT=mixed_BT, **mixed)).loss, mixed_BT)
    assert torch.allclose(shuffled, straight[order], atol=1e-14)


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_what_has_no_weight_has_no_part(name: str) -> None:
    """Whatever is said of untrained tokens, by policy, sampler or credit."""
    weight_BT = torch.tensor([[0.0, 1.0, 1.0]], dtype=torch.float64)
    sampler_BT = torch.tensor([[-1.0, -0.9, -1.2]]).double()
    calm = _terms([0.0, 0.1, -0.1], [[0.0, 1.0, 2.0]], weight_BT=weight_BT, sampler_BT=sampler_BT)
    strange_BT = torch.tensor([[float("nan"), -0.9, -1.2]]).double()
    wild = _terms([700.0, 0.1, -0.1], [[1e9, 1.0, 2.0]], weight_BT=weight_BT, sampler_BT=strange_BT)
    first, second = FAMILY[name].loss(calm), FAMILY[name].loss(wild)
    assert first.loss.item() == second.loss.item()
    assert first.sums == second.sums
    assert _gradient(wild, FAMILY[name]) == _gradient(calm, FAMILY[name])


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_eight_at_once_equal_eight_times_one_padded_or_packed(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any, name: str
) -> None:
    trajectories = group(2, 4)
    batch = batch_of(trajectories, kl=True)
    shift_BT = 0.3 * np.random.default_rng(3).normal(size=batch.adv_BT.shape)
    model, other = tiny(dtype=torch.float64), tiny(dtype=torch.float64, seed=1)
    found = []
    for layout in (Packing(), Packing("padded", batch_tokens=1), Packing("tree", row_tokens=1, batch_tokens=1)):
        learner = learner_of(model, packing=layout, reference=other)
        old_BT = learner._frozen(batch, model) + 0.2 * torch.from_numpy(shift_BT)
        told = batch_of(trajectories, kl=True, sampler_BT=old_BT.numpy() + shift_BT)
        ref_BT = learner._reference(batch)
        found.append(
            (len(learner.micro_batches(trajectories)), *gradients(learner, told, FAMILY[name], old_BT, ref_BT))
        )
    assert [count for count, *_ in found] == [1, 8, 8]
    (_, loss, whole), *cut = found
    for _, value, gradient in cut:
        assert value == pytest.approx(loss, rel=1e-12)
        for parameter, g in whole.items():
            assert torch.allclose(gradient[parameter], g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dual_clip": 1.2}, "dual_clip"),  # not above 1 + clip_high: it would clip what the upper bound lets through
        ({"dual_clip": 3.0, "surrogate": "cispo"}, "goes with surrogate 'clip'"),
        ({"surrogate": "reinforce", "ratio": "sequence"}, "has no ratio"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PolicyGradient(**settings)
