"""The retry collector: which tokens belong to which attempt, and first attempts that another policy makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentrl.collect.retry import FIRST, LATER, FirstAttempts, by_attempt, is_lent, retry
from agentrl.envs.self_correction import SelfCorrection
from agentrl.episodes import Collection, Plan, Sampling, copies, run_sync
from agentrl.errors import ConfigError, InfraError, UsageError
from agentrl.policies.script import Script
from agentrl.render import ByteTokenizer, Renderer
from agentrl.replay import differences
from agentrl.store import Run
from agentrl.types import Sample, SampleRequest

INSIDE = """
from agentrl.environment import SingleTurnEnv
from agentrl.types import Task, Verdict
class Digits(SingleTurnEnv):
    def tasks(self, split):
        return [Task.ask(str(n), f"{n}?", str(n)) for n in range(4)]
    def verdict(self, task, transcript):
        right = transcript.reply == task.answer
        return Verdict(float(right), "correct" if right else "incorrect", answer=transcript.reply)
    def segments(self, reply):
        return [("tail", len(reply) - 1, len(reply))] if len(reply) > 1 else []
"""


class Fixed:
    """Says two bytes: its own letter, and a digit that follows from the request's key."""

    def __init__(self, letter: str, version: int = 0) -> None:
        self.letter, self.version, self.name = letter, version, f"says {letter}"
        self.renderer = Renderer(ByteTokenizer())
        self.max_length = 400
        self.asked: list[tuple[int, ...]] = []

    async def sample(self, request: SampleRequest) -> Sample:
        self.asked.append(request.key)
        ids = (ord(self.letter), ord(str(request.key[-2] % 10)), 257)
        return Sample(ids, (-0.5, -0.25, -0.125), (-0.5, -0.25, -0.125), "eos", self.version)

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def digits(tmp_path: Path) -> str:
    (tmp_path / "digits.py").write_text(INSIDE)
    return str(tmp_path / "digits.py")


@pytest.fixture
def env(digits: str) -> SelfCorrection:
    return SelfCorrection(env=digits)


@pytest.fixture
def play(env: SelfCorrection) -> Callable[..., Collection]:
    """`play(policy, first)`: four tasks, eight samples each."""

    def run(policy: Any, first: FirstAttempts | None = None, *, step: int = 3) -> Collection:
        plan = Plan(tuple(env.all_tasks("train")), 8, seed=5, step=step)
        return run_sync(retry(copies(env), policy, plan, sampling=Sampling(max_tokens=4), first=first))

    return run


def tags_of(trajectory: Any) -> list[str]:
    return [tag for tag, drawn in zip(trajectory.tags, trajectory.mask, strict=True) if drawn]


def test_every_drawn_token_belongs_to_an_attempt(play: Callable[..., Collection]) -> None:
    rollouts = play(Fixed("a")).rollouts
    assert len(rollouts) == 32
    for rollout in rollouts:
        trajectory = by_attempt(rollout)
        assert tags_of(trajectory) == [FIRST] * 3 + [LATER] * 3
        assert {t for t, m in zip(trajectory.tags, trajectory.mask, strict=True) if not m} == {""}
        assert not is_lent(rollout)


def test_the_environments_own_segments_stay(play: Callable[..., Collection]) -> None:
    rollout = play(Fixed("a")).rollouts[0]
    assert [[(s.tag, s.start, s.end) for s in node.spans] for node in rollout.nodes if node.is_policy] == [
        [(tag, 0, 3), ("tail", 1, 2)] for tag in (FIRST, LATER)
    ]
    assert tags_of(rollout.trajectory()) == [FIRST, "tail", FIRST, LATER, "tail", LATER]


def test_more_attempts_are_all_retries(digits: str) -> None:
    longer = SelfCorrection(env=digits, attempts=4)
    plan = Plan(tuple(longer.all_tasks("train"))[:1])
    (rollout,) = run_sync(retry(copies(longer), Fixed("a"), plan)).rollouts
    assert tags_of(by_attempt(rollout)) == [FIRST] * 3 + [LATER] * 9


def test_lent_first_attempts_are_not_the_policys(play: Callable[..., Collection]) -> None:
    """A half of them: said by the other policy, not drawn; the second attempts see them and are the policy's own."""
    own, other = Fixed("a", version=7), Fixed("b")
    rollouts = play(own, FirstAttempts(other, 0.5)).rollouts
    lent = [r for r in rollouts if is_lent(r)]
    assert 8 <= len(lent) <= 24
    assert len(other.asked) == len(lent)
    assert sum(key[-1] == 0 for key in own.asked) == 32 - len(lent)
    assert sum(key[-1] == 1 for key in own.asked) == 32
    for rollout in rollouts:
        first, second = (node for node in rollout.nodes if node.is_policy)
        trajectory = by_attempt(rollout)
        assert second.message.content[0] == "a"
        assert second.version == 7
        assert all(second.drawn)
        if is_lent(rollout):
            assert first.message.content[0] == "b"
            assert (first.version, any(first.drawn), set(first.logprobs)) == (0, False, {0.0})
            assert tags_of(trajectory) == [LATER] * 3
            assert trajectory.tags.count(FIRST) == 3
            assert set(trajectory.turn[trajectory.mask].tolist()) == {1}
        else:
            assert first.message.content[0] == "a"


def test_which_are_lent_follows_from_seed_step_task_and_sample(play: Callable[..., Collection]) -> None:
    def lent(step: int, share: float = 0.5) -> list[str]:
        found = play(Fixed("a"), FirstAttempts(Fixed("b"), share), step=step).rollouts
        return [r.id.partition("/")[2] for r in found if is_lent(r)]

    assert lent(3) == lent(3)
    assert lent(3) != lent(4)
    assert set(lent(3, 0.25)) < set(lent(3)) < set(lent(3, 0.75))
    assert len(lent(3, 1.0)) == 32
    tasks = {task: [x.split("/")[1] for x in lent(3) if x.startswith(f"{task}/")] for task in range(4)}
    assert len({tuple(samples) for samples in tasks.values()}) > 1


def test_a_share_of_none_is_none(play: Callable[..., Collection]) -> None:
    other = Fixed("b")
    assert play(Fixed("a"), FirstAttempts(other, 0.0)).rollouts == play(Fixed("a")).rollouts
    assert other.asked == []


def test_rollouts_come_back_from_the_store_and_replay(
    play: Callable[..., Collection], env: SelfCorrection, tmp_path: Path
) -> None:
    rollouts = play(Fixed("a"), FirstAttempts(Fixed("b"), 0.5)).rollouts
    run = Run.create(tmp_path / "run", {})
    run.commit("train/step_000003", rollouts)
    stored = run.read("train/step_000003")
    assert tuple(stored) == rollouts
    assert [is_lent(r) for r in stored] == [is_lent(r) for r in rollouts]
    assert np.array_equal(by_attempt(stored[0]).token_ids, by_attempt(rollouts[0]).token_ids)
    assert [differences(r, env) for r in stored] == [[]] * 32
    spoilt = replace(stored[0], nodes=(replace(stored[0].nodes[0], state_key="x"), *stored[0].nodes[1:]))
    assert differences(spoilt, env)


def test_where_the_machine_fails_before_the_prompt_the_policy_answers_itself(
    play: Callable[..., Collection], env: SelfCorrection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first `reset` of all breaks down: the attempts of that task are drawn in the episodes, and trained on."""
    real, broken = SelfCorrection.reset, [True]

    def reset(self: SelfCorrection, **settings: Any) -> Any:
        if broken and broken.pop():
            raise InfraError("no machine")
        return real(self, **settings)

    monkeypatch.setattr(SelfCorrection, "reset", reset)
    rollouts = play(Fixed("a"), FirstAttempts(Fixed("b"), 1.0)).rollouts
    assert [is_lent(r) for r in rollouts] == [False] * 8 + [True] * 24


def test_a_text_policy_has_attempts_and_no_tokens(play: Callable[..., Collection]) -> None:
    rollouts = play(Script(["0"])).rollouts
    assert [len([n for n in r.nodes if n.is_policy]) for r in rollouts] == [2] * 32
    assert not any(is_lent(r) or any(n.spans for n in r.nodes) for r in rollouts)


def test_what_cannot_be_lent(play: Callable[..., Collection]) -> None:
    with pytest.raises(ConfigError, match=r"must be in \[0, 1\], got 1.5"):
        FirstAttempts(Fixed("b"), 1.5)
    with pytest.raises(UsageError, match="two policies that give token ids"):
        play(Script(["0"]), FirstAttempts(Fixed("b"), 0.5))
