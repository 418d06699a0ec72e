"""Ways to make one number of several where a weak one must not be bought off: gates, products, harmonic means."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["gated", "harmonic", "product"]


def gated(value: float, score: float) -> float:
    """A value that counts only as far as the verdict does: their product; within the value's bounds.

    >>> gated(0.8, 1.0), gated(0.8, 0.0)
    (0.8, 0.0)
    """
    if not 0 <= score <= 1:
        raise ValueError(f"a verdict's score is in [0, 1], got {score!r}")
    return value * score


def product(*factors: float) -> float:
    """The product of factors from 0 on: a hack of one is stopped by the others.

    Source: Kim and Seo 2024 (arXiv 2402.03469), where relevance, length and diversity are multiplied.

    >>> round(product(0.6, 150 / 100, 0.9), 9)
    0.81
    """
    _check(factors)
    return math.prod(factors)


def harmonic(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    r"""Weighted harmonic mean $1 / \sum_i (w_i / v_i)$, weights brought to sum 1: near the weakest value.

    0 where a value with weight is 0; between the least and the largest value otherwise.

    >>> round(harmonic([0.8, 0.4]), 6), harmonic([0.8, 0.0]), harmonic([0.8, 0.0], [1, 0])
    (0.533333, 0.0, 0.8)
    """
    weights = [1.0] * len(values) if weights is None else weights
    _check([*values, *weights])
    if len(weights) != len(values) or not sum(weights) > 0:
        raise ValueError(f"{len(values)} values need as many weights, not all 0; got {list(weights)}")
    pairs = [(value, weight) for value, weight in zip(values, weights, strict=True) if weight > 0]
    if any(value == 0 for value, _ in pairs):
        return 0.0
    return sum(weights) / math.fsum(weight / value for value, weight in pairs)


def _check(numbers: Sequence[float]) -> None:
    for number in numbers:
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"only finite numbers from 0 on can be combined so, got {number!r}")
