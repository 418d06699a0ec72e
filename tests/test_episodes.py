"""Collecting: order, streams of randomness, failures as data, and nothing left running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pytest

import agentrl
from agentrl.environment import Env, MultiTurnEnv
from agentrl.episodes import Collection, Plan, Sampling, choose_tasks, collect, copies, rollout, run_sync
from agentrl.errors import ConfigError, RenderError, UsageError
from agentrl.policies.script import Script
from agentrl.protocols import TextPolicy, TokenPolicy
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Rollout, Sample, SampleRequest, Split, Task, Verdict


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


# What cannot be.


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


class Stuck(Dice):
    """Never answers the first episode: it ends at the first cancelling, before those that are in threads."""

    async def sample(self, request: SampleRequest, /) -> Sample:
        if request.key[2:4] == (0, 0):
            await asyncio.Event().wait()
        return await super().sample(request)


@pytest.mark.parametrize("cancels", [1, 3])
def test_cancelling_leaves_nothing_running(slow: type[Slow], cancels: int) -> None:
    before = threading.active_count()

    async def scene() -> int:
        job = asyncio.ensure_future(collect(copies(slow()), Stuck(), plan(slow(), 12, 4), concurrency=8))
        while len(slow.threads) < 7:
            await asyncio.sleep(0.001)
        for _ in range(cancels):
            job.cancel()
            for _ in range(20):
                await asyncio.sleep(0)
        assert slow.closed_inside == [False]  # the stuck one's; the others wait for their threads
        assert not job.done()
        slow.gate.set()
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
