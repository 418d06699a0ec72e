"""What the original grader of journeys let pass, and routes that lead nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentrl.registry import grade
from agentrl.verifiers._plan.cases import PLAN, QUERY, WORLD, changed

FREE: dict[str, Any] = {**QUERY, "constraints": {}}
LONG: dict[str, Any] = {
    **FREE,
    "destination": "Ohio",
    "cities": 2,
    "dates": ["2022-03-16", "2022-03-17", "2022-03-18", "2022-03-19", "2022-03-20"],
}


def failing(plan: str | list[dict[str, Any]], query: dict[str, Any] = FREE, world: dict[str, Any] = WORLD) -> set[str]:
    """The names of the checks that a plan fails."""
    reply = plan if isinstance(plan, str) else json.dumps(plan)
    verdict = grade("plan", reply, {"query": query, "world": world}, reward="micro")
    assert verdict.checks, verdict
    return {check.name.partition(" ")[2] for check in verdict.checks if not check.passed}


def journey(*cities: str) -> list[dict[str, Any]]:
    """Days through cities, "A>B" for travel with two meals on the way; other days with all that they need."""
    plan = []
    for number, city in enumerate(cities, 1):
        start, _, end = city.partition(">")
        day: dict[str, Any] = {
            "day": number,
            "city": {"from": start, "to": end} if end else start,
            "transport": {"drive": {"from": start, "to": end}} if end else None,
            "breakfast": None if end else f"{start} {number} breakfast",
            "lunch": f"{start} {number} lunch",
            "dinner": f"{end or start} {number} dinner",
            "attractions": [] if end else [f"{start} sight {number}"],
            "accommodation": None if number == len(cities) else f"{end or start} inn",
        }
        plan.append(day)
    return plan


CITIES = {"Ames": "Iowa", "Bow": "Ohio", "Cade": "Ohio", "Dale": "Iowa", "Elm": "Iowa"}
WIDE: dict[str, Any] = {
    "cities": CITIES,
    "flights": [],
    "drives": [{"from": a, "to": b, "cost": 1} for a in CITIES for b in CITIES if a != b],
    "taxis": [],
    "restaurants": [
        {"id": f"{city} {number} {meal}", "city": city, "cost": 1, "cuisines": []}
        for city in CITIES
        for number in range(1, 6)
        for meal in ("breakfast", "lunch", "dinner")
    ],
    "attractions": [{"id": f"{city} sight {number}", "city": city} for city in CITIES for number in range(1, 6)],
    "accommodations": [
        {
            "id": f"{city} inn",
            "city": city,
            "price": 1,
            "room_type": "Private room",
            "forbids": [],
            "min_nights": 1,
            "max_people": 2,
        }
        for city in CITIES
    ],
}


@pytest.mark.parametrize(
    ("cities", "broken"),
    [
        (("Ames>Bow", "Bow", "Bow>Cade", "Cade", "Cade>Ames"), set()),
        (("Ames", "Ames>Bow", "Bow>Cade", "Cade", "Cade>Ames"), {"consistent_transport"}),  # none on the first day
        (("Ames>Bow", "Bow>Cade", "Cade", "Cade", "Cade>Ames"), set()),
        (("Bow", "Bow>Cade", "Cade", "Cade", "Cade>Bow"), {"reasonable_route", "consistent_transport"}),
        (("Ames>Bow", "Bow", "Bow>Cade", "Cade", "Cade"), {"reasonable_route"}),  # not closed
        (("Ames>Bow", "Bow", "Bow>Cade", "Cade", "Cade>Dale"), {"reasonable_route", "complete", "budget"}),
        (("Ames>Bow", "Bow", "Cade", "Cade", "Cade>Ames"), {"reasonable_route"}),  # moved without travel
        (("Ames>Bow", "Bow", "Ames>Cade", "Cade", "Cade>Ames"), {"reasonable_route"}),
        (("Ames>Bow", "Bow>Cade", "Cade>Bow", "Bow", "Bow>Ames"), {"reasonable_route"}),  # Bow twice
        (("Ames>Bow", "Bow>Ames", "Ames>Cade", "Cade", "Cade>Ames"), {"reasonable_route"}),  # home between
        (("Ames>Dale", "Dale", "Dale>Cade", "Cade", "Cade>Ames"), {"reasonable_route"}),  # another state
        (("Ames>Bow", "Bow", "Bow", "Bow", "Bow>Ames"), {"complete", "budget"}),  # one city for two
        (
            ("Ames>Ames", "Ames", "Ames", "Ames", "Ames>Ames"),
            {"reasonable_route", "complete", "within_sandbox", "budget"},
        ),
    ],
)
def test_routes(cities: tuple[str, ...], broken: set[str]) -> None:
    assert failing(journey(*cities), LONG, WIDE) == broken


def test_a_city_is_a_destination_for_three_days_and_a_state_for_more() -> None:
    elsewhere = journey("Ames>Cade", "Cade", "Cade>Ames")
    assert failing(elsewhere, FREE, WIDE) == {"reasonable_route"}
    assert failing(elsewhere, {**FREE, "destination": "Cade"}, WIDE) == set()
    assert failing(elsewhere, {**FREE, "destination": "Ohio"}, WIDE) == {"reasonable_route"}


def test_passing_through_is_no_visit() -> None:
    plan = journey("Ames>Bow", "Cade>Ames", "Ames>Bow", "Bow", "Bow>Ames")
    assert "reasonable_route" in failing(plan, LONG, WIDE)


def test_home_is_not_on_the_way_even_where_it_is_in_the_state() -> None:
    at_home = {**LONG, "destination": "Iowa"}
    assert failing(journey("Ames>Dale", "Dale>Ames", "Ames>Elm", "Elm", "Elm>Ames"), at_home, WIDE) == {
        "reasonable_route"
    }
    assert failing(journey("Ames>Dale", "Dale", "Dale>Elm", "Elm", "Elm>Ames"), at_home, WIDE) == set()


@pytest.mark.parametrize(("day", "inn"), [(0, "Ames inn"), (2, "Bow inn"), (1, "Cade inn")])
def test_the_bed_is_where_the_day_ends(day: int, inn: str) -> None:
    plan = journey("Ames>Bow", "Bow", "Bow>Cade", "Cade", "Cade>Ames")
    plan[day]["accommodation"] = inn
    assert failing(plan, LONG, WIDE) == {"within_current_city"}


def test_less_than_half_of_the_entries() -> None:
    """Two and one entries on the days of travel and five on the other: 8 of 18; one meal more makes it half."""
    plan = journey("Ames>Bow", "Bow", "Bow>Ames")
    bare = [{**plan[0], "lunch": None, "dinner": None}, plan[1], {**plan[2], "lunch": None, "dinner": None}]
    assert failing(bare, FREE, WIDE) == {"complete", "budget"}
    assert failing([plan[0] | {"lunch": None}, *bare[1:]], FREE, WIDE) == set()


# Holes of the original.


@pytest.mark.parametrize("sights", [["Zoo"], ["Museum", "Zoo"], ["Nowhere"], ["Museum", "Museum"]])
def test_the_last_attraction_counts(sights: list[str]) -> None:
    """There, an item without a semicolon behind it was never looked at."""
    assert failing(changed(2, attractions=sights)) & {"within_sandbox", "within_current_city", "diverse_attractions"}


def test_a_shared_letter_is_no_city() -> None:
    """There, a day without travel was compared letter by letter with the meal's text."""
    world = {**WORLD, "restaurants": [*WORLD["restaurants"], {"id": "Bow Wow", "city": "Ames", "cost": 1}]}
    assert failing(changed(2, lunch="Bow Wow"), FREE, world) == {"within_current_city"}
    hotels = [*WORLD["accommodations"], {**WORLD["accommodations"][0], "id": "Inn, Bow", "city": "Cade"}]
    world = {**WORLD, "accommodations": hotels}
    assert "within_current_city" in failing(changed(2, accommodation="Inn, Bow"), FREE, world)


@pytest.mark.parametrize("name", ["Bis", "istro", "Bistro ", "bistro", "Bistro, Bow", "B", "."])
def test_a_part_of_a_name_is_no_name(name: str) -> None:
    """There, names were matched by substring."""
    assert "within_sandbox" in failing(changed(1, dinner=name))


def test_a_short_name_does_not_get_the_first_price() -> None:
    cheap = [{"id": "Bistro Cheap", "city": "Bow", "cost": 0, "cuisines": ["French"]}, *WORLD["restaurants"]]
    world = {**WORLD, "restaurants": cheap}
    assert failing(PLAN, {**FREE, "budget": 779}, world) == {"budget"}
    assert failing(changed(1, dinner="Bistro Cheap"), {**FREE, "budget": 779}, world) == set()


@pytest.mark.parametrize("date", ["2022-03-17", "2022-03-18", "", "16 March"])
def test_a_flight_is_of_its_date(date: str) -> None:
    """F1 flies a day later as well, for a tenth of the price."""
    reply = changed(1, transport={"flight": "F1", "date": date or "x"})
    assert "within_sandbox" in failing(reply)
    assert grade("plan", reply, {"query": FREE, "world": WORLD}, reward="gated").score == 0


def test_a_flight_leads_where_the_day_does() -> None:
    world = {**WORLD, "flights": [{**WORLD["flights"][0], "to": "Cade"}, *WORLD["flights"][1:]]}
    assert failing(PLAN, FREE, world) == {"within_current_city"}


def test_unknown_things_are_not_free() -> None:
    """There, what was not found cost 0."""
    assert failing(changed(2, lunch="Gourmet temple"), {**FREE, "budget": 740}) == {
        "within_sandbox",
        "within_current_city",
        "budget",
    }


def test_local_transport_on_a_day_without_travel_leads_nowhere() -> None:
    taxi = {"taxi": {"from": "Ames", "to": "Bow"}}
    assert failing(changed(2, transport=taxi)) == {"within_current_city"}


def test_a_cuisine_is_a_whole_name_and_not_had_at_home() -> None:
    query = {**QUERY, "constraints": {"cuisines": ["Tea"]}}
    assert failing(PLAN, query) == set()
    assert failing(PLAN, {**QUERY, "constraints": {"cuisines": ["Te"]}}) == {"cuisine"}
    assert failing(changed(1, dinner="Grill"), query) == {"diverse_restaurants"}
    at_home = {**QUERY, "constraints": {"cuisines": ["French"]}}
    assert failing(changed(1, dinner=None), at_home) == {"cuisine"}


def test_code_in_a_name_is_a_name() -> None:
    assert "within_sandbox" in failing(changed(2, lunch="__import__('os').system('true')"))


def test_an_overlong_plan_is_not_cut() -> None:
    """There, days after the last were not looked at."""
    extra = {**PLAN[2], "day": 4}
    assert {"complete", "reasonable_route"} <= failing([*PLAN, extra])
