"""The annotators' plans of TravelPlanner's training queries, as ids, in worlds of their reference information."""

from __future__ import annotations

import ast
import datetime
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from agentrl.golds import gold_problem
from agentrl.registry import grade
from agentrl.types import Message, Task, Transcript
from agentrl.verifiers._plan.rates import rates
from agentrl.verifiers.plan import assessment

DataDir = Callable[[str], Path]
CUISINES = ("American", "Mediterranean", "Indian", "Chinese", "Italian", "French", "Mexican")
NO_CAR = "no self-driving"
HOUSE_RULES = {"smoking": "smoking", "parties": "parties", "children": "children under 10", "visitors": "visitors"}
HOUSE_RULES |= {"pets": "pets", "pet-friendly": "pets"}
PEOPLE = {
    "two": 2, "pair": 2, "couple": 2, "three": 3, "four": 4, "five": 5, "solo": 1, "single": 1, "alone": 1, "myself": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One query: what was asked in words, the world, and the annotators' plan, both with ids."""

    asked: str
    world: dict[str, Any]
    plan: list[dict[str, Any]]


def world_of(info: dict[str, Any], state: str) -> dict[str, Any]:
    """Tables from one line of reference information; the id of a place is its name and city."""
    world: dict[str, Any] = {"cities": {}}
    world |= {name: [] for name in ("flights", "drives", "taxis", "restaurants", "attractions", "accommodations")}
    for title, rows in info.items():
        kind = title.partition(" ")[0]
        if kind in ("Self-driving", "Taxi"):
            route = re.fullmatch(r"\S+ from (.+) to (.+)", title)
            price = re.search(r"cost: (\d+)", rows)
            if route and price:
                row = {"from": route[1], "to": route[2], "cost": int(price[1])}
                world["taxis" if kind == "Taxi" else "drives"].append(row)
        elif kind == "Flight":
            world["flights"] += [flight(row) for row in rows if isinstance(row, dict)]
        else:
            table, read = {"Attractions": ("attractions", attraction), "Restaurants": ("restaurants", restaurant)}.get(
                kind, ("accommodations", lodging)
            )
            world[table] += [read(row) for row in rows]
            world["cities"][title.rpartition(" in ")[2]] = state
    for table in ("restaurants", "attractions", "accommodations"):
        seen: Counter[str] = Counter()
        for row in world[table]:  # of two places of one name, each is its own
            seen[row["id"]] += 1
            if seen[row["id"]] > 1:
                row["id"] += f" ({seen[row['id']]})"
    return world


def flight(row: dict[str, Any]) -> dict[str, Any]:
    route = {"from": row["OriginCityName"], "to": row["DestCityName"]}
    return {"id": row["Flight Number"], "date": row["FlightDate"], "price": row["Price"], **route}


def attraction(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{row['Name']}, {row['City']}", "city": row["City"]}


def restaurant(row: dict[str, Any]) -> dict[str, Any]:
    cuisines = row["Cuisines"].split(", ")
    return {**attraction(row), "cost": row["Average Cost"], "cuisines": cuisines}


def lodging(row: dict[str, Any]) -> dict[str, Any]:
    rules = str(row["house_rules"])
    return {
        "id": f"{row['NAME']}, {row['city']}",
        "city": row["city"],
        "price": row["price"],
        "room_type": row["room type"],
        "forbids": [rule.removeprefix("No ") for rule in rules.split(" & ") if rule.startswith("No ")],
        "min_nights": row["minimum nights"],
        "max_people": row["maximum occupancy"],
    }


def plan_of(days: list[dict[str, Any]], dates: list[str]) -> list[dict[str, Any]]:
    """A plan in the annotators' words as one in ids."""
    return [day_of(day, number, dates) for number, day in enumerate(days, 1)]


def day_of(day: dict[str, Any], number: int, dates: list[str]) -> dict[str, Any]:
    def entry(name: str) -> str | None:
        return None if day[name] in ("-", "") else day[name].strip()

    route = re.fullmatch(r"from (.+) to (.+)", day["current_city"])
    city = {"from": route[1], "to": route[2]} if route else day["current_city"]
    transport: dict[str, Any] | None = None
    said = entry("transportation")
    if said is not None:
        number_of = re.search(r"F\d{7}", said)
        by_car = {"drive" if "elf-driving" in said else "taxi": city}
        transport = {"flight": number_of[0], "date": dates[number - 1]} if number_of else by_car
    return {
        "day": number,
        "city": city,
        "transport": transport,
        **{meal: entry(meal) for meal in ("breakfast", "lunch", "dinner")},
        "attractions": [part.strip() for part in (entry("attraction") or "").split(";") if part.strip()],
        "accommodation": entry("accommodation"),
    }


def dates_of(asked: str, days: int) -> list[str]:
    found = re.search(r"March\s+(\d+)|(\d+)(?:st|nd|rd|th) of March", asked)
    assert found, asked
    first = datetime.date(2022, 3, int(found[1] or found[2]))
    return [(first + datetime.timedelta(days=i)).isoformat() for i in range(days)]


def read(folder: Path) -> Iterator[Row]:
    with gzip.open(folder / "train_ref_info.jsonl.gz", "rt", encoding="utf-8") as lines:
        infos = [json.loads(line) for line in lines]
    with gzip.open(folder / "std_travelplanner.jsonl.gz", "rt", encoding="utf-8") as lines:
        talks = [json.loads(line)["messages"] for line in lines]
    for info, talk in zip(infos, talks, strict=True):
        asked = talk[1]["content"].rpartition("Query:")[2].strip()
        said = talk[2]["content"]
        state = Counter(re.findall(r"\(([A-Z][a-z]+(?: York)?)\)", said)).most_common(1)
        days = [day for day in ast.literal_eval(said.replace(f"({state[0][0]})" if state else "()", "")) if day]
        world = world_of(info, state[0][0] if len(days) > 3 else "there")
        yield Row(asked, world, plan_of(days, dates_of(asked, len(days))))


def answer_of(row: Row, **constraints: Any) -> dict[str, Any]:
    """The gold: numbers from the query's words, cities from the reference information."""
    budget = re.search(r"\$([\d,]+\d)", row.asked)
    number = re.search(r"(?:group|party) of (\d+)|(\d+) (?:people|individuals|person)", row.asked)
    word = next((n for name, n in PEOPLE.items() if re.search(rf"\b(?:for|of|a|trip) {name}\b", row.asked)), 1)
    assert budget, row.asked
    query = {
        "origin": row.plan[0]["city"]["from"],
        "destination": next(iter(row.world["cities"].items()))[len(row.plan) > 3],
        "dates": dates_of(row.asked, len(row.plan)),
        "people": int(number[1] or number[2]) if number else word,
        "cities": len(row.world["cities"]),
        "budget": int(budget[1].replace(",", "")),
        "constraints": constraints,
    }
    return {"query": query, "world": row.world, "plan": row.plan}


def wishes_of(asked: str) -> dict[str, Any]:
    """The constraints in the query's words."""
    cuisines = [name for name in CUISINES if name in asked]
    kinds = (
        ("house_rule", HOUSE_RULES),
        ("room_type", {"entire room": "entire room", "private room": "private room", "not shared": "not shared room"}),
        ("transport", {"flight": "no flight", "flying": "no flight", "self-driv": NO_CAR, "drive ours": NO_CAR}),
    )
    found: dict[str, Any] = {"cuisines": cuisines} if cuisines else {}
    for name, words in kinds:
        found |= next(({name: wish} for word, wish in words.items() if word in asked.lower()), {})
    return found


def test_the_annotators_plans_are_right(data_dir: DataDir) -> None:
    """44 of 45. The other one spends a day in San Antonio at attractions of San Angelo and Houston."""
    rows = list(read(data_dir("travelplanner")))
    answers = [answer_of(row, **wishes_of(row.asked)) for row in rows]
    wrong = {i: gold_problem("plan", answer) for i, answer in enumerate(answers) if gold_problem("plan", answer)}
    assert list(wrong) == [41]
    assert "day 4: there is no 'San Angelo Museum of Fine Arts, San Angelo'" in wrong[41]
    said = [Transcript((Message("assistant", json.dumps(row.plan)),)) for row in rows]
    found = [assessment(Task("t", (), answer), reply) for answer, reply in zip(answers, said, strict=True)]
    pooled = rates(found)
    assert (pooled.delivery, pooled.commonsense_macro, pooled.hard_macro, pooled.final) == (1, *[Fraction(44, 45)] * 3)
    asked = [(len(plan.commonsense), len(plan.hard)) for plan in found]
    assert [sum(column) for column in zip(*asked, strict=True)] == [360, 105], "the published denominators"


@pytest.mark.parametrize("budget", [0.5, 1])
def test_half_the_budget_is_not_enough(data_dir: DataDir, budget: float) -> None:
    first, *_ = read(data_dir("travelplanner"))
    answer = answer_of(first)
    answer["query"]["budget"] *= budget
    verdict = grade("plan", json.dumps(first.plan), answer)
    assert [check.name for check in verdict.checks if not check.passed] == (["hard budget"] if budget < 1 else [])


def test_another_day_breaks_a_real_plan(data_dir: DataDir) -> None:
    """The same flights and places a day later: the flights are not of their date."""
    for row in read(data_dir("travelplanner")):
        if any(day["transport"] and "flight" in day["transport"] for day in row.plan):
            answer = answer_of(row)
            later = [
                datetime.date.fromisoformat(date) + datetime.timedelta(days=1) for date in answer["query"]["dates"]
            ]
            answer["query"]["dates"] = [date.isoformat() for date in later]
            assert not grade("plan", json.dumps(row.plan), answer).success


def test_reference_information_is_read() -> None:
    """Rows of the shapes that the data has."""
    info: dict[str, Any] = {
        "Attractions in Bow": [{"Name": "Park", "City": "Bow"}, {"Name": "Park", "City": "Bow"}],
        "Restaurants in Bow": [{"Name": "Grill", "Average Cost": 7, "Cuisines": "BBQ, Fast Food", "City": "Bow"}],
        "Flight from Ames to Bow on 2022-03-16": "There is no flight from Ames to Bow on 2022-03-16.",
        "Self-driving from Ames to Bow": "self-driving, from Ames to Bow, duration: 1 hour, distance: 99 km, cost: 4",
        "Taxi from Ames to Bow": "No valid information.",
    }
    world = world_of(info, "Ohio")
    assert world["cities"] == {"Bow": "Ohio"}
    assert [row["id"] for row in world["attractions"]] == ["Park, Bow", "Park, Bow (2)"]
    assert world["restaurants"][0]["cuisines"] == ["BBQ", "Fast Food"]
    assert (world["flights"], world["drives"], world["taxis"]) == ([], [{"from": "Ames", "to": "Bow", "cost": 4}], [])
