"""Entailment: own tasks, the forms of rows, public data, and what replies earn."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentrl import make
from agentrl.environment import Env
from agentrl.envs._logic.rows import load_cases
from agentrl.envs.fol_entail import FolEntail
from agentrl.errors import ConfigError, DataError
from agentrl.types import Split, Task
from agentrl.verifiers._fol import prover
from agentrl.verifiers._fol.problem import read_problem

DataDir = Callable[[str], Path]

PROOFWRITER = {
    "id": "1",
    "context": "Anne is kind. All kind people are blue. If someone is blue then they like Bob.",
    "question": "Based on the above information, is the following statement true, false, or unknown? Anne likes Bob.",
    "options": ["A) True", "B) False", "C) Unknown"],
    "answer": "A",
}
PROSQA = {
    "question": "Every lempus is a gwompus. Tom is a lempus. Rex is a scrompus. Is Tom a gwompus or scrompus?",
    "answer": "Tom is a gwompus.",
    "steps": ["Tom is a lempus.", "Every lempus is a gwompus."],
}
FOLIO = {
    "premises": ["All squares are round.", "A is a square."],
    "premises-FOL": ["∀x (Square(x) → Round(x))", "Square(a)"],
    "conclusion": "A is round.",
    "conclusion-FOL": "Round(a)",
    "label": "True",
}


def score(env: Env, task: Task, reply: str) -> float:
    env.reset(seed=0, options={"task": task})
    return float(env.step(reply)[1])


def written(folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    lines = "\n".join(json.dumps(row) for row in rows)
    (folder / name).write_text(json.dumps(rows) if name.endswith(".json") else lines)
    return str(folder / name)


def test_gold_replies_are_right_and_labels_balanced() -> None:
    env = FolEntail()
    tasks = env.all_tasks("train")[:300]
    assert all(score(env, task, str(env.gold(task)[0])) == 1 for task in tasks[:200])
    counts = Counter(task.data["label"] for task in tasks)
    assert all(75 < counts[label] < 125 for label in ("True", "False", "Uncertain"))
    for label in counts:
        assert sum(score(env, task, f"<answer>{label}</answer>") for task in tasks) == counts[label]


def test_the_answers_formulas_give_the_label() -> None:
    env = FolEntail(reply="formalised", depth=2)
    for task in env.all_tasks("train")[:30]:
        problem = read_problem(task.answer, "entailment", "tight")
        assert problem.conclusion is not None
        assert prover.label_of(problem.formulas, problem.conclusion) == problem.label == task.data["label"]


def test_formulas_must_say_what_the_premises_do() -> None:
    env = FolEntail(reply="formalised", depth=1, distractors=1)
    for task in env.all_tasks("train")[:12]:
        gold = {key: task.answer[key] for key in ("premises", "conclusion", "label")}
        wrong = {"True": "False", "False": "Uncertain", "Uncertain": "True"}[gold["label"]]
        assert score(env, task, f"<answer>{json.dumps(gold)}</answer>") == 1
        for other in (
            {"label": gold["label"]},
            gold | {"label": wrong},
            gold | {"premises": gold["premises"][:-1]},
            gold | {"conclusion": gold["premises"][0]},
            gold | {"premises": [*gold["premises"], gold["conclusion"]]} if gold["label"] != "True" else {},
        ):
            assert score(env, task, f"<answer>{json.dumps(other)}</answer>") == 0
        assert score(env, task, f"<answer>{gold['label']}</answer>") == 0


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("<answer>True</answer>", 1),
        ("So it is.\n<answer> **true**. </answer>", 1),
        ("<answer>T</answer>", 1),
        ("<think><answer>False</answer></think><answer>True</answer>", 1),
        ("<answer>False</answer>", 0),
        ("<answer>True or False</answer>", 0),
        ("<answer>not True</answer>", 0),
        ("<answer>True</answer><answer>False</answer>", 0),
        ("True", 0),
        ("", 0),
    ],
)
def test_what_replies_earn(reply: str, right: int) -> None:
    env = FolEntail()
    task = next(task for task in env.all_tasks("train") if task.data["label"] == "True")
    assert score(env, task, reply) == right


def test_splits_are_disjoint_stable_and_the_same_in_every_form() -> None:
    one, other = FolEntail(form="both"), FolEntail(form="formulas")

    def claims(env: Env, split: Split) -> list[str]:
        return [task.prompt[-1].content for task in env.all_tasks(split)[:60]]

    train, test = claims(one, "train"), claims(one, "test")
    assert not set(train) & set(test)
    assert len(set(train)) == 60
    assert claims(FolEntail(form="both"), "train") == train
    lines = [line.rpartition("  ")[2].strip() for line in train[0].splitlines() if "(" in line]
    assert all(line in claims(other, "train")[0] for line in lines)


def test_forms_show_what_they_say() -> None:
    tasks = {form: make("fol_entail", form=form).all_tasks("train")[0] for form in ("english", "formulas", "both")}
    texts = {form: task.prompt[-1].content for form, task in tasks.items()}
    assert "(" not in texts["english"]
    assert texts["formulas"].count("(") == texts["both"].count("(") > 5


@pytest.mark.parametrize(
    "options", [{"reply": "word"}, {"form": "both ways"}, {"depth": 0}, {"count": 0}, {"vocabulary": "birds"}]
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        FolEntail(**options)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_rows_that_cannot_be_used_are_left_out(tmp_path: Path, name: str) -> None:
    rows = [
        PROOFWRITER,
        PROOFWRITER | {"answer": "C"},  # not what follows
        PROOFWRITER | {"context": "Anne is kind. Anne is not kind. Bob is blue."},
        PROOFWRITER | {"context": "Who knows what Anne is."},
        PROSQA,
        PROSQA,
    ]
    env = FolEntail(source=written(tmp_path, name, rows), reply="formalised")
    tasks = env.all_tasks("train")
    assert [(task.id, task.data["label"]) for task in tasks] == [
        ("train/0", "True"),
        ("train/4", "True"),
        ("train/5", "Uncertain"),
    ]
    assert env.left_out == {"train": 3}
    assert all(score(env, task, str(env.gold(task)[0])) == 1 for task in tasks)
    assert tasks[2].prompt[-1].content.count("Claim: Tom is a scrompus.") == 1


def test_folio_rows_with_and_without_formulas(tmp_path: Path) -> None:
    bare = {key: value for key, value in FOLIO.items() if "FOL" not in key} | {"label": "Unknown"}
    lines = FOLIO | {
        "premises": "All squares are round.\nA is a square.",
        "premises-FOL": "∀x (Square(x) → Round(x))\nSquare(a)",
    }
    wrong = FOLIO | {"label": "False"}
    source = written(tmp_path, "rows.jsonl", [FOLIO, bare, lines, wrong, FOLIO | {"conclusion-FOL": "Round(a"}])
    env = FolEntail(source=source)
    assert [task.data["label"] for task in env.all_tasks("train")] == ["True", "Uncertain", "True", "False", "True"]
    env = FolEntail(source=source, reply="formalised")
    assert [task.id for task in env.all_tasks("train")] == ["train/0", "train/2"]
    assert env.left_out == {"train": 3}
    assert all(score(env, task, str(env.gold(task)[0])) == 1 for task in env.all_tasks("train"))


@pytest.mark.parametrize("row", [{"a": 1}, PROOFWRITER | {"options": 3}, FOLIO | {"label": 1}])
def test_rows_of_no_form_are_named(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="row 2"):
        load_cases(written(tmp_path, "rows.jsonl", [PROSQA, row]), "train")


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[]", "[1]"])
def test_files_that_are_no_list_of_objects(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(DataError, match=r"train\.json"):
        load_cases(str(tmp_path), "train")


@pytest.mark.parametrize(
    ("folder", "file", "split", "labels", "left_out"),
    [
        ("proofwriter", "", "train", (998, 996, 940), 66),
        ("proofwriter", "", "test", (199, 200, 191), 10),
        ("prontoqa", "dev.json.gz", "test", (258, 242, 0), 0),
        ("prosqa", "prosqa_test.json.gz", "test", (250, 0, 250), 0),
        ("folio", "folio-train.jsonl.gz", "train", (388, 286, 330), 0),
    ],
)
def test_public_data(
    data_dir: DataDir, folder: str, file: str, split: Split, labels: tuple[int, int, int], left_out: int
) -> None:
    """Classical logic gives the other labels; where it does not, ProofWriter did not use rules backwards."""
    env = FolEntail(source=str(data_dir(folder) / file))
    counts = Counter(task.data["label"] for task in env.all_tasks(split))
    assert (counts["True"], counts["False"], counts["Uncertain"]) == labels
    assert env.left_out == {split: left_out}
    for task in env.all_tasks(split)[::100]:
        assert score(env, task, str(env.gold(task)[0])) == 1


@pytest.mark.parametrize(("folder", "file"), [("proofwriter", "test.json.gz"), ("prontoqa", "dev.json.gz")])
def test_the_solver_agrees_on_rows_that_are_kept(data_dir: DataDir, folder: str, file: str) -> None:
    cases = load_cases(str(data_dir(folder) / file), "test").cases[::25]
    for _, case in cases:
        assert prover.label_of(case.formulas[:-1], case.formulas[-1]) == case.label


def test_the_solver_agrees_on_rows_that_are_left_out(data_dir: DataDir) -> None:
    path = data_dir("proofwriter") / "test.json.gz"
    rows = json.loads(gzip.decompress(path.read_bytes()))
    kept = {number for number, _ in load_cases(str(path), "test").cases}
    from agentrl.envs._logic.controlled import formula_of, sentences_of

    found = Counter[str]()
    for number, row in enumerate(rows):
        if number not in kept:
            formulas = [formula_of(text) for text in sentences_of(row["context"])]
            claim = formula_of(row["question"].rpartition("?")[2])
            assert claim is not None
            label = prover.label_of([f for f in formulas if f is not None], claim)
            found[f"{row['answer']} {label}"] += 1
    assert found == {"C False": 6, "C True": 3, "A inconsistent": 1}
