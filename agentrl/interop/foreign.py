"""Someone else's scorer, behind a process that can be killed: what it raises, and that it hangs, are outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentrl.audit.records import Domain, Item, Outcome, Reply, Where
from agentrl.audit.subject import framed_mutations, gold_text
from agentrl.errors import DataError, MissingExtraError, UnknownIdError, UsageError, suggest
from agentrl.workers import Answer, Workers

__all__ = ["FRAMES", "Foreign", "Target", "items_from_rows"]

FRAMES = (
    "{}",
    r"\boxed{{{}}}",
    "<think>I see.</think> \\boxed{{{}}}",
    "#### {}",
    "<answer>{}</answer>",
    "Answer: {}",
    "The final answer is ${}$.",
)
"""Where an answer may stand in a reply; the first that is paid is the one that the scorer reads."""
_PREPARE_S = 120.0
_MEMORY_MIB = 16_384


@dataclass(frozen=True, slots=True)
class Target:
    """What is called.

    Attributes:
        name: As it was asked for.
        request: What `agentrl.interop._inside` needs to find it.
        warm: The function of that module that imports the library, before workers are forked.
        extra: What to install where the library is missing.
    """

    name: str
    request: Mapping[str, Any]
    warm: str = ""
    extra: str = ""


@dataclass(slots=True)
class Foreign:
    """A scorer in worker processes.

    Attributes:
        target: What is called.
        domain: Which attacks.
        timeout_s: Wall time of a call; what goes on is killed.
        write_gold: From an answer to the gold as the scorer wants it; None where the scorer chooses its golds.
    """

    target: Target
    timeout_s: float = 10.0
    domain: Domain = "text"
    strict: Literal["full", "half"] = "half"
    basis: Literal["tasks", "table"] = "tasks"
    write_gold: Callable[[str], str] | None = None
    _items: tuple[Item, ...] = ()
    _rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _frame: str = "{}"
    _ready: bool = False
    _workers: Workers = field(init=False)

    def __post_init__(self) -> None:
        module = "agentrl.interop._inside"
        limit_s = max(_PREPARE_S, self.timeout_s)  # a call can only shorten it
        self._workers = Workers(module, timeout_s=limit_s, memory_mib=_MEMORY_MIB, count=1, warm=self.target.warm)

    @property
    def name(self) -> str:
        """As it was asked for."""
        return self.target.name

    def open(self) -> None:
        """Import the target.

        Raises:
            MissingExtraError: Its library is not installed.
            UnknownIdError: It has no such function or data set.
            UsageError: It cannot be imported.
        """
        answer = self.ask("prepare", dict(self.target.request))
        if answer.status == "done":
            self._ready = True
            return
        problem = self._problem(answer.detail)
        self.close()
        raise problem

    def take(self, items: Iterable[Item], rows: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Set the items, and find the frame in which their answers are read if no right reply came with them."""
        self._items = tuple(items)
        self._rows = dict(rows or {})
        if all(item.oracle is None for item in self._items):
            self._frame = self._find_frame()
            self._items = tuple(self._framed(item) for item in self._items)

    def refuse_programs(self) -> None:
        """Stop before anything is called where replies would be programs.

        Raises:
            UsageError: The scorer judges programs.
        """
        if self.domain == "code":
            raise UsageError(
                f"{self.name} judges programs: the attacks are programs too, and only agentrl's own `code` verifier "
                "runs them in a sandbox; audit that one with `agentrl audit code`"
            )

    def items(self) -> Sequence[Item]:
        """The items that were set."""
        return self._items

    def score(self, item: Item, reply: Reply, where: Where = "any") -> Outcome:
        """One call in a worker process."""
        if not isinstance(reply, str):
            raise UsageError(f"{self.name} takes text replies only")
        if not self._ready:  # a new worker imports first, which is not the call's time
            self.open()
        row = {"prompt": item.prompt, "answer": item.answer, **item.options, **self._rows.get(item.id, {})}
        index = int(item.id) if item.id.isdigit() else -1
        request = {"target": dict(self.target.request), "reply": reply, "row": row, "index": index, "where": where}
        began = time.monotonic()
        answer = self._workers.call("score", request, timeout_s=self.timeout_s)
        seconds = time.monotonic() - began
        self._ready = answer.status in ("done", "error")
        if answer.status == "done":
            return Outcome(answer.value, seconds=seconds)
        if answer.status == "timeout":
            return Outcome(None, timed_out=True, seconds=self.timeout_s)
        return Outcome(None, answer.detail, seconds=seconds)

    def pose(self, answer: str) -> Item | None:
        """An item with another gold, where the scorer is told its golds."""
        if self.write_gold is None:
            return None
        return self._framed(Item(f"gold {answer}", "What is the answer?", self.write_gold(answer), None))

    def rewrites(self, item: Item) -> Iterator[Reply]:
        """White space around the right reply: nothing else is harmless everywhere."""
        if isinstance(item.oracle, str):
            yield f"\n  {item.oracle}\n"

    def mutations(self, item: Item) -> Iterator[Reply]:
        """The right reply with another answer of the gold's type in its place."""
        return framed_mutations(item)

    def close(self) -> None:
        """End the processes."""
        self._workers.close()

    def ask(self, function: str, argument: Any) -> Answer:
        """Call a function that is not the scorer itself, with time to import."""
        return self._workers.call(function, argument, timeout_s=_PREPARE_S)

    def _find_frame(self) -> str:
        """The first frame in which a right answer is paid; without any frame where none is."""
        for frame in FRAMES:
            for item in self._items[:3]:
                outcome = self.score(item, frame.format(gold_text(item.answer)))
                if outcome.score is not None and outcome.score > 0.5:
                    wrong = self.score(item, "")
                    if wrong.score is None or wrong.score < outcome.score:
                        return frame
        return FRAMES[0]

    def _framed(self, item: Item) -> Item:
        gold = gold_text(item.answer)
        if not gold:
            return item
        oracle = self._frame.format(gold)
        return Item(item.id, item.prompt, item.answer, oracle, item.options)

    def _problem(self, detail: str) -> Exception:
        kind, _, said = detail.partition(": ")
        request = self.target.request
        if kind == "LoadError":
            return UsageError(f"{self.name} cannot be loaded: {said}")
        if self.target.extra and kind in ("ModuleNotFoundError", "ImportError"):
            return MissingExtraError(f"{self.name} needs a package: {said}; pip install 'agentrl[{self.target.extra}]'")
        if kind == "AttributeError" or request["style"] == "reasoning_gym":
            listed = self.ask("names", dict(request))
            if listed.status == "done" and request["name"] not in listed.value:
                what = "data set" if request["style"] == "reasoning_gym" else f"function in {request['module']}"
                return UnknownIdError(f"no {what} {request['name']!r}: {suggest(request['name'], listed.value)}")
        return UsageError(f"{self.name} cannot be loaded: {' '.join(detail.split())[:300]}")


def items_from_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[Item, ...], dict[str, Mapping[str, Any]]]:
    """Items from rows with `answer` (or `solution`), and optionally `prompt` and `response` (a right reply).

    Raises:
        DataError: A row has no answer, or a response that is not text.
    """
    items: list[Item] = []
    kept: dict[str, Mapping[str, Any]] = {}
    for index, row in enumerate(rows):
        answer = row.get("answer", row.get("solution"))
        if answer is None:
            given = [name for name, value in row.items() if value is not None]
            raise DataError(f"task {index + 1} has no field 'answer'; it has: {', '.join(given) or 'nothing'}")
        if not isinstance(row.get("response"), str | None):
            raise DataError(f"task {index + 1}: 'response' must be text, got {type(row['response']).__name__}")
        items.append(Item(str(index), str(row.get("prompt", "")), answer, row.get("response")))
        kept[str(index)] = {name: value for name, value in row.items() if name not in ("response", "prompt")} | {
            "answer": answer
        }
    return tuple(items), kept
