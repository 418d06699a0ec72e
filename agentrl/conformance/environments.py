"""What every environment must do; checks draw from a few tasks of each split, spread evenly."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import gymnasium
from gymnasium.utils.env_checker import check_env, data_equivalence

from agentrl import golds, registry
from agentrl.conformance.result import (
    CONSTANTS,
    NEVER,
    CheckResult,
    Failed,
    Skipped,
    light_import,
    needs_file,
    run,
)
from agentrl.data import LazyTasks
from agentrl.environment import Env
from agentrl.errors import DataError
from agentrl.types import SCORED, Message, Split, Task, Verdict

__all__ = ["check_env_plugin"]

TASKS = 8
"""How many tasks of each split a check looks at."""
EPISODES = 16
"""How many random episodes are forked."""
SEEDS = 12
LISTED = 4096
"""How many tasks of a split are compared with the other split's, where all are there."""
MADE = 8
"""Where each is made when it is asked for, how many times the tasks of the other checks."""
LEAVES = 8
"""How many texts of an answer are marked until one leaves the task valid."""
MAX_STEPS = 64

Step = tuple[Any, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Subject:
    """The environment under check, in as many instances as a check compares; each loads its data once."""

    id: str
    options: Mapping[str, Any]
    tasks: int = TASKS
    episodes: int = EPISODES
    _made: list[Env] = field(default_factory=list)

    def env(self, which: Literal[0, 1] = 0) -> Env:
        while len(self._made) <= which:
            self._made.append(registry.make(self.id, **self.options))
        return self._made[which]

    def close(self) -> None:
        for env in self._made:
            env.close()

    @property
    def gymnasium_id(self) -> str | None:
        name = registry.gymnasium_id(self.id)
        return name if name in gymnasium.registry else None

    def sample(self) -> Iterator[Task]:
        """A few tasks of each split."""
        env = self.env()
        splits: tuple[Split, ...] = ("train", "test")
        for split in splits:
            with contextlib.suppress(DataError):  # a split may be empty; `reset` has shown that one is not
                tasks = env.all_tasks(split)
                yield from _spread(tasks, self.tasks)


def _spread(tasks: Sequence[Task], most: int) -> list[Task]:
    """Some tasks, spread evenly; all where there are no more."""
    count = min(most, len(tasks))
    return [tasks[i * len(tasks) // count] for i in range(count)]


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
        One result a check; where the environment's data is absent, the checks that need it are skipped.

    Raises:
        UsageError: No such environment, or it has no option of that name.
    """
    registry.check_options(f"environment {id!r}", registry.find("env", id), options)
    subject = _Subject(id, options, tasks, episodes)
    light = run("light_import", functools.partial(light_import, "env", id))
    try:
        first = run("reset", functools.partial(_reset, subject))
        if first.status != "passed":
            reason = f"reset {first.status}: {first.detail}"
            return [light, first, *(CheckResult(name, "skipped", reason) for name in _ENV_CHECKS)]
        return [light, first, *(run(name, functools.partial(check, subject)) for name, check in _ENV_CHECKS.items())]
    finally:
        subject.close()


def _reset(subject: _Subject) -> None:
    subject.env().reset(seed=0)


def _gymnasium(subject: _Subject) -> None:
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


def _gold(subject: _Subject) -> None:
    env, seen = subject.env(), 0
    for task in subject.sample():
        replies = env.gold(task)
        if replies:
            seen += 1
            verdict = _verdict(_episode(env, task, replies))
            if verdict is None or not verdict.success:
                raise Failed(f"the gold reply to task {task.id} is not correct: {verdict}")
    if not seen:
        raise Skipped("the environment names no gold replies; define `gold`")


def _golds(subject: _Subject) -> None:
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


def _floor(subject: _Subject) -> None:
    env, tasks = subject.env(), list(subject.sample())
    for reply in (*NEVER, None, *CONSTANTS):
        solved = 0
        for task in tasks:
            said = task.prompt[-1].content if reply is None and task.prompt else reply or ""
            verdict = _verdict(_episode(env, task, [said] * MAX_STEPS))
            if verdict is not None and verdict.status not in SCORED:
                raise Failed(f"the reply {said!r:.40} to task {task.id} gets the status {verdict.status!r}")
            solved += verdict is not None and verdict.success
        if solved > (len(tasks) / 2 if reply in CONSTANTS else 0):
            raise Failed(
                f"the reply {'that echoes the prompt' if reply is None else reply!r:.40} solves {solved} tasks"
            )


def _determinism(subject: _Subject) -> None:
    for task in subject.sample():
        for replies in _scripts(subject.env(), task):
            one, again, other = (_shown(subject.env(which), task, replies) for which in (0, 0, 1))
            if not (data_equivalence(one, again, exact=True) and data_equivalence(one, other, exact=True)):
                raise Failed(f"two runs of task {task.id} with the same seed and replies differ")


def _seeds(subject: _Subject) -> None:
    env = subject.env()
    if len(env.all_tasks(env.split)) == 1:
        raise Skipped("there is one task only")
    reached = [env.reset(seed=seed)[1]["task"] for seed in range(SEEDS)]
    if len(set(reached)) == 1:
        raise Failed(f"{SEEDS} seeds all reach task {reached[0]}")
    if reached != [subject.env(1).reset(seed=seed)[1]["task"] for seed in range(SEEDS)]:
        raise Failed("the same seed reaches different tasks")


def _fork(subject: _Subject) -> None:
    for task in subject.sample():
        for replies in _scripts(subject.env(), task):
            whole = _episode(subject.env(), task, replies)
            for turn in range(min(len(whole), 8)):
                env, fork = subject.env(0), subject.env(1)
                _episode(env, task, replies[:turn])
                fork.restore(env.snapshot())
                if fork.state_key() != env.state_key():
                    raise Failed(f"task {task.id}, turn {turn}: a restored snapshot has another state_key")
                if not data_equivalence(_continue(fork, replies[turn:]), whole[turn:], exact=True):
                    raise Failed(f"task {task.id}, turn {turn}: the fork goes on differently")


def _forks(subject: _Subject) -> None:
    """Random episodes, each forked at a random turn: the fork has the same state and goes on the same way."""
    draw, tasks = random.Random(subject.id), list(subject.sample())
    for seed in range(subject.episodes):
        task = draw.choice(tasks)
        replies = _mixed(subject.env(), task, draw)
        env, fork = subject.env(0), subject.env(1)
        env.reset(seed=seed, options={"task": task})
        whole = _continue(env, replies)
        turn = draw.randrange(len(whole))
        env.reset(seed=seed, options={"task": task})
        _continue(env, replies[:turn])
        fork.reset(seed=seed + 1)  # it has been elsewhere
        fork.restore(env.snapshot())
        if fork.state_key() != env.state_key():
            raise Failed(f"task {task.id}, seed {seed}, turn {turn}: a restored snapshot has another state_key")
        if not data_equivalence(_continue(fork, replies[turn:]), whole[turn:], exact=True):
            raise Failed(f"task {task.id}, seed {seed}, turn {turn}: the fork goes on differently")


def _mixed(env: Env, task: Task, draw: random.Random) -> list[str | Message]:
    """Replies that go some way with the gold ones, and astray."""
    gold = list(env.gold(task))
    others: list[str | Message] = ["", "no", NEVER[-1][:40], *gold]
    replies = [*gold[: draw.randrange(len(gold) + 1)], *draw.choices(others, k=draw.randrange(1, 8))]
    return [reply if draw.random() < 0.9 else draw.choice(others) for reply in replies]


def _splits(subject: _Subject) -> None:
    """No task is in both splits, by its id or its question, and each has the same tasks in another instance."""
    asked: list[set[str]] = []
    ids: list[set[str]] = []
    for split in get_args(Split):
        try:
            tasks, again = (subject.env(which).all_tasks(split) for which in (0, 1))
        except DataError:
            continue
        most = MADE * subject.tasks if isinstance(tasks, LazyTasks) else LISTED
        chosen = _spread(tasks, most)
        if len(tasks) != len(again) or _spread(tasks, subject.tasks) != _spread(again, subject.tasks):
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


def _close(subject: _Subject) -> None:
    env = registry.make(subject.id, **subject.options)
    env.reset(seed=0)
    env.close()
    env.close()


def _secrecy(subject: _Subject) -> None:
    """With a marked answer in its place, neither observations nor infos may show the mark."""
    env, seen = subject.env(), 0
    for task in subject.sample():
        for answer, mark in _marked(task):
            marked = dataclasses.replace(task, answer=answer)
            steps = _shown(env, marked, ["", "no"])
            verdicts = (_verdict(steps[1:]), _verdict(_episode(env, marked, env.gold(task))))
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
        for key, part in value.items():
            yield from ({**value, key: other} for other in _replaced(part, asked, mark))
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from ([*value[:i], other, *value[i + 1 :]] for other in _replaced(part, asked, mark))


def _wrappers(subject: _Subject) -> None:
    limited = gymnasium.wrappers.TimeLimit(subject.env(), max_episode_steps=1)
    limited.reset(seed=0)
    step = limited.step("")
    if not (step[2] or step[3]):
        raise Failed("TimeLimit(1) does not end the episode after one step")
    counted = gymnasium.wrappers.RecordEpisodeStatistics(subject.env())
    counted.reset(seed=0)
    steps = _continue(counted, [""] * MAX_STEPS)
    episode = steps[-1][4].get("episode")
    if episode is None or episode["l"] != len(steps) or abs(episode["r"] - sum(s[1] for s in steps)) > 1e-6:
        raise Failed(f"RecordEpisodeStatistics counts {episode} for {len(steps)} steps")


def _vector(subject: _Subject, mode: Literal["sync", "async"]) -> None:
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


def _scripts(env: Env, task: Task) -> list[Sequence[str | Message]]:
    """Replies to play a task with: the gold ones, and some at random that may last longer."""
    env.action_space.seed(0)
    drawn: list[str | Message] = [env.action_space.sample() for _ in range(MAX_STEPS)]
    return [script for script in (env.gold(task), drawn) if script]


def _episode(env: Env, task: Task, replies: Iterable[str | Message]) -> list[Step]:
    return _shown(env, task, replies)[1:]


def _shown(env: Env, task: Task, replies: Iterable[str | Message]) -> list[Any]:
    """All that an episode shows, its beginning included."""
    return [env.reset(seed=0, options={"task": task}), *_continue(env, replies)]


def _continue(env: gymnasium.Env[Any, Any], replies: Iterable[str | Message]) -> list[Step]:
    """Step until the episode ends or the replies do."""
    steps: list[Step] = []
    for reply in replies:
        observation, reward, terminated, truncated, info = env.step(reply)
        steps.append((observation, float(reward), terminated, truncated, info))
        if terminated or truncated:
            break
    return steps


def _verdict(steps: Sequence[Step]) -> Verdict | None:
    found = [step[4]["verdict"] for step in steps if step[4].get("verdict") is not None]
    return found[-1] if found else None


_ENV_CHECKS: Mapping[str, Callable[[_Subject], None]] = {
    "gymnasium": _gymnasium,
    "gold": _gold,
    "golds": _golds,
    "floor": _floor,
    "determinism": _determinism,
    "seeds": _seeds,
    "fork": _fork,
    "forks": _forks,
    "splits": _splits,
    "close": _close,
    "secrecy": _secrecy,
    "wrappers": _wrappers,
    "vector_sync": lambda subject: _vector(subject, "sync"),
    "vector_async": lambda subject: _vector(subject, "async"),
}
