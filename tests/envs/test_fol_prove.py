"""Proofs step by step: which steps hold, what they earn, and ways around the work."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from agentrl.environment import Env
from agentrl.envs.fol_prove import FolProve, _is_fact
from agentrl.errors import ConfigError
from agentrl.types import Message, Split, Task, Verdict
from agentrl.verifiers._fol.problem import read_problem

DataDir = Callable[[str], Path]
TASK = Task(
    "by hand",
    (Message("user", "prove it"),),
    {
        "premises": ["A(a)", "∀x (A(x) → B(x))", "∀x (B(x) → C(x))", "∀x (C(x) → D(x))", "E(b)"],
        "conclusion": "D(a)",
        "signature": {"predicates": dict.fromkeys("ABCDE", 1), "constants": ["a", "b"]},
    },
    {"steps": ["1. B(a) [from P1, P2]", "2. C(a) [from 1, P3]", "3. D(a) [from 2, P4]"]},
)


def play(
    env: Env, replies: Sequence[str | Message], task: Task = TASK
) -> tuple[list[float], Verdict | None, list[str]]:
    """Rewards, the verdict, and what the environment said."""
    env.reset(seed=0, options={"task": task})
    rewards, said, verdict = [], [], None
    for reply in replies:
        messages, reward, terminated, truncated, info = env.step(reply)
        rewards.append(float(reward))
        said += [message.content for message in messages]
        verdict = info["verdict"]
        if terminated or truncated:
            break
    return rewards, verdict, said


def steps(*lines: str) -> str:
    return "<answer>{}</answer>".format("\n".join(lines))


@pytest.mark.parametrize("reward", ["final", "progress"])
def test_golds_reach_one_on_generated_tasks(reward: Literal["final", "progress"]) -> None:
    for depth in (1, 4):
        env = FolProve(depth=depth, reward=reward)
        for task in env.all_tasks("train")[:15]:
            rewards, verdict, _ = play(env, env.gold(task), task)
            assert verdict is not None
            assert verdict.success
            assert sum(rewards) == pytest.approx(1)
            assert all(0 <= reward <= 1 for reward in rewards)


def test_a_whole_proof_in_one_reply() -> None:
    env = FolProve(max_turns=1)
    for task in env.all_tasks("test")[:10]:
        (reply,) = env.gold(task) if len(task.data["steps"]) > 1 else [steps(*task.data["steps"])]
        assert play(env, [reply], task)[0] == [1]


def test_wrong_steps_are_named() -> None:
    rewards, verdict, said = play(
        FolProve(reward="progress"),
        [
            "I begin.",
            steps("1. C(a) [from P1, P3]"),
            steps("1. B(a) [from P1, P2]", "2. D(a) [from 1, P4]"),
            steps("2. F(a) [from 1, P3]"),
            steps("4. C(a) [from 1, P3]"),
            steps("2. C(a)) [from 1, P3]"),
            steps("2. C(a) [from 1, P3]", "3. D(a) [from 2, P4]"),
        ],
    )
    assert verdict is not None
    assert verdict.status == "partial"
    assert verdict.score == pytest.approx(1 / 6 + 5 / 6 / 4)
    assert verdict.feedback == "The goal is reached, after 3 wrong steps."
    assert rewards == pytest.approx([0, 0, 1 / 6, 0, 0, 0, 5 / 6 / 4])
    expected = [
        "No step was found: send steps between <answer> and </answer>. No step holds yet. Go on with step 1.",
        "Step 1 does not follow from what it cites. 2 more may be wrong. No step holds yet. Go on with step 1.",
        "Step 2 does not follow from what it cites. 1 more may be wrong. Step 1 holds. Go on with step 2.",
        "Step 2 uses a name that the task does not have. No more may be wrong. Step 1 holds. Go on with step 2.",
    ]
    assert said[:4] == expected
    assert "must be its next step" in said[4]
    assert "Step 2 cannot be read" in said[5]


@pytest.mark.parametrize(
    ("wrong", "rewards"), [(0, [1.0]), (1, [0, 0.75]), (2, [0, 0, 0.5]), (3, [0, 0, 0, 0.25]), (4, [0, 0, 0, 0])]
)
def test_each_wrong_step_takes_its_part_and_one_too_many_ends_the_proof(wrong: int, rewards: list[float]) -> None:
    guess = steps("1. D(a) [from P1, P4]")
    found, verdict, _ = play(FolProve(), [guess] * wrong + [steps(*TASK.data["steps"])])
    assert found == pytest.approx(rewards)
    assert verdict is not None
    assert verdict.score == pytest.approx(sum(rewards))
    assert verdict.status == {0: "correct", 4: "incorrect"}.get(wrong, "partial")


def test_progress_before_too_many_wrong_steps_stays() -> None:
    replies = [steps("1. B(a) [from P1, P2]"), *[steps("2. D(a) [from 1, P4]")] * 3]
    last = steps("2. C(a) [from 1, P3]", "3. E(a) [from 2, P4]")
    rewards, verdict, said = play(FolProve(reward="progress"), [*replies, last, "not played"])
    assert rewards == pytest.approx([1 / 6, 0, 0, 0, 1 / 6])
    assert said[3].startswith("Step 2 does not follow from what it cites. No more may be wrong. Step 1 holds.")
    assert verdict is not None
    assert verdict.status == "partial"
    assert verdict.score == pytest.approx(1 / 3)
    assert verdict.feedback == "Too many steps were wrong."


def test_steps_that_are_dropped_again_stay_wrong() -> None:
    replies = [steps("1. D(a) [from P1, P4]"), steps("1. B(a) [from P1, P2]"), steps(*TASK.data["steps"])]
    assert play(FolProve(), replies)[0] == pytest.approx([0, 0, 0.75])


def test_what_trying_each_rule_earns() -> None:
    """The numbers on the card."""
    for depth, expected in ((1, 0.27), (2, 0.0)):
        env, earned = FolProve(depth=depth), []
        for task in env.all_tasks("test")[:40]:
            premises = list(enumerate(read_problem(task.answer, "proof", "tight").formulas, 1))
            facts = [f"P{place}" for place, formula in premises if _is_fact(formula)]
            rules = [f"P{place}" for place, formula in premises if not _is_fact(formula)]
            goal = task.answer["conclusion"]
            replies = [steps(f"1. {goal} [from {', '.join([*facts, rule])}]") for rule in rules]
            earned.append(sum(play(env, replies, task)[0]))
        assert statistics.mean(earned) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["1. C(a) [from P1, P2, P3]"], "cites 2 general formulas"),
        (["1. D(a) [from P1-P5]"], "cites 3 general formulas"),
        (["1. ∀x (A(x) → C(x)) [from P2, P3]"], "cites 2 general formulas"),
        (["1. A(a) ∧ ∀x (A(x) → B(x)) [from P1, P2]", "2. C(a) [from 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. ∃y (∀x (A(x) → B(x))) [from P2]", "2. C(a) [from P1, 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. ¬∃x (A(x) ∧ ¬B(x)) [from P2]", "2. C(a) [from P1, 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. A(a) → B(a) [from P2]", "2. C(a) [from P1, 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. ¬A(a) ∨ B(a) [from P2]", "2. C(a) [from P1, 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. A(a) ∧ (A(a) → B(a)) [from P1, P2]", "2. C(a) [from 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. ∃x (A(a) → B(a)) [from P2]", "2. C(a) [from P1, 1, P3]"], "Step 2 cites 2 general formulas"),
        (["1. ∃x ¬(A(a) ∧ ¬B(a)) [from P2]", "2. C(a) [from P1, 1, P3]"], "Step 2 cites 2 general formulas"),
        (
            [
                "1. A(a) → B(a) [from P2]",
                "2. B(a) → C(a) [from P3]",
                "3. C(a) → D(a) [from P4]",
                "4. D(a) [from P1, 1, 2, 3]",
            ],
            "Step 4 cites 3 general formulas",
        ),
    ],
)
def test_a_step_takes_one_rule(lines: list[str], says: str) -> None:
    rewards, verdict, said = play(FolProve(), [steps(*lines)])
    assert says in said[0]
    assert (rewards, verdict) == ([0], None)


def test_facts_are_cited_freely() -> None:
    replies = [
        steps("1. A(a) ∧ E(b) [from P1, P5]"),
        steps("2. ∃x (A(x) ∧ A(a)) [from P1]", "3. A(a) → B(a) [from P2]"),
        steps("4. B(a) [from P1, P5, 1, 2, 3]", "5. C(a) [from 4, 2, P3]", "6. D(a) [from 5, 1, P4]"),
    ]
    assert play(FolProve(), replies)[0] == [0, 0, 1]


def test_more_rules_where_they_are_allowed() -> None:
    assert play(FolProve(rules_per_step=3), [steps("1. D(a) [from P1-P5]")])[0] == [1]


@pytest.mark.parametrize(
    "replies",
    [
        [""] * 20,
        [steps("1. A(a) [from P1]", "2. ∀x (A(x) → B(x)) [from P2]", "3. E(b) [from P5]")] * 20,
        [steps(f"{n}. A(a) ∨ {'D(a)' if n % 2 else 'C(a)'} [from P1]") for n in range(1, 20)],
        [steps("1. E(b) ∨ D(a) [from P5]")] * 20,
        [steps("1. D(a) [from P1]")] * 20,
        [steps("1. D(a)")] * 20,
    ],
)
def test_what_does_not_come_nearer_earns_nothing(replies: list[str]) -> None:
    rewards, verdict, _ = play(FolProve(reward="progress"), replies)
    assert sum(rewards) == 0
    assert verdict is not None
    assert verdict.score == 0


HOPS = Task(
    "by hand",
    (Message("user", "prove it"),),
    {
        "premises": ["A(a)", "R(a, b)", "R(b, c)", "R(c, d)", "R(d, e)", "∀x ∀y ((A(x) ∧ R(x, y)) → A(y))"],
        "conclusion": "A(e)",
        "signature": {"predicates": {"A": 1, "R": 2, **dict.fromkeys("BCDE", 1)}, "constants": [*"abcde"]},
    },
)


@pytest.mark.parametrize(
    "formula",
    [
        "∀x (x = x)",
        "∃x (x = a)",
        "∀x ∃y (A(x) ↔ A(y))",
        "∀x (φ ↔ φ)".replace("φ", "(A(x) ⊕ (B(x) ⊕ (C(x) ⊕ (D(x) ⊕ E(x)))))"),
    ],
)
def test_what_holds_of_everything_is_no_progress(formula: str) -> None:
    rewards, _, said = play(FolProve(reward="progress"), [steps(f"1. {formula} [from P1]")], HOPS)
    assert rewards == [0]
    assert said == ["Step 1 holds. Go on with step 2."]


def test_some_is_progress() -> None:
    answer = TASK.answer | {
        "premises": ["A(a)", "∀x (A(x) → ∃y (R(x, y) ∧ B(y)))", "∀x ∀y ((R(x, y) ∧ B(y)) → D(x))"],
        "signature": {"predicates": {"A": 1, "B": 1, "D": 1, "R": 2}, "constants": ["a"]},
    }
    replies = [steps("1. ∃y (R(a, y) ∧ B(y)) [from P1, P2]"), steps("2. D(a) [from 1, P3]")]
    task = Task("some", TASK.prompt, answer)
    assert play(FolProve(reward="progress"), replies, task)[0] == pytest.approx([0.25, 0.75])


def test_steps_that_fill_the_proof_with_some_are_weighed_at_once() -> None:
    many = [f"{n}. {''.join(f'∃x{i} ' for i in range(40))}A(a) [from P1]" for n in range(1, 32)]
    env = FolProve(reward="progress")
    assert play(env, [steps(*many)], HOPS)[0] == [0]
    started = time.perf_counter()
    env._distance()
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("status", ["infra_error", "task_invalid"])
def test_a_verdict_that_is_no_score_ends_the_episode(
    status: Literal["infra_error", "task_invalid"], monkeypatch: pytest.MonkeyPatch
) -> None:
    env = FolProve(reward="progress")
    monkeypatch.setattr(env, "_verify", lambda task, transcript: Verdict(0.0, status))
    rewards, verdict, _ = play(env, [steps("1. B(a) [from P1, P2]"), steps("2. C(a) [from 1, P3]")])
    assert (rewards, verdict) == ([0], Verdict(0.0, status))


def test_progress_without_the_goal_is_partial_and_at_most_half() -> None:
    env = FolProve(reward="progress", max_turns=2)
    rewards, verdict, _ = play(env, [steps("1. B(a) [from P1, P2]"), steps("2. C(a) [from 1, P3]")])
    assert sum(rewards) == pytest.approx(1 / 3)
    assert verdict is not None
    assert verdict.status == "partial"
    assert verdict.score == pytest.approx(1 / 3)
    rewards, verdict, _ = play(FolProve(max_turns=2), [steps("1. B(a) [from P1, P2]"), ""])
    assert sum(rewards) == 0
    assert verdict is not None
    assert verdict.status == "no_answer"


def test_a_number_used_before_begins_again_from_there() -> None:
    replies = [
        steps("1. B(a) [from P1, P2]", "2. E(b) [from P5]"),
        steps("2. C(a) [from 1, P3]"),
        steps("1. B(a) [from P1, P2]", "2. C(a) [from 1, P3]", "3. D(a) [from 2, P4]"),
    ]
    rewards, verdict, said = play(FolProve(reward="progress"), replies)
    assert said[0].endswith("Steps 1 to 2 hold. Go on with step 3.")
    assert said[1].endswith("Steps 1 to 2 hold. Go on with step 3.")
    assert verdict is not None
    assert verdict.success
    assert sum(rewards) == pytest.approx(1)


def test_numbers_may_go_on_after_the_premises() -> None:
    replies = [steps("6. B(a) [from 1, 2]"), steps("7. C(a) [from 6, 3]"), steps("8. D(a) [from 7, 4]")]
    env = FolProve()
    assert play(env, replies)[0] == [0, 0, 1]
    assert play(env, [""])[2][0].endswith("Go on with step 1.")


def test_a_fork_goes_on_like_a_replay() -> None:
    env, fork = FolProve(reward="progress"), FolProve(reward="progress")
    rng = random.Random(0)
    for task in env.all_tasks("train")[:8]:
        replies = [*env.gold(task), steps("1. A(a)"), "", steps("1. P1 [from P1]")]
        rng.shuffle(replies)
        env.reset(seed=0, options={"task": task})
        for turn, reply in enumerate(replies):
            fork.restore(env.snapshot())
            ours, theirs = env.step(reply), fork.step(reply)
            assert ours == theirs, (task.id, turn)
            if ours[2]:
                break


def test_rows_become_goals(tmp_path: Path) -> None:
    row = {
        "context": "Anne is kind. All kind people are blue. If someone is big then they are not blue.",
        "question": "True, false, or unknown? Anne is big.",
        "options": ["A) True", "B) False", "C) Unknown"],
        "answer": "B",
    }
    rows = [
        row,
        row | {"question": "? Anne is kind.", "answer": "A"},
        row | {"question": "? Bob is big.", "answer": "C"},
    ]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    env = FolProve(source=str(tmp_path))
    (task,) = env.all_tasks("train")
    assert env.left_out == {"train": 2}
    assert task.answer["conclusion"] == "¬Big(anne)"
    assert task.data["steps"] == ["1. Blue(anne) [from P2, P1]", "2. ¬Big(anne) [from P3, 1]"]
    assert play(env, env.gold(task), task)[0] == [0, 1]


@pytest.mark.parametrize(
    ("folder", "file", "split", "count", "left_out"),
    [
        ("proofwriter", "", "test", 337, 263),  # 10 labels are others, 191 Uncertain, 62 claims are premises
        ("prontoqa", "dev.json.gz", "train", 500, 0),
        ("prosqa", "prosqa_valid.json.gz", "train", 150, 150),
    ],
)
def test_public_data(data_dir: DataDir, folder: str, file: str, split: Split, count: int, left_out: int) -> None:
    env = FolProve(source=str(data_dir(folder) / file))
    tasks = env.all_tasks(split)
    assert (len(tasks), env.left_out[split]) == (count, left_out)
    for task in tasks[::60]:
        assert sum(play(env, env.gold(task), task)[0]) == 1


@pytest.mark.parametrize(
    "options", [{"reward": "all"}, {"form": "english"}, {"rules_per_step": 0}, {"depth": 0}, {"max_turns": 0}]
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        FolProve(**options)
