"""`evaluate` collects, stores and summarises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.environment import SingleTurnEnv
from agentrl.errors import UnscorableError, UsageError
from agentrl.evaluation.run import evaluate
from agentrl.policies.script import Script
from agentrl.store import Run
from agentrl.types import Message, Rollout, Split, Task, Transcript, Verdict


class Words(SingleTurnEnv):
    """Say the word; the task "broken" cannot be graded."""

    names: tuple[str, ...] = ("one", "two", "three", "four")

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask(f"{split}/{name}", name, name) for name in self.names]

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        if task.answer == "broken":
            return Verdict(0.0, "task_invalid", feedback="no gold")
        return super().verdict(task, transcript)


class Half:
    """Knows the words with an o in them."""

    version = 0
    closed = 0

    async def reply(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], /) -> Message:
        word = messages[-1].content
        return Message("assistant", word if "o" in word else "")

    def close(self) -> None:
        self.closed += 1


def test_an_evaluation_by_hand(tmp_path: Path) -> None:
    run, policy = Run.create(tmp_path / "run", {}), Half()
    done: list[Rollout] = []
    found = evaluate(Words(), policy, n=None, samples=2, k=(1, 2), run=run, shard="eval/now", progress=done.append)
    assert found.summary.pass_at[1].mean == 0.75
    assert found.summary.statuses == {"correct": 6, "no_answer": 2}
    assert run.read("eval/now") == list(found.rollouts)
    assert len(done) == 8
    assert policy.closed == 0
    assert str(found) == str(found.summary)


def test_a_seed_chooses_the_tasks() -> None:
    first, again, other = (evaluate(Words(), Half(), n=2, seed=s).rollouts for s in (0, 0, 3))
    assert [r.task.id for r in first] == [r.task.id for r in again]
    assert [r.task.id for r in first] != [r.task.id for r in other]
    assert {r.task.id.split("/")[0] for r in first} == {"test"}


def test_unscored_tasks_are_dropped_and_counted() -> None:
    env = Words()
    env.names = ("one", "broken", "three")
    found = evaluate(env, Half(), n=None)
    assert (found.summary.tasks, found.summary.dropped) == (2, 1)
    assert found.summary.pass_at[1].mean == 0.5


def test_too_many_unscored_tasks_are_an_error() -> None:
    env = Words()
    env.names = ("broken",)
    with pytest.raises(UnscorableError, match="no gold"):
        evaluate(env, Half(), n=None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": (2,)}, "pass@2 needs at least 2 samples"),
        ({"n": 0}, "n must be"),
        ({"samples": 0}, "samples must be"),
    ],
)
def test_what_cannot_be_is_refused_before_collecting(arguments: Any, message: str) -> None:
    def never(_: Sequence[Message]) -> str:
        raise AssertionError("collected")

    with pytest.raises(UsageError, match=message):
        evaluate(Words(), Script(never), **arguments)


def test_names_are_opened_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agentrl.register("env", "words_of_this_test", Words)
    policy = Half()
    monkeypatch.setattr("agentrl.evaluation.run.open_policy", lambda spec: policy)
    assert evaluate("words_of_this_test", "anything", n=1).summary.tasks == 1
    assert policy.closed == 1
