"""Several attempts: what each is told, what it is paid, and where an episode ends."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from agentrl.environment import Env
from agentrl.envs.self_correction import AGAIN, RIGHT, WRONG, SelfCorrection
from agentrl.episodes import copies
from agentrl.errors import UsageError

OTHER = """
from agentrl.environment import SingleTurnEnv
from agentrl.types import Message, Task, Verdict
class Halves(SingleTurnEnv):
    def tasks(self, split):
        return [Task.ask(f"{split}/{n}", f"{n}?", str(n)) for n in range(8)]
    def begin(self, task):
        return (*task.prompt, Message("user", f"Draw {self.np_random.integers(10**9)}"))
    def verdict(self, task, transcript):
        said = transcript.reply
        if said == "broken":
            return Verdict(0.0, "infra_error", feedback="no machine")
        if said == "half":
            return Verdict(0.5, "partial", feedback="One of two parts.")
        return Verdict(float(said == task.answer), "correct" if said == task.answer else "incorrect", feedback="No.")
"""


@pytest.fixture
def halves(tmp_path: Path) -> str:
    (tmp_path / "halves.py").write_text(OTHER)
    return str(tmp_path / "halves.py")


def play(env: Env, *replies: str, task: str = "train/3") -> list[Any]:
    env.reset(seed=1, options={"task": task})
    steps = []
    for reply in replies:
        observation, reward, terminated, truncated, info = env.step(reply)
        steps.append((" ".join(m.content for m in observation), reward, terminated or truncated, info["verdict"]))
    return steps


@pytest.mark.parametrize(
    ("settings", "replies", "rewards"),
    [
        ({}, ["3", "4"], [0, 0]),
        ({}, ["4", "3"], [0, 1]),
        ({"attempts": 1}, ["3"], [1]),
        ({"pays": "mean"}, ["3", "4"], [0.5, 0]),
        ({"pays": "mean", "attempts": 4}, ["half", "3", "4", "3"], [0.125, 0.25, 0, 0.25]),
        ({"pays": "gain", "attempts": 3}, ["half", "3", "4"], [0.5, 0.5, -1]),
        ({"feedback": "binary", "until": "correct", "attempts": 4}, ["4", "3"], [0, 1]),
        ({"feedback": "binary", "until": "correct", "attempts": 4, "pays": "mean"}, ["4", "3"], [0, 0.75]),
        (
            {"feedback": "binary", "until": "correct", "attempts": 3, "pays": "gain"},
            ["half", "4", "half"],
            [0.5, -0.5, 0.5],
        ),
    ],
)
def test_rewards(settings: dict[str, Any], replies: list[str], rewards: list[float], halves: str) -> None:
    steps = play(SelfCorrection(env=halves, **settings), *replies)
    assert [step[1] for step in steps] == rewards
    assert [step[2] for step in steps] == [False] * (len(steps) - 1) + [True]
    assert [step[3].score for step in steps] == [{"3": 1, "half": 0.5}.get(reply, 0) for reply in replies]


@pytest.mark.parametrize(
    ("feedback", "reply", "said"),
    [
        ("none", "3", AGAIN),
        ("none", "4", AGAIN),
        ("binary", "3", f"{RIGHT} {AGAIN}"),
        ("binary", "half", f"{WRONG} {AGAIN}"),
        ("detailed", "3", f"{RIGHT} {AGAIN}"),
        ("detailed", "half", f"{WRONG} One of two parts. {AGAIN}"),
    ],
)
def test_what_is_said_between_attempts(feedback: Any, reply: str, said: str, halves: str) -> None:
    (step,) = play(SelfCorrection(env=halves, feedback=feedback), reply)
    assert step[0] == said


def test_the_request_can_be_worded_anew(halves: str) -> None:
    (step,) = play(SelfCorrection(env=halves, again="Once more."), "4")
    assert step[0] == "Once more."


def test_the_machines_failure_ends_the_episode(halves: str) -> None:
    steps = play(SelfCorrection(env=halves, attempts=5), "4", "broken")
    assert steps[-1][2]
    assert steps[-1][3].status == "infra_error"


def test_every_attempt_meets_the_same_question(halves: str) -> None:
    env = SelfCorrection(env=halves, attempts=3)
    first, _ = env.reset(seed=7)
    env.step("4")
    assert tuple(env.inner.messages[:2]) == first
    other, _ = env.reset(seed=8)
    assert other[1] != first[1]


def test_no_feedback_tells_the_answer() -> None:
    env = SelfCorrection(env="arithmetic", options={"level": 3, "shots": 0}, attempts=4, feedback="detailed")
    draw = random.Random(0)
    for seed in range(50):
        env.reset(seed=seed)
        assert env.task is not None
        wrong = [str(draw.randrange(10**6, 10**7)) for _ in range(4)]
        said = " ".join(message.content for reply in wrong for message in env.step(f"#### {reply}")[0])
        assert str(env.task.answer) not in said


def test_forks_in_the_middle_go_on_alike(halves: str) -> None:
    for seed in range(200):
        draw = random.Random(seed)
        replies = [draw.choice(["3", "4", "half", ""]) for _ in range(5)]
        one, other = (SelfCorrection(env=halves, attempts=5, pays="gain", feedback="detailed") for _ in range(2))
        one.reset(seed=seed)
        cut = draw.randrange(5)
        for reply in replies[:cut]:
            one.step(reply)
        other.restore(one.snapshot())
        assert other.state_key() == one.state_key()
        assert [one.step(r) for r in replies[cut:]] == [other.step(r) for r in replies[cut:]]


def test_copies_share_the_tasks_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    env = SelfCorrection(env="arithmetic")
    tasks = env.all_tasks("train")
    made = copies(env)()
    assert isinstance(made, SelfCorrection)
    assert made.all_tasks("train") is tasks
    monkeypatch.setattr(type(env.inner), "tasks", None)  # no list is made again, for the copy or inside
    play(made, "?", "?", task=tasks[3].id)
    assert made.inner is not env.inner
    assert copy.deepcopy(env).inner is not env.inner


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"env": "terminal"}, "must have one turn; terminal has"),
        ({"until": "correct"}, "choose another feedback"),
        ({"feedback": "some"}, "feedback must be one of none, binary, detailed"),
        ({"options": "level=1"}, "options must be a table, such as {level=3}; got 'level=1'"),
        ({"attempts": 0}, "must be at least 1"),
        ({"env": "arithmetics"}, "did you mean 'arithmetic'"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SelfCorrection(**settings)
