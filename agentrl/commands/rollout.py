"""Collect episodes of a policy in an environment into a run folder.

Example: agentrl rollout arithmetic --policy smollm2-135m -n 8 --samples 4 --env level=2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

import agentrl
from agentrl.commands._progress import ticker
from agentrl.commands._shared import console, fresh_run_path, positive
from agentrl.config import parse_flags, parse_options, to_mapping
from agentrl.episodes import Plan, Sampling, choose_tasks, collect, copies, run_sync
from agentrl.evaluation.summary import summarise
from agentrl.policies import open_policy
from agentrl.store import Run
from agentrl.types import Split


@dataclass(frozen=True)
class Flags:
    """What to collect."""

    env_id: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An environment of `agentrl list envs`, or a path to its file."""
    policy: Annotated[str, tyro.conf.arg(metavar="P")]
    """A model (smollm2-135m, a folder, a hub name), or KIND:WHAT with a kind of `agentrl list policies`."""
    n: Annotated[int, tyro.conf.arg(aliases=("-n",))] = 8
    """Number of tasks."""
    samples: int = 1
    """Episodes a task."""
    seed: int = 0
    """Chooses the tasks and names the random streams."""
    split: Split = "test"
    """Where the tasks come from."""
    env: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the environment as key=value; may be repeated."""
    sampling: Annotated[Sampling, tyro.conf.OmitArgPrefixes] = field(default_factory=Sampling)
    run: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """The run folder to make; default: a new one in runs/."""


def main(args: list[str]) -> int:
    """Collect, store, and say what came out."""
    flags = parse_flags(Flags, args, prog="agentrl rollout", description=__doc__)
    positive("-n", flags.n)
    positive("--samples", flags.samples)
    env = agentrl.make(flags.env_id, **parse_options(flags.env))
    plan = Plan(choose_tasks(env, flags.split, flags.n, flags.seed), flags.samples, flags.seed)
    policy = open_policy(flags.policy)
    try:
        run = Run.create(flags.run or fresh_run_path("rollout", flags.env_id), to_mapping(flags))
        with ticker("rollout", len(plan.tasks) * plan.samples, "episodes", tells_end=True) as tick:
            found = run_sync(
                collect(copies(env), policy, plan, sampling=flags.sampling, on_done=lambda _: tick.advance(1))
            )
    finally:
        policy.close()
    run.commit("rollout/all", found.rollouts)
    out = console()
    out.print(
        str(summarise(found.rollouts, dropped=found.dropped_groups)),
        soft_wrap=True,
    )
    out.print(f"episodes are in {run.path}", soft_wrap=True)
    return 0
