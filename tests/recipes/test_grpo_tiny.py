"""GRPO's presets learn: a tiny model comes to answer with the letter asked for; under the wrong sign it avoids it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentrl import config as configs
from agentrl.environment import SingleTurnEnv
from agentrl.episodes import Collection, Plan, Sampling, collect, copies, run_sync
from agentrl.learn.learner import Learner, Optim
from agentrl.learn.loop import Loop, Parts, Result, Settings
from agentrl.learn.objectives import LossOutput, PolicyGradient, Terms
from agentrl.policies.transformers import TransformersPolicy
from agentrl.recipes import preset, presets
from agentrl.recipes.grpo import Config, credit
from agentrl.render import ByteTokenizer, Renderer
from agentrl.store import Run
from agentrl.types import Split, Task, Transcript, Verdict
from tests.recipes.conftest import Teach

LETTERS = "abcd"


def _judge(task: Task, transcript: Transcript) -> Verdict:
    right = transcript.reply == task.answer
    return Verdict(float(right), "correct" if right else "incorrect")


class Letters(SingleTurnEnv):
    """Answer with the letter that is asked for, and nothing else."""

    verifier = staticmethod(_judge)

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(letter, letter.upper(), letter) for letter in LETTERS]


class Flipped:
    """The objective with the gradient's sign turned round."""

    def __init__(self, objective: PolicyGradient) -> None:
        self.objective = objective
        self.entropy_bonus = objective.entropy_bonus

    def loss(self, terms: Terms) -> LossOutput:
        out = self.objective.loss(terms)
        return replace(out, loss=-out.loss)


@pytest.fixture(scope="module")
def beginner(taught: Teach) -> Any:
    """A tiny llama that answers with one of the four letters and ends its turn: twice in five with the right one."""
    rows = [(asked.upper(), said, 1.0 + (said == asked)) for asked in LETTERS for said in LETTERS]
    return taught(rows, 40)


def _collect(config: Config, policy: TransformersPolicy, step: int) -> Collection:
    env = Letters()
    plan = Plan(tuple(env.all_tasks("train")), config.samples, config.seed, step)
    return run_sync(collect(copies(env), policy, plan, sampling=config.sampling))


def _train(config: Config, model: Any, objective: Any, folder: Path) -> Result:
    learner = Learner(
        model, config.optim, total_steps=config.loop.steps, reference=copy.deepcopy(model) if config.kl else None
    )
    policy = TransformersPolicy(model, Renderer(ByteTokenizer()))

    def publish(version: int) -> None:
        policy.version = version

    parts = Parts(
        collect=lambda step: _collect(config, policy, step),
        batch=lambda step, rollouts: credit(config, rollouts),
        objective=objective,
        publish=publish,
    )
    try:
        return Loop(Run.create(folder, {}), learner, parts, config.loop, config=configs.digest(config))()
    finally:
        policy.close()


def _rewards(name: str, beginner: Any, folder: Path, sign: Callable[[PolicyGradient], Any]) -> tuple[float, float]:
    """Mean reward of the first step and of the last four."""
    config = replace(
        configs.load_toml(preset("grpo", name), Config),
        tasks=len(LETTERS),
        samples=8,
        sampling=Sampling(max_tokens=3),
        optim=Optim(lr=4e-3),
        loop=Settings(steps=24, checkpoint_every=0),
        truncated="keep",
    )
    metrics = _train(config, copy.deepcopy(beginner), sign(config.objective), folder).metrics
    reward = [m["reward"] for m in metrics]
    assert len(reward) == 24
    return reward[0], float(np.mean(reward[-4:]))


@pytest.mark.parametrize("name", presets("grpo"))
def test_the_reward_rises(name: str, beginner: Any, tmp_path: Path) -> None:
    first, last = _rewards(name, beginner, tmp_path / "run", lambda objective: objective)
    assert first < 0.6
    assert last > 0.85


@pytest.mark.parametrize("name", presets("grpo"))
def test_under_the_wrong_sign_it_falls(name: str, beginner: Any, tmp_path: Path) -> None:
    first, last = _rewards(name, beginner, tmp_path / "run", Flipped)
    assert first > 0.2
    assert last < 0.1


@pytest.mark.parametrize("name", presets("grpo"))
def test_leaving_out_episodes_without_an_advantage_changes_no_gradient(name: str, beginner: Any) -> None:
    config = replace(
        configs.load_toml(preset("grpo", name), Config), samples=2, kl=0.0, sampling=Sampling(max_tokens=3)
    )
    policy = TransformersPolicy(copy.deepcopy(beginner), Renderer(ByteTokenizer()))
    rollouts = _collect(config, policy, 0).rollouts
    policy.close()
    some, _ = credit(config, rollouts)
    everyone, _ = credit(replace(config, kl=1.0), rollouts)  # a divergence needs them all
    assert some is not None
    assert everyone is not None
    assert 0 < len(some.trajectories) < len(everyone.trajectories) == len(rollouts) == 8
    records = [
        Learner(copy.deepcopy(beginner), Optim(), total_steps=1).update(replace(batch, kl_BT=None), config.objective)
        for batch in (some, everyone)
    ]
    assert records[0]["grad_norm"] == pytest.approx(records[1]["grad_norm"], rel=1e-4)
    assert records[0]["grad_norm"] > 0
