"""Kinds of arguments: the JSON Schema of each, and values with the words that a request uses for them.

At level 1 a value is said as it must be written. From level 2 on numbers may stand in words and days and times as
people write them, and at level 3 days may be counted from today and measures named in another unit.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol

from agentrl.envs._tools.wording import away_from_today, in_words, lasting, listed, spoken, twelve_hours

__all__ = [
    "Choice", "Clock", "Code", "Day", "Flag", "Mail", "Measure", "Minutes", "Money", "Name", "Record", "Scene",
    "Several", "Text", "Value", "ValueKind", "Whole",
]  # fmt: skip

Schema = dict[str, Any]
_MOST_IN_WORDS = 999


@dataclass(frozen=True, slots=True)
class Scene:
    """What values are drawn from.

    Attributes:
        random: Where the numbers come from.
        level: 1 to 3; see the module.
        today: The day of the request.
    """

    random: random.Random
    level: int
    today: datetime.date


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an argument.

    Attributes:
        plain: As a call writes it.
        said: As the request says it.
        gold: What the verifier compares with (`agentrl.verifiers.tool_calls`).
    """

    plain: Any
    said: str
    gold: Any


class ValueKind(Protocol):
    """A kind of argument."""

    def schema(self) -> Schema:
        """In JSON Schema."""

    def draw(self, scene: Scene) -> Value:
        """A value."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One member of an enumeration; its first wording is its plainest."""

    members: Mapping[str, tuple[str, ...]]

    def schema(self) -> Schema:
        """A text of an enumeration."""
        return {"type": "string", "enum": list(self.members)}

    def draw(self, scene: Scene) -> Value:
        """A member, in one of its wordings from level 2 on."""
        member = scene.random.choice(list(self.members))
        wordings = self.members[member]
        return Value(member, wordings[0] if scene.level == 1 else scene.random.choice(wordings), member)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false, each with its wording."""

    yes: str
    no: str

    def schema(self) -> Schema:
        """A truth value."""
        return {"type": "boolean"}

    def draw(self, scene: Scene) -> Value:
        """Either."""
        value = scene.random.random() < 0.5
        return Value(value, self.yes if value else self.no, value)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number; counts and percentages."""

    low: int
    high: int
    step: int = 1
    said: Literal["words", "digits"] = "words"

    def schema(self) -> Schema:
        """An integer in its range."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def draw(self, scene: Scene) -> Value:
        """In digits, or in words where that is usual."""
        value = scene.random.randrange(self.low, self.high + 1, self.step)
        plainly = scene.level == 1 or self.said == "digits" or value > _MOST_IN_WORDS
        worded = not plainly and scene.random.random() < 0.5
        return Value(value, in_words(value) if worded else str(value), value)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with two decimals at most."""

    low: int
    high: int

    def schema(self) -> Schema:
        """A number over 0."""
        return {"type": "number", "exclusiveMinimum": 0}

    def draw(self, scene: Scene) -> Value:
        """As on a bill, with commas at thousands from level 2 on."""
        whole = scene.random.randint(self.low, self.high)
        cents = scene.random.choice((0, 0, 50, 25, 95))
        value: float = whole + cents / 100 if cents else whole
        digits = f"{whole:,}" if scene.level > 1 else str(whole)
        return Value(value, f"{digits}.{cents:02d}" if cents else digits, value)


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity in one unit, which a request may give in a smaller one.

    Attributes:
        unit: The unit of the value.
        low: The fewest tenths of it.
        high: The most.
        other: The smaller unit.
        factor: How many of it make one.
    """

    unit: str
    low: int
    high: int
    other: str
    factor: int

    def schema(self) -> Schema:
        """A number over 0."""
        return {"type": "number", "exclusiveMinimum": 0}

    def draw(self, scene: Scene) -> Value:
        """In its unit, or at level 3 in the other."""
        value = Fraction(scene.random.randint(self.low, self.high), 10)
        plain = int(value) if value.denominator == 1 else float(value)
        small = value * self.factor
        if scene.level > 2 and small.denominator == 1 and scene.random.random() < 0.5:
            return Value(plain, f"{int(small)} {self.other}", {"number": plain, "rel": 1e-6})
        return Value(plain, f"{plain} {self.unit}", {"number": plain, "rel": 1e-6})


@dataclass(frozen=True, slots=True)
class Minutes:
    """A length of time in minutes."""

    def schema(self) -> Schema:
        """An integer over 0."""
        return {"type": "integer", "minimum": 1}

    def draw(self, scene: Scene) -> Value:
        """In minutes, or in hours and their parts."""
        value = scene.random.choice((10, 15, 20, 25, 30, 40, 45, 50, 60, 75, 90, 100, 120, 150, 180, 240))
        return Value(value, f"{value} minutes" if scene.level == 1 else lasting(value, scene.random), value)


@dataclass(frozen=True, slots=True)
class Day:
    """A day within a year from today on; `before` stands before one that is named by its date."""

    before: str = "on "

    def schema(self) -> Schema:
        """A date."""
        return {"type": "string", "format": "date", "description": "YYYY-MM-DD"}

    def draw(self, scene: Scene) -> Value:
        """As written, in words, or counted from today."""
        if scene.level > 2 and scene.random.random() < 0.5:
            away, said = away_from_today(scene.random)
            plain = (scene.today + datetime.timedelta(days=away)).isoformat()
            return Value(plain, said, {"date": plain})
        day = scene.today + datetime.timedelta(days=scene.random.randint(2, 360))
        forms = [day.isoformat()]
        if scene.level > 1:
            forms = [f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}", f"{day:%a}, {day.day} {day:%b %Y}"]
        return Value(day.isoformat(), self.before + scene.random.choice(forms), {"date": day.isoformat()})


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of the day, on a quarter of an hour."""

    def schema(self) -> Schema:
        """Hours and minutes."""
        return {"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "description": "HH:MM, 24 hours"}

    def draw(self, scene: Scene) -> Value:
        """As written, on a clock of twelve hours, or in words."""
        hour, quarter = scene.random.randint(7, 21), scene.random.randrange(4)
        plain = f"{hour:02d}:{15 * quarter:02d}"
        form = scene.random.randint(min(2, scene.level), scene.level)
        said = plain if form == 1 else twelve_hours(hour, quarter) if form == 2 else spoken(hour, quarter)
        return Value(plain, f"at {said}", plain)


@dataclass(frozen=True, slots=True)
class Name:
    """One of some names."""

    names: tuple[str, ...]

    def schema(self) -> Schema:
        """A text."""
        return {"type": "string"}

    def draw(self, scene: Scene) -> Value:
        """As it is."""
        name = scene.random.choice(self.names)
        return Value(name, name, name)


@dataclass(frozen=True, slots=True)
class Text:
    """A text put together from parts, which the request quotes."""

    parts: tuple[tuple[str, ...], ...]

    def schema(self) -> Schema:
        """A text."""
        return {"type": "string"}

    def draw(self, scene: Scene) -> Value:
        """In quotes."""
        text = " ".join(scene.random.choice(part) for part in self.parts)
        return Value(text, f'"{text}"', text)


@dataclass(frozen=True, slots=True)
class Code:
    """A number with a mark before it, as orders have."""

    mark: str
    digits: int

    def schema(self) -> Schema:
        """A text of that form."""
        return {"type": "string", "pattern": f"^{self.mark}[0-9]{{{self.digits}}}$"}

    def draw(self, scene: Scene) -> Value:
        """As it is."""
        code = f"{self.mark}{scene.random.randrange(10 ** (self.digits - 1), 10**self.digits)}"
        return Value(code, code, code)


@dataclass(frozen=True, slots=True)
class Mail:
    """An address of electronic mail."""

    names: tuple[str, ...]
    hosts: tuple[str, ...] = ("example.org", "example.com", "mail.example.net")

    def schema(self) -> Schema:
        """A text of that form."""
        return {"type": "string", "format": "email"}

    def draw(self, scene: Scene) -> Value:
        """As it is."""
        address = f"{scene.random.choice(self.names).lower().replace(' ', '.')}@{scene.random.choice(self.hosts)}"
        return Value(address, address, address)


@dataclass(frozen=True, slots=True)
class Several:
    """A list of different values of one kind, in any order or in the given one; objects differ in the field `apart`."""

    kind: ValueKind
    low: int = 2
    high: int = 4
    order: Literal["any", "kept"] = "any"
    apart: str = ""

    def schema(self) -> Schema:
        """An array."""
        return {"type": "array", "items": self.kind.schema(), "minItems": 1}

    def draw(self, scene: Scene) -> Value:
        """Joined by commas."""
        found: dict[str, Value] = {}
        count = scene.random.randint(self.low, self.high)
        while len(found) < count:
            value = self.kind.draw(scene)
            found[str(value.plain[self.apart] if self.apart else value.plain)] = value
        values = list(found.values())
        golds = [value.gold for value in values]
        gold = {"set": golds} if self.order == "any" else golds
        return Value([value.plain for value in values], listed([value.said for value in values]), gold)


@dataclass(frozen=True, slots=True)
class Record:
    """An object; `said` is a template over its fields."""

    fields: Mapping[str, ValueKind]
    said: str

    def schema(self) -> Schema:
        """An object with all its fields."""
        parts = {name: kind.schema() for name, kind in self.fields.items()}
        return {"type": "object", "properties": parts, "required": list(parts)}

    def draw(self, scene: Scene) -> Value:
        """By its template."""
        values = {name: kind.draw(scene) for name, kind in self.fields.items()}
        return Value(
            {name: value.plain for name, value in values.items()},
            self.said.format(**{name: value.said for name, value in values.items()}),
            {"object": {name: value.gold for name, value in values.items()}},
        )
