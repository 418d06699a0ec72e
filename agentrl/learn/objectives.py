r"""Objectives: tensors in, a loss and its statistics out; no I/O, no model.

Every loss here is a plain sum $\sum_{b,t} w_{bt} \ell_{bt}$ whose weights $w$ already carry the mask and the
normalisation of the *whole* batch (`aggregate`), so that micro-batches add up to exactly the same loss and gradient.
Advantages, Kullback-Leibler coefficients and weights are per-token tensors of shape (B, T).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from agentrl.errors import ConfigError
from agentrl.learn.kl import Estimator, estimate

__all__ = ["Aggregation", "LossOutput", "PolicyGradient", "Terms", "WeightedLikelihood", "aggregate"]

Aggregation = Literal["sequence_mean", "token_mean", "constant", "sequence_sum"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What an objective sees of a (micro-)batch; every tensor has shape (B, T).

    Attributes:
        logp_BT: Log-probability of each token under the policy being trained; carries the gradient.
        weight_BT: Normalised weight; 0 where a token is not trained.
        adv_BT: Advantage (policy gradient), ignored by likelihood.
        old_BT: Log-probability before the update; None means "the same weights".
        ref_BT: Log-probability under the reference; None where no divergence is asked for.
        kl_BT: Coefficient of the divergence, per token.
        entropy_BT: Entropy at each token; carries a gradient where the objective has a bonus for it.
    """

    logp_BT: torch.Tensor
    weight_BT: torch.Tensor
    adv_BT: torch.Tensor
    old_BT: torch.Tensor | None = None
    ref_BT: torch.Tensor | None = None
    kl_BT: torch.Tensor | None = None
    entropy_BT: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class LossOutput:
    """A loss, and sums over the batch's tokens that add up across micro-batches."""

    loss: torch.Tensor
    sums: dict[str, float]


@dataclass(frozen=True, slots=True)
class PolicyGradient:
    r"""The clipped policy-gradient surrogate.

    $\ell_t = -\min(\rho_t A_t, \mathrm{clip}(\rho_t, 1-\epsilon_{low}, 1+\epsilon_{high}) A_t)
    + \beta_t\, KL_t - c H_t$
    with $\rho_t = \exp(\log\pi_t - \log\pi^{old}_t)$, per token, or the product over the sequence's trained tokens.

    Source: Schulman et al. 2017 (arXiv 1707.06347); asymmetric clipping: DAPO (arXiv 2503.14476); the sequence ratio:
    RLOO (arXiv 2402.14740).

    Raises:
        ConfigError: A clipping bound is not positive, or `clip_low` is above 1.
    """

    clip_low: float = 0.2
    clip_high: float = 0.2
    ratio: Literal["token", "sequence"] = "token"
    kl_estimator: Estimator = "k3"
    entropy_bonus: float = 0.0
    """c: keeps the policy from settling too early."""

    def __post_init__(self) -> None:
        if not (0 < self.clip_low <= 1 and self.clip_high > 0):
            raise ConfigError(f"clipping needs 0 < clip_low <= 1, clip_high > 0; got {self.clip_low}, {self.clip_high}")

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch.

        >>> one = torch.ones(1, 1)
        >>> old = torch.zeros(1, 1)
        >>> terms = Terms(logp_BT=old + 0.5, weight_BT=one, adv_BT=one, old_BT=old)
        >>> round(float(PolicyGradient().loss(terms).loss), 6)  # e^0.5 is clipped to 1.2
        -1.2
        """
        old_BT = terms.logp_BT.detach() if terms.old_BT is None else terms.old_BT
        trained_BT = terms.weight_BT > 0
        log_ratio_BT = torch.where(trained_BT, terms.logp_BT - old_BT, 0.0)
        if self.ratio == "sequence":
            # One ratio a sequence, counted once: its weight is shared evenly by the sequence's tokens.
            log_ratio_BT = log_ratio_BT.sum(dim=1, keepdim=True).expand_as(log_ratio_BT)
            count_B1 = trained_BT.sum(dim=1, keepdim=True).clamp(min=1)
            share_BT = terms.weight_BT / count_B1
        else:
            share_BT = terms.weight_BT
        ratio_BT = log_ratio_BT.exp()
        clipped_BT = ratio_BT.clamp(1 - self.clip_low, 1 + self.clip_high)
        surrogate_BT = torch.minimum(ratio_BT * terms.adv_BT, clipped_BT * terms.adv_BT)
        loss = -(share_BT * surrogate_BT).sum()
        out_BT = (clipped_BT != ratio_BT) & (clipped_BT * terms.adv_BT < ratio_BT * terms.adv_BT) & trained_BT
        sums = {"clipped": float(out_BT.sum()), "ratio": float((ratio_BT * trained_BT).sum().detach())}
        if terms.ref_BT is not None and terms.kl_BT is not None:
            kl_BT = torch.where(trained_BT, estimate(terms.logp_BT, terms.ref_BT, self.kl_estimator), 0.0)
            loss = loss + (terms.weight_BT * terms.kl_BT * kl_BT).sum()
            sums["kl"] = float(kl_BT.sum().detach())
        if terms.entropy_BT is not None and self.entropy_bonus:
            loss = loss - self.entropy_bonus * (terms.weight_BT * terms.entropy_BT).sum()
        return LossOutput(loss, sums)


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
