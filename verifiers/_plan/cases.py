"""A world of two cities, a plan that keeps every rule of its query, and the truth table."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ANSWER", "CASES", "PLAN", "QUERY", "WORLD", "changed"]

QUERY: dict[str, Any] = {
    "origin": "Ames",
    "destination": "Bow",
    "dates": ["2022-03-16", "2022-03-17", "2022-03-18"],
    "people": 2,
    "cities": 1,
    "budget": 1000,
    "constraints": {
        "house_rule": "pets",
        "room_type": "entire room",
        "cuisines": ["French", "Indian"],
        "transport": "no self-driving",
    },
}
WORLD: dict[str, Any] = {
    "cities": {"Ames": "Iowa", "Bow": "Ohio", "Cade": "Ohio"},
    "flights": [
        {"id": "F1", "date": "2022-03-16", "from": "Ames", "to": "Bow", "price": 100},
        {"id": "F1", "date": "2022-03-17", "from": "Ames", "to": "Bow", "price": 10},
        {"id": "F2", "date": "2022-03-18", "from": "Bow", "to": "Ames", "price": 90},
    ],
    "drives": [{"from": "Ames", "to": "Bow", "cost": 40}, {"from": "Bow", "to": "Ames", "cost": 40}],
    "taxis": [{"from": "Ames", "to": "Bow", "cost": 200}, {"from": "Bow", "to": "Ames", "cost": 200}],
    "restaurants": [
        {"id": "Tandoor", "city": "Bow", "cost": 20, "cuisines": ["Indian", "Tea"]},
        {"id": "Bistro", "city": "Bow", "cost": 30, "cuisines": ["French"]},
        {"id": "Diner", "city": "Bow", "cost": 10, "cuisines": ["American"]},
        {"id": "Grill", "city": "Bow", "cost": 15, "cuisines": ["BBQ"]},
        {"id": "Cafe Ames", "city": "Ames", "cost": 5, "cuisines": ["French", "Indian"]},
    ],
    "attractions": [{"id": "Museum", "city": "Bow"}, {"id": "Park", "city": "Bow"}, {"id": "Zoo", "city": "Cade"}],
    "accommodations": [
        {
            "id": "Loft",
            "city": "Bow",
            "price": 120.0,
            "room_type": "Entire home/apt",
            "forbids": ["smoking"],
            "min_nights": 2,
            "max_people": 2,
        },
        {
            "id": "Attic",
            "city": "Bow",
            "price": 50.0,
            "room_type": "Private room",
            "forbids": ["pets"],
            "min_nights": 1,
            "max_people": 1,
        },
    ],
}
PLAN: list[dict[str, Any]] = [
    {
        "day": 1,
        "city": {"from": "Ames", "to": "Bow"},
        "transport": {"flight": "F1", "date": "2022-03-16"},
        "breakfast": None,
        "lunch": None,
        "dinner": "Bistro",
        "attractions": [],
        "accommodation": "Loft",
    },
    {
        "day": 2,
        "city": "Bow",
        "transport": None,
        "breakfast": "Diner",
        "lunch": "Tandoor",
        "dinner": "Grill",
        "attractions": ["Museum", "Park"],
        "accommodation": "Loft",
    },
    {
        "day": 3,
        "city": {"from": "Bow", "to": "Ames"},
        "transport": {"flight": "F2", "date": "2022-03-18"},
        "breakfast": None,
        "lunch": "Cafe Ames",
        "dinner": None,
        "attractions": [],
        "accommodation": None,
    },
]
ANSWER: dict[str, Any] = {"query": QUERY, "world": WORLD, "plan": PLAN}


def changed(day: int, /, **entries: Any) -> str:
    """The plan with some entries of one day replaced, as a reply."""
    return json.dumps([{**row, **entries} if row["day"] == day else row for row in PLAN])


_WHOLE = json.dumps(PLAN)
_DRIVE = {"drive": {"from": "Ames", "to": "Bow"}}
_TIGHT = {"query": {**QUERY, "budget": 779}, "world": WORLD}
_MICRO, _GATED = {"reward": "micro"}, {"reward": "gated"}

# Answer, response, options, expected status.
CASES: list[tuple[Any, str, dict[str, Any], str]] = [
    (ANSWER, _WHOLE, {}, "correct"),
    (ANSWER, _WHOLE, _MICRO, "correct"),
    (ANSWER, _WHOLE, _GATED, "correct"),
    (ANSWER, f"<think>[]</think>\nHere it is:\n```json\n{_WHOLE}\n```\nGood journey!", {}, "correct"),
    (_TIGHT, _WHOLE, {}, "incorrect"),
    (_TIGHT, _WHOLE, _MICRO, "partial"),
    (_TIGHT, _WHOLE, _GATED, "partial"),
    (ANSWER, changed(2, lunch="Nowhere"), {}, "incorrect"),
    (ANSWER, changed(2, lunch="Nowhere"), _MICRO, "partial"),
    (ANSWER, changed(2, lunch="Nowhere"), _GATED, "incorrect"),
    (ANSWER, changed(2, lunch=None), _GATED, "incorrect"),
    (ANSWER, changed(2, dinner="Diner"), {}, "incorrect"),
    (ANSWER, changed(2, attractions=["Museum", "Museum"]), {}, "incorrect"),
    (ANSWER, changed(1, transport=_DRIVE), {}, "incorrect"),
    (ANSWER, changed(1, transport={"flight": "F1", "date": "2022-03-17"}), {}, "incorrect"),
    (ANSWER, changed(1, accommodation="Attic"), {}, "incorrect"),
    (ANSWER, json.dumps(PLAN[:2]), {}, "incorrect"),
    (ANSWER, "[]", _MICRO, "no_answer"),
    (ANSWER, "", {}, "no_answer"),
    (ANSWER, "[{}, {}, {}]", _MICRO, "malformed"),
    (ANSWER, changed(2, comment="nice"), {}, "malformed"),
    (ANSWER, "Day 1: fly from Ames to Bow with F1.", {}, "malformed"),
    ({"query": QUERY}, _WHOLE, {}, "task_invalid"),
    ({"query": {**QUERY, "people": 0}, "world": WORLD}, _WHOLE, {}, "task_invalid"),
    ("Ames to Bow", _WHOLE, {}, "task_invalid"),
]
