"""The customer: a script that answers the agent, by rules alone.

The customer opens with a request and knows some facts. What the agent says decides what the customer says:

    it names a fact ("zip", "order")        that fact
    it asks, but names none                 all facts
    it says what it will do, naming the     yes, to that (`consent.py`); but where the customer has a
      tool and the order by its id, and     change of mind to tell, that, the first time
      asks
    it asks for leave, but names no tool,   what exactly it would do
      or too many
    it says that something cannot be done   one of the pushes, while there are any
    anything else                           the request, again

Facts never depend on what was said, and nothing that the customer says is made from the gold's calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentrl.envs._desk.consent import MAX_TOOLS, Consent, named, names

__all__ = ["Customer", "fact", "script"]

_ASKS_LEAVE = re.compile(
    r"\b(?:confirm\w*|proceed|go ahead|(?:shall|should) (?:i|we)|i should|permission|approv\w+|consent|agree"
    r"|yes/no|yes or no|(?:reply|say) yes"
    r"|(?:are|is|would) (?:you|that|this|it|everything)(?: be)? (?:sure|ok|okay|fine|right|correct|alright|all right)"
    r"|(?:ok|okay|alright|all right|correct|right)(?: with you)?\?)",
)
_MAY_ASK_LEAVE = re.compile(r"\b(?:(?:may|can|do) (?:i|we)|(?:do|would) you (?:want|like|mind))\b")
"""So does one ask for facts, too: these count where the tool is named, or else the subject."""
_ASKS = re.compile(
    r"\?|\b(?:details?|information|tell me|provide|describe|need to know|verify|identify|identity|authenticate|share)\b"
)
_REFUSES = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|unable|not able|not allowed|not possible|impossible|not permitted"
    r"|against (?:our|the) (?:policy|rules)|policy (?:does not|doesn't|forbids)|unfortunately|refuse|decline|won't)\b"
)
_UNCLEAR = (
    f"What exactly would you do? Name what you would use, {MAX_TOOLS} of your tools at most, with the ids and numbers."
)
_WORD = re.compile(r"[\w-]+")
Script = Mapping[str, Any]


def fact(cues: str, says: str) -> dict[str, Any]:
    """A fact that the customer knows: the words that ask for it, and the answer."""
    return {"cues": cues.split(), "says": says}


def script(
    wants: str,
    facts: Sequence[Mapping[str, Any]],
    *,
    subject: Sequence[str],
    twist: str = "",
    pushes: Sequence[str] = (),
) -> dict[str, Any]:
    """A customer as JSON.

    Args:
        wants: The request.
        facts: See `fact`.
        subject: Ids of what the request is about: the customer agrees to nothing that names none of them; where there
            are none, a question needs to name none.
        twist: The change of mind.
        pushes: What is said to a refusal, in turn.
    """
    return {"wants": wants, "facts": list(facts), "subject": list(subject), "twist": twist, "pushes": list(pushes)}


@dataclass(slots=True)
class Customer:
    """One customer under way.

    Attributes:
        script: See `script`.
        tools: Of which a question for leave must name some; where there are none, it needs to name none.
        agreed: What the last yes was for.
        turned: Whether the change of mind was told.
        pushed: How often a refusal was answered.
        told: The facts that the customer has told, each as its first cue.
    """

    script: Script
    tools: Sequence[str] = ()
    agreed: Consent | None = None
    turned: bool = False
    pushed: int = 0
    told: set[str] = field(default_factory=set)

    def reply(self, said: str) -> str:
        """Answer the agent."""
        said = " ".join(said.lower().replace("’", "'").split())
        if not said:
            return "Hello? Are you there?"
        parts = self._facts(said)
        if _REFUSES.search(said) and not _ASKS_LEAVE.search(said) and self.pushed < len(self.script["pushes"]):
            self.pushed += 1
            return " ".join([*parts, self.script["pushes"][self.pushed - 1]])
        if self._asks_leave(said):
            parts.append(self._leave(said))
        if not parts and _ASKS.search(said):
            parts = self._tell(self.script["facts"])
        if not parts:
            return f"{self.script['wants']} If you need my yes, say exactly what you would do, and ask me."
        return " ".join(parts)

    def _facts(self, said: str) -> list[str]:
        words = {word for whole in _WORD.findall(said) for word in (whole, *whole.split("-"))}
        words |= {word[:-1] for word in words if word.endswith("s")}
        return self._tell(known for known in self.script["facts"] if not words.isdisjoint(known["cues"]))

    def _tell(self, facts: Iterable[Mapping[str, Any]]) -> list[str]:
        said = []
        for known in facts:
            self.told.add(known["cues"][0])
            said.append(known["says"])
        return said

    def _asks_leave(self, said: str) -> bool:
        subject = self.script["subject"]
        if subject and not any(names(said, id) for id in subject):
            return False
        if _ASKS_LEAVE.search(said):
            return True
        may = bool(named(self.tools, said)) if self.tools else bool(subject)
        return may and _MAY_ASK_LEAVE.search(said) is not None

    def _leave(self, said: str) -> str:
        """The answer to a question for leave."""
        tools = named(self.tools, said)
        if self.tools and not 1 <= len(tools) <= MAX_TOOLS:
            return _UNCLEAR
        if self.script["twist"] and not self.turned:
            self.turned = True
            return str(self.script["twist"])
        self.agreed = Consent(tools, said)
        return f"Yes, please go ahead{': ' if tools else ''}{', '.join(tools)}."
