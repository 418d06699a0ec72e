"""Values that a text names, and whether it states one of them or only lists it among others.

Two values that stand next to each other are listed together where nothing but words such as "or", "to", "maybe" and "it
is" stands between them: "3, 4 or 5", "between 5 and 9", "It is 3. It is 4." Values with units of their own, as in
"2 adults and 3 bags", are listed together only by words that doubt, such as "or".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentrl.verifiers._tools.words import SMALL, words_of

__all__ = ["Said", "lists", "operands_left_out", "said_last", "with_unit"]

_WORD = re.compile(r"[^\W\d_]++(?:['’][^\W\d_]++)*+")
_DOUBT = words_of(
    "or maybe perhaps possibly probably presumably might could may either alternatively otherwise between else guess"
)
_BETWEEN = _DOUBT | words_of(
    """
    and to is it its it's it’s that's that’s i'd i’d this that these be would can then not if about around approximately
    roughly circa through until till up down the a an also as well even instead no sorry i think say said mean there are
    was were will answer answers value values result number solution output option options candidate candidates guesses
    next first second third finally last
    """
)
_UNITS = {
    **dict.fromkeys(("usd", "dollar", "dollars", "us$", "bucks"), "$"),
    **dict.fromkeys(("eur", "euro", "euros"), "€"),
    **dict.fromkeys(("gbp", "pound", "pounds"), "£"),
    **dict.fromkeys(("jpy", "yen"), "¥"),
    **dict.fromkeys(("percent", "pct"), "%"),
}
_AFTER = re.compile(r"[ \t\u00a0]{0,2}+(%|[$€£¥]|[^\W\d_]++)")
_OPERATOR = re.compile(r"[)\s]*+[+\-\u2212*/\u00d7\u00f7\u00b7x=][\s($€£¥]*+\Z")
_VERBS = frozenset(("were", "went", "goes", "comes", "costs", "remain", "remains", "left", "altogether", "including"))
_NAMED = words_of(
    """
    order gate room step flight page row seat table section version category chapter level line floor platform terminal
    account apartment suite bus train
    """
)


@dataclass(frozen=True, slots=True)
class Said:
    """A value at its place in a text, with what it counts."""

    value: Any
    start: int
    end: int
    unit: str = ""


def with_unit(said: Said, text: str, symbol: str) -> Said:
    """A number with the unit before or after it: a mark of money or percent, or a noun.

    >>> with_unit(Said(5, 0, 1), "5 items", "").unit, with_unit(Said(5, 0, 1), "5 of them", "").unit
    ('item', '')
    """
    found = _AFTER.match(text, said.end)
    if found is None:
        return replace(said, unit=symbol)
    word = found.group(1).lower()
    if word in SMALL or word in _BETWEEN or word in _VERBS or word == "x":
        return replace(said, unit=symbol)
    unit = symbol or _UNITS.get(word) or (word if len(word) < 2 else word.removesuffix("s"))
    return replace(said, unit=unit, end=found.end())


def operands_left_out(said: Sequence[Said], text: str) -> list[Said]:
    """Without the numbers that a calculation begins with: of "2 * 3 = 6", the 6 is left."""
    kept: list[Said] = []
    chain: list[Said] = []
    for i, one in enumerate(said):
        gap = text[said[i - 1].end : one.start] if i else ""
        if not i or not _OPERATOR.match(gap):
            kept += chain
            chain = []
        chain = [one] if "=" in gap and chain else [*chain, one]
    return kept + chain


def _linked(one: Said, other: Said, text: str) -> bool:
    words = {word.lower() for word in _WORD.findall(text[one.end : other.start])}
    alike = one.unit == other.unit or not one.unit or {one.unit, other.unit} <= {"", "$", "€", "£", "¥"}
    return words <= _BETWEEN and (alike or not words.isdisjoint(_DOUBT))


def lists(said: Sequence[Said], text: str) -> list[list[Said]]:
    """The values, in order, each with those that it is listed together with.

    >>> [len(one) for one in lists([Said(3, 0, 1), Said(4, 5, 6), Said(9, 14, 15)], "3 or 4 of the 9")]
    [2, 1]
    """
    found: list[list[Said]] = []
    for one in said:
        if found and _linked(found[-1][-1], one, text):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def said_last(at: int, said: Sequence[Said], text: str, *, is_other: Callable[[Said], bool]) -> bool:
    """Whether no other value of its unit follows the one at a place; the 7 of "order 7" counts nothing."""
    for one in said[at + 1 :]:
        before = _WORD.findall(text[max(0, one.start - 40) : one.start])
        named = text[one.start - 1] == " " and bool(before) and before[-1].lower() in _NAMED
        if one.unit == said[at].unit and not named and is_other(one):
            return False
    return True
