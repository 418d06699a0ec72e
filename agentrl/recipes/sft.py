"""Supervised fine-tuning: likelihood of given replies, on the tokens of assistant messages.

Learns from a JSONL file (rows with `messages`, or `prompt` and `completion`), or from the successful rollouts of a
run folder: with `agentrl rollout` before it, that is one round of rejection sampling.

Equation: `learn/objectives.py`, WeightedLikelihood, averaged over the batch's tokens.

Covered: several assistant turns a row, all of them trained; a weight a row (`weight`, default 1).
Not covered: packing of unrelated rows into one sequence, streaming of files larger than memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agentrl import config as configs
from agentrl.data import read_jsonl
from agentrl.episodes import Sampling
from agentrl.errors import ConfigError, DataError
from agentrl.learn.learner import Batch, Optim, Packing
from agentrl.learn.loop import Loop, Metrics, Parts, Result, Settings
from agentrl.learn.objectives import WeightedLikelihood, aggregate
from agentrl.recipes import Report
from agentrl.recipes._shared import EnvSpec, EvalSpec, Evaluator, ModelSpec, Stream, open_trainee
from agentrl.render import Renderer
from agentrl.store import Run
from agentrl.types import Message, Rollout, Trajectory

__all__ = ["Config", "Example", "examples_of", "main"]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the recipe."""

    data: str = ""
    """A JSONL file, or a run folder whose successful rollouts are learnt from."""
    env: EnvSpec | None = None
    """Where to evaluate; none for no evaluation."""
    model: ModelSpec = field(default_factory=ModelSpec)
    sampling: Sampling = field(default_factory=Sampling)
    optim: Optim = field(default_factory=lambda: Optim(lr=1e-5))
    packing: Packing = field(default_factory=Packing)
    loop: Settings = field(default_factory=Settings)
    eval: EvalSpec = field(default_factory=EvalSpec)
    batch: int = 32
    """Rows a step."""
    max_length: int = 2048
    """Longer rows are an error: cutting one would teach an unfinished answer."""
    seed: int = 0
    """Shuffles the rows."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ConfigError(f"batch must be at least 1, got {self.batch}")


@dataclass(frozen=True, slots=True)
class Example:
    """One row: what is learnt, and how much it counts."""

    trajectory: Trajectory
    weight: float = 1.0


def main(config: Config, run: Run, report: Report | None = None) -> Result:
    """Train in a run folder, from wherever it stands."""
    if not config.data:
        raise ConfigError("sft needs `data`: a JSONL file, or a run folder")
    trainee = open_trainee(
        config.model,
        config.optim,
        config.packing,
        total_steps=config.loop.updates,
        seed=config.seed,
    )
    rows = Stream(examples_of(Path(config.data), trainee.policy.renderer, config.max_length), config.seed)
    evaluator = None
    if config.env is not None:
        evaluator = Evaluator(config.env.make(), trainee.policy, config.eval, config.sampling)
    parts = Parts(
        batch=lambda step, _: _batch(rows.at(step * config.batch, config.batch)),
        objective=WeightedLikelihood(),
        publish=trainee.publish,
        evaluate=evaluator.rollouts if evaluator else None,
        summarise=evaluator.summary if evaluator else None,
    )
    loop = Loop(run, trainee.learner, parts, config.loop, config=configs.digest(config), report=report)
    try:
        result = loop()
        trainee.save(run)
    finally:
        trainee.policy.close()
    return result


def examples_of(source: Path, renderer: Renderer, max_length: int) -> list[Example]:
    """Read examples from a JSONL file or a run folder.

    Raises:
        DataError: There are none, or a row has no assistant message, or is too long.
    """
    if source.is_dir():
        run = Run.open(source)
        rollouts = [r for shard in run.shards() for r in run.read(shard)]
        solved = [r for r in rollouts if r.verdict is not None and r.verdict.success]
        examples = [Example(_trajectory_of(r, renderer)) for r in solved]
    else:
        rows = read_jsonl(source)
        examples = [_example(row, f"{source}, row {n}", renderer) for n, row in enumerate(rows, start=1)]
    if not examples:
        raise DataError(f"{source} has nothing to learn from")
    for number, example in enumerate(examples, start=1):
        if len(example.trajectory) > max_length:
            raise DataError(f"{source}, row {number}: {len(example.trajectory)} tokens, the limit is {max_length}")
    return examples


def _trajectory_of(rollout: Rollout, renderer: Renderer) -> Trajectory:
    """A rollout's own ids where this model drew them; else its messages, rendered anew."""
    if rollout.provenance.renderer == renderer.fingerprint:
        return rollout.trajectory()
    return _spelled(rollout.transcript(), renderer)


def _example(row: dict[str, Any], where: str, renderer: Renderer) -> Example:
    try:
        if "messages" in row:
            messages = tuple(Message(m["role"], m["content"]) for m in row["messages"])
        else:
            messages = (Message("user", row["prompt"]), Message("assistant", row["completion"]))
        weight = float(row.get("weight", 1.0))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: needs `messages`, or `prompt` and `completion` ({error})") from error
    if not any(m.role == "assistant" for m in messages[1:]):
        raise DataError(f"{where}: has no assistant message after the first message")
    return Example(_spelled(messages, renderer), weight)


def _spelled(messages: Sequence[Message], renderer: Renderer) -> Trajectory:
    ids, drawn = renderer.spell(messages)
    return Trajectory(
        token_ids=np.asarray(ids, dtype=np.int64),
        mask=np.asarray(drawn, dtype=np.bool_),
        logprobs=np.zeros(len(ids), dtype=np.float32),
        tags=("",) * len(ids),
        turn=np.zeros(len(ids), dtype=np.int32),
        version=np.full(len(ids), -1, dtype=np.int32),
    )


def _batch(chosen: Sequence[Example]) -> tuple[Batch, Metrics]:
    mask_BT = np.zeros((len(chosen), max(len(e.trajectory) for e in chosen)), dtype=np.bool_)
    for b, example in enumerate(chosen):
        mask_BT[b, : len(example.trajectory)] = example.trajectory.mask
    weight_B1 = np.array([[e.weight] for e in chosen])
    batch = Batch(
        trajectories=tuple(e.trajectory for e in chosen),
        weight_BT=aggregate(mask_BT, "token_mean"),
        adv_BT=np.broadcast_to(weight_B1, mask_BT.shape),
    )
    return batch, {"rows": len(chosen), "length": float(mask_BT.sum() / len(chosen))}
