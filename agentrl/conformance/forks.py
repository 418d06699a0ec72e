"""Repeats and forks: the same seed and replies give the same episode, and a fork goes on as the whole does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from gymnasium.utils.env_checker import data_equivalence

from agentrl.conformance.result import NEVER, Failed, Skipped
from agentrl.conformance.subject import MAX_STEPS, Step, Subject, continued, shown
from agentrl.environment import Env
from agentrl.types import Message, Task

__all__ = ["check_determinism", "check_fork", "check_forks", "check_seeds"]

SEEDS = 12
TURNS = 8
"""How many turns of an episode are forked, each in its turn."""


def check_determinism(subject: Subject) -> None:
    """The same seed and replies show the same, again and in another instance."""
    for task, replies in _played(subject):
        one, again, other = (shown(subject.env(which), task, replies) for which in (0, 0, 1))
        if not (data_equivalence(one, again, exact=True) and data_equivalence(one, other, exact=True)):
            raise Failed(f"two runs of task {task.id} with the same seed and replies differ")


def check_seeds(subject: Subject) -> None:
    """Seeds reach several tasks, and a seed the same one in another instance."""
    env = subject.env()
    if len(env.all_tasks(env.split)) == 1:
        raise Skipped("there is one task only")
    reached = [env.reset(seed=seed)[1]["task"] for seed in range(SEEDS)]
    if len(set(reached)) == 1:
        raise Failed(f"{SEEDS} seeds all reach task {reached[0]}")
    if reached != [subject.env(1).reset(seed=seed)[1]["task"] for seed in range(SEEDS)]:
        raise Failed("the same seed reaches different tasks")


def check_fork(subject: Subject) -> None:
    """Episodes, each forked at every turn; taking the snapshots does not change how the whole goes on."""
    env, fork = subject.env(0), subject.env(1)
    for task, replies in _played(subject):
        env.reset(seed=0, options={"task": task})
        forks: list[tuple[bytes, str]] = []
        whole: list[Step] = []
        for reply in replies:
            if len(forks) < TURNS:
                forks.append(_taken(env))
            whole += continued(env, [reply])
            if whole[-1][2] or whole[-1][3]:
                break
        for turn, taken in enumerate(forks):
            _compare(fork, taken, replies[turn:], whole[turn:], f"task {task.id}, turn {turn}")


def check_forks(subject: Subject) -> None:
    """Random episodes, each forked at a random turn into an instance that has been elsewhere."""
    draw, tasks = random.Random(subject.id), list(subject.sample())
    for seed in range(subject.episodes):
        task = draw.choice(tasks)
        replies = _mixed(subject.gold(task), draw)
        env, fork = subject.env(0), subject.env(1)
        env.reset(seed=seed, options={"task": task})
        whole = continued(env, replies)
        turn = draw.randrange(len(whole))
        env.reset(seed=seed, options={"task": task})
        continued(env, replies[:turn])
        fork.reset(seed=seed + 1)
        _compare(fork, _taken(env), replies[turn:], whole[turn:], f"task {task.id}, seed {seed}, turn {turn}")


def _taken(env: Env) -> tuple[bytes, str]:
    """An episode's snapshot and its state's key."""
    return env.snapshot(), env.state_key()


def _compare(
    fork: Env, taken: tuple[bytes, str], replies: Sequence[str | Message], rest: Sequence[Step], where: str
) -> None:
    """An instance that takes over has the same state and goes on the same way."""
    snapshot, key = taken
    fork.restore(snapshot)
    if fork.state_key() != key:
        raise Failed(f"{where}: a restored snapshot has another state_key")
    if not data_equivalence(continued(fork, replies), rest, exact=True):
        raise Failed(f"{where}: the fork goes on differently")


def _mixed(gold: Sequence[str | Message], draw: random.Random) -> list[str | Message]:
    """Replies that go some way with the gold ones, and astray."""
    others: list[str | Message] = ["", "no", NEVER[-1][:40], *gold]
    replies = [*gold[: draw.randrange(len(gold) + 1)], *draw.choices(others, k=draw.randrange(1, 8))]
    return [reply if draw.random() < 0.9 else draw.choice(others) for reply in replies]


def _played(subject: Subject) -> Iterator[tuple[Task, Sequence[str | Message]]]:
    """Each task, with replies to play it with: the gold ones, and some at random that may last longer."""
    space = subject.env().action_space
    space.seed(0)
    drawn: list[str | Message] = [space.sample() for _ in range(MAX_STEPS)]
    for task in subject.sample():
        yield from ((task, replies) for replies in (subject.gold(task), drawn) if replies)
