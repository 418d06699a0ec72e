"""Words inside an answer: connectors, units, scales, and the phrases that lead up to the answer."""

from __future__ import annotations

import re
from fractions import Fraction

from agentrl.verifiers._math import units
from agentrl.verifiers._math.lexer import CONNECTORS

__all__ = ["ANSWER_WORDS", "BARE_UNITS", "BASE_WORDS", "SCALES", "connector", "is_lead", "is_word", "unit_name"]

SCALES = {
    "hundred": Fraction(100),
    "thousand": Fraction(1000),
    "million": Fraction(10**6),
    "billion": Fraction(10**9),
    "trillion": Fraction(10**12),
    "dozen": Fraction(12),
}
BASE_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
ANSWER_WORDS = frozenset(
    (
        "yes", "no", "true", "false", "even", "odd", "all", "none", "both", "neither", "up", "down", "left",
        "right", "one", "two",
    )
)  # fmt: skip
BARE_UNITS = frozenset(
    (
        "mm", "cm", "dm", "km", "mg", "kg", "ml", "mL", "ft", "yd", "mi", "lb", "lbs", "oz", "hr", "hrs", "min",
        "sec", "mph", "kph", "rpm", "USD",
    )
)  # fmt: skip
"""Units that letters without a text wrapper may stand for: others are products of variables, such as ab."""
_NO_UNIT = re.compile(r"half|halves|third|quarter|percentage point")
_LEAD = re.compile(r"(?:so |thus |hence )?(?:the )?(?:final )?answer(?: is)?:?|(?:it|this|that) is:?")
_ALIASES = {"percent": "%", "per cent": "%", "dollar": "$", "dollars": "$", "usd": "$", "degrees": "degree"}


def connector(text: str) -> str:
    r"""The connector that words stand for: "and", "or", or nothing.

    >>> connector(", and "), connector(" or"), connector("cm")
    ('and', 'or', '')
    """
    word = text.strip(" ,;").casefold()
    return word if word in CONNECTORS else ""


def is_lead(text: str) -> bool:
    """Whether words only lead up to the answer."""
    return _LEAD.fullmatch(" ".join(text.split()).casefold()) is not None


def is_word(run: str) -> bool:
    """Whether letters without a space are a word, not a product of variables.

    >>> is_word("even"), is_word("CD"), is_word("xy")
    (True, True, False)
    """
    if run.casefold() in ANSWER_WORDS:
        return True
    return len(run) >= 4 or len(set(run)) < len(run) or (len(run) > 1 and not run.islower())


def unit_name(text: str) -> str:
    """The name of a unit in one spelling; empty for words that are no unit.

    >>> unit_name(" cm "), unit_name("percent"), unit_name("half")
    ('cm', '%', '')
    """
    name = " ".join(text.strip(" .,").split())
    if not name or _NO_UNIT.search(name.casefold()) or len(name) > 40:
        return ""
    name = _ALIASES.get(name.casefold(), name)
    if units.lookup(name) is None and units.lookup(name.casefold()) is not None and len(name) > 3:
        return name.casefold()  # Mg is not mg
    return name
