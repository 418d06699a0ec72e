"""The base of environments: turns, ends, choices of tasks, snapshots and their errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import agentrl
from agentrl.environment import Env, MultiTurnEnv, Outcome, SingleTurnEnv
from agentrl.errors import ConfigError, DataError, UnknownIdError, UsageError
from agentrl.types import Message, Split, Task, ToolCall, Transcript, Verdict


class Guess(MultiTurnEnv):
    """Guess the number; each hint draws from the generator."""

    max_turns = 4

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"{split}/{n}", "Guess.", n) for n in range(20)]

    def turn(self, reply: str) -> str | Verdict:
        assert self.task is not None
        if reply == str(self.task.answer):
            return Verdict(1.0, "correct")
        if reply == "stop":
            return Verdict(0.25, "partial")
        return f"No. Here is a number: {self.np_random.integers(10**9)}"


class Capital(SingleTurnEnv):
    """One question, checked by a function of its own."""

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask("fr", "Capital of France?", "Paris", system="Be brief.")] if split == "train" else []


class Loud(Capital):
    """`Capital` with a verifier that is a function."""

    @staticmethod
    def verifier(task: Task, transcript: Transcript) -> Verdict:
        return Verdict(1.0, "correct") if transcript.reply.isupper() else Verdict(0.0, "incorrect")


class Tools(Env):
    """Answers are tool calls; rewards come before the end."""

    max_turns = 3

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task("only", (Message("user", "Add."),), 3)]

    def tools(self, task: Task) -> Sequence[dict[str, Any]]:
        return ({"name": "add"},)

    def respond(self, action: Message) -> Outcome:
        return Outcome((Message("tool", "3"),), reward=0.5 * len(action.tool_calls))


def texts(messages: Sequence[Message]) -> list[str]:
    return [m.content for m in messages]


def test_a_single_turn_ends_with_a_verdict() -> None:
    env = Capital()
    observation, info = env.reset(seed=0)
    assert texts(observation) == ["Be brief.", "Capital of France?"]
    assert info == {"task": "fr", "tools": (), "verdict": None}
    observation, reward, terminated, truncated, info = env.step("Paris")
    assert (observation, reward, terminated, truncated) == ((), 1.0, True, False)
    assert info["verdict"].success
    assert env.gold(env.all_tasks("train")[0]) == ("Paris",)


def test_a_verifier_may_be_a_function() -> None:
    env = Loud()
    env.reset()
    assert env.step("LYON")[1] == 1.0


def test_the_turn_limit_truncates_with_a_verdict_of_its_own() -> None:
    env = Guess(max_turns=2)
    env.reset(seed=0)
    *_, terminated, truncated, info = env.step("no")
    assert (terminated, truncated, info["verdict"]) == (False, False, None)
    *_, terminated, truncated, info = env.step("no")
    assert (terminated, truncated, info["verdict"].status, info["verdict"].score) == (False, True, "no_answer", 0.0)
    assert Guess().max_turns == 4  # the class keeps its own


@pytest.mark.parametrize(("reply", "status", "reward"), [("stop", "partial", 0.25), ("{}", "correct", 1.0)])
def test_a_verdict_ends_a_conversation(reply: str, status: str, reward: float) -> None:
    env = Guess(max_turns=2)
    env.reset(seed=0)
    assert env.task is not None
    assert texts(env.step("no")[0])[0].startswith("No.")
    _, got, terminated, truncated, info = env.step(reply.format(env.task.answer))
    assert (got, terminated, truncated, info["verdict"].status) == (reward, True, False, status)


@pytest.mark.parametrize("last", ["stop", "no"])
def test_no_step_before_the_beginning_or_after_the_end(last: str) -> None:
    env = Guess(max_turns=1)
    with pytest.raises(UsageError, match=r"over or never began; call reset\(\) first"):
        env.step("x")
    env.reset(seed=0)
    env.step(last)
    with pytest.raises(UsageError, match=r"over or never began; call reset\(\) first"):
        env.step("x")
    env.reset()
    env.step(last)  # a new episode goes


def test_tools_rewards_and_messages_as_actions() -> None:
    env = Tools()
    _, info = env.reset(seed=0)
    assert info["tools"] == ({"name": "add"},)
    call = Message("assistant", "", (ToolCall("add", {"a": 1, "b": 2}),))
    observation, reward, *_ = env.step(call)
    assert (texts(observation), reward) == (["3"], 0.5)
    assert env.messages[1] is call


def test_seeds_choose_tasks() -> None:
    env = Guess()
    first = [env.reset(seed=seed)[1]["task"] for seed in range(20)]
    assert first == [env.reset(seed=seed)[1]["task"] for seed in range(20)]
    assert len(set(first)) > 5
    assert env.reset(seed=1)[1]["task"] == Guess().reset(seed=1)[1]["task"]


def test_options_choose_tasks() -> None:
    env = Guess()
    assert env.reset(options={"task": "train/7"})[1]["task"] == "train/7"
    assert env.reset(options={"split": "test"})[1]["task"].startswith("test/")
    own = Task.ask("mine", "Guess mine.", 5)
    assert texts(env.reset(options={"task": own})[0]) == ["Guess mine."]
    assert env.step("5")[1] == 1.0
    with pytest.raises(UnknownIdError, match="no task 'train/77': did you mean 'train/7'"):
        env.reset(options={"task": "train/77"})
    with pytest.raises(UsageError, match=r"options 'task' and 'split', got \['tsk'\]"):
        env.reset(options={"tsk": "train/7"})


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match="split must be 'train' or 'test', got 'dev'"):
        Guess(split="dev")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="max_turns must be at least 1, got 0"):
        Guess(max_turns=0)
    with pytest.raises(DataError, match="Capital has no tasks in split 'test'"):
        Capital(split="test").reset()


def test_rendering() -> None:
    env = Capital(render_mode="ansi")
    env.reset()
    env.step("Paris")
    assert env.render() == "system: Be brief.\nuser: Capital of France?\nassistant: Paris"
    assert Capital().render() is None


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_fork_goes_on_as_the_original(turn: int) -> None:
    env, fork = Guess(), Guess(split="test", max_turns=4)
    env.reset(seed=11)
    for _ in range(turn):
        env.step("no")
    fork.restore(env.snapshot())
    assert fork.state_key() == env.state_key()
    assert fork.messages == env.messages
    for _ in range(turn, 4):
        assert fork.step("no") == env.step("no")
    assert fork.state_key() == env.state_key()
    assert fork.np_random.bit_generator.state == env.np_random.bit_generator.state


def test_a_fork_of_a_finished_episode_is_finished() -> None:
    env, fork = Guess(), Guess()
    env.reset(seed=1)
    env.step("stop")
    fork.restore(env.snapshot())
    with pytest.raises(UsageError, match="over"):
        fork.step("no")


def test_branches_of_one_snapshot_do_not_touch_each_other() -> None:
    env = Guess()
    env.reset(seed=2)
    env.step("no")
    saved = env.snapshot()
    replies = []
    for _ in range(3):
        env.restore(saved)
        replies.append(texts(env.step("again")[0]))
    assert replies[0] == replies[1] == replies[2]
    assert json.loads(saved)["env"] == "Guess"  # JSON, not pickle


def test_snapshots_carry_calls_and_numpy_values() -> None:
    env, fork = Tools(), Tools()
    env.reset(seed=0, options={"task": Task("t", (), np.int64(3), {"grid": np.eye(2)})})
    env.step(Message("assistant", "", (ToolCall("add", {"a": 1}),)))
    fork.restore(env.snapshot())
    assert fork.messages == env.messages
    assert fork.task is not None
    assert (fork.task.answer, fork.task.data) == (3, {"grid": [[1.0, 0.0], [0.0, 1.0]]})


def test_snapshot_errors() -> None:
    env = Guess()
    with pytest.raises(UsageError, match=r"no episode to snapshot; call reset\(\) first"):
        env.snapshot()
    with pytest.raises(UsageError, match=r"no state before reset\(\)"):
        env.state_key()
    for junk in (b"", b"\x80\x04", b"[]", b"7", b"{}", b'{"env": "Guess"}'):
        with pytest.raises(UsageError, match="not a snapshot of an agentrl environment"):
            env.restore(junk)
    env.reset(seed=0, options={"task": Task("t", (), object())})
    with pytest.raises(TypeError, match="a snapshot must be JSON-able, got object"):
        env.snapshot()


def test_a_snapshot_of_another_class_is_refused() -> None:
    env = Guess()
    env.reset(seed=0)
    with pytest.raises(UsageError, match="a snapshot of Guess cannot be restored into Tools"):
        Tools().restore(env.snapshot())


def test_state_keys_tell_states_apart() -> None:
    env = Tools()

    def key(*actions: str | Message, task: Task | None = None) -> str:
        env.reset(seed=0, options={"task": task} if task else None)
        for action in actions:
            env.step(action)
        return env.state_key()

    call, other = (Message("assistant", "", (ToolCall("add", {"a": n}),)) for n in (1, 2))
    keys = [key(), key("a"), key("a", "b"), key("ab"), key(call), key(other), key(task=Task("x", (), 3))]
    assert len(set(keys)) == len(keys)
    assert key("a", "b") == keys[2]
    assert all(len(k) == 24 for k in keys)


def test_the_documented_smallest_environment_is_exported() -> None:
    assert agentrl.SingleTurnEnv is SingleTurnEnv
    assert agentrl.MultiTurnEnv is MultiTurnEnv
