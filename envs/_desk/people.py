"""Names, addresses and ids for generated worlds."""

from __future__ import annotations

import datetime
import random
import string
from collections.abc import Mapping
from typing import Any

__all__ = ["TODAY", "YESTERDAY", "address", "customer_facts", "days", "fresh_id", "person"]

TODAY = "2025-06-15"
YESTERDAY = "2025-06-14"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words("""
Ana Ben Carla Dev Elif Femi Greta Hugo Ines Jonas Keiko Liam Mina Noor Omar Priya Quinn Rosa Sven Tara Umar Vera Wei
Xenia Yusuf Zoe
""")
_LAST = _words("""
Abbott Berg Costa Dang Egan Fischer Garcia Hansen Ito Jensen Kaya Lopez Moreau Nowak Okoye Patel Rossi Silva Tanaka
Ueda Vogel Weber Yilmaz Zhou
""")
_STREETS = _words("Oak Pine Maple Cedar Elm River Hill Lake Park Mill Station Garden Church Market")
_KINDS = _words("Street Road Lane Avenue Drive")
_CITIES = _words("Aston Brookfield Clayton Dunmore Easton Fairview Glenwood Hartley Kingsport Lakeside Milford Norwood")


def fresh_id(random: random.Random, prefix: str, digits: int, taken: set[str]) -> str:
    """An id that was not drawn before."""
    while True:
        id = prefix + "".join(random.choice(string.digits) for _ in range(digits))
        if id not in taken:
            taken.add(id)
            return id


def address(random: random.Random) -> dict[str, Any]:
    """A street, a city and a zip code."""
    return {
        "street": f"{random.randrange(1, 200)} {random.choice(_STREETS)} {random.choice(_KINDS)}",
        "city": random.choice(_CITIES),
        "zip": f"{random.randrange(10000, 99999)}",
    }


def person(random: random.Random, taken: set[str]) -> dict[str, Any]:
    """A customer with an id, a name and an email address; no two of a world share a name."""
    while True:
        first, last = random.choice(_FIRST), random.choice(_LAST)
        if f"{first} {last}" not in taken:
            break
    taken.add(f"{first} {last}")
    number = random.randrange(10, 100)
    email = f"{first}.{last}{random.randrange(10, 100)}@example.com".lower()
    return {"id": f"{first}_{last}_{number}".lower(), "first_name": first, "last_name": last, "email": email}


def customer_facts(who: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a customer says about themselves."""
    name = f"{who['first_name']} {who['last_name']}"
    return [
        {"cues": ["name", "who", "identity", "identify", "verify", "authenticate"], "says": f"My name is {name}."},
        {"cues": ["zip", "postal", "postcode", "verify", "authenticate"], "says": f"My zip code is {who['zip']}."},
        {"cues": ["email", "e-mail", "mail"], "says": f"My email address is {who['email']}."},
    ]


def days(random: random.Random, first: int, last: int) -> str:
    """A day that lies some days before today; a negative number is one to come."""
    day = datetime.date.fromisoformat(TODAY) - datetime.timedelta(random.randrange(first, last + 1))
    return day.isoformat()
