"""Failures while collecting: the machine's become data, a programming error ends everything with a name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from agentrl.environment import Env, SingleTurnEnv
from agentrl.episodes import Collection, Plan, collect, copies, run_sync
from agentrl.errors import InfraError, UnscorableError
from agentrl.policies.script import Script
from agentrl.types import Message, Split, Status, Task, Transcript, Verdict


def plan(env: Env, n: int, samples: int = 1, seed: int = 0, step: int = 0) -> Plan:
    return Plan(tuple(env.all_tasks("test"))[:n], samples, seed, step)


def gather(env: Env, policy: Script, plan: Plan, **options: Any) -> Collection:
    return run_sync(collect(copies(env), policy, plan, **options))


# Failures of the machine.


class Flaky(SingleTurnEnv):
    """Fails where told; its copies count together."""

    closed = 0
    tries: ClassVar[dict[str, int]] = {}

    def __init__(self, fail: Callable[[Task, int], BaseException | Status | None]) -> None:
        super().__init__()
        self.fail = fail

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"t{n}", str(n), str(n)) for n in range(4)]

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        self.tries[task.id] = self.tries.get(task.id, 0) + 1
        failure = self.fail(task, self.tries[task.id])
        if isinstance(failure, BaseException):
            raise failure
        if failure is not None:
            return Verdict(0.0, failure, feedback="it failed")
        return super().verdict(task, transcript)

    def close(self) -> None:
        type(self).closed += 1


@pytest.fixture(autouse=True)
def _count_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flaky, "closed", 0)
    Flaky.tries.clear()


def answers(messages: Sequence[Message]) -> str:
    return messages[-1].content


@pytest.mark.parametrize("failure", [InfraError("worker died"), "infra_error"])
def test_a_failure_of_the_machine_is_tried_again_on_a_fresh_environment(failure: Any) -> None:
    env = Flaky(lambda task, tries: failure if task.id == "t1" and tries < 3 else None)
    found = gather(env, Script(answers), plan(env, 4), concurrency=1)
    assert [r.provenance.tries for r in found.rollouts] == [1, 3, 1, 1]
    assert [r.reward for r in found.rollouts] == [1.0] * 4
    assert (found.retries, found.dropped_groups) == (2, 0)
    assert Flaky.closed == 3  # two that failed, and the last one


@pytest.mark.parametrize("failure", [InfraError("worker died"), "infra_error"])
def test_after_three_tries_the_group_is_dropped_whole(failure: Any) -> None:
    tries: list[str] = []

    def fail(task: Task, _: int) -> Any:
        tries.append(task.id)
        return failure if task.id == "t2" and len([t for t in tries if t == "t2"]) > 1 else None

    env = Flaky(fail)
    found = gather(env, Script(answers), plan(env, 4, 2), concurrency=1)
    assert [r.id for r in found.rollouts] == ["0/0/0", "0/0/1", "0/1/0", "0/1/1", "0/3/0", "0/3/1"]
    assert (found.dropped_groups, found.retries) == (1, 2)
    assert tries.count("t2") == 1 + 3


def test_an_invalid_task_drops_its_group_without_another_try() -> None:
    env = Flaky(lambda task, _: "task_invalid" if task.id == "t0" else None)
    found = gather(env, Script(answers), plan(env, 4, 2))
    assert (found.dropped_groups, found.retries, len(found.rollouts)) == (1, 0, 6)
    assert env.tries["t0"] == 2


def test_too_many_groups_without_a_score_stop_the_run() -> None:
    env = Flaky(lambda task, _: "task_invalid" if task.id in ("t0", "t1") else None)
    assert gather(env, Script(answers), plan(env, 4)).dropped_groups == 2
    with pytest.raises(UnscorableError, match=r"2 of 4 groups .* limit is 40%.* task 't0', task_invalid: it failed"):
        gather(env, Script(answers), plan(env, 4), max_dropped_share=0.4)


@pytest.mark.parametrize("status", ["timeout", "resource_limit", "malformed", "no_answer"])
def test_what_the_policy_causes_scores_zero_and_stays_in_the_mean(status: Status) -> None:
    env = Flaky(lambda task, _: status if task.id == "t0" else None)
    found = gather(env, Script(answers), plan(env, 4))
    assert [r.reward for r in found.rollouts] == [0.0, 1.0, 1.0, 1.0]
    assert (found.dropped_groups, found.retries) == (0, 0)


# Programming errors.


def test_a_programming_error_comes_through_with_the_episodes_name_and_ends_the_rest() -> None:
    env = Flaky(lambda task, _: TypeError("oops") if task.id == "t1" else None)
    said: list[str] = []

    def say(messages: Sequence[Message]) -> str:
        said.append(messages[-1].content)
        return messages[-1].content

    with pytest.raises(TypeError, match="oops") as caught:
        gather(env, Script(say), plan(env, 4, seed=8, step=2), concurrency=1)
    assert caught.value.__notes__ == ["in Flaky, task 't1', sample 0, seed 8, step 2"]
    assert said == ["0", "1"]
    assert Flaky.closed == 1


def test_an_error_cancels_the_episodes_that_wait() -> None:
    ended: list[str] = []

    class Waits(Script):
        async def reply(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> Message:
            if messages[-1].content == "3":
                raise KeyError("of the policy")
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(messages[-1].content)
            raise AssertionError

    env = Flaky(lambda *_: None)
    with pytest.raises(KeyError, match="of the policy"):
        gather(env, Waits(["never"]), plan(env, 4))
    assert sorted(ended) == ["0", "1", "2"]
    assert Flaky.closed == 4
