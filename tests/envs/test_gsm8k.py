"""GSM8K: its rows, its files, and the labels of the paper's own models."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import agentrl
from agentrl.data import read_jsonl
from agentrl.errors import DataError
from agentrl.types import Split


def write(path: Path, *answers: str) -> str:
    path.write_text("".join(json.dumps({"question": f"Q{i}?", "answer": a}) + "\n" for i, a in enumerate(answers)))
    return str(path)


def test_a_row_becomes_a_task(tmp_path: Path) -> None:
    env = agentrl.make("gsm8k", source=write(tmp_path / "a.jsonl", "48/2=<<48/2=24>>24\n#### 1,024"))
    observation, info = env.reset(seed=0)
    assert [m.role for m in observation] == ["system", "user"]
    assert "####" in observation[0].content
    assert (observation[1].content, info["task"]) == ("Q0?", "train/0")
    assert env.task is not None
    assert env.task.answer == "1,024"
    assert env.step("so\n#### 1024")[1] == 1.0


def test_an_answer_that_is_no_number_is_compared_as_text(tmp_path: Path) -> None:
    env = agentrl.make("gsm8k", source=write(tmp_path / "a.jsonl", "#### n + 1"))
    env.reset(seed=0)
    assert env.step("#### n+1")[1] == 1.0


@pytest.mark.parametrize("answer", ["24", "so ####  "])
def test_an_answer_without_its_mark(answer: str, tmp_path: Path) -> None:
    env = agentrl.make("gsm8k", source=write(tmp_path / "a.jsonl", "#### 1", answer))
    with pytest.raises(DataError, match="row 2: the answer has no number after ####"):
        env.reset()


@pytest.mark.parametrize(("split", "count"), [("train", 7473), ("test", 1319)])
def test_every_public_row_accepts_its_own_solution(split: Split, count: int, data_dir: Callable[[str], Path]) -> None:
    env = agentrl.make("gsm8k", source=str(data_dir("gsm8k")), split=split)
    tasks = env.all_tasks(split)
    statuses: Counter[str] = Counter()
    for task in tasks:
        env.reset(options={"task": task})
        (solution,) = env.gold(task)
        statuses[env.step(solution)[4]["verdict"].status] += 1
    assert statuses == {"correct": count}


def test_verdicts_agree_with_the_labels_of_the_paper(data_dir: Callable[[str], Path]) -> None:
    """The paper's four models, 1,319 solutions each; they end in "A: n" where ours end in "#### n"."""
    found: Counter[tuple[str, bool]] = Counter()
    for row in read_jsonl(data_dir("gsm8k/example_model_solutions.jsonl.gz")):
        gold = row["ground_truth"].rpartition("\nA: ")[2]
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            reply = "#### ".join(row[model]["solution"].rsplit("A: ", 1))
            found[agentrl.grade("math", reply, gold, extract="hash").status, row[model]["is_correct"]] += 1
    assert found == {("correct", True): 2001, ("incorrect", False): 3264, ("no_answer", False): 11}
    assert sum(found.values()) == 4 * 1319
