"""A directory of 2,400 tools: 20 domains, 10 things in each, 12 actions on each thing.

Every domain, thing and action has a word of its own, which the tool's name and description use, and other wordings,
which requests use. Things occur in several domains, so that a tool has near ones on three sides: another action on the
same thing, the same action on another thing, and the same action on the thing in another domain.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentrl.data import split_of
from agentrl.envs._tools.actions import Action, Asked, Parameter, drawn
from agentrl.envs._tools.kinds import Code, Day, Scene, ValueKind, Whole
from agentrl.envs._tools.names import MAIL, PERSON, SUBJECT, need, plain_choice
from agentrl.types import Split

__all__ = ["ACTIONS", "DOMAINS", "THINGS", "Listed", "dealt", "directory"]

DOMAINS: Mapping[str, tuple[str, ...]] = {
    "fleet": ("company cars", "vans and cars of the firm"),
    "library": ("book lending desk", "place where we lend books"),
    "clinic": ("doctors' practice", "medical office"),
    "hotel": ("guest house", "place where guests stay overnight"),
    "warehouse": ("storage hall", "depot"),
    "school": ("pupils and teachers", "classes and pupils"),
    "museum": ("exhibition house", "art collection"),
    "farm": ("fields and barns", "land that we grow crops on"),
    "airport": ("terminal and runways", "place where planes land"),
    "bakery": ("bread shop", "place where we make bread and cakes"),
    "theatre": ("stage and its actors", "playhouse"),
    "gym": ("fitness studio", "training centre"),
    "bank": ("place where our accounts are", "branch that keeps our savings"),
    "factory": ("production plant", "assembly lines"),
    "laboratory": ("test benches", "research benches"),
    "restaurant": ("dining place", "place where we serve meals"),
    "shipyard": ("docks where boats are built", "boat builders"),
    "university": ("campus", "students and professors"),
    "newsroom": ("editors and reporters", "press office"),
    "charity": ("donors and helpers", "good cause"),
}
THINGS: Mapping[str, tuple[str, ...]] = {
    "invoice": ("bill", "amount due"),
    "contract": ("agreement", "signed deal"),
    "shift": ("working hours", "slot on the rota"),
    "complaint": ("grievance", "angry letter"),
    "inspection": ("safety check", "audit visit"),
    "membership": ("subscription", "enrolment of a member"),
    "delivery": ("shipment", "load of goods"),
    "inventory": ("stock count", "count of supplies"),
    "booking": ("reservation", "place held"),
    "survey": ("questionnaire", "opinion poll"),
    "permit": ("licence", "official permission"),
    "training": ("course", "lesson"),
    "repair": ("fix", "maintenance job"),
    "budget": ("spending plan", "cost estimate"),
    "announcement": ("public notice", "news item"),
    "refund": ("money back", "repayment"),
    "incident": ("accident", "mishap"),
    "badge": ("entry card", "pass for the door"),
    "supplier": ("vendor", "company that we buy from"),
    "meeting": ("get-together", "conference"),
}
_PER_DOMAIN = 10
_STRIDE = 3
ID = Code("R-", 4)
_ARTICLE = re.compile(r"\ba (?=[aeiou])")


@dataclass(frozen=True, slots=True)
class _Deed:
    """An action: what it says of itself, what it needs, and how a request says it."""

    about: str
    parameters: Mapping[str, Parameter]
    own: str
    others: tuple[str, ...]


def _on(**kinds: ValueKind) -> Mapping[str, Parameter]:
    return need(id=ID, **kinds)


ACTIONS: Mapping[str, _Deed] = {
    "create": _Deed(
        "Create a {thing}",
        need(title=SUBJECT),
        "create a {thing} titled <title>",
        ("set up a new {thing} by the name of <title>", "start a {thing} called <title>"),
    ),
    "delete": _Deed(
        "Delete a {thing}",
        _on(),
        "delete the {thing} <id>",
        ("get rid of the {thing} <id> for good", "wipe out the {thing} <id>"),
    ),
    "archive": _Deed(
        "Archive a {thing}",
        _on(),
        "archive the {thing} <id>",
        ("put the {thing} <id> away with the old records", "file the {thing} <id> away, it is done"),
    ),
    "assign": _Deed(
        "Assign a {thing} to a person",
        _on(person=PERSON),
        "assign the {thing} <id> to <person>",
        ("make <person> responsible for the {thing} <id>", "hand the {thing} <id> over to <person>"),
    ),
    "schedule": _Deed(
        "Schedule a {thing} for a day",
        _on(date=Day()),
        "schedule the {thing} <id> <date>",
        ("have the {thing} <id> take place <date>", "plan the {thing} <id> so that it is <date>"),
    ),
    "share": _Deed(
        "Share a {thing} by mail address",
        _on(email=MAIL),
        "share the {thing} <id> with <email>",
        ("let <email> see the {thing} <id>", "give <email> a look at the {thing} <id>"),
    ),
    "rename": _Deed(
        "Rename a {thing}",
        _on(title=SUBJECT),
        "rename the {thing} <id> to <title>",
        ("change what the {thing} <id> is called to <title>", "give the {thing} <id> the new name <title>"),
    ),
    "export": _Deed(
        "Export a {thing} as a file",
        _on(format=plain_choice("csv", "pdf", "json")),
        "export the {thing} <id> as <format>",
        ("download the {thing} <id> in <format> format", "turn the {thing} <id> into a <format> document"),
    ),
    "approve": _Deed(
        "Approve a {thing}",
        _on(),
        "approve the {thing} <id>",
        ("say yes to the {thing} <id>", "give the {thing} <id> the green light"),
    ),
    "duplicate": _Deed(
        "Duplicate a {thing}",
        _on(copies=Whole(2, 9)),
        "duplicate the {thing} <id>, <copies> times",
        ("make <copies> copies of the {thing} <id>", "clone the {thing} <id>, <copies> times"),
    ),
    "postpone": _Deed(
        "Postpone a {thing} by days",
        _on(days=Whole(2, 30)),
        "postpone the {thing} <id> by <days> days",
        ("move the {thing} <id> <days> days back", "let the {thing} <id> wait for <days> more days"),
    ),
    "translate": _Deed(
        "Translate a {thing}",
        _on(language=plain_choice("french", "german", "spanish", "japanese")),
        "translate the {thing} <id> into <language>",
        ("put the {thing} <id> into <language>", "write the {thing} <id> again in <language>"),
    ),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool of the directory."""

    domain: str
    thing: str
    action: str

    @property
    def name(self) -> str:
        """Of the function.

        >>> Listed("fleet", "invoice", "archive").name
        'fleet.archive_invoice'
        """
        return f"{self.domain}.{self.action}_{self.thing}"

    @property
    def about(self) -> str:
        """Its description."""
        return _named(f"{ACTIONS[self.action].about} of the {self.domain}.", self.thing)

    @property
    def query(self) -> str:
        """The words of its own."""
        return f"{self.domain} {self.action} {self.thing}"

    def tool(self, phrases: tuple[str, ...] = ()) -> Action:
        """As an action with phrases that ask for it."""
        return Action(self.name, self.about, ACTIONS[self.action].parameters, phrases)

    def asked(self, scene: Scene) -> Asked:
        """A call of it, in words of which at level 1 two are its own, at level 2 one, and at level 3 none."""
        rng, deed = scene.random, ACTIONS[self.action]
        own = rng.sample(("domain", "thing", "action"), 3 - scene.level)
        pattern = deed.own if "action" in own else rng.choice(deed.others)
        thing = self.thing if "thing" in own else rng.choice(THINGS[self.thing])
        place = self.domain if "domain" in own else rng.choice(DOMAINS[self.domain])
        said = _named(pattern, thing).replace("<", "{").replace(">", "}")
        return drawn(self.tool((f"for the {place}, {said}",)), scene)


def _named(pattern: str, thing: str) -> str:
    return _ARTICLE.sub("an ", pattern.format(thing=thing))


@functools.cache
def directory() -> Mapping[str, Listed]:
    """All tools by name; a domain has every second thing, begun at another place."""
    things, found = list(THINGS), {}
    for number, domain in enumerate(DOMAINS):
        for step in range(_PER_DOMAIN):
            thing = things[(_STRIDE * number + step * (1 + 2 * (number % 2))) % len(things)]
            for action in ACTIONS:
                one = Listed(domain, thing, action)
                found[one.name] = one
    return found


@functools.cache
def dealt(split: Split) -> tuple[str, ...]:
    """The names of a split's tools, a fifth of all in test, as `generated` deals the problems with these names."""
    return tuple(name for name in directory() if split_of("tool_search", name) == split)
