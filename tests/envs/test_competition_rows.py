"""Competition problems from files: rows of many fields, and the forms that their wording asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._maths.wording import asked_form, with_form
from agentrl.envs.competition import Competition
from agentrl.errors import ConfigError, DataError


def make(**options: Any) -> Competition:
    env = agentrl.make("competition", **options)
    assert isinstance(env, Competition)
    return env


@pytest.mark.parametrize(
    ("problem", "form"),
    [
        ("Factor $x^2-1$.", "factored"),
        ("Write the polynomial in factored form.", "factored"),
        ("Factorials are large. How many?", None),
        ("Expand and simplify $(x+1)^2$.", "expanded"),
        ("Multiply out.", "expanded"),
        ("Compute it as a common fraction.", "simplest_fraction"),
        (r"Simplify $\frac{42}{63}$.", "simplest_fraction"),
        (r"Simplify $\frac{x^2}{x}$.", "evaluated"),
        ("Simplify and rationalize the denominator.", "simplest_radical"),
        (r"Express the area in terms of $\pi$.", "in_terms_of_pi"),
        ("CALCULATE it.", "evaluated"),
        ("How many computers are there?", None),
    ],
)
def test_forms_by_the_wording(problem: str, form: str | None) -> None:
    assert asked_form(problem) == form


def test_a_form_that_the_gold_lacks_is_dropped() -> None:
    assert with_form("Factor $x^2-1$.", "(x-1)(x+1)") == {"value": "(x-1)(x+1)", "form": "factored"}
    assert with_form("Factor $x^2-1$.", "x^2-1") == "x^2-1"
    assert with_form("Compute it.", "2^{10}") == "2^{10}"


def rows(path: Path, *found: Mapping[str, Any]) -> Competition:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return make(source=str(path))


def test_rows_of_many_fields(tmp_path: Path) -> None:
    env = rows(
        tmp_path / "a.jsonl",
        {"problem": "P?", "answer": "7", "level": 2, "subject": "Algebra", "id": 1},
        {"question": "Q?", "answer": 142.0},
        {"problem": "Compute it.", "expected_answer": r"\frac{1}{2}"},
        {"content": "C?", "answer": ""},
        {"prompt": "P?", "ground_truth": "x"},
    )
    tasks = env.all_tasks("train")
    assert [t.answer for t in tasks] == ["7", "142", {"value": r"\frac{1}{2}", "form": "evaluated"}, "x"]
    assert [t.id for t in tasks] == ["train/0", "train/1", "train/2", "train/4"]
    assert tasks[0].data == {"level": 2, "subject": "Algebra"}
    assert env.left_out == {"train": 1}


@pytest.mark.parametrize("row", [{"answer": "7"}, {"problem": "P?"}, {"problem": "P?", "answer": ["7"]}])
def test_a_row_without_a_question_or_an_answer(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 1 needs a question"):
        rows(tmp_path / "a.jsonl", row).reset()


def test_wrong_subjects() -> None:
    with pytest.raises(ConfigError, match="did you mean 'geometry'"):
        make(subjects=("geometri",))


@pytest.mark.parametrize(
    ("name", "count", "left_out"),
    [
        ("math500/test.jsonl.gz", 500, 0),
        ("aime24/test.jsonl", 30, 0),
        ("aimo_validation/aimo-validation-amc.jsonl", 83, 0),
        ("comp_math_24_25", 256, 0),
        ("deepmath_5k/math_deepmath_deal.jsonl.gz", 4992, 2),
        ("gaokao2023en", 383, 2),
    ],
)
def test_every_public_row_accepts_its_own_answer(
    name: str, count: int, left_out: int, data_dir: Callable[[str], Path]
) -> None:
    env = make(source=str(data_dir(name)))
    tasks = env.all_tasks("test")
    assert (len(tasks), env.left_out["test"]) == (count, left_out)
    for task in tasks:
        env.reset(options={"task": task})
        assert env.step(env.gold(task)[0])[1] == 1.0, task
