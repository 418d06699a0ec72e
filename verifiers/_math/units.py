"""Units of measurement: what is convertible, and by which factor.

    convertible("km", "m")                Fraction(1000)
    convertible("km/h", "m/s")            Fraction(5, 18)
    convertible("square feet", "in^2")    Fraction(144)
    convertible("kg", "m")                None

Factors are exact (SI brochure, 9th edition, 2019; NIST Special Publication 811, 2008); customary volumes are those of
the United States. A currency, a temperature scale and a counted thing ("apples") convert to themselves only, and so
does the radian, whose factor to the degree is irrational.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction

from agentrl.verifiers._math import unit_table as table

__all__ = ["Dimension", "Unit", "convertible", "lookup"]

Dimension = tuple[tuple[str, int], ...]
"""Sorted pairs of a base quantity and its power, such as (("length", 1), ("time", -1))."""

MAX_CHARS = 64
MAX_POWER = 9


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit.

    Attributes:
        dimension: What it measures.
        factor: Its size in the base units of that dimension.
    """

    dimension: Dimension
    factor: Fraction


def convertible(a: str, b: str) -> Fraction | None:
    """By what a value in `a` is multiplied to be a value in `b`; None where it cannot be.

    >>> convertible("hours", "min"), convertible("km", "kg")
    (Fraction(60, 1), None)
    """
    if a == b:
        return Fraction(1)
    left, right = lookup(a), lookup(b)
    if left is None or right is None or left.dimension != right.dimension:
        return None
    return left.factor / right.factor


@functools.lru_cache(maxsize=2048)
def lookup(name: str) -> Unit | None:
    r"""The unit with a name: a symbol, a word, a plural, or a compound such as "kg m/s^2" or "miles per hour".

    >>> lookup("km"), lookup("million")
    (Unit(dimension=(('length', 1),), factor=Fraction(1000, 1)), None)
    """
    if len(name) > MAX_CHARS:
        return None
    text = name.translate(_MARKS).strip().removesuffix(".")
    whole = _simple(text)
    if whole is not None:
        return whole
    tokens = _TOKEN.findall(_WORDS.sub(lambda match: _WORD_SIGNS[match[0].casefold()], text))
    found, rest = _compound(tokens, 0)
    return found if rest == len(tokens) else None


_MARKS = str.maketrans(
    {"²": "^2", "³": "^3", "⁻": "^-", "¹": "1", "·": "*", "⋅": "*", "×": "*", "µ": "μ", "Ω": "Ω", "−": "-"}
)
_WORD_SIGNS = {"per": "/", "squared": "^2", "cubed": "^3"}
_WORDS = re.compile(r"\b(?:per|squared|cubed)\b", re.IGNORECASE)
_TOKEN = re.compile(r"\^(?:-?[0-9]++|\{-?[0-9]++\})|[/*()]|(?:[^\W\d_]|['\"$€£¥₹%°])++|\S")
_POWER = re.compile(r"\^\{?+(-?[0-9]++)\}?+")


def _compound(tokens: list[str], position: int) -> tuple[Unit | None, int]:
    """Factors in a row; "/" turns the next one only."""
    total, over, pending = Unit((), Fraction(1)), False, True
    while position < len(tokens) and tokens[position] != ")":
        token = tokens[position]
        if token in "/*":
            if pending and (token == "*" or position):
                return None, position
            over, pending, position = token == "/", True, position + 1
            continue
        unit, position = _factor(tokens, position)
        if unit is None:
            return None, position
        total = _times(total, unit, -1 if over else 1)
        over, pending = False, False
    return (None if pending else total), position


def _factor(tokens: list[str], position: int) -> tuple[Unit | None, int]:
    """One unit with its power: "cm", "cm^2", "square cm", "(kg m)"."""
    power = table.POWERS.get(tokens[position].casefold(), 1)
    if power != 1:
        position += 1
    unit, position = _base(tokens, position)
    if unit is None or position >= len(tokens) or not (match := _POWER.fullmatch(tokens[position])):
        return (None if unit is None else _raised(unit, power)), position
    written = int(match[1])
    if power != 1 or not 1 <= abs(written) <= MAX_POWER:
        return None, position
    return _raised(unit, written), position + 1


def _base(tokens: list[str], position: int) -> tuple[Unit | None, int]:
    """A name of one or two words, or a compound in brackets."""
    if position >= len(tokens):
        return None, position
    if tokens[position] == "(" and tokens.count("(") == 1:
        unit, position = _compound(tokens, position + 1)
        closed = position < len(tokens) and tokens[position] == ")"
        return (unit if closed else None), position + 1
    two = _simple(" ".join(tokens[position : position + 2])) if position + 1 < len(tokens) else None
    if two is not None:
        return two, position + 2
    return _simple(tokens[position]), position + 1


def _simple(name: str) -> Unit | None:
    """A unit without powers and slashes: as written, then in small letters, then as a plural."""
    spelt = " ".join(name.split())
    if not spelt or spelt[-1] in "^/*(":
        return None
    small = spelt.casefold() if len(spelt) > 2 else spelt
    return next((unit for form in (spelt, small, *_singulars(small)) if (unit := _named(form)) is not None), None)


def _singulars(word: str) -> list[str]:
    """What a word may be the plural of."""
    found = [word[: -len(ending)] + other for ending, other in table.PLURALS if word.endswith(ending)]
    return [form for form in found if len(form) > 1]


def _named(name: str) -> Unit | None:
    if (entry := table.UNITS.get(table.ALIASES.get(name, name))) is not None:
        return Unit(entry[0], entry[1])
    counted = table.ALIASES.get(name, name)
    if counted in table.COUNTED:
        return Unit(((counted, 1),), Fraction(1))
    for prefixes, bases in ((table.PREFIXES, table.PREFIXED), (table.PREFIX_WORDS, table.PREFIXED_WORDS)):
        for prefix, factor in prefixes.items():
            base = name.removeprefix(prefix)
            if base != name and base in bases:
                dimension, size = table.UNITS[table.ALIASES.get(base, base)]
                return Unit(dimension, size * factor)
    return None


def _raised(unit: Unit, power: int) -> Unit:
    return Unit(tuple((name, p * power) for name, p in unit.dimension), unit.factor**power)


def _times(a: Unit, b: Unit, power: int) -> Unit:
    other = _raised(b, power)
    total = dict(a.dimension)
    for name, p in other.dimension:
        total[name] = total.get(name, 0) + p
    return Unit(tuple(sorted((name, p) for name, p in total.items() if p)), a.factor * other.factor)
