"""The arguments of an instruction, read once and strictly: a wrong one would make its check mean something else."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from agentrl.errors import DataError, suggest
from agentrl.verifiers._instructions.language import LANGUAGES
from agentrl.verifiers._reading.text import fold, has_word

__all__ = [
    "Reader",
    "compare",
    "count",
    "keyword",
    "keywords",
    "language",
    "letter",
    "name",
    "read",
    "relation",
    "text",
    "wordy",
]

Reader = Callable[[Any], Any]
_MAX_TEXT = 10_000
_MAX_KEYWORD = 200
_MAX_KEYWORDS = 64
_RELATIONS: Mapping[str, Callable[[int, int], bool]] = {
    "at least": operator.ge,
    "at most": operator.le,
    "exactly": operator.eq,
    "less than": operator.lt,
}


def read(what: str, readers: Mapping[str, Reader], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check names and values; a null stands for an argument that is absent, as in tables with one column each.

    Raises:
        DataError: A name or a value is wrong.
    """
    given = {key: value for key, value in given.items() if value is not None}
    for key in given:
        if key not in readers:
            raise DataError(f"{what} has no argument {key!r}: {suggest(str(key), readers)}")
    for key in readers:
        if key not in given:
            raise DataError(f"{what} needs the argument {key!r}")
    found = {}
    for key, reader in readers.items():
        try:
            found[key] = reader(given[key])
        except ValueError as error:
            raise DataError(f"{what}: {key} must be {error}, got {given[key]!r:.60}") from None
    return found


def compare(found: int, relation: str, wanted: int) -> bool:
    """Whether a number stands in a relation.

    >>> compare(3, "at least", 3), compare(3, "less than", 3), compare(3, "at most", 3), compare(4, "exactly", 3)
    (True, False, True, False)
    """
    return _RELATIONS[relation](found, wanted)


def count(value: Any) -> int:
    """A whole number from 1 on: "at least 0" would hold of anything, "less than 0" of nothing."""
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise ValueError("a whole number from 1 on")
    return value


def relation(value: Any) -> str:
    """The name of a relation."""
    if value not in tuple(_RELATIONS):
        raise ValueError(f"one of {', '.join(_RELATIONS)}")
    return str(value)


def text(value: Any) -> str:
    """A text that is not blank."""
    if not isinstance(value, str) or not fold(value) or len(value) > _MAX_TEXT:
        raise ValueError(f"a text of 1 to {_MAX_TEXT} characters")
    return value.strip()


def wordy(value: Any) -> str:
    """A text with a letter or a digit."""
    if not has_word(text(value)):
        raise ValueError("a text with a letter or a digit")
    return text(value)


def keyword(value: Any) -> str:
    """A word or a few."""
    if len(text(value)) > _MAX_KEYWORD:
        raise ValueError(f"a text of 1 to {_MAX_KEYWORD} characters")
    return text(value)


def keywords(value: Any) -> tuple[str, ...]:
    """Some keywords."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MAX_KEYWORDS:
        raise ValueError(f"a list of 1 to {_MAX_KEYWORDS} texts")
    return tuple(keyword(item) for item in value)


def letter(value: Any) -> str:
    """One character; not only a letter, for public data ask for exclamation marks as well."""
    if not isinstance(value, str) or len(value.strip()) != 1:
        raise ValueError("one character")
    return value.strip()


def name(value: Any) -> str:
    """A word or a few that mark a place, such as Section or P.S."""
    if len(wordy(value)) > 40 or "\n" in value:
        raise ValueError("a text of 1 to 40 characters in one line, with a letter or a digit")
    return wordy(value)


def language(value: Any) -> str:
    """The code of a language that can be detected."""
    if not isinstance(value, str) or value not in LANGUAGES:
        raise ValueError("an ISO 639-1 code of a language that can be detected, such as en")
    return str(value)
