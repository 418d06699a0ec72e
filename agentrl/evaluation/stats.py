"""Intervals and comparisons over tasks (numpy only).

The task is the unit: samples of one task are not independent, so each task enters once, with its own mean,
and tasks are what is resampled. A comparison of two policies on the same tasks is paired, which removes the
spread between easy and hard tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from agentrl.errors import UsageError

__all__ = ["Interval", "Paired", "interval", "paired", "sign_flip_p", "wilson"]

Floats = npt.NDArray[np.float64]
_RESAMPLES = 4000
_EXACT_UP_TO = 16
_CELLS = 1_000_000  # numbers held at a time while resampling
_SAME = 1e-12
_Z = 1.959963984540054  # the 0.975 quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` tasks and the interval around it; its ends are nan where the data cannot tell."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference second minus first on the same tasks, and how surprising it is if there were none."""

    difference: Interval
    p: float


def interval(
    value_P: Sequence[float] | Floats,
    rng: np.random.Generator,
    *,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    level: float = 0.95,
) -> Interval:
    """Mean over tasks with a bootstrap interval.

    Tasks are drawn with replacement; the interval runs between the quantiles `Phi(-/+ t sqrt(n / (n-1)))` of
    the resampled means, with t the quantile of Student's t at n-1 degrees of freedom: the expanded percentile
    interval (Hesterberg 2015, doi 10.1080/00031305.2015.1089789), which does not come out too narrow for few
    tasks.

    Where all tasks have one value v, resampling would claim certainty. Then, as in the rule of three, at most
    a share q = 1 - (1 - level)^(1/n) of tasks can differ from v, and they lie in `bounds` = (a, b): the
    interval is [v - q (v - a), v + q (b - v)].

    Args:
        value_P: One number a task.
        rng: Draws the tasks.
        bounds: The least and the greatest value that a task can have; None if there is none.
        level: Coverage.

    Raises:
        UsageError: There are no tasks.

    Three tasks, none solved: q = 1 - 0.05^(1/3) = 0.6316.

    >>> str(interval([0, 0, 0], np.random.default_rng(0)))
    '0.000 [0.000, 0.632]'
    """
    value = np.asarray(value_P, dtype=np.float64)
    n = len(value)
    if n == 0:
        raise UsageError("there are no tasks to take a mean of")
    mean = float(value.mean())
    if float(np.ptp(value)) <= _SAME:
        if bounds is None:
            return Interval(mean, np.nan, np.nan, n)
        q = 1.0 - (1.0 - level) ** (1.0 / n)
        return Interval(mean, mean - q * (mean - bounds[0]), mean + q * (bounds[1] - mean), n)
    tail = NormalDist().cdf(-_student((1 + level) / 2, n - 1) * np.sqrt(n / (n - 1)))
    low, high = np.quantile(_resampled_means(value, rng), [tail, 1 - tail])
    return Interval(mean, float(low), float(high), n)


def paired(
    first_P: Sequence[float],
    second_P: Sequence[float],
    rng: np.random.Generator,
    *,
    bounds: tuple[float, float] | None = (0.0, 1.0),
) -> Paired:
    """Compare two results on the same tasks, in the same order; `bounds` are those of one task's value.

    Raises:
        UsageError: The lengths differ, or there are no tasks.
    """
    if len(first_P) != len(second_P):
        raise UsageError(f"a paired comparison needs the same tasks: got {len(first_P)} and {len(second_P)}")
    change = np.asarray(second_P, dtype=np.float64) - np.asarray(first_P, dtype=np.float64)
    span = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    return Paired(interval(change, rng, bounds=span), sign_flip_p(change, rng))


def sign_flip_p(change_P: Sequence[float] | Floats, rng: np.random.Generator) -> float:
    """Two-sided p-value of a paired permutation test.

    Were there no difference, each task's change d_i could as well have the other sign:
    p = share of sign patterns s with |sum s_i d_i| >= |sum d_i|, over all 2^m patterns of the m tasks that
    changed, or, past 16 of them, over 20,000 drawn ones, where (1 + hits) / (1 + draws) is reported (Phipson
    and Smyth 2010, arXiv 1603.05766). For changes of -1, 0, 1 the exact form is McNemar's exact test.

    Three tasks changed, all for the better: 2 of the 8 patterns are as far from 0.

    >>> sign_flip_p([1, 1, 1, 0], np.random.default_rng(0))
    0.25
    """
    change = np.asarray(change_P, dtype=np.float64)
    change = change[np.abs(change) > _SAME]
    m = len(change)
    if m == 0:
        return 1.0
    seen = abs(float(change.sum())) - 1e-9 * float(np.abs(change).sum())  # equal sums must count as equal
    if m <= _EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**m)[:, None] >> np.arange(m)) & 1)
        return float(np.mean(np.abs(signs @ change) >= seen))
    draws, hits = 20_000, 0
    for start in range(0, draws, step := max(1, _CELLS // m)):
        rows = min(step, draws - start)
        signs = 1 - 2 * rng.integers(0, 2, size=(rows, m), dtype=np.int8)
        hits += int(np.sum(np.abs(signs @ change) >= seen))
    return (1 + hits) / (1 + draws)


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95% interval of a rate of independent tries (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    With p = hits / tries, n = tries and z = 1.96, the ends are
    (p + z^2 / 2n -/+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    No hit in 10: the lower end is 0, the upper z^2 / (10 + z^2) = 3.8415 / 13.8415.

    >>> [round(end, 4) for end in wilson(0, 10)]
    [0.0, 0.2775]
    >>> [round(end, 4) for end in wilson(5, 10)]
    [0.2366, 0.7634]
    """
    if tries == 0:
        return 0.0, 1.0
    p, square = hits / tries, _Z * _Z
    middle = p + square / (2 * tries)
    half = _Z * math.sqrt(p * (1 - p) / tries + square / (4 * tries * tries))
    scale = 1 + square / tries
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _resampled_means(value: Floats, rng: np.random.Generator) -> Floats:
    n, means = len(value), []
    rows = max(1, _CELLS // n)
    for start in range(0, _RESAMPLES, rows):
        chosen = rng.integers(0, n, size=(min(rows, _RESAMPLES - start), n))
        means.append(value[chosen].mean(axis=1))
    return np.concatenate(means)


def _student(q: float, degrees: int) -> float:
    """Quantile of Student's t by its expansion in 1/degrees (Abramowitz and Stegun 26.7.5, two terms)."""
    z = NormalDist().inv_cdf(q)
    return float(z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2))
