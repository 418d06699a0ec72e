"""A batch: what one update learns from, as arrays over whole trajectories, and how it is cut into parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from agentrl.types import Trajectory

__all__ = ["Batch", "Pairs", "split"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = TypeVar("Numbers", Floats, Ints)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a batch's trajectories, for a pairwise objective; every array has shape (P,).

    Attributes:
        chosen_P: Row of the better answer in the batch.
        rejected_P: Row of the worse answer.
        weight_P: Normalised weights: a loss is a plain sum over pairs.
        beta_P: Temperature of the implicit reward.
        label_P: How sure it is that the chosen answer is the better one, in [0, 1].
        margin_P: By how much the chosen answer should win.
    """

    chosen_P: Ints
    rejected_P: Ints
    weight_P: Floats
    beta_P: Floats
    label_P: Floats
    margin_P: Floats

    def __post_init__(self) -> None:
        arrays = (self.chosen_P, self.rejected_P, self.weight_P, self.beta_P, self.label_P, self.margin_P)
        if len({a.shape for a in arrays}) > 1 or self.chosen_P.ndim != 1:
            raise ValueError(f"the arrays of pairs must have one shape (P,), got {[a.shape for a in arrays]}")

    def __len__(self) -> int:
        return len(self.chosen_P)

    def among(self, rows: Ints, count: int) -> Pairs:
        """The pairs whose rows are among `rows` (of `count` in all), as indices into `rows`.

        >>> def floats(x: float) -> Floats:
        ...     return np.full(2, x)
        >>> both = Pairs(np.array([0, 2]), np.array([1, 3]), floats(0.5), floats(0.1), floats(1), floats(0))
        >>> some = both.among(np.array([3, 2]), 4)
        >>> some.chosen_P.tolist(), some.rejected_P.tolist(), some.weight_P.tolist()
        ([1], [0], [0.5])
        """
        place = np.full(count, -1, np.int64)
        place[rows] = np.arange(len(rows))
        kept = place[self.chosen_P] >= 0

        def cut(array: Numbers) -> Numbers:
            return array[kept]

        return Pairs(
            chosen_P=place[cut(self.chosen_P)],
            rejected_P=place[cut(self.rejected_P)],
            weight_P=cut(self.weight_P),
            beta_P=cut(self.beta_P),
            label_P=cut(self.label_P),
            margin_P=cut(self.margin_P),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one update learns from; arrays are (B, T) over whole trajectories.

    Attributes:
        trajectories: B of them.
        weight_BT: Normalised weights; 0 where not trained (see `objectives.aggregate`).
        adv_BT: Advantages, or likelihood weights.
        kl_BT: Coefficients of the divergence from the reference; None for none.
        temperature: What the tokens were drawn at.
        ref_BT: Log-probabilities under the reference where they are data; None asks the learner's reference.
        sampler_BT: Log-probabilities that the sampler recorded, nan where unknown; None where it is taken for the
            learner's own (see `mismatch`).
        return_BT: What the values should have been; None without a critic.
        old_value_BT: Values before the update; None where their change is not bounded.
        pairs: Pairs of the trajectories, for a pairwise objective.

    Raises:
        ValueError: A pair names a trajectory that is not there, or that has no trained token.
    """

    trajectories: tuple[Trajectory, ...]
    weight_BT: Floats
    adv_BT: Floats
    kl_BT: Floats | None = None
    temperature: float = 1.0
    ref_BT: Floats | None = None
    sampler_BT: Floats | None = None
    return_BT: Floats | None = None
    old_value_BT: Floats | None = None
    pairs: Pairs | None = None

    def __post_init__(self) -> None:
        if self.pairs is None:
            return
        for row in np.unique(np.concatenate([self.pairs.chosen_P, self.pairs.rejected_P])):
            if not 0 <= row < len(self.trajectories):
                raise ValueError(f"a pair names row {row} of {len(self.trajectories)} trajectories")
            if not self.trajectories[row].mask[1:].any():
                raise ValueError(f"a pair names row {row}, a trajectory without a trained token")

    def together(self) -> list[list[int]]:
        """Rows that no cut may part: those that pairs join, directly or through others; every other row alone."""
        count = len(self.trajectories)
        leader = list(range(count))

        def lead(row: int) -> int:
            while leader[row] != row:
                leader[row] = leader[leader[row]]
                row = leader[row]
            return row

        if self.pairs is not None:
            for chosen, rejected in zip(self.pairs.chosen_P.tolist(), self.pairs.rejected_P.tolist(), strict=True):
                first, second = sorted((lead(chosen), lead(rejected)))
                leader[second] = first
        groups: dict[int, list[int]] = {}
        for row in range(count):
            groups.setdefault(lead(row), []).append(row)
        return list(groups.values())


def split(batch: Batch, splits: int) -> list[Batch]:
    """Cut a batch into parts of about equal size, fewer where there are not as many trajectories.

    Each part's weights are scaled up to stand for the whole; pairs stay whole.
    """
    if splits == 1:
        return [batch]
    together = batch.together()
    parts = np.array_split(np.arange(len(together)), splits)
    return [_part(batch, np.array(sorted(row for i in part for row in together[i]))) for part in parts if len(part)]


def _part(batch: Batch, rows: Ints) -> Batch:
    count = len(batch.trajectories)
    pairs = batch.pairs
    if pairs is not None:
        some = pairs.among(rows, count)
        pairs = replace(some, weight_P=some.weight_P * (len(pairs) / max(len(some), 1)))

    def cut(array: Floats | None) -> Floats | None:
        return None if array is None else array[rows]

    return Batch(
        trajectories=tuple(batch.trajectories[i] for i in rows),
        weight_BT=batch.weight_BT[rows] * (count / len(rows)),
        adv_BT=batch.adv_BT[rows],
        kl_BT=cut(batch.kl_BT),
        temperature=batch.temperature,
        ref_BT=cut(batch.ref_BT),
        sampler_BT=cut(batch.sampler_BT),
        return_BT=cut(batch.return_BT),
        old_value_BT=cut(batch.old_value_BT),
        pairs=pairs,
    )
