"""Numbers, lengths of time, days and times of the day as people say them."""

from __future__ import annotations

import random

__all__ = ["away_from_today", "in_words", "lasting", "listed", "spoken", "twelve_hours"]

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def in_words(number: int) -> str:
    """A whole number from 0 to 999 in words.

    >>> in_words(0), in_words(21), in_words(340), in_words(105)
    ('zero', 'twenty-one', 'three hundred and forty', 'one hundred and five')
    """
    if number >= 100:
        rest = number % 100
        return f"{_ONES[number // 100]} hundred" + (f" and {in_words(rest)}" if rest else "")
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")


def listed(words: list[str]) -> str:
    """Words as a list.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def lasting(minutes: int, rng: random.Random) -> str:
    """Minutes as hours and their parts."""
    hours, rest = divmod(minutes, 60)
    if rest == 0:
        return "an hour" if hours == 1 else f"{in_words(hours)} hours"
    if rest == 30:
        return ("half an hour", "an hour and a half")[hours] if hours < 2 else f"{in_words(hours)} and a half hours"
    if hours == 0:
        return "three quarters of an hour" if rest == 45 else f"{rng.choice((str(rest), in_words(rest)))} minutes"
    return f"{'an hour' if hours == 1 else f'{in_words(hours)} hours'} and {rest} minutes"


def away_from_today(rng: random.Random) -> tuple[int, str]:
    """A number of days and how it is said."""
    count = rng.randint(3, 20)
    return rng.choice(
        (
            (1, "tomorrow"),
            (2, "the day after tomorrow"),
            (7, "a week from today"),
            (count, f"{in_words(count)} days from now"),
        )
    )


def twelve_hours(hour: int, quarter: int) -> str:
    """A quarter of an hour on a clock of twelve hours.

    >>> twelve_hours(14, 2), twelve_hours(9, 0), twelve_hours(12, 1)
    ('2:30 pm', '9 am', '12:15 pm')
    """
    if (hour, quarter) == (12, 0):
        return "noon"
    minutes = f":{15 * quarter:02d}" if quarter else ""
    return f"{(hour - 1) % 12 + 1}{minutes} {'am' if hour < 12 else 'pm'}"


def spoken(hour: int, quarter: int) -> str:
    """A quarter of an hour in words.

    >>> spoken(14, 3), spoken(9, 0), spoken(12, 0)
    ('quarter to three in the afternoon', 'nine in the morning', 'noon')
    """
    if (hour, quarter) == (12, 0):
        return "noon"
    named = in_words((hour - 1 + (quarter == 3)) % 12 + 1)
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"{('', 'quarter past ', 'half past ', 'quarter to ')[quarter]}{named} in the {part}"
