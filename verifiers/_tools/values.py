"""Comparators of values: what a gold says about an argument, a field of an event or a place in a state.

A text, a number, true, false or null stands for itself: a text is compared without case, and with white space at its
ends cut off and runs of it as one space; a number by its value. A list is compared item by item. A mapping names a
comparator:

    {"exact": value}                    equal to the last character
    {"value": value}                    as above; also for a value that is a mapping itself
    {"number": x, "rel": r, "abs": a}   a number at most max(r |x|, a) away
    {"string": text, "ignore": "punctuation"}    a text without white space and punctuation; not counted as such are
                                        symbols (+, $), a minus sign, and . , / : % where they are parts of a number
    {"date": "2024-05-06", "order": "mdy"}       a day, however it is written; or a moment, "2024-05-06T10:00:00Z"
    {"one_of": [...]}                   any of these
    {"set": [...]}                      a list of these in any order
    {"list": [...]}                     a list of these in this order
    {"object": {key: ...}}              a mapping with these keys
    {"regex": pattern, "example": text} a text that the pattern fits as a whole
    {"any": example}                    anything
    {"default_ok": ...}                 in a mapping or among arguments: may be left out
"""

from __future__ import annotations

import datetime
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args

from agentrl.errors import DataError, suggest
from agentrl.verifiers._reading.matching import perfect_matching
from agentrl.verifiers._reading.patterns import PatternError
from agentrl.verifiers._tools.dates import Order, read_date, read_moment
from agentrl.verifiers._tools.letters import letters
from agentrl.verifiers._tools.patterns import PatternTimeout, check_pattern, found
from agentrl.verifiers._tools.plain import PlainError, plain

__all__ = ["Matcher", "Object", "checked", "fold", "read_matcher", "read_object", "same"]

MAX_SET = 256


class Matcher(Protocol):
    """What a gold says about one value."""

    def matches(self, value: Any) -> bool:
        """Whether a plain value will do."""

    def examples(self) -> list[Any]:
        """Some values that will do, the plainest first; never none."""


def fold(text: str) -> str:
    """A text without case, with single spaces, and with its accents in one spelling.

    >>> fold(" New   YORK ")
    'new york'
    """
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def same(a: Any, b: Any, text: Callable[[str], str] = fold) -> bool:
    """Whether two plain values are equal; true is not 1.

    >>> same([1, "Ann"], [1.0, "ann "]), same(1, True), same("1.5", "15"), same("1", 1)
    (True, False, False, False)
    """
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and text(a) == text(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, text) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key], text) for key in a)
    return isinstance(a, int | float) and isinstance(b, int | float) and a == b


@dataclass(frozen=True, slots=True)
class Equal:
    """A value; texts compared after `text`."""

    value: Any
    text: Callable[[str], str] = fold

    def matches(self, value: Any) -> bool:
        """Equal to it."""
        return same(self.value, value, self.text)

    def examples(self) -> list[Any]:
        """It, and another spelling of a text."""
        if not isinstance(self.value, str) or self.text is str:
            return [self.value]
        swapped = [s for s in (self.value.swapcase(), f" {self.value} ") if self.matches(s)]
        return [self.value, *swapped]


@dataclass(frozen=True, slots=True)
class Number:
    """A number within a tolerance."""

    value: float
    rel: float
    abs: float

    def matches(self, value: Any) -> bool:
        """A number that is near enough."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return value == self.value or math.isclose(value, self.value, rel_tol=0.0, abs_tol=self.reach)

    @property
    def reach(self) -> float:
        """How far it may be away."""
        return max(self.rel * abs(self.value), self.abs)

    def examples(self) -> list[Any]:
        """It, and one near it."""
        return [self.value, self.value + self.reach / 2] if self.reach else [self.value]


@dataclass(frozen=True, slots=True)
class Day:
    """A day or a moment."""

    text: str
    value: datetime.date
    order: Order

    def matches(self, value: Any) -> bool:
        """A text that names the same one."""
        if not isinstance(value, str):
            return False
        read = read_moment(value) if isinstance(self.value, datetime.datetime) else read_date(value, self.order)
        return read is not None and read == self.value

    def examples(self) -> list[Any]:
        """As given, and for a day in words."""
        words = f"{self.value:%B} {self.value.day}, {self.value.year:04d}"
        return [self.text] if isinstance(self.value, datetime.datetime) else [self.text, words]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of several."""

    choices: tuple[Matcher, ...]

    def matches(self, value: Any) -> bool:
        """One of them will do."""
        return any(choice.matches(value) for choice in self.choices)

    def examples(self) -> list[Any]:
        """The plainest of each, then the others."""
        lists = [choice.examples() for choice in self.choices]
        return [e[0] for e in lists] + [other for e in lists for other in e[1:]]


@dataclass(frozen=True, slots=True)
class Items:
    """A list, in order or in any order."""

    items: tuple[Matcher, ...]
    order: Literal["kept", "any"]

    def matches(self, value: Any) -> bool:
        """A list of as many values, each with an item of its own."""
        if not isinstance(value, list) or len(value) != len(self.items):
            return False
        if self.order == "kept":
            return all(item.matches(v) for item, v in zip(self.items, value, strict=True))
        edges = [[i for i, v in enumerate(value) if item.matches(v)] for item in self.items]
        return perfect_matching(edges) is not None

    def examples(self) -> list[Any]:
        """The plainest items; in any order also backwards."""
        plainest = [item.examples()[0] for item in self.items]
        return [plainest] if self.order == "kept" or len(plainest) < 2 else [plainest, plainest[::-1]]


@dataclass(frozen=True, slots=True)
class Object:
    """A mapping; keys in `optional` may be missing."""

    fields: Mapping[str, Matcher]
    optional: frozenset[str]

    def matches(self, value: Any) -> bool:
        """No other keys, none missing, and each value will do."""
        if not isinstance(value, dict) or not value.keys() <= self.fields.keys():
            return False
        return all(
            matcher.matches(value[key]) if key in value else key in self.optional
            for key, matcher in self.fields.items()
        )

    def hits(self, value: Mapping[str, Any]) -> int:
        """How many of the fields are as they should be; one that is rightly left out is not counted."""
        return sum(key in value and matcher.matches(value[key]) for key, matcher in self.fields.items())

    def examples(self) -> list[Any]:
        """With all keys; without the optional ones; with the keys backwards; and with each other spelling."""
        full = {key: matcher.examples()[0] for key, matcher in self.fields.items()}
        least = {key: value for key, value in full.items() if key not in self.optional}
        found = [least, full] if self.optional else [full]
        found.append(dict(reversed(least.items())))
        for key in least:
            found += [{**least, key: other} for other in self.fields[key].examples()[1:3]]
        return found


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text that a pattern fits."""

    pattern: str
    example: str

    def matches(self, value: Any) -> bool:
        """It fits the whole text."""
        return isinstance(value, str) and found(self.pattern, value, "whole")

    def examples(self) -> list[Any]:
        """The given one."""
        return [self.example]


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever is given."""

    example: Any

    def matches(self, value: Any) -> bool:
        """Always."""
        return True

    def examples(self) -> list[Any]:
        """The given one."""
        return [self.example]


def read_matcher(given: Any, where: str) -> Matcher:
    """The comparator that a gold writes down; see the module.

    Args:
        given: A plain value.
        where: What it belongs to, for the message.

    Raises:
        DataError: It is none, with one line that says why.

    >>> read_matcher({"one_of": [5, "five"]}, "x").matches("Five"), read_matcher({"exact": "a"}, "x").matches("A")
    (True, False)
    """
    if isinstance(given, list):
        return _items(given, where, "kept")
    if not isinstance(given, dict):
        return Equal(given)
    heads = [key for key in given if key in _READERS]
    if len(heads) != 1:
        hint = suggest(next(iter(given), ""), _READERS)
        raise DataError(
            f"{where}: a mapping must name one comparator, got the keys {sorted(given)!r:.80}; {hint}; "
            'a mapping as a value is {"value": {...}}'
        )
    reader, others = _READERS[heads[0]]
    unknown = given.keys() - {heads[0], *others}
    if unknown:
        raise DataError(
            f"{where}: the comparator {heads[0]!r} takes {', '.join(others) or 'nothing else'}; "
            f"got {sorted(unknown)!r:.80}"
        )
    return reader(given, where)


def read_object(given: Any, where: str) -> Object:
    """Comparators by key.

    Raises:
        DataError: They are none.
    """
    if not isinstance(given, dict):
        raise DataError(f"{where}: expected a mapping of names to values, got {type(given).__name__}")
    optional, fields = set(), {}
    for key, inner in given.items():
        if isinstance(inner, dict) and inner.keys() == {"default_ok"}:
            optional.add(key)
            inner = inner["default_ok"]
        fields[key] = read_matcher(inner, f"{where}, {key!r:.40}")
    return Object(fields, frozenset(optional))


def _items(given: Any, where: str, order: Literal["kept", "any"]) -> Items:
    if not isinstance(given, list):
        raise DataError(f"{where}: expected a list, got {type(given).__name__}")
    if order == "any" and len(given) > MAX_SET:
        raise DataError(f"{where}: a set of {len(given)} is over the limit of {MAX_SET}")
    return Items(tuple(read_matcher(item, where) for item in given), order)


def _one_of(given: Mapping[str, Any], where: str) -> OneOf:
    choices = given["one_of"]
    if not isinstance(choices, list) or not choices:
        raise DataError(f"{where}: one_of needs a list with at least one value")
    return OneOf(tuple(read_matcher(choice, where) for choice in choices))


def _number(given: Mapping[str, Any], where: str) -> Number:
    values = [given["number"], given.get("rel", 0.0), given.get("abs", 0.0)]
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values) or min(values[1:]) < 0:
        raise DataError(f"{where}: number, rel and abs must be numbers, the last two not negative; got {values!r:.80}")
    return Number(*values)


def _string(given: Mapping[str, Any], where: str) -> Equal:
    ignore = given.get("ignore")
    if not isinstance(given["string"], str) or ignore not in (None, "punctuation"):
        raise DataError(f"{where}: string must be text, and ignore can only be punctuation; got {dict(given)!r:.80}")
    if ignore and not letters(given["string"]):
        raise DataError(f"{where}: {given['string']!r:.40} is nothing but punctuation")
    return Equal(given["string"], letters if ignore else fold)


def _day(given: Mapping[str, Any], where: str) -> Day:
    text, order = given["date"], given.get("order", "")
    if not isinstance(text, str) or order not in get_args(Order):
        raise DataError(f"{where}: date must be text, and order mdy or dmy; got {dict(given)!r:.80}")
    value = read_moment(text) or read_date(text, order)
    if value is None:
        raise DataError(f"{where}: {text!r:.60} is no day; write it as 2024-05-06, or 2024-05-06T10:00:00Z")
    return Day(text, value, cast(Order, order))


def _pattern(given: Mapping[str, Any], where: str) -> Pattern:
    pattern, example = given["regex"], given.get("example")
    if not isinstance(pattern, str) or not isinstance(example, str):
        raise DataError(f"{where}: regex needs a pattern and an example, both text")
    try:
        check_pattern(pattern, "whole")
    except PatternError as error:
        raise DataError(f"{where}: {error}") from None
    matcher = Pattern(pattern, example)
    try:
        fits = matcher.matches(example)
    except PatternTimeout:
        raise DataError(f"{where}: the pattern takes too long on its own example") from None
    if not fits:
        raise DataError(f"{where}: the pattern does not fit its own example")
    return matcher


def _default_ok(given: Mapping[str, Any], where: str) -> Matcher:
    raise DataError(f"{where}: default_ok stands for a whole argument or field, not inside another comparator")


_READERS: Mapping[str, tuple[Callable[[Mapping[str, Any], str], Matcher], Sequence[str]]] = {
    "exact": (lambda given, where: Equal(given["exact"], str), ()),
    "value": (lambda given, where: Equal(given["value"]), ()),
    "number": (_number, ("rel", "abs")),
    "string": (_string, ("ignore",)),
    "date": (_day, ("order",)),
    "one_of": (_one_of, ()),
    "set": (lambda given, where: _items(given["set"], where, "any"), ()),
    "list": (lambda given, where: _items(given["list"], where, "kept"), ()),
    "object": (lambda given, where: read_object(given["object"], where), ()),
    "regex": (_pattern, ("example",)),
    "any": (lambda given, where: Anything(given["any"]), ()),
    "default_ok": (_default_ok, ()),
}


def checked(given: Any, what: str) -> Any:
    """A plain copy of what a task gives.

    Raises:
        DataError: It is no JSON value.
    """
    try:
        return plain(given, max_nodes=100_000)
    except PlainError as error:
        raise DataError(f"{what}: {error}") from None
