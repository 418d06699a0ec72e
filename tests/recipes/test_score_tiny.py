"""SCoRe on a tiny model: it learns, resumes to the bit, and holds what it should hold where it was."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agentrl.collect.retry import FIRST, is_lent
from agentrl.episodes import Sampling
from agentrl.learn.learner import Batch, Learner, Optim
from agentrl.learn.loop import Settings
from agentrl.learn.objectives import Terms, WeightedLikelihood
from agentrl.policies.transformers import TransformersPolicy
from agentrl.recipes import resume, score, train
from agentrl.recipes._shared import EnvSpec, EvalSpec, Trainee
from agentrl.render import ByteTokenizer, Renderer
from agentrl.replay import differences, env_of
from agentrl.store import Run
from agentrl.types import Message, Trajectory
from tests.recipes.conftest import Teach

LETTERS = "abcd"
INSIDE = """
from agentrl.environment import SingleTurnEnv
from agentrl.types import Task, Verdict
class Letters(SingleTurnEnv):
    def tasks(self, split):
        return [Task.ask(x, x.upper(), x) for x in "abcd"]
    def verdict(self, task, transcript):
        right = transcript.reply == task.answer
        return Verdict(float(right), "correct" if right else "incorrect", answer=transcript.reply)
"""


@pytest.fixture(scope="module")
def beginner(taught: Teach) -> Any:
    """A tiny llama that answers twice with letters; the first is right more often than chance, the second is not."""
    model = taught([(asked.upper(), said, 1.0) for asked in LETTERS for said in LETTERS], 1)
    renderer, rows = Renderer(ByteTokenizer()), []
    for asked in LETTERS:
        for said in LETTERS:
            for again in LETTERS:
                talk = renderer.start((Message("user", asked.upper()),))
                opening = len(talk.ids)
                talk.reply([ord(said), 257])
                talk.observe((Message("user", "?"),))
                ids = np.array([*talk.ids, ord(again), 257], np.int64)
                mask = np.zeros(len(ids), np.bool_)
                mask[[opening, opening + 1, -2, -1]] = True
                numbers = np.zeros(len(ids), np.int32)
                row = Trajectory(ids, mask, np.zeros(len(ids), np.float32), ("",) * len(ids), numbers, numbers)
                rows.append((row, (1.0 + (said == asked)) * (1.0 + (said == again))))
    weight_BT = np.array([row.mask * weight for row, weight in rows]) / len(rows)
    learner = Learner(model, Optim(lr=1e-2), total_steps=50)
    for _ in range(50):
        learner.update(Batch(tuple(row for row, _ in rows), weight_BT, np.ones_like(weight_BT)), WeightedLikelihood())
    return model


@pytest.fixture
def config(beginner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., score.Config]:
    """`config(steps, **settings)`: of a run with the tiny model."""

    def opened(spec: Any, optim: Optim, packing: Any, **rest: Any) -> Trainee:
        model = copy.deepcopy(beginner)
        model.config.max_position_embeddings = 1024  # what it was not taught it may see, too
        frozen = copy.deepcopy(model) if rest["reference"] == "initial" else None
        learner = Learner(model, optim, total_steps=rest["total_steps"], packing=packing, reference=frozen)
        return Trainee(TransformersPolicy(model, Renderer(ByteTokenizer())), learner)

    monkeypatch.setattr(score, "open_trainee", opened)
    monkeypatch.setattr(Trainee, "save", lambda self, run: None)
    (tmp_path / "letters.py").write_text(INSIDE)
    options = {"env": str(tmp_path / "letters.py"), "again": "?"}

    def make(steps: int = 24, **settings: Any) -> score.Config:
        return replace(
            score.Config(
                env=EnvSpec("self_correction", options),
                sampling=Sampling(max_tokens=3),
                optim=Optim(lr=2e-3),
                loop=Settings(steps=steps, checkpoint_every=2),
                eval=EvalSpec(n=4, samples=4, temperature=1.0),
                tasks=4,
                samples=8,
            ),
            **settings,
        )

    return make


def steps_of(result: Any) -> list[dict[str, Any]]:
    return [m for m in result.metrics if m["kind"] == "train"]


def test_the_second_attempt_learns_first(config: Callable[..., score.Config], tmp_path: Path) -> None:
    steps = steps_of(train("score", config(32), run=tmp_path / "run"))
    assert [m["stage"] for m in steps] == ["I"] * 16 + ["II"] * 16
    early, middle, late = (steps[i : i + 4] for i in (0, 12, 28))

    def mean(records: list[dict[str, Any]], name: str) -> float:
        return float(np.mean([m[name] for m in records]))

    assert mean(early, "acc@t2") < 0.5
    assert mean(middle, "acc@t2") > mean(early, "acc@t2") + 0.2
    assert mean(late, "acc@t2") > 0.85
    assert mean(late, "acc@t1") > mean(middle, "acc@t1")
    assert mean(middle, "kl_first_attempt") < mean(middle, "kl_retry")


def test_the_evaluation_says_what_correction_is_worth(config: Callable[..., score.Config], tmp_path: Path) -> None:
    made = config(2)
    made = replace(made, loop=replace(made.loop, eval_every=2))
    first, last = train("score", made, run=tmp_path / "run").evals
    for record in (first, last):
        figures = record["correction"]["figures"]
        assert (record["correction"]["turns"], record["correction"]["samples"]) == (2, 4)
        assert figures["delta(t1,t2)"]["mean"] == pytest.approx(figures["acc@t2"]["mean"] - figures["acc@t1"]["mean"])
        assert record["pass_at"]["1"]["mean"] == figures["acc@t2"]["mean"]


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def test_a_killed_run_ends_like_an_uninterrupted_one(
    config: Callable[..., score.Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before writes that are made durable, in both stages, with first attempts of the initial model mixed in."""
    made = config(6, reference_share=0.25, samples=4)
    straight = train("score", made, run=tmp_path / "straight")
    assert 0 < sum(m["lent"] for m in steps_of(straight)) < 6
    left, real = [0], os.fsync

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    run, killed, metrics = tmp_path / "killed", 0, None
    for count in (5, 6, 9, 12, 17, 14, 23, 21, 1000):  # the first four make the folder
        left[0] = count
        try:
            metrics = (resume(run) if (run / "run.json").exists() else train("score", made, run=run)).metrics
            break
        except Killed:
            killed += 1
    assert metrics is not None
    assert killed > 4
    bare = [[{k: v for k, v in m.items() if k != "seconds"} for m in found] for found in (straight.metrics, metrics)]
    assert json.dumps(bare[0]) == json.dumps(bare[1])
    first, second = Run.open(tmp_path / "straight"), Run.open(run)
    assert first.shards() == second.shards()
    assert all(first.read(shard) == second.read(shard) for shard in first.shards())
    folders = [folder / "checkpoints/step_000006" for folder in (first.path, second.path)]
    for file in sorted(folders[0].iterdir()):
        assert file.read_bytes() == (folders[1] / file.name).read_bytes(), file.name


def test_a_single_turn_environment_is_wrapped_and_the_run_replays(
    config: Callable[..., score.Config], tmp_path: Path
) -> None:
    plain = replace(config(1), env=EnvSpec("arithmetic", {"shots": 0}), sampling=Sampling(max_tokens=2), samples=2)
    run = Run.open(train("score", plain, run=tmp_path / "run").run)
    id, options = env_of(run.config)
    assert id == "self_correction"
    assert isinstance(options, dict)
    assert options["env"] == "arithmetic"
    env = EnvSpec(id, options).make()
    rollouts = run.read("train/step_000000")
    assert [len([n for n in r.nodes if n.is_policy]) for r in rollouts] == [2] * 8
    assert [differences(r, env) for r in rollouts] == [[]] * 8
    assert resume(run.path).steps == 1


def _batch(config: score.Config, model: Any, step: int, folder: Path) -> tuple[score.Config, Batch, Learner]:
    """What the step of a run learns from, under a reference that has moved away."""
    run = Run.open(train("score", config, run=folder).run)
    reference = copy.deepcopy(model)
    with torch.no_grad():
        noise = torch.Generator().manual_seed(0)
        for parameter in reference.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=noise)
    learner = Learner(copy.deepcopy(model), Optim(lr=0.1), total_steps=1, reference=reference)
    batch, _ = score.credit(config, step, run.read(f"train/step_{step:06d}"), score.reference_of(config, learner))
    assert batch is not None
    return config, replace(batch, adv_BT=np.zeros_like(batch.adv_BT)), learner


@pytest.mark.parametrize("stage", ["I", "II"])
def test_the_divergence_pulls_on_tagged_tokens_only(
    stage: str, config: Callable[..., score.Config], beginner: Any, tmp_path: Path
) -> None:
    """With beta1 = 0: on the first attempt in stage I, nowhere in stage II."""
    made = config(1, beta1=0.0, beta2=1.0, stage1=float(stage == "I"))
    made, batch, _ = _batch(made, beginner, 0, tmp_path / "run")
    if stage == "II":
        assert batch.kl_BT is None
        return
    assert batch.kl_BT is not None
    assert batch.ref_BT is not None
    logp_BT = torch.zeros(batch.weight_BT.shape, dtype=torch.float64, requires_grad=True)
    arrays = (batch.weight_BT, batch.adv_BT, batch.ref_BT, batch.kl_BT)
    weight_BT, adv_BT, ref_BT, kl_BT = map(torch.from_numpy, arrays)
    terms = Terms(logp_BT=logp_BT, weight_BT=weight_BT, adv_BT=adv_BT, ref_BT=ref_BT, kl_BT=kl_BT)
    made.objective.loss(terms).loss.backward()  # type: ignore[no-untyped-call]
    assert logp_BT.grad is not None
    for b, t in enumerate(batch.trajectories):
        pulled = (logp_BT.grad[b, : len(t)] != 0).numpy()
        assert (pulled == (t.mask & (np.array(t.tags) == FIRST))).all()


def test_the_pull_of_stage_one_is_as_if_there_were_no_second_attempt(
    config: Callable[..., score.Config], beginner: Any, tmp_path: Path
) -> None:
    """Cut off behind the first attempt, the episodes have the same gradient; with beta1 they have another."""
    found = {}
    for beta1 in (0.0, 1.0):
        made, batch, learner = _batch(
            config(1, beta1=beta1, beta2=1.0, stage1=1.0), beginner, 0, tmp_path / f"run{beta1}"
        )
        ends = [int(np.flatnonzero(t.mask & (t.turn == 0))[-1]) + 1 for t in batch.trajectories]
        short = tuple(
            Trajectory(t.token_ids[:n], t.mask[:n], t.logprobs[:n], t.tags[:n], t.turn[:n], t.version[:n])
            for t, n in zip(batch.trajectories, ends, strict=True)
        )
        other = Learner(copy.deepcopy(beginner), Optim(lr=0.1), total_steps=1)
        whole, cut = learner.update(batch, made.objective), other.update(_narrow(batch, short), made.objective)
        found[beta1] = whole["grad_norm"], cut["grad_norm"]
    assert found[0.0][0] > 1e-3
    assert found[0.0][0] == pytest.approx(found[0.0][1], rel=1e-4)
    assert found[1.0][0] != pytest.approx(found[1.0][1], rel=1e-2)


def _narrow(batch: Batch, short: tuple[Trajectory, ...]) -> Batch:
    width = max(map(len, short))
    mask_BT = np.zeros((len(short), width), dtype=np.bool_)
    for b, t in enumerate(short):
        mask_BT[b, : len(t)] = True
    assert batch.kl_BT is not None
    assert batch.ref_BT is not None
    return Batch(
        short,
        np.where(mask_BT, batch.weight_BT[:, :width], 0.0),
        batch.adv_BT[:, :width],
        kl_BT=batch.kl_BT[:, :width],
        ref_BT=batch.ref_BT[:, :width],
    )


def test_lent_first_attempts_are_the_initial_models_and_are_not_learnt(
    config: Callable[..., score.Config], tmp_path: Path
) -> None:
    """All of them lent: a run in which the first attempt learns nothing, however long, and says what it said."""
    made = config(6, reference_share=1.0, stage1=0.0)
    run = Run.open(train("score", made, run=tmp_path / "run").run)
    for step in (0, 5):
        rollouts = run.read(f"train/step_{step:06d}")
        assert all(is_lent(r) for r in rollouts)
        batch, metrics = score.credit(made, step, rollouts, lambda ts: np.zeros((len(ts), max(map(len, ts)))))
        assert batch is not None
        assert all(
            set(t.turn[batch.weight_BT[b, : len(t)] > 0].tolist()) == {1} for b, t in enumerate(batch.trajectories)
        )
        assert "acc@t1" not in metrics
        assert metrics["lent"] == 1
