"""The customer: a script that answers the agent, by rules alone.

The customer opens with a request and knows some facts. What the agent says decides what the customer says:

    it names a fact ("zip", "order")        that fact
    it asks, but names none                 all facts
    it says what it will do, naming the     yes; but where the customer has a change of mind to tell,
      order by its id, and asks             that, the first time
    it says that something cannot be done   one of the pushes, while there are any
    anything else                           the request, again

Facts never depend on what was said, and nothing that the customer says is made from the gold's calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Customer", "fact", "script"]

_ASKS_LEAVE = re.compile(
    r"\b(?:confirm\w*|proceed|go ahead|(?:shall|should) (?:i|we)|i should|permission|approv\w+|consent|agree"
    r"|yes/no|yes or no|(?:reply|say) yes"
    r"|(?:are|is|would) (?:you|that|this|it|everything)(?: be)? (?:sure|ok|okay|fine|right|correct|alright|all right)"
    r"|(?:ok|okay|alright|all right|correct|right)(?: with you)?\?)",
)
_MAY_ASK_LEAVE = re.compile(r"\b(?:(?:may|can|do) (?:i|we)|(?:do|would) you (?:want|like|mind))\b")
"""So does one ask for facts, too: these count where the subject is named."""
_ASKS = re.compile(
    r"\?|\b(?:details?|information|tell me|provide|describe|need to know|verify|identify|identity|authenticate|share)\b"
)
_REFUSES = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|unable|not able|not allowed|not possible|impossible|not permitted"
    r"|against (?:our|the) (?:policy|rules)|policy (?:does not|doesn't|forbids)|unfortunately|refuse|decline|won't)\b"
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
        subject: Ids of what the request is about: the customer agrees to nothing that names none of them; to
            anything, where there are none.
        twist: The change of mind.
        pushes: What is said to a refusal, in turn.
    """
    return {"wants": wants, "facts": list(facts), "subject": list(subject), "twist": twist, "pushes": list(pushes)}


@dataclass(slots=True)
class Customer:
    """One customer under way.

    Attributes:
        script: See `script`.
        agreed: Whether the customer has said yes; one yes holds for all that follows.
        turned: Whether the change of mind was told.
        pushed: How often a refusal was answered.
    """

    script: Script
    agreed: bool = False
    turned: bool = False
    pushed: int = 0

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
            parts.append(self._leave())
        if not parts and _ASKS.search(said):
            parts = [known["says"] for known in self.script["facts"]]
        if not parts:
            return (
                f"{self.script['wants']} If you need my yes, say what you would do, and name the id of what it is for."
            )
        return " ".join(parts)

    def _facts(self, said: str) -> list[str]:
        words = {word for whole in _WORD.findall(said) for word in (whole, *whole.split("-"))}
        return [
            known["says"]
            for known in self.script["facts"]
            if any(cue in words or f"{cue}s" in words for cue in known["cues"])
        ]

    def _asks_leave(self, said: str) -> bool:
        names = self.script["subject"]
        if not names:
            return _ASKS_LEAVE.search(said) is not None
        named = any(re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", said) for name in names)
        return named and bool(_ASKS_LEAVE.search(said) or _MAY_ASK_LEAVE.search(said))

    def _leave(self) -> str:
        """The answer to a question for leave."""
        if self.script["twist"] and not self.turned:
            self.turned, self.agreed = True, False
            return str(self.script["twist"])
        self.agreed = True
        return "Yes, please go ahead."
