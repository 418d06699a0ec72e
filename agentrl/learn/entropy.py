"""A bonus for entropy that acts only where the policy has become too sure.

Source: Skywork-OR1, He et al. 2025 (arXiv 2505.22312); the defaults are TRL's.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentrl.errors import ConfigError

__all__ = ["EntropyTarget"]


@dataclass(frozen=True, slots=True)
class EntropyTarget:
    """The entropy to hold, and how fast the coefficient follows.

    Raises:
        ConfigError: The step is not positive, or the coefficient's bounds are not 0 <= low <= high.
    """

    target: float = 0.2
    """Entropy a token, in nats, that the policy is kept above."""
    step: float = 0.005
    """What an update adds to the coefficient, or takes from it."""
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not (self.step > 0 and 0 <= self.low <= self.high):
            raise ConfigError(f"entropy needs step > 0, 0 <= low <= high; got {self.step}, {self.low}, {self.high}")

    def following(self, coefficient: float, entropy: float) -> float:
        """The coefficient after an update that saw `entropy`.

        >>> held = EntropyTarget(target=0.5, step=0.1)
        >>> [round(held.following(0.2, entropy), 3) for entropy in (0.4, 0.6)]
        [0.3, 0.1]
        """
        moved = coefficient + (self.step if entropy < self.target else -self.step)
        return min(max(moved, self.low), self.high)

    def applied(self, coefficient: float, entropy: float) -> float:
        """What the next update multiplies its bonus by: nothing while the policy is unsure enough.

        >>> [EntropyTarget(target=0.5).applied(0.2, entropy) for entropy in (0.5, 0.6)]
        [0.2, 0.0]
        """
        return coefficient if entropy <= self.target else 0.0
