"""Puzzles of numbers and a target, made from a solution, so that each has one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LEVELS", "Puzzle", "puzzle"]

_LARGE = (25, 50, 75, 100)
_SMALL = tuple(range(1, 11)) * 2
_LARGEST_STEP = 10_000
_FEWEST_USED = 3


@dataclass(frozen=True, slots=True)
class Level:
    """How many numbers, how large they may be (0: as on television), and how large the target."""

    count: int
    largest: int
    targets: range


LEVELS = {
    1: Level(3, 10, range(1, 51)),
    2: Level(3, 50, range(1, 101)),
    3: Level(4, 50, range(10, 201)),
    4: Level(5, 100, range(100, 1000)),
    5: Level(6, 0, range(101, 1000)),
}


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Numbers in the order shown, the target, and an expression that makes it."""

    numbers: tuple[int, ...]
    target: int
    solution: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A value with its text and how strongly that holds together: 1 for a sum, 2 for a product, 3 for a number."""

    value: int
    text: str
    strength: int = 3


def puzzle(draw: random.Random, level: Level, *, spare: int) -> Puzzle | None:
    """One puzzle, or None where the numbers that were drawn lead to no target of the level.

    Args:
        draw: Where random numbers come from.
        level: The size of the puzzle.
        spare: Most numbers that the solution leaves out.
    """
    numbers = _numbers(draw, level)
    used = numbers[: max(_FEWEST_USED, level.count - draw.randint(0, spare))]
    made = _made(draw, used)
    if made is None or made.value not in level.targets or made.value in numbers:
        return None
    draw.shuffle(numbers)
    return Puzzle(tuple(numbers), made.value, made.text)


def _numbers(draw: random.Random, level: Level) -> list[int]:
    if level.largest:
        return [draw.randint(1, level.largest) for _ in range(level.count)]
    large = draw.sample(_LARGE, draw.randint(1, len(_LARGE)))
    numbers = [*large, *draw.sample(_SMALL, level.count - len(large))]
    draw.shuffle(numbers)
    return numbers


def _made(draw: random.Random, numbers: Sequence[int]) -> _Part | None:
    """All the numbers put together, two parts at a time."""
    parts = [_Part(n, str(n)) for n in numbers]
    while len(parts) > 1:
        left = parts.pop(draw.randrange(len(parts)))
        right = parts.pop(draw.randrange(len(parts)))
        both = _both(left, right, draw.choice("+-*/"))
        if both is None:
            return None
        parts.append(both)
    return parts[0]


def _both(left: _Part, right: _Part, sign: str) -> _Part | None:
    """Two parts put together; None where the value is not whole and above 0, too large, or one of the two again."""
    if left.value < right.value:
        left, right = right, left
    if sign == "/" and left.value % right.value:
        return None
    a, b = left.value, right.value
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[sign]
    if not 0 < value <= _LARGEST_STEP or value in (a, b):
        return None
    strength = 1 if sign in "+-" else 2
    behind = strength + (sign in "-/")
    return _Part(value, f"{_in(left, strength)} {sign} {_in(right, behind)}", strength)


def _in(part: _Part, strength: int) -> str:
    """A part's text, in brackets where it would fall apart."""
    return part.text if part.strength >= strength else f"({part.text})"
