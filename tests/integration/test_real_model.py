"""The main job on the embedded model: sampling agrees with transformers, and a short training run learns."""

from pathlib import Path
from typing import Any

import pytest
import torch

import agentrl
from agentrl.environment import Env
from agentrl.episodes import Plan, Sampling, choose_tasks, collect, copies, run_sync
from agentrl.evaluation.summary import compare
from agentrl.learn.pack import pack
from agentrl.learn.scorer import score
from agentrl.policies.transformers import TransformersPolicy
from agentrl.policies.transformers import open as open_transformers
from agentrl.store import Run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def policy() -> Any:
    opened = open_transformers("smollm2-135m", precision="fp32", device="cpu")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def env() -> Env:
    return agentrl.make("arithmetic", level=2)


def test_greedy_text_equals_generate(policy: TransformersPolicy, env: Env) -> None:
    tasks = choose_tasks(env, "test", 6, seed=1)
    ours = run_sync(
        collect(copies(env), policy, Plan(tasks, 2), sampling=Sampling(max_tokens=24, temperature=0))
    ).rollouts
    for rollout in ours:
        prompt, drawn = rollout.nodes[0].token_ids, rollout.nodes[1].token_ids
        out = policy.model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=24,
        )
        assert tuple(out[0, len(prompt) :].tolist()) == drawn


def test_sampled_logprobs_equal_the_learners(policy: TransformersPolicy, env: Env) -> None:
    tasks = choose_tasks(env, "test", 6, seed=2)
    rollouts = run_sync(collect(copies(env), policy, Plan(tasks, 4, seed=3), sampling=Sampling(max_tokens=24))).rollouts
    trajectories = [r.trajectory() for r in rollouts]
    for packed in pack(trajectories):
        with torch.no_grad():
            logp_BT = score(policy.model, packed).logp_BT
        for row, index in enumerate(packed.rows):
            mask = torch.from_numpy(trajectories[index].mask)
            drawn = torch.from_numpy(trajectories[index].logprobs)[mask]
            torch.testing.assert_close(logp_BT[row, : len(mask)][mask], drawn, atol=2e-4, rtol=1e-4)


def test_a_short_run_learns(tmp_path: Path) -> None:
    settings = {
        "tasks": 16,
        "samples": 8,
        "env": {"id": "arithmetic", "options": {"level": 2}},
        "sampling": {"max_tokens": 24},
        "optim": {"lr": 3e-5, "warmup_steps": 3},
        "loop": {"steps": 20, "eval_every": 20, "checkpoint_every": 0},
        "eval": {"n": 300},
    }
    result = agentrl.train("grpo", settings, run=tmp_path / "run")
    run = Run.open(result.run)
    before, after = run.read("eval/step_000000"), run.read("eval/step_000020")
    change = compare(before, after)
    assert change.pass_at[1].difference.low > 0, change
    assert (run.path / "model" / "model.safetensors").is_file()
    learnt = agentrl.evaluate("arithmetic", str(run.path / "model"), n=100, sampling=Sampling(max_tokens=24))
    assert learnt.summary.format_rate > 0.9
