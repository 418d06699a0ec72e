"""Values: packed as padded, gradients to head and trunk, environment tokens left out, checkpoints to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.errors import ConfigError
from agentrl.learn import checkpoint
from agentrl.learn.batch import Batch
from agentrl.learn.learner import Learner, Optim, Packing
from agentrl.learn.objectives import PolicyGradient, Terms
from agentrl.learn.value import ActorCritic, Critic, ValueLoss, explained_variance

Trunk = Any
TRUNKS = ["shared", "own"]


def _critic(model: Any, trunk: Trunk, **settings: Any) -> Critic:
    """A critic whose head is not at 0, so that gradients pass through it."""
    critic = Critic(model, trunk=trunk, **settings)
    rng = torch.Generator().manual_seed(7)
    with torch.no_grad():
        critic.head.weight.copy_(torch.randn(critic.head.weight.shape, generator=rng))
        critic.head.bias.fill_(0.3)
    return critic


def _valued(batch: Batch, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return {"return_BT": rng.normal(size=batch.adv_BT.shape), "old_value_BT": rng.normal(size=batch.adv_BT.shape)}


def _terms(value: float, old: float | None, target: float) -> Terms:
    one = torch.ones(1, 1, dtype=torch.float64)
    given = None if old is None else old * one
    return Terms(one, one, one, value_BT=(value * one).requires_grad_(), old_value_BT=given, return_BT=target * one)


@pytest.mark.parametrize(
    ("value", "old", "target", "loss", "gradient", "clipped"),
    [
        (0.5, 0.0, 1.0, 0.32, 0.0, 1),  # cut to 0.2: (0.8)^2 / 2, and no reward for having moved that far
        (0.1, 0.0, 1.0, 0.405, -0.9, 0),  # within 0.2 of the old value
        (0.5, 0.0, -1.0, 1.125, 1.5, 0),  # moved away from the return: the error itself is worse
        (-0.5, 0.0, -1.0, 0.32, 0.0, 1),
        (0.5, None, 1.0, 0.125, -0.5, 0),
    ],
)
def test_the_clipped_loss_by_hand(
    value: float, old: Any, target: float, loss: float, gradient: float, clipped: int
) -> None:
    terms = _terms(value, old, target)
    out = ValueLoss(clip=0.2).loss(terms)
    assert out.loss.item() == pytest.approx(loss)
    assert out.sums == {"value": value, "value_loss": pytest.approx(loss), "value_clipped": clipped}
    assert terms.value_BT is not None
    assert torch.autograd.grad(out.loss, terms.value_BT)[0].item() == pytest.approx(gradient)
    unbound = ValueLoss(clip=None, coefficient=0.5).loss(terms)
    assert unbound.loss.item() == pytest.approx(0.25 * (value - target) ** 2)


def test_the_loss_is_weighted_like_the_rest() -> None:
    """Errors of 1 and 2 at weights 0.5 and 0.25: 0.25 + 0.5; a token without a weight has no say."""
    weight_BT = torch.tensor([[0.5, 0.25, 0.0]])
    value_BT = torch.tensor([[1.0, 2.0, 99.0]])
    nothing_BT = torch.zeros(1, 3)
    terms = Terms(nothing_BT, weight_BT, nothing_BT, value_BT=value_BT, return_BT=nothing_BT)
    out = ValueLoss().loss(terms)
    assert out.loss.item() == 0.75
    assert out.sums == {"value": 3.0, "value_loss": 2.5, "value_clipped": 0.0}


def test_explained_variance_by_hand() -> None:
    """Returns 0, 2, 4 (variance 8/3); values off by 0, 1, 2 (variance 2/3); what is not trained has no say."""
    mask_BT = np.array([[True, True, True, False]])
    return_BT, value_BT = np.array([[0.0, 2.0, 4.0, 99.0]]), np.array([[0.0, 1.0, 2.0, -99.0]])
    assert explained_variance(value_BT, return_BT, mask_BT) == pytest.approx(0.75)
    assert explained_variance(return_BT, return_BT, mask_BT) == 1.0
    assert explained_variance(-return_BT, return_BT, mask_BT) == pytest.approx(-3.0)
    assert explained_variance(value_BT, np.ones((1, 4)), mask_BT) == 0.0
    assert explained_variance(value_BT, return_BT, np.zeros((1, 4), np.bool_)) == 0.0


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_head_begins_at_zero(tiny: Any, group: Any, learner_of: Any, trunk: Trunk) -> None:
    model = tiny()
    learner = learner_of(model, critic=Critic(model, trunk=trunk))
    value_BT, last_B = learner.values(group(1, 3))
    assert (value_BT == 0).all()
    assert (last_B == 0).all()


@pytest.mark.parametrize("trunk", TRUNKS)
def test_values_are_those_of_the_state_before_a_token(
    tiny: Any, trajectory: Any, learner_of: Any, trunk: Trunk
) -> None:
    """Against a plain pass: the hidden state one place earlier, through the head; and after the last token."""
    model = tiny(dtype=torch.float64)
    critic = _critic(model, trunk)
    rows = [trajectory([1, 2, 3, 4, 5, 6], "--xx-x"), trajectory([1, 2, 7], "--x"), trajectory([1, 2], "--")]
    value_BT, last_B = learner_of(model, critic=critic).values(rows)
    assert value_BT.shape == (3, 6)
    for b, t in enumerate(rows):
        with torch.no_grad():
            hidden = model.model(torch.from_numpy(t.token_ids)[None]).last_hidden_state[0]
            plain = critic.head(hidden).squeeze(-1).numpy()
        assert value_BT[b, 1 : len(t)][t.mask[1:]] == pytest.approx(plain[:-1][t.mask[1:]], abs=1e-10)
        assert (value_BT[b, : len(t)][~t.mask] == 0).all()
        assert (value_BT[b, len(t) :] == 0).all()
        assert last_B[b] == pytest.approx(plain[-1], abs=1e-10)


@pytest.mark.parametrize("trunk", TRUNKS)
def test_packed_equals_padded(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any, trunk: Trunk
) -> None:
    """Losses and gradients of policy, trunk and head, in one micro-batch and in eight."""
    trajectories = group(2, 4)
    batch = batch_of(trajectories, **_valued(batch_of(trajectories)))
    found = []
    for packing in (Packing(), Packing("padded", batch_tokens=1)):
        model = tiny(dtype=torch.float64)
        learner = learner_of(model, packing=packing, critic=_critic(model, trunk))
        values, last_B = learner.values(trajectories)
        found.append((*gradients(learner, batch, ActorCritic()), values, last_B))
    (loss, gradient, values, last_B), (other, padded, plain, end_B) = found
    assert loss == pytest.approx(other, rel=1e-12)
    np.testing.assert_allclose(values, plain, atol=1e-12)
    np.testing.assert_allclose(last_B, end_B, atol=1e-12)
    assert gradient.keys() == padded.keys()
    for name, g in padded.items():
        assert torch.allclose(gradient[name], g, rtol=1e-8, atol=1e-11), name


@pytest.mark.parametrize("trunk", TRUNKS)
def test_where_the_gradient_of_a_value_goes(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any, trunk: Trunk
) -> None:
    """To the head and to the trunk that the critic reads; the output layer and a trunk it does not read get none."""
    trajectories = group(2, 2)
    batch = batch_of(trajectories, **_valued(batch_of(trajectories)))
    model = tiny()
    _, found = gradients(learner_of(model, critic=_critic(model, trunk)), batch, ValueLoss())
    moved = {n for n, g in found.items() if g.abs().sum() > 0}
    assert {"critic.head.weight", "critic.head.bias"} <= moved
    layer = "layers.1.mlp.up_proj.weight"
    assert (f"model.{layer}" in moved) == (trunk == "shared")
    assert (f"critic.trunk.{layer}" in moved) == (trunk == "own")
    assert "lm_head.weight" not in moved


def test_tokens_of_the_environment_get_no_value_loss(
    tiny: Any, trajectory: Any, batch_of: Any, learner_of: Any, gradients: Any
) -> None:
    rows = [trajectory([1, 2, 3, 4, 5, 6, 7], "--xx-xx")]
    plain = batch_of(rows)
    env_BT = ~rows[0].mask[None]
    found = []
    for wild in (0.0, 1e6):
        given = {key: np.where(env_BT, wild, value) for key, value in _valued(plain).items()}
        model = tiny()
        learner = learner_of(model, critic=_critic(model, "shared"))
        found.append(gradients(learner, batch_of(rows, **given), ActorCritic()))
    assert found[0][0] == found[1][0]
    assert all(torch.equal(found[1][1][n], g) for n, g in found[0][1].items())


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_critic_learns_the_returns(tiny: Any, group: Any, batch_of: Any, trunk: Trunk) -> None:
    """From 0 to most of the variance, while with a trunk of its own the policy stays where it was."""
    trajectories = group(2, 4)
    plain = batch_of(trajectories)
    batch = batch_of(trajectories, return_BT=_valued(plain)["return_BT"])
    model = tiny()
    learner = Learner(model, Optim(lr=3e-3), total_steps=80, critic=Critic(model, trunk=trunk, lr_scale=3.0))
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    records = [learner.update(batch, ValueLoss(clip=None)) for _ in range(80)]
    mask_BT = plain.weight_BT > 0
    value_BT, _ = learner.values(trajectories)
    assert batch.return_BT is not None
    assert explained_variance(value_BT, batch.return_BT, mask_BT) > 0.8
    assert records[-1]["value_loss"] < 0.3 * records[0]["value_loss"]
    assert learner.optimizer.param_groups[1]["lr"] == pytest.approx(9e-3)
    if trunk == "own":
        assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
        assert records[0]["grad_norm"] == 0 < records[0]["critic_grad_norm"]


def test_the_update_says_how_much_was_explained(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    trajectories = group(2, 2)
    batch = batch_of(trajectories, **_valued(batch_of(trajectories)))
    model = tiny()
    record = learner_of(model, critic=_critic(model, "shared")).update(batch, ActorCritic(), epochs=2)
    assert batch.return_BT is not None
    assert batch.old_value_BT is not None
    expected = explained_variance(batch.old_value_BT, batch.return_BT, batch.weight_BT > 0)
    assert record["explained_variance"] == pytest.approx(expected)
    assert {"value", "value_loss", "value_clipped", "clipped", "ratio"} <= record.keys()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_checkpoint_holds_the_critic_to_the_bit(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, tmp_path: Path, trunk: Trunk, dtype: Any
) -> None:
    def made(seed: int) -> Learner:
        model = tiny(dtype=dtype, seed=seed)
        learner: Learner = learner_of(model, critic=_critic(model, trunk))
        return learner

    trajectories = group(2, 2)
    batches = [batch_of(trajectories, seed=s, **_valued(batch_of(trajectories), s)) for s in range(4)]
    straight, before, after = made(0), made(0), made(5)
    expected = [straight.update(b, ActorCritic()) for b in batches]
    for b in batches[:2]:
        before.update(b, ActorCritic())
    saved = checkpoint.save(tmp_path, before, step=2, config="c")
    checkpoint.restore(saved, after)
    assert [after.update(b, ActorCritic()) for b in batches[2:]] == expected[2:]
    assert all(torch.equal(after.masters[n], m) for n, m in straight.masters.items())
    assert {"critic.head.weight", "critic.head.bias"} <= after.masters.keys()
    assert after.critic is not None
    assert straight.critic is not None
    assert torch.equal(after.critic.head.weight, straight.critic.head.weight)


def test_what_is_missing_is_said(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    learner = learner_of(tiny())
    with pytest.raises(ValueError, match="needs a learner with a critic"):
        learner.update(batch_of(group(1, 2)), ActorCritic(PolicyGradient()))
    with pytest.raises(ValueError, match="values need a learner with a critic"):
        learner.values(group(1, 2))
    with pytest.raises(ConfigError, match="lr_scale"):
        Critic(tiny(), lr_scale=0.0)
    for settings in ({"clip": 0.0}, {"coefficient": 0.0}):
        with pytest.raises(ConfigError, match="clip and coefficient > 0"):
            ValueLoss(**settings)
