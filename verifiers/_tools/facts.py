"""Facts that an answer must state, as typed values located in its text, and not as one of a long list.

    {"type": "number", "value": 54.04, "rel": 0, "abs": 0.005}
    {"type": "date", "value": "2024-05-06", "order": "mdy"}    `order`: how 5/6/2024 is to be read, if at all
    {"type": "id", "value": "#W2378156"}
    {"type": "text", "value": "gold", "among": ["gold", "silver", "bronze"]}

A fact is not stated where it is one of several values that are listed together (`listings.py`), unless these are facts
as well; where the text names over two values of its type more than there are facts of it; as a number, where
another one of the same unit follows ("$54.04. You have $100 left."; a sum may follow its parts); or as a text, where
another one is named that is no fact. Where a right answer may name others, "max_candidates" says how many different
values the text may name, and stands in place of all this.

Candidates of an id are the words of its shape: letters, digits and marks in the same places. Candidates of a text are
the members of "among". Numbers are digits, not words, and not parts of dates, ids, times, ranges and ordinals; those
that number the lines of a list, stand before "=" or after "of" are left out, and so are those in brackets where one of
their unit stands outside.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from agentrl.errors import DataError
from agentrl.verifiers._tools.dates import find_dates
from agentrl.verifiers._tools.listings import Said, lists, operands_left_out, said_last, with_unit
from agentrl.verifiers._tools.values import Day, Matcher, Number, fold, read_matcher

__all__ = ["Fact", "read_facts"]

_NUMBER = re.compile(
    r"(?<![\w.,#/:-])([-+\u2212]?)([$€£¥]?)((?:[0-9]{1,3}(?:,[0-9]{3})++|[0-9]++)(?:\.[0-9]++)?)(?![\w#]|[.,/:-][0-9])"
)
_LINE = re.compile(r"^[ \t]{0,8}+([0-9]{1,3})[.)](?=[ \t])", re.MULTILINE)
_TOTAL = re.compile(
    r"(?:[0-9]|\b(?:one|two|three|four|five|any|some|none|either))[^\W\d_\n ]{0,20} (?:[^\W\d_]{1,20} )?(?:out )?of \Z",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^()]*+\)")
_TOKEN = re.compile(r"[\w#][\w#@:/.-]*+")
_EDGES = ".:/-"
MAX_DIGITS = 40
MAX_AMONG = 1000
MAX_OTHERS = 2
_KEYS: Mapping[str, frozenset[str]] = {
    "number": frozenset(("rel", "abs")),
    "date": frozenset(("order",)),
    "id": frozenset(),
    "text": frozenset(("among",)),
}


class _Kind(Protocol):
    def candidates(self, text: str) -> list[Said]:
        """The values of this kind that a text names, in order."""

    def accepts(self, candidate: Any) -> bool:
        """Whether one of them is the fact."""

    def sentence(self) -> str:
        """The value as words of a reply."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, the facts of its type, and how many values of its kind a text may name where the gold says so."""

    kind: _Kind
    peers: tuple[_Kind, ...]
    most: int | None

    def stated(self, text: str) -> bool:
        """Whether a text states it, and not too much beside it."""
        said = self.kind.candidates(text)
        count, places = len({one.value for one in said}), [i for i, s in enumerate(said) if self.kind.accepts(s.value)]
        if not places or self.most is not None:
            return bool(places) and count <= (self.most or 0)
        if isinstance(self.kind, _Words):
            return not any(map(self._is_other, said))
        if count > len(self.peers) + MAX_OTHERS or any(map(self._is_hidden, lists(said, text))):
            return False
        return not isinstance(self.kind, _Amount) or said_last(places[-1], said, text, is_other=self._is_other)

    def _is_hidden(self, listed: list[Said]) -> bool:
        return any(self.kind.accepts(one.value) for one in listed) and any(map(self._is_other, listed))

    def _is_other(self, said: Said) -> bool:
        return not any(peer.accepts(said.value) for peer in self.peers)


@dataclass(frozen=True, slots=True)
class _Amount:
    value: Number

    def candidates(self, text: str) -> list[Said]:
        for _, start, end in (*find_dates(text), *find_dates(text, "mdy"), *find_dates(text, "dmy")):
            text = text[:start] + "_" * (end - start) + text[end:]
        lines = _numbered_lines(text)
        found = [
            with_unit(Said(_number(m.group(1), m.group(3)), m.start(), m.end()), text, m.group(2))
            for m in _NUMBER.finditer(text)
            if m.start(3) not in lines and not _TOTAL.search(text, max(0, m.start() - 60), m.start())
        ]
        found = operands_left_out(found, text)
        inside = {place for match in _ASIDE.finditer(text) for place in range(*match.span())}
        aside = {one for one in found if one.start in inside}
        outside = {one.unit for one in found if one not in aside}
        return [one for one in found if one not in aside or one.unit not in outside]

    def accepts(self, candidate: Any) -> bool:
        return self.value.matches(candidate)

    def sentence(self) -> str:
        return f"{decimal.Decimal(repr(self.value.value)):f}"


def _numbered_lines(text: str) -> set[int]:
    """Where the numbers of lines stand that count from 1."""
    found = list(_LINE.finditer(text))
    counts = len(found) > 1 and [int(match.group(1)) for match in found] == list(range(1, len(found) + 1))
    return {match.start(1) for match in found} if counts else set()


def _number(sign: str, digits: str) -> Any:
    """The value; the text itself where it is too long for one."""
    digits = digits.replace(",", "")
    if len(digits) > MAX_DIGITS:
        return digits
    value = float(digits) if "." in digits else int(digits)
    return -value if sign in ("-", "\u2212") else value


@dataclass(frozen=True, slots=True)
class _Date:
    day: Day

    def candidates(self, text: str) -> list[Said]:
        return sorted((Said(*found) for found in find_dates(text, self.day.order)), key=lambda said: said.start)

    def accepts(self, candidate: Any) -> bool:
        return bool(candidate == self.day.value)

    def sentence(self) -> str:
        return self.day.text


@dataclass(frozen=True, slots=True)
class _Id:
    value: str

    def candidates(self, text: str) -> list[Said]:
        words = ((match.group().rstrip(_EDGES).casefold(), match.start()) for match in _TOKEN.finditer(text))
        shape = _shape(self.value)
        return [Said(word, start, start + len(word)) for word, start in words if _shape(word) == shape]

    def accepts(self, candidate: Any) -> bool:
        return bool(candidate == self.value.casefold())

    def sentence(self) -> str:
        return self.value


def _shape(word: str) -> str:
    """Runs of letters as a, runs of digits as 9, marks as they are; a number alone by its length."""
    if word.isdecimal():
        return "9" * len(word)
    return re.sub(r"9++", "9", re.sub(r"a++", "a", "".join(_class(c) for c in word[:200])))


def _class(character: str) -> str:
    return "9" if character.isdecimal() else "a" if character.isalpha() else character


@dataclass(frozen=True, slots=True)
class _Words:
    value: str
    among: tuple[str, ...]  # folded, the longest first

    def candidates(self, text: str) -> list[Said]:
        said, named = fold(text), []
        for phrase in self.among:
            pieces, at = [], 0
            for place in _places(phrase, said):
                pieces.append(said[at:place])
                at = place + len(phrase)
            if pieces:  # "gold" is not named by "gold plus"
                named.append(Said(phrase, 0, 0))
                said = "\0".join([*pieces, said[at:]])
        return named

    def accepts(self, candidate: Any) -> bool:
        return bool(candidate == fold(self.value))

    def sentence(self) -> str:
        return self.value


def _places(phrase: str, text: str) -> Iterator[int]:
    """Where a phrase stands as whole words."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not (at and text[at - 1].isalnum()) and not text[end : end + 1].isalnum():
            yield at
        at = text.find(phrase, end)


def read_facts(given: Any) -> tuple[Fact, ...]:
    """The facts that a gold writes down; see the module.

    Raises:
        DataError: They are none.

    >>> fact, = read_facts([{"type": "number", "value": 7}])
    >>> [fact.stated(text) for text in ("It is 7.", "It is 17.", "One of 5, 6, 7 or 8.", "On 7 May 2024")]
    [True, False, False, False]
    """
    if not isinstance(given, list) or not all(isinstance(fact, dict) for fact in given):
        raise DataError(f"outputs must be a list of facts, got {given!r:.60}")
    read = [_fact(fact, f"output {number}") for number, fact in enumerate(given, 1)]
    peers = [tuple(other for other, _ in read if type(other) is type(kind)) for kind, _ in read]
    return tuple(Fact(kind, others, most) for (kind, most), others in zip(read, peers, strict=True))


def _fact(given: dict[str, Any], where: str) -> tuple[_Kind, int | None]:
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise DataError(f"{where}: type must be one of {', '.join(_KEYS)}; got {kind!r:.40}")
    unknown = given.keys() - {"type", "value", "max_candidates"} - _KEYS[kind]
    if unknown or "value" not in given:
        raise DataError(
            f"{where}: needs a value, and may have max_candidates, {', '.join(sorted(_KEYS[kind]))}; "
            f"got {sorted(given)!r:.80}"
        )
    most = given.get("max_candidates")
    if most is not None and (type(most) is not int or most < 1):
        raise DataError(f"{where}: max_candidates must be a number from 1, got {most!r:.40}")
    return _kind(cast(Literal["number", "date", "id", "text"], kind), given, where), most


def _kind(kind: Literal["number", "date", "id", "text"], given: Mapping[str, Any], where: str) -> _Kind:
    value = given["value"]
    if kind in ("number", "date"):
        options = {key: given[key] for key in _KEYS[kind] & given.keys()}
        matcher: Matcher = read_matcher({kind: value, **options}, where)
        if isinstance(matcher, Number):
            return _Amount(matcher)
        assert isinstance(matcher, Day)
        if "T" in matcher.text:
            raise DataError(f"{where}: a date in a text is a day, got {value!r:.40}")
        return _Date(matcher)
    if not isinstance(value, str) or not fold(value):
        raise DataError(f"{where}: value must be text, got {value!r:.40}")
    if kind == "id":
        fitted = _TOKEN.fullmatch(value)
        if fitted is None or value != value.rstrip(_EDGES) or not any(c.isdecimal() for c in value):
            raise DataError(f"{where}: an id is one word with a digit, got {value!r:.40}")
        return _Id(value)
    among = given.get("among")
    if not isinstance(among, list) or not all(isinstance(m, str) and fold(m) for m in among) or len(among) > MAX_AMONG:
        raise DataError(f"{where}: a text needs among, the list of values it could have; got {among!r:.40}")
    phrases = {fold(m) for m in (value, *among)}
    if len(phrases) < 2:
        raise DataError(f"{where}: among needs a value that is not the right one")
    return _Words(value, tuple(sorted(phrases, key=lambda phrase: (-len(phrase), phrase))))
