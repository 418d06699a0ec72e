"""Tree search over real environments, with policies that know the answer and say something else as often."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

import pytest

from agentrl import registry
from agentrl.codec import message_to_json
from agentrl.collect.critic import PolicyCritic
from agentrl.collect.search import Settings
from agentrl.collect.searched import best
from agentrl.collect.tree import search
from agentrl.environment import Env
from agentrl.episodes import Plan, copies, run_sync
from agentrl.policies.script import Script
from agentrl.replay import differences
from agentrl.types import Message, Task

JUNK = {
    "game24": "<answer>1+1</answer>",
    "shop": "search[umbrella]",
    "fol_prove": "<answer>Nobody knows.</answer>",
    "service_desk": "Let me think about it.",
}


def torn(env: Env, task: Task, junk: str) -> Script:
    """Says nonsense and the next right reply by turns, each time that it is asked the same."""
    gold = list(env.gold(task))
    asked: dict[str, itertools.count[int]] = defaultdict(itertools.count)

    def say(messages: Sequence[Message]) -> str | Message:
        wrong = next(asked[str([message_to_json(m) for m in messages])]) % 2 == 0
        turn = sum(m.role == "assistant" for m in messages)
        return junk if wrong or turn >= len(gold) else gold[turn]

    return Script(say)


@pytest.mark.parametrize("id", sorted(JUNK))
def test_a_search_finds_the_answer_and_every_branch_replays(id: str) -> None:
    env = registry.make(id)
    task = env.all_tasks("train")[0]
    settings = Settings(expand=2, iterations=60, width=3, merge="state")
    plan = Plan((task,))
    (found,) = run_sync(search(copies(env), torn(env, task, JUNK[id]), plan, settings=settings)).trees
    assert differences(found.rollout, env) == []
    assert found.effort.iterations == 60
    assert found.rollout.path()[-1] == best(found.rollout, found.scores)
    verdicts = {n.verdict.status for n in found.rollout.nodes if n.verdict}
    assert "correct" in verdicts
    assert len(verdicts) > 1
    assert found.rollout.verdict is not None
    assert found.rollout.verdict.success


def test_a_critic_that_asks_a_policy_leads_the_search() -> None:
    env = registry.make("fol_prove")
    task = env.all_tasks("train")[0]
    asked: list[str] = []

    def judge(messages: Sequence[Message]) -> str:
        asked.append(messages[-1].content)
        candidates = asked[-1].rpartition("nothing else.")[2]
        return "The second." if candidates.find("Nobody") > candidates.find("2.\n") else "2"

    critic = PolicyCritic(Script(judge))
    settings = Settings(expand=2, iterations=4, max_depth=2)
    (found,) = run_sync(
        search(copies(env), torn(env, task, JUNK["fol_prove"]), Plan((task,)), settings=settings, critic=critic)
    ).trees
    replies = {s.node: s.value for s in found.scores if s.term == "critic"}
    assert replies
    for node, value in replies.items():
        assert value == float("Nobody" not in found.rollout.nodes[node].message.content)
