"""Play a run's episodes again, and say what comes out otherwise than recorded; exit 1 if anything does.

Nothing is drawn: the recorded actions meet the environment as it is now. After a change to an environment, a tool or a
verifier this shows which scores change; without one, every message, reward and verdict must come out the same.

Examples: agentrl replay runs/eval-arithmetic
          agentrl replay runs/eval-arithmetic --diff --env level=3
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

import agentrl
from agentrl.commands._progress import ticker
from agentrl.commands._shared import console
from agentrl.config import parse_flags, parse_options
from agentrl.errors import DataError, UsageError
from agentrl.replay import Difference, differences, env_of
from agentrl.store import Run
from agentrl.types import Rollout


@dataclass(frozen=True)
class Flags:
    """What to replay."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run folder."""
    shard: str = ""
    """One shard, such as rollout/all; default: all of them."""
    env_id: Annotated[str, tyro.conf.arg(metavar="ENV")] = ""
    """Another environment than the run's own, such as a path to its new version."""
    env: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the environment that differs from the run's; may be repeated."""
    diff: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print every difference."""


def main(args: list[str]) -> int:
    """Replay, print the differences where asked for, and the counts."""
    flags = parse_flags(Flags, args, prog="agentrl replay", description=__doc__)
    run = Run.open(flags.run)
    rollouts = _rollouts(run, flags.shard)
    id, own = env_of(run.config)
    options = {**(own if isinstance(own, dict) else parse_options(own)), **parse_options(flags.env)}
    env = agentrl.make(flags.env_id or id, **options)
    out, changed = console(), dict[str, list[Difference]]()
    try:
        with ticker("replay", len(rollouts), "episodes") as tick:
            for rollout in rollouts:
                found = differences(rollout, env)
                tick.advance(1)
                if found:
                    changed[rollout.id] = found
                for difference in found if flags.diff else ():
                    out.print(str(difference), soft_wrap=True, markup=False)
    finally:
        env.close()
    out.print(_summary(flags.env_id or id, len(rollouts), changed), soft_wrap=True)
    return 1 if changed else 0


def _rollouts(run: Run, shard: str) -> list[Rollout]:
    shards = run.shards()
    if shard and shard not in shards:
        raise UsageError(f"{run.path} has no shard {shard!r}: it has {', '.join(shards) or 'none'}")
    found = [rollout for name in ([shard] if shard else shards) for rollout in run.read(name)]
    if not found:
        raise DataError(f"{run.path} holds no episodes to replay")
    return found


def _summary(env: str, count: int, changed: dict[str, list[Difference]]) -> str:
    if not changed:
        return f"{env}: {count} episodes replayed, all as recorded"
    kinds = Counter(what for found in changed.values() for what in {difference.what for difference in found})
    said = ", ".join(f"{what} in {number}" for what, number in kinds.most_common())
    return f"{env}: {count} episodes replayed, {len(changed)} differ: {said}{_scores(changed)}"


def _scores(changed: dict[str, list[Difference]]) -> str:
    """How far the rewards moved, over the episodes that differ."""
    moved: Sequence[float] = [
        float(d.replayed) - float(d.recorded) for found in changed.values() for d in found if d.what == "reward"
    ]
    return f"; rewards rise {sum(m > 0 for m in moved)} times, fall {sum(m < 0 for m in moved)} times" if moved else ""
