"""A scorer made of one function, for audits whose result is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from agentrl.audit import Item, Outcome
from agentrl.audit.guard import Guard, attempt
from agentrl.audit.records import Domain, Reply, Where
from agentrl.audit.subject import framed_mutations

GOLDS = ("5", "72", "-7", "0.75", r"\frac{1}{3}", "101", r"(-\infty, 2)", "B", r"1, 2, \ldots, 9")


@dataclass(slots=True)
class FunctionScorer:
    """`score(reply, answer)` with golds in boxes."""

    function: Callable[[str, Any], float | None]
    golds: Sequence[Any] = GOLDS
    domain: Domain = "maths"
    strict: Literal["full", "half"] = "half"
    basis: Literal["tasks", "table"] = "tasks"
    timeout_s: float = 0.3
    prompt: str = "Solve $2x - 4 < 0$ for x; what is its value?"
    name: str = "function"
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = Guard(self.timeout_s)

    def items(self) -> list[Item]:
        return [self._item(str(i), gold) for i, gold in enumerate(self.golds)]

    def score(self, item: Item, reply: Reply, where: Where = "any") -> Outcome:
        def work() -> Outcome:
            assert isinstance(reply, str)
            return Outcome(self.function(reply, item.answer))

        return attempt(work) if where == "main" else self.guard.call(work)

    def pose(self, answer: str) -> Item | None:
        return self._item(f"gold {answer}", answer)

    def rewrites(self, item: Item) -> Iterator[Reply]:
        yield f" {item.oracle} "

    def mutations(self, item: Item) -> Iterator[Reply]:
        return framed_mutations(item)

    def close(self) -> None:
        self.guard.close()

    def _item(self, id: str, gold: Any) -> Item:
        return Item(id, self.prompt, gold, f"\\boxed{{{gold}}}" if isinstance(gold, str) else None)


@pytest.fixture
def scorer_of() -> Iterator[Callable[..., FunctionScorer]]:
    """Makes scorers from functions of reply and answer, and ends their threads."""
    made: list[FunctionScorer] = []

    def make(function: Callable[[str, Any], float | None], **fields: Any) -> FunctionScorer:
        made.append(FunctionScorer(function, **fields))
        return made[-1]

    yield make
    for scorer in made:
        scorer.close()
