"""Where the sampler is not the trainer: weights by hand, what is unknown, and bias and variance of a bandit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.errors import ConfigError
from agentrl.learn.mismatch import Mismatch, recorded, statistics
from agentrl.learn.objectives import PolicyGradient, Terms
from agentrl.types import Trajectory


def _weights(mismatch: Mismatch, ratios: list[list[float]], trained: Any = None) -> tuple[Any, Any]:
    old_BT = torch.tensor(ratios, dtype=torch.float64).log()
    trained_BT = torch.ones_like(old_BT, dtype=torch.bool) if trained is None else torch.tensor(trained)
    weight_BT, cut_BT = mismatch.weights(old_BT, torch.zeros_like(old_BT), trained_BT)
    return weight_BT.tolist(), cut_BT.tolist()


@pytest.mark.parametrize(
    ("mismatch", "ratios", "weights", "cut"),
    [
        (Mismatch("token_truncate"), [0.5, 1.3, 4.0], [0.5, 1.3, 2.0], [False, False, True]),
        (Mismatch("token_truncate", low=0.8, high=1.2), [0.5, 1.1, 4.0], [0.8, 1.1, 1.2], [True, False, True]),
        (Mismatch("token_mask"), [0.3, 1.3, 8.0], [0.0, 1.3, 0.0], [True, False, True]),
        (Mismatch("sequence_truncate"), [2.0, 4.0], [3.0, 3.0], [True, True]),
        (Mismatch("sequence_truncate"), [2.0, 0.5, 1.5], [1.5] * 3, [False] * 3),
        (Mismatch("sequence_mask"), [2.0, 4.0], [0.0, 0.0], [True, True]),
        (Mismatch("sequence_mask"), [2.0, 0.5, 1.5], [1.5] * 3, [False] * 3),
        (Mismatch("geometric"), [1.02, 0.99], [1.0, 1.0], [False, False]),  # the mean of both logarithms is 0.005
        (Mismatch("geometric"), [1.05, 1.0, 1.0], [0.0] * 3, [True] * 3),  # 0.0163
    ],
)
def test_golden_weights(mismatch: Mismatch, ratios: Any, weights: Any, cut: Any) -> None:
    found, changed = _weights(mismatch, [ratios])
    assert found == [pytest.approx(weights)]
    assert changed == [cut]


def test_untrained_tokens_have_no_say_in_a_sequence() -> None:
    """8 times likelier, but said by the environment: the product of the others is 1.5, their mean ratio 1.2247."""
    trained = [[True, True, False]]
    assert _weights(Mismatch("sequence_mask"), [[3.0, 0.5, 8.0]], trained)[0] == [pytest.approx([1.5, 1.5, 1.5])]
    band = Mismatch("geometric", low=1.22, high=1.23)
    assert _weights(band, [[3.0, 0.5, 8.0]], trained) == ([[1.0] * 3], [[False] * 3])


def test_what_the_sampler_did_not_say_weighs_one() -> None:
    old_BT = torch.tensor([[3.0, 1.5]]).log()
    sampler_BT = torch.tensor([[float("nan"), 0.0]])
    weight_BT, _ = Mismatch("token_truncate").weights(old_BT, sampler_BT, old_BT > 0)
    assert weight_BT.tolist() == [pytest.approx([1.0, 1.5])]
    unknown_BT = torch.full((1, 2), float("nan"))
    for kind in ("token_mask", "sequence_truncate", "sequence_mask", "geometric"):
        assert Mismatch(kind).weights(old_BT, unknown_BT, old_BT > 0)[0].tolist() == [[1.0, 1.0]]
    assert statistics(old_BT[0], unknown_BT[0]) == {"mismatch": 0.0, "mismatch_max": 0.0, "mismatch_ess": 1.0}


def test_statistics_by_hand() -> None:
    """Weights 1, 2 and 1 (one more unknown): 4^2 / (3 * 6) of the tokens."""
    old_N = torch.tensor([1.0, 2.0, 1.0, 99.0]).log()
    found = statistics(old_N, torch.tensor([0.0, 0.0, 0.0, float("nan")]))
    assert found["mismatch"] == pytest.approx(math.log(2) / 3)
    assert found["mismatch_max"] == pytest.approx(math.log(2))
    assert found["mismatch_ess"] == pytest.approx(16 / 18)


def test_only_known_draws_are_recorded() -> None:
    """Of four tokens the first was given, the second drawn by weights that nobody knows."""
    numbers = np.zeros(4, np.int32)
    version = np.array([-1, -1, 0, 3], np.int32)
    logprobs = np.array([0.0, -1.0, -2.0, -0.5], np.float32)
    mask = np.array([False, True, True, True])
    one = Trajectory(np.arange(4), mask, logprobs, ("",) * 4, numbers, version)
    np.testing.assert_array_equal(recorded([one], 5), [[np.nan, np.nan, -2.0, -0.5, np.nan]])
    bare = Trajectory(np.arange(2), mask[1:3], logprobs[2:], ("",) * 2, numbers[:2], version[2:])
    np.testing.assert_array_equal(recorded([bare], 2), [[np.nan, -0.5]])  # no prompt: nothing predicts the first


def _bandit(mismatch: Mismatch, temperature: float) -> tuple[torch.Tensor, float]:
    """Exact mean and variance of the gradient, arms drawn at another temperature than the policy's.

    Each arm is a sequence of one token; as weights the sampler's probabilities make the loss its mean over arms.
    """
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -2.0], dtype=torch.float64).requires_grad_()
    reward = torch.tensor([0.2, 0.0, 1.0, 0.5, 2.0], dtype=torch.float64)
    logp = logits.log_softmax(0)
    q = (logits.detach() / temperature).log_softmax(0)
    adv = reward - (logp.detach().exp() * reward).sum()
    objective = PolicyGradient(mismatch=mismatch)

    def gradient(weight: torch.Tensor) -> torch.Tensor:
        terms = Terms(logp[:, None], weight[:, None], adv[:, None], sampler_BT=q[:, None])
        return torch.autograd.grad(objective.loss(terms).loss, logits, retain_graph=True)[0]

    mean = gradient(q.exp())
    arms = torch.eye(5, dtype=torch.float64)
    square = sum(float(q[a].exp() * gradient(arms[a]).square().sum()) for a in range(5))
    return mean, square - float(mean.square().sum())


@pytest.mark.parametrize("temperature", [0.6, 1.6])
def test_a_sampler_at_another_temperature(temperature: float) -> None:
    """Uncorrected the gradient is biased; bounded weights take most of it away, and leave less variance than exact."""
    truth, _ = _bandit(Mismatch(), 1.0)
    bias, variance = {}, {}
    for name, mismatch in {
        "none": Mismatch(),
        "exact": Mismatch("token_truncate", high=1e9),
        "truncate": Mismatch("token_truncate"),
        "mask": Mismatch("token_mask"),
    }.items():
        mean, variance[name] = _bandit(mismatch, temperature)
        bias[name] = float((mean - truth).norm() / truth.norm())
    assert bias["none"] > 0.6
    assert bias["exact"] < 1e-12
    assert max(bias["truncate"], bias["mask"]) < 0.7 * bias["none"]
    assert variance["mask"] < variance["exact"]
    if temperature < 1:  # the best arm is rare and weighs up to 11: both bounds act, and the wider band keeps more
        assert 0 < bias["mask"] < bias["truncate"]
        assert variance["truncate"] < variance["mask"] < 0.3 * variance["exact"]
    else:  # no arm weighs above 2, and one weighs below a half
        assert bias["truncate"] < 1e-12 < bias["mask"]


def test_the_learner_weighs_by_its_own_log_probabilities(tiny: Any, group: Any, batch_of: Any, learner_of: Any) -> None:
    """As if the weights, from a pass of its own, were in the advantages; and it says how far off the sampler was."""
    trajectories = group(2, 4)
    plain = batch_of(trajectories)
    first, second = learner_of(tiny()), learner_of(tiny())
    own_BT = first.logprobs(trajectories)
    off_BT = np.random.default_rng(0).normal(size=own_BT.shape)
    told = batch_of(trajectories, sampler_BT=own_BT - off_BT)
    record = first.update(told, PolicyGradient(mismatch=Mismatch("token_truncate")), epochs=2, splits=2)
    weighed = batch_of(trajectories, adv_BT=plain.adv_BT * np.minimum(np.exp(off_BT), 2.0))
    expected = second.update(weighed, PolicyGradient(), epochs=2, splits=2)
    assert record["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert record["grad_norm"] == pytest.approx(expected["grad_norm"], rel=1e-4)
    trained_BT = plain.weight_BT > 0
    assert record["mismatch"] == pytest.approx(np.abs(off_BT[trained_BT]).mean(), rel=1e-5)
    assert record["mismatch_max"] == pytest.approx(np.abs(off_BT[trained_BT]).max(), rel=1e-5)
    assert record["mismatch_cut"] == pytest.approx((np.exp(off_BT[trained_BT]) > 2).mean(), rel=0.2)
    assert "mismatch" not in expected


def test_a_correction_without_a_record_is_refused() -> None:
    one = torch.ones(1, 1)
    with pytest.raises(ValueError, match="'token_mask' needs the sampler's log-probabilities"):
        PolicyGradient(mismatch=Mismatch("token_mask")).loss(Terms(-one, one, one))


@pytest.mark.parametrize(("low", "high"), [(-0.1, 2.0), (2.0, 2.0), (3.0, 2.0)])
def test_bounds_that_make_no_sense_are_refused(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="0 <= low < high"):
        Mismatch("token_mask", low=low, high=high)
