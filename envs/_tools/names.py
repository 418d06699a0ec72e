"""Names that the catalogues share."""

from __future__ import annotations

from collections.abc import Mapping

from agentrl.envs._tools.actions import Parameter
from agentrl.envs._tools.kinds import Choice, Code, Mail, Name, Several, Text, ValueKind

__all__ = [
    "CITY", "CURRENCY", "DISH", "FILM", "FRIEND", "FRIENDS", "GOODS", "MAIL", "MAILS", "MESSAGE", "ORDER", "PERSON",
    "PROJECT", "SUBJECT", "WORDS", "need", "plain_choice", "want",
]  # fmt: skip

CITIES = (
    "Lisbon", "Oslo", "Vienna", "Toronto", "Nairobi", "Osaka", "Lima", "Dublin", "Prague", "Seoul", "Athens", "Geneva",
    "Boston", "Hamburg", "Cairo", "Melbourne", "Tallinn", "Valencia", "Mumbai", "Santiago", "Bergen", "Turin", "Denver",
    "Kyoto",
)  # fmt: skip
PEOPLE = (
    "Ann Meier", "Tom Okafor", "Lena Fischer", "Raj Patel", "Maria Lopez", "Ivan Petrov", "Grace Kim", "Omar Haddad",
    "Julia Novak", "Peter Lindgren", "Aisha Bello", "Hugo Martin", "Nina Rossi", "Sam Carter", "Mei Tanaka",
)  # fmt: skip
CITY = Name(CITIES)
PERSON = Name(PEOPLE)
FRIEND = Name(tuple(name.partition(" ")[0] for name in PEOPLE))
FRIENDS = Several(FRIEND)
MAIL = Mail(PEOPLE)
MAILS = Several(MAIL)
ORDER = Code("A-", 5)
PROJECT = Name(("Falcon", "Bluebird", "Harbor", "Summit", "Lantern", "Maple", "Orbit", "Quarry", "Tundra", "Willow"))
DISH = Name(
    ("tomato soup", "vegetable lasagna", "chicken curry", "apple pie", "lentil stew", "fish tacos", "mushroom risotto",
     "pancakes", "potato salad", "banana bread")
)  # fmt: skip
GOODS = Name(
    ("oat milk", "brown rice", "olive oil", "eggs", "spinach", "coffee beans", "honey", "yoghurt", "carrots", "flour",
     "dish soap", "candles")
)  # fmt: skip
FILM = Name(("The Glass River", "Northern Line", "Paper Moons", "A Quiet Orchard", "Static", "The Last Ferry"))
SUBJECT = Text(
    (
        ("Draft of the", "Questions on the", "Final version of the", "Changes to the", "Notes on the", "Plan for the"),
        ("budget", "contract", "workshop", "roadmap", "survey", "offsite", "newsletter", "audit"),
    )
)
MESSAGE = Text(
    (
        ("The meeting is", "Lunch is", "The call is", "The review is", "Our visit is", "The delivery is"),
        ("confirmed", "moved to Friday", "cancelled", "on hold", "at the new office", "running late"),
    )
)
WORDS = Text(
    (
        ("water", "check", "pack", "collect", "return", "repair", "order", "label"),
        ("the plants", "the printer", "the bicycle", "the library books", "the heating", "the parcels", "the keys"),
    )
)
CURRENCY = Choice(
    {"EUR": ("euros", "EUR"), "USD": ("US dollars", "USD"), "CHF": ("Swiss francs", "CHF"), "JPY": ("yen", "JPY")}
)


def plain_choice(*members: str) -> Choice:
    """An enumeration whose members are said as they are."""
    return Choice({member: (member.replace("_", " "),) for member in members})


def need(**kinds: ValueKind) -> Mapping[str, Parameter]:
    """Required arguments."""
    return {name: Parameter(kind) for name, kind in kinds.items()}


def want(kind: ValueKind, about: str = "", default: object = None) -> Parameter:
    """An optional argument."""
    return Parameter(kind, about, optional=True, default=default)
