"""Filters: which episodes of a batch are learnt from. Numbers and keys only, no model.

Each function says by row what stays, and so how much it dropped; `together` keeps what all of them keep. Arrays have
shape (B,), one entry an episode. A filter looks at a batch after everything in it was scored: what a policy causes
still counts in the rewards that are reported.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentrl.learn.credit import members

__all__ = [
    "Kept",
    "Refill",
    "cap",
    "difficulty",
    "distinct",
    "dynamic_sampling",
    "finished",
    "fresh",
    "length_window",
    "together",
    "top_variance",
    "varied",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a filter leaves.

    Attributes:
        keep_B: Whether an episode stays.
        dropped_groups: Groups of which nothing stays.
    """

    keep_B: Bools
    dropped_groups: int = 0

    @property
    def dropped(self) -> int:
        """Episodes that do not stay."""
        return int((~self.keep_B).sum())


@dataclass(frozen=True, slots=True)
class Refill:
    """What to do after a round of generation.

    Attributes:
        groups: The groups to learn from, in order, as many as are wanted at most.
        missing: How many more are wanted.
        decision: "enough", "more", or "stop" where the rounds are used up and what there is must do.
        kept: What stays of the episodes seen so far.
    """

    groups: tuple[int, ...]
    missing: int
    decision: Literal["enough", "more", "stop"]
    kept: Kept


def together(kept: Sequence[Kept], group_B: Ints) -> Kept:
    """What all filters keep."""
    return _kept(np.all([one.keep_B for one in kept], axis=0), group_B)


def varied(reward_B: Floats, group_B: Ints) -> Kept:
    """Groups whose rewards are not all equal: of the others, nothing can be learnt by comparing.

    >>> varied(np.array([1.0, 1, 0, 1]), np.array([0, 0, 1, 1])).keep_B.tolist()
    [False, False, True, True]
    """
    return _by_group(group_B, [bool(np.ptp(reward_B[rows]) > 0) for rows in members(group_B)])


def difficulty(success_B: Bools, group_B: Ints, *, low: float = 0.0, high: float = 1.0) -> Kept:
    """Groups whose share of successes is strictly between two bounds.

    >>> difficulty(np.array([True, True, False, True]), np.array([0, 0, 1, 1])).keep_B.tolist()
    [False, False, True, True]
    """
    return _by_group(group_B, [bool(low < success_B[rows].mean() < high) for rows in members(group_B)])


def dynamic_sampling(success_B: Bools, group_B: Ints, *, wanted: int, rounds: int, max_rounds: int = 10) -> Refill:
    r"""Whether a step has enough groups with $0 < \mathrm{accuracy} < 1$, or what it lacks.

    Args:
        success_B: Of everything generated in this step so far.
        group_B: Its groups.
        wanted: Groups to learn from.
        rounds: Rounds of generation so far.
        max_rounds: After so many, it goes on with what there is.

    Source: DAPO, Yu et al. 2025 (arXiv 2503.14476).

    >>> seen = np.array([True, True, False, True]), np.array([0, 0, 1, 1])
    >>> found = dynamic_sampling(*seen, wanted=2, rounds=1)
    >>> found.groups, found.missing, found.decision
    ((1,), 1, 'more')
    """
    if min(wanted, rounds, max_rounds) < 1:
        raise ValueError(f"wanted, rounds and max_rounds must be at least 1, got {wanted}, {rounds} and {max_rounds}")
    keep_B = difficulty(success_B, group_B).keep_B
    groups = tuple(dict.fromkeys(np.asarray(group_B)[keep_B].tolist()))[:wanted]
    missing = wanted - len(groups)
    kept = _kept(keep_B & np.isin(group_B, groups), group_B)
    return Refill(groups, missing, "enough" if not missing else "stop" if rounds >= max_rounds else "more", kept)


def top_variance(reward_B: Floats, group_B: Ints, *, share: float = 0.25) -> Kept:
    """The share of groups whose rewards differ most, one at least; of equals, the first.

    Source: RAGEN (arXiv 2504.20073).

    >>> top_variance(np.array([0.0, 0.1, 0, 1]), np.array([0, 0, 1, 1]), share=0.5).keep_B.tolist()
    [False, False, True, True]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}")
    groups = members(group_B)
    order = np.argsort([-reward_B[rows].std() for rows in groups], kind="stable")
    best = set(order[: max(1, int(share * len(groups)))].tolist())
    return _by_group(group_B, [g in best for g in range(len(groups))])


def finished(truncated_B: Bools, group_B: Ints) -> Kept:
    """Episodes that were not cut off: a limit on length says nothing of how good an answer is.

    Source: overlong filtering, DAPO (arXiv 2503.14476).
    """
    return _kept(~truncated_B, group_B)


def distinct(keys: Sequence[Hashable], group_B: Ints) -> Kept:
    """The first episode of each group with its key, for example the normalised answer; None is like no other.

    >>> distinct(["7", "7", None, None, "7"], np.array([0, 0, 0, 0, 1])).keep_B.tolist()
    [True, False, True, True, True]
    """
    seen: set[tuple[int, Hashable]] = set()
    keep_B = np.ones(len(keys), dtype=np.bool_)
    for b, (key, group) in enumerate(zip(keys, np.asarray(group_B).tolist(), strict=True)):
        keep_B[b] = key is None or (group, key) not in seen
        seen.add((group, key))
    return _kept(keep_B, group_B)


def cap(score_B: Floats, group_B: Ints, *, most: int) -> Kept:
    """The best episodes of each group, so many at most; of equals, the first.

    >>> cap(np.array([0.0, 1, 1, 0.5]), np.zeros(4, int), most=2).keep_B.tolist()
    [False, True, True, False]
    """
    if most < 1:
        raise ValueError(f"a cap must be at least 1, got {most}")
    keep_B = np.zeros(len(score_B), dtype=np.bool_)
    for rows in members(group_B):
        keep_B[rows[np.argsort(-score_B[rows], kind="stable")[:most]]] = True
    return _kept(keep_B, group_B)


def length_window(length_B: Ints, group_B: Ints, *, low: int = 0, high: int) -> Kept:
    """Episodes with `low` to `high` drawn tokens, both included."""
    if not 0 <= low <= high:
        raise ValueError(f"a window of lengths needs 0 <= low <= high, got {low} and {high}")
    return _kept((low <= length_B) & (length_B <= high), group_B)


def fresh(version_B: Ints, group_B: Ints, *, current: int, most: int) -> Kept:
    """Episodes whose oldest weights are at most so many versions behind.

    Args:
        version_B: The oldest version that drew a token of the episode.
        group_B: The group of each episode.
        current: The version being trained.
        most: 0 is strictly on-policy.
    """
    if most < 0 or (version_B > current).any():
        raise ValueError(f"staleness must be 0 or more, and no version above the current one, {current}")
    return _kept(current - version_B <= most, group_B)


def _by_group(group_B: Ints, keep: Sequence[bool]) -> Kept:
    keep_B = np.zeros(len(group_B), dtype=np.bool_)
    for rows, stays in zip(members(group_B), keep, strict=True):
        keep_B[rows] = stays
    return _kept(keep_B, group_B)


def _kept(keep_B: Bools, group_B: Ints) -> Kept:
    keep_B = np.asarray(keep_B, dtype=np.bool_)
    return Kept(keep_B, len(np.unique(group_B)) - len(np.unique(np.asarray(group_B)[keep_B])))
