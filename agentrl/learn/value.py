r"""A critic: a value head on the policy's hidden states or on a trunk of its own, and its loss.

$\ell_t = \frac{1}{2} \max\big((V_t - G_t)^2, (\mathrm{clip}(V_t, V^{old}_t - c, V^{old}_t + c) - G_t)^2\big)$

The value of a drawn token is that of the state before it: it is read at the slot that predicts the token.

Source: Schulman et al. 2017 (arXiv 1707.06347); the clipped value loss is that of its authors' code (openai/baselines).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from agentrl.errors import ConfigError
from agentrl.learn.objectives import LossOutput, PolicyGradient, Terms

__all__ = ["ActorCritic", "Critic", "ValueLoss", "explained_variance"]


class Critic:
    """A value for every state that a policy meets; its head begins at 0.

    Args:
        model: The policy's model.
        trunk: "shared" reads the policy's own hidden states, "own" those of a copy that only the critic trains.
        lr_scale: The critic's learning rate, as a multiple of the policy's.

    Attributes:
        head: From a hidden state to a value, in float32 at least.
        trunk: The copy; None where the policy's is shared.

    Raises:
        ConfigError: `lr_scale` is not positive.
    """

    def __init__(self, model: Any, *, trunk: Literal["shared", "own"] = "shared", lr_scale: float = 1.0) -> None:
        if not lr_scale > 0:
            raise ConfigError(f"a critic's lr_scale must be positive, got {lr_scale}")
        self.lr_scale = lr_scale
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        wide = torch.promote_types(model.dtype, torch.float32)
        self.head = torch.nn.Linear(base.config.get_text_config().hidden_size, 1, device=model.device, dtype=wide)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)
        self.trunk: Any | None = copy.deepcopy(base.get_decoder()) if trunk == "own" else None

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """What the critic trains, under names that no policy uses."""
        for name, parameter in self.head.named_parameters():
            yield f"critic.head.{name}", parameter
        if self.trunk is not None:
            for name, parameter in self.trunk.named_parameters():
                if parameter.requires_grad:
                    yield f"critic.trunk.{name}", parameter

    def values(self, hidden_MD: torch.Tensor) -> torch.Tensor:
        """Values of shape (M,) from hidden states of shape (M, D)."""
        value_M: torch.Tensor = self.head(hidden_MD.to(self.head.weight.dtype)).squeeze(-1)
        return value_M


@dataclass(frozen=True, slots=True)
class ValueLoss:
    """The critic's loss; alone, it warms a critic up while the policy stays.

    Raises:
        ConfigError: A clipping range or a coefficient that is not positive.
    """

    clip: float | None = 0.2
    """c: how far a value may move from the old one and still be rewarded for it; None does not bound it."""
    coefficient: float = 1.0
    """What the loss is multiplied by."""

    def __post_init__(self) -> None:
        if (self.clip is not None and not self.clip > 0) or not self.coefficient > 0:
            raise ConfigError(f"a value loss needs clip and coefficient > 0, got {self.clip} and {self.coefficient}")

    @property
    def entropy_bonus(self) -> float:
        """A value has no entropy."""
        return 0.0

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch.

        Raises:
            ValueError: There are no values, or no returns.

        >>> one = torch.ones(1, 1)
        >>> terms = Terms(one, one, one, value_BT=0.5 * one, old_value_BT=0 * one, return_BT=one)
        >>> round(float(ValueLoss().loss(terms).loss), 6)  # clipped to 0.2, which is further off: 0.8^2 / 2
        0.32
        """
        if terms.value_BT is None or terms.return_BT is None:
            raise ValueError("a value loss needs a learner with a critic, and a batch with returns")
        error_BT = (terms.value_BT - terms.return_BT).square()
        worse_BT = error_BT
        if self.clip is not None and terms.old_value_BT is not None:
            old_BT = terms.old_value_BT
            near_BT = torch.minimum(torch.maximum(terms.value_BT, old_BT - self.clip), old_BT + self.clip)
            worse_BT = torch.maximum(error_BT, (near_BT - terms.return_BT).square())
        trained_BT = terms.weight_BT > 0
        loss_BT = torch.where(trained_BT, 0.5 * worse_BT, 0.0)
        sums = {
            "value": float((terms.value_BT * trained_BT).sum().detach()),
            "value_loss": float(loss_BT.sum().detach()),
            "value_clipped": float(((worse_BT > error_BT) & trained_BT).sum()),
        }
        return LossOutput(self.coefficient * (terms.weight_BT * loss_BT).sum(), sums)


@dataclass(frozen=True, slots=True)
class ActorCritic:
    """A policy's objective and its critic's, added."""

    policy: PolicyGradient = field(default_factory=PolicyGradient)
    value: ValueLoss = field(default_factory=ValueLoss)

    @property
    def entropy_bonus(self) -> float:
        """The policy's."""
        return self.policy.entropy_bonus

    def loss(self, terms: Terms) -> LossOutput:
        """Shape () loss of a (micro-)batch."""
        policy, value = self.policy.loss(terms), self.value.loss(terms)
        return LossOutput(policy.loss + value.loss, policy.sums | value.sums)


def explained_variance(
    value_BT: npt.NDArray[np.float64], return_BT: npt.NDArray[np.float64], mask_BT: npt.NDArray[np.bool_]
) -> float:
    r"""How much of the returns' variance the values foretell, $1 - \mathrm{Var}(G - V) / \mathrm{Var}(G)$.

    1 is all of it, 0 is as good as their mean, below 0 is worse; 0 where the returns are all equal.

    >>> mask = np.ones((1, 2), bool)
    >>> explained_variance(np.array([[0.0, 1.0]]), np.array([[0.0, 2.0]]), mask)
    0.75
    """
    return_N, value_N = return_BT[mask_BT], value_BT[mask_BT]
    spread = float(return_N.var()) if len(return_N) else 0.0
    return 1 - float((return_N - value_N).var()) / spread if spread > 0 else 0.0
