"""Intervals and comparisons over tasks (numpy only).

The task is the unit: samples of one task are not independent, so each task enters once, with its own mean,
and tasks are what is resampled. A comparison of two policies on the same tasks is paired, which removes the
spread between easy and hard tasks. A rate among some of the episodes only (`ratio`) is a ratio of two sums over tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from agentrl.errors import UsageError

__all__ = [
    "Floats",
    "Interval",
    "Paired",
    "interval",
    "known",
    "paired",
    "paired_ratio",
    "ratio",
    "sign_flip_p",
    "wilson",
]

Floats = npt.NDArray[np.float64]
_RESAMPLES = 4000
_EXACT_UP_TO = 16
_CELLS = 1_000_000  # numbers held at a time while resampling
_SAME = 1e-12
_Z = 1.959963984540054  # the 0.975 quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` tasks and the interval around it; its ends are nan where the data cannot tell.

    The mean itself is nan where it is not defined, as a rate among no episodes is.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return self._shown("")

    def signed(self) -> str:
        """As text, with signs: for a difference."""
        return self._shown("+")

    def to_json(self) -> dict[str, float | None]:
        """JSON-able; what is not known is null."""
        return {"mean": known(self.mean), "low": known(self.low), "high": known(self.high)}

    def _shown(self, sign: str) -> str:
        if math.isnan(self.mean):
            return "-"
        if math.isnan(self.low):
            return f"{self.mean:{sign}.3f}"
        return f"{self.mean:{sign}.3f} [{self.low:{sign}.3f}, {self.high:{sign}.3f}]"


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference second minus first on the same tasks, and how surprising it is if there were none."""

    difference: Interval
    p: float

    def __str__(self) -> str:
        if math.isnan(self.p):
            return self.difference.signed()
        return f"{self.difference.signed()}, p {'< 0.001' if self.p < 0.001 else f'= {self.p:.3f}'}"

    def to_json(self) -> dict[str, float | None]:
        """JSON-able; what is not known is null."""
        return self.difference.to_json() | {"p": known(self.p)}


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
        return _without_spread(mean, n, bounds, level)
    means = np.concatenate([value[chosen].mean(axis=1) for chosen in _resamples(n, rng)])
    low, high = np.quantile(means, _tails(n, level))
    return Interval(mean, float(low), float(high), n)


def ratio(above_P: Sequence[float] | Floats, below_P: Sequence[float] | Floats, rng: np.random.Generator) -> Interval:
    """A rate sum_i a_i / sum_i b_i over tasks, with 0 <= a_i <= b_i, and a bootstrap interval.

    A rate among some of the episodes, such as those that failed, has a denominator that varies from task to task: it
    is no mean over tasks. Tasks are drawn with replacement, a task's two numbers together, from those with b_i > 0:
    the others add nothing to either sum, and so every resample has a rate. The interval's ends are as in `interval`,
    also where all tasks have one rate. Without b_i > 0 the rate is not defined: nan.

    Of two tasks, one mends 1 of 2 failures and one 0 of 1: a rate of 1 / 3, where the mean of rates is 1 / 4.

    >>> found = ratio([1, 0, 0], [2, 1, 0], np.random.default_rng(0))
    >>> round(found.mean, 4), found.n
    (0.3333, 2)
    >>> str(ratio([0], [0], np.random.default_rng(0)))
    '-'
    """
    above, below = np.asarray(above_P, dtype=np.float64), np.asarray(below_P, dtype=np.float64)
    above, below = above[below > 0], below[below > 0]
    n = len(below)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    rates = [above[chosen].sum(axis=1) / below[chosen].sum(axis=1) for chosen in _resamples(n, rng)]
    return _around(float(above.sum() / below.sum()), np.concatenate(rates), n, (0.0, 1.0))


def paired(
    first_P: Sequence[float] | Floats,
    second_P: Sequence[float] | Floats,
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


def paired_ratio(first_P: tuple[Floats, Floats], second_P: tuple[Floats, Floats], rng: np.random.Generator) -> Paired:
    """Compare two rates (see `ratio`) on the same tasks, in the same order; each is its (a, b).

    The interval resamples tasks, both results of a task together; a resample without a rate is left out. For p, each
    task's two results could as well have come the other way round: it is the share of such exchanges whose difference
    of rates is as far from 0, counted as in `sign_flip_p`, which it equals where all b_i are equal. An exchange
    that leaves one side without a rate counts as that far.

    Three tasks with one failure each: none is mended before, all after. Of 8 exchanges 2 are as far from 0.

    >>> before, after = (np.zeros(3), np.ones(3)), (np.ones(3), np.ones(3))
    >>> found = paired_ratio(before, after, np.random.default_rng(0))
    >>> found.difference.mean, found.p
    (1.0, 0.25)
    """
    both = np.stack([*first_P, *second_P])  # a and b of the first, a and b of the second
    both = both[:, (both[1] > 0) | (both[3] > 0)]
    n = both.shape[1]
    total = both.sum(axis=1)
    if not (total[1] > 0 and total[3] > 0):
        return Paired(Interval(math.nan, math.nan, math.nan, n), math.nan)
    drawn = np.concatenate([_rate_change(both[:, chosen].sum(axis=2)) for chosen in _resamples(n, rng)])
    found = float(_rate_change(total[:, None])[0])
    difference = _around(found, drawn[~np.isnan(drawn)], n, (-1.0, 1.0))

    half = (both[2:] - both[:2]) / 2
    half = half[:, np.any(np.abs(half) > _SAME, axis=0)]
    middle = (total[:2] + total[2:])[:, None] / 2

    def is_as_far(signs: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        apart = half @ signs.T
        change = _rate_change(np.concatenate([middle - apart, middle + apart]))
        return ~(np.abs(change) < abs(found) - 1e-9)  # also where there is no rate

    return Paired(difference, _share_of_signs(half.shape[1], is_as_far, rng))


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
    return _share_of_signs(m, lambda signs: np.abs(signs @ change) >= seen, rng)


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


def known(value: float) -> float | None:
    """The number, or None where it is not finite: JSON has no nan."""
    return value if math.isfinite(value) else None


def _without_spread(mean: float, n: int, bounds: tuple[float, float] | None, level: float) -> Interval:
    if bounds is None:
        return Interval(mean, math.nan, math.nan, n)
    q = 1.0 - (1.0 - level) ** (1.0 / n)
    return Interval(mean, mean - q * (mean - bounds[0]), mean + q * (bounds[1] - mean), n)


def _around(value: float, resampled: Floats, n: int, bounds: tuple[float, float]) -> Interval:
    """The 95 % interval of a rate or of a difference of rates."""
    if float(np.ptp(resampled)) <= _SAME:
        return _without_spread(value, n, bounds, 0.95)
    low, high = np.quantile(resampled, _tails(n, 0.95))
    return Interval(value, float(low), float(high), n)


def _rate_change(sums: Floats) -> Floats:
    """Second rate minus first, of columns with a and b of the first, a and b of the second; nan where one has none."""
    rate = np.full((2, sums.shape[1]), np.nan)
    np.divide(sums[::2], sums[1::2], out=rate, where=sums[1::2] > _SAME)
    change: Floats = rate[1] - rate[0]
    return change


def _resamples(n: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of n tasks drawn with replacement, some rows at a time."""
    rows = max(1, _CELLS // n)
    for start in range(0, _RESAMPLES, rows):
        yield rng.integers(0, n, size=(min(rows, _RESAMPLES - start), n))


def _tails(n: int, level: float) -> tuple[float, float]:
    tail = NormalDist().cdf(-_student((1 + level) / 2, n - 1) * math.sqrt(n / (n - 1)))
    return tail, 1 - tail


def _share_of_signs(
    m: int, is_as_far: Callable[[npt.NDArray[Any]], npt.NDArray[np.bool_]], rng: np.random.Generator
) -> float:
    """The share of patterns of m signs that are as far as what was seen: of all, or of many drawn ones."""
    if m <= _EXACT_UP_TO:
        return float(np.mean(is_as_far(1 - 2 * ((np.arange(2**m)[:, None] >> np.arange(m)) & 1))))
    draws, hits = 20_000, 0
    for start in range(0, draws, step := max(1, _CELLS // m)):
        rows = min(step, draws - start)
        hits += int(np.sum(is_as_far(1 - 2 * rng.integers(0, 2, size=(rows, m), dtype=np.int8))))
    return (1 + hits) / (1 + draws)


def _student(q: float, degrees: int) -> float:
    """Quantile of Student's t by its expansion in 1/degrees (Abramowitz and Stegun 26.7.5, two terms)."""
    z = NormalDist().inv_cdf(q)
    return float(z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2))
