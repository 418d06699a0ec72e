"""A plan, read from the reply: a JSON list of days with ids, and nothing that has to be guessed from prose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.verifiers._reading.fences import FenceError, whole_or_block
from agentrl.verifiers._reading.strict_json import JsonError, parse_json

__all__ = ["KEYS", "MEALS", "Day", "PlanError", "Transport", "read_plan"]

MEALS = ("breakfast", "lunch", "dinner")
KEYS = ("day", "city", "transport", *MEALS, "attractions", "accommodation")
MAX_DAYS = 60
MAX_ATTRACTIONS = 20
MAX_ID = 300


class PlanError(ValueError):
    """The reply holds no plan; one line that says why."""


@dataclass(frozen=True, slots=True)
class Transport:
    """How a day's journey is made.

    Attributes:
        kind: By what.
        flight: Of a flight, its id and date.
        route: Of a drive or taxi, from where to where.
    """

    kind: Literal["flight", "drive", "taxi"]
    flight: tuple[str, str] = ("", "")
    route: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Day:
    """One day.

    Attributes:
        number: From 1.
        cities: Where it is spent: one city, or from and to.
        transport: Between them.
        meals: Restaurants by meal.
        attractions: In order.
        lodging: For the night after.
    """

    number: int
    cities: tuple[str, ...]
    transport: Transport | None
    meals: Mapping[str, str]
    attractions: tuple[str, ...]
    lodging: str | None

    @property
    def travels(self) -> bool:
        """Whether it is spent between two cities."""
        return len(self.cities) == 2

    @property
    def entries(self) -> int:
        """How many of the six entries are filled: transport, three meals, attractions, accommodation."""
        return sum((self.transport is not None, len(self.meals), bool(self.attractions), self.lodging is not None))


def read_plan(reply: str) -> tuple[Day, ...]:
    """The days of the reply after its thinking, or of its one fenced block; none where it gives none.

    Raises:
        PlanError: It is no plan.
    """
    try:
        text = whole_or_block(reply)
        found = parse_json(text) if text.strip() else []
    except (FenceError, JsonError) as error:
        raise PlanError(str(error)) from None
    if not isinstance(found, list) or len(found) > MAX_DAYS:
        raise PlanError(f"it must be a list of at most {MAX_DAYS} days")
    return tuple(_day(day, number) for number, day in enumerate(found, 1))


def _day(record: Any, number: int) -> Day:
    if not isinstance(record, dict) or sorted(record) != sorted(KEYS):
        raise PlanError(f"day {number} must have the keys {', '.join(KEYS)}")
    if type(record["day"]) is not int or record["day"] != number:
        raise PlanError(f'"day" of day {number} must be {number}')
    attractions = record["attractions"]
    if not isinstance(attractions, list) or len(attractions) > MAX_ATTRACTIONS:
        raise PlanError(f"attractions of day {number} must be a list of at most {MAX_ATTRACTIONS}")
    meals = {meal: _id(record[meal], number) for meal in MEALS if record[meal] is not None}
    return Day(
        number=number,
        cities=_cities(record["city"], number),
        transport=_transport(record["transport"], number),
        meals=meals,
        attractions=tuple(_id(attraction, number) for attraction in attractions),
        lodging=None if record["accommodation"] is None else _id(record["accommodation"], number),
    )


def _cities(value: Any, number: int) -> tuple[str, ...]:
    if isinstance(value, dict) and sorted(value) == ["from", "to"]:
        return _id(value["from"], number), _id(value["to"], number)
    return (_id(value, number),)


def _transport(value: Any, number: int) -> Transport | None:
    if value is None:
        return None
    if isinstance(value, dict) and sorted(value) == ["date", "flight"]:
        return Transport("flight", flight=(_id(value["flight"], number), _id(value["date"], number)))
    for kind in ("drive", "taxi"):
        if isinstance(value, dict) and list(value) == [kind] and isinstance(value[kind], dict):
            route = _cities(value[kind], number)
            if len(route) == 2:
                return Transport("drive" if kind == "drive" else "taxi", route=(route[0], route[1]))
    raise PlanError(
        f"transport of day {number} must be null, a flight with its date, a drive or a taxi with from and to"
    )


def _id(value: Any, number: int) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_ID:
        raise PlanError(f"an id or city of day {number} must be text of 1 to {MAX_ID} characters")
    return value
