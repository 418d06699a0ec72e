"""Every check of an environment, on a few tasks of each split, spread evenly."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import gymnasium
from gymnasium.utils.env_checker import check_env

from agentrl import golds, registry
from agentrl.conformance.floors import check_floor
from agentrl.conformance.forks import check_determinism, check_fork, check_forks, check_seeds
from agentrl.conformance.result import CheckResult, Failed, Floor, Skipped, light_import, needs_file, run
from agentrl.conformance.secrecy import check_secrecy
from agentrl.conformance.subject import (
    EPISODES,
    MAX_STEPS,
    TASKS,
    Subject,
    continued,
    episode,
    last_verdict,
    spread,
)
from agentrl.data import LazyTasks
from agentrl.errors import DataError
from agentrl.types import Split

__all__ = ["check_env_plugin"]

LISTED = 4096
"""How many tasks of a split are compared with the other split's, where all are there."""
MADE = 8
"""Where each is made when it is asked for, how many times the tasks of the other checks."""
MADE_SLOWLY = 64
"""Beyond this many, no more than those of the other checks where programs may have to run to make them."""


def check_env_plugin(
    id: str, options: Mapping[str, Any], *, tasks: int = TASKS, episodes: int = EPISODES
) -> list[CheckResult]:
    """Run every check on an environment.

    Args:
        id: An environment's id, or a path to its file.
        options: Passed to the environment.
        tasks: How many tasks of each split the checks look at.
        episodes: How many random episodes are forked.

    Returns:
        One result a check; that of `floor` holds what policies that know nothing earn (`CheckResult.floors`). Where
        the environment's data is absent, the checks that need it are skipped.

    Raises:
        UsageError: No such environment, or it has no option of that name.
    """
    registry.check_options(f"environment {id!r}", registry.find("env", id), options)
    subject = Subject(id, options, tasks, episodes)
    light = run("light_import", functools.partial(light_import, "env", id))
    try:
        first = run("reset", functools.partial(_reset, subject))
        if first.status != "passed":
            reason = f"reset {first.status}: {first.detail}"
            return [light, first, *(CheckResult(name, "skipped", reason) for name in _ENV_CHECKS)]
        return [light, first, *(run(name, functools.partial(check, subject)) for name, check in _ENV_CHECKS.items())]
    finally:
        subject.close()


def _reset(subject: Subject) -> None:
    subject.env().reset(seed=0)


def _gymnasium(subject: Subject) -> None:
    """Gymnasium's own checker; its warnings count, save two that do not apply."""
    ignored = ("not having a spec", "No render fps")  # a path is not registered; text has no frames
    name = subject.gymnasium_id
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env = gymnasium.make(name, **subject.options).unwrapped if name else subject.env()
        check_env(env)
    said = [str(w.message) for w in caught if not any(words in str(w.message) for words in ignored)]
    if said:
        raise Failed("; ".join(said))


def _gold(subject: Subject) -> None:
    env, seen = subject.env(), 0
    for task in subject.sample():
        replies = subject.gold(task)
        if replies:
            seen += 1
            verdict = last_verdict(episode(env, task, replies))
            if verdict is None or not verdict.success:
                raise Failed(f"the gold reply to task {task.id} is not correct: {verdict}")
    if not seen:
        raise Skipped("the environment names no gold replies; define `gold`")


def _golds(subject: Subject) -> None:
    """Where the verifier names gold replies, each task's answer is a gold that it can tell from other answers."""
    env = subject.env()
    verifier, options = golds.verifier_of(env)
    if verifier is None:
        raise Skipped("its verifier is no id")
    if not hasattr(registry.load_module("verifier", verifier), "gold"):
        raise Skipped(f"the verifier {verifier!r} names no gold replies")
    for task in subject.sample():
        problem = golds.gold_problem(verifier, task.answer, options)
        if problem:
            raise Failed(f"the answer of task {task.id} is no usable gold: {problem}")


def _splits(subject: Subject) -> None:
    """No task is in both splits, by its id or its question, and each has the same tasks in another instance."""
    asked: list[set[str]] = []
    ids: list[set[str]] = []
    for split in get_args(Split):
        try:
            tasks, again = (subject.env(which).all_tasks(split) for which in (0, 1))
        except DataError:
            continue
        chosen = subject.some(split, _compared(subject) if isinstance(tasks, LazyTasks) else LISTED)
        places = spread(len(again), subject.tasks)[::-1]  # the other way round: no task may depend on those before it
        if len(tasks) != len(again) or subject.some(split, subject.tasks)[::-1] != [again[i] for i in places]:
            raise Failed(f"two instances have different tasks in split {split!r}")
        alone = subject.env().max_turns == 1  # where there are more, what is asked may be told by and by
        asked.append({repr(task.prompt if alone else (task.prompt, task.answer)) for task in chosen})
        ids.append({task.id for task in chosen})
    if len(asked) < 2:
        raise Skipped("there is one split only")
    if asked[0] == asked[1]:
        raise Skipped("both splits hold the same questions, as where one file serves both")
    if both := (asked[0] & asked[1]) | (ids[0] & ids[1]):
        raise Failed(f"this is in both splits: {min(both):.200}")


def _compared(subject: Subject) -> int:
    """How many tasks of a split are made to be compared with the other's."""
    most = MADE * subject.tasks
    return min(most, max(MADE_SLOWLY, subject.tasks)) if subject.env().execution == "thread" else most


def _close(subject: Subject) -> None:
    env = registry.make(subject.id, **subject.options)
    env.reset(seed=0)
    env.close()
    env.close()


def _wrappers(subject: Subject) -> None:
    limited = gymnasium.wrappers.TimeLimit(subject.env(), max_episode_steps=1)
    limited.reset(seed=0)
    step = limited.step("")
    if not (step[2] or step[3]):
        raise Failed("TimeLimit(1) does not end the episode after one step")
    counted = gymnasium.wrappers.RecordEpisodeStatistics(subject.env())
    counted.reset(seed=0)
    steps = continued(counted, [""] * MAX_STEPS)
    counts = steps[-1][4].get("episode")
    if counts is None or counts["l"] != len(steps) or abs(counts["r"] - sum(s[1] for s in steps)) > 1e-6:
        raise Failed(f"RecordEpisodeStatistics counts {counts} for {len(steps)} steps")


def _vector(subject: Subject, mode: Literal["sync", "async"]) -> None:
    if subject.gymnasium_id is None:
        raise Skipped("the environment is not registered with Gymnasium")
    if mode == "async":
        needs_file("env", subject.id)
    kwargs = {} if mode == "sync" else {"shared_memory": False, "context": "spawn"}
    envs = gymnasium.make_vec(
        subject.gymnasium_id, num_envs=2, vectorization_mode=mode, vector_kwargs=kwargs, **subject.options
    )
    try:
        observations, _ = envs.reset(seed=0)  # the second gets seed 1
        alone = [subject.env().reset(seed=seed)[0] for seed in (0, 1)]
        if list(observations) != alone:
            raise Failed("a vector of environments begins otherwise than each alone")
        for _ in range(3):  # the next step after an end resets, under Gymnasium's default
            observations, rewards, *_ = envs.step(("", ""))
            if len(observations) != 2 or len(rewards) != 2:
                raise Failed(f"a vector of 2 gives {len(observations)} observations and {len(rewards)} rewards")
    finally:
        envs.close()


_ENV_CHECKS: Mapping[str, Callable[[Subject], tuple[Floor, ...] | None]] = {
    "gymnasium": _gymnasium,
    "gold": _gold,
    "golds": _golds,
    "floor": check_floor,
    "determinism": check_determinism,
    "seeds": check_seeds,
    "fork": check_fork,
    "forks": check_forks,
    "splits": _splits,
    "close": _close,
    "secrecy": check_secrecy,
    "wrappers": _wrappers,
    "vector_sync": lambda subject: _vector(subject, "sync"),
    "vector_async": lambda subject: _vector(subject, "async"),
}
