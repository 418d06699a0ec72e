"""Requests and the calls that answer them, drawn from the catalogues.

simple       one call, one tool is there
multiple     one call, of one among several tools
parallel     several calls in any order, of one tool or of several
ordered      several calls whose order counts
irrelevance  no tool does what is asked
missing      a tool does, but a value that it requires is not said
"""

from __future__ import annotations

import datetime
import functools
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from agentrl.envs._tools.actions import Action, Asked, drawn
from agentrl.envs._tools.home import HOME
from agentrl.envs._tools.kinds import Scene
from agentrl.envs._tools.travel import TRAVEL
from agentrl.envs._tools.work import WORK

__all__ = ["DOMAINS", "KINDS", "RULES", "Kind", "Request", "draw_request"]

Kind = Literal["simple", "multiple", "parallel", "ordered", "irrelevance", "missing"]
KINDS: tuple[Kind, ...] = ("simple", "multiple", "parallel", "ordered", "irrelevance", "missing")
WITHOUT_CALLS = ("irrelevance", "missing")
DOMAINS: dict[str, tuple[Action, ...]] = {**TRAVEL, **HOME, **WORK}
RULES = (
    "Answer a request with the calls that it asks for, all in one reply; where it gives an order, keep it. Pass quoted "
    "text as it is, without the quotes. Leave out optional arguments that the request does not mention. Where no tool "
    "does just what is asked, or a value that a tool requires is not given, call nothing and say so in a sentence."
)
_TOOLS = {1: 3, 2: 6, 3: 12}
_SIBLINGS = {1: 0, 2: 2, 3: 5}
_CALLS = {1: (2, 2), 2: (2, 3), 3: (3, 4)}
_FIRST_DAY = datetime.date(2024, 1, 1)
_DAYS = 1400
_ONE = ("{X}.", "Please {x}.", "Could you {x}?", "I would like you to {x}.", "I need you to {x}.", "{X}, please.")
_OPENINGS = (
    "I am just back at my desk and have something for you.",
    "My phone is nearly empty, so I will keep this short.",
    "Thanks for your help earlier, that was all fine.",
    "There is one thing left on my mind before I go.",
    "Sorry to trouble you again.",
)
_ORDERED = (
    ("First {x}.", "Then {x}.", "Finally, {x}."),
    ("To begin with, {x}.", "After that, {x}.", "Last of all, {x}."),
    ("Start with this: {x}.", "Next, {x}.", "At the end, {x}."),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its tools.

    Attributes:
        kind: See the module.
        text: What the user says.
        today: The day on which it is said.
        tools: In the order in which they are shown.
        asked: The calls that it asks for; where none can be made, the one that is wanted.
    """

    kind: Kind
    text: str
    today: datetime.date
    tools: tuple[Action, ...]
    asked: tuple[Asked, ...]

    @property
    def name(self) -> str:
        """Equal for requests of the same calls, whatever their words."""
        return json.dumps(sorted((one.plain() for one in self.asked), key=json.dumps))

    def answer(self) -> dict[str, Any]:
        """The gold for `tool_calls`."""
        tools = [{k: v for k, v in tool.declaration().items() if k != "description"} for tool in self.tools]
        if self.kind in WITHOUT_CALLS:
            return {"tools": tools, "irrelevant": True}
        calls = {"tools": tools, "calls": [one.gold() for one in self.asked]}
        order = [[i, i + 1] for i in range(len(self.asked) - 1)] if self.kind == "ordered" else []
        return {**calls, "order": order} if order else calls


def draw_request(rng: random.Random, kinds: Sequence[Kind], level: int) -> Request | None:
    """A request of one of some kinds; None where the numbers give no good one.

    The two kinds without calls come up half as often as the others.
    """
    kind = rng.choices(kinds, [1 if kind in WITHOUT_CALLS else 2 for kind in kinds])[0]
    scene = Scene(rng, level, _FIRST_DAY + datetime.timedelta(days=rng.randrange(_DAYS)))
    domain = rng.choice(list(DOMAINS))
    asked = _several(scene, kind, domain) if kind in ("parallel", "ordered") else _single(scene, kind, domain)
    if asked is None:
        return None
    tools = _tools(scene, kind, [one.action for one in asked])
    text = _joined(scene, kind, asked)
    if level > 2 and rng.random() < 0.5:
        text = f"{rng.choice(_OPENINGS)} {text}"
    return Request(kind, text, scene.today, tools, tuple(asked))


def _single(scene: Scene, kind: Kind, domain: str) -> list[Asked]:
    if kind != "missing":
        return [drawn(scene.random.choice(DOMAINS[domain]), scene)]
    action, name = scene.random.choice(_unsaid())
    return [drawn(action, scene, name)]


@functools.cache
def _unsaid() -> list[tuple[Action, str]]:
    """Every action with a required argument that one of its phrases can leave out."""
    actions = [action for domain in DOMAINS.values() for action in domain]
    return [(one, name) for one in actions for pattern in one.phrases for name in one.droppable(pattern)]


def _several(scene: Scene, kind: Kind, domain: str) -> list[Asked] | None:
    """Different calls; of parallel ones, the second may be the first with one other value."""
    rng = scene.random
    count = rng.randint(*_CALLS[scene.level])
    home = list(DOMAINS[domain])
    asked = [drawn(rng.choice(home), scene)]
    if kind == "parallel" and asked[0].action.again and rng.random() < 0.6:
        asked.append(_again(asked[0], scene))
    while len(asked) < count:
        pool = home if rng.random() < 0.5 else DOMAINS[rng.choice(list(DOMAINS))]
        asked.append(drawn(rng.choice(pool), scene))
    return asked if len({json.dumps(one.plain()) for one in asked}) == count else None


def _again(first: Asked, scene: Scene) -> Asked:
    name = first.action.again
    value = first.action.parameters[name].kind.draw(scene)
    return replace(first, values={**first.values, name: value}, text=f"do the same for {value.said}")


def _tools(scene: Scene, kind: Kind, wanted: Sequence[Action]) -> tuple[Action, ...]:
    """The tools that are wanted, unless none may fit, some of their domains, and others."""
    rng = scene.random
    unique = {action.name: action for action in wanted}
    homes = [action for actions in DOMAINS.values() if any(a in actions for a in unique.values()) for action in actions]
    siblings = [action for action in homes if action.name not in unique]
    others = [action for actions in DOMAINS.values() for action in actions if action not in homes]
    if kind == "simple":
        return tuple(unique.values())
    kept = [] if kind == "irrelevance" else list(unique.values())
    kept += rng.sample(siblings, min(len(siblings), _SIBLINGS[scene.level]))
    kept += rng.sample(others, max(1, _TOOLS[scene.level] - len(kept)))
    rng.shuffle(kept)
    return tuple(kept)


def _joined(scene: Scene, kind: Kind, asked: Sequence[Asked]) -> str:
    """The request in words."""
    texts = [one.text for one in asked]
    rng = scene.random
    if len(texts) == 1:
        return _said(rng.choice(_ONE), texts[0])
    if kind == "ordered":
        if len(texts) == 2 and scene.level > 1 and rng.random() < 0.4:
            return f"Before you {texts[1]}, {texts[0]}."
        first, then, last = rng.choice(_ORDERED)
        forms = [first, *[then] * (len(texts) - 2), last if len(texts) > 2 else then]
        return " ".join(_said(form, text) for form, text in zip(forms, texts, strict=True))
    again = texts[1].startswith("do the same for ")
    if scene.level > 1 and not again and rng.random() < 0.4:
        return "Please do the following, in any order:\n" + "\n".join(f"- {text}" for text in texts)
    forms = [rng.choice(_ONE[:4]), "{X}." if again else "Also, {x}.", "And {x}.", "Oh, and {x}."]
    return " ".join(_said(form, text) for form, text in zip(forms, texts, strict=False))


def _said(form: str, text: str) -> str:
    return form.replace("{X}", text[0].upper() + text[1:]).replace("{x}", text)
