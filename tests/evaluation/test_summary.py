"""Summaries and comparisons count what they say, by hand."""

from __future__ import annotations

import json
import math

import pytest

from agentrl.errors import UnscorableError, UsageError
from agentrl.evaluation.summary import compare, summarise
from agentrl.types import Message, Node, Provenance, Rollout, Status, Stop, Task, Verdict


def episode(
    task: str,
    status: Status,
    *,
    sample: int = 0,
    reward: float | None = None,
    stop: Stop = "done",
    tokens: int = 4,
) -> Rollout:
    score = 1.0 if status == "correct" else 0.0
    answer = Node(
        0,
        Message("assistant", "said"),
        token_ids=tuple(range(tokens)),
        drawn=(True,) * tokens,
        logprobs=(0.0,) * tokens,
        reward=score if reward is None else reward,
        verdict=Verdict(score, status),
        ended="length" if tokens == 9 else "eos",
    )
    asked = Node(-1, Message("user", "asked"), token_ids=(1, 2), drawn=(False, False), logprobs=(0.0, 0.0))
    return Rollout(f"0/{task}/{sample}", Task.ask(task, "asked"), (asked, answer), stop, Provenance("Made"))


FOUR = [
    episode("a", "correct", sample=0),
    episode("a", "incorrect", sample=1, tokens=8),
    episode("b", "no_answer", sample=0, stop="turn_limit"),
    episode("b", "malformed", sample=1),
]


def test_a_summary_by_hand() -> None:
    found = summarise(FOUR, (1, 2))
    assert (found.tasks, found.samples, found.episodes, found.dropped) == (2, 2, 4, 0)
    assert found.pass_at[1].mean == 0.25
    assert found.pass_at[2].mean == 0.5
    assert found.reward.mean == 0.25
    assert found.format_rate == 0.5
    assert found.accuracy_given_format == 0.5
    assert found.statuses == {"correct": 1, "incorrect": 1, "no_answer": 1, "malformed": 1}
    assert found.truncated == 0.25
    assert found.tokens == 5.0  # drawn ones only: (4 + 8 + 4 + 4) / 4


def test_a_turn_that_reached_its_token_limit_was_cut() -> None:
    assert summarise([*FOUR, episode("c", "correct", tokens=9)]).truncated == 0.4


def test_an_unscored_episode_takes_its_task_out_and_is_counted() -> None:
    found = summarise([*FOUR, episode("c", "correct"), episode("c", "infra_error", sample=1)], dropped=3)
    assert (found.tasks, found.dropped) == (2, 4)
    assert found.statuses["correct"] == 1
    assert "4 more tasks could not be scored" in str(found)


def test_nothing_scored_is_an_error() -> None:
    with pytest.raises(UnscorableError, match="no task could be scored"):
        summarise([episode("a", "task_invalid")])


def test_k_needs_the_samples() -> None:
    with pytest.raises(UsageError, match="pass@3 needs at least 3 samples a task, got 2"):
        summarise(FOUR, (3,))


def test_no_readable_answer_has_no_accuracy() -> None:
    found = summarise([episode("a", "no_answer")])
    assert math.isnan(found.accuracy_given_format)
    assert found.to_json()["accuracy_given_format"] is None
    json.dumps(found.to_json(), allow_nan=False)


def test_rewards_outside_0_1_have_no_false_bounds() -> None:
    found = summarise([episode(t, "incorrect", reward=-2.0) for t in "abc"])
    assert found.reward.mean == -2.0
    assert math.isnan(found.reward.low)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_table_for_people() -> None:
    shown = str(summarise(FOUR, (1, 2)))
    assert shown.startswith("2 tasks x 2 samples; 95 % intervals over tasks\n  pass@1 ")
    assert "correct 1, incorrect 1, no_answer 1, malformed 1" in shown


def test_a_comparison_pairs_by_task() -> None:
    before = [
        episode("a", "incorrect"),
        episode("b", "incorrect"),
        episode("c", "correct"),
        episode("x", "correct"),
    ]
    after = [
        episode("c", "correct"),
        episode("b", "correct"),
        episode("a", "correct"),
        episode("y", "incorrect"),
    ]
    found = compare(before, after)
    assert (found.tasks, found.left_out) == (3, 2)
    assert found.pass_at[1].difference.mean == pytest.approx(2 / 3)
    assert found.pass_at[1].p == 0.5
    assert found.reward.difference.mean == pytest.approx(2 / 3)
    assert "2 tasks that only one has are left out" in str(found)
    assert "+0.667" in str(found)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_comparison_needs_a_shared_task() -> None:
    with pytest.raises(UsageError, match="share no scored task"):
        compare([episode("a", "correct")], [episode("b", "correct")])
