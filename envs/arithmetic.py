"""Whole-number arithmetic in five levels, generated, with worked examples in the prompt.

Level 1 is a + b and a - b of one digit, 2 of two digits, 3 of three digits; 4 adds two digits times one digit (a third
of its tasks each, over a fixed sample of the three-digit sums); 5 has brackets, two operations and negative results.
A reply ends with `#### n`, as in GSM8K; the `math` verifier reads it.

Source: none; written for agentrl. Differs from the source: nothing to differ from.

Splits cannot overlap: the problems of a level, counted so that 23 + 45 and 45 + 23 are one problem, are put in a
keyed pseudo-random order, the first 80% are train, the rest test. No task repeats, worked examples are in neither.

Covered: exact integers, phrasing and order of operands varied by problem.
Not covered: division, decimals, negative operands, grading of the steps before `####`.
Data licence: generated; none.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType

from agentrl.data import LazyTasks
from agentrl.environment import SingleTurnEnv
from agentrl.errors import check_count
from agentrl.types import Message, Split, Task

SYSTEM = "You are a calculator."
FORMAT = " End your reply with a line `#### n`, where n is the answer as a number."
PHRASES = ("What is {}?", "Calculate {}.", "{} = ?", "Work out {}.", "How much is {}?")
TRAIN_SHARE = 0.8
_OPERAND = re.compile(r"[0-9]{1,3}")
_MOST_OPERANDS = 3


class Arithmetic(SingleTurnEnv):
    """Sums, differences and products with `#### n` answers.

    Args:
        level: 1 to 5; see the module.
        shots: Worked examples before the question, 0 to 4; the same for all tasks of a level.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `level` or `shots` is out of its range.
    """

    verifier = "math"
    verifier_options = MappingProxyType({"extract": "hash"})

    def __init__(
        self, *, level: int = 2, shots: int = 2, split: Split = "train", render_mode: str | None = None
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_count("level", level, most=max(LEVELS))
        check_count("shots", shots, least=0, most=len(LEVELS[level].examples))
        self.level = level
        self.shots = shots

    def tasks(self, split: Split) -> Sequence[Task]:
        """All tasks of a split, each made when it is asked for."""
        return arithmetic_tasks(self.level, self.shots, split)

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The worked answer, in the form of the examples."""
        return (worked(task.data["expression"], task.answer),)


@dataclass(frozen=True, slots=True)
class Problems:
    """Numbered operands.

    Attributes:
        operands: From a problem's number to its operands.
        number: From the operands of a problem to its number; from others to any number.
    """

    operands: Callable[[int], tuple[int, ...]]
    number: Callable[..., int]


@dataclass(frozen=True, slots=True)
class Family:
    """Problems of one shape.

    Attributes:
        forms: Ways to write it, equal up to commuting operands.
        value: The answer from the operands.
        size: How many problems there are.
        problems: The operands of problem k; problems that are equal up to commuting are counted once.
    """

    forms: tuple[str, ...]
    value: Callable[..., int]
    size: int
    problems: Problems


@dataclass(frozen=True, slots=True)
class Level:
    """Families laid end to end; `examples` are indices into the whole."""

    families: tuple[Family, ...]
    examples: tuple[int, ...]

    @property
    def size(self) -> int:
        """Problems, worked examples included."""
        return sum(family.size for family in self.families)


def triangle(k: int) -> tuple[int, int]:
    """The k-th pair i >= j >= 0, counting (0, 0), (1, 0), (1, 1), (2, 0), ...

    >>> [triangle(k) for k in range(4)]
    [(0, 0), (1, 0), (1, 1), (2, 0)]
    """
    i = (math.isqrt(8 * k + 1) - 1) // 2
    return i, k - i * (i + 1) // 2


def shuffled(index: int, size: int, key: bytes) -> int:
    """Place `index` in a keyed pseudo-random order of range(size), without storing the order.

    A four-round Feistel network on pairs of numbers below a and b, a b >= size, walks on until it lands in range
    (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"): one to one because each round is.

    >>> sorted(shuffled(i, 7, b"k") for i in range(7))
    [0, 1, 2, 3, 4, 5, 6]
    """
    a = math.isqrt(size - 1) + 1
    b = -(-size // a)
    while True:
        left, right = divmod(index, b)
        for odd, even in ((b"1", b"2"), (b"3", b"4")):
            left = (left + _hash(odd, right, key)) % a
            right = (right + _hash(even, left, key)) % b
        index = left * b + right
        if index < size:
            return index


def unshuffled(place: int, size: int, key: bytes) -> int:
    """The index that `shuffled` puts at a place.

    >>> [unshuffled(shuffled(i, 7, b"k"), 7, b"k") for i in range(7)]
    [0, 1, 2, 3, 4, 5, 6]
    """
    a = math.isqrt(size - 1) + 1
    b = -(-size // a)
    while True:
        left, right = divmod(place, b)
        for odd, even in ((b"3", b"4"), (b"1", b"2")):
            right = (right - _hash(even, left, key)) % b
            left = (left - _hash(odd, right, key)) % a
        place = left * b + right
        if place < size:
            return place


def _hash(tag: bytes, value: int, key: bytes) -> int:
    return int.from_bytes(blake2b(tag + value.to_bytes(8, "little"), digest_size=8, key=key).digest(), "little")


def worked(expression: str, answer: int) -> str:
    r"""A complete reply.

    >>> worked("21 + 47", 68)
    '21 + 47 = 68\n#### 68'
    """
    return f"{expression} = {answer}\n#### {answer}"


def _sums_and_differences(size: int, problems: Problems) -> tuple[Family, Family]:
    return (
        Family(("{} + {}", "{1} + {0}"), operator.add, size, problems),
        Family(("{} - {}",), operator.sub, size, problems),
    )


def _pair(k: int, low: int) -> tuple[int, int]:
    i, j = triangle(k)
    return low + i, low + j


def _pair_number(a: int, b: int, low: int) -> int:
    i, j = a - low, b - low
    return i * (i + 1) // 2 + j


def _pairs(low: int) -> Problems:
    return Problems(functools.partial(_pair, low=low), functools.partial(_pair_number, low=low))


_SAMPLE = (405450, b"arithmetic/sample")


def _sampled_pair(k: int) -> tuple[int, int]:
    return _pair(shuffled(k, *_SAMPLE), 100)


def _sampled_pair_number(a: int, b: int) -> int:
    place = _pair_number(a, b, 100)
    return unshuffled(place, *_SAMPLE) if 0 <= place < _SAMPLE[0] else -1


def _sum_and_digit(k: int) -> tuple[int, int, int]:
    pair, c = divmod(k, 8)
    return *_pair(pair, 10), 2 + c


def _difference_and_digit(k: int) -> tuple[int, int, int]:
    pair, c = divmod(k, 8)
    a, b = divmod(pair, 90)
    return 10 + a, 10 + b, 2 + c


_SAMPLED_PAIRS = Problems(_sampled_pair, _sampled_pair_number)
_PRODUCTS = Problems(lambda k: (10 + k // 8, 2 + k % 8), lambda a, b: (a - 10) * 8 + b - 2)
_SUMS_AND_DIGITS = Problems(_sum_and_digit, lambda a, b, c: _pair_number(a, b, 10) * 8 + c - 2)
_DIFFERENCES_AND_DIGITS = Problems(_difference_and_digit, lambda a, b, c: ((a - 10) * 90 + b - 10) * 8 + c - 2)


# n numbers make n (n + 1) / 2 unordered pairs: 55 of 10, 4095 of 90, 405450 of 900.
LEVELS = {
    1: Level(
        _sums_and_differences(55, _pairs(0)),
        examples=(24, 104, 43, 70),  # 6 + 3, 9 - 4, 7 + 8, 5 - 0
    ),
    2: Level(
        _sums_and_differences(4095, _pairs(10)),
        examples=(714, 6967, 1202, 5995),  # 21 + 47, 85 - 32, 58 + 36, 71 - 19
    ),
    3: Level(
        _sums_and_differences(405450, _pairs(100)),
        examples=(62345, 697831, 115128, 587612),  # 317 + 452, 864 - 251, 579 + 268, 703 - 156
    ),
    4: Level(
        (
            Family(("{} * {}", "{1} * {0}"), operator.mul, 720, _PRODUCTS),
            *_sums_and_differences(720, _SAMPLED_PAIRS),
        ),
        examples=(106, 1446, 720, 373),  # 23 * 4, 840 - 260, 281 + 676, 7 * 56
    ),
    5: Level(
        (
            Family(
                ("({} + {}) * {}", "({1} + {0}) * {2}", "{2} * ({0} + {1})", "{2} * ({1} + {0})"),
                lambda a, b, c: (a + b) * c,
                8 * 4095,
                _SUMS_AND_DIGITS,
            ),
            Family(
                ("({} - {}) * {}", "{2} * ({0} - {1})"),
                lambda a, b, c: (a - b) * c,
                8 * 8100,
                _DIFFERENCES_AND_DIGITS,
            ),
            Family(
                ("{2} - ({0} + {1})", "{2} - ({1} + {0})"),
                lambda a, b, c: c - (a + b),
                8 * 4095,
                _SUMS_AND_DIGITS,
            ),
            Family(("{2} - ({0} - {1})",), lambda a, b, c: c - (a - b), 8 * 8100, _DIFFERENCES_AND_DIGITS),
        ),
        examples=(761, 48264, 97807, 169331),  # 3 * (14 + 23), 2 * (31 - 58), 9 - (12 + 17), 5 - (64 - 26)
    ),
}


def arithmetic_tasks(level: int, shots: int, split: Split) -> LazyTasks:
    """The tasks of one split of a level."""
    problems = _Tasks(level, shots, split)
    return LazyTasks(len(problems), problems.task, place=problems.place)


class _Tasks:
    """The tasks of one split of a level, each computed in constant time and space."""

    def __init__(self, level: int, shots: int, split: Split) -> None:
        self._level = level
        self._key = f"arithmetic/{level}".encode()
        self._examples = sorted(LEVELS[level].examples)
        self._problems = LEVELS[level].size - len(self._examples)
        train = round(TRAIN_SHARE * self._problems)
        self._start, self._stop = (0, train) if split == "train" else (train, self._problems)
        system = SYSTEM if shots else SYSTEM + FORMAT
        prefix = [Message("system", system)]
        for index in LEVELS[level].examples[:shots]:
            expression, answer, _ = self._problem(index)
            prefix.append(Message("user", PHRASES[0].format(expression)))
            prefix.append(Message("assistant", worked(expression, answer)))
        self._prefix = tuple(prefix)

    def __len__(self) -> int:
        return self._stop - self._start

    def task(self, place: int) -> Task:
        """The task at a place of the split."""
        place += self._start
        problem = shuffled(place, self._problems, self._key)
        for example in self._examples:  # numbers from an example on move up by one: it is never reached
            problem += problem >= example
        expression, answer, phrase = self._problem(problem)
        return Task(
            self._id(expression),
            (*self._prefix, Message("user", phrase.format(expression))),
            answer,
            {"expression": expression},
        )

    def place(self, id: str) -> int:
        """The place of the task with an id, -1 where the split has none."""
        numbers = [int(digits) for digits in _OPERAND.findall(id.partition(":")[2])[:_MOST_OPERANDS]]
        for problem in self._written(numbers):
            if problem not in self._examples and self._id(self._problem(problem)[0]) == id:
                before = sum(example < problem for example in self._examples)
                return unshuffled(problem - before, self._problems, self._key) - self._start
        return -1

    def _written(self, numbers: Sequence[int]) -> Iterator[int]:
        """The problems of the level that may have these operands, in whatever order they are written."""
        first = 0
        for family in LEVELS[self._level].families:
            for operands in itertools.permutations(numbers, len(family.problems.operands(0))):
                number = family.problems.number(*operands)
                if 0 <= number < family.size:
                    yield first + number
            first += family.size

    def _id(self, expression: str) -> str:
        return f"{self._level}:{expression.replace(' ', '')}"

    def _problem(self, index: int) -> tuple[str, int, str]:
        """Expression, answer and phrase; the digest of the problem chooses its form and phrase."""
        choice = _hash(b"write", index, self._key)
        for family in LEVELS[self._level].families:
            if index < family.size:
                break
            index -= family.size
        operands = family.problems.operands(index)
        form = family.forms[choice % len(family.forms)]
        phrase = PHRASES[choice // len(family.forms) % len(PHRASES)]
        return form.format(*operands), family.value(*operands), phrase
