"""The five hard checks, and what a plan costs. Which of them apply is the query's matter alone: only these are run."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from agentrl.verifiers._plan.outcome import Outcome, PlanCheck, failed, passed
from agentrl.verifiers._plan.reading import Day
from agentrl.verifiers._plan.world import ROOM_TYPES, TRANSPORT, Lodging, Query, World

__all__ = ["HARD", "applicable", "cost"]

SEATS = {"drive": 5, "taxi": 4}
"""People in one car."""


def cost(query: Query, world: World, plan: tuple[Day, ...]) -> Fraction | None:
    """What everyone pays together; None where something does not exist, which has no price.

    Flights and meals for each of n people, ceil(n / 5) cars or ceil(n / 4) taxis, ceil(n / occupancy) rooms a night.
    """
    total = Fraction(0)
    for day in plan:
        parts = [_fare(query, world, day), _bed(query, world, day)]
        parts += [
            world.restaurants[id].cost * query.people if id in world.restaurants else None for id in day.meals.values()
        ]
        for part in parts:
            if part is None:
                return None
            total += part
    return total


def _fare(query: Query, world: World, day: Day) -> Fraction | None:
    transport = day.transport
    if transport is None:
        return Fraction(0)
    if transport.kind == "flight":
        flight = world.flights.get(transport.flight)
        return None if flight is None else flight.price * query.people
    road = world.roads.get((transport.kind, *transport.route))
    return None if road is None else road * _whole(query.people, SEATS[transport.kind])


def _bed(query: Query, world: World, day: Day) -> Fraction | None:
    if day.lodging is None:
        return Fraction(0)
    lodging = world.lodgings.get(day.lodging)
    return None if lodging is None else lodging.price * _whole(query.people, lodging.max_people)


def _whole(people: int, places: int) -> int:
    return -(-people // places)


def budget(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """It costs no more than asked for."""
    total = cost(query, world, plan)
    if total is None or not plan:
        return failed("something has no price" if plan else "there is no plan")
    return passed() if total <= query.budget else failed(f"{float(total):g} is over the budget")


def room_rule(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """Every accommodation allows what it must."""
    assert query.house_rule is not None
    lodgings = _lodgings(world, plan)
    if lodgings and all(lodging is not None and query.house_rule not in lodging.forbids for lodging in lodgings):
        return passed()
    return failed("an accommodation does not allow it")


def room_type(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """Every accommodation is of the type."""
    assert query.room_type is not None
    lodgings, good = _lodgings(world, plan), ROOM_TYPES[query.room_type]
    if lodgings and all(lodging is not None and lodging.room_type in good for lodging in lodgings):
        return passed()
    return failed("an accommodation is of another type")


def cuisine(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """Every cuisine is had once at least, away from the origin."""
    assert query.cuisines is not None
    eaten = [world.restaurants[id] for day in plan for id in day.meals.values() if id in world.restaurants]
    had = {name for place in eaten if place.city != query.origin for name in place.cuisines}
    missing = [name for name in query.cuisines if name not in had]
    return failed(f"no {missing[0]:.60}") if missing else passed()


def transport(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """What must not be taken is not taken, and something is."""
    assert query.transport is not None
    kinds = {day.transport.kind for day in plan if day.transport is not None}
    if not kinds:
        return failed("there is no transport")
    return failed(f"not {query.transport}") if TRANSPORT[query.transport] in kinds else passed()


def _lodgings(world: World, plan: tuple[Day, ...]) -> list[Lodging | None]:
    return [world.lodgings.get(day.lodging) for day in plan if day.lodging is not None]


def applicable(query: Query) -> tuple[str, ...]:
    """The names of the hard checks that a query asks for: the denominator, known before there is a plan."""
    asked = {
        "budget": True,
        "room_rule": query.house_rule is not None,
        "room_type": query.room_type is not None,
        "cuisine": query.cuisines is not None,
        "transport": query.transport is not None,
    }
    return tuple(name for name, wanted in asked.items() if wanted)


HARD: Mapping[str, PlanCheck] = {
    "budget": budget,
    "room_rule": room_rule,
    "room_type": room_type,
    "cuisine": cuisine,
    "transport": transport,
}
