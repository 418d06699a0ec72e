"""Rollouts with several attempts: how they come about, and how they become the table that `correction.py` counts.

An attempt is a reply on which the environment gave a verdict. An episode may end before its last attempt, as with
`until="correct"` or in `code_repair` once a program passes: an attempt not made counts as the last one made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl import registry
from agentrl.environment import Env
from agentrl.errors import UsageError
from agentrl.evaluation.correction import Attempt, Correction, CorrectionChange, difference, measure
from agentrl.types import Node, Rollout, Verdict

__all__ = ["Feedback", "attempts_of", "check_attempts", "correction", "correction_change", "most_attempts", "retried"]

Feedback = Literal["none", "binary", "detailed"]
_WITHOUT_ANSWER = ("no_answer", "malformed")


def correction(
    rollouts: Iterable[Rollout], *, turns: int | None = None, k: Sequence[int] = (1,), dropped: int = 0
) -> Correction:
    """What several attempts amount to.

    Args:
        rollouts: Of an environment with a verdict for each attempt; all rollouts of a task are its samples.
        turns: How many attempts to look at; default: the most that any episode made.
        k: For which k to estimate pass@k after refinements.
        dropped: Tasks that were left out before, while collecting.

    Raises:
        UnscorableError: No task is left.
        UsageError: There are no second attempts, a reply has no verdict, or a task has fewer than max(k) samples.
    """
    rollouts = list(rollouts)
    turns = most_attempts(rollouts) if turns is None else turns
    if turns < 2:
        raise UsageError(f"correction needs at least 2 attempts an episode, got {turns}")
    read = _read(rollouts, turns)
    return measure(list(read.by_task.values()), k, dropped=dropped + read.dropped, short=read.short)


def correction_change(
    before: Iterable[Rollout], after: Iterable[Rollout], *, turns: int, k: Sequence[int] = (1,)
) -> CorrectionChange:
    """The change of all figures between two results, paired by task.

    Raises:
        UsageError: They share no task, a reply has no verdict, or a task has fewer than max(k) samples.
    """
    first, second = _read(before, turns).by_task, _read(after, turns).by_task
    shared = [task for task in first if task in second]
    if not shared:
        raise UsageError("the two results share no scored task; evaluate both with the same env, n, seed and split")
    left_out = len(first) + len(second) - 2 * len(shared)
    return difference([first[t] for t in shared], [second[t] for t in shared], k, left_out=left_out)


def attempts_of(rollout: Rollout) -> list[Attempt]:
    """An episode's attempts in order.

    Raises:
        UsageError: A reply has no verdict.
    """
    return [_attempt(rollout, node, node.verdict) for node in _replies(rollout)]


def most_attempts(rollouts: Iterable[Rollout]) -> int:
    """The most replies in any of the episodes."""
    return max((len(_replies(rollout)) for rollout in rollouts), default=0)


def retried(
    env_id: str, options: Mapping[str, Any], *, turns: int, feedback: Feedback = "none"
) -> tuple[str, Mapping[str, Any]]:
    """The id and options of an environment that gives `turns` attempts.

    One of a single turn is put into `self_correction`; one of several turns stays as it is.

    Raises:
        UsageError: It makes fewer attempts, or `feedback` is given where the environment has its own.
    """
    if turns == 1:
        if feedback != "none":
            raise UsageError(f"feedback {feedback!r} comes between two attempts; ask for at least 2 turns")
        return env_id, options
    env = registry.make(env_id, **options)
    if env.max_turns == 1:
        own = dict(options)
        outer = {"split": own.pop("split")} if "split" in own else {}
        return "self_correction", {**outer, "env": env_id, "options": own, "attempts": turns, "feedback": feedback}
    check_attempts(env, turns)
    if feedback != "none":
        raise UsageError(f"{env_id} has feedback of its own: leave feedback {feedback!r} out, or see its options")
    return env_id, options


def check_attempts(env: Env, turns: int) -> None:
    """See that an environment makes so many attempts.

    Raises:
        UsageError: It makes fewer.
    """
    name = type(env).__name__
    if turns > env.max_turns == 1:
        raise UsageError(
            f"{name} makes 1 attempt, not {turns}: name it by its id, or make self_correction with it inside"
        )
    if turns > env.max_turns:
        raise UsageError(
            f"{name} makes at most {env.max_turns} attempts, not {turns}: ask for fewer turns, or give it more by its "
            "option (attempts or max_turns)"
        )


@dataclass(frozen=True, slots=True)
class _Attempts:
    """By task, in the order of their ids; tasks that were left out; episodes that ended early."""

    by_task: dict[str, list[list[Attempt]]]
    dropped: int
    short: int


def _read(rollouts: Iterable[Rollout], turns: int) -> _Attempts:
    groups: dict[str, list[Rollout]] = {}
    for rollout in rollouts:
        groups.setdefault(rollout.task.id, []).append(rollout)
    kept = {task: group for task, group in sorted(groups.items()) if all(map(_is_scored, group))}
    made = {task: [attempts_of(rollout)[:turns] for rollout in group] for task, group in kept.items()}
    filled = {task: [each + each[-1:] * (turns - len(each)) for each in group] for task, group in made.items()}
    short = sum(len(each) < turns for group in made.values() for each in group)
    return _Attempts(filled, len(groups) - len(kept), short)


def _is_scored(rollout: Rollout) -> bool:
    return rollout.scored and all(node.verdict is None or node.verdict.scored for node in _replies(rollout))


def _replies(rollout: Rollout) -> list[Node]:
    return [node for node in (rollout.nodes[index] for index in rollout.path()) if node.is_policy]


def _attempt(rollout: Rollout, node: Node, verdict: Verdict | None) -> Attempt:
    if verdict is None:
        raise UsageError(
            f"{rollout.provenance.env} gives no verdict on each reply (task {rollout.task.id!r}): its turns are steps, "
            "not attempts; evaluate it without turns"
        )
    text = node.message.content
    if verdict.answer is not None or verdict.status in _WITHOUT_ANSWER:
        return Attempt(verdict.success, verdict.answer, text)
    return Attempt(
        verdict.success, text.strip(), text
    )  # a verifier without normalised answers, such as one of programs
