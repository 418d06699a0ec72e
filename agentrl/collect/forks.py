"""Environments that several branches of one episode share: lent, put into a state, and stepped from there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from agentrl.environment import Env
from agentrl.episodes import TRIES, Policy, called
from agentrl.errors import ConfigError, InfraError
from agentrl.players import TextPlayer, TokenPlayer
from agentrl.protocols import TextPolicy, TokenPolicy
from agentrl.render import Renderer
from agentrl.types import Message, Node, SampleRequest, Stop, Task

__all__ = ["Forks", "Loans", "Step", "player_at", "retried"]

T = TypeVar("T")
THREADS = 32


class Loans:
    """Environments of one make: lent to one branch at a time, and made when none is free."""

    def __init__(self, make_env: Callable[[], Env]) -> None:
        self._make = make_env
        first = make_env()
        self._free = [first]
        self.name = type(first).__name__
        self._pool = ThreadPoolExecutor(max_workers=THREADS) if first.execution == "thread" else None

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[Env]:
        """An environment in any state; it does not come back from a failure."""
        env = self._free.pop() if self._free else self._make()
        try:
            yield env
        except BaseException:
            env.close()
            raise
        self._free.append(env)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call an environment, in a thread where it waits on something outside Python."""
        return await called(self._pool, function, *arguments)

    def close(self) -> None:
        """Close all that came back."""
        for env in self._free:
            env.close()
        if self._pool is not None:
            self._pool.shutdown()


@dataclass(frozen=True, slots=True)
class Step:
    """What a reply led to.

    Attributes:
        node: The reply with its reward, verdict and state key.
        messages: What follows; empty at the end.
        stop: Why the episode is over, if it is.
    """

    node: Node
    messages: tuple[Message, ...]
    stop: Stop | None


class Forks:
    """The states of one task's episode.

    A state is named by the node of the observation that it follows. Its snapshot is kept until `forget`; a state
    without one, as after a resumed search, is reached by replaying the replies.

    Args:
        loans: Where environments come from.
        task: The episode's task.
        seed: What `reset` gets.
    """

    def __init__(self, loans: Loans, task: Task, seed: int) -> None:
        self._loans = loans
        self._task = task
        self._seed = seed
        self._kept: dict[int, bytes] = {}

    async def begin(self) -> tuple[tuple[Message, ...], str, Sequence[Mapping[str, Any]]]:
        """The first messages, the state's key, and the tools.

        Raises:
            ConfigError: The environment cannot be forked.
        """
        async with self._loans.lent() as env:
            messages, info = await self._loans.call(self._reset, env)
            await self._asked(env.snapshot)
            return messages, env.state_key(), info["tools"]

    async def go_to(self, env: Env, path: Sequence[Node], tip: int) -> None:
        """Put an environment into the state after `path`, whose last node is the observation `tip`.

        Raises:
            ConfigError: It does not get there.
        """
        if tip in self._kept:
            await self._asked(env.restore, self._kept[tip])
        else:
            await self._loans.call(self._reset, env)
            for node in path:
                if node.is_policy:
                    await self._loans.call(env.step, node.message)
        if env.state_key() != path[-1].state_key:
            raise ConfigError(
                f"{self._loans.name} cannot be forked: brought back to a state it had the key {env.state_key()!r}, not "
                f"{path[-1].state_key!r}; a search needs snapshot() and restore() that continue an episode exactly"
            )

    async def step(self, env: Env, node: Node) -> Step:
        """Carry out a reply.

        Raises:
            InfraError: The machine failed, or the verdict says so.
        """
        messages, reward, terminated, truncated, info = await self._loans.call(env.step, node.message)
        verdict = info["verdict"]
        if verdict is not None and verdict.status == "infra_error":
            raise InfraError(verdict.feedback or "the verifier could not decide")
        stop: Stop | None = "done" if terminated else "turn_limit" if truncated else None
        if verdict is not None and verdict.status == "task_invalid" and stop is not None:
            stop = "task_invalid"
        return Step(replace(node, reward=reward, verdict=verdict, state_key=env.state_key()), tuple(messages), stop)

    async def snapshot(self, env: Env) -> bytes:
        """The state that an environment is in.

        Raises:
            ConfigError: It has no snapshot.
        """
        return await self._asked(env.snapshot)

    def keep(self, tip: int, snapshot: bytes) -> None:
        """Keep a state's snapshot."""
        self._kept[tip] = snapshot

    def forget(self, tip: int) -> None:
        """Drop a snapshot: nothing starts from this state again."""
        self._kept.pop(tip, None)

    def _reset(self, env: Env) -> tuple[tuple[Message, ...], dict[str, Any]]:
        return env.reset(seed=self._seed, options={"task": self._task})

    async def _asked(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            return await self._loans.call(function, *arguments)
        except InfraError:
            raise
        except Exception as error:
            said = f"{function.__name__}() raised {type(error).__name__}: {error}"
            raise ConfigError(
                f"{self._loans.name} cannot be forked: {said}; a search needs snapshot() and restore()"
            ) from error


async def retried(act: Callable[[], Awaitable[T]]) -> T | None:
    """What `act` gives, tried again when the machine fails; None where it fails every time."""
    for _ in range(TRIES):
        try:
            return await act()
        except InfraError:
            continue
    return None


def player_at(
    policy: Policy,
    renderer: Renderer | None,
    path: Sequence[Node],
    tools: Sequence[Mapping[str, Any]],
    request: SampleRequest,
) -> TokenPlayer | TextPlayer:
    """A player who has heard and said what stands on a path, from the ids as they were drawn."""
    if renderer is None:
        return TextPlayer(cast(TextPolicy, policy), [m for node in path for m in node.messages], tools)
    conversation = renderer.start(path[0].messages, tools)
    for node in path[1:]:
        if node.is_policy:
            conversation.reply(node.token_ids)
        else:
            conversation.observe(node.messages)
    return TokenPlayer(cast(TokenPolicy, policy), conversation, request)
