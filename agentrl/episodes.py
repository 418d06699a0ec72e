"""Environment x policy -> rollouts: concurrent episodes, and the one place where failures become data.

An episode is a coroutine. What the policy causes is a verdict with a status; an `InfraError` (or a verdict
`infra_error`) is tried again on a fresh environment, up to three times. A group (all samples of one task) with an
episode that still has no score is dropped whole and counted: a policy can never make its own sample leave the mean.
Every other exception is a programming error: it stops the collection, with a note that names the episode.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np

from agentrl import registry
from agentrl.environment import Env
from agentrl.errors import ConfigError, InfraError, UnscorableError
from agentrl.players import CONTEXT_FULL, TextPlayer, TokenPlayer, is_token_policy, renderer_of
from agentrl.protocols import TextPolicy, TokenPolicy
from agentrl.types import Message, Node, Provenance, Rollout, SampleRequest, Split, Stop, Task, Verdict

__all__ = ["Collection", "Plan", "Policy", "Sampling", "choose_tasks", "collect", "rollout", "run_sync"]

Policy = TokenPolicy | TextPolicy
T = TypeVar("T")
TRIES = 3


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a policy draws.

    Raises:
        ConfigError: A value is out of range.
    """

    max_tokens: int = 256
    """Most tokens a turn."""
    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    """Nucleus truncation; training needs 1."""
    stop: tuple[str, ...] = ()
    """Strings that end a turn."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens must be at least 1, got {self.max_tokens}")
        if self.temperature < 0:
            raise ConfigError(f"temperature must be 0 (greedy) or more, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be in (0, 1], got {self.top_p}")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which episodes to collect: `samples` of each task, named by (seed, step).

    Raises:
        ConfigError: `samples` is less than 1.
    """

    tasks: tuple[Task, ...]
    samples: int = 1
    seed: int = 0
    step: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ConfigError(f"samples must be at least 1, got {self.samples}")


@dataclass(frozen=True, slots=True)
class Collection:
    """What a plan gave.

    Attributes:
        rollouts: In the plan's order, whole groups only.
        dropped_groups: Groups left out because an episode of theirs could not be scored.
        retries: How often an episode was tried again.
    """

    rollouts: tuple[Rollout, ...]
    dropped_groups: int
    retries: int


@dataclass(frozen=True, slots=True)
class _Episode:
    """One episode to run: its task, its place in the plan, and how to draw."""

    task: Task
    index: int
    sample: int
    plan: Plan
    sampling: Sampling
    env_name: str
    policy_name: str

    def provenance(self, renderer: str, seconds: float) -> Provenance:
        return Provenance(
            env=self.env_name,
            seed=self.plan.seed,
            step=self.plan.step,
            task_index=self.index,
            sample=self.sample,
            policy=self.policy_name,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            renderer=renderer,
            seconds=seconds,
        )


def env_seed(seed: int, step: int, index: int) -> int:
    """What `reset` is seeded with, the same for all samples of a task: a group shares its environment's randomness."""
    return int(np.random.SeedSequence((seed, step, index)).generate_state(1)[0])


async def collect(
    make_env: Callable[[], Env],
    policy: Policy,
    plan: Plan,
    *,
    sampling: Sampling | None = None,
    concurrency: int = 256,
    on_done: Callable[[Rollout], None] | None = None,
    max_dropped_share: float = 0.5,
) -> Collection:
    """Run a plan's episodes concurrently.

    Args:
        make_env: Makes a bare environment; called once for each of the concurrent episodes, and after a failure.
        policy: A token policy, or a text policy (whose rollouts cannot be trained on).
        plan: The tasks and samples.
        sampling: How to draw.
        concurrency: Most episodes at a time.
        on_done: Called after each episode, for progress.
        max_dropped_share: Past this share of dropped groups the collection fails.

    Raises:
        ConfigError: `concurrency` is less than 1.
        UnscorableError: Too many groups could not be scored.
    """
    if concurrency < 1:
        raise ConfigError(f"concurrency must be at least 1, got {concurrency}")
    runner = _Runner(make_env, policy, plan, sampling or Sampling(), on_done)
    rollouts = await runner.run(concurrency)
    groups = [rollouts[i : i + plan.samples] for i in range(0, len(rollouts), plan.samples)]
    kept = [group for group in groups if all(r.scored for r in group)]
    dropped = len(groups) - len(kept)
    if groups and dropped > max_dropped_share * len(groups):
        first = next(r for r in rollouts if not r.scored)
        why = first.verdict.feedback if first.verdict else ""
        raise UnscorableError(
            f"{dropped} of {len(groups)} groups could not be scored (the limit is {max_dropped_share:.0%}); "
            f"first: task {first.task.id!r}, {first.stop}{': ' + why if why else ''}"
        )
    return Collection(tuple(r for group in kept for r in group), dropped, runner.retries)


def rollout(
    env: str | Env,
    policy: str | Policy,
    *,
    n: int = 1,
    samples: int = 1,
    seed: int = 0,
    split: Split = "test",
    sampling: Sampling | None = None,
) -> list[Rollout]:
    """Collect episodes, without asyncio: `samples` of each of `n` tasks.

    Args:
        env: An environment's id, or an environment (copied for concurrent episodes).
        policy: A policy, or what `agentrl.policies.open_policy` takes.
        n: Number of tasks.
        samples: Episodes a task.
        seed: Chooses the tasks and names the random streams.
        split: Where the tasks come from.
        sampling: How to draw.

    Raises:
        UnscorableError: Too many groups could not be scored.
    """
    from agentrl.policies import open_policy

    first = registry.make(env) if isinstance(env, str) else env
    tasks = choose_tasks(first, split, n, seed)
    opened = open_policy(policy) if isinstance(policy, str) else policy
    try:
        collection = run_sync(collect(copies(first), opened, Plan(tasks, samples, seed), sampling=sampling))
    finally:
        if isinstance(policy, str):
            opened.close()
    return list(collection.rollouts)


def choose_tasks(env: Env, split: Split, n: int | None, seed: int) -> tuple[Task, ...]:
    """`n` distinct tasks of a split in a seeded order; all of them where `n` is None or larger."""
    tasks = env.all_tasks(split)
    rng = np.random.default_rng(np.random.SeedSequence((seed, 0x7A5C)))
    count = len(tasks) if n is None else min(n, len(tasks))
    # A generator of its own, so that the sampling seeds of an evaluation do not depend on how many tasks it has.
    return tuple(tasks[int(i)] for i in rng.choice(len(tasks), size=count, replace=False, shuffle=True))


def copies(env: Env) -> Callable[[], Env]:
    """A factory of environments like `env`: its state is copied deeply, its loaded tasks are shared."""
    shared = {id(env._by_split): env._by_split}
    return lambda: copy.deepcopy(env, dict(shared))


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, inside a running event loop (a notebook's) as well."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    box: list[T | BaseException] = []

    def target() -> None:
        try:
            box.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001  # handed to the caller's thread as it is
            box.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if isinstance(box[0], BaseException):
        raise box[0]
    return box[0]


async def called(pool: ThreadPoolExecutor | None, function: Callable[..., T], *arguments: Any) -> T:
    """Call an environment: in a thread of the pool, if there is one, and not left before the thread is out of it."""
    if pool is None:
        return function(*arguments)
    job = pool.submit(function, *arguments)
    done = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        job.cancel()
        # A thread may be inside the environment, which must not be closed under it, however often one cancels.
        while not done.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([done])
        raise


class _Runner:
    """The workers of one collection: each owns an environment and takes the next episode."""

    def __init__(
        self,
        make_env: Callable[[], Env],
        policy: Policy,
        plan: Plan,
        sampling: Sampling,
        on_done: Callable[[Rollout], None] | None,
    ) -> None:
        self.make_env = make_env
        self.policy = policy
        self.renderer = renderer_of(policy) if is_token_policy(policy) else None
        self.plan = plan
        self.sampling = sampling
        self.on_done = on_done
        self.retries = 0
        self.pool: ThreadPoolExecutor | None = None

    async def run(self, concurrency: int) -> list[Rollout]:
        first = self.make_env()
        name = getattr(self.policy, "name", type(self.policy).__name__)
        episodes = [
            _Episode(task, index, sample, self.plan, self.sampling, type(first).__name__, name)
            for index, task in enumerate(self.plan.tasks)
            for sample in range(self.plan.samples)
        ]
        done: list[Rollout | None] = [None] * len(episodes)
        if first.execution == "thread":
            self.pool = ThreadPoolExecutor(max_workers=min(32, concurrency))
        queue = iter(enumerate(episodes))
        with self.pool or contextlib.nullcontext():  # leaves once every worker has ended, however often one cancels
            workers = [
                asyncio.ensure_future(self._worker(queue, done, first if i == 0 else None))
                for i in range(min(concurrency, len(episodes)))
            ]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        return [cast(Rollout, r) for r in done]

    async def _worker(self, queue: Iterable[tuple[int, _Episode]], done: list[Rollout | None], env: Env | None) -> None:
        env = env or self.make_env()
        try:
            for position, episode in queue:
                for attempt in range(TRIES):
                    rollout = await self._guarded(env, episode)
                    if rollout.stop != "infra_error":
                        break
                    env.close()
                    env = self.make_env()
                    self.retries += attempt < TRIES - 1
                if attempt:
                    rollout = replace(rollout, provenance=replace(rollout.provenance, tries=attempt + 1))
                done[position] = rollout
                if self.on_done is not None:
                    self.on_done(rollout)
        finally:
            env.close()

    async def _guarded(self, env: Env, episode: _Episode) -> Rollout:
        """The error boundary: the machine's failures become data, programming errors get a note and go on up."""
        try:
            return await self._run(env, episode)
        except InfraError:
            return _rollout(episode, [], "infra_error", "", 0.0)
        except Exception as error:
            if not getattr(error, "__notes__", None):  # a policy's failure reaches every episode that waits for it
                error.add_note(
                    f"in {episode.env_name}, task {episode.task.id!r}, sample {episode.sample}, "
                    f"seed {episode.plan.seed}, step {episode.plan.step}"
                )
            raise

    async def _run(self, env: Env, episode: _Episode) -> Rollout:
        started = time.perf_counter()
        begin = functools.partial(
            env.reset, seed=env_seed(self.plan.seed, self.plan.step, episode.index), options={"task": episode.task}
        )
        observation, info = await called(self.pool, begin)
        player = self._player(episode, observation, info["tools"])
        nodes = [player.opening(observation, env.state_key())]
        stop: Stop | None = None
        while stop is None:
            if player.room < 1:
                nodes.append(Node(len(nodes) - 1, Message("assistant", ""), reward=0.0, verdict=CONTEXT_FULL))
                stop = "token_limit"
                break
            node = player.tagged(await player.act(len(nodes) - 1), env.segments)
            observation, reward, terminated, truncated, info = await called(self.pool, env.step, node.message)
            key = env.state_key()
            nodes.append(replace(node, reward=reward, verdict=info["verdict"], state_key=key))
            if terminated or truncated:
                stop = _why(info["verdict"], "done" if terminated else "turn_limit")
            else:
                nodes.append(player.observed(len(nodes) - 1, observation, key))
        fingerprint = self.renderer.fingerprint if self.renderer is not None else ""
        return _rollout(episode, nodes, stop, fingerprint, time.perf_counter() - started)

    def _player(
        self, episode: _Episode, observation: Sequence[Message], tools: Sequence[Mapping[str, Any]]
    ) -> TokenPlayer | TextPlayer:
        if self.renderer is None:
            return TextPlayer(cast(TextPolicy, self.policy), observation, tools)
        request = SampleRequest(
            prompt_ids=(),
            max_tokens=self.sampling.max_tokens,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            stop=self.sampling.stop,
            key=(self.plan.seed, self.plan.step, episode.index, episode.sample),
        )
        return TokenPlayer(cast(TokenPolicy, self.policy), self.renderer.start(observation, tools), request)


def _why(verdict: Verdict | None, otherwise: Stop) -> Stop:
    if verdict is not None and verdict.status == "infra_error":
        return "infra_error"
    if verdict is not None and verdict.status == "task_invalid":
        return "task_invalid"
    return otherwise


def _rollout(episode: _Episode, nodes: Sequence[Node], stop: Stop, renderer: str, seconds: float) -> Rollout:
    return Rollout(
        id=f"{episode.plan.step}/{episode.index}/{episode.sample}",
        task=episode.task,
        nodes=tuple(nodes),
        stop=stop,
        provenance=episode.provenance(renderer, seconds),
    )
