"""Countdown: every puzzle has a solution, levels and splits are what they say, rows are read."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._levels import levels_of
from agentrl.envs._maths.numbers_game import LEVELS, puzzle
from agentrl.errors import ConfigError, DataError
from agentrl.types import Split, Task
from agentrl.verifiers._countdown.expression import read

SPLITS: tuple[Split, ...] = ("train", "test")


def drawn(split: Split, count: int = 200, **options: Any) -> list[Task]:
    return list(agentrl.make("countdown", **options).all_tasks(split)[:count])


def name_of(task: Task) -> tuple[Any, ...]:
    return (*sorted(task.answer["numbers"]), task.answer["target"])


def played(env: agentrl.environment.Env, task: Task, reply: str) -> float:
    env.reset(options={"task": task})
    return env.step(reply)[1]


@pytest.mark.parametrize("level", LEVELS)
def test_puzzles_are_made_from_their_solutions(level: int) -> None:
    for seed in range(300):
        found = puzzle(random.Random(seed), LEVELS[level], spare=0)
        if found is not None:
            expression = read(found.solution)
            assert expression.value == found.target
            assert sorted(expression.numbers) == sorted(found.numbers)
            assert len(found.numbers) == LEVELS[level].count
            assert found.target in LEVELS[level].targets
            assert found.target not in found.numbers


@pytest.mark.parametrize("options", [{"level": "1-5"}, {"level": 5, "uses": "at_most"}])
def test_gold_replies_score_1_and_others_nothing(options: dict[str, Any]) -> None:
    env = agentrl.make("countdown", **options)
    for task in drawn("train", **options):
        (gold,) = env.gold(task)
        assert played(env, task, str(gold)) == 1.0
        numbers, target = task.answer["numbers"], task.answer["target"]
        for expression in (target, f"{target} + 0", f"{target} * 1", " + ".join(map(str, numbers)) + " + 1", "", "0"):
            assert played(env, task, f"<answer>{expression}</answer>") == 0.0
        assert played(env, task, task.prompt[-1].content) == 0.0


def test_at_most_leaves_numbers_out_and_all_does_not() -> None:
    used = Counter(
        len(task.answer["numbers"]) - len(read(task.answer["solution"]).numbers)
        for task in drawn("train", level=4, uses="at_most")
    )
    assert set(used) == {0, 1, 2}
    env = agentrl.make("countdown", level=4)
    task = next(t for t in drawn("train", level=4, uses="at_most") if len(read(t.answer["solution"]).numbers) == 3)
    assert played(env, task, f"<answer>{task.answer['solution']}</answer>") == 0.0


def test_levels_of_a_range_are_drawn_alike() -> None:
    levels = Counter(task.data["level"] for task in drawn("train", 600, level="2-4"))
    assert set(levels) == {2, 3, 4}
    assert min(levels.values()) > 150


def test_splits_share_no_puzzle_and_are_stable() -> None:
    train, test = ({name_of(t) for t in drawn(split, 1000, level="1-2")} for split in SPLITS)
    assert not train & test
    assert len(test) > 300
    assert drawn("test", 20) == drawn("test", 20)
    uses = {name_of(t) for t in drawn("test", 500, level=1, uses="at_most")}
    assert not uses & {name_of(t) for t in drawn("train", 500, level=1)}


def test_rows_are_read(tmp_path: Path) -> None:
    rows = [{"nums": [3, 3, 8, 8], "target": 24}, {"numbers": [1, 1], "target": 24}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    env = agentrl.make("countdown", source=str(path))
    solvable, unsolvable = env.all_tasks("train")
    assert "Numbers: 3, 3, 8, 8. Target: 24." in solvable.prompt[-1].content
    assert played(env, solvable, str(env.gold(solvable)[0])) == 1.0
    assert env.gold(unsolvable) == ()


@pytest.mark.parametrize(
    "row", [{"target": 3}, {"nums": [1, 2]}, {"nums": [1, 2.5], "target": 3}, {"nums": "12", "target": 3}]
)
def test_a_row_that_is_no_puzzle(row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match="row 1: nums and target must be whole numbers"):
        agentrl.make("countdown", source=str(path)).reset()


@pytest.mark.parametrize("level", [0, 6, "3-1", "1-9", "", "two", True, 2.0, None, [1]])
def test_wrong_levels(level: Any) -> None:
    with pytest.raises(ConfigError, match=r'level must be 1 to 5, or a range such as "1-3"; got'):
        agentrl.make("countdown", level=level)
    assert levels_of("5") == (5,)


def test_wrong_uses() -> None:
    with pytest.raises(ConfigError, match="uses must be one of all, at_most"):
        agentrl.make("countdown", uses="some")
