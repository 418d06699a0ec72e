"""Multiple choice: the right option against another computation, wrong ones that are wrong, letters, rows."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._maths.quiz import MAKERS
from agentrl.envs.multiple_choice import MultipleChoice
from agentrl.errors import ConfigError, DataError
from agentrl.golds import gold_problem
from agentrl.types import Split, Task

Facts = Mapping[str, Any]
OPTIONS = {"extract": "answer_line"}


def make(**options: Any) -> MultipleChoice:
    env = agentrl.make("multiple_choice", **options)
    assert isinstance(env, MultipleChoice)
    return env


def played(env: MultipleChoice, task: Task, reply: str) -> float:
    env.reset(options={"task": task})
    return env.step(reply)[1]


def combined(f: Facts) -> int:
    return int(f["a"]) + (1 if f["sign"] == "+" else -1) * int(f["b"])


def averaged(f: Facts) -> str:
    numbers = [Fraction(n) for n in f["numbers"]]
    return str(
        {"mean": statistics.mean(numbers), "median": statistics.median(numbers), "range": max(numbers) - min(numbers)}[
            f["asked"]
        ]
    )


def picked(f: Facts) -> int:
    tools: Any = itertools.combinations if f["asked"] == "committees" else itertools.permutations
    return sum(1 for _ in tools(range(f["n"]), f["k"]))


COMPUTED: dict[str, Callable[[Facts], Any]] = {
    "plus_minus": combined,
    "times": lambda f: sum([f["pair"][0]] * f["pair"][1]),
    "precedence": lambda f: combined({**f, "b": math.prod(f["pair"])}),
    "signs": combined,
    "percentage": lambda f: Fraction(f["p"], 100) * f["n"],
    "sum_of_fractions": lambda f: sum((Fraction(*term) for term in f["terms"]), Fraction(0)),
    "equation": lambda f: next(x for x in range(-99, 99) if f["a"] * x + f["b"] == f["c"]),
    "rectangle": lambda f: math.prod(f["sides"]) if f["asked"] == "area" else 2 * sum(f["sides"]),
    "powers": lambda f: (
        f"x^{{{ {'product': f['a'] + f['b'], 'power': f['a'] * f['b'], 'quotient': f['a'] - f['b']}[f['kind']] }}}"
    ),
    "square": lambda f: f"({f['a']}x+({f['b']}))^2",
    "slope": lambda f: Fraction(f["second"][1] - f["first"][1], f["second"][0] - f["first"][0]),
    "mean": averaged,
    "logarithm": lambda f: next(e for e in range(9) if f["base"] ** e == f["base"] ** f["e"]),
    "selection": picked,
    "derivative": lambda f: f"{f['a']}*{f['n']}x^{{{f['n'] - 1}}}+({f['b']})",
    "residue": lambda f: f["a"] ** f["e"] % f["m"],
    "series": lambda f: sum(range(f["a"], f["a"] + f["d"] * f["n"], f["d"])),
}


def by_kind(split: Split = "train", each: int = 8) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for level in MAKERS:
        for task in make(level=level, options=5).all_tasks(split)[:400]:
            found.setdefault(task.data["kind"], []).append(task)
    return {kind: tasks[:each] for kind, tasks in found.items()}


TASKS = by_kind()


def right_and_wrong(task: Task) -> tuple[str, list[str]]:
    options = dict(zip("ABCDE", task.answer["choices"], strict=False))
    right = options.pop(task.answer["label"])
    return right, list(options.values())


def test_every_maker_is_drawn_and_checked() -> None:
    assert set(TASKS) == {maker.__name__ for makers in MAKERS.values() for maker in makers} == set(COMPUTED)


@pytest.mark.parametrize("kind", COMPUTED)
def test_one_option_is_right_and_the_others_are_wrong(kind: str) -> None:
    for task in TASKS[kind]:
        computed = str(COMPUTED[kind](task.data["facts"]))
        right, wrong = right_and_wrong(task)
        assert agentrl.grade("math", right, computed, extract="final").score == 1.0, (task, computed)
        for option in wrong:
            assert agentrl.grade("math", option, computed, extract="final").score == 0.0, (task, computed)
        assert len(wrong) == len(set(wrong)) == 4
        assert gold_problem("choice", task.answer, OPTIONS) == ""


def test_replies() -> None:
    env = make(level="1-5")
    for task in env.all_tasks("test")[:200]:
        label, (right, wrong) = task.answer["label"], right_and_wrong(task)
        others = [letter for letter in "ABCD" if letter != label]
        for said, reward in (
            (label, 1.0),
            (f"({label})", 1.0),
            (f"{label}) {right}", 1.0),
            (others[0], 0.0),
            (wrong[0], 0.0),
        ):
            assert played(env, task, f"so\nAnswer: {said}") == reward, (task, said)
        every = "\n".join(f"Answer: {letter}" for letter in "ABCD")
        for reply in ("", label, every, "Answer: ABCD", f"Answer: {label} or {others[0]}", task.prompt[-1].content):
            assert played(env, task, reply) == 0.0, (task, reply)


@pytest.mark.parametrize("options", [2, 3, 4, 5])
def test_every_letter_is_right_equally_often(options: int) -> None:
    tasks = make(level="1-5", options=options).all_tasks("train")[:1000]
    letters = Counter(task.answer["label"] for task in tasks)
    assert set(letters) == set("ABCDE"[:options])
    deviation = math.sqrt(1000 / options * (1 - 1 / options))
    assert all(abs(count - 1000 / options) < 4 * deviation for count in letters.values())


def test_a_constant_letter_earns_what_chance_does() -> None:
    env = make(level=2)
    scores = [played(env, task, "Answer: B") for task in env.all_tasks("train")[:600]]
    assert 0.18 < sum(scores) / len(scores) < 0.32


def test_splits_share_no_question_and_are_stable() -> None:
    train, test = (
        {f"{kind} {t.data['facts']}" for kind, tasks in by_kind(split, 400).items() for t in tasks}
        for split in ("train", "test")
    )
    assert len(test) > 400
    assert not train & test
    assert make(level=4).all_tasks("test")[:20] == make(level=4).all_tasks("test")[:20]


def test_levels_are_drawn_alike() -> None:
    levels = Counter(task.data["level"] for task in make(level="2-4").all_tasks("train")[:600])
    assert set(levels) == {2, 3, 4}
    assert min(levels.values()) > 150


ROWS: list[tuple[dict[str, Any], str, tuple[str, ...]]] = [  # a row, its letter, its options
    (
        {"question": "Q?", "options": ["A)5(√3 + 1)", "B)6", "C) None of these"], "correct": "B"},
        "B",
        ("5(√3 + 1)", "6", "None of these"),
    ),
    ({"passage": "P.", "question": "Q?", "options": ["(A)2", "(B)4"], "label": "A", "answer": None}, "A", ("2", "4")),
    ({"context": "P.", "question": "Q?", "options": ["A) x", "B) y"], "answer": "B"}, "B", ("x", "y")),
    ({"question": "Q?", "options": "A) $f(-6)=0$ B) $f(6)$ C) 1", "Answer": "C"}, "C", ("$f(-6)=0$", "$f(6)$", "1")),
    ({"question": "Q?", "options": "A. 1,190 B. 1,900", "Answer": "A"}, "A", ("1,190", "1,900")),
    ({"question": "Q?", "choices": ["red", "A blue one"], "answer": 1}, "B", ("red", "A blue one")),
    (
        {"passage": None, "question": "Q?", "options": ["A Shannan", "B Jiangnan"], "label": "B"},
        "B",
        ("Shannan", "Jiangnan"),
    ),
]


@pytest.mark.parametrize(("row", "label", "options"), ROWS)
def test_rows_of_many_forms(row: dict[str, Any], label: str, options: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    env = make(source=str(path))
    (task,) = env.all_tasks("train")
    assert task.answer == {"label": label, "choices": list(options)}
    context = "P.\n\n" if len(row.keys() & {"passage", "context"}) and "P." in row.values() else ""
    labelled = "\n".join(f"{letter}) {option}" for letter, option in zip("ABC", options, strict=False))
    assert task.prompt[-1].content == f"{context}Q?\n\n{labelled}"
    assert played(env, task, str(env.gold(task)[0])) == 1.0


def test_arrays_of_rows(tmp_path: Path) -> None:
    rows = [row for row, *_ in ROWS]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    (tmp_path / "dev.json.gz").write_bytes(gzip.compress(json.dumps(rows[:2]).encode()))
    env = make(source=str(tmp_path))
    assert [len(env.all_tasks(split)) for split in ("train", "test")] == [len(rows), 2]
    assert len(make(source=str(tmp_path / "train.json")).all_tasks("test")) == len(rows)
    (tmp_path / "test.jsonl").write_text(json.dumps(rows[0]))
    assert len(make(source=str(tmp_path)).all_tasks("test")) == 1  # dev serves only where test is absent
    for text in ("[]", "{}", "[1]", "["):
        (tmp_path / "train.json").write_text(text)
        with pytest.raises(DataError, match=r"train\.json (must hold a JSON array|cannot be read|holds no rows)"):
            make(source=str(tmp_path)).reset()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Q?", "options": ["a"], "answer": "A"}, "row 1 needs a question, options"),
        ({"options": ["a", "b"], "answer": "A"}, "row 1 needs a question, options"),
        ({"question": "Q?", "options": ["a", 2], "answer": "A"}, "row 1 needs a question, options"),
        ({"question": "Q?", "options": ["a", "b"]}, "row 1 needs a question, options"),
        ({"question": "Q?", "options": ["a", "b"], "answer": "C"}, "must be one of A, B, got 'C'"),
        ({"question": "Q?", "choices": ["a", "b"], "answer": 2}, "must be one of A, B, got '2'"),
        ({"question": "Q?", "choices": ["a", "b"], "answer": True}, "must be one of A, B, got True"),
    ],
)
def test_a_row_that_is_no_question(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match=message):
        make(source=str(path)).reset()


@pytest.mark.parametrize("options", [1, 6, True, "4"])
def test_wrong_numbers_of_options(options: Any) -> None:
    with pytest.raises(ConfigError, match="options must be a whole number from 2 to 5"):
        make(options=options)


@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        ("aqua", "test", 254),
        ("mmlu_stem", "test", 3018),
        ("sat_math", "test", 32),
        ("agieval/logiqa-en.jsonl.gz", "test", 651),
        ("agieval/lsat-ar.jsonl.gz", "test", 230),
        ("ar_lsat", "test", 230),
        ("logical_deduction", "train", 1200),
    ],
)
def test_every_public_row_accepts_its_own_answer(
    name: str, split: Split, count: int, data_dir: Callable[[str], Path]
) -> None:
    env = make(source=str(data_dir(name)))
    tasks = env.all_tasks(split)
    assert (len(tasks), env.left_out[split]) == (count, 0)
    assert [t.id for t in tasks if played(env, t, str(env.gold(t)[0])) != 1.0] == []
