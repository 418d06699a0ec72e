"""What every plug-in must do, as checks behind `agentrl check` and `tests/conformance`.

A check is a function that raises `_Failed` or `_Skipped` with the reason; `_run` is the one place where an exception of
a plug-in becomes a result. Checks draw from a few tasks of each split, spread evenly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
from gymnasium.utils.env_checker import check_env, data_equivalence

from agentrl import registry
from agentrl.environment import Env
from agentrl.errors import DataError, MissingExtraError
from agentrl.types import SCORED, Message, Split, Task, Verdict

__all__ = ["CheckResult", "check_env_plugin", "check_verifier_plugin"]

TASKS = 8
"""How many tasks of each split a check looks at."""
MAX_STEPS = 64
NEVER = ("", "   ", "lorem ipsum 7 dolor " * 500)
"""Replies that solve nothing."""
CONSTANTS = ("0", "1", "yes", "#### 0", r"\boxed{0}", "<answer>0</answer>", "Answer: 0")
"""Replies that may be right by chance, but not for most tasks."""

Step = tuple[Any, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one plug-in; `detail` says why it failed or was skipped."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str = ""


class _Failed(Exception):
    """The plug-in does not do what the check asks."""


class _Skipped(Exception):
    """The check does not apply, or its data is absent."""


def _run(name: str, check: Callable[[], None]) -> CheckResult:
    try:
        check()
    except (_Skipped, DataError, MissingExtraError) as reason:
        return CheckResult(name, "skipped", str(reason))
    except _Failed as reason:
        return CheckResult(name, "failed", str(reason))
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a plug-in raises is a finding
        return CheckResult(name, "failed", f"{type(error).__name__}: {error}")
    return CheckResult(name, "passed")


# Environments.


@dataclass(frozen=True, slots=True)
class _Subject:
    """The environment under check, in as many instances as a check compares; each loads its data once."""

    id: str
    options: Mapping[str, Any]
    _made: list[Env] = field(default_factory=list)

    def env(self, which: Literal[0, 1] = 0) -> Env:
        while len(self._made) <= which:
            self._made.append(registry.make(self.id, **self.options))
        return self._made[which]

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
                yield from (tasks[i] for i in range(0, len(tasks), max(1, len(tasks) // TASKS)))


def check_env_plugin(id: str, options: Mapping[str, Any]) -> list[CheckResult]:
    """Run every check on an environment.

    Args:
        id: An environment's id, or a path to its file.
        options: Passed to the environment.

    Returns:
        One result a check; where the environment's data is absent, the checks that need it are skipped.

    Raises:
        UsageError: No such environment, or it has no option of that name.
    """
    registry.check_options(f"environment {id!r}", registry.find("env", id), options)
    subject = _Subject(id, options)
    light = _run("light_import", functools.partial(_light_import, "env", id))
    first = _run("reset", functools.partial(_reset, subject))
    if first.status != "passed":
        reason = f"reset {first.status}: {first.detail}"
        return [light, first, *(CheckResult(name, "skipped", reason) for name in _ENV_CHECKS)]
    return [light, first, *(_run(name, functools.partial(check, subject)) for name, check in _ENV_CHECKS.items())]


def _light_import(kind: registry.Kind, id: str) -> None:
    _needs_file(kind, id)
    code = "import sys; from agentrl import registry; registry.load_module(*sys.argv[1:]); "
    code += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, kind, id], capture_output=True, text=True, check=False)
    if done.returncode:
        raise _Failed((done.stderr.strip().splitlines() or ["importing it imports torch"])[-1])


def _needs_file(kind: registry.Kind, id: str) -> None:
    if (kind, id) in registry._registered:
        raise _Skipped("it was registered as an object, which a fresh process does not know")


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
        raise _Failed("; ".join(said))


def _gold(subject: _Subject) -> None:
    env, seen = subject.env(), 0
    for task in subject.sample():
        replies = env.gold(task)
        if replies:
            seen += 1
            verdict = _verdict(_episode(env, task, replies))
            if verdict is None or not verdict.success:
                raise _Failed(f"the gold reply to task {task.id} is not correct: {verdict}")
    if not seen:
        raise _Skipped("the environment names no gold replies; define `gold`")


def _floor(subject: _Subject) -> None:
    env, tasks = subject.env(), list(subject.sample())
    for reply in (*NEVER, None, *CONSTANTS):
        solved = 0
        for task in tasks:
            said = task.prompt[-1].content if reply is None and task.prompt else reply or ""
            verdict = _verdict(_episode(env, task, [said] * MAX_STEPS))
            if verdict is not None and verdict.status not in SCORED:
                raise _Failed(f"the reply {said!r:.40} to task {task.id} gets the status {verdict.status!r}")
            solved += verdict is not None and verdict.success
        if solved > (len(tasks) / 2 if reply in CONSTANTS else 0):
            raise _Failed(
                f"the reply {'that echoes the prompt' if reply is None else reply!r:.40} solves {solved} tasks"
            )


def _determinism(subject: _Subject) -> None:
    for task in subject.sample():
        for replies in _scripts(subject.env(), task):
            one, again, other = (_shown(subject.env(which), task, replies) for which in (0, 0, 1))
            if not (data_equivalence(one, again, exact=True) and data_equivalence(one, other, exact=True)):
                raise _Failed(f"two runs of task {task.id} with the same seed and replies differ")


def _seeds(subject: _Subject) -> None:
    env = subject.env()
    if len(env.all_tasks(env.split)) == 1:
        raise _Skipped("there is one task only")
    reached = [env.reset(seed=seed)[1]["task"] for seed in range(32)]
    if len(set(reached)) == 1:
        raise _Failed(f"32 seeds all reach task {reached[0]}")
    if reached != [subject.env(1).reset(seed=seed)[1]["task"] for seed in range(32)]:
        raise _Failed("the same seed reaches different tasks")


def _fork(subject: _Subject) -> None:
    for task in subject.sample():
        for replies in _scripts(subject.env(), task):
            whole = _episode(subject.env(), task, replies)
            for turn in range(min(len(whole), 8)):
                env, fork = subject.env(0), subject.env(1)
                _episode(env, task, replies[:turn])
                fork.restore(env.snapshot())
                if fork.state_key() != env.state_key():
                    raise _Failed(f"task {task.id}, turn {turn}: a restored snapshot has another state_key")
                if not data_equivalence(_continue(fork, replies[turn:]), whole[turn:], exact=True):
                    raise _Failed(f"task {task.id}, turn {turn}: the fork goes on differently")


def _secrecy(subject: _Subject) -> None:
    """With a marked answer in its place, neither observations nor infos may show the mark."""
    env, seen = subject.env(), 0
    for task in subject.sample():
        mark: Any = {str: "Xq7Zanswer", int: 918273645, float: 918273645.5}.get(type(task.answer))
        if mark is None:
            continue
        seen += 1
        marked = dataclasses.replace(task, answer=mark)
        if str(mark) in repr(_shown(env, marked, ["", "no"])):
            raise _Failed(f"task {task.id}: the answer shows in an observation or in info")
    if not seen:
        raise _Skipped("no task has a text or a number as its answer")


def _wrappers(subject: _Subject) -> None:
    limited = gymnasium.wrappers.TimeLimit(subject.env(), max_episode_steps=1)
    limited.reset(seed=0)
    step = limited.step("")
    if not (step[2] or step[3]):
        raise _Failed("TimeLimit(1) does not end the episode after one step")
    counted = gymnasium.wrappers.RecordEpisodeStatistics(subject.env())
    counted.reset(seed=0)
    steps = _continue(counted, [""] * MAX_STEPS)
    episode = steps[-1][4].get("episode")
    if episode is None or episode["l"] != len(steps) or abs(episode["r"] - sum(s[1] for s in steps)) > 1e-6:
        raise _Failed(f"RecordEpisodeStatistics counts {episode} for {len(steps)} steps")


def _vector(subject: _Subject, mode: Literal["sync", "async"]) -> None:
    if subject.gymnasium_id is None:
        raise _Skipped("the environment is not registered with Gymnasium")
    if mode == "async":
        _needs_file("env", subject.id)
    kwargs = {} if mode == "sync" else {"shared_memory": False, "context": "spawn"}
    envs = gymnasium.make_vec(
        subject.gymnasium_id, num_envs=2, vectorization_mode=mode, vector_kwargs=kwargs, **subject.options
    )
    try:
        observations, _ = envs.reset(seed=0)  # the second gets seed 1
        alone = [subject.env().reset(seed=seed)[0] for seed in (0, 1)]
        if list(observations) != alone:
            raise _Failed("a vector of environments begins otherwise than each alone")
        for _ in range(3):  # the next step after an end resets, under Gymnasium's default
            observations, rewards, *_ = envs.step(("", ""))
            if len(observations) != 2 or len(rewards) != 2:
                raise _Failed(f"a vector of 2 gives {len(observations)} observations and {len(rewards)} rewards")
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
    "floor": _floor,
    "determinism": _determinism,
    "seeds": _seeds,
    "fork": _fork,
    "secrecy": _secrecy,
    "wrappers": _wrappers,
    "vector_sync": lambda subject: _vector(subject, "sync"),
    "vector_async": lambda subject: _vector(subject, "async"),
}


# Verifiers.


@dataclass(frozen=True, slots=True)
class _Case:
    """A row of a verifier's truth table."""

    answer: Any
    response: str
    options: Mapping[str, Any]
    status: str

    def verdict(self, id: str, response: str | None = None) -> Verdict:
        """The verdict on the row's own response, or on another one."""
        said = self.response if response is None else response
        return registry.grade(id, said, self.answer, **self.options)


def check_verifier_plugin(id: str) -> list[CheckResult]:
    """Run every check on a verifier.

    Args:
        id: A verifier's id, or a path to its file.

    Raises:
        UsageError: No such verifier.
    """
    registry.find("verifier", id)
    rows = [_Case(*row) for row in getattr(registry.load_module("verifier", id), "CASES", ())]
    light = _run("light_import", functools.partial(_light_import, "verifier", id))
    return [light, *(_run(name, functools.partial(check, id, rows)) for name, check in _VERIFIER_CHECKS.items())]


def _cases(id: str, rows: Sequence[_Case]) -> None:
    if not rows:
        raise _Failed("the module has no truth table: CASES = [(answer, response, options, status), ...]")
    for row in rows:
        status = row.verdict(id).status
        if status != row.status:
            raise _Failed(f"{row.response!r:.80} for {row.answer!r:.80} is {status}, not {row.status}")


def _hostile() -> list[str]:
    """Texts that break careless scanners: nothing, one repeated mark, and noise from a fixed seed."""
    draw = random.Random(0)
    marks = ("{", "}", "\\", "\\boxed{", "\\frac", "9", "(", "####", "<answer>", "</think>", "\n", "$", "\u202e")
    noise = ["".join(chr(draw.randrange(1, 0x2FFF)) for _ in range(n)) for n in (1, 10, 100, 1000) for _ in range(5)]
    mixed = ["".join(draw.choice((*marks, "1", " ", "a")) for _ in range(n)) for n in (5, 50, 500) for _ in range(10)]
    return ["", "\0", "\ud800", "٣", "½", "∞", *(mark * 5000 for mark in marks), *noise, *mixed]


def _floor_of_verifier(id: str, rows: Sequence[_Case]) -> None:
    """Hostile and empty text never raises, never scores 1 and never blames the task; a constant is no solution."""
    usable = list({(repr(r.answer), repr(r.options)): r for r in rows if r.status != "task_invalid"}.values())
    by_options = list({repr(r.options): r for r in usable}.values())
    for row in by_options:
        for text in (*_hostile(), *NEVER):
            verdict = row.verdict(id, text)
            if verdict.success or verdict.status not in SCORED:
                raise _Failed(f"{text!r:.40} for {row.answer!r:.40} is {verdict.status}")
    for text in CONSTANTS:
        solved = sum(row.verdict(id, text).success for row in usable)
        if solved * 2 > len(usable):
            raise _Failed(f"the constant {text!r} is correct for {solved} of {len(usable)} answers")


def _purity(id: str, rows: Sequence[_Case]) -> None:
    once = [row.verdict(id) for row in rows]
    if once != [row.verdict(id) for row in reversed(rows)][::-1]:
        raise _Failed("the same question gets another verdict the second time")


def _threads(id: str, rows: Sequence[_Case]) -> None:
    with ThreadPoolExecutor(4) as pool:
        there = list(pool.map(lambda row: row.verdict(id), rows))
    if there != [row.verdict(id) for row in rows]:
        raise _Failed("verdicts from threads differ from those of the main thread")


_VERIFIER_CHECKS: Mapping[str, Callable[[str, Sequence[_Case]], None]] = {
    "cases": _cases,
    "floor": _floor_of_verifier,
    "purity": _purity,
    "threads": _threads,
}
