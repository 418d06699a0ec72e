"""Word problems: worked solutions that hold line by line, levels that have their steps, rows of four forms."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._maths.stories import ASIDES, Story, evaluated
from agentrl.envs.word_problems import STORIES, WordProblems
from agentrl.errors import ConfigError, DataError
from agentrl.types import Split, Task

STEPS = {1: range(1, 2), 2: range(2, 3), 3: range(3, 4), 4: range(4, 6), 5: range(5, 8)}
CALCULATION = re.compile(r" (\d+) (?:([+*/-]) (\d+)|/ 100 \* (\d+)) = (\d+)\.$")


def make(**options: Any) -> WordProblems:
    env = agentrl.make("word_problems", **options)
    assert isinstance(env, WordProblems)
    return env


def played(env: WordProblems, task: Task, reply: str) -> float:
    env.reset(options={"task": task})
    return env.step(reply)[1]


def carried_out(line: str) -> Fraction:
    """The right side of a line of a solution, once the left side is seen to be equal."""
    match = CALCULATION.search(line)
    assert match is not None, line
    a, sign, b, whole, value = match.groups()
    left, right = Fraction(a), Fraction(b or whole)
    percent = left * right / 100
    results = {"+": left + right, "-": left - right, "*": left * right, "/": left / right, None: percent}
    assert results[sign] == int(value), line
    return Fraction(value)


@pytest.mark.parametrize("level", STEPS)
def test_solutions_hold_line_by_line_and_have_the_steps_of_their_level(level: int) -> None:
    kinds = set()
    for task in make(level=level).all_tasks("train")[:200]:
        *lines, last = task.data["solution"].splitlines()
        assert [carried_out(line) for line in lines][-1] == int(last.removeprefix("#### ")) == int(task.answer)
        assert len(lines) in STEPS[level]
        kinds.add(task.data["kind"])
    assert kinds == set(STORIES)


@pytest.mark.parametrize("level", STEPS)
@pytest.mark.parametrize("kind", STORIES)
def test_formulas_and_steps_agree_wherever_a_story_comes_out_even(kind: str, level: int) -> None:
    even = 0
    for seed in range(100):
        story = Story(random.Random(seed))
        answer = STORIES[kind](story, level)
        values = evaluated(story.steps)
        if all(value > 0 and value.denominator == 1 for value in values):
            even += 1
            assert values[-1] == answer
            assert story.question.endswith(("?", "."))
    assert even >= 10


def test_gold_replies_score_1_and_others_nothing() -> None:
    env = make(level="1-5")
    for task in env.all_tasks("test")[:200]:
        assert played(env, task, str(env.gold(task)[0])) == 1.0
        for reply in ("", task.answer, f"#### {int(task.answer) + 1}", f"#### -{task.answer}", task.prompt[-1].content):
            assert played(env, task, reply) == 0.0, (task, reply)


def test_sentences_that_do_not_matter_come_with_level_3() -> None:
    marks = [re.compile(re.escape(aside).replace(r"\{\}", r"\w+")) for aside in ASIDES]
    found = {
        level: [
            sum(bool(mark.search(t.prompt[-1].content)) for mark in marks)
            for t in make(level=level).all_tasks("train")[:100]
        ]
        for level in STEPS
    }
    assert {level: set(counts) for level, counts in found.items()} == {1: {0}, 2: {0}, 3: {0, 1}, 4: {1}, 5: {1, 2}}


def calculations(task: Task) -> tuple[str, ...]:
    """The kind and the sorted numbers and signs of a solution's lines: all that tells problems apart."""
    lines = task.data["solution"].splitlines()[:-1]
    return (task.data["kind"], *("".join(sorted(re.findall(r"\d+|[*/+-]", line))) for line in lines))


def test_splits_share_no_problem_and_are_stable() -> None:
    splits: tuple[Split, ...] = ("train", "test")
    train, test = ({calculations(t) for t in make(level="1-2").all_tasks(split)[:1000]} for split in splits)
    assert len(train) > 700
    assert len(test) > 400
    assert not train & test
    assert make(level=3).all_tasks("test")[:20] == make(level=3).all_tasks("test")[:20]


def test_levels_and_kinds_are_drawn_alike() -> None:
    tasks = make(level="3-5", kinds=("prices", "seats", "shopping")).all_tasks("train")[:900]
    drawn = Counter((t.data["level"], t.data["kind"]) for t in tasks)
    assert len(drawn) == 9
    assert 60 < min(drawn.values()) <= max(drawn.values()) < 140


def rows(path: Path, *found: Mapping[str, Any]) -> WordProblems:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return make(source=str(path))


def test_rows_of_four_forms(tmp_path: Path) -> None:
    env = rows(
        tmp_path / "a.jsonl",
        {"question": "Q?", "answer": "3+4=7\n#### 7"},
        {"question": "Q?", "answer": "8"},
        {"input": "Q?", "target": 9.0},
        {"Body": "There are 4 ", "Question": "How many?", "Answer": 10.5},
        {"input": "Q?", "target": float("nan")},
    )
    tasks = env.all_tasks("train")
    assert [t.answer for t in tasks] == ["7", "8", "9", "10.5"]
    assert [t.id for t in tasks] == ["train/0", "train/1", "train/2", "train/3"]
    assert tasks[3].prompt[-1].content == "There are 4. How many?"
    assert env.left_out == {"train": 1}
    assert [played(env, t, str(env.gold(t)[0])) for t in tasks] == [1.0] * 4


def test_targets_that_are_texts(tmp_path: Path) -> None:
    numbers = {" $1,234.50 ": "1234.50", "-$3": "-3", "3/4": "3/4", ".5": ".5", "$12,345": "12345", "+007": "+007"}
    others = ("abc", "nan", "inf", "1/0", "12 apples", "", "1,2", "12345,678", "1e99999999", "1_0", "-", "9" * 500)
    targets = [{"input": "Q?", "target": text} for text in (*numbers, *others)]
    env = rows(tmp_path / "a.jsonl", *targets, {"question": "Q?", "answer": "So\n#### many"})
    tasks = env.all_tasks("train")
    assert [t.answer for t in tasks] == list(numbers.values())
    assert env.left_out == {"train": len(others) + 1}
    assert [played(env, t, str(env.gold(t)[0])) for t in tasks] == [1.0] * len(numbers)


@pytest.mark.parametrize(
    ("target", "right", "wrong"),
    [
        (2 / 3, ("2/3", "0.67", "0.6667"), ("0.66", "0.7", "1")),
        (0.001679123123, ("0.0017", "0.001679"), ("0.00", "0", "0.002")),
        (0.1 + 0.2, ("0.3", "3/10"), ("0.30000001",)),
        (-9867630.0, ("-9867630", "-9,867,630"), ("9867630",)),
    ],
)
def test_targets_that_are_floats(target: float, right: tuple[str, ...], wrong: tuple[str, ...], tmp_path: Path) -> None:
    env = rows(tmp_path / "a.jsonl", {"input": "Q?", "target": target})
    (task,) = env.all_tasks("train")
    assert [played(env, task, f"#### {said}") for said in (*right, *wrong)] == [1.0] * len(right) + [0.0] * len(wrong)


@pytest.mark.parametrize(
    "row", [{"question": "Q?"}, {"input": 4, "target": 4}, {"question": "Q?", "answer": True}, {"text": ""}]
)
def test_a_row_of_no_form(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 1 has none of the forms"):
        rows(tmp_path / "a.jsonl", row).reset()


def test_wrong_kinds() -> None:
    with pytest.raises(ConfigError, match="did you mean 'shopping'"):
        make(kinds=("shoping",))


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [("mawps", "test", 2065), ("gsm_hard", "test", 1319), ("mawps/multiarith.jsonl", "train", 600)],
)
def test_every_public_row_accepts_its_own_answer(
    name: str, split: Split, count: int, data_dir: Callable[[str], Path]
) -> None:
    env = make(source=str(data_dir(name)))
    tasks = env.all_tasks(split)
    assert (len(tasks), env.left_out[split]) == (count, 0)
    assert [t.id for t in tasks if played(env, t, str(env.gold(t)[0])) != 1.0] == []
