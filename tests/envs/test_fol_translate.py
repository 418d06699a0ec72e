"""Sentences to translate: prompts, golds, splits, and rows of public data."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.conformance import check_env_plugin
from agentrl.envs._logic_text.pairs import problem_name
from agentrl.envs.fol_translate import FolTranslate
from agentrl.errors import ConfigError, DataError
from agentrl.types import Split, Task
from agentrl.verifiers._fol.reader import read
from agentrl.verifiers._fol.syntax import symbols

SPLITS: tuple[Split, ...] = ("train", "test")
FOLIO = {
    "premises": ["All cats purr.", "Tom is a cat or a c++ fan.", "Rain is rain."],
    "premises-FOL": ["∀x (Cat(x) → Purrs(x))", "Cat(tom) ∨ Fan(tom, c++)", "Rain(x1) ∨ ¬Rain(x1)"],
}
MALLS = [
    {"NL": "Every bird that sings is loud.", "FOL": "∀x (Bird(x) ∧ Sings(x) → Loud(x))"},
    {"NL": "Some bird flies.", "FOL": "∃x Bird(x) ∧ Flies(x)"},
    {"NL": "A bird is a bird.", "FOL": "∀x (Bird(x) → Bird(x))"},
]
PROGRAM = """Predicates:
Cat(x) ::: x is a cat.
Likes(a, b) ::: a likes b.
Premises:
∀x (Cat(x) → Likes(x, tom)) ::: Every cat likes Tom.
Conclusion:
¬Cat(tom) ::: Tom is no cat."""


def make(**options: Any) -> FolTranslate:
    env = agentrl.make("fol_translate", **options)
    assert isinstance(env, FolTranslate)
    return env


def drawn(split: Split = "train", count: int = 100, **options: Any) -> list[Task]:
    return list(make(**options).all_tasks(split)[:count])


def formula_of(task: Task) -> str:
    return task.answer if isinstance(task.answer, str) else str(task.answer["formula"])


def score(env: FolTranslate, task: Task, reply: str) -> float:
    env.reset(options={"task": task})
    return env.step(reply)[1]


@pytest.mark.parametrize("signature", ["given", "free"])
def test_gold_replies_score_1_and_empty_words_nothing(signature: str) -> None:
    options: dict[str, Any] = {"level": "1-4", "signature": signature}
    env = make(**options)
    for index, task in enumerate(drawn(**options)):
        (gold,) = env.gold(task)
        assert score(env, task, str(gold)) == 1.0
        if index > 25:
            continue
        formula = formula_of(task)
        for text in (task.prompt[-1].content, "", f"<answer>{task.data['sentence']}</answer>", formula):
            assert score(env, task, text) == 0.0
        for wrong in (f"¬({formula})", f"({formula}) ∨ ¬({formula})", "∀x (x = x)"):
            assert score(env, task, f"<answer>{wrong}</answer>") == 0.0


def test_names_that_are_not_given_are_matched_by_likeness() -> None:
    env = make(signature="free")
    prompt = drawn(signature="free")[0].prompt
    task = Task("t", prompt, "∀x (Teacher(x) → Likes(x, ann))")
    assert score(env, task, "<answer>∀y (teacher(y) -> like(y, Ann))</answer>") == 1.0
    assert score(env, task, "<answer>∀y (teacher(y) -> like(Ann, y))</answer>") == 0.0


def test_the_prompt_lists_names_and_says_nothing_of_the_formula() -> None:
    for task in drawn(level="1-4", distractors=2):
        _, _, sentence = task.prompt[1].content.partition("Sentence: ")
        assert sentence == task.data["sentence"]
        listed = re.findall(r"(\w+)\(", task.prompt[1].content)
        used = symbols([read(formula_of(task)).formula])
        assert listed == sorted(listed)
        assert set(listed) == set(task.answer["signature"]["predicates"])
        assert len(listed) == len(used.predicates) + 2
        assert formula_of(task) not in repr(task.prompt)


def test_splits_share_no_problem_and_are_stable() -> None:
    drawings: tuple[tuple[Split, Any], ...] = (("train", "1-2"), ("test", 1))
    names = [
        {problem_name(read(formula_of(t)).formula) for t in drawn(split, 300, level=level, vocabulary="animals")}
        for split, level in drawings
    ]
    assert not names[0] & names[1]
    assert len(names[0]) > 200
    assert drawn("test", 20) == drawn("test", 20)
    assert problem_name(read("∀x (A(x) ∧ B(x) → C)").formula) == problem_name(read("∀y (B(y) ∧ A(y) → C)").formula)
    assert problem_name(read("A → B").formula) != problem_name(read("B → A").formula)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 5}, "level must be 1 to 4"),
        ({"signature": "none"}, "signature must be one of given, free"),
        ({"vocabulary": "cars"}, "vocabulary must be one of"),
        ({"distractors": 7}, "distractors must be a whole number from 0 to 6; got 7"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**options)


# Rows.


def source(path: Path, rows: Any) -> str:
    path.write_bytes(gzip.compress(json.dumps(rows, ensure_ascii=False).encode()))
    return str(path)


@pytest.mark.parametrize(
    ("rows", "found", "left_out"),
    [
        ([FOLIO, FOLIO], {"train/0/0": ("All cats purr.", "∀x (Cat(x) → Purrs(x))")}, 2),
        ([{**FOLIO, "premises": ["All cats purr."]}], {}, 1),
        (
            [{"premises": "A.\nB.", "premises-FOL": "A(a)\nB(a)", "conclusion": "C.", "conclusion-FOL": "C(a)"}],
            {"train/0/0": ("A.", "A(a)"), "train/0/1": ("B.", "B(a)"), "train/0/2": ("C.", "C(a)")},
            0,
        ),
        (
            MALLS,
            {
                "train/0/0": ("Every bird that sings is loud.", "∀x ((Bird(x) ∧ Sings(x)) → Loud(x))"),
                "train/1/0": ("Some bird flies.", "∃x (Bird(x) ∧ Flies(x))"),
            },
            1,
        ),
        (
            [{"raw_logic_programs": [PROGRAM]}],
            {
                "train/0/0": ("Every cat likes Tom.", "∀x (Cat(x) → Likes(x, tom))"),
                "train/0/1": ("Tom is no cat.", "¬Cat(tom)"),
            },
            0,
        ),
    ],
)
def test_rows(rows: Any, found: dict[str, tuple[str, str]], left_out: int, tmp_path: Path) -> None:
    path = source(tmp_path / "a.json.gz", rows)
    env = make(source=path)
    if not found:
        with pytest.raises(DataError, match="no tasks"):
            env.all_tasks("train")
        return
    tasks = env.all_tasks("train")
    assert {task.id: (task.data["sentence"], formula_of(task)) for task in tasks} == found
    assert env.left_out == {"train": left_out}
    assert all(score(env, task, str(env.gold(task)[0])) == 1.0 for task in tasks)


def test_meanings_stand_by_the_names_where_they_fit(tmp_path: Path) -> None:
    env = make(source=source(tmp_path / "a.json.gz", [{"raw_logic_programs": [PROGRAM]}]))
    assert (
        "Predicates: Cat(x) = x is a cat; Likes(x, y)\nConstants: tom\n" in env.all_tasks("train")[0].prompt[1].content
    )


@pytest.mark.parametrize("row", [{"text": "a"}, {"NL": "a"}, {"NL": "a", "FOL": "P", "pred": 1}])
def test_rows_of_no_form(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 1.* needs .*it has "):
        make(source=source(tmp_path / "a.json.gz", [row])).reset()


def test_rows_pass_conformance(tmp_path: Path) -> None:
    for split, row in zip(SPLITS, MALLS, strict=False):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row))
    found = check_env_plugin("fol_translate", {"source": str(tmp_path)})
    assert {result.name: result.detail for result in found if result.status == "failed"} == {}


@pytest.mark.parametrize(
    ("name", "count", "left_out"),
    [
        ("folio/folio-train.jsonl.gz", 1632, 27),
        ("logiclm_programs/FOLIO_dev_gpt-4.json.gz", 668, 29),
    ],
)
def test_public_rows(name: str, count: int, left_out: int, data_dir: Callable[[str], Path]) -> None:
    env = make(source=str(data_dir(name)))
    tasks = env.all_tasks("train")
    assert (len(tasks), env.left_out) == (count, {"train": left_out})
    assert all(score(env, task, str(env.gold(task)[0])) == 1.0 for task in tasks[:: count // 40])
