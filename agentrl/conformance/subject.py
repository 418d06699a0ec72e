"""The environment under check: its instances, some of its tasks, and episodes that are played on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import gymnasium

from agentrl import registry
from agentrl.environment import Env
from agentrl.errors import DataError
from agentrl.types import Message, Split, Task, Verdict

__all__ = [
    "EPISODES",
    "MAX_STEPS",
    "TASKS",
    "Step",
    "Subject",
    "continued",
    "episode",
    "last_verdict",
    "shown",
    "spread",
]

TASKS = 8
"""How many tasks of each split a check looks at."""
EPISODES = 16
"""How many random episodes are forked."""
MAX_STEPS = 64

Step = tuple[Any, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """The environment under check, in as many instances as a check compares.

    Each instance loads its data once, and what several checks look at, a task and its gold replies, is made once.
    """

    id: str
    options: Mapping[str, Any]
    tasks: int = TASKS
    episodes: int = EPISODES
    _made: list[Env] = field(default_factory=list)
    _kept: dict[tuple[Split, int], Task] = field(default_factory=dict)
    _golds: dict[int, Sequence[str | Message]] = field(default_factory=dict)

    def env(self, which: Literal[0, 1] = 0) -> Env:
        """One of two instances."""
        while len(self._made) <= which:
            self._made.append(registry.make(self.id, **self.options))
        return self._made[which]

    def close(self) -> None:
        """Close the instances."""
        for env in self._made:
            env.close()

    @property
    def gymnasium_id(self) -> str | None:
        """Its name in Gymnasium's registry, where it has one."""
        name = registry.gymnasium_id(self.id)
        return name if name in gymnasium.registry else None

    def some(self, split: Split, most: int) -> list[Task]:
        """Some tasks of a split, spread evenly; all where there are no more.

        Raises:
            DataError: The split is empty.
        """
        tasks = self.env().all_tasks(split)
        places = spread(len(tasks), most)
        for i in places:
            if (split, i) not in self._kept:
                self._kept[split, i] = tasks[i]
        return [self._kept[split, i] for i in places]

    def sample(self) -> Iterator[Task]:
        """A few tasks of each split."""
        for split in get_args(Split):
            with contextlib.suppress(DataError):  # a split may be empty; `reset` has shown that one is not
                yield from self.some(split, self.tasks)

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The gold replies to a task of the sample."""
        if id(task) not in self._golds:  # no other object gets its number: the task is kept
            self._golds[id(task)] = tuple(self.env().gold(task))
        return self._golds[id(task)]


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, spread evenly.

    >>> spread(10, 4), spread(2, 4)
    ([0, 2, 5, 7], [0, 1])
    """
    chosen = min(most, count)
    return [i * count // chosen for i in range(chosen)]


def episode(env: Env, task: Task, replies: Iterable[str | Message]) -> list[Step]:
    """The steps of an episode in which the replies are given in turn."""
    return shown(env, task, replies)[1:]


def shown(env: Env, task: Task, replies: Iterable[str | Message]) -> list[Any]:
    """All that an episode shows, its beginning included."""
    return [env.reset(seed=0, options={"task": task}), *continued(env, replies)]


def continued(env: gymnasium.Env[Any, Any], replies: Iterable[str | Message]) -> list[Step]:
    """Step until the episode ends or the replies do."""
    steps: list[Step] = []
    for reply in replies:
        observation, reward, terminated, truncated, info = env.step(reply)
        steps.append((observation, float(reward), terminated, truncated, info))
        if terminated or truncated:
            break
    return steps


def last_verdict(steps: Sequence[Step]) -> Verdict | None:
    """The verdict that an episode ended with, or had last."""
    found = [step[4]["verdict"] for step in steps if step[4].get("verdict") is not None]
    return found[-1] if found else None
