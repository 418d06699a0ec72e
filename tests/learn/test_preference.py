"""Objectives over pairs: the golden numbers by hand, weights and masks, and gradients through a packed model."""

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
from agentrl.learn.objectives import PairTerms, Terms
from agentrl.learn.pairs import Pair, batched
from agentrl.learn.preference import DifferenceRegression, PairContrast


def pair_terms(pairs: Any = ((0, 1),), **fields: Any) -> PairTerms:
    """Pairs with weight 1, beta 0.1, label 1 and no margin, unless they are given."""
    values = {"weight": 1.0, "beta": 0.1, "label": 1.0, "margin": 0.0} | fields
    chosen, rejected = (torch.tensor([p[i] for p in pairs], dtype=torch.int64) for i in (0, 1))
    tensors = {
        f"{name}_P": torch.as_tensor(value, dtype=torch.float64).expand(len(pairs)) for name, value in values.items()
    }
    return PairTerms(chosen_P=chosen, rejected_P=rejected, **tensors)


def terms(logp: Any, pairs: PairTerms | None = None, **fields: Any) -> Terms:
    """Every token trained, against a reference of 0, unless they are given."""
    logp_BT = torch.tensor(logp, dtype=torch.float64) if not isinstance(logp, torch.Tensor) else logp
    ones = torch.ones_like(logp_BT)
    values: dict[str, Any] = {"weight_BT": ones, "adv_BT": ones, "ref_BT": 0 * ones, "pairs": pairs or pair_terms()}
    return Terms(logp_BT, **values | fields)


def loss(objective: Any, given: Terms) -> float:
    return float(objective.loss(given).loss)


TWO = [[2.0], [0.0]]


@pytest.mark.parametrize(
    ("objective", "pairs", "expected"),
    [
        (PairContrast(), {}, 0.598139),  # -log sigma(0.2)
        (PairContrast(), {"label": 0.75}, 0.648139),  # CREAM; TRL's "robust" would be 0.498139
        (PairContrast("hinge"), {}, 0.8),
        (PairContrast("hinge"), {"beta": 1.0}, 0.0),
        (PairContrast("ipo"), {}, 9.0),  # (2 - 5)^2
        (PairContrast("ipo"), {"label": 0.75}, 0.75 * 9 + 0.25 * 49),
        (PairContrast(), {"beta": 0.25, "margin": 3.0}, 2.578890),  # -log sigma(0.5 - 3)
        (PairContrast(), {"beta": 0.25, "weight": 3.0}, 1.422231),  # scaled Bradley-Terry
        (PairContrast(likelihood=0.5), {}, 0.598139 - 0.5 * 0.1 * 2),
        (DifferenceRegression(), {"margin": 0.8}, 0.36),  # (0.8 - 0.1 * 2)^2
    ],
)
def test_golden_numbers(objective: Any, pairs: Any, expected: float) -> None:
    assert loss(objective, terms(TWO, pair_terms(**pairs))) == pytest.approx(expected, abs=5e-7)


def test_prdp_by_hand() -> None:
    assert loss(DifferenceRegression(), terms([[5.0], [0.0]], pair_terms(margin=0.8))) == pytest.approx(0.09)


def test_answers_are_sums_over_trained_tokens() -> None:
    """Untrained tokens may hold anything; "mean" divides by the trained ones."""
    logp = torch.tensor([[1.0, 3.0, -math.inf], [math.nan, 1.0, 2.0]], dtype=torch.float64)
    weight = torch.tensor([[0.2, 0.9, 0], [0, 0.1, 0.1]], dtype=torch.float64)  # weights of tokens do not count
    reference = torch.tensor([[0.5, 0.5, 9], [9, 1.0, 1.0]], dtype=torch.float64)
    given = terms(logp, weight_BT=weight, ref_BT=reference)

    def x(objective: PairContrast) -> float:
        return math.log(math.exp(loss(objective, given)) - 1) / -0.1  # of -log sigma(x)

    assert x(PairContrast()) == pytest.approx(3 - 1)
    assert x(PairContrast(length="mean")) == pytest.approx(1.5 - 0.5)
    assert x(PairContrast(reference="none")) == pytest.approx(4 - 3)
    assert x(PairContrast(reference="none", length="mean")) == pytest.approx(2 - 1.5)
    extra = loss(PairContrast(length="mean", likelihood=1.0), given) - loss(PairContrast(length="mean"), given)
    assert extra == pytest.approx(-0.1 * 4 / 2)


def test_pairs_have_settings_of_their_own() -> None:
    logp = [[2.0], [0.0], [-1.0]]
    both = pair_terms([(0, 1), (2, 0)], weight=[0.25, 0.75], beta=[0.1, 0.5], label=[1.0, 0.9], margin=[0.0, 0.2])
    parts = [
        loss(PairContrast(), terms(logp, pair_terms([(0, 1)], weight=0.25))),
        loss(PairContrast(), terms(logp, pair_terms([(2, 0)], weight=0.75, beta=0.5, label=0.9, margin=0.2))),
    ]
    assert loss(PairContrast(), terms(logp, both)) == pytest.approx(sum(parts))


def test_the_statistics_tell_both_sides_apart() -> None:
    """Of two pairs, one ordered as it should be; sums, which the learner divides by the pairs."""
    given = terms([[-2.0], [-3.0], [-7.0]], pair_terms([(0, 1), (2, 1)], beta=[1.0, 0.5]), ref_BT=-torch.ones(3, 1))
    for objective in (PairContrast(), DifferenceRegression()):
        found = objective.loss(given).pair_sums
        assert (found["chosen_logp"], found["rejected_logp"]) == (-9, -6)
        assert (found["chosen_reward"], found["rejected_reward"]) == (-1 - 3, -2 - 1)
        assert (found["reward_margin"], found["reward_accuracy"]) == (1 - 2, 1)
    mean = PairContrast(length="mean").loss(terms([[-2.0, -4.0], [-1.0, -1.0]])).pair_sums
    assert [mean["chosen_logp"], mean["chosen_reward"]] == pytest.approx([-6, -0.3])


@pytest.mark.parametrize(
    "objective", [PairContrast(), PairContrast(likelihood=0.1), DifferenceRegression(), DifferenceRegression(clip=0.1)]
)
def test_a_micro_batch_may_hold_no_pair(objective: Any) -> None:
    logp = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    out = objective.loss(terms(logp, pair_terms(())))
    out.loss.backward()
    assert float(out.loss.detach()) == 0
    assert logp.grad is not None
    assert not logp.grad.any()
    assert not any(out.pair_sums.values())


@pytest.mark.parametrize("kind", ["sigmoid", "hinge", "ipo"])
@given(st.floats(-3, 3), st.floats(0.05, 1), st.floats(-1, 1))
def test_a_soft_label_turned_round_is_the_pair_turned_round(
    kind: Any, difference: float, beta: float, m: float
) -> None:
    straight = pair_terms([(0, 1)], beta=beta, label=0.3, margin=m)
    turned = pair_terms([(1, 0)], beta=beta, label=0.7, margin=-m)
    logp = [[difference], [0.0]]
    assert loss(PairContrast(kind), terms(logp, straight)) == pytest.approx(
        loss(PairContrast(kind), terms(logp, turned))
    )


@pytest.mark.parametrize(
    ("moved", "expected", "gradient"),
    [
        (0.1, (1 - 0.1) ** 2, True),  # inside the bound: the plain loss
        (0.5, (1 - 0.2) ** 2, False),  # beyond it, nothing more is gained, and the gradient is gone
        (-0.5, (1 + 0.5) ** 2, True),  # the wrong way: the larger error stays, with its gradient
    ],
)
def test_a_step_beyond_the_bound_gains_nothing(moved: float, expected: float, gradient: bool) -> None:
    old = torch.tensor([[3.0], [1.0]], dtype=torch.float64)
    logp = (old + torch.tensor([[moved], [0.0]])).requires_grad_()
    given = terms(logp, pair_terms(beta=1.0, margin=1.0), old_BT=old, ref_BT=old)
    out = DifferenceRegression(clip=0.2).loss(given)
    out.loss.backward()  # type: ignore[no-untyped-call]
    assert float(out.loss.detach()) == pytest.approx(expected)
    assert logp.grad is not None
    assert bool(logp.grad[0].any()) == gradient
    assert out.pair_sums["difference_clipped"] == (moved == 0.5)


@pytest.mark.parametrize("objective", [PairContrast(), DifferenceRegression()])
def test_what_is_missing_is_said(objective: Any) -> None:
    with pytest.raises(ValueError, match="a batch with pairs"):
        objective.loss(Terms(torch.zeros(2, 1), torch.ones(2, 1), torch.ones(2, 1)))
    with pytest.raises(ValueError, match="under a reference"):
        objective.loss(terms(TWO, ref_BT=None))
    assert objective.entropy_bonus == 0


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="likelihood"):
        PairContrast(likelihood=-0.1)
    with pytest.raises(ConfigError, match="clip"):
        DifferenceRegression(clip=0.0)


PAIRS = [Pair(0, 1, 0.5), Pair(2, 1, 0.3, beta=0.3, label=0.9), Pair(4, 7, 0.2, weight=2.0), Pair(5, 6, 0.9)]


@pytest.mark.parametrize(
    "objective", [PairContrast(likelihood=0.2), PairContrast("ipo", length="mean"), DifferenceRegression()]
)
def test_packed_micro_batches_add_up_to_the_whole(
    tiny: Any, group: Any, batch_of: Any, learner_of: Any, gradients: Any, objective: Any
) -> None:
    """Small packed micro-batches against one padded batch: the same loss and gradient."""
    rows = group(prompts=2, samples=4)
    model = tiny(dtype=torch.float64)
    batch = batch_of(rows, pairs=batched(PAIRS, margin="gap"))
    reference = torch.from_numpy(np.random.default_rng(3).normal(size=batch.weight_BT.shape))
    found = {}
    for name, packing in {
        "packed": Packing(row_tokens=24, batch_tokens=24),
        "padded": Packing(layout="padded", batch_tokens=10**6),
    }.items():
        found[name] = gradients(learner_of(model, packing=packing), batch, objective, None, reference)
    assert found["packed"][0] == pytest.approx(found["padded"][0], rel=1e-10)
    for name, grad in found["padded"][1].items():
        assert torch.allclose(found["packed"][1][name], grad, rtol=1e-8, atol=1e-10), name
    assert sum(float(g.abs().sum()) for g in found["packed"][1].values()) > 0.1


def test_a_learner_prefers_what_it_is_shown(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    rows = group(prompts=2, samples=4)
    learner = learner_of(tiny(), reference=tiny(), lr=1e-2)
    batch = batch_of(rows, pairs=batched(PAIRS))
    records = [learner.update(batch, PairContrast()) for _ in range(4)]
    assert records[0]["reward_margin"] == pytest.approx(0, abs=1e-4)  # the reference is the same model
    assert records[-1]["reward_margin"] > 0.5
    assert records[-1]["reward_accuracy"] == 1
    assert records[-1]["loss"] < records[0]["loss"]
