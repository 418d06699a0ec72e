"""Texts without their punctuation."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["letters"]

_POWER = re.compile(r"[\u00b2\u00b3\u00b9\u2070\u2074-\u207b]+")
_MINUS = re.compile(r"(?<!\w)[\u2212\u2013](?=\.?\d)")
_PLUS_OR_TICK = re.compile(r"(?<!\w)\+(?=\.?\d)|`")
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})++(?![\w,])")
_OF_NUMBERS = re.compile(r"(?<!\w)-(?=\.?\d)|(?<=\d)[.,/:](?=\d)|(?<![\w.])\.(?=\d)|(?<=\d)%|(?<=\d\s)%")
_BREAKS = ("P", "Z", "C")


def letters(text: str) -> str:
    """A text without white space and punctuation; what belongs to a number stays.

    >>> [letters(t) for t in ("New-York!", "room no. 5", "-5", "1.5", "1,500", "1/2", "555-1234", "C++")]
    ['newyork', 'roomno5', '-5', '1.5', '1500', '1/2', '5551234', 'c++']
    """
    text = unicodedata.normalize("NFKC", _POWER.sub(r"^\g<0>", text)).casefold()
    text = _PLUS_OR_TICK.sub("", _MINUS.sub("-", text))
    text = _GROUPED.sub(lambda match: match.group().replace(",", ""), text)
    kept = {match.start() for match in _OF_NUMBERS.finditer(text)}
    return "".join(c for i, c in enumerate(text) if i in kept or unicodedata.category(c)[0] not in _BREAKS)
