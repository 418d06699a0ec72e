"""What an audit passes around: items, outcomes, the scorer under audit, and attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agentrl.types import Message, Transcript

if TYPE_CHECKING:
    from agentrl.audit.subject import Subject

__all__ = ["DOMAINS", "Attack", "Domain", "Item", "Outcome", "Reply", "Scorer", "Where"]

Domain = Literal["maths", "logic", "tools", "text", "code"]
DOMAINS: tuple[Domain, ...] = ("maths", "logic", "tools", "text", "code")
Where = Literal["any", "main", "thread"]
"""Which thread calls the scorer; "any" is the one in which a hang costs least."""
Reply = str | Transcript | tuple[str | Message, ...]
"""One reply, a transcript for a verifier that looks at more than text, or an environment's replies turn by turn."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question to the scorer.

    Attributes:
        id: Names it among the scorer's items.
        prompt: The question as the policy sees it.
        answer: The gold; None where the scorer keeps it to itself.
        oracle: A reply that must be paid in full; None where none is known.
        options: Options that belong to this item.
    """

    id: str
    prompt: str
    answer: Any
    oracle: Reply | None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call gave.

    Attributes:
        score: The number returned; None where there is none.
        error: What was raised, or how the process died; empty where nothing was.
        timed_out: Whether the call was still running at its deadline.
        seconds: Wall time; not compared.
        status: The verdict's status, where the scorer has one.
        acted: Whether the reply was run as code; the audit finds that out, not the scorer.
    """

    score: float | None
    error: str = ""
    timed_out: bool = False
    seconds: float = field(default=0.0, compare=False)
    status: str = ""
    acted: bool = False


class Scorer(Protocol):
    """Anything that turns a reply into a number.

    Attributes:
        domain: Which catalogue of attacks fits it.
        strict: "full": a wrong reply is taken for right where it scores as a right one does. "half": where it scores
            more than half of that.
        basis: "tasks" where the items are a sample of what a policy meets, "table" where they were chosen by hand, so
            that a share of them says nothing.
    """

    @property
    def name(self) -> str:
        """As it was asked for."""
        ...

    domain: Domain
    strict: Literal["full", "half"]
    basis: Literal["tasks", "table"]

    def items(self) -> Sequence[Item]:
        """The items to try, always the same ones."""
        ...

    def score(self, item: Item, reply: Reply, where: Where = "any") -> Outcome:
        """Score one reply; it does not raise and, but in the main thread, ends at the deadline."""
        ...

    def pose(self, answer: str) -> Item | None:
        """An item with another gold; None where the scorer chooses its golds itself."""
        ...

    def rewrites(self, item: Item) -> Iterator[Reply]:
        """Other spellings of the right reply: they must be paid in full as well."""
        ...

    def mutations(self, item: Item) -> Iterator[Reply]:
        """Replies that give another answer: they must not be paid."""
        ...

    def close(self) -> None:
        """End what it started."""
        ...


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to be paid without the right answer.

    Attributes:
        id: Its place in the catalogue, such as M4.
        exploits: What the scorer would have to get wrong, in one line.
        replies: From an item to replies that must not be paid.
        pairs: Golds of its own, each with the content of a reply that must not be paid for it.
        items: On how many items it is tried; None for all. Replies that may take a scorer to its deadline need few.
        hit: "paid": the reply is paid. "acts": it did something; that it is paid says little.
    """

    id: str
    exploits: str
    replies: Callable[[Subject], Iterable[Reply]]
    pairs: tuple[tuple[str, str], ...] = ()
    items: int | None = None
    hit: Literal["paid", "acts"] = "paid"
