"""A word problem while it is written: its sentences, and the steps of its solution.

A step names what it computes and holds two operands: numbers, or results of earlier steps. `evaluated` carries them
out; whoever writes a story works out the answer beside the steps, and the two must agree.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Known", "Operand", "Step", "Story", "evaluated", "worked"]

NAMES = (
    *("Ada", "Amir", "Ana", "Ben", "Carla", "Chen", "Diego", "Elif", "Emma", "Farid", "Grace", "Hana", "Ivan"),
    *("Jonas", "Kofi", "Leila", "Lin", "Maria", "Marek", "Nadia", "Noah", "Olga", "Omar", "Priya", "Rosa", "Sam"),
    *("Sofia", "Tariq", "Uma", "Viktor", "Wei", "Yara", "Yusuf", "Zoe"),
)
ASIDES = (
    "{} lives in house number {}.",
    "{} has read {} books this year.",
    "Nearby, {} waits for the bus on line {}.",
    "{} ran {} laps around the park last month.",
    "The jersey of {} has the number {} on it.",
    "{} has been to the cinema {} times since spring.",
)
_ASIDES_OF = {3: (0, 1), 4: (1, 1), 5: (1, 2)}
"""Fewest and most sentences that have nothing to do with the question, by level."""


@dataclass(frozen=True, slots=True)
class Known:
    """The result of a step, by its number."""

    step: int


Operand = int | Known


@dataclass(frozen=True, slots=True)
class Step:
    """One calculation; the sign "%" takes left per cent of right."""

    what: str
    sign: str
    left: Operand
    right: Operand


def evaluated(steps: Sequence[Step]) -> list[Fraction]:
    """The results of all steps, in order.

    >>> evaluated([Step("pens", "*", 3, 4), Step("rest", "-", 20, Known(0)), Step("half", "%", 50, Known(1))])
    [Fraction(12, 1), Fraction(8, 1), Fraction(4, 1)]
    """
    found: list[Fraction] = []
    for step in steps:
        a, b = (found[part.step] if isinstance(part, Known) else Fraction(part) for part in (step.left, step.right))
        match step.sign:
            case "+":
                found.append(a + b)
            case "-":
                found.append(a - b)
            case "*":
                found.append(a * b)
            case "/":
                found.append(a / b)
            case _:
                found.append(a * b / 100)
    return found


def worked(steps: Sequence[Step]) -> str:
    r"""The steps as a written solution that ends with the answer.

    >>> worked([Step("The pens cost", "*", 3, 4)])
    'The pens cost 3 * 4 = 12.\n#### 12'
    """
    values = evaluated(steps)
    lines = []
    for step, value in zip(steps, values, strict=True):
        a, b = (values[part.step] if isinstance(part, Known) else part for part in (step.left, step.right))
        done = f"{a} / 100 * {b}" if step.sign == "%" else f"{a} {step.sign} {b}"
        lines.append(f"{step.what} {done} = {value}.")
    return "\n".join((*lines, f"#### {values[-1]}"))


class Story:
    """Sentences and steps, written one after the other; every choice comes from `draw`."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.sentences: list[str] = []
        self.question = ""
        self.steps: list[Step] = []
        self._names = draw.sample(NAMES, 6)

    def name(self) -> str:
        """A person who is not in the story yet."""
        return self._names.pop()

    def number(self, low: int, high: int, multiple: int = 1) -> int:
        """A multiple between two bounds, both included."""
        return self.draw.randrange(-(-low // multiple), high // multiple + 1) * multiple

    def say(self, *variants: str) -> None:
        """Add a sentence, in one of its wordings."""
        self.sentences.append(self.draw.choice(variants))

    def ask(self, *variants: str) -> None:
        """End with a question, in one of its wordings."""
        self.question = self.draw.choice(variants)

    def step(self, what: str, left: Operand, sign: str, right: Operand) -> Known:
        """Add a calculation."""
        self.steps.append(Step(what, sign, left, right))
        return Known(len(self.steps) - 1)

    def add_asides(self, level: int) -> None:
        """Add sentences with numbers that do not matter, as many as the level asks for; never the first one."""
        count = self.draw.randint(*_ASIDES_OF.get(level, (0, 0)))
        for aside in self.draw.sample(ASIDES, count):
            place = self.draw.randint(1, len(self.sentences))
            self.sentences.insert(place, aside.format(self.name(), self.draw.randint(2, 60)))

    def text(self) -> str:
        """The whole problem."""
        return " ".join((*self.sentences, self.question))
