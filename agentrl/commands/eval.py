"""Evaluate a policy in an environment: pass@k and more, with intervals, as a table, JSON and a page.

Example: agentrl eval arithmetic --policy smollm2-135m -n 100 --samples 8 --k 1,8
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

import agentrl
from agentrl.commands._progress import ticker
from agentrl.commands._shared import console, fresh_run_path, numbers, positive
from agentrl.config import parse_flags, parse_options, to_mapping
from agentrl.environment import Env
from agentrl.episodes import Policy, Sampling
from agentrl.errors import UsageError
from agentrl.evaluation.report import compare, html
from agentrl.evaluation.run import Evaluation, evaluate
from agentrl.policies import open_policy
from agentrl.store import Run
from agentrl.types import Rollout, Split


@dataclass(frozen=True)
class Flags:
    """What to evaluate."""

    env_id: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")]
    """An environment of `agentrl list envs`, or a path to its file."""
    policy: Annotated[str, tyro.conf.arg(metavar="P")]
    """A model (smollm2-135m, a folder, a hub name), or KIND:WHAT with a kind of `agentrl list policies`."""
    n: Annotated[int, tyro.conf.arg(aliases=("-n",))] = 200
    """Number of tasks; all of the split, where it has fewer."""
    samples: int = 1
    """Episodes a task."""
    k: str = "1"
    """For which k to estimate pass@k, such as 1,8; none above --samples."""
    compare: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """A run folder of an earlier eval: report the change, paired by task."""
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
    """Evaluate, print the table, and write eval.json and report.html into the run folder."""
    flags = parse_flags(Flags, args, prog="agentrl eval", description=__doc__)
    positive("-n", flags.n)
    positive("--samples", flags.samples)
    k = numbers(flags.k, "--k", flags.samples)
    earlier = _earlier(flags.compare) if flags.compare else None
    env = agentrl.make(flags.env_id, **parse_options(flags.env))
    episodes = min(flags.n, len(env.all_tasks(flags.split))) * flags.samples
    policy = open_policy(flags.policy)
    try:
        run = Run.create(flags.run or fresh_run_path("eval", flags.env_id), to_mapping(flags))
        result = _evaluate(flags, env, policy, run, episodes)
    finally:
        policy.close()
    out = console()
    out.print(str(result), soft_wrap=True)
    record = {"settings": to_mapping(flags), "summary": result.summary.to_json()}
    if earlier is not None:
        change = compare(earlier, result.rollouts, k)
        record["comparison"] = change.to_json()
        out.print(f"{change}\n  (against {flags.compare})", soft_wrap=True)
    run.write_json("eval.json", record)
    html(run, run.path / "report.html", k)
    out.print(f"report: {run.path / 'report.html'}", soft_wrap=True)
    return 0


def _evaluate(flags: Flags, env: Env, policy: Policy, run: Run, episodes: int) -> Evaluation:
    with ticker("eval", episodes, "episodes", tells_end=True) as tick:
        return evaluate(
            env,
            policy,
            n=flags.n,
            samples=flags.samples,
            k=numbers(flags.k, "--k", flags.samples),
            seed=flags.seed,
            split=flags.split,
            sampling=flags.sampling,
            run=run,
            progress=lambda _: tick.advance(1),
        )


def _earlier(path: Path) -> list[Rollout]:
    run = Run.open(path)
    shards = [s for s in run.shards() if s.startswith("eval/")]
    if not shards:
        raise UsageError(f"{path} holds no evaluation to compare with")
    return run.read("eval/eval" if "eval/eval" in shards else shards[-1])
