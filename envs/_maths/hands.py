"""Hands of four cards that make 24, and how hard they are."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from agentrl.verifiers._countdown.search import last_steps

__all__ = ["CARDS", "TARGET", "hands", "level_of"]

TARGET = 24
CARDS = 4
LARGEST_CARD = 13
_FEWEST_STEPS = {1: 7, 2: 4, 3: 2, 4: 1}
"""Last steps that a hand of a level has at least."""
_FRACTIONS = 5


@functools.cache
def hands() -> tuple[tuple[int, ...], ...]:
    """All hands of cards from 1 to 13 with a solution, in order."""
    every = itertools.combinations_with_replacement(range(1, LARGEST_CARD + 1), CARDS)
    return tuple(hand for hand in every if level_of(hand))


@functools.lru_cache(maxsize=4096)
def level_of(hand: tuple[int, ...]) -> int:
    """How hard a hand is, 1 to 5; 0 where it has no solution.

    >>> level_of((1, 1, 4, 6)), level_of((3, 3, 8, 8)), level_of((1, 1, 1, 1))
    (1, 5, 0)
    """
    steps = last_steps(hand, TARGET)
    if not steps:
        return 0
    if not _in_whole_steps(hand):
        return _FRACTIONS
    return next(level for level, fewest in _FEWEST_STEPS.items() if steps >= fewest)


def _in_whole_steps(numbers: tuple[int, ...]) -> bool:
    """Whether the numbers make 24 without a fraction or a negative number on the way."""
    if len(numbers) == 1:
        return numbers[0] == TARGET
    for i, j in itertools.permutations(range(len(numbers)), 2):
        rest = tuple(n for k, n in enumerate(numbers) if k not in (i, j))
        if any(_in_whole_steps((*rest, value)) for value in _whole(numbers[i], numbers[j])):
            return True
    return False


def _whole(a: int, b: int) -> Iterator[int]:
    yield a + b
    yield a * b
    if a >= b:
        yield a - b
    if b and a % b == 0:
        yield a // b
