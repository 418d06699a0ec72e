"""Scorers of agentrl itself: a verifier with its golds, and an environment with its tasks."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from agentrl import golds, registry
from agentrl.audit.domains import domain_of
from agentrl.audit.guard import Guard, attempt
from agentrl.audit.records import Domain, Item, Outcome, Reply, Where
from agentrl.audit.subject import frame_of, framed_mutations
from agentrl.codec import transcript_from_json
from agentrl.environment import Env
from agentrl.errors import ConfigError, DataError, MissingExtraError, UsageError
from agentrl.protocols import Verifier
from agentrl.types import Message, Task, Transcript, Verdict

__all__ = ["EnvScorer", "VerifierScorer"]

_MUTATIONS = 8
_STEPS = 64
_FIRST_S = 120.0
"""How long a verifier's first call may take: it may start processes."""
_QUESTION = "What is the answer?"


class VerifierScorer:
    """A verifier, asked about the golds of its truth table or of given tasks.

    Args:
        id: Its id, or a path to its file.
        options: Options for all items.
        tasks: Rows with `answer`, and optionally `prompt`, `response` (a right reply) and options; None for the golds
            of `CASES`.
        domain: Which attacks; None chooses by the golds.
        timeout_s: Wall time of a call.
    """

    strict: Literal["full", "half"] = "full"

    def __init__(
        self,
        id: str,
        *,
        options: Mapping[str, Any] | None = None,
        tasks: Iterable[Mapping[str, Any]] | None = None,
        domain: Domain | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.name = id
        self.basis: Literal["tasks", "table"] = "table" if tasks is None else "tasks"
        self._options = dict(options or {})
        verify = registry.load_verifier(id, **self._options)
        rows = list(self._cases() if tasks is None else tasks)
        for row in rows[:1]:
            _refuse_options(verify, row)
        self._items = tuple(self._item(index, row) for index, row in enumerate(rows))
        if not self._items:
            raise DataError(f"verifier {id!r} has no golds to try: it needs CASES, or give --tasks FILE.jsonl")
        self.domain: Domain = domain or domain_of([item.answer for item in self._items])
        self._guard = Guard(timeout_s)

    def items(self) -> Sequence[Item]:
        """One item a gold."""
        return self._items

    def score(self, item: Item, reply: Reply, where: Where = "any") -> Outcome:
        """The verdict's score; None where the reply made the verifier blame the task or the machine."""
        said: Any = reply

        def work() -> Outcome:
            began = time.monotonic()
            verdict = registry.grade(self.name, said, item.answer, **item.options)
            return _outcome(verdict, time.monotonic() - began)

        return attempt(work) if where == "main" else self._guard.call(work)

    def pose(self, answer: str) -> Item | None:
        """The verifier takes any gold; none is made of one that it cannot use."""
        try:
            golds.gold_reply(self.name, answer, self._options)
        except DataError:
            return None
        item = self._item(-1, {"id": f"gold {answer}", "answer": answer})
        if item.oracle is None:  # the verifier names no gold replies: say it as another item does
            before_after = next((f for other in self._items if (f := frame_of(other)) is not None), None)
            item = item if before_after is None else dataclasses.replace(item, oracle=answer.join(before_after))
        return None if item.oracle is None else item

    def rewrites(self, item: Item) -> Iterator[Reply]:
        """The verifier's own list."""
        with contextlib.suppress(DataError):
            yield from golds.rewritten_golds(self.name, item.answer, item.options)

    def mutations(self, item: Item) -> Iterator[Reply]:
        """The verifier's own list, up to eight."""
        with contextlib.suppress(DataError):
            yield from itertools.islice(golds.mutated_golds(self.name, item.answer, item.options), _MUTATIONS)

    def close(self) -> None:
        """End the thread that calls it."""
        self._guard.close()

    def _cases(self) -> Iterator[Mapping[str, Any]]:
        """One row for every usable gold of the truth table, with a correct response where it has one."""
        rows = getattr(registry.load_module("verifier", self.name), "CASES", ())
        merged: dict[str, dict[str, Any]] = {}
        for answer, response, options, status in rows:
            if status == "task_invalid" or any(options.get(k, v) != v for k, v in self._options.items()):
                continue
            row = merged.setdefault(repr((answer, options)), {**options, "answer": answer})
            if status == "correct":
                row.setdefault("response", response)
        yield from merged.values()

    def _item(self, index: int, row: Mapping[str, Any]) -> Item:
        if "answer" not in row:
            raise DataError(f"task {index + 1} has no field 'answer'; it has: {', '.join(row) or 'nothing'}")
        options = {k: v for k, v in row.items() if k not in ("answer", "prompt", "response", "id")} | self._options
        registry.check_options(f"verifier {self.name!r}", registry.find("verifier", self.name), options)
        oracle = _reply(row.get("response"), index)
        with contextlib.suppress(DataError):
            oracle = golds.gold_reply(self.name, row["answer"], options) or oracle
        prompt = str(row.get("prompt") or _asked(row["answer"]))
        return Item(str(row.get("id", index)), prompt, row["answer"], oracle, options)


class EnvScorer:
    """An environment, played one episode a reply; a reply of one turn is given at every turn.

    Args:
        id: Its id, or a path to its file.
        options: Options of the environment.
        domain: Which attacks; None chooses by its tasks.
        timeout_s: Wall time of an episode.
    """

    strict: Literal["full", "half"] = "full"

    def __init__(
        self,
        id: str,
        *,
        options: Mapping[str, Any] | None = None,
        domain: Domain | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.name = id
        self.basis: Literal["tasks", "table"] = "tasks"
        self._make: Callable[[], Env] = lambda: registry.make(id, **(options or {}))
        self._env = self._make()
        tasks = self._env.all_tasks(self._env.split)
        step = max(1, len(tasks) // 200)  # enough to choose from; a generated set may hold millions
        self._tasks = {task.id: task for task in (tasks[i] for i in range(0, len(tasks), step))}
        self._items = tuple(self._item(task) for task in self._tasks.values())
        self.domain: Domain = domain or domain_of([item.answer for item in self._items])
        self._guard = Guard(timeout_s)

    def items(self) -> Sequence[Item]:
        """One item a task, from all over the split."""
        return self._items

    def score(self, item: Item, reply: Reply, where: Where = "any") -> Outcome:
        """The last verdict's score, or the episode's return where there is no verdict."""
        if isinstance(reply, Transcript):
            raise ConfigError("an environment takes replies, not a transcript")
        task, env = self._tasks[item.id], self._env

        def work() -> Outcome:
            return _played(env, task, reply)

        outcome = attempt(work) if where == "main" else self._guard.call(work)
        if outcome.timed_out:
            self._env = self._make()  # the old one is still busy
        return outcome

    def pose(self, answer: str) -> Item | None:
        """None: the environment chooses its golds."""
        return None

    def rewrites(self, item: Item) -> Iterator[Reply]:
        """White space around the right reply."""
        if isinstance(item.oracle, str) and self.domain != "code":
            yield f"\n {item.oracle} \n"

    def mutations(self, item: Item) -> Iterator[Reply]:
        """The right reply with another answer of the gold's type in its place."""
        return framed_mutations(item)

    def close(self) -> None:
        """End the thread that plays it, and the environment."""
        self._guard.close()
        self._env.close()

    def _item(self, task: Task) -> Item:
        replies = tuple(self._env.gold(task))
        oracle: Reply | None = replies or None
        if len(replies) == 1:
            oracle = replies[0] if isinstance(replies[0], str) else replies
        prompt = next((m.content for m in reversed(task.prompt) if m.role == "user"), "")
        return Item(task.id, prompt, task.answer, oracle)


def _asked(answer: Any) -> str:
    """The question that a gold brings along, or one that fits any."""
    prompt = answer.get("prompt") if isinstance(answer, Mapping) else None
    return prompt if isinstance(prompt, str) and prompt.strip() else _QUESTION


def _refuse_options(verify: Verifier, row: Mapping[str, Any]) -> None:
    """Raise what a first call says about the options; all else that it shows, the calls of the audit show too."""
    refused: list[UsageError] = []

    def work() -> Outcome:
        try:
            verify(Task("options", (), row.get("answer")), Transcript(()))
        except UsageError as error:
            refused.append(error)
        return Outcome(None)

    guard = Guard(_FIRST_S)
    guard.call(work)
    guard.close()
    if refused and not isinstance(refused[0], MissingExtraError):
        raise refused[0]


def _played(env: Env, task: Task, reply: str | tuple[str | Message, ...]) -> Outcome:
    began = time.monotonic()
    env.reset(seed=0, options={"task": task})
    total, verdict = 0.0, None
    for action in (reply,) * _STEPS if isinstance(reply, str) else reply:
        _, reward, terminated, truncated, info = env.step(action)
        total += reward
        verdict = info.get("verdict") or verdict
        if terminated or truncated:
            break
    seconds = time.monotonic() - began
    return Outcome(total, seconds=seconds) if verdict is None else _outcome(verdict, seconds)


def _outcome(verdict: Verdict, seconds: float) -> Outcome:
    return Outcome(verdict.score if verdict.scored else None, seconds=seconds, status=verdict.status)


def _reply(response: Any, index: int) -> Reply | None:
    """A row's response: text, a transcript, or a transcript as JSON."""
    if response is None or isinstance(response, str | Transcript):
        return response
    try:
        return transcript_from_json(response)
    except (TypeError, KeyError, AttributeError, ValueError):
        kind = type(response).__name__
        raise DataError(f"task {index + 1}: 'response' must be text or a transcript, got {kind}") from None
