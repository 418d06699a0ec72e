"""The eight commonsense checks: each looks at ids only, and none is kept by a plan that leaves the matter out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from agentrl.verifiers._plan.outcome import Outcome, PlanCheck, failed, passed
from agentrl.verifiers._plan.reading import MEALS, Day
from agentrl.verifiers._plan.world import Place, Query, World

__all__ = ["COMMONSENSE", "complete", "within_sandbox"]


def within_sandbox(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """Everything named exists; a flight does on the date of its day."""
    for day in plan:
        tables: tuple[tuple[Iterable[str], Mapping[str, object]], ...] = (
            (day.meals.values(), world.restaurants),
            (day.attractions, world.attractions),
            ([day.lodging] if day.lodging is not None else [], world.lodgings),
        )
        for ids, table in tables:
            for id in ids:
                if id not in table:
                    return failed(f"day {day.number}: there is no {id!r:.60}")
        if not _can_travel(query, world, day):
            return failed(f"day {day.number}: there is no such transport on that day")
    return passed() if any(day.entries for day in plan) else failed("nothing is planned")


def _can_travel(query: Query, world: World, day: Day) -> bool:
    transport = day.transport
    if transport is None:
        return True
    if transport.kind == "flight":
        date = query.dates[day.number - 1] if day.number <= len(query.dates) else ""
        return transport.flight in world.flights and transport.flight[1] == date
    return (transport.kind, *transport.route) in world.roads


def complete(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """All days and cities; transport on a day of travel; attraction and meals on others; a bed for every night."""
    if len(plan) != len(query.dates):
        return failed(f"{len(plan)} days are not {len(query.dates)}")
    visited = {city for day in plan for city in day.cities} - {query.origin}
    if len(visited) != query.cities:
        return failed(f"{len(visited)} cities are not {query.cities}")
    for day in plan:
        if day.travels and day.transport is None:
            return failed(f"day {day.number}: no transport")
        if not day.travels and not day.attractions:
            return failed(f"day {day.number}: no attraction")
        if not day.travels and len(day.meals) < len(MEALS):
            return failed(f"day {day.number}: a meal is missing")
        if day.number < len(plan) and day.lodging is None:
            return failed(f"day {day.number}: no accommodation")
    if sum(day.entries for day in plan) * 2 < 6 * len(plan):
        return failed("less than half of the entries are filled")
    return passed()


def within_current_city(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """Meals and attractions are in a city of the day, the bed in its last; transport leads from one to the other."""
    for day in plan:
        places = [_city(id, world.restaurants) for id in day.meals.values()]
        places += [_city(id, world.attractions) for id in day.attractions]
        if any(city not in day.cities for city in places):
            return failed(f"day {day.number}: a meal or an attraction is elsewhere")
        if day.lodging is not None:
            lodging = world.lodgings.get(day.lodging)
            if lodging is None or lodging.city != day.cities[-1]:
                return failed(f"day {day.number}: the accommodation is elsewhere")
        if day.transport is not None and _route(world, day) != day.cities:
            return failed(f"day {day.number}: the transport goes elsewhere")
    return passed() if any(day.entries for day in plan) else failed("nothing is planned")


def _city(id: str, table: Mapping[str, Place]) -> str | None:
    return table[id].city if id in table else None


def _route(world: World, day: Day) -> tuple[str, ...] | None:
    if day.transport is None or day.transport.kind != "flight":
        return None if day.transport is None else day.transport.route
    flight = world.flights.get(day.transport.flight)
    return None if flight is None else (flight.origin, flight.destination)


def reasonable_route(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """From the origin and back, each city once, all of them where the journey should go.

    As each day begins where the one before ended, no city is passed through without a night.
    """
    here = query.origin
    for day in plan:
        if day.cities[0] != here:
            return failed(f"day {day.number}: it begins where the day before did not end")
        if day.travels and day.cities[1] == here:
            return failed(f"day {day.number}: the travel leads nowhere")
        here = day.cities[-1]
    between = [city for city, _ in itertools.groupby(city for day in plan for city in day.cities)][1:-1]
    if not between or here != query.origin:
        return failed("it does not lead from the origin and back to it")
    if len({*between, query.origin}) <= len(between):
        return failed("a city is visited twice")
    wrong = [city for city in between if not _at_destination(query, world, city)]
    return failed(f"{wrong[0]!r:.60} is not at the destination") if wrong else passed()


def _at_destination(query: Query, world: World, city: str) -> bool:
    """A journey of more than three days goes to a state, a shorter one to a city."""
    if city not in world.cities:
        return False
    return (world.cities[city] if len(query.dates) > 3 else city) == query.destination


def diverse_restaurants(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """No restaurant twice."""
    return _diverse([id for day in plan for id in day.meals.values()], "restaurant")


def diverse_attractions(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """No attraction twice."""
    return _diverse([id for day in plan for id in day.attractions], "attraction")


def _diverse(ids: list[str], what: str) -> Outcome:
    if not ids:
        return failed(f"there is no {what}")
    twice = next((id for i, id in enumerate(ids) if id in ids[:i]), None)
    return passed() if twice is None else failed(f"the {what} {twice!r:.60} comes twice")


def consistent_transport(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """Some on the first day; and who drives neither flies nor takes a taxi, because the car has to come home."""
    kinds = {day.transport.kind for day in plan if day.transport is not None}
    if not plan or plan[0].transport is None:
        return failed("day 1: no transport")
    return failed("a drive together with a flight or a taxi") if "drive" in kinds and len(kinds) > 1 else passed()


def minimum_nights(query: Query, world: World, plan: tuple[Day, ...]) -> Outcome:
    """No stay is shorter than the accommodation asks for."""
    if not any(day.lodging is not None for day in plan):
        return failed("there is no accommodation")
    for id, nights in _stays(plan):
        if id is not None and (id not in world.lodgings or nights < world.lodgings[id].min_nights):
            return failed(f"{nights} nights are too few for {id!r:.60}")
    return passed()


def _stays(plan: tuple[Day, ...]) -> Iterator[tuple[str | None, int]]:
    for id, run in itertools.groupby(day.lodging for day in plan):
        yield id, len(list(run))


COMMONSENSE: Mapping[str, PlanCheck] = {
    "within_sandbox": within_sandbox,
    "complete": complete,
    "within_current_city": within_current_city,
    "reasonable_route": reasonable_route,
    "diverse_restaurants": diverse_restaurants,
    "diverse_attractions": diverse_attractions,
    "consistent_transport": consistent_transport,
    "minimum_nights": minimum_nights,
}
