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
from agentrl.learn.mismatch import Mismatch
from agentrl.learn.objectives import LossOutput, PolicyGradient, Terms
from agentrl.policies.transformers import TransformersPolicy
from agentrl.recipes import preset, presets
from agentrl.recipes.grpo import Config, credit, divergence_of
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
        batch=lambda step, rollouts: credit(config, rollouts, divergence_of(config, learner)),
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
    everyone, _ = credit(replace(config, kl=1.0, kl_in="loss"), rollouts)  # a divergence in the loss needs them all
    assert some is not None
    assert everyone is not None
    assert len(everyone.trajectories) == len(rollouts) == 8
    # What is compared with the whole batch has an advantage even where its group is of one mind.
    assert len(some.trajectories) == 8 if config.advantage == "batch" else 0 < len(some.trajectories) < 8
    records = [
        Learner(copy.deepcopy(beginner), Optim(), total_steps=1).update(replace(batch, kl_BT=None), config.objective)
        for batch in (some, everyone)
    ]
    assert records[0]["grad_norm"] == pytest.approx(records[1]["grad_norm"], rel=1e-4)
    assert records[0]["grad_norm"] > 0


def _said(policy: TransformersPolicy, config: Config) -> tuple[Sequence[Any], Any]:
    rollouts = _collect(config, policy, 0).rollouts
    trajectories = [r.trajectory() for r in rollouts]
    rng = np.random.default_rng(0)
    k1_BT = np.zeros((len(rollouts), max(len(t) for t in trajectories)))
    for b, t in enumerate(trajectories):
        k1_BT[b, : len(t)] = np.where(t.mask, rng.normal(size=len(t)), 0.0)
    return rollouts, k1_BT


def test_a_divergence_in_the_reward_is_taken_from_it(beginner: Any) -> None:
    """RLOO: the group compares returns from which the whole sequence's k1 is taken; the loss then has none."""
    config = replace(configs.load_toml(preset("grpo", "rloo"), Config), samples=4, sampling=Sampling(max_tokens=3))
    policy = TransformersPolicy(copy.deepcopy(beginner), Renderer(ByteTokenizer()))
    rollouts, k1_BT = _said(policy, config)
    policy.close()
    batch, metrics = credit(config, rollouts, lambda trajectories: k1_BT)
    assert batch is not None
    assert batch.kl_BT is None
    assert len(batch.trajectories) == 16  # no two returns are equal any more
    returns = np.array([r.reward for r in rollouts]) - 0.05 * k1_BT.sum(axis=1)
    for b, t in enumerate(batch.trajectories):
        mates = [i for i in range(4 * (b // 4), 4 * (b // 4) + 4) if i != b]
        expected = returns[b] - returns[mates].mean()
        assert batch.adv_BT[b, : len(t)][t.mask] == pytest.approx(expected)
    drawn = sum(t.mask.sum() for t in batch.trajectories)
    assert metrics["kl"] == pytest.approx(k1_BT.sum() / drawn)
    with pytest.raises(ValueError, match="needs the divergence"):
        credit(config, rollouts)


def test_a_token_bears_the_divergence_from_itself_on(beginner: Any) -> None:
    """REINFORCE++: the return of a token is the reward less what is still to come, normalised over all tokens."""
    config = replace(
        configs.load_toml(preset("grpo", "reinforce_pp"), Config), samples=4, sampling=Sampling(max_tokens=3), kl=0.5
    )
    policy = TransformersPolicy(copy.deepcopy(beginner), Renderer(ByteTokenizer()))
    rollouts, k1_BT = _said(policy, config)
    policy.close()
    batch, _ = credit(config, rollouts, lambda trajectories: k1_BT)
    assert batch is not None
    returns, found = [], []
    for b, t in enumerate(batch.trajectories):
        for i in np.flatnonzero(t.mask):
            returns.append(rollouts[b].reward - 0.5 * k1_BT[b, i:].sum())
            found.append(batch.adv_BT[b, i])
    expected = (np.array(returns) - np.mean(returns)) / (np.std(returns, ddof=1) + 1e-4)
    assert found == pytest.approx(expected.tolist())


def test_the_sampler_is_met_where_a_correction_is_asked_for(beginner: Any) -> None:
    """Off, nothing of it reaches the batch; on, its log-probabilities do, and it was the same weights all along."""
    config = replace(Config(), samples=4, sampling=Sampling(max_tokens=3))
    asked = replace(config, objective=PolicyGradient(mismatch=Mismatch("token_truncate")))
    learner = Learner(copy.deepcopy(beginner), Optim(), total_steps=1)
    policy = TransformersPolicy(learner.model, Renderer(ByteTokenizer()))
    rollouts = _collect(config, policy, 0).rollouts
    policy.close()
    without, _ = credit(config, rollouts)
    batch, _ = credit(asked, rollouts)
    assert without is not None
    assert batch is not None
    assert without.sampler_BT is None
    record = learner.update(batch, asked.objective)
    assert record["mismatch_max"] < 1e-4
    assert record["mismatch_ess"] == pytest.approx(1, abs=1e-6)
    assert record["mismatch_cut"] == 0
