"""An answer as it is read once: its text in one spelling, its tree, and its value where it is a plain number."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction

from agentrl.verifiers._math.canonical import bare, canonical, loose
from agentrl.verifiers._math.exact import bits
from agentrl.verifiers._math.lexer import plain
from agentrl.verifiers._math.limits import MAX_DIGITS, OverLimitError
from agentrl.verifiers._math.parts import as_tuple
from agentrl.verifiers._math.reader import read
from agentrl.verifiers._math.tree import Apply, Node, Number
from agentrl.verifiers._math.values import exact, is_based, is_literal

__all__ = ["Answer", "answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, of a reply or of a task.

    Attributes:
        text: In one spelling, for comparison as text.
        tree: What the grammar reads; None where it reads nothing.
        value: Its exact value, where it is a number that is written out.
        split: What else it may be for a gold that is a collection: `1,234` two items, `x = 1, y = 2` a tuple.
        unread: The text as it was written, where the grammar does not read it.
    """

    text: str
    tree: Node | None
    value: Fraction | None = None
    split: Node | None = None
    unread: str = ""

    @property
    def shown(self) -> str:
        """The answer as a verdict shows it."""
        return self.text if self.value is None else str(self.value)


@functools.lru_cache(maxsize=4096)
def answer(raw: str) -> Answer | None:
    r"""Read one answer; None where there is none, or where it passes a limit.

    >>> found = answer(" 1,000. ")
    >>> found.text, found.value, answer("  ")
    ('1,000', Fraction(1000, 1), None)
    """
    try:
        text = bare(raw)
        if text.isascii() and text.removeprefix("-").isdigit():  # by far the most frequent
            value = Fraction(int(text))
            return Answer(text, Number(value), value)
        if (simple := _SIMPLE.fullmatch(text)) is not None:
            return _simple(text, simple)
        text = bare(plain(text))  # its limits hold for what the characters stand for
        spelling = loose(canonical(text))
        if not spelling:
            return None
        tree = read(text)
        return Answer(spelling, tree, _value(tree), _split(text, tree), text if tree is None else "")
    except OverLimitError:
        return None


_SIMPLE = re.compile(r"(-?+)([0-9]++)(?:\.([0-9]++)|/([0-9]++))")


def _simple(text: str, match: re.Match[str]) -> Answer:
    """A decimal or a fraction of digits: what the reader would give, in a tenth of the time."""
    sign, whole, places, below = match.groups()
    if places:
        tree: Node = Number(Fraction(f"{whole}.{places}"), "decimal", len(places))
    else:
        tree = Apply("div", (Number(Fraction(int(whole))), Number(Fraction(int(below)))))
    tree = Apply("neg", (tree,)) if sign else tree
    return Answer(text, tree, exact(tree))


def _value(tree: Node | None) -> Fraction | None:
    value = exact(tree) if tree is not None and is_literal(tree) and not is_based(tree) else None
    return value if value is not None and bits(value) <= 4 * MAX_DIGITS else None  # Python refuses to print more


def _split(text: str, tree: Node | None) -> Node | None:
    if tree is not None and (named := as_tuple(tree)) is not None:
        return named
    if "," not in text:
        return None
    other = read(text, "split")
    return None if other == tree else other
