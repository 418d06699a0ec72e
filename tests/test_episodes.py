"""Collecting: order, streams of randomness, failures as data, and nothing left running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pytest

import agentrl
from agentrl.environment import Env, MultiTurnEnv, SingleTurnEnv
from agentrl.episodes import Collection, Plan, Sampling, choose_tasks, collect, copies, rollout, run_sync
from agentrl.errors import ConfigError, InfraError, RenderError, UnscorableError, UsageError
from agentrl.policies.script import Script
from agentrl.protocols import TextPolicy, TokenPolicy
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Rollout, Sample, SampleRequest, Split, Status, Task, Transcript, Verdict


class Riddle(MultiTurnEnv):
    """Asks three times with words from the generator; the score is the share of replies that begin with "y"."""

    max_turns = 9

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"{split}/{n}", f"riddle {n}") for n in range(12)]

    def begin(self, task: Task) -> tuple[Message, ...]:
        self.good: list[bool] = []
        return (*task.prompt, Message("user", f"seeded {self.np_random.integers(10**6)}"))

    def turn(self, reply: str) -> str | Verdict:
        self.good.append(reply.startswith("y"))
        if len(self.good) < 3:
            return f"and now {self.np_random.integers(10**6)}"
        return Verdict(sum(self.good) / 4, "partial")


@dataclass
class Dice:
    """A token policy: draws bytes from the request's key alone, after a delay that shuffles the order of completion."""

    length: int = 5
    end: bool = True
    max_length: int | None = None
    name: str = "dice"
    version: int = 3
    requests: list[SampleRequest] = field(default_factory=list)
    renderer: Renderer = field(default_factory=lambda: Renderer(ByteTokenizer()))

    async def sample(self, request: SampleRequest, /) -> Sample:
        self.requests.append(request)
        rng = np.random.default_rng(request.key)
        for _ in range(int(rng.integers(4))):
            await asyncio.sleep(0)
        drawn = tuple(int(i) for i in rng.integers(97, 123, size=min(self.length, request.max_tokens)))
        ids = (*drawn, 257) if self.end and len(drawn) < request.max_tokens else drawn
        logprobs = (-0.5,) * len(ids)
        return Sample(ids, logprobs, logprobs, "eos" if ids[-1] == 257 else "length", self.version)

    def close(self) -> None:
        pass


def plan(env: Env, n: int = 3, samples: int = 1, seed: int = 0, step: int = 0) -> Plan:
    return Plan(tuple(env.all_tasks("test"))[:n], samples, seed, step)


def gather(env: Env, policy: TokenPolicy | TextPolicy, plan: Plan, **options: Any) -> Collection:
    return run_sync(collect(copies(env), policy, plan, **options))


# Order and randomness.


@pytest.mark.parametrize("make", [Dice, lambda: Script(lambda said: "y" if "7" in said[-1].content else "no")])
def test_concurrency_does_not_change_the_result(make: Callable[[], TokenPolicy | TextPolicy]) -> None:
    env = Riddle()
    one, many = (gather(env, make(), plan(env, 12, 5), concurrency=c).rollouts for c in (1, 64))
    assert one == many
    assert len({r.reward for r in one}) > 1


def test_rollouts_come_in_plan_order_whatever_the_order_of_completion() -> None:
    env, done = Riddle(), list[Rollout]()
    found = gather(env, Dice(), plan(env, 6, 3, step=4), on_done=done.append).rollouts
    assert [r.id for r in found] == [f"4/{t}/{s}" for t in range(6) for s in range(3)]
    assert [r.id for r in done] != [r.id for r in found]
    assert sorted(r.id for r in done) == sorted(r.id for r in found)
    assert [r.task.id for r in found[::3]] == [f"test/{t}" for t in range(6)]


def test_a_group_shares_its_environments_randomness_and_has_streams_of_its_own() -> None:
    env, dice = Riddle(), Dice()
    found = gather(env, dice, plan(env, 2, 3, seed=5, step=1)).rollouts
    prompts = [r.nodes[0].message.content for r in found]
    assert prompts[0] == prompts[1] == prompts[2] != prompts[3]
    assert sorted(r.key for r in dice.requests) == [
        (5, 1, t, s, u) for t in range(2) for s in range(3) for u in range(3)
    ]
    assert len({r.nodes[1].token_ids for r in found}) == 6
    again, other = (gather(env, Dice(), plan(env, 2, 3, seed=s, step=1)).rollouts for s in (5, 6))
    assert again == found
    assert other[0].nodes[0].message != found[0].nodes[0].message


def test_nodes_hold_the_ids_that_the_policy_saw_and_drew() -> None:
    env, dice = Riddle(), Dice()
    (found,) = gather(env, dice, plan(env, 1)).rollouts
    assert [n.is_policy for n in found.nodes] == [False, True] * 3
    assert [n.parent for n in found.nodes] == [-1, 0, 1, 2, 3, 4]
    for turn, request in enumerate(dice.requests):
        assert request.prompt_ids == tuple(i for n in found.nodes[: 2 * turn + 1] for i in n.token_ids)
    drawn = [n for n in found.nodes if n.is_policy]
    assert [(set(n.drawn), n.version, n.logprobs[0], n.sampler_logprobs) for n in drawn] == [({True}, 3, -0.5, ())] * 3
    seen = [n for n in found.nodes if not n.is_policy]
    assert [(set(n.drawn), n.version, set(n.logprobs)) for n in seen] == [({False}, -1, {0.0})] * 3
    assert found.nodes[0].earlier == found.task.prompt
    assert (found.provenance.env, found.provenance.policy) == ("Riddle", "dice")
    assert found.provenance.renderer == "bytes-1"
    assert len({n.state_key for n in found.nodes}) == 4  # what was said and what it led to are one state
    assert all(n.state_key for n in found.nodes)


def test_a_text_policys_nodes_hold_messages_only() -> None:
    env = Riddle()
    (found,) = gather(env, Script(["y"]), plan(env, 1)).rollouts
    assert found.reward == 0.75
    assert all(n.token_ids == () for n in found.nodes)
    with pytest.raises(ValueError, match="no token ids"):
        found.trajectory()


# Limits.


def test_the_turn_limit_ends_an_episode() -> None:
    env = Riddle(max_turns=2)
    (found,) = gather(env, Dice(), plan(env, 1)).rollouts
    assert found.stop == "turn_limit"
    assert found.verdict is not None
    assert found.verdict.status == "no_answer"
    assert found.scored


def test_a_full_context_ends_an_episode_with_a_score_of_zero() -> None:
    env, dice = Riddle(), Dice(length=99, end=False, max_length=90)
    (found,) = gather(env, dice, plan(env, 1), sampling=Sampling(max_tokens=40)).rollouts
    assert found.stop == "token_limit"
    assert found.verdict is not None
    assert (found.verdict.status, found.verdict.score, found.scored) == ("resource_limit", 0.0, True)
    assert [r.max_tokens for r in dice.requests] == [40, 90 - len(dice.requests[1].prompt_ids)]
    assert all(len(r.prompt_ids) + r.max_tokens <= 90 for r in dice.requests)
    assert found.nodes[-1].is_policy
    assert found.nodes[-1].token_ids == ()


def test_a_prompt_that_does_not_fit_ends_at_once() -> None:
    env, dice = Riddle(), Dice(max_length=10)
    (found,) = gather(env, dice, plan(env, 1)).rollouts
    assert found.stop == "token_limit"
    assert dice.requests == []


def test_sampling_reaches_the_policy() -> None:
    env, dice = Riddle(), Dice()
    sampling = Sampling(7, 0.5, 0.9, ("stop",))
    (found,) = gather(env, dice, plan(env, 1), sampling=sampling).rollouts
    request = dice.requests[0]
    assert (request.max_tokens, request.temperature, request.top_p, request.stop) == (7, 0.5, 0.9, ("stop",))
    assert (found.provenance.temperature, found.provenance.top_p) == (0.5, 0.9)


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


class Silent(Riddle):
    def begin(self, task: Task) -> tuple[Message, ...]:
        return ()


def test_an_environment_that_says_nothing_is_told_so() -> None:
    env = Silent()
    with pytest.raises(UsageError, match="gave no message"):
        gather(env, Script(["y"]), plan(env, 1))


def test_a_token_policy_without_a_renderer_is_refused() -> None:
    env, dice = Riddle(), Dice()
    dice.renderer = None  # type: ignore[assignment]
    with pytest.raises(RenderError, match="no `renderer`"):
        gather(env, dice, plan(env, 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Plan((), 0), "samples"),
        (lambda: Sampling(max_tokens=0), "max_tokens"),
        (lambda: Sampling(temperature=-1), "temperature"),
        (lambda: Sampling(top_p=0), "top_p"),
        (lambda: gather(Riddle(), Dice(), plan(Riddle()), concurrency=0), "concurrency"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_no_tasks_give_no_rollouts() -> None:
    assert gather(Riddle(), Dice(), Plan(())) == Collection((), 0, 0)


# Threads, loops, cancelling.


class Slow(Riddle):
    """Waits outside the event loop, until its gate opens."""

    execution = "thread"
    gate = threading.Event()
    inside: int = 0
    threads: ClassVar[set[str]] = set()
    closed_inside: ClassVar[list[bool]] = []

    def turn(self, reply: str) -> str | Verdict:
        self.inside += 1
        self.threads.add(threading.current_thread().name)
        self.gate.wait(30)
        self.inside -= 1
        return super().turn(reply)

    def close(self) -> None:
        self.closed_inside.append(self.inside > 0)


@pytest.fixture
def slow() -> Iterator[type[Slow]]:
    Slow.gate.clear()
    Slow.threads.clear()
    Slow.closed_inside.clear()
    yield Slow
    Slow.gate.set()


def test_an_environment_that_waits_runs_in_threads_with_the_same_result(slow: type[Slow]) -> None:
    slow.gate.set()
    found = gather(slow(), Dice(), plan(slow(), 12, 2)).rollouts
    assert threading.current_thread().name not in slow.threads
    assert found == tuple(
        _as(r, "Slow") for r in gather(Riddle(), Dice(), plan(Riddle(), 12, 2), concurrency=1).rollouts
    )


def _as(rollout: Rollout, env: str) -> Rollout:
    return replace(rollout, provenance=replace(rollout.provenance, env=env))


def test_cancelling_leaves_nothing_running(slow: type[Slow]) -> None:
    before = threading.active_count()

    async def scene() -> int:
        job = asyncio.ensure_future(collect(copies(slow()), Dice(), plan(slow(), 12, 4), concurrency=8))
        while not slow.threads:
            await asyncio.sleep(0.001)
        job.cancel()
        asyncio.get_running_loop().call_later(0.05, slow.gate.set)
        with pytest.raises(asyncio.CancelledError):
            await job
        return len(asyncio.all_tasks())

    assert run_sync(scene()) == 1
    assert threading.active_count() == before
    assert slow.closed_inside == [False] * 8  # no environment was closed while a thread was inside it


def test_collecting_works_inside_a_running_loop() -> None:
    async def notebook() -> list[Rollout]:
        return rollout(Riddle(), Script(["y"]), n=2)

    assert len(asyncio.run(notebook())) == 2

    async def fails() -> None:
        run_sync(_raise())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fails())


async def _raise() -> None:
    raise ZeroDivisionError


# Choosing tasks, and the facade.


def test_chosen_tasks_are_distinct_and_named_by_the_seed() -> None:
    env = Riddle()
    chosen = choose_tasks(env, "test", 5, 0)
    assert len({t.id for t in chosen}) == 5
    assert chosen == choose_tasks(Riddle(), "test", 5, 0) != choose_tasks(env, "test", 5, 1)
    everything = choose_tasks(env, "test", None, 0)
    assert sorted(t.id for t in everything) == sorted(t.id for t in env.all_tasks("test"))
    assert choose_tasks(env, "test", 99, 0) == everything
    assert {t.id.split("/")[0] for t in choose_tasks(env, "train", 3, 0)} == {"train"}


def test_rollout_takes_an_environment_or_an_id_and_leaves_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[Dice] = []
    monkeypatch.setattr(Dice, "close", lambda self: closed.append(self))
    env = Riddle()
    env.reset(seed=0)
    before = env.snapshot(), env.state_key()
    found = rollout(env, Dice(), n=4, samples=2, seed=3, split="train")
    assert (env.snapshot(), env.state_key()) == before
    assert [r.provenance.task_index for r in found] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {r.task.id.split("/")[0] for r in found} == {"train"}
    assert closed == []
    agentrl.register("env", "riddle_of_this_test", Riddle)
    monkeypatch.setattr("agentrl.policies.open_policy", lambda spec: Dice())
    assert rollout("riddle_of_this_test", "any", n=4, samples=2, seed=3, split="train") == found
    assert len(closed) == 1
