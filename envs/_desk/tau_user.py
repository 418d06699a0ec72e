"""A customer from an instruction of tau-bench, whose sentences become facts in the first person.

The instruction tells a language model whom to play; here each sentence is told when the agent uses a word of it.
"""

from __future__ import annotations

import re
from typing import Any

from agentrl.envs._desk.user import script

__all__ = ["customer_of", "first_person"]

_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-Z\"'#])")
_WORD = re.compile(r"[a-z][a-z-]{2,}")
_WHO = re.compile(r"(?:You are|You're|You name is|Your name is|Your user id is|You live)\b", re.IGNORECASE)
_WISH = re.compile(
    r"\b(?:want|wish|need|would like|like to|looking to|cancel|return|exchange|change|modify|book|order)\w*"
)
_STAGE = re.compile(
    r"\b(?:reactive|will not say|do not reveal|minimal information|sound very natural|make up|personality)\b"
)
_COMMON = frozenset(
    re.findall(
        r"\S+",
        "the and for with that this your you are not but can will would have has had was were from into out any all "
        "one what which who how when then than also its it's they them there their only just please could should about",
    )
)
_IDENTITY = ("name", "who", "zip", "email", "user", "identity", "identify", "verify", "authenticate", "account")
_TURNS = (
    (r"\byou are\b", "I am"),
    (r"\byou're\b", "I'm"),
    (r"\byou were\b", "I was"),
    (r"\b(?:your|you) name is\b", "my name is"),
    (r"\byourself\b", "myself"),
    (r"\byours\b", "mine"),
    (r"\byour\b", "my"),
    (r"\b(to|for|from|with|by|at|of|on|give|gives|help|helps|tell|tells|let|lets|refund|ask|asks) you\b", r"\1 me"),
    (r"\byou\b", "I"),
)


def first_person(text: str) -> str:
    """Second person turned to first, and each sentence begun with a capital.

    >>> first_person("You are Mia in 19122. You want your refund, if the agent helps you.")
    'I am Mia in 19122. I want my refund, if the agent helps me.'
    """
    for pattern, by in _TURNS:
        text = re.sub(pattern, by, text, flags=re.IGNORECASE)
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda found: found[1] + found[2].upper(), text)


def customer_of(instruction: str) -> dict[str, Any]:
    """The script of the customer: the first wish opens, the other sentences are facts.

    >>> customer_of("You are Mia in 19122. You want to return the lamp. You are calm.")["wants"]
    'I want to return the lamp.'
    """
    sentences = [part.strip() for part in _SENTENCE.split(instruction.strip()) if not _STAGE.search(part)]
    sentences = sentences or [instruction.strip()]
    wishes = [part for part in sentences if _WISH.search(part.lower()) and not _WHO.match(part)]
    opening = (wishes or sentences)[0]
    facts = []
    for part in sentences:
        words = [word for word in dict.fromkeys(_WORD.findall(part.lower())) if word not in _COMMON]
        cues = [*words, *(_IDENTITY if _WHO.match(part) else ())]
        if cues:
            facts.append({"cues": cues, "says": first_person(part)})
    return script(first_person(opening), facts, subject=())
