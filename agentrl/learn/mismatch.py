r"""What to do where the sampler's probabilities are not the trainer's: another engine, precision, or older weights.

With $q$ the log-probability that the sampler recorded and $p$ the trainer's own before the update, a drawn token is
worth $w = e^{p - q}$ of a token drawn from the trainer's policy. Weighing by $w$ is unbiased and of unbounded variance;
each kind bounds it otherwise, and is detached and multiplies the surrogate:

    token_truncate     $\min(w_t, C)$                                         low bias, keeps every token
    token_mask         $w_t$ inside a band, else 0                            IcePop
    sequence_truncate  the same of the product over the sequence's tokens
    sequence_mask      the product inside a band, else 0: drops sequences
    geometric          1 where $\exp(\mathrm{mean}_t(p - q))$ is inside a band, else 0: whatever the length

With a clipped ratio of new to old policy in the surrogate, this is decoupled PPO: three policies, of which the sampler
is met by the bounded weight only, and the old one by the clipping.

Source: truncation: Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy RL training"; IcePop:
arXiv 2510.18855; decoupled: arXiv 2110.00641. Bounds: verl 2.0 (truncation), TRL 3.0 (sequences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from agentrl.errors import ConfigError
from agentrl.types import Trajectory

__all__ = ["Kind", "Mismatch", "recorded", "statistics"]

Kind = Literal["off", "token_truncate", "token_mask", "sequence_truncate", "sequence_mask", "geometric"]

BANDS: Mapping[Kind, tuple[float, float]] = {
    "off": (0.0, 1.0),
    "token_truncate": (0.0, 2.0),
    "token_mask": (0.5, 5.0),
    "sequence_truncate": (0.0, 3.0),
    "sequence_mask": (0.0, 3.0),
    "geometric": (0.99, 1.01),
}
"""The published bounds, for a kind without bounds of one's own."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A correction for a sampler that is not quite the trainer's policy.

    Raises:
        ConfigError: The bounds are not 0 <= low < high.
    """

    kind: Kind = "off"
    """How the weight is bounded; "off" takes the sampler for the trainer."""
    low: float | None = None
    """Lower bound; None is the published one of the kind."""
    high: float | None = None
    """Upper bound; None is the published one of the kind."""

    def __post_init__(self) -> None:
        low, high = self.band
        if not 0 <= low < high:
            raise ConfigError(f"mismatch needs bounds 0 <= low < high, got {low} and {high}")

    @property
    def band(self) -> tuple[float, float]:
        """The bounds in use."""
        low, high = BANDS[self.kind]
        return low if self.low is None else self.low, high if self.high is None else self.high

    def weights(
        self, old_BT: torch.Tensor, sampler_BT: torch.Tensor, trained_BT: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights of shape (B, T), and which of them the bounds changed.

        Args:
            old_BT: The trainer's log-probabilities before the update.
            sampler_BT: The sampler's; nan where they are unknown, which weighs 1.
            trained_BT: Which tokens are trained: only they have a say in a sequence's weight.

        >>> p, q = torch.tensor([[0.5, 1.3, 4.0]]).log(), torch.zeros(1, 3)
        >>> [round(w, 6) for w in Mismatch("token_truncate").weights(p, q, q == 0)[0][0].tolist()]
        [0.5, 1.3, 2.0]
        """
        log_BT = _log_weights(old_BT, sampler_BT, trained_BT)
        if self.kind in ("sequence_truncate", "sequence_mask", "geometric"):
            log_B1 = log_BT.sum(dim=1, keepdim=True)
            if self.kind == "geometric":
                log_B1 = log_B1 / trained_BT.sum(dim=1, keepdim=True).clamp(min=1)
            log_BT = log_B1.expand_as(log_BT)
        weight_BT = log_BT.exp()
        low, high = self.band
        cut_BT = ((weight_BT < low) | (weight_BT > high)) & trained_BT
        if self.kind in ("token_truncate", "sequence_truncate"):
            return weight_BT.clamp(low, high), cut_BT
        kept_BT = torch.ones_like(weight_BT) if self.kind == "geometric" else weight_BT
        return torch.where(cut_BT, 0.0, kept_BT), cut_BT


def statistics(old_N: torch.Tensor, sampler_N: torch.Tensor) -> dict[str, float]:
    r"""How far apart the two are over a batch's trained tokens, shape (N,), before any bound.

    Mean and largest $|p - q|$, and the effective sample size of the token weights as a share of the tokens,
    $(\sum w)^2 / (n \sum w^2)$. Tokens whose sampler is unknown count nowhere.

    >>> {k: round(v, 4) for k, v in statistics(torch.tensor([1.0, 3.0]).log(), torch.zeros(2)).items()}
    {'mismatch': 0.5493, 'mismatch_max': 1.0986, 'mismatch_ess': 0.8}
    """
    log_N = (old_N - sampler_N)[~torch.isnan(sampler_N)].double()
    if not len(log_N):
        return {"mismatch": 0.0, "mismatch_max": 0.0, "mismatch_ess": 1.0}
    weight_N = (log_N - log_N.max()).exp()  # a common factor cancels
    return {
        "mismatch": float(log_N.abs().mean()),
        "mismatch_max": float(log_N.abs().max()),
        "mismatch_ess": float(weight_N.sum().square() / (len(log_N) * weight_N.square().sum())),
    }


def recorded(trajectories: Sequence[Trajectory], width: int) -> npt.NDArray[np.float64]:
    """What the sampler recorded, shape (B, width): nan where nothing was drawn, or no one knows from which weights."""
    out = np.full((len(trajectories), width), np.nan)
    for b, t in enumerate(trajectories):
        known = t.mask & (t.version >= 0)
        known[:1] = False  # nothing predicts the first token, so that there is nothing to compare
        out[b, np.flatnonzero(known)] = t.logprobs[known]
    return out


def _log_weights(old_BT: torch.Tensor, sampler_BT: torch.Tensor, trained_BT: torch.Tensor) -> torch.Tensor:
    known_BT = trained_BT & ~torch.isnan(sampler_BT)
    return torch.where(known_BT, (old_BT - sampler_BT).detach(), 0.0)
