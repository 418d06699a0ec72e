"""Several attempts at each task, every token tagged with its attempt; some first attempts may be another policy's.

The environment asks for the attempts (`self_correction`, or any other that gives a verdict on each reply); this
collector says which tokens belong to which. A policy that only ever corrects itself soon meets the same few mistakes:
`FirstAttempts` lends some episodes the first attempt of a policy that stays as it is, such as the initial model. Its
tokens are not `drawn`, so that nothing learns from them; the attempts after it are the policy's own.

Source: SCoRe, Kumar et al. 2024 (arXiv 2409.12917).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from agentrl.environment import Env
from agentrl.episodes import Collection, Plan, Policy, Sampling, collect, env_seed
from agentrl.errors import ConfigError, InfraError, UsageError
from agentrl.players import is_token_policy, renderer_of
from agentrl.protocols import TokenPolicy
from agentrl.types import Node, Rollout, Sample, SampleRequest, Span, Trajectory

__all__ = ["ATTEMPTS", "FIRST", "LATER", "FirstAttempts", "by_attempt", "is_lent", "retry"]

FIRST, LATER = "first_attempt", "retry"
ATTEMPTS = (FIRST, LATER)
"""Tags of the first attempt, and of those after it."""

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FirstAttempts:
    """First attempts that another policy makes.

    Raises:
        ConfigError: `share` is not in [0, 1].
    """

    policy: TokenPolicy
    """Makes them; its weights do not change, and it reads ids as the policy that learns does."""
    share: float
    """Of all episodes, chosen by a stream of its own for each (seed, step, task, sample)."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.share) and 0 <= self.share <= 1):
            raise ConfigError(f"the share of first attempts by another policy must be in [0, 1], got {self.share!r}")

    def chosen(self, plan: Plan, index: int) -> list[int]:
        """Which samples of a task are lent their first attempt."""
        keys = [(plan.seed, plan.step, index, sample, 0xF125) for sample in range(plan.samples)]
        drawn = [np.random.default_rng(np.random.SeedSequence(key)).random() for key in keys]
        return [sample for sample, number in enumerate(drawn) if number < self.share]


async def retry(
    make_env: Callable[[], Env],
    policy: Policy,
    plan: Plan,
    *,
    sampling: Sampling | None = None,
    first: FirstAttempts | None = None,
) -> Collection:
    """Run a plan's episodes and tag their attempts.

    Args:
        make_env: Makes an environment of several attempts.
        policy: Plays.
        plan: The tasks and samples.
        sampling: How to draw.
        first: Whose first attempts to mix in.

    Raises:
        UsageError: `first` is given, and one of the policies does not give token ids.
        UnscorableError: Too many groups could not be scored.
    """
    sampling = sampling or Sampling()
    if first is None or first.share == 0:
        found = await collect(make_env, policy, plan, sampling=sampling)
        return replace(found, rollouts=tuple(_tagged(r) for r in found.rollouts))
    if not (is_token_policy(policy) and is_token_policy(first.policy)):
        raise UsageError("first attempts of another policy need two policies that give token ids")
    # All of them before the first episode: two models that drew side by side would make up each other's batches by
    # their speed, and no run would come out as another to the bit.
    player = _Lent(policy, await _first_attempts(make_env, first, plan, sampling))
    found = await collect(make_env, player, plan, sampling=sampling)
    return replace(found, rollouts=tuple(_untrained(_tagged(r), player) for r in found.rollouts))


def is_lent(rollout: Rollout) -> bool:
    """Whether an episode's first attempt is another policy's."""
    first = next((node for _, node in _replies(rollout)), None)
    return first is not None and bool(first.token_ids) and not any(first.drawn)


def by_attempt(rollout: Rollout) -> Trajectory:
    """The episode's trajectory with each attempt's tag on all of its tokens, over the environment's own segments."""
    nodes = tuple(replace(n, spans=tuple(s for s in n.spans if s.tag in ATTEMPTS)) for n in rollout.nodes)
    return replace(rollout, nodes=nodes).trajectory()


class _Lent:
    """A policy whose first turn is drawn already in some episodes."""

    def __init__(self, policy: TokenPolicy, ready: Mapping[Key, tuple[tuple[int, ...], Sample]]) -> None:
        self.name = getattr(policy, "name", type(policy).__name__)
        self.renderer = renderer_of(policy)
        self.max_length: int | None = getattr(policy, "max_length", None)
        self.version = policy.version
        self.used: set[Key] = set()
        self._policy, self._ready = policy, ready

    async def sample(self, request: SampleRequest) -> Sample:
        """What is ready, where it answers the very same prompt."""
        prompt_ids, sample = self._ready.get(request.key, ((), None))
        if sample is None or prompt_ids != request.prompt_ids:
            self.used.discard(request.key)  # of an episode that the machine broke off
            return await self._policy.sample(request)
        self.used.add(request.key)
        return sample

    def close(self) -> None:
        """Nothing: the policy is its owner's."""


async def _first_attempts(
    make_env: Callable[[], Env], first: FirstAttempts, plan: Plan, sampling: Sampling
) -> dict[Key, tuple[tuple[int, ...], Sample]]:
    """Prompt and first attempt of each chosen episode, by the key of its request."""
    renderer, limit = renderer_of(first.policy), getattr(first.policy, "max_length", None)
    requests: list[SampleRequest] = []
    env = make_env()
    try:
        for index, task in enumerate(plan.tasks):
            samples = first.chosen(plan, index)
            if not samples:
                continue
            try:
                shown, info = env.reset(seed=env_seed(plan.seed, plan.step, index), options={"task": task})
            except InfraError:  # `collect` meets it as well, tries again, and the policy makes these attempts itself
                continue
            ids = renderer.start(shown, info["tools"]).ids
            room = sampling.max_tokens if limit is None else min(sampling.max_tokens, limit - len(ids))
            if room >= 1:
                requests += [_request(ids, room, sampling, (plan.seed, plan.step, index, s, 0)) for s in samples]
    finally:
        env.close()
    drawn = await asyncio.gather(*(first.policy.sample(request) for request in requests))
    return {r.key: (r.prompt_ids, sample) for r, sample in zip(requests, drawn, strict=True)}


def _request(ids: tuple[int, ...], room: int, sampling: Sampling, key: Key) -> SampleRequest:
    return SampleRequest(ids, room, sampling.temperature, sampling.top_p, sampling.stop, key)


def _tagged(rollout: Rollout) -> Rollout:
    """With a span over each reply; the environment's own segments come after it, so that they show where they are."""
    nodes = list(rollout.nodes)
    for attempt, (index, node) in enumerate(_replies(rollout)):
        if node.token_ids:
            whole = Span(ATTEMPTS[min(attempt, 1)], 0, len(node.token_ids))
            nodes[index] = replace(node, spans=(whole, *node.spans))
    return replace(rollout, nodes=tuple(nodes))


def _untrained(rollout: Rollout, player: _Lent) -> Rollout:
    """With a first attempt that was lent marked as not drawn."""
    at = rollout.provenance
    if (at.seed, at.step, at.task_index, at.sample, 0) not in player.used:
        return rollout
    index, node = next(_replies(rollout))
    count = len(node.token_ids)
    lent = replace(node, drawn=(False,) * count, logprobs=(0.0,) * count, sampler_logprobs=())
    return replace(rollout, nodes=(*rollout.nodes[:index], lent, *rollout.nodes[index + 1 :]))


def _replies(rollout: Rollout) -> Iterator[tuple[int, Node]]:
    return ((index, rollout.nodes[index]) for index in rollout.path() if rollout.nodes[index].is_policy)
