"""Wrong formulas: what each edit makes, that they are wrong, and what is said of a wrong reply."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.data import split_of
from agentrl.envs._logic_text.pairs import problem_name
from agentrl.envs._logic_text.perturb import OPERATORS, perturbed
from agentrl.envs._logic_text.sentences import FAMILY
from agentrl.envs._logic_text.wrong import contrast, is_contingent, is_different
from agentrl.envs.fol_correct import FolCorrect
from agentrl.errors import ConfigError
from agentrl.types import Message, Split, Task
from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.prover import compare
from agentrl.verifiers._fol.reader import read
from agentrl.verifiers._fol.syntax import Formula, Joined, Not, Quantified, Symbols, symbols

POOL = Symbols({"P": 1, "Q": 1, "R": 2}, {"a": 0, "b": 0})
ANSWER = {"formula": "∀x (P(x) → Q(x))", "signature": {"predicates": {"P": 1, "Q": 1}}}
ROWS = [
    {"NL": "All men are mortal.", "pred": "∀x (Mortal(x) → Man(x))", "gold": "∀x (Man(x) → Mortal(x))"},
    {"NL": "No man is mortal.", "pred": "∀x (Man(x) → ¬Mortal(x))", "gold": "¬∃x (Man(x) ∧ Mortal(x))"},
    {"NL": "Tom is mortal.", "pred": "Mortal(tom", "gold": "Mortal(tom)"},
    {"NL": "Ann is mortal.", "pred": "Dies(ann)", "gold": "Mortal(ann)"},
    {"NL": "Bob is mortal.", "pred": "  ", "gold": "Mortal(bob)"},
    {"NL": "Kim is mortal.", "pred": "Mortal(kim)", "gold": "Mortal(kim) ∨"},
]


def make(**options: Any) -> FolCorrect:
    env = agentrl.make("fol_correct", **options)
    assert isinstance(env, FolCorrect)
    return env


def drawn(split: Split = "train", count: int = 200, **options: Any) -> list[Task]:
    return list(make(**options).all_tasks(split)[:count])


def formula(text: str) -> Formula:
    return read(text).formula


def tagged(text: str) -> str:
    return f"<answer>{text}</answer>"


def score(env: FolCorrect, task: Task, reply: str) -> float:
    env.reset(options={"task": task})
    return env.step(reply)[1]


@pytest.mark.parametrize(
    ("operator", "text", "made"),
    [
        ("change_pred", "P(a)", {"Q(a)"}),
        ("change_pred", "R(a, b)", set()),
        ("change_op", "P(a) → Q(b)", {"P(a) ∧ Q(b)", "P(a) ∨ Q(b)", "P(a) ⊕ Q(b)", "P(a) ↔ Q(b)"}),
        ("change_const", "R(a, a)", {"R(b, a)", "R(a, b)"}),
        ("change_const", "a = b", {"b = b", "a = a"}),
        ("change_var", "∀x ∃y (R(x, y))", {"∀x ∃y (R(y, y))", "∀x ∃y (R(x, x))"}),
        ("change_var", "∀x (R(x, a))", set()),
        ("change_quant", "∀x ∃y (R(x, y))", {"∃x ∃y (R(x, y))", "∀x ∀y (R(x, y))"}),
        ("insert_q", "R(a, a)", {"∀x (R(x, x))", "∃x (R(x, x))"}),
        (
            "insert_q",
            "∀x (R(x, x))",
            {"∀x ∀y (R(y, y))", "∀x ∃y (R(y, y))"},
        ),
        ("insert_s", "P(a) ∧ Q(a)", {"¬(P(a) ∧ Q(a))"}),
        ("insert_terms", "P(a)", {"P(a, a)", "P(a, b)", "P(b, a)"}),
        (
            "insert_f",
            "¬P(a)",
            {"¬¬P(a)"}
            | {
                side
                for op in "∧∨⊕→↔"
                for literal in ("P(a)", "P(b)", "Q(a)", "Q(b)", "R(a, a)", "R(a, b)", "R(b, a)", "R(b, b)")
                for side in (f"¬P(a) {op} {literal}", f"¬(P(a) {op} {literal})")
            },
        ),
        ("delete_q", "∀x (R(x, a))", {"R(a, a)", "R(b, a)"}),
        ("delete_q", "∀x ∃y (R(x, y))", {"∃y (R(a, y))", "∃y (R(b, y))"} | {f"∀x (R(x, {t}))" for t in "xab"}),
        ("delete_terms", "R(a, b)", {"R(a)", "R(b)"}),
        ("delete_terms", "P(a)", set()),
        ("delete_f", "(P(a) ∧ Q(b)) → Q(a)", {"P(a) ∧ Q(b)", "Q(a)", "P(a) → Q(a)", "Q(b) → Q(a)"}),
        ("delete_f", "¬(P(a) ∧ Q(b))", {"P(a) ∧ Q(b)", "¬P(a)", "¬Q(b)"}),
        ("delete_f", "¬P(a)", set()),
        ("delete_l", "¬P(a) ∧ Q(b)", {"P(a) ∧ Q(b)"}),
        ("delete_l", "P(a) ∧ Q(b)", set()),
    ],
)
def test_what_each_operator_makes(operator: str, text: str, made: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrl.envs._logic_text.perturb.OPERATORS", {operator: OPERATORS[operator]})
    found = [perturbed(formula(text), POOL, random.Random(seed), 1) for seed in range(300 if len(made) < 20 else 3000)]
    assert {show(one[0]) for one in found if one} == made
    assert all(
        one is None or (one[1][0].operator, one[1][0].formula) == (operator, show(formula(text))) for one in found
    )


def test_every_operator_is_in_use() -> None:
    used = Counter(edit["operator"] for task in drawn(count=250, level="1-4", edits=3) for edit in task.data["edits"])
    assert set(used) == set(OPERATORS)


def part(whole: Formula, path: list[int]) -> Formula:
    for step in path:
        match whole:
            case Not(body) | Quantified(_, _, body):
                whole = body
            case Joined(_, left, right):
                whole = (left, right)[step]
    return whole


def shape(node: Formula) -> str:
    """What of a part does not belong to the parts below it."""
    match node:
        case Joined(op, _, _):
            return op
        case Quantified(kind, name, _):
            return f"{'∀' if kind == 'forall' else '∃'}{name}"
    return show(node)


@pytest.mark.parametrize("edits", [1, 4])
def test_edits_can_be_undone_one_by_one(edits: int) -> None:
    """From the gold to the wrong formula, each step changes what is at its path, and nothing else."""
    marks = {"and": "∧", "or": "∨", "xor": "⊕", "implies": "→", "iff": "↔"}
    counts: Counter[int] = Counter()
    for task in drawn(level="1-4", edits=edits):
        made = task.data["edits"]
        counts[len(made)] += 1
        texts = [edit["formula"] for edit in made] + [task.data["wrong"]]
        assert texts[0] == task.answer["formula"]
        for edit, (before, after) in zip(made, itertools.pairwise(map(formula, texts)), strict=True):
            old, new = part(before, edit["path"]), part(after, edit["path"])
            for node, label in ((old, edit["before"]), (new, edit["after"])):
                told = shape(node) if edit["operator"] in ("change_op", "change_quant") else show(node)
                assert marks.get(told, told) == label
            for step in range(len(edit["path"])):
                above = part(before, edit["path"][:step]), part(after, edit["path"][:step])
                assert type(above[0]) is type(above[1])
                assert shape(above[0]) == shape(above[1]) or isinstance(above[0], Not)
                if isinstance(above[0], Joined):
                    other = [1 - edit["path"][step]]
                    assert part(above[0], other) == part(above[1], other)
        paths = [tuple(edit["path"]) for edit in made]
        assert len(set(paths)) == len(paths)
    assert set(counts) == set(range(1, edits + 1))


def test_copying_the_wrong_formula_earns_nothing_and_the_gold_reply_1() -> None:
    env = make(level="1-4", edits=3)
    differing = 0
    for task in drawn(level="1-4", edits=3):
        gold, wrong = formula(task.answer["formula"]), formula(task.data["wrong"])
        assert task.data["wrong"] in task.prompt[1].content
        assert task.answer["formula"] not in task.prompt[1].content.replace(task.data["wrong"], "")
        assert score(env, task, tagged(task.data["wrong"])) == 0.0
        assert score(env, task, str(env.gold(task)[0])) == 1.0
        signature = task.answer["signature"]
        names = Symbols(signature["predicates"], {**signature["functions"], **dict.fromkeys(signature["constants"], 0)})
        if symbols([wrong]) in names:
            differing += 1
            assert compare([gold], [wrong], directions="until_different").status == "different"
    assert differing > 120


def test_splits_share_no_problem() -> None:
    train, test = (
        {problem_name(formula(task.answer["formula"])) for task in drawn(split, 100, vocabulary="people", level=1)}
        for split in ("train", "test")
    )
    assert not train & test
    assert drawn("test", 5) == drawn("test", 5)


@pytest.mark.parametrize("id", ["fol_correct", "fol_translate"])
def test_what_one_environment_of_sentences_trains_on_no_other_tests(id: str) -> None:
    for split in ("train", "test"):
        tasks = agentrl.make(id, level="1-4").all_tasks(split)
        names = (problem_name(formula(tasks[i].answer["formula"])) for i in range(40))
        assert {split_of(FAMILY, name) for name in names} == {split}


# What is said of a wrong reply.


def begin(feedback: str, **options: Any) -> FolCorrect:
    env = make(feedback=feedback, **options)
    data = {"sentence": "All P are Q.", "wrong": "∀x (Q(x) → P(x))", "edits": []}
    env.reset(seed=0, options={"task": Task("t", (Message("user", "?"),), ANSWER, data)})
    return env


def test_a_correction_in_three_turns() -> None:
    env = begin("model")
    (said,), reward, terminated, truncated, info = env.step(tagged("∀x (Q(x) → P(x))"))
    assert (reward, terminated, truncated, info["verdict"].status) == (0.0, False, False, "incorrect")
    assert "The formula does not say what the task says. In this world the sentence is " in said.content
    (said,), *_ = env.step(tagged("∀x (P(x) → Z(x))"))
    assert "uses a name that the task does not give" in said.content
    assert "world" not in said.content
    observation, reward, terminated, _, info = env.step(tagged("¬∃x (P(x) ∧ ¬Q(x))"))
    assert (observation, reward, terminated, info["verdict"].status) == ((), 1.0, True, "correct")


def test_status_alone_shows_no_model() -> None:
    (said,), *_ = begin("status").step(tagged("∃x (P(x) ∧ Q(x))"))
    assert said.content == (
        "That is not right. The formula does not say what the task says. Put the whole corrected formula between "
        "<answer> and </answer>."
    )


def test_the_turn_limit_keeps_the_last_verdict() -> None:
    env = begin("status", max_turns=2)
    env.step("?")
    _, reward, terminated, truncated, info = env.step(tagged("P("))
    assert (reward, terminated, truncated, info["verdict"].status) == (0.0, False, True, "malformed")


@pytest.mark.parametrize(
    ("gold", "reply", "said"),
    [
        ("P(a)", "¬P(a)", {"true and your formula is false: there is only the thing 0; a is 0; P holds of 0."}),
        ("P ∧ Q", "P", {"false and your formula is true: there is only the thing 0; P is true; Q is false."}),
        (
            "∀x R(x, x)",
            "∀x ∀y R(x, y)",
            {
                f"true and your formula is false: there are the things 0 and 1; R holds of {pairs}."
                for pairs in ("(0, 0) and (1, 1)", "(0, 0), (0, 1) and (1, 1)", "(0, 0), (1, 0) and (1, 1)")
            },
        ),
        ("P(f(a))", "P(a)", None),
        ("P(a)", "P(a) ∧ (Q(a) ∨ ¬Q(a))", {""}),
        ("P(a)", "P(a, a)", {""}),
    ],
)
def test_a_world_in_words(gold: str, reply: str, said: set[str] | None) -> None:
    found = contrast(formula(gold), formula(reply))
    if said is None:
        assert "f(0) is " in found
    else:
        assert found.removeprefix("In this world the sentence is ") in said


def test_a_fork_is_a_replay() -> None:
    generator = random.Random(0)
    for task in drawn(count=6, feedback="model"):
        env, fork = make(feedback="model"), make(feedback="model")
        env.reset(seed=1, options={"task": task})
        replies = [tagged(task.data["wrong"]), "?", tagged("P"), str(env.gold(task)[0])]
        env.step(generator.choice(replies[:3]))
        fork.restore(env.snapshot())
        assert fork.state_key() == env.state_key()
        follow = generator.choice(replies)
        assert fork.step(follow)[:4] == env.step(follow)[:4]


# Rows.


def source(path: Path, rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_what_a_model_wrote(tmp_path: Path) -> None:
    """Kept where it is wrong, cannot be read, or uses other names; not where it is right, or the gold is of no use."""
    env = make(source=source(tmp_path / "a.jsonl", ROWS))
    tasks = env.all_tasks("test")
    assert {task.data["sentence"]: task.data["wrong"] for task in tasks} == {
        "All men are mortal.": "∀x (Mortal(x) → Man(x))",
        "Tom is mortal.": "Mortal(tom",
        "Ann is mortal.": "Dies(ann)",
    }
    assert env.left_out == {"test": 3}
    for task in tasks:
        assert score(env, task, tagged(task.data["wrong"])) == 0.0
        assert score(env, task, str(env.gold(task)[0])) == 1.0


def test_rows_without_a_models_formula_are_edited(tmp_path: Path) -> None:
    rows = [{"NL": row["NL"], "FOL": row["gold"]} for row in ROWS]
    env = make(source=source(tmp_path / "a.jsonl", rows))
    tasks = env.all_tasks("train")
    assert (len(tasks), env.left_out) == (5, {"train": 1})
    assert all(1 <= len(task.data["edits"]) <= 2 for task in tasks)
    assert tasks == make(source=env.source).all_tasks("train")
    assert [task.data for task in tasks] == [task.data for task in env.all_tasks("test")]


def test_what_small_models_do_not_show_is_asked_of_the_solvers() -> None:
    three = "∃x ∃y ∃z (x ≠ y ∧ y ≠ z ∧ x ≠ z)"
    four = "∃x ∃y ∃z ∃u (x ≠ y ∧ y ≠ z ∧ x ≠ z ∧ u ≠ x ∧ u ≠ y ∧ u ≠ z)"
    assert is_contingent(formula(four))
    assert is_different(formula(four), formula(three), Symbols())
    assert not is_contingent(formula("P ∨ ¬P"))
    assert not is_different(formula("P → Q"), formula("¬Q → ¬P"), Symbols({"P": 0, "Q": 0}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "4-5"}, "level must be 1 to 4"),
        ({"edits": 0}, "edits must be a whole number from 1 to 4; got 0"),
        ({"feedback": "all"}, "feedback must be one of status, model"),
        ({"vocabulary": "cars"}, "vocabulary must be one of"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_public_rows(data_dir: Callable[[str], Path]) -> None:
    env = make(source=str(data_dir("folio/folio-train.jsonl.gz")), edits=3)
    tasks = env.all_tasks("train")
    assert (len(tasks), env.left_out) == (1632, {"train": 27})
    for task in tasks[::20]:
        assert score(env, task, tagged(task.data["wrong"])) == 0.0
        assert score(env, task, str(env.gold(task)[0])) == 1.0
