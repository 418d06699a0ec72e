"""Matching of unordered items: each item of one side with its own item of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from agentrl.verifiers._reading.matching import perfect_matching

__all__ = ["matched", "without_repeats"]

T = TypeVar("T")


def matched(left: Sequence[T], right: Sequence[T], same: Callable[[T, T], bool]) -> bool:
    """Whether there is a one-to-one matching between two collections.

    A matching, and not two sorted lists side by side: with a tolerance, equality is not transitive.

    >>> matched([1, 5], [5.4, 1.2], lambda a, b: abs(a - b) < 0.5), matched([1, 1], [1, 2], int.__eq__)
    (True, False)
    """
    if len(left) != len(right):
        return False
    fits = [[index for index, other in enumerate(right) if same(item, other)] for item in left]
    return perfect_matching(fits) is not None


def without_repeats(items: Sequence[T], same: Callable[[T, T], bool]) -> list[T]:
    """The items, each once."""
    kept: list[T] = []
    for item in items:
        if not any(same(other, item) for other in kept):
            kept.append(item)
    return kept
