"""What a set of rollouts amounts to: a summary with intervals, and the comparison of two on the same tasks.

A task with an episode that could not be scored is left out whole and counted. `report.py` draws, this file
counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentrl.errors import UnscorableError, UsageError
from agentrl.evaluation.metrics import pass_at_k
from agentrl.evaluation.stats import Interval, Paired, interval, known, paired
from agentrl.types import Rollout

__all__ = ["Comparison", "Summary", "compare", "summarise"]

_NO_FORMAT = ("no_answer", "malformed")
_CUT = ("turn_limit", "token_limit")


@dataclass(frozen=True, slots=True)
class Summary:
    """Metrics of a set of rollouts.

    Attributes:
        tasks: Tasks that count.
        samples: Episodes a task; where tasks differ, the fewest.
        episodes: All episodes that count.
        dropped: Tasks left out because an episode of theirs has no score.
        pass_at: pass@k by k, over tasks.
        reward: Mean reward of a task's episodes, over tasks.
        format_rate: Share of episodes whose answer could be read.
        accuracy_given_format: Share of those that are correct; nan if there are none.
        statuses: Episodes by the status of their verdict, most frequent first.
        truncated: Share of episodes that a limit ended.
        tokens: Mean number of drawn tokens an episode; 0 under a text policy.
    """

    tasks: int
    samples: int
    episodes: int
    dropped: int
    pass_at: Mapping[int, Interval]
    reward: Interval
    format_rate: float
    accuracy_given_format: float
    statuses: Mapping[str, int]
    truncated: float
    tokens: float

    def rows(self) -> list[tuple[str, str]]:
        """The table's rows: name and value, for people."""
        given = self.accuracy_given_format
        statuses = ", ".join(f"{status} {count}" for status, count in self.statuses.items())
        return [
            *((f"pass@{k}", str(value)) for k, value in self.pass_at.items()),
            ("mean reward", str(self.reward)),
            ("format rate", f"{self.format_rate:.1%}"),
            ("accuracy given format", "-" if math.isnan(given) else f"{given:.1%}"),
            ("statuses", statuses),
            ("ended by a limit", f"{self.truncated:.1%}"),
            ("drawn tokens an episode", f"{self.tokens:.1f}" if self.tokens else "-"),
        ]

    def __str__(self) -> str:
        size = f"{self.tasks} tasks x {self.samples} samples"
        head = f"{size}; 95 % intervals over tasks"
        if self.dropped:
            head += f"; {self.dropped} more tasks could not be scored and are left out"
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows)])

    def to_json(self) -> dict[str, Any]:
        """JSON-able; what is not known is null."""
        return {
            "tasks": self.tasks,
            "samples": self.samples,
            "episodes": self.episodes,
            "dropped": self.dropped,
            "pass_at": {str(k): v.to_json() for k, v in self.pass_at.items()},
            "reward": self.reward.to_json(),
            "format_rate": self.format_rate,
            "accuracy_given_format": known(self.accuracy_given_format),
            "statuses": dict(self.statuses),
            "truncated": self.truncated,
            "tokens": self.tokens,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results on the tasks they share.

    Attributes:
        tasks: Tasks that both have.
        left_out: Tasks that only one has.
        pass_at: The paired difference after minus before, by k.
        reward: Likewise for the mean reward.
    """

    tasks: int
    left_out: int
    pass_at: Mapping[int, Paired]
    reward: Paired

    def rows(self) -> list[tuple[str, str]]:
        """The table's rows: name and value, for people."""
        named = [*((f"pass@{k}", value) for k, value in self.pass_at.items()), ("mean reward", self.reward)]
        return [(name, str(value)) for name, value in named]

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        head = f"change on the same {self.tasks} tasks, with 95 % interval and permutation test"
        if self.left_out:
            head += f"; {self.left_out} tasks that only one has are left out"
        return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows)])

    def to_json(self) -> dict[str, Any]:
        """JSON-able; what is not known is null."""
        named = {f"pass@{k}": v for k, v in self.pass_at.items()} | {"reward": self.reward}
        return {
            "tasks": self.tasks,
            "left_out": self.left_out,
            "change": {name: v.to_json() for name, v in named.items()},
        }


def summarise(rollouts: Iterable[Rollout], k: Sequence[int] = (1,), *, dropped: int = 0) -> Summary:
    """Count and average rollouts, by task.

    Args:
        rollouts: Of one policy; all rollouts of a task are its samples.
        k: For which k to estimate pass@k.
        dropped: Tasks that were left out before, while collecting.

    Raises:
        UnscorableError: No task is left.
        UsageError: A task has fewer than max(k) samples.
    """
    groups, unscored = _by_task(rollouts)
    if not groups:
        raise UnscorableError(f"no task could be scored ({dropped + unscored} left out): there is nothing to average")
    samples = min(len(group) for group in groups.values())
    _check_k(k, samples)
    episodes = [r for group in groups.values() for r in group]
    statuses = Counter(_status(r) for r in episodes)
    readable = len(episodes) - sum(statuses[s] for s in _NO_FORMAT)
    return Summary(
        tasks=len(groups),
        samples=samples,
        episodes=len(episodes),
        dropped=dropped + unscored,
        pass_at={n: interval(_pass_at(groups.values(), n), _rng()) for n in k},
        reward=interval(_rewards(groups.values()), _rng(), bounds=_reward_bounds(episodes)),
        format_rate=readable / len(episodes),
        accuracy_given_format=statuses["correct"] / readable if readable else math.nan,
        statuses=dict(statuses.most_common()),
        truncated=sum(_cut(r) for r in episodes) / len(episodes),
        tokens=sum(sum(n.drawn) for r in episodes for n in r.nodes) / len(episodes),
    )


def compare(before: Iterable[Rollout], after: Iterable[Rollout], k: Sequence[int] = (1,)) -> Comparison:
    """The change between two results, paired by task.

    Raises:
        UsageError: They share no task, or a task has fewer than max(k) samples.
    """
    (first, _), (second, _) = _by_task(before), _by_task(after)
    shared = [task for task in second if task in first]
    if not shared:
        raise UsageError("the two results share no scored task; evaluate both with the same env, n, seed and split")
    firsts, seconds = [first[t] for t in shared], [second[t] for t in shared]
    _check_k(k, min(len(group) for group in (*firsts, *seconds)))
    both = [r for group in (*firsts, *seconds) for r in group]
    return Comparison(
        tasks=len(shared),
        left_out=len(first) + len(second) - 2 * len(shared),
        pass_at={n: paired(_pass_at(firsts, n), _pass_at(seconds, n), _rng()) for n in k},
        reward=paired(_rewards(firsts), _rewards(seconds), _rng(), bounds=_reward_bounds(both)),
    )


Group = list[Rollout]


def _rng() -> np.random.Generator:
    """Of one fixed seed: equal numbers have equal intervals, today and tomorrow."""
    return np.random.default_rng(0)


def _by_task(rollouts: Iterable[Rollout]) -> tuple[dict[str, Group], int]:
    """Groups in which every episode has a score, and how many others there are."""
    groups: dict[str, Group] = {}
    for rollout in rollouts:
        groups.setdefault(rollout.task.id, []).append(rollout)
    kept = {task: group for task, group in groups.items() if all(r.scored for r in group)}
    return kept, len(groups) - len(kept)


def _pass_at(groups: Iterable[Group], k: int) -> list[float]:
    return [pass_at_k(len(group), sum(_status(r) == "correct" for r in group), k) for group in groups]


def _rewards(groups: Iterable[Group]) -> list[float]:
    return [sum(r.reward for r in group) / len(group) for group in groups]


def _reward_bounds(episodes: Iterable[Rollout]) -> tuple[float, float] | None:
    return (0.0, 1.0) if all(0.0 <= r.reward <= 1.0 for r in episodes) else None


def _status(rollout: Rollout) -> str:
    return rollout.verdict.status if rollout.verdict is not None else "no_verdict"


def _cut(rollout: Rollout) -> bool:
    return rollout.stop in _CUT or any(node.ended == "length" for node in rollout.nodes)


def _check_k(k: Sequence[int], samples: int) -> None:
    for n in k:
        if not 1 <= n <= samples:
            raise UsageError(f"pass@{n} needs at least {max(n, 1)} samples a task, got {samples}; draw more samples")
