"""The learner: precision, clipping, schedules, passes and parts, adapters, references."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from agentrl.errors import ConfigError
from agentrl.learn.learner import Learner, Optim, Packing, learning_rate
from agentrl.learn.objectives import LossOutput, PolicyGradient, WeightedLikelihood


def _copy(model: Any) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.named_parameters()}


def _moved(model: Any, before: dict[str, torch.Tensor]) -> set[str]:
    return {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}


class Poison:
    """An objective whose loss is not a number."""

    entropy_bonus = 0.0

    def loss(self, terms: Any) -> LossOutput:
        return LossOutput(terms.logp_BT.sum() * float("nan"), {})


def test_learning_makes_good_tokens_likelier_and_bad_ones_rarer(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any
) -> None:
    trajectories = group(2, 4)
    signs = np.where(np.arange(8) % 2, -1.0, 1.0)
    batch = batch_of(trajectories, adv_BT=np.broadcast_to(signs[:, None], (8, max(map(len, trajectories)))))
    learner = learner_of(tiny())
    before = learner._frozen(batch, learner.model)
    for _ in range(5):
        learner.update(batch, PolicyGradient())
    change = (learner._frozen(batch, learner.model) - before).sum(dim=1)
    assert (change * torch.from_numpy(signs) > 0).all()


def test_small_steps_are_lost_without_masters(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any
) -> None:
    """Steps of 1e-5 on weights above 0.1, where bf16 numbers are 5e-4 and more apart: together they must arrive."""
    batch, name = batch_of(group(2, 4)), "model.layers.0.mlp.up_proj.weight"
    learner, pure = learner_of(tiny(dtype=torch.bfloat16), lr=1e-5), learner_of(tiny(dtype=torch.bfloat16))
    optimizer = torch.optim.AdamW(pure.model.parameters(), lr=1e-5, weight_decay=0.0)
    start = _copy(learner.model)[name]
    for _ in range(60):
        learner.update(batch, WeightedLikelihood())
        gradients(pure, batch, WeightedLikelihood())
        optimizer.step()
    large = start.abs() > 0.1
    moved, stuck = learner.model.get_parameter(name)[large], pure.model.get_parameter(name)[large]
    assert (stuck == start[large]).all()
    assert (moved != start[large]).float().mean() > 0.3
    assert learner.masters[name].dtype == torch.float32
    assert torch.equal(learner.model.get_parameter(name), learner.masters[name].bfloat16())


def test_masters_are_the_weights_where_these_are_wide(tiny: Any, learner_of: Any) -> None:
    learner = learner_of(tiny())
    assert all(learner.masters[n] is p for n, p in learner.model.named_parameters())
    assert {p.dtype for p in learner_of(tiny(dtype=torch.bfloat16)).masters.values()} == {torch.float32}


def test_micro_batches_of_a_half_precision_model_add_up_in_float32(tiny: Any, group: Any, batch_of: Any) -> None:
    batch = batch_of(group(2, 4))
    found = []
    for packing in (Packing(), Packing("padded", batch_tokens=1)):
        learner = Learner(tiny(dtype=torch.bfloat16), Optim(lr=1e-3), total_steps=1, packing=packing)
        found.append(learner.update(batch, PolicyGradient())["grad_norm"])
    assert found[0] == pytest.approx(found[1], rel=0.02)  # bf16 keeps 8 bits


def test_gradients_are_clipped_and_the_norm_before_is_reported(tiny: Any, group: Any, batch_of: Any) -> None:
    """After one step AdamW's first moment is 0.1 of the gradient it was given."""
    batch = batch_of(group(2, 4))
    norms = []
    for most in (1e9, 0.01):
        learner = Learner(tiny(), Optim(max_grad_norm=most), total_steps=1)
        norms.append(learner.update(batch, PolicyGradient())["grad_norm"])
        moments = [learner.optimizer.state[m]["exp_avg"] for m in learner.masters.values()]
        used = float(torch.sqrt(sum((m / 0.1).square().sum() for m in moments)))
        assert used == pytest.approx(min(most, norms[-1]), rel=1e-3)
    assert norms[0] == norms[1] > 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gradient_that_is_no_number_changes_nothing_and_is_reported(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, dtype: Any
) -> None:
    batch, learner = batch_of(group(2, 2)), learner_of(tiny(dtype=dtype))
    learner.update(batch, PolicyGradient())
    before, masters = _copy(learner.model), {n: m.detach().clone() for n, m in learner.masters.items()}
    record = learner.update(batch, Poison())
    assert not np.isfinite(record["grad_norm"])
    assert not _moved(learner.model, before)
    assert all(torch.equal(m, masters[n]) for n, m in learner.masters.items())
    record = learner.update(batch, PolicyGradient())  # and the run goes on
    assert np.isfinite(record["grad_norm"])
    assert _moved(learner.model, before) == set(before)
    assert all(torch.isfinite(p).all() for p in learner.model.parameters())


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1.0, 1.0, 0.853553, 0.5, 0.146447]),
    ],
)
def test_schedules(tiny: Any, group: Any, batch_of: Any, schedule: Any, rates: Any) -> None:
    optim = Optim(lr=1.0, schedule=schedule, warmup_steps=2)
    assert [learning_rate(optim, s, 6) for s in range(6)] == pytest.approx(rates, abs=1e-6)
    learner = Learner(tiny(), Optim(lr=1e-4, schedule=schedule, warmup_steps=2), total_steps=6)
    batch = batch_of(group(1, 2))
    used = [learner.update(batch, PolicyGradient())["lr"] for _ in range(6)]
    assert used == pytest.approx([1e-4 * r for r in rates], rel=1e-5)


def test_passes_and_parts_are_optimiser_steps(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    learner = learner_of(tiny(), lr=1e-2)
    record = learner.update(batch_of(group(2, 4)), PolicyGradient(), epochs=3, splits=2)
    assert learner.steps == 6
    assert record["clipped"] > 0  # later passes are off the old policy, so that clipping acts
    learner = learner_of(tiny(), lr=1e-2)
    assert learner.update(batch_of(group(2, 4)), PolicyGradient())["ratio"] == 1.0
    assert learner.steps == 1


def test_old_values_are_those_before_the_first_step(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    """Two passes equal a pass without, then a pass with, old values from before: the ratio is not reset between."""
    batch = batch_of(group(2, 4))
    one, two = learner_of(tiny(), lr=1e-2), learner_of(tiny(), lr=1e-2)
    old_BT = two._frozen(batch, two.model)
    one.update(batch, PolicyGradient(), epochs=2)
    two._step(batch, PolicyGradient(), old_BT, None)
    two._step(batch, PolicyGradient(), old_BT, None)
    assert not _moved(one.model, _copy(two.model))
    reset = learner_of(tiny(), lr=1e-2)
    reset.update(batch, PolicyGradient())
    reset.update(batch, PolicyGradient())
    assert _moved(one.model, _copy(reset.model))


def test_a_part_stands_for_the_whole(tiny: Any, trajectory: Any, batch_of: Any) -> None:
    """Two copies of one batch, in two parts: the first part's gradient is the whole batch's."""
    half = [trajectory([1, 2, 3], "-xx"), trajectory([1, 4, 5], "-xx")]
    adv_BT = np.tile(np.random.default_rng(0).normal(size=(2, 3)), (2, 1))
    batch = batch_of([*half, *half], adv_BT=adv_BT)
    whole, parts = (Learner(tiny(), Optim(lr=1e-9), total_steps=2) for _ in range(2))
    expected = whole.update(batch, PolicyGradient())
    found = parts.update(batch, PolicyGradient(), splits=2)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert found["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-4)


def test_more_parts_than_trajectories_are_as_many_as_there_are(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any
) -> None:
    learner = learner_of(tiny())
    learner.update(batch_of(group(1, 2)), PolicyGradient(), splits=5)
    assert learner.steps == 2


def test_a_part_without_trained_tokens_is_survived(tiny: Any, trajectory: Any, batch_of: Any, learner_of: Any) -> None:
    learner = learner_of(tiny())
    idle = [trajectory([1, 2, 3], "-xx"), trajectory([1, 2, 3], "---")]
    record = learner.update(batch_of(idle), PolicyGradient(), splits=2)
    assert np.isfinite(record["loss"])


def test_the_reference_holds_the_policy_back(tiny: Any, group: Any, batch_of: Any) -> None:
    """With advantages of 0 a policy at its reference stays; away from it, it is drawn back."""
    batch = batch_of(group(2, 4), adv_BT=np.zeros((8, 20)), kl=True)
    still = Learner(tiny(), Optim(lr=1e-3), total_steps=1, reference=tiny())
    record = still.update(batch, PolicyGradient(kl_estimator="k2"))
    assert record["kl"] == pytest.approx(0, abs=1e-9)
    assert record["grad_norm"] == pytest.approx(0, abs=1e-4)
    away = Learner(tiny(), Optim(lr=1e-3), total_steps=1, reference=tiny(seed=1))
    kls = [away.update(batch, PolicyGradient(kl_estimator="k2"))["kl"] for _ in range(5)]
    assert kls == sorted(kls, reverse=True)


def test_statistics_are_means_over_trained_tokens(tiny: Any, trajectory: Any, batch_of: Any, learner_of: Any) -> None:
    rows = [trajectory([1, 2, 3, 4], "--xx"), trajectory([1, 2, 3, 5], "--xx")]
    record = learner_of(tiny()).update(batch_of(rows), PolicyGradient())
    assert record["ratio"] == 1.0
    assert 0 < record["entropy"] < np.log(258)
    assert record["slots"] == 3  # 1 2 3, for the last tokens predict nothing
    assert record["sharing"] == pytest.approx(8 / 3)


PEFT = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
"""peft 0.21 asks transformers 5 by the old name."""


@pytest.fixture
def adapted(tiny: Any) -> Any:
    """A tiny model with adapters: `adapted(dropout)`."""
    import peft

    def make(dropout: float = 0.0) -> Any:
        model = tiny()
        torch.manual_seed(1)
        settings = peft.LoraConfig(
            r=4, lora_alpha=8, lora_dropout=dropout, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        return peft.get_peft_model(model, settings).eval()

    return make


@PEFT
def test_only_adapters_change(adapted: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    learner = learner_of(adapted())
    before = _copy(learner.model)
    for _ in range(2):  # at first the gradient of A is 0, for B is
        learner.update(batch_of(group(2, 4)), PolicyGradient())
    moved = _moved(learner.model, before)
    assert moved == {n for n in before if "lora_" in n} == set(learner.parameters)


@PEFT
def test_the_reference_of_adapters_is_the_model_without(adapted: Any, tiny: Any, group: Any, batch_of: Any) -> None:
    model, batch = adapted(), batch_of(group(2, 4), kl=True)
    learner = Learner(model, Optim(lr=0.1), total_steps=5, reference=model)
    plain = learner._frozen(batch, tiny())
    for _ in range(3):
        learner.update(batch, PolicyGradient())
    reference = learner._reference(batch)
    assert reference is not None
    assert torch.allclose(reference, plain, atol=1e-5)
    assert not torch.allclose(learner._frozen(batch, model), plain, atol=1e-2)  # adapters are on again afterwards


@PEFT
def test_adapters_drop_out_while_learning_only(adapted: Any, group: Any, batch_of: Any) -> None:
    batch = batch_of(group(2, 4))
    norms = []
    for dropout, seed in ((0.0, 0), (0.0, 1), (0.5, 0), (0.5, 1)):
        learner = Learner(adapted(dropout), Optim(), total_steps=1)
        torch.manual_seed(seed)
        norms.append(learner.update(batch, PolicyGradient())["grad_norm"])
        assert not any(module.training for module in learner.model.modules())
        assert torch.equal(learner._frozen(batch, learner.model), learner._frozen(batch, learner.model))
    assert norms[0] == norms[1]
    assert len(set(norms)) == 3


@pytest.mark.parametrize(
    ("window", "attention", "layout"), [(None, "sdpa", "tree"), (4, "sdpa", "padded"), (None, "eager", "padded")]
)
def test_where_a_tree_mask_would_be_ignored_rows_are_padded(
    window: Any, attention: str, layout: str, caplog: Any, group: Any, batch_of: Any
) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    settings: dict[str, Any] = sizes | {"vocab_size": 258, "num_key_value_heads": 2, "sliding_window": window}
    settings["attn_implementation"] = attention
    model: Any = MistralForCausalLM(MistralConfig(**settings))
    model.eval()
    with caplog.at_level(logging.WARNING):
        learner = Learner(model, Optim(), total_steps=1)
    assert learner.packing.layout == layout
    assert ("padded rows" in caplog.text) == (layout == "padded")
    trajectories = group(2, 2)
    logp_BT = learner._frozen(batch_of(trajectories), model)
    for b, t in enumerate(trajectories):
        ids = torch.from_numpy(t.token_ids)
        with torch.no_grad():
            plain = model(ids[None]).logits[0, :-1].log_softmax(-1).gather(1, ids[1:, None]).squeeze(1)
        mask = torch.from_numpy(t.mask)[1:]
        assert torch.allclose(logp_BT[b, 1 : len(t)][mask], plain[mask], atol=1e-5)


def test_settings_that_make_no_sense_are_refused(tiny: Any) -> None:
    with pytest.raises(ConfigError, match=r"optim\.lr"):
        Optim(lr=0.0)
    with pytest.raises(ConfigError, match=r"optim\.max_grad_norm"):
        Optim(max_grad_norm=0.0)
    with pytest.raises(ConfigError, match="no trainable parameter"):
        Learner(tiny().requires_grad_(False), Optim(), total_steps=1)
