"""Evaluate a policy in an environment: pass@k and more, with intervals, as a table, JSON and a page.

Example: agentrl eval arithmetic --policy smollm2-135m -n 100 --samples 8 --k 1,8
         agentrl eval arithmetic --policy smollm2-135m -n 100 --turns 2 --feedback binary
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

import agentrl
from agentrl.commands._progress import ticker
from agentrl.commands._shared import console, fresh_run_path, numbers, positive
from agentrl.config import parse_flags, parse_options, to_mapping
from agentrl.environment import Env
from agentrl.episodes import Policy, Sampling
from agentrl.errors import UsageError
from agentrl.evaluation.attempts import Feedback, correction_change, most_attempts, retried
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
    turns: int = 1
    """Attempts an episode; above 1, what the later ones mend and break is reported, too."""
    feedback: Feedback = "none"
    """What an environment of a single turn says between two attempts; see `agentrl show self_correction`."""
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
    positive("--turns", flags.turns)
    k = numbers(flags.k, "--k", flags.samples)
    earlier = _earlier(flags.compare, flags.turns) if flags.compare else None
    id, options = retried(flags.env_id, parse_options(flags.env), turns=flags.turns, feedback=flags.feedback)
    env = agentrl.make(id, **options)
    episodes = min(flags.n, len(env.all_tasks(flags.split))) * flags.samples
    policy = open_policy(flags.policy)
    try:
        run = Run.create(flags.run or fresh_run_path("eval", flags.env_id), _settings(flags, id, options))
        result = _evaluate(flags, env, policy, run, episodes)
    finally:
        policy.close()
    out = console()
    out.print(str(result), soft_wrap=True)
    record = {"settings": run.config, "summary": result.summary.to_json()}
    if result.correction is not None:
        record["correction"] = result.correction.to_json()
    if earlier is not None:
        said, record["comparison"] = _compared(earlier, result, k)
        out.print(f"{said}\n  (against {flags.compare})", soft_wrap=True)
    run.write_json("eval.json", record)
    html(run, run.path / "report.html", k, turns=flags.turns)
    out.print(f"report: {run.path / 'report.html'}", soft_wrap=True)
    return 0


def _evaluate(flags: Flags, env: Env, policy: Policy, run: Run, episodes: int) -> Evaluation:
    with ticker("eval", episodes, "episodes", tells_end=True) as tick:
        return evaluate(
            env,
            policy,
            n=flags.n,
            samples=flags.samples,
            turns=flags.turns,
            k=numbers(flags.k, "--k", flags.samples),
            seed=flags.seed,
            split=flags.split,
            sampling=flags.sampling,
            run=run,
            progress=lambda _: tick.advance(1),
        )


def _settings(flags: Flags, id: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The flags; an environment that was put into another stands there with it, so that `replay` can make it again."""
    settings: dict[str, Any] = to_mapping(flags)
    if id == flags.env_id:
        return settings
    del settings["env_id"]
    return settings | {"env": {"id": id, "options": to_mapping(options)}}


def _compared(earlier: list[Rollout], result: Evaluation, k: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    """The change since an earlier evaluation, for people and as JSON."""
    change = compare(earlier, result.rollouts, k)
    if result.correction is None:
        return str(change), change.to_json()
    tried = correction_change(earlier, result.rollouts, turns=result.turns, k=k)
    return f"{change}\n{tried}", change.to_json() | {"correction": tried.to_json()}


def _earlier(path: Path, turns: int) -> list[Rollout]:
    run = Run.open(path)
    shards = [s for s in run.shards() if s.startswith("eval/")]
    if not shards:
        raise UsageError(f"{path} holds no evaluation to compare with")
    rollouts = run.read("eval/eval" if "eval/eval" in shards else shards[-1])
    made = most_attempts(rollouts)
    if made < turns != run.config.get("turns"):  # an episode may be right before its last attempt
        raise UsageError(
            f"the episodes in {path} have at most {made} of {turns} attempts: evaluate it with --turns {turns}"
        )
    return rollouts
