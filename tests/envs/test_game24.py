"""The Game of 24: its hands, the paper's file, and the labels of the paper's own model outputs."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import agentrl
from agentrl.envs._maths.hands import hands
from agentrl.errors import ConfigError, DataError
from agentrl.types import Task


def test_there_are_as_many_solvable_hands_as_are_known() -> None:
    assert len(hands()) == 1362
    assert (3, 3, 8, 8) in hands()
    assert (1, 1, 1, 1) not in hands()


def test_levels_divide_the_hands() -> None:
    found: dict[int, list[tuple[int, ...]]] = {}
    for level in range(1, 6):
        env = agentrl.make("game24", level=level)
        tasks = [*env.all_tasks("train"), *env.all_tasks("test")]
        assert {task.data["level"] for task in tasks} == {level}
        found[level] = [tuple(task.answer["numbers"]) for task in tasks]
    assert sorted(hand for level in found.values() for hand in level) == list(hands())
    assert {(3, 3, 8, 8), (1, 5, 5, 5), (3, 3, 7, 7)} < set(found[5])
    assert (1, 2, 3, 4) in found[1]
    assert [len(found[level]) > 200 for level in found] == [True, True, True, True, False]


def test_splits_are_all_hands_once() -> None:
    env = agentrl.make("game24")
    train, test = ([tuple(t.answer["numbers"]) for t in env.all_tasks(split)] for split in ("train", "test"))
    assert sorted(train + test) == list(hands())
    assert 0.15 < len(test) / 1362 < 0.25


def test_gold_replies_score_1_and_24_itself_nothing() -> None:
    env = agentrl.make("game24")
    for task in env.all_tasks("train")[::5]:
        for reply, reward in (
            (str(env.gold(task)[0]), 1.0),
            ("<answer>24</answer>", 0.0),
            ("<answer>4*6</answer>", 0.0),
        ):
            env.reset(options={"task": task})
            assert env.step(reply)[1] == reward, (task, reply)


def write(path: Path, *rows: str) -> str:
    path.write_text("\n".join(("Rank,Puzzles,Solved rate", *rows)))
    return str(path)


def test_ranks_901_to_1000_are_test(tmp_path: Path) -> None:
    source = write(tmp_path / "24.csv", "1,1 1 4 6,99%", "900,1 2 3 4,9%", "901,3 3 8 8,9%", "1000,1 1 1 1,0%")
    for env in (agentrl.make("game24", source=source), agentrl.make("game24", source=str(tmp_path))):
        assert [t.id for t in env.all_tasks("train")] == ["1", "900"]
        assert [t.answer["numbers"] for t in env.all_tasks("test")] == [[3, 3, 8, 8]]
        assert env.left_out == {"train": 0, "test": 1}  # type: ignore[attr-defined]


def test_rows_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"numbers": [6, 4, 1, 1]}\n')
    (task,) = agentrl.make("game24", source=str(path)).all_tasks("test")
    assert task.prompt[-1].content == "The cards are 6, 4, 1, 1."


def test_levels_choose_rows(tmp_path: Path) -> None:
    source = write(tmp_path / "24.csv", "1,1 2 3 4,99%", "2,8 3 8 3,9%")
    env = agentrl.make("game24", source=source, level="4-5")
    assert [t.answer["numbers"] for t in env.all_tasks("train")] == [[8, 3, 8, 3]]
    with pytest.raises(ConfigError, match="level must be 1 to 5"):
        agentrl.make("game24", level=6)


@pytest.mark.parametrize("row", ["1,1 2 3,9%", "1,1 2 3 x,9%", "first,1 2 3 4,9%", "1"])
def test_a_row_that_is_no_hand(row: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"24.csv, row 1:"):
        agentrl.make("game24", source=write(tmp_path / "24.csv", row)).reset()
    with pytest.raises(DataError, match="cannot be read"):
        agentrl.make("game24", source=str(tmp_path / "absent.csv")).reset()


def test_the_public_file(data_dir: Callable[[str], Path]) -> None:
    env = agentrl.make("game24", source=str(data_dir("game24")))
    found = {split: list(env.all_tasks(split)) for split in ("train", "test")}
    assert {split: len(tasks) for split, tasks in found.items()} == {"train": 1262, "test": 100}
    assert sorted(tuple(sorted(t.answer["numbers"])) for tasks in found.values() for t in tasks) == list(hands())


def test_verdicts_agree_with_the_labels_of_the_paper(data_dir: Callable[[str], Path]) -> None:
    """10,000 replies of GPT-4; the one that differs says that its expression makes 48."""
    with (data_dir("game24") / "24.csv").open() as file:
        puzzles = [[int(card) for card in row["Puzzles"].split()] for row in csv.DictReader(file)]
    with gzip.open(data_dir("game24") / "gpt-4_0.7_naive_cot_sample_100_start900_end1000.json.gz") as file:
        logs = json.load(file)
    found: Counter[tuple[int, float]] = Counter()
    for log in logs:
        task = Task("", (), {"numbers": puzzles[log["idx"]], "target": 24})
        for reply, label in zip(log["ys"], log["infos"], strict=True):
            score = agentrl.grade("countdown", reply, task.answer, extract="answer_line").score
            found[label["r"], score] += 1
    assert found == {(0, 0.0): 9597, (1, 1.0): 402, (1, 0.0): 1}
