"""The world that a journey is planned in, and the request, read from JSON into records; ids are exact keys."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

__all__ = [
    "RULES",
    "TRANSPORT",
    "Flight",
    "Lodging",
    "Place",
    "Query",
    "World",
    "WorldError",
    "read_query",
    "read_world",
]

MAX_ROWS = 20_000
MAX_DAYS = 60
MAX_NUMBER = 10**9
ROOM_TYPES = {
    "shared room": ("Shared room",),
    "private room": ("Private room",),
    "entire room": ("Entire home/apt",),
    "not shared room": ("Private room", "Entire home/apt"),
}
"""What is asked for, and the room types that satisfy it."""
RULES = ("smoking", "parties", "children under 10", "visitors", "pets")
TRANSPORT = {"no flight": "flight", "no self-driving": "drive"}
"""What is asked for, and the kind of transport that it forbids."""

Row = Mapping[str, Any]
Key = TypeVar("Key")
Found = TypeVar("Found")


class WorldError(ValueError):
    """The request or the world is not what it should be; one line that says how."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A flight on one date; price for one person."""

    origin: str
    destination: str
    price: Fraction


@dataclass(frozen=True, slots=True)
class Place:
    """An attraction or a restaurant.

    Attributes:
        city: Where.
        cost: Of a meal for one person; 0 for an attraction.
        cuisines: Of a restaurant.
    """

    city: str
    cost: Fraction = Fraction(0)
    cuisines: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lodging:
    """Where to sleep.

    Attributes:
        city: Where.
        price: A night, for up to `max_people`.
        room_type: "Entire home/apt", "Private room" or "Shared room".
        forbids: What its rules forbid, as in `RULES`.
        min_nights: Fewest nights in a row.
        max_people: In one of it.
    """

    city: str
    price: Fraction
    room_type: str
    forbids: frozenset[str]
    min_nights: Fraction
    max_people: int


@dataclass(frozen=True, slots=True)
class World:
    """Everything that exists.

    Attributes:
        cities: City to state.
        flights: By id and date.
        roads: Cost of one car by ("drive" or "taxi", from, to).
        restaurants: By id.
        attractions: By id.
        lodgings: By id.
    """

    cities: Mapping[str, str]
    flights: Mapping[tuple[str, str], Flight]
    roads: Mapping[tuple[str, str, str], Fraction]
    restaurants: Mapping[str, Place]
    attractions: Mapping[str, Place]
    lodgings: Mapping[str, Lodging]


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for.

    Attributes:
        origin: The city where it begins and ends.
        destination: A city, or a state.
        dates: One a day.
        people: How many travel.
        cities: How many cities to visit.
        budget: For everyone together.
        house_rule: What the rooms must allow; None for no wish, as below.
        room_type: A key of `ROOM_TYPES`.
        cuisines: To be had at least once each.
        transport: A key of `TRANSPORT`.
    """

    origin: str
    destination: str
    dates: tuple[str, ...]
    people: int
    cities: int
    budget: Fraction
    house_rule: str | None = None
    room_type: str | None = None
    cuisines: tuple[str, ...] | None = None
    transport: str | None = None


def read_query(record: Any) -> Query:
    """Read a request.

    Raises:
        WorldError: It is none.
    """
    if not isinstance(record, Mapping):
        raise WorldError("the query must be an object")
    wishes = record.get("constraints") or {}
    if not isinstance(wishes, Mapping) or not set(wishes) <= {"house_rule", "room_type", "cuisines", "transport"}:
        raise WorldError("constraints may be house_rule, room_type, cuisines and transport")
    cuisines = wishes.get("cuisines") or None
    if cuisines is not None and not isinstance(cuisines, (list, tuple)):
        raise WorldError("cuisines must be a list")
    return Query(
        origin=_text(record, "origin"),
        destination=_text(record, "destination"),
        dates=_dates(record.get("dates")),
        people=_count(record, "people"),
        cities=_count(record, "cities"),
        budget=_number(record, "budget"),
        house_rule=_one_of(wishes.get("house_rule"), RULES, "house_rule"),
        room_type=_one_of(wishes.get("room_type"), ROOM_TYPES, "room_type"),
        cuisines=None if cuisines is None else tuple(str(name) for name in cuisines),
        transport=_one_of(wishes.get("transport"), TRANSPORT, "transport"),
    )


def read_world(record: Any) -> World:
    """Read the tables.

    Raises:
        WorldError: One is missing or a row is not what it should be.
    """
    if not isinstance(record, Mapping):
        raise WorldError("the world must be an object of tables")
    cities = record.get("cities")
    if not isinstance(cities, Mapping) or not all(isinstance(x, str) for pair in cities.items() for x in pair):
        raise WorldError("cities must be an object from city to state")
    return World(
        cities=cities,
        flights=_table(record, "flights", lambda r: (_text(r, "id"), _text(r, "date")), _flight),
        roads=_table(record, "drives", lambda r: ("drive", _text(r, "from"), _text(r, "to")), _road)
        | _table(record, "taxis", lambda r: ("taxi", _text(r, "from"), _text(r, "to")), _road),
        restaurants=_table(record, "restaurants", _id, _restaurant),
        attractions=_table(record, "attractions", _id, lambda r: Place(_text(r, "city"))),
        lodgings=_table(record, "accommodations", _id, _lodging),
    )


def _table(record: Row, name: str, key: Callable[[Row], Key], read: Callable[[Row], Found]) -> dict[Key, Found]:
    rows = record.get(name, [])
    if not isinstance(rows, (list, tuple)) or len(rows) > MAX_ROWS or not all(isinstance(r, Mapping) for r in rows):
        raise WorldError(f"{name} must be a list of at most {MAX_ROWS} rows")
    try:
        found = {key(row): read(row) for row in rows}
    except WorldError as error:
        raise WorldError(f"{name}: {error}") from None
    if len(found) < len(rows):
        raise WorldError(f"{name}: two rows have one id")
    return found


def _id(row: Row) -> str:
    return _text(row, "id")


def _flight(row: Row) -> Flight:
    return Flight(_text(row, "from"), _text(row, "to"), _number(row, "price"))


def _road(row: Row) -> Fraction:
    return _number(row, "cost")


def _restaurant(row: Row) -> Place:
    return Place(_text(row, "city"), _number(row, "cost"), _names(row, "cuisines"))


def _lodging(row: Row) -> Lodging:
    forbids = _names(row, "forbids")
    if not forbids <= set(RULES):
        raise WorldError(f"forbids may hold {', '.join(RULES)}")
    return Lodging(
        city=_text(row, "city"),
        price=_number(row, "price"),
        room_type=_text(row, "room_type"),
        forbids=forbids,
        min_nights=_number(row, "min_nights"),
        max_people=_count(row, "max_people"),
    )


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise WorldError(f"{name} must be text")
    return value


def _names(row: Row, name: str) -> frozenset[str]:
    value = row.get(name, ())
    if not isinstance(value, (list, tuple)) or not all(isinstance(x, str) for x in value):
        raise WorldError(f"{name} must be a list of texts")
    return frozenset(value)


def _number(row: Row, name: str) -> Fraction:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_NUMBER:
        raise WorldError(f"{name} must be a number from 0 to {MAX_NUMBER}")
    return Fraction(value)


def _count(row: Row, name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_NUMBER:
        raise WorldError(f"{name} must be an integer of at least 1")
    return value


def _one_of(value: Any, known: Any, name: str) -> str | None:
    if value is not None and (not isinstance(value, str) or value not in known):
        raise WorldError(f"{name} must be one of {', '.join(known)}, got {value!r:.40}")
    return value


def _dates(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not 2 <= len(value) <= MAX_DAYS:
        raise WorldError(f"dates must be a list of 2 to {MAX_DAYS} dates")
    try:
        days = [datetime.date.fromisoformat(date) for date in value]
    except (TypeError, ValueError):
        raise WorldError("a date must be text such as 2022-03-16") from None
    if any(after - before != datetime.timedelta(days=1) for before, after in itertools.pairwise(days)):
        raise WorldError("dates must follow each other day by day")
    return tuple(day.isoformat() for day in days)
