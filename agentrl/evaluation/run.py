"""Evaluate a policy in an environment: the one part of evaluation that collects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentrl import registry
from agentrl.environment import Env
from agentrl.episodes import Plan, Policy, Sampling, choose_tasks, collect, copies, run_sync
from agentrl.errors import UsageError
from agentrl.evaluation.attempts import Feedback, attempts_of, check_attempts, correction, retried
from agentrl.evaluation.correction import Correction
from agentrl.evaluation.summary import Summary, summarise
from agentrl.policies import open_policy
from agentrl.store import Run
from agentrl.types import Rollout, Split

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A summary and the rollouts it was made of.

    Attributes:
        summary: Of the episodes as a whole.
        rollouts: Of the tasks that could be scored.
        turns: How many attempts of an episode were looked at.
        correction: What the attempts after the first are worth; None where `turns` is 1.
    """

    summary: Summary
    rollouts: tuple[Rollout, ...]
    turns: int = 1
    correction: Correction | None = None

    def __str__(self) -> str:
        return "\n\n".join(str(part) for part in (self.summary, self.correction) if part is not None)


def evaluate(  # noqa: PLR0913  # a public entry point: each is a thing to ask for, by keyword
    env: str | Env,
    policy: str | Policy,
    *,
    n: int | None = 200,
    samples: int = 1,
    turns: int = 1,
    feedback: Feedback = "none",
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
        turns: Above 1, how many attempts of each episode to look at. An environment of a single turn, given by its
            id, is put into `self_correction`; one of several turns must give a verdict on each reply.
        feedback: What an environment that is put into `self_correction` says between two attempts.
        k: For which k to estimate pass@k; none above `samples`.
        seed: Chooses the tasks and names the random streams.
        split: Where the tasks come from.
        sampling: How to draw.
        run: Where to store the rollouts, if anywhere.
        shard: Under which name.
        progress: Called after each episode.

    Raises:
        UsageError: A k is above `samples`, n, samples or turns are below 1, or the environment does not make so many
            attempts.
        UnscorableError: Too many tasks could not be scored.
    """
    _check(n, samples, turns, k)
    sampling = sampling or Sampling()
    first = _opened(env, turns, feedback)
    plan = Plan(choose_tasks(first, split, n, seed), samples, seed)
    opened = open_policy(policy) if isinstance(policy, str) else policy
    try:
        found = run_sync(collect(copies(first), opened, plan, sampling=sampling, on_done=_watched(progress, turns)))
    finally:
        if isinstance(policy, str):
            opened.close()
    if run is not None:
        run.commit(shard, found.rollouts)
    summary = summarise(found.rollouts, k, dropped=found.dropped_groups)
    tried = correction(found.rollouts, turns=turns, k=k, dropped=found.dropped_groups) if turns > 1 else None
    return Evaluation(summary, found.rollouts, turns, tried)


def _opened(env: str | Env, turns: int, feedback: Feedback) -> Env:
    if isinstance(env, str):
        id, options = retried(env, {}, turns=turns, feedback=feedback)
        return registry.make(id, **options)
    if feedback != "none":
        raise UsageError("feedback goes with an environment given by its id; give one that is made already its own")
    check_attempts(env, turns)
    return env


def _watched(progress: Callable[[Rollout], None] | None, turns: int) -> Callable[[Rollout], None]:
    """Tell of an episode; where its replies have no verdicts each, stop after the first episode and not the last."""

    def done(rollout: Rollout) -> None:
        if turns > 1 and rollout.scored:
            attempts_of(rollout)
        if progress is not None:
            progress(rollout)

    return done


def _check(n: int | None, samples: int, turns: int, k: Sequence[int]) -> None:
    if n is not None and n < 1:
        raise UsageError(f"n must be at least 1 task, got {n}")
    if samples < 1:
        raise UsageError(f"samples must be at least 1 a task, got {samples}")
    if turns < 1:
        raise UsageError(f"turns must be at least 1 attempt, got {turns}")
    for each in k:
        if not 1 <= each <= samples:
            raise UsageError(f"pass@{each} needs at least {max(each, 1)} samples a task, got samples={samples}")
