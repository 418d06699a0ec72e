"""Replayed episodes: all as recorded where nothing changed, and each kind of change is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agentrl.environment import MultiTurnEnv
from agentrl.episodes import Plan, collect, copies, env_seed, run_sync
from agentrl.errors import ConfigError
from agentrl.policies.script import open as open_script
from agentrl.replay import Difference, differences, env_of
from agentrl.store import Run
from agentrl.types import Message, Node, Rollout, Split, Task, Verdict


class Guess(MultiTurnEnv):
    """Guess a number that the environment draws; `off` shifts what it says, `pay` what a win is worth."""

    max_turns = 4

    def __init__(self, *, off: int = 0, pay: float = 1.0, patience: int = 9) -> None:
        super().__init__()
        self.off, self.pay, self.patience = off, pay, patience

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"{n}", f"Below {n}.", n) for n in (10, 1000)]

    def begin(self, task: Task) -> tuple[Message, ...]:
        self.number, self.turns = int(self.np_random.integers(task.answer)), 0
        return task.prompt

    def turn(self, reply: str) -> str | Verdict:
        self.turns += 1
        if self.turns > self.patience:
            return Verdict(0.0, "incorrect")
        if reply == str(self.number):
            return Verdict(self.pay, "correct" if self.pay == 1 else "partial")
        return f"No, not {len(reply) + self.off}: {self.np_random.integers(9)}."


@pytest.fixture
def recorded(tmp_path: Path) -> list[Rollout]:
    (tmp_path / "says.txt").write_text("3\n7\n1\n9\n")
    env = Guess()
    plan = Plan(tuple(env.all_tasks("train")), samples=2, seed=5, step=3)
    found = run_sync(collect(copies(env), open_script(str(tmp_path / "says.txt")), plan))
    run = Run.create(tmp_path / "run", {})
    run.commit("a", found.rollouts)
    return run.read("a")  # as they are stored


def test_without_a_change_all_is_as_recorded(recorded: list[Rollout]) -> None:
    assert len(recorded) == 4
    assert {len(r.nodes) for r in recorded} == {8}
    assert [differences(r, Guess()) for r in recorded] == [[], [], [], []]


def test_the_seed_is_the_recorded_one(recorded: list[Rollout]) -> None:
    other = dataclasses.replace(recorded[0], provenance=dataclasses.replace(recorded[0].provenance, step=4))
    assert differences(other, Guess())


def test_a_changed_answer_of_the_environment_is_named(recorded: list[Rollout]) -> None:
    found = differences(recorded[0], Guess(off=1))
    assert {d.what for d in found} == {"observation", "state"}
    first = next(d for d in found if d.what == "observation")
    assert first.turn == 1
    assert str(first).startswith(f"{recorded[0].id}, turn 1: observation was user: No, not 1: ")


def test_an_episode_that_ends_earlier_or_later_is_named_and_compared_no_further(recorded: list[Rollout]) -> None:
    found = differences(recorded[0], Guess(patience=1))
    assert [(d.turn, d.what) for d in found] == [(2, "verdict"), (2, "state"), (2, "end")]
    short = dataclasses.replace(recorded[0], nodes=recorded[0].nodes[:4])
    assert [(d.what, d.recorded, d.replayed) for d in differences(short, Guess())] == [("end", True, False)]


def test_a_changed_score_is_named(tmp_path: Path) -> None:
    env = Guess()
    env.reset(seed=env_seed(0, 0, 0), options={"task": "10"})
    (tmp_path / "says.txt").write_text(f"{env.number}\n")
    plan = Plan(tuple(env.all_tasks("train"))[:1], samples=1, seed=0)
    (rollout,) = run_sync(collect(copies(env), open_script(str(tmp_path / "says.txt")), plan)).rollouts
    assert rollout.reward == 1
    assert differences(rollout, Guess()) == []
    found = differences(rollout, Guess(pay=0.5))
    assert (found[0].what, found[0].recorded, found[0].replayed) == ("reward", 1.0, 0.5)
    assert str(found[1]) == "0/0/0, turn 1: verdict was 1 correct, is 0.5 partial"


def _said(difference: Difference) -> str:
    return str(difference.recorded[-1].content)


def test_branches_are_replayed_each_and_their_trunk_is_reported_once(recorded: list[Rollout]) -> None:
    trunk = recorded[0].nodes
    env = Guess()
    env.reset(seed=env_seed(5, 3, 0), options={"task": recorded[0].task})
    env.step(trunk[1].message)
    observation, reward, *_ = env.step("555")
    branch = [
        Node(2, Message("assistant", "555"), reward=float(reward), state_key=env.state_key()),
        Node(len(trunk), observation[-1], state_key=env.state_key()),
    ]
    tree = dataclasses.replace(recorded[0], nodes=(*trunk, *branch))
    assert differences(tree, env) == []
    wrong = dataclasses.replace(
        tree, nodes=(*tree.nodes[:-1], dataclasses.replace(branch[1], message=Message("user", "?")))
    )
    assert [(d.turn, d.what, _said(d)) for d in differences(wrong, env)] == [(2, "observation", "?")]
    changed = [d for d in differences(tree, Guess(off=1)) if d.turn == 1]
    assert sorted(d.what for d in changed) == ["observation", "state"]


def test_a_rollout_without_nodes_has_no_differences(recorded: list[Rollout]) -> None:
    assert differences(dataclasses.replace(recorded[0], nodes=(), stop="infra_error"), Guess()) == []


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"env_id": "arithmetic", "env": ["level=2"]}, ("arithmetic", ["level=2"])),
        ({"recipe": "grpo", "config": {"env": {"id": "math", "options": {"a": 1}}}}, ("math", {"a": 1})),
        ({"canaries_of": {"recipe": "x", "config": {"env": {"id": "math"}}}}, ("math", {})),
    ],
)
def test_the_environment_of_a_run(config: dict[str, Any], wanted: Any) -> None:
    assert env_of(config) == wanted


def test_a_run_without_an_environment_says_so() -> None:
    with pytest.raises(ConfigError, match="names no environment"):
        env_of({"recipe": "sft", "config": {}})
