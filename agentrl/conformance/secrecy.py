"""Secrecy: with a marked answer in its place, nothing that the policy sees may show the mark."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from agentrl.conformance.result import Failed, Skipped
from agentrl.conformance.subject import Subject, episode, last_verdict, shown
from agentrl.types import Task

__all__ = ["check_secrecy"]

LEAVES = 8
"""How many texts of an answer are marked until one leaves the task valid."""


def check_secrecy(subject: Subject) -> None:
    """With a marked answer in its place, neither observations nor infos may show the mark."""
    env, seen = subject.env(), 0
    for task in subject.sample():
        for answer, mark in _marked(task):
            marked = dataclasses.replace(task, answer=answer)
            steps = shown(env, marked, ["", "no"])
            verdicts = (last_verdict(steps[1:]), last_verdict(episode(env, marked, env.gold(task))))
            if isinstance(answer, Mapping) and any(v is not None and v.status == "task_invalid" for v in verdicts):
                continue  # the text is one that the answer needs as it is
            if mark in repr(steps):
                raise Failed(f"task {task.id}: the answer shows in an observation or in info")
            seen += 1
            break
    if not seen:
        raise Skipped("no task has a text or a number as its answer, or a text in it that can be marked")


def _marked(task: Task) -> Iterator[tuple[Any, str]]:
    """Answers with a mark in them, and the mark; in a mapping it takes the place of one text that is not asked."""
    text = "Xq7Zanswer"
    if isinstance(task.answer, Mapping):
        asked = "\n".join(message.content for message in task.prompt)
        for answer in itertools.islice(_replaced(task.answer, asked, text), LEAVES):
            yield answer, text
        return
    mark: Any = {str: text, int: 918273645, float: 918273645.5}.get(type(task.answer))
    if mark is not None:
        yield mark, str(mark)


def _replaced(value: Any, asked: str, mark: str) -> Iterator[Any]:
    """Copies of a value, depth first, each with the mark in the place of one text of some length not in `asked`."""
    if isinstance(value, str) and len(value) >= 3 and value not in asked:
        yield mark
    elif isinstance(value, Mapping):
        if value.get("visible") is True:  # a test that the policy may see
            return
        for key, part in value.items():
            yield from ({**value, key: other} for other in _replaced(part, asked, mark))
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from ([*value[:i], other, *value[i + 1 :]] for other in _replaced(part, asked, mark))
