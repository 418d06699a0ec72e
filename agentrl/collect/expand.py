"""What a policy and an environment make of one state: the replies and where they lead, or the way to the end."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from agentrl.codec import message_to_json
from agentrl.collect.critic import Critic
from agentrl.collect.forks import Forks, Loans, Step, player_at, retried
from agentrl.collect.search import Settings
from agentrl.episodes import Plan, Policy, Sampling, env_seed
from agentrl.errors import UsageError
from agentrl.players import CONTEXT_FULL, TextPlayer, TokenPlayer
from agentrl.render import Renderer
from agentrl.types import Message, Node, SampleRequest, Stop, Verdict

__all__ = ["Child", "End", "Explorer", "Job", "at_once"]

T = TypeVar("T")
Player = TokenPlayer | TextPlayer
UNSCORED = Verdict(0.0, "infra_error", feedback="The machine failed on every try.")


@dataclass(frozen=True, slots=True)
class Job:
    """What all searches of a plan share."""

    loans: Loans
    policy: Policy
    renderer: Renderer | None
    plan: Plan
    settings: Settings
    sampling: Sampling
    critic: Critic | None
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Child:
    """A reply and what it led to.

    Attributes:
        node: The reply.
        observation: What follows; None at the end.
        stop: Why the episode is over, if it is.
        snapshot: The state after it.
        prior: How likely the reply was, not yet divided among its siblings.
        critic: What the critic said.
    """

    node: Node
    observation: Node | None = None
    stop: Stop | None = None
    snapshot: bytes = b""
    prior: float = 1.0
    critic: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A leaf's value from after its reply on, with the nodes that it took, and why the episode is over."""

    value: float
    nodes: Sequence[Node] = ()
    stop: Stop | None = None


class Explorer:
    """The policy and the environment of one task.

    Args:
        job: What it shares with other tasks.
        index: The task's place in the plan.
    """

    def __init__(self, job: Job, index: int) -> None:
        plan = job.plan
        self._job = job
        self._index = index
        self._tools: Sequence[Any] = ()
        self.forks = Forks(job.loans, plan.tasks[index], env_seed(plan.seed, plan.step, index))
        self.drawn = 0
        self.prompt = 0

    async def begin(self) -> Node:
        """The first observation.

        Raises:
            ConfigError: The environment cannot be forked.
        """
        messages, key, self._tools = await self.forks.begin()
        opening = Node(-1, messages[-1], earlier=messages[:-1])
        return self._player([opening], ()).opening(messages, key)

    async def children(self, path: Sequence[Node], tip: int) -> list[Child]:
        """What the policy could say after a path, and where each leads; empty where the machine fails.

        Args:
            path: Nodes from the root to an observation.
            tip: That observation's index, which names the random streams.
        """
        count = self._job.settings.expand
        drawn = await retried(lambda: at_once([self._proposal(path, tip, k) for k in range(count)]))
        if drawn is None:
            return []
        merged: dict[str, tuple[Node, Player, float]] = {}
        for node, player in drawn:
            text = repr(message_to_json(node.message))
            first = merged.get(text, (node, player, 0.0))
            merged[text] = (*first[:2], first[2] + _likelihood(node))
        proposals = list(merged.values())
        critic = await retried(lambda: self._criticised(path, [node for node, _, _ in proposals]))
        if critic is None:
            return []
        children = []
        for (node, player, prior), value in zip(proposals, critic, strict=True):
            children.append(replace(await self._led(path, tip, node, player), prior=prior, critic=value))
        return children

    async def _proposal(self, path: Sequence[Node], tip: int, number: int) -> tuple[Node, Player]:
        player = self._player(path, (tip, 0, number))
        return await self._act(player, path), player

    async def _criticised(self, path: Sequence[Node], proposals: Sequence[Node]) -> Sequence[float | None]:
        if self._job.critic is None:
            return [None] * len(proposals)
        messages = [m for node in path for m in node.messages]
        said = list(await self._job.critic(messages, [node.message for node in proposals]))
        if len(said) != len(proposals) or not all(0 <= value <= 1 for value in said):
            raise UsageError(f"a critic gives each of {len(proposals)} candidates a value in [0, 1]; got {said!r:.100}")
        return said

    async def _led(self, path: Sequence[Node], tip: int, node: Node, player: Player) -> Child:
        """Carry out a reply in a fork."""
        if node.verdict is not None:  # there was no room for a reply
            return Child(node, stop="token_limit")

        async def step() -> tuple[Node, Step, bytes]:
            async with self._job.loans.lent() as env:
                await self.forks.go_to(env, path, tip)
                tagged = player.tagged(node, env.segments)
                found = await self.forks.step(env, tagged)
                return tagged, found, await self.forks.snapshot(env) if found.stop is None else b""

        done = await retried(step)
        if done is None:
            return Child(replace(node, reward=0.0, verdict=UNSCORED), stop="infra_error")
        _, found, snapshot = done
        if found.stop is not None:
            return Child(found.node, stop=found.stop)
        return Child(found.node, player.observed(0, found.messages, found.node.state_key), snapshot=snapshot)

    async def end(self, path: Sequence[Node], tip: int, visits: int) -> End | None:
        """Play on to the end; None where the machine fails.

        Args:
            path: As in `children`.
            tip: Likewise.
            visits: How often that was done from here before.
        """
        return await retried(lambda: self._played(path, tip, visits))

    async def _played(self, path: Sequence[Node], tip: int, visits: int) -> End:
        player = self._player(path, (tip, 1 + visits, 0))
        nodes: list[Node] = []
        stop: Stop | None = None
        async with self._job.loans.lent() as env:
            await self.forks.go_to(env, path, tip)
            while stop is None:
                node = await self._act(player, [*path, *nodes])
                if node.verdict is not None:
                    nodes.append(node)
                    break
                found = await self.forks.step(env, player.tagged(node, env.segments))
                nodes.append(found.node)
                stop = found.stop
                if stop is None:
                    nodes.append(player.observed(0, found.messages, found.node.state_key))
        return End(math.fsum(node.reward or 0.0 for node in nodes), nodes, stop)

    def _player(self, path: Sequence[Node], key: tuple[int, ...]) -> Player:
        job, how = self._job, self._job.sampling
        key = (job.plan.seed, job.plan.step, self._index, *key)
        request = SampleRequest((), how.max_tokens, how.temperature, how.top_p, how.stop, key)
        return player_at(job.policy, job.renderer, path, self._tools, request)

    async def _act(self, player: Player, path: Sequence[Node]) -> Node:
        """The policy's next turn; where its context is full, an empty one that ends the episode."""
        if player.room < 1:
            return Node(0, Message("assistant", ""), reward=0.0, verdict=CONTEXT_FULL)
        node = await player.act(0)
        self.drawn += len(node.token_ids)
        self.prompt += sum(len(n.token_ids) for n in path)
        return node


def _likelihood(node: Node) -> float:
    """The geometric mean of a reply's token probabilities; 1 where they are not known."""
    return math.exp(math.fsum(node.logprobs) / len(node.logprobs)) if node.logprobs else 1.0


async def at_once(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Do all at once; when one fails, the others end before the error goes on up."""
    jobs = [asyncio.ensure_future(part) for part in work]
    try:
        return list(await asyncio.gather(*jobs))
    finally:
        for job in jobs:
            job.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*jobs, return_exceptions=True)
