"""MATH: its rows, its filters, its files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.data import LazyTasks
from agentrl.errors import ConfigError, DataError
from agentrl.types import Split, Task

ROW = {"problem": "P?", "solution": r"So $\boxed{50\%}$.", "answer": "50", "level": "Level 2", "type": "Algebra"}


def tasks(path: Path, *rows: Mapping[str, Any], **options: Any) -> list[Task]:
    path.write_text("".join(json.dumps({**ROW, **row}) + "\n" for row in rows))
    return list(agentrl.make("math", source=str(path), **options).all_tasks("train"))


def test_the_gold_is_the_last_box_of_the_solution(tmp_path: Path) -> None:
    solutions = (ROW["solution"], r"\boxed{1} then \boxed{\frac12}", r"\boxed 2$", "no box")
    found = tasks(tmp_path / "a.jsonl", *({"solution": s} for s in solutions))
    assert [task.answer for task in found] == [r"50\%", r"\frac12", "2", "50"]
    assert found[0].data == {"solution": ROW["solution"], "level": "Level 2", "subject": "Algebra"}


def test_a_row_without_any_answer_is_left_out(tmp_path: Path) -> None:
    found = tasks(tmp_path / "a.jsonl", {"solution": r"\boxed{}", "answer": ""}, {})
    assert [task.id for task in found] == ["train/1"]


def test_a_task_is_found_by_its_id_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    tasks(path, {"level": "Level 5"}, {}, {"level": "Level 5"}, {})
    found = agentrl.make("math", source=str(path), levels=(2,)).all_tasks("train")
    assert isinstance(found, LazyTasks)
    last, made = found[1], Counter[str]()

    def formed(problem: str, gold: str) -> str:
        made[gold] += 1
        return gold

    monkeypatch.setattr("agentrl.envs.math.with_form", formed)
    assert found.named("train/3") == last
    assert made.total() == 1
    for id in ("train/0", "train/03", "train/4", "test/3", "3", "train/"):
        assert found.named(id) is None


def test_filters(tmp_path: Path) -> None:
    rows = [
        {"level": level, "type": kind}
        for level in ("Level 1", "Level 5", "Level ?")
        for kind in ("Algebra", "Geometry")
    ]
    path = tmp_path / "a.jsonl"
    assert len(tasks(path, *rows)) == 6
    assert [t.id for t in tasks(path, *rows, levels=[1, 2])] == ["train/0", "train/1"]
    assert [t.id for t in tasks(path, *rows, subjects=["Geometry"], levels=(5,))] == ["train/3"]
    with pytest.raises(DataError, match="no tasks in split 'train'"):
        tasks(path, *rows, levels=(3,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": (0,)}, "a level must be a whole number from 1 to 5; got 0"),
        ({"subjects": ("algebra",)}, "did you mean 'Algebra'"),
    ],
)
def test_wrong_filters(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        agentrl.make("math", source="x.jsonl", **options)


def test_a_reply_is_read_from_its_box(tmp_path: Path) -> None:
    (task,) = tasks(tmp_path / "a.jsonl", {})
    env = agentrl.make("math", source=str(tmp_path / "a.jsonl"))
    for reply, reward in ((r"\boxed{50\%}", 1.0), (r"\boxed{0.5}", 1.0), (r"\boxed{5}", 0.0), ("50", 0.0)):
        env.reset(options={"task": task})
        assert env.step(reply)[1] == reward, reply


@pytest.mark.parametrize(
    ("problem", "gold", "right", "wrong"),
    [
        ("Factor $x^2-4$.", "(x-2)(x+2)", "(x+2)(x-2)", "x^2-4"),
        ("Expand $(x-2)(x+2)$.", "x^2-4", "-4+x^2", "(x-2)(x+2)"),
        (r"Simplify $\frac{6}{8}$.", r"\frac{3}{4}", "3/4", r"\frac{6}{8}"),
        (r"Write $\sqrt{12}$ in simplest radical form.", r"2\sqrt{3}", r"2 \sqrt 3", r"\sqrt{12}"),
        (r"Compute $\sin 60^\circ$.", r"\frac{\sqrt{3}}{2}", r"\sqrt3/2", r"\sin 60^\circ"),
        ("Factor $x^2-4$ if it can be.", "x^2-4", "x^2-4", "x^2+4"),
    ],
)
def test_the_form_that_the_wording_asks_for(problem: str, gold: str, right: str, wrong: str, tmp_path: Path) -> None:
    (task,) = tasks(tmp_path / "a.jsonl", {"problem": problem, "solution": "", "answer": gold})
    env = agentrl.make("math", source=str(tmp_path / "a.jsonl"))
    for reply, reward in ((env.gold(task)[0], 1.0), (rf"\boxed{{{right}}}", 1.0), (rf"\boxed{{{wrong}}}", 0.0)):
        env.reset(options={"task": task})
        assert env.step(reply)[1] == reward, reply


@pytest.mark.parametrize(("split", "count", "left_out"), [("train", 7498, 2), ("test", 5000, 0)])
def test_every_public_row_accepts_its_own_solution(
    split: Split, count: int, left_out: int, data_dir: Callable[[str], Path]
) -> None:
    env = agentrl.make("math", source=str(data_dir("math")), split=split)
    found = env.all_tasks(split)
    assert int(found[-1].id.partition("/")[2]) + 1 == count + left_out
    statuses: Counter[str] = Counter()
    for task in found:
        env.reset(options={"task": task})
        (solution,) = env.gold(task)
        statuses[env.step(solution)[4]["verdict"].status] += 1
    assert statuses == {"correct": count}
