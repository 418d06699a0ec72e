"""Consent: a customer's yes is for what they were asked, and for nothing else.

A question names the tools that will be called, as `cancel_order` or in words, "cancel order", and the ids and numbers
that they will be given. A yes to it covers a call of one of these tools with these ids and numbers, until the next yes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["MAX_TOOLS", "Consent", "named", "names", "values_of"]

MAX_TOOLS = 3
"""Tools that one yes may be for: to list them all is to say nothing."""
_NUMBER = re.compile(r"(?<![\w.-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Consent:
    """What a yes is for.

    Attributes:
        tools: The tools that the question names.
        question: The question, in lower case.
    """

    tools: tuple[str, ...]
    question: str

    def covers(self, tool: str, arguments: Mapping[str, Any], is_id: Callable[[str], bool]) -> bool:
        """Whether a call was agreed to; other texts than ids need not have been said.

        >>> yes = Consent(("set_limit",), "i will set limit of cd12 to $1,500. ok?")
        >>> calls = ({"card": "CD12", "limit": 1500}, {"card": "CD1", "limit": 1500}, {"card": "CD12", "limit": 150})
        >>> [yes.covers("set_limit", call, {"CD1", "CD12"}.__contains__) for call in calls]
        [True, False, False]
        """
        if tool not in self.tools:
            return False
        numbers = {float(found.replace(",", "")) for found in _NUMBER.findall(self.question)}
        return all(
            not is_id(value) or names(self.question, value) if isinstance(value, str) else value in numbers
            for value in values_of(arguments)
        )


def named(tools: Sequence[str], said: str) -> tuple[str, ...]:
    """The tools that a text in lower case names.

    >>> named(["cancel_order", "get_order", "block"], "shall i cancel order w1? i can unblock it, too.")
    ('cancel_order',)
    """
    said = said.replace("_", " ")
    return tuple(tool for tool in tools if names(said, tool.replace("_", " ")))


def names(said: str, id: str) -> bool:
    """Whether a text in lower case has an id as a whole word."""
    return id.lower() in said and re.search(rf"(?<!\w){re.escape(id.lower())}(?!\w)", said) is not None


def values_of(given: Any) -> Iterator[str | float]:
    """The texts and numbers in a value.

    >>> list(values_of({"id": "W1", "lines": ["W1-1"], "paid": 50, "gift": True}))
    ['W1', 'W1-1', 50]
    """
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, list):
        for inner in given:
            yield from values_of(inner)
    elif isinstance(given, str | int | float) and not isinstance(given, bool):
        yield given
