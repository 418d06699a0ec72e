"""The one resumable loop: collect, score, credit, pack, update, checkpoint, log.

A recipe supplies the parts. The run folder alone says where a run stands: a step whose rollouts are committed is
learnt from without collecting again, a step that was torn is collected again whole, and weights come from the last
complete checkpoint. Randomness is named by (seed, step), never by what happened before, so on a CPU a resumed run
equals an uninterrupted one to the bit (the `seconds` of its records apart). That holds for canaries too: what the
comparison of their groups knows, it reads from the metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.canaries import Canaries
from agentrl.episodes import Collection
from agentrl.errors import ConfigError, UnscorableError
from agentrl.learn import checkpoint
from agentrl.learn.learner import Batch, Learner, Objective
from agentrl.store import Run
from agentrl.types import Rollout

__all__ = ["Loop", "Parts", "Result", "Settings"]

Metrics = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How long the loop runs and what it writes when."""

    steps: int = 100
    """Steps of collecting and learning."""
    eval_every: int = 0
    """Evaluate before the first step, every so many, and after the last; 0 never."""
    checkpoint_every: int = 10
    """Write a checkpoint every so many steps and after the last; 0 only after the last."""
    keep_checkpoints: int = 1
    """How many to keep."""
    epochs: int = 1
    """Passes over each step's batch."""
    splits: int = 1
    """Optimiser steps a pass."""

    @property
    def updates(self) -> int:
        """Optimiser steps of a whole run."""
        return self.steps * self.epochs * self.splits

    def __post_init__(self) -> None:
        if min(self.steps, self.keep_checkpoints, self.epochs, self.splits) < 1:
            raise ConfigError("loop.steps, keep_checkpoints, epochs and splits must be at least 1")
        if min(self.eval_every, self.checkpoint_every) < 0:
            raise ConfigError("loop.eval_every and checkpoint_every must be 0 or more")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a recipe supplies.

    Attributes:
        collect: The rollouts of a step; None for a recipe that learns from data at hand.
        batch: Scores and credit: what to learn from a step's rollouts (None: nothing), and metrics.
        objective: The loss.
        publish: Hands the learner's weights, with their version, to whoever samples.
        evaluate: Rollouts on held-out tasks; None for no evaluation.
        summarise: Metrics of such rollouts.
        canaries: Takes the canaries out of what was collected; None for a run without.
    """

    batch: Callable[[int, Sequence[Rollout]], tuple[Batch | None, Metrics]]
    objective: Objective
    publish: Callable[[int], None]
    collect: Callable[[int], Collection] | None = None
    evaluate: Callable[[], Sequence[Rollout]] | None = None
    summarise: Callable[[Sequence[Rollout]], Metrics] | None = None
    canaries: Canaries | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a recipe returns.

    Attributes:
        run: The run folder.
        steps: Steps done, over all sessions.
        metrics: Every record of metrics.jsonl.
    """

    run: Path
    steps: int
    metrics: list[Metrics]

    @property
    def evals(self) -> list[Metrics]:
        """The evaluation records, in order of steps."""
        return [m for m in self.metrics if m["kind"] == "eval"]


class Loop:
    """Runs a recipe's parts in a run folder.

    Args:
        run: The folder; one that holds steps already is continued.
        learner: Updates the weights.
        parts: From the recipe.
        settings: How long, and what is written when.
        config: Digest of the resolved configuration.
        report: Called with each metrics record.
    """

    def __init__(
        self,
        run: Run,
        learner: Learner,
        parts: Parts,
        settings: Settings,
        *,
        config: str,
        report: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.run = run
        self.learner = learner
        self.parts = parts
        self.settings = settings
        self.config = config
        self.report = report or (lambda record: None)

    def __call__(self) -> Result:
        """Run to the end, from wherever the folder stands."""
        with self.run.writer():
            first = self._resume()
            for step in range(first, self.settings.steps):
                self._evaluate(step)
                self._step(step)
                self._checkpoint(step + 1)
            self._evaluate(self.settings.steps)
        return Result(self.run.path, self.settings.steps, self.run.metrics())

    def _resume(self) -> int:
        found = checkpoint.latest(self.run.path / "checkpoints")
        first = 0 if found is None else checkpoint.restore(found, self.learner, config=self.config).step
        # What the lost steps logged is logged again; their committed rollouts are used again.
        self.run.rewind_metrics(lambda record: record["step"] < first)
        self.parts.publish(self.learner.steps)
        if self.parts.canaries is not None:
            for record in self.run.metrics():
                self.parts.canaries.see(record)
            if first == 0 and (doubt := self.parts.canaries.doubt(self.settings.steps)):
                self._log("warning", 0, {"message": doubt}, {})
        return first

    def _step(self, step: int) -> None:
        started = time.perf_counter()
        rollouts = self._collect(step)
        collected = time.perf_counter()
        batch, record = self.parts.batch(step, rollouts)
        if batch is not None:
            settings = self.settings
            learnt = self.learner.update(batch, self.parts.objective, epochs=settings.epochs, splits=settings.splits)
            self.parts.publish(self.learner.steps)
            record |= learnt
        done = time.perf_counter()
        canaries = self.parts.canaries
        if canaries is not None:
            record |= canaries.metrics(self.run, _shard(step))
        self._log("train", step, record, {"collect": collected - started, "learn": done - collected})
        if canaries is not None and (report := canaries.see({"step": step, **record})):
            self._log("warning", step, {"message": report}, {})

    def _collect(self, step: int) -> Sequence[Rollout]:
        if self.parts.collect is None:
            return ()
        shard = _shard(step)
        if not self.run.has(shard):
            rollouts: Sequence[Rollout] = self.parts.collect(step).rollouts
            if self.parts.canaries is not None:  # stored first: the other shard says that the step is whole
                rollouts = self.parts.canaries.split(self.run, shard, rollouts)
                if not rollouts:
                    raise UnscorableError(f"step {step}: no group could be scored, the canaries apart")
            self.run.commit(shard, rollouts)
        # Read back even what was just collected: a resumed run learns from the very same records.
        return self.run.read(shard)

    def _evaluate(self, step: int) -> None:
        every, parts = self.settings.eval_every, self.parts
        last = step == self.settings.steps
        if not every or parts.evaluate is None or parts.summarise is None or (step % every and not last):
            return
        started = time.perf_counter()
        shard = f"eval/step_{step:06d}"
        if not self.run.has(shard):
            self.run.commit(shard, parts.evaluate())
        self._log("eval", step, parts.summarise(self.run.read(shard)), {"evaluate": time.perf_counter() - started})

    def _checkpoint(self, done: int) -> None:
        settings = self.settings
        if done == settings.steps or (settings.checkpoint_every and done % settings.checkpoint_every == 0):
            folder = self.run.path / "checkpoints"
            checkpoint.save(folder, self.learner, step=done, config=self.config, keep=settings.keep_checkpoints)

    def _log(self, kind: str, step: int, metrics: Metrics, seconds: Mapping[str, float]) -> None:
        record = {
            "kind": kind,
            "step": step,
            **metrics,
            "seconds": {k: round(v, 3) for k, v in seconds.items()},
        }
        self.run.log(record)
        self.report(record)


def _shard(step: int) -> str:
    return f"train/step_{step:06d}"
