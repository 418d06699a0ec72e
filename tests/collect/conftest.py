"""A game whose every value is known, policies for it, and what a search of it found."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agentrl.collect.searched import Searched
from agentrl.collect.tree import Forest, search
from agentrl.environment import MultiTurnEnv
from agentrl.episodes import Plan, Policy, run_sync
from agentrl.policies.script import Script
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Rollout, Sample, SampleRequest, Split, Task, Verdict

LETTERS = "abc"
TRAP = {"a": dict.fromkeys(range(9), 0.3), "b": {6: 1.0}, "c": dict.fromkeys(range(9), 0.5)}
"""Under random play c is the best first letter, then a; the best end of all, bca, lies below b."""
CHANCES = {"a": dict.fromkeys((0, 4, 8), 1.0), "b": {3: 1.0}, "c": dict.fromkeys((0, 1, 2, 4, 5, 7), 1.0)}
"""Under random play a wins 3 times in 9, b 1, c 6."""


class Game(MultiTurnEnv):
    """Three letters, and the end is worth what the table says of it."""

    max_turns = 5
    table: Mapping[str, Mapping[int, float]] = TRAP

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"{split}/{n}", "play") for n in range(40)]

    def begin(self, task: Task) -> tuple[Message, ...]:
        self.said = ""
        return task.prompt

    def turn(self, reply: str) -> str | Verdict:
        self.said += reply if reply and reply in LETTERS else "?"
        if len(self.said) < 3:
            return "next"
        score = worth(self.said, self.table)
        return Verdict(score, "correct" if score == 1 else "partial" if score else "incorrect")


class Chances(Game):
    table = CHANCES


def worth(said: str, table: Mapping[str, Mapping[int, float]]) -> float:
    if "?" in said:
        return 0.0
    return table[said[0]].get(3 * LETTERS.index(said[1]) + LETTERS.index(said[2]), 0.0)


@dataclass
class Letters:
    """A token policy: proposes a, b, c, a, ... and plays on at random; all of it follows from the request's key."""

    name: str = "letters"
    version: int = 2
    max_length: int | None = None
    dies_after: int | None = None
    requests: list[SampleRequest] = field(default_factory=list)
    renderer: Renderer = field(default_factory=lambda: Renderer(ByteTokenizer()))

    async def sample(self, request: SampleRequest, /) -> Sample:
        self.requests.append(request)
        if self.dies_after is not None and len(self.requests) > self.dies_after:
            raise RuntimeError("killed")
        proposes, number = request.key[4] == 0, request.key[5]
        rng = np.random.default_rng(request.key)
        for _ in range(int(rng.integers(4))):
            await asyncio.sleep(0)
        letter = LETTERS[number % 3] if proposes else rng.choice(list(LETTERS))
        ids, logprobs = (ord(letter), 257), (-1.0, 0.0)
        return Sample(ids, logprobs, logprobs, "eos", self.version)

    def close(self) -> None:
        pass


class Cycling(Script):
    """Answers a conversation with the next of some replies each time that it is asked."""

    def __init__(self, *replies: str) -> None:
        asked: dict[tuple[str, ...], itertools.cycle[str]] = defaultdict(lambda: itertools.cycle(replies))
        super().__init__(lambda messages: next(asked[tuple(m.content for m in messages)]))


def grow(game: type[Game], policy: Policy, n: int = 1, seed: int = 0, **options: Any) -> Forest:
    plan = Plan(tuple(Game().all_tasks("test"))[:n], seed=seed, step=3)
    return run_sync(search(game, policy, plan, **options))


def one(game: type[Game], policy: Policy, **options: Any) -> Searched:
    (found,) = grow(game, policy, **options).trees
    return found


def said(rollout: Rollout, leaf: int | None = None) -> str:
    return "".join(m.content for m in rollout.transcript(leaf) if m.role == "assistant")


def table(found: Searched, term: str) -> dict[str, float]:
    """A term of the scores by what was said up to the node."""
    nodes = found.rollout.nodes
    return {said(found.rollout, s.node): s.value for s in found.scores if s.term == term and nodes[s.node].is_policy}
