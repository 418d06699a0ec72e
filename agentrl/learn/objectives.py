r"""Objectives: tensors in, a loss and its statistics out; no I/O, no model.

Every loss here is a plain sum $\sum_{b,t} w_{bt} \ell_{bt}$ whose weights $w$ already carry the mask and the
normalisation of the *whole* batch (`aggregate`), so that micro-batches add up to exactly the same loss and gradient.
Advantages, Kullback-Leibler coefficients and weights are per-token tensors of shape (B, T).

The policy-gradient family is $\ell_t = -S_t + \beta_t KL_t - c H_t$ with, for the advantage $A$ and a ratio $\rho$ of
the trained policy to the old one,

    surrogate  S_t
    clip       min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A)   PPO, GRPO, DAPO
    cispo      sg[min(rho, 1 + clip_high)] A log pi                   CISPO
    reinforce  A log pi                                               REINFORCE

    ratio                rho_t
    token                pi_t / old_t                                 PPO
    sequence             the product over the trained tokens          RLOO
    sequence_mean        s, the product's geometric mean              GSPO
    sequence_mean_token  sg[s] pi_t / sg[pi_t]                        GSPO-token

where sg stops the gradient. While the policy is still the old one, all of them have the gradient of `reinforce`, under
every aggregation: they differ in what happens off-policy. A dual clip bounds rho from above where A < 0, too; a
correction for another sampler multiplies S_t (see `mismatch`).

Source: PPO: arXiv 1707.06347; asymmetric clipping: DAPO, arXiv 2503.14476; dual clip: arXiv 1912.09729; CISPO:
arXiv 2506.13585; GSPO: arXiv 2507.18071; the product: RLOO, arXiv 2402.14740.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from agentrl.errors import ConfigError
from agentrl.learn.kl import Estimator, estimate
from agentrl.learn.mismatch import Mismatch

__all__ = [
    "Aggregation",
    "LossOutput",
    "PairTerms",
    "PolicyGradient",
    "Ratio",
    "Surrogate",
    "Terms",
    "WeightedLikelihood",
    "aggregate",
]

Aggregation = Literal["sequence_mean", "token_mean", "constant", "sequence_sum"]
Ratio = Literal["token", "sequence", "sequence_mean", "sequence_mean_token"]
Surrogate = Literal["clip", "cispo", "reinforce"]


@dataclass(frozen=True, slots=True)
class PairTerms:
    """What a pairwise objective sees of its pairs; every tensor has shape (P,), and a micro-batch holds whole pairs.

    Attributes:
        chosen_P: Row of the better answer in the micro-batch (int64).
        rejected_P: Row of the worse answer (int64).
        weight_P: Weight, normalised over the whole batch.
        beta_P: Temperature of the implicit reward.
        label_P: How sure it is that the chosen answer is the better one, in [0, 1]; 1 is certain.
        margin_P: By how much the chosen answer should win.
    """

    chosen_P: torch.Tensor
    rejected_P: torch.Tensor
    weight_P: torch.Tensor
    beta_P: torch.Tensor
    label_P: torch.Tensor
    margin_P: torch.Tensor


@dataclass(frozen=True, slots=True)
class Terms:
    """What an objective sees of a (micro-)batch; every tensor but those of `pairs` has shape (B, T).

    Attributes:
        logp_BT: Log-probability of each token under the policy being trained; carries the gradient.
        weight_BT: Normalised weight; 0 where a token is not trained.
        adv_BT: Advantage (policy gradient), ignored by likelihood.
        old_BT: Log-probability before the update; None means "the same weights".
        ref_BT: Log-probability under the reference; None where no divergence is asked for.
        kl_BT: Coefficient of the divergence, per token.
        entropy_BT: Entropy at each token; carries a gradient where the objective has a bonus for it.
        sampler_BT: Log-probability that the sampler recorded; nan where it is unknown.
        value_BT: Value that a value head gives before each token; carries the gradient.
        old_value_BT: That value before the update.
        return_BT: What the value should have been.
        pairs: Pairs of rows, for a pairwise objective.
    """

    logp_BT: torch.Tensor
    weight_BT: torch.Tensor
    adv_BT: torch.Tensor
    old_BT: torch.Tensor | None = None
    ref_BT: torch.Tensor | None = None
    kl_BT: torch.Tensor | None = None
    entropy_BT: torch.Tensor | None = None
    sampler_BT: torch.Tensor | None = None
    value_BT: torch.Tensor | None = None
    old_value_BT: torch.Tensor | None = None
    return_BT: torch.Tensor | None = None
    pairs: PairTerms | None = None


@dataclass(frozen=True, slots=True)
class LossOutput:
    """A loss, and sums that add up across micro-batches.

    Attributes:
        loss: Carries the gradient.
        sums: Sums over trained tokens; the learner reports their means.
        pair_sums: Sums over pairs; the learner reports their means.
    """

    loss: torch.Tensor
    sums: dict[str, float]
    pair_sums: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyGradient:
    """The policy-gradient family: a surrogate of a ratio, per token, as the module's tables have it.

    Raises:
        ConfigError: A bound that makes no sense, or one that the surrogate would not look at.
    """

    surrogate: Surrogate = "clip"
    """What is maximised: the clipped ratio, CISPO's weighted or REINFORCE's plain log-probability."""
    ratio: Ratio = "token"
    """Of new to old policy: a token's, the sequence's product (RLOO) or its mean (GSPO; "..._token": GSPO-token)."""
    clip_low: float = 0.2
    """The lower bound is 1 less this ("clip" only: nothing holds CISPO's weight up)."""
    clip_high: float = 0.2
    """The upper bound is 1 plus this."""
    dual_clip: float | None = None
    """Bound of the ratio where the advantage is negative, above `1 + clip_high` (TRL's `delta`); None for none."""
    mismatch: Mismatch = field(default_factory=Mismatch)
    """What to do where the sampler is not the trainer's policy."""
    kl_estimator: Estimator = "k3"
    kl_weight: Literal["none", "ratio"] = "none"
    """"ratio" multiplies the divergence by the ratio: right for tokens of an older policy (DeepSeek-V3.2)."""
    entropy_bonus: float = 0.0
    """c: keeps the policy from settling too early."""

    def __post_init__(self) -> None:
        if not (0 < self.clip_low <= 1 and self.clip_high > 0):
            raise ConfigError(f"clipping needs 0 < clip_low <= 1, clip_high > 0; got {self.clip_low}, {self.clip_high}")
        if self.dual_clip is not None and (self.surrogate != "clip" or self.dual_clip <= 1 + self.clip_high):
            raise ConfigError(
                f"dual_clip goes with surrogate 'clip' and lies above 1 + clip_high = {1 + self.clip_high:g}; got "
                f"{self.dual_clip} with surrogate {self.surrogate!r}"
            )
        if self.surrogate == "reinforce" and self.ratio != "token":
            raise ConfigError(f"surrogate 'reinforce' has no ratio; leave `ratio` at 'token', got {self.ratio!r}")

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch.

        Raises:
            ValueError: A correction is asked for, and nobody recorded what the sampler did.

        >>> one = torch.ones(1, 1)
        >>> old = torch.zeros(1, 1)
        >>> terms = Terms(logp_BT=old + 0.5, weight_BT=one, adv_BT=one, old_BT=old)
        >>> round(float(PolicyGradient().loss(terms).loss), 6)  # e^0.5 is clipped to 1.2
        -1.2
        """
        old_BT = terms.logp_BT.detach() if terms.old_BT is None else terms.old_BT
        trained_BT = terms.weight_BT > 0
        log_ratio_BT = torch.where(trained_BT, terms.logp_BT - old_BT, 0.0)
        ratio_BT, share_BT = _ratios(self.ratio, log_ratio_BT, terms.weight_BT)
        surrogate_BT, out_BT = self._surrogate(ratio_BT, terms)
        sums = {
            "clipped": float((out_BT & trained_BT).sum()),
            "ratio": float((ratio_BT * trained_BT).sum().detach()),
        }
        if self.mismatch.kind != "off":
            if terms.sampler_BT is None:
                raise ValueError(f"mismatch {self.mismatch.kind!r} needs the sampler's log-probabilities in the batch")
            factor_BT, cut_BT = self.mismatch.weights(old_BT, terms.sampler_BT, trained_BT)
            surrogate_BT = factor_BT * surrogate_BT
            sums["mismatch_cut"] = float(cut_BT.sum())
        loss = -(share_BT * surrogate_BT).sum()
        if terms.ref_BT is not None and terms.kl_BT is not None:
            kl_BT = torch.where(trained_BT, estimate(terms.logp_BT, terms.ref_BT, self.kl_estimator), 0.0)
            if self.kl_weight == "ratio":
                kl_BT = kl_BT * ratio_BT
            loss = loss + (terms.weight_BT * terms.kl_BT * kl_BT).sum()
            sums["kl"] = float(kl_BT.sum().detach())
        if terms.entropy_BT is not None and self.entropy_bonus:
            loss = loss - self.entropy_bonus * (terms.weight_BT * terms.entropy_BT).sum()
        return LossOutput(loss, sums)

    def _surrogate(self, ratio_BT: torch.Tensor, terms: Terms) -> tuple[torch.Tensor, torch.Tensor]:
        """What is maximised, and where a bound acts on it; both (B, T)."""
        adv_BT = terms.adv_BT
        high = 1 + self.clip_high
        if self.surrogate == "reinforce":
            return adv_BT * terms.logp_BT, torch.zeros_like(ratio_BT, dtype=torch.bool)
        if self.surrogate == "cispo":
            return ratio_BT.detach().clamp(max=high) * adv_BT * terms.logp_BT, ratio_BT > high
        clipped_BT = ratio_BT.clamp(1 - self.clip_low, high)
        bounded_BT = ratio_BT if self.dual_clip is None else ratio_BT.clamp(max=self.dual_clip)
        out_BT = (clipped_BT != ratio_BT) & (clipped_BT * adv_BT < ratio_BT * adv_BT)
        if self.dual_clip is not None:
            out_BT = out_BT | ((ratio_BT > self.dual_clip) & (adv_BT < 0))
        return torch.minimum(bounded_BT * adv_BT, clipped_BT * adv_BT), out_BT


def _ratios(kind: Ratio, log_ratio_BT: torch.Tensor, weight_BT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Ratios, and the weight that each token's surrogate has; both (B, T)."""
    if kind == "token":
        return log_ratio_BT.exp(), weight_BT
    sum_B1 = log_ratio_BT.sum(dim=1, keepdim=True)
    count_B1 = (weight_BT > 0).sum(dim=1, keepdim=True).clamp(min=1)
    if kind == "sequence":
        # The product moves with every token, so that it counts once: its tokens share one token's weight evenly.
        return sum_B1.expand_as(log_ratio_BT).exp(), weight_BT / count_B1
    mean_BT = (sum_B1 / count_B1).expand_as(log_ratio_BT)
    if kind == "sequence_mean":
        return mean_BT.exp(), weight_BT
    return mean_BT.detach().exp() * (log_ratio_BT - log_ratio_BT.detach()).exp(), weight_BT


@dataclass(frozen=True, slots=True)
class WeightedLikelihood:
    r"""Weighted negative log-likelihood, $\ell_t = -A_t \log \pi_t$, with $A$ as a weight (1 for fine-tuning)."""

    entropy_bonus: float = 0.0

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch.

        >>> logp = torch.tensor([[-1.0, -2.0]])
        >>> terms = Terms(logp_BT=logp, weight_BT=torch.full((1, 2), 0.5), adv_BT=torch.ones(1, 2))
        >>> float(WeightedLikelihood().loss(terms).loss)
        1.5
        """
        return LossOutput(-(terms.weight_BT * terms.adv_BT * terms.logp_BT).sum(), {})


def aggregate(
    mask_BT: npt.NDArray[np.bool_], kind: Aggregation, *, max_tokens: int | None = None
) -> npt.NDArray[np.float64]:
    r"""Weights that make a plain sum into a named mean over the whole batch.

    ============== ============================ =====================
    kind           weight of a trained token    used by
    ============== ============================ =====================
    sequence_mean  $1 / (B\,|o_b|)$             GRPO
    token_mean     $1 / \sum_b |o_b|$           DAPO
    constant       $1 / (B\,T_{max})$           Dr. GRPO
    sequence_sum   $1 / B$                      RLOO
    ============== ============================ =====================

    Args:
        mask_BT: Which tokens are trained, shape (B, T).
        kind: The normalisation.
        max_tokens: $T_{max}$, for "constant".

    Raises:
        ValueError: "constant" without `max_tokens`.

    >>> mask = np.array([[True, True], [True, False]])
    >>> aggregate(mask, "sequence_mean").tolist()
    [[0.25, 0.25], [0.5, 0.0]]
    >>> aggregate(mask, "constant", max_tokens=4).tolist()
    [[0.125, 0.125], [0.125, 0.0]]
    """
    mask = mask_BT.astype(np.float64)
    rows = max(len(mask), 1)
    if kind == "sequence_mean":
        length_B1: npt.NDArray[np.float64] = np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return mask / (rows * length_B1)
    if kind == "token_mean":
        return mask / max(float(mask.sum()), 1.0)
    if kind == "sequence_sum":
        return mask / rows
    if max_tokens is None:
        raise ValueError("aggregation 'constant' divides by max_tokens, which is missing")
    return mask / (rows * max_tokens)
