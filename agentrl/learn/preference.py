r"""Objectives over pairs: which of two answers should gain (see `objectives` for what holds of every loss here).

With $\log \pi(y)$ summed over the trained tokens, $d(y) = \log \pi(y) - \log \pi_{ref}(y)$ and $D = d(y_w) - d(y_l)$,

    PairContrast           sum_p w_p (p f(x) + (1 - p) f(-x) - eta beta log pi(y_w)) with x = beta D - margin
      sigmoid              f(x) = -log sigma(x)                 DPO; with a soft label CREAM, with eta RPO
      hinge                f(x) = max(0, 1 - x)                 SLiC
      ipo                  f(x) = ((x - 1/2) / beta)^2          IPO: (D - 1 / (2 beta))^2
    DifferenceRegression   sum_p w_p (margin - beta D)^2        PRDP, REBEL; the margin is the difference of rewards

without a reference $d$ is $\log \pi$ itself, and with length "mean" it is divided by the answer's tokens: both
together, with a margin, are SimPO. A pair's weight, label, beta and margin are its own. A soft label mixes the losses
of both orders (label smoothing); TRL's "robust" is another loss: it subtracts one from the other, over $2p - 1$.

Source: DPO: arXiv 2305.18290; SLiC: arXiv 2305.10425; IPO: arXiv 2310.12036; SimPO: arXiv 2405.14734; RPO:
arXiv 2405.16436; CREAM: arXiv 2410.12735; PRDP: arXiv 2402.08714; REBEL: arXiv 2404.16767.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from agentrl.errors import ConfigError
from agentrl.learn.objectives import LossOutput, PairTerms, Terms

__all__ = ["DifferenceRegression", "Kind", "PairContrast"]

Kind = Literal["sigmoid", "hinge", "ipo"]


@dataclass(frozen=True, slots=True)
class PairContrast:
    """The chosen answer against the rejected one, as the module's table has it.

    Raises:
        ConfigError: A coefficient below 0.
    """

    kind: Kind = "sigmoid"
    """f: what a margin is worth."""
    reference: Literal["model", "none"] = "model"
    """"model" takes log-probabilities relative to a reference, "none" as they are."""
    length: Literal["sum", "mean"] = "sum"
    """"mean" divides an answer's log-probability by its trained tokens."""
    likelihood: float = 0.0
    """eta: keeps the chosen answer likely, times the pair's beta (RPO)."""

    def __post_init__(self) -> None:
        if not self.likelihood >= 0:
            raise ConfigError(f"likelihood must be 0 or more, got {self.likelihood}")

    @property
    def entropy_bonus(self) -> float:
        """There is none."""
        return 0.0

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch.

        Raises:
            ValueError: There are no pairs, or no reference where one is asked for.

        >>> one, two = torch.ones(1), torch.tensor([[2.0], [0.0]])
        >>> pairs = PairTerms(torch.tensor([0]), torch.tensor([1]), one, 0.1 * one, one, 0 * one)
        >>> terms = Terms(two, torch.ones(2, 1), torch.ones(2, 1), ref_BT=0 * two, pairs=pairs)
        >>> round(float(PairContrast().loss(terms).loss), 6)  # -log sigma(0.1 * 2)
        0.598139
        >>> round(float(PairContrast("ipo").loss(terms).loss), 6)  # (2 - 5)^2
        9.0
        """
        pairs = _pairs(terms)
        trained_BT = terms.weight_BT > 0
        share_B = _shares(trained_BT, self.length)
        logp_B = _summed(terms.logp_BT, trained_BT)
        score_B = share_B * (_log_ratios(terms, trained_BT) if self.reference == "model" else logp_B)
        chosen_P, rejected_P = score_B[pairs.chosen_P], score_B[pairs.rejected_P]
        x_P = pairs.beta_P * (chosen_P - rejected_P) - pairs.margin_P
        loss_P = pairs.label_P * self._worth(x_P, pairs.beta_P) + (1 - pairs.label_P) * self._worth(-x_P, pairs.beta_P)
        if self.likelihood:
            loss_P = loss_P - self.likelihood * pairs.beta_P * (share_B * logp_B)[pairs.chosen_P]
        return LossOutput((pairs.weight_P * loss_P).sum(), {}, _statistics(pairs, logp_B, score_B))

    def _worth(self, x_P: torch.Tensor, beta_P: torch.Tensor) -> torch.Tensor:
        if self.kind == "sigmoid":
            return -torch.nn.functional.logsigmoid(x_P)
        if self.kind == "hinge":
            return torch.relu(1 - x_P)
        return ((x_P - 0.5) / beta_P).square()


@dataclass(frozen=True, slots=True)
class DifferenceRegression:
    """The difference of the implicit rewards against that of the rewards, which the pairs' margins hold.

    Its minimiser is the policy that maximises the reward less beta times the divergence from the reference. Differs
    from PRDP in that what it bounds at each denoising step is bounded at each token here.

    Raises:
        ConfigError: A bound that is not positive.
    """

    clip: float | None = None
    """How far a token's log-probability may move from the old one and still lower the loss; None does not bound it."""

    def __post_init__(self) -> None:
        if self.clip is not None and not self.clip > 0:
            raise ConfigError(f"clip must be positive or None, got {self.clip}")

    @property
    def entropy_bonus(self) -> float:
        """There is none."""
        return 0.0

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch.

        Raises:
            ValueError: There are no pairs, or no reference.

        >>> one, five = torch.ones(1), torch.tensor([[5.0], [0.0]])
        >>> pairs = PairTerms(torch.tensor([0]), torch.tensor([1]), one, 0.1 * one, one, 0.8 * one)
        >>> terms = Terms(five, torch.ones(2, 1), torch.ones(2, 1), ref_BT=0 * five, pairs=pairs)
        >>> round(float(DifferenceRegression().loss(terms).loss), 6)  # (0.8 - 0.1 * 5)^2
        0.09
        """
        pairs = _pairs(terms)
        trained_BT = terms.weight_BT > 0
        ratio_B = _log_ratios(terms, trained_BT)
        error_P = _errors(ratio_B, pairs)
        loss_P = error_P
        if self.clip is not None:
            old_BT = terms.logp_BT.detach() if terms.old_BT is None else terms.old_BT
            moved_BT = terms.logp_BT - old_BT
            beyond_BT = moved_BT - moved_BT.clamp(-self.clip, self.clip)
            loss_P = torch.maximum(error_P, _errors(ratio_B - _summed(beyond_BT, trained_BT), pairs))
        statistics = _statistics(pairs, _summed(terms.logp_BT, trained_BT), ratio_B)
        statistics["difference_clipped"] = float((loss_P > error_P).sum())
        return LossOutput((pairs.weight_P * loss_P).sum(), {}, statistics)


def _errors(ratio_B: torch.Tensor, pairs: PairTerms) -> torch.Tensor:
    return (pairs.margin_P - pairs.beta_P * (ratio_B[pairs.chosen_P] - ratio_B[pairs.rejected_P])).square()


def _pairs(terms: Terms) -> PairTerms:
    if terms.pairs is None:
        raise ValueError("an objective over pairs needs a batch with pairs")
    return terms.pairs


def _log_ratios(terms: Terms, trained_BT: torch.Tensor) -> torch.Tensor:
    if terms.ref_BT is None:
        raise ValueError("this objective needs log-probabilities under a reference: in the batch, or by the learner's")
    return _summed(terms.logp_BT - terms.ref_BT, trained_BT)


def _summed(value_BT: torch.Tensor, trained_BT: torch.Tensor) -> torch.Tensor:
    # Not a product with the mask: what stands at other tokens may be infinite.
    return torch.where(trained_BT, value_BT, 0.0).sum(dim=1)


def _shares(trained_BT: torch.Tensor, length: Literal["sum", "mean"]) -> torch.Tensor:
    count_B = trained_BT.sum(dim=1).clamp(min=1)
    return torch.ones_like(count_B) if length == "sum" else 1 / count_B


def _statistics(pairs: PairTerms, logp_B: torch.Tensor, score_B: torch.Tensor) -> dict[str, float]:
    """Sums over pairs. Both log-probabilities may fall while their difference grows: so they are told apart."""
    logp_B, score_B = logp_B.detach(), score_B.detach()
    chosen_P, rejected_P = (pairs.beta_P * score_B[rows] for rows in (pairs.chosen_P, pairs.rejected_P))
    return {
        "chosen_logp": float(logp_B[pairs.chosen_P].sum()),
        "rejected_logp": float(logp_B[pairs.rejected_P].sum()),
        "chosen_reward": float(chosen_P.sum()),
        "rejected_reward": float(rejected_P.sum()),
        "reward_margin": float((chosen_P - rejected_P).sum()),
        "reward_accuracy": float((chosen_P > rejected_P).sum()),
    }
