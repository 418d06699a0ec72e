"""Evaluate a policy in an environment: the one part of evaluation that collects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentrl import registry
from agentrl.environment import Env
from agentrl.episodes import Plan, Policy, Sampling, choose_tasks, collect, copies, run_sync
from agentrl.errors import UsageError
from agentrl.evaluation.summary import Summary, summarise
from agentrl.policies import open_policy
from agentrl.store import Run
from agentrl.types import Rollout, Split

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A summary and the rollouts it was made of."""

    summary: Summary
    rollouts: tuple[Rollout, ...]

    def __str__(self) -> str:
        return str(self.summary)


def evaluate(  # noqa: PLR0913  # a public entry point: each is a thing to ask for, by keyword
    env: str | Env,
    policy: str | Policy,
    *,
    n: int | None = 200,
    samples: int = 1,
    k: Sequence[int] = (1,),
    seed: int = 0,
    split: Split = "test",
    sampling: Sampling | None = None,
    run: Run | None = None,
    shard: str = "eval/eval",
    progress: Callable[[Rollout], None] | None = None,
) -> Evaluation:
    """Draw `samples` episodes of each of `n` tasks and average them by task.

    Args:
        env: An environment's id, or an environment.
        policy: A policy, or what `agentrl.policies.open_policy` takes; one opened here is closed here.
        n: Number of tasks; None for the whole split.
        samples: Episodes a task.
        k: For which k to estimate pass@k; none above `samples`.
        seed: Chooses the tasks and names the random streams.
        split: Where the tasks come from.
        sampling: How to draw.
        run: Where to store the rollouts, if anywhere.
        shard: Under which name.
        progress: Called after each episode.

    Raises:
        UsageError: A k is above `samples`, or n or samples below 1.
        UnscorableError: Too many tasks could not be scored.
    """
    _check(n, samples, k)
    sampling = sampling or Sampling()
    first = registry.make(env) if isinstance(env, str) else env
    plan = Plan(choose_tasks(first, split, n, seed), samples, seed)
    opened = open_policy(policy) if isinstance(policy, str) else policy
    try:
        found = run_sync(collect(copies(first), opened, plan, sampling=sampling, on_done=progress))
    finally:
        if isinstance(policy, str):
            opened.close()
    if run is not None:
        run.commit(shard, found.rollouts)
    summary = summarise(found.rollouts, k, dropped=found.dropped_groups)
    return Evaluation(summary, found.rollouts)


def _check(n: int | None, samples: int, k: Sequence[int]) -> None:
    if n is not None and n < 1:
        raise UsageError(f"n must be at least 1 task, got {n}")
    if samples < 1:
        raise UsageError(f"samples must be at least 1 a task, got {samples}")
    for each in k:
        if not 1 <= each <= samples:
            raise UsageError(f"pass@{each} needs at least {max(each, 1)} samples a task, got samples={samples}")
