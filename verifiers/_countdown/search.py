"""Find an expression that makes a target from numbers, each used once: exact, from the target downwards."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

__all__ = ["MAX_NUMBERS", "last_steps", "reachable", "solved"]

MAX_NUMBERS = 6
"""More take seconds."""
_TABLED = 3

Table = dict[Fraction, str]


def solved(numbers: Sequence[int], target: int, *, least: int) -> str | None:
    """An expression of at least `least` of the numbers that makes the target; None where there is none.

    >>> solved((3, 3, 8, 8), 24, least=4)
    '(8/(3-(8/3)))'
    >>> solved((1, 1, 1, 1), 24, least=4)
    """
    search = _Search(tuple(sorted(numbers)))
    for count in range(least, len(numbers) + 1):
        for places in itertools.combinations(range(len(numbers)), count):
            found = search.makes(frozenset(places), Fraction(target))
            if found is not None:
                return found
    return None


def reachable(numbers: tuple[int, ...]) -> frozenset[Fraction]:
    """All values that the numbers make, each used once.

    >>> sorted(map(int, reachable((2, 2))))
    [0, 1, 4]
    """
    return frozenset(_table(tuple(sorted(numbers))))


def last_steps(numbers: Sequence[int], target: int) -> int:
    """How many last steps make the target, told apart by their operation and its two values.

    >>> last_steps((2, 12), 24), last_steps((3, 3, 8, 8), 24), last_steps((1, 1, 1, 1), 24)
    (1, 1, 0)
    """
    found = set()
    for sides in _halves(tuple(sorted(numbers))):
        small, large = (_table(side) for side in sorted(sides, key=len))
        for b in small:
            found |= {(form, frozenset((b, a))) for a, form in _wanted(Fraction(target), b) if a in large}
    return len(found)


@functools.lru_cache(maxsize=4096)
def _table(numbers: tuple[int, ...]) -> Table:
    """Every value that a few numbers make, with an expression."""
    if len(numbers) == 1:
        return {Fraction(numbers[0]): str(numbers[0])}
    found: Table = {}
    for left, right in _halves(numbers):
        for (a, x), (b, y) in itertools.product(_table(left).items(), _table(right).items()):
            for value, text in _made(a, x, b, y):
                found.setdefault(value, text)
    return found


def _halves(numbers: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All ways to put the numbers on two sides, the first of them on the left."""
    first, rest = numbers[0], numbers[1:]
    for count in range(len(rest)):
        for places in itertools.combinations(range(len(rest)), count):
            left = (first, *(rest[i] for i in places))
            yield left, tuple(n for i, n in enumerate(rest) if i not in places)


def _made(a: Fraction, x: str, b: Fraction, y: str) -> Iterator[tuple[Fraction, str]]:
    yield a + b, f"({x}+{y})"
    yield a * b, f"({x}*{y})"
    yield a - b, f"({x}-{y})"
    yield b - a, f"({y}-{x})"
    if b:
        yield a / b, f"({x}/{y})"
    if a:
        yield b / a, f"({y}/{x})"


class _Search:
    """Goes down from the target: of every two sides the smaller is tabled, and tells what the other has to make."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        self._numbers = numbers
        self._known: dict[tuple[tuple[int, ...], Fraction], str | None] = {}

    def makes(self, places: frozenset[int], target: Fraction) -> str | None:
        return self._found(tuple(self._numbers[i] for i in sorted(places)), target)

    def _found(self, numbers: tuple[int, ...], target: Fraction) -> str | None:
        if len(numbers) <= _TABLED:
            return _table(numbers).get(target)
        key = (numbers, target)
        if key not in self._known:
            self._known[key] = self._searched(numbers, target)
        return self._known[key]

    def _searched(self, numbers: tuple[int, ...], target: Fraction) -> str | None:
        for sides in sorted(_halves(numbers), key=lambda sides: -min(map(len, sides))):
            small, large = sorted(sides, key=len)
            for b, y in _table(small).items():
                for wanted, form in _wanted(target, b):
                    x = self._found(large, wanted)
                    if x is not None:
                        return form.format(x=x, y=y)
        return None


def _wanted(target: Fraction, b: Fraction) -> Iterator[tuple[Fraction, str]]:
    """What the other side x must be, with y = b, and how the two are then put together."""
    yield target - b, "({x}+{y})"
    yield target + b, "({x}-{y})"
    yield b - target, "({y}-{x})"
    if b:
        yield target / b, "({x}*{y})"
        yield target * b, "({x}/{y})"
        if target:
            yield b / target, "({y}/{x})"
