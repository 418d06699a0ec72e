"""The loop: killed wherever it stands and resumed, it ends as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import CheckpointError, ConfigError, StoreError
from agentrl.learn.loop import Loop, Parts, Settings
from agentrl.learn.objectives import PolicyGradient
from agentrl.store import Run

STEPS = 6

# One process imports torch and forks a run after another: a run takes a fraction of a second, imports take several.
DRIVER = f"""
import copy, json, os, random, signal, sys, time, zlib
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from agentrl.environment import SingleTurnEnv
from agentrl.episodes import Plan, Sampling, collect, copies, run_sync
from agentrl.learn.learner import Learner, Optim, Packing
from agentrl.learn.loop import Loop, Parts, Settings
from agentrl.policies.transformers import TransformersPolicy
from agentrl.recipes.grpo import Config, credit
from agentrl.render import ByteTokenizer, Renderer
from agentrl.store import Run
from agentrl.types import Task, Verdict


def judge(task, transcript):
    share = sum(c < "\\x40" for c in transcript.reply) / max(1, len(transcript.reply))
    return Verdict(share, "correct" if share == 1 else "partial", seconds=random.random())


class Digits(SingleTurnEnv):
    verifier = staticmethod(judge)

    def tasks(self, split):
        return [Task.ask(f"{{split}}/{{i}}", str(i), None) for i in range(5)]


def train(folder, kill):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=258, initializer_range=0.2, **sizes)).to(torch.bfloat16)
    config = Config(tasks=3, samples=4, sampling=Sampling(max_tokens=4), kl=0.1)
    optim = Optim(lr=1e-3, schedule="linear")
    learner = Learner(model, optim, total_steps={4 * STEPS}, reference=copy.deepcopy(model))
    policy, env = TransformersPolicy(model, Renderer(ByteTokenizer())), Digits()

    def gather(step, split="train", samples=4):
        plan = Plan(tuple(env.all_tasks(split)[:3]), samples, 0, step)
        return run_sync(collect(copies(env), policy, plan, sampling=config.sampling))

    def batch(step, rollouts):
        if kill == ("batch", step):
            os.kill(os.getpid(), signal.SIGKILL)  # committed, and no checkpoint yet
        return credit(config, rollouts)

    parts = Parts(
        collect=gather,
        batch=batch,
        objective=config.objective,
        publish=lambda version: setattr(policy, "version", version),
        evaluate=lambda: gather(99, "test", 1).rollouts,
        summarise=lambda rollouts: {{"reward": sum(r.reward for r in rollouts) / len(rollouts)}},
    )
    settings = Settings(steps={STEPS}, eval_every=2, checkpoint_every=2, epochs=2, splits=2)
    Loop(Run.open(folder), learner, parts, settings, config="c")()
    policy.close()


def attempt(folder, kill=None, delay=None):
    \"\"\"Run in a child; whether it came to its end.\"\"\"
    child = os.fork()
    if child == 0:
        if kill is not None and kill[0] == "fsync":
            left, real = kill[1], os.fsync

            def fsync(descriptor):
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(descriptor)

            os.fsync = fsync
        train(folder, kill)
        os._exit(0)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == 0


def sums(folder):
    return {{str(p): zlib.crc32(p.read_bytes()) for p in (folder / "rollouts").rglob("*.jsonl")}}


root, how = Path(sys.argv[1]), sys.argv[2]
Run.create(root / "straight", {{}})
started = time.monotonic()
assert attempt(root / "straight")
length = time.monotonic() - started
folder, kills, committed, done, rng = None, 0, {{}}, True, random.Random(0)
plan = {{
    "random": lambda n: (None, rng.uniform(0.2, 0.8) * length) if n < 6 else (None, None),
    "batch": lambda n: (("batch", (3, 4, 4)[n]), None) if n < 3 else (None, None),
    "fsync": lambda n: (("fsync", n + 1), None),  # before each write that is made durable, in turn
}}[how]
while True:
    if done:  # the first time, or the machine was faster than the delay
        folder, committed = Run.create(root / f"killed{{kills}}", {{}}).path, {{}}
    kill, delay = plan(kills)
    done = attempt(folder, kill, delay)
    found = sums(folder)
    assert all(found.get(name) == crc for name, crc in committed.items()), "a committed shard was lost or rewritten"
    committed |= found
    if done and (how == "fsync" or plan(kills) == (None, None)):
        break
    kills += 1
print(json.dumps({{"kills": kills, "folder": str(folder)}}))
"""


def _same(first: Run, second: Run) -> None:
    """Equal to the bit, apart from how long things took."""
    assert first.shards() == second.shards()
    for shard in first.shards():
        rollouts = first.read(shard)
        assert rollouts == second.read(shard)  # `seconds` are not compared
        assert len({r.id for r in rollouts}) == len(rollouts)
    metrics = [[{k: v for k, v in m.items() if k != "seconds"} for m in run.metrics()] for run in (first, second)]
    assert json.dumps(metrics[0]) == json.dumps(metrics[1])
    assert [(m["kind"], m["step"]) for m in metrics[0]] == [
        (kind, step)
        for step in range(STEPS + 1)
        for kind in ("eval", "train")
        if (step % 2 == 0 if kind == "eval" else step < STEPS)
    ]
    names = [
        sorted(str(p.relative_to(run.path)) for p in (run.path / "checkpoints").rglob("*")) for run in (first, second)
    ]
    assert names[0] == names[1]
    for name in names[0]:
        if (first.path / name).is_file():
            assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name


@pytest.mark.parametrize(("how", "kills"), [("random", 5), ("batch", 3), ("fsync", 8)])
def test_a_killed_run_ends_like_an_uninterrupted_one(tmp_path: Path, how: str, kills: int) -> None:
    command = [sys.executable, "-c", DRIVER, str(tmp_path), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["kills"] >= kills
    _same(Run.open(tmp_path / "straight"), Run.open(result["folder"]))


@pytest.fixture
def loop(tiny: Any, group: Any, batch_of: Any, learner_of: Any, tmp_path: Path) -> Any:
    """`loop(settings, teach, config)`: a loop that learns from data at hand, in one folder."""

    def make(settings: Settings, *, teach: bool = True, config: str = "c", report: Any = None) -> Loop:
        run = Run.open(tmp_path / "run") if (tmp_path / "run").exists() else Run.create(tmp_path / "run", {})
        parts = Parts(
            batch=lambda step, rollouts: (
                batch_of(group(1, 2, seed=step)) if teach else None,
                {"rollouts": len(rollouts)},
            ),
            objective=PolicyGradient(),
            publish=lambda version: published.append(version),
        )
        return Loop(run, learner_of(tiny(), total=4), parts, settings, config=config, report=report)

    published: list[int] = []
    make.published = published  # type: ignore[attr-defined]
    return make


def test_a_recipe_without_collector_learns_from_data_at_hand(loop: Any) -> None:
    seen: list[Any] = []
    made = loop(Settings(steps=3, checkpoint_every=0), report=seen.append)
    result = made()
    assert result.metrics == seen
    assert [(m["kind"], m["step"], m["rollouts"]) for m in seen] == [("train", s, 0) for s in range(3)]
    assert all(m["seconds"].keys() == {"collect", "learn"} for m in seen)
    assert loop.published == [0, 1, 2, 3]
    assert result.evals == []
    assert result.steps == 3
    assert [p.name for p in (result.run / "checkpoints").iterdir()] == ["step_000003"]


def test_a_step_without_a_batch_is_logged_and_teaches_nothing(loop: Any) -> None:
    made = loop(Settings(steps=2), teach=False)
    before = [p.detach().clone() for p in made.learner.model.parameters()]
    assert [set(m) for m in made().metrics] == [{"kind", "step", "rollouts", "seconds"}] * 2
    assert all(bool((a == b).all()) for a, b in zip(before, made.learner.model.parameters(), strict=True))
    assert loop.published == [0]


def test_a_finished_run_is_left_as_it_is(loop: Any) -> None:
    first = loop(Settings(steps=2))()
    assert loop(Settings(steps=2))().metrics == first.metrics


def test_another_configuration_does_not_resume(loop: Any) -> None:
    loop(Settings(steps=1))()
    with pytest.raises(CheckpointError, match="another configuration"):
        loop(Settings(steps=1), config="d")()


def test_two_loops_do_not_write_one_run(loop: Any) -> None:
    made = loop(Settings(steps=1))
    with made.run.writer(), pytest.raises(StoreError, match="another process"):
        made()


@pytest.mark.parametrize("name", ["steps", "keep_checkpoints", "epochs", "splits"])
def test_settings_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings(**{name: 0})
    with pytest.raises(ConfigError, match="eval_every"):
        Settings(eval_every=-1)
