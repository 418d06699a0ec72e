"""Days as people and programs write them, where the writing leaves no doubt."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Literal

__all__ = ["Order", "find_dates", "read_date", "read_moment"]

Order = Literal["", "mdy", "dmy"]
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBERS = {name: i for i, full in enumerate(_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}
_WORD = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th)?+"
_FORMS = (
    (re.compile(r"(?<![\w/.-])([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})(?![\w/-])(?!\.[0-9])"), (1, 3, 4)),
    (re.compile(rf"(?<!\w)({_WORD})\.?+ {{1,3}}{_DAY},?+ {{1,3}}([0-9]{{4}})(?!\w)", re.IGNORECASE), (3, 1, 2)),
    (
        re.compile(
            rf"(?<![\w.-]){_DAY} {{1,3}}(?:of {{1,3}})?+({_WORD})\.?+,?+ {{1,3}}([0-9]{{4}})(?!\w)", re.IGNORECASE
        ),
        (3, 2, 1),
    ),
)
_SLASHED = re.compile(r"(?<![\w/.-])([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})(?![\w/-])(?!\.[0-9])")
_SLASH_ORDER = {"mdy": (4, 1, 3), "dmy": (4, 3, 1)}
MAX_CHARS = 60


def find_dates(text: str, order: Order = "") -> Iterator[tuple[datetime.date, int, int]]:
    """The days that a text names, each with where it begins and ends.

    Args:
        text: Of any length.
        order: How to read 5/6/2024; without it, such days are not read.

    >>> [day.isoformat() for day, _, _ in find_dates("from 2024-05-06 to the 7th of June 2024, not 5/6/2024")]
    ['2024-05-06', '2024-06-07']
    """
    forms = (*_FORMS, (_SLASHED, _SLASH_ORDER[order])) if order else _FORMS
    for pattern, groups in forms:
        for match in pattern.finditer(text):
            year, month, day = (match.group(group) for group in groups)
            number = _NUMBERS.get(month.lower()) or int(month)
            try:
                yield datetime.date(int(year), number, int(day)), match.start(), match.end()
            except ValueError:  # the 31st of June
                continue


def read_date(text: str, order: Order = "") -> datetime.date | None:
    """The day that a text is, and nothing else.

    >>> read_date("May 6th, 2024"), read_date("2024-02-30"), read_date("on 2024-05-06")
    (datetime.date(2024, 5, 6), None, None)
    """
    text = text.strip()
    if len(text) > MAX_CHARS:
        return None
    return next((day for day, start, end in find_dates(text, order) if (start, end) == (0, len(text))), None)


def read_moment(text: str) -> datetime.datetime | None:
    """A day with a time as ISO 8601 writes it.

    >>> read_moment("2024-05-06T10:00:00Z") == read_moment("2024-05-06T12:00:00+02:00")
    True
    """
    try:
        return datetime.datetime.fromisoformat(text.strip()) if "T" in text and len(text) <= MAX_CHARS else None
    except ValueError:
        return None
