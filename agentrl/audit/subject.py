r"""An item as an attack sees it: the gold as text, its type, and where in a reply an answer stands.

The frame is found, not declared: it is what surrounds the gold in the right reply. From `\boxed{5}` for the gold 5
comes the frame `\boxed{...}`, into which other contents can be put.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from agentrl.audit.records import Item
from agentrl.types import Transcript
from agentrl.verifiers._reading.extract import last_boxed

__all__ = [
    "CHOICES",
    "FORMULA",
    "Kind",
    "Subject",
    "frame_of",
    "framed_mutations",
    "gold_text",
    "kind_of",
    "mutations_of",
    "number_of",
    "shown",
]

Kind = Literal["number", "choice", "boolean", "expression", "text", "whole", "open"]
CHOICES = "ABCDE"
_MAX_DIGITS = 30
FORMULA = re.compile(
    r"[∀∃∧∨→↔⊕¬]|->|=>|\bforall\b|\bexists\b|"
    r"^[^{]*(?:(?:\)|\b[A-Za-z])\s*&+|\)\s*\|+|\b[A-Za-z]\s+\|+(?=\s))[\s(~¬!-]*[A-Za-z](?:\w*\(|\b)"
)
"""What only formulas of logic have; `&` and `|` between two of them, for `|x|`, `\\{x | x > 0\\}` and AT&T are none."""
_SIMPLE = re.compile(r"([+-]?)(?:(\d++)/(\d++)|\\[dt]?frac\{(\d++)\}\{(\d++)\}|(\d{1,3}(?:,\d{3})++|\d++)?(\.\d++)?)")
_BOOLEANS = {"true": "False", "false": "True", "yes": "No", "no": "Yes"}
_WORDS = re.compile(r"\w[\w .,'-]*+", re.ASCII)
_TOLERANT = ("tol", "approx", "decimal", "places", "figures", "round", "precision", "rel")


@dataclass(frozen=True, slots=True)
class Subject:
    """What an attack is made from.

    Attributes:
        item: The item.
        gold: The gold as text; empty where it is not text.
        kind: What the gold is. "whole": it is no text, and the right reply as a whole stands for it; "open": no right
            reply is known or none that shows the gold, so that nobody can say which replies are wrong.
        before: What stands before the gold in the right reply.
        after: What stands after it.
        canary: A file that does not exist; a scorer that runs a reply as code may create it.
    """

    item: Item
    gold: str
    kind: Kind
    before: str
    after: str
    canary: Path

    @classmethod
    def of(cls, item: Item, canary: Path) -> Subject:
        """Read an item."""
        gold = gold_text(item.answer)
        frame = frame_of(item)
        if frame is not None:
            return cls(item, gold, kind_of(gold), *frame, canary)
        whole = isinstance(item.answer, Mapping) and isinstance(item.oracle, str | Transcript)
        return cls(item, gold, "whole" if whole else "open", "", "", canary)

    @property
    def framed(self) -> bool:
        """Whether the gold stands in the right reply, so that other contents can be put in its place."""
        return self.kind not in ("whole", "open")

    @property
    def number(self) -> Fraction | None:
        """The gold's value, where it is a plain number."""
        return number_of(self.gold) if self.kind == "number" else None

    @property
    def exact(self) -> bool:
        """Whether neither an option nor the gold asks for a tolerance."""
        answer = self.item.answer
        asked = [*self.item.options, *(answer if isinstance(answer, Mapping) else ())]
        return not any(mark in str(name) for name in asked for mark in _TOLERANT)

    def put(self, content: str) -> str:
        """A reply that gives `content` as its answer."""
        return f"{self.before}{content}{self.after}"

    def wrong(self) -> str:
        """The content of a wrong answer, of the gold's type where it is not words: those may be misspelt and right."""
        if self.kind in ("text", "whole"):
            return "no such answer"
        if self.number is not None and not self.exact:
            return shown(2 * self.number + 10)
        return next(iter(mutations_of(self.gold)), "no such answer")


def gold_text(answer: Any) -> str:
    """A gold as text: itself without dollars around it, or a mapping's `value`; empty for any other.

    >>> gold_text(5), gold_text("$5$"), gold_text({"value": "5", "places": 2}), gold_text([1])
    ('5', '5', '5', '')
    """
    if isinstance(answer, Mapping):
        answer = answer.get("value", answer.get("label"))
    text = str(answer).strip() if isinstance(answer, str | int | float) else ""
    inside = text.removeprefix("$").removesuffix("$")
    return inside if len(inside) == len(text) - 2 and "$" not in inside else text


def number_of(text: str) -> Fraction | None:
    r"""The value of a plain number: whole, decimal, or a fraction.

    >>> number_of("1,000"), number_of(r"-\frac{1}{2}"), number_of("5 km"), number_of(".")
    (Fraction(1000, 1), Fraction(-1, 2), None, None)
    """
    match = _SIMPLE.fullmatch(text.strip().strip("$").strip())
    if match is None or len(text) > _MAX_DIGITS:
        return None
    sign = -1 if match[1] == "-" else 1
    above, below = match[2] or match[4], match[3] or match[5]
    if above:
        return sign * Fraction(int(above), int(below)) if int(below) else None
    if match[6] is None and match[7] is None:
        return None
    return sign * Fraction((match[6] or "0").replace(",", "") + (match[7] or ""))


def shown(value: Fraction) -> str:
    r"""A number as LaTeX and plain text both read it.

    >>> shown(Fraction(3)), shown(Fraction(-1, 2)), shown(Fraction(1, 3))
    ('3', '-0.5', '\\frac{1}{3}')
    """
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1 and value.denominator <= 10**12:
        digits = next(k for k in range(1, 50) if (value * 10**k).denominator == 1)
        whole = str(abs((value * 10**digits).numerator)).rjust(digits + 1, "0")
        return f"{'-' if value < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"
    return f"{'-' if value < 0 else ''}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def kind_of(gold: str) -> Kind:
    """What a gold is.

    >>> [kind_of(g) for g in ("12", "B", "True", "(x+1)^2", "Paris")]
    ['number', 'choice', 'boolean', 'expression', 'text']
    """
    if number_of(gold) is not None:
        return "number"
    if len(gold) == 1 and gold in CHOICES:
        return "choice"
    if gold.casefold() in _BOOLEANS:
        return "boolean"
    return "text" if _WORDS.fullmatch(gold) else "expression"


def mutations_of(gold: str) -> Iterator[str]:
    """Other answers of the gold's type; none is the gold.

    >>> list(mutations_of("7")), list(mutations_of("True")), list(mutations_of("B"))
    (['8', '-7', '70'], ['False'], ['C'])
    """
    kind, value = kind_of(gold), number_of(gold)
    if value is not None:
        yield shown(value + 1)
        if value:
            yield from (shown(-value), shown(10 * value))
    elif kind == "boolean":
        other = _BOOLEANS[gold.casefold()]
        yield other if gold[0].isupper() else other.lower()
    elif kind == "choice":
        yield CHOICES[(CHOICES.index(gold) + 1) % len(CHOICES)]
    elif FORMULA.search(gold):
        yield f"¬({gold})"  # a changed name may be read as a renaming
    elif gold:
        digit = re.search(r"\d", gold)
        if digit:
            yield f"{gold[: digit.start()]}{(int(digit[0]) + 1) % 10}{gold[digit.end() :]}"
        else:
            yield f"{gold}x"


def frame_of(item: Item) -> tuple[str, str] | None:
    """What surrounds the answer in the right reply; None where that cannot be told.

    The answer is the last box, if there is one; otherwise the gold's last occurrence.
    """
    gold, oracle = gold_text(item.answer), item.oracle
    if not isinstance(oracle, str) or not gold:
        return None
    inside = last_boxed(oracle)
    if inside:
        before, found, after = oracle.rpartition(f"{{{inside}}}")
        if found:
            return f"{before}{{", f"}}{after}"
    before, found, after = oracle.rpartition(gold)
    return (before, after) if found else None


def framed_mutations(item: Item) -> Iterator[str]:
    """The right reply with another answer of the gold's type in its place; none without a frame."""
    frame = frame_of(item)
    if frame is not None:
        yield from (other.join(frame) for other in mutations_of(gold_text(item.answer)))
