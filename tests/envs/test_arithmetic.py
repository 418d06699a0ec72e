"""Generated arithmetic: right answers, splits that cannot overlap, varied phrasing."""

from __future__ import annotations

import ast
import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentrl
from agentrl.environment import Env
from agentrl.envs.arithmetic import LEVELS, PHRASES, arithmetic_tasks, shuffled
from agentrl.errors import ConfigError
from agentrl.types import Split, Task

OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
SPLITS: tuple[Split, ...] = ("train", "test")


def value(node: ast.expr) -> int:
    """The value of a parsed expression, walked by hand."""
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](value(node.left), value(node.right))
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int)
    return node.value


def twin(node: ast.expr) -> object:
    """Equal for two expressions that differ only in the order of commuting operands."""
    if not isinstance(node, ast.BinOp):
        return value(node)
    sides = [twin(node.left), twin(node.right)]
    return type(node.op).__name__, *(sides if isinstance(node.op, ast.Sub) else sorted(sides, key=repr))


def parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def some(level: int, count: int = 2000) -> list[Task]:
    """Tasks spread over both splits."""
    found = []
    for split in SPLITS:
        tasks = arithmetic_tasks(level, 2, split)
        found += [tasks[i] for i in range(0, len(tasks), max(1, len(tasks) // count))]
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_answers_are_right(level: int) -> None:
    for task in some(level):
        assert task.answer == value(parsed(task.data["expression"])), task.id
        assert task.id == f"{level}:{task.data['expression'].replace(' ', '')}"
        assert task.data["expression"] in task.prompt[-1].content


@pytest.mark.parametrize(("level", "numbers"), [(1, range(10)), (2, range(10, 100))])
def test_splits_hold_every_problem_once(level: int, numbers: range) -> None:
    pairs = [(a, b) for a in numbers for b in numbers if a >= b]
    expected = {twin(parsed(f"{a} {sign} {b}")) for a, b in pairs for sign in "+-"}
    shown = {twin(parsed(m.content.partition(" =")[0])) for m in arithmetic_tasks(level, 4, "train")[0].prompt[2::2]}
    train, test = ({twin(parsed(t.data["expression"])) for t in arithmetic_tasks(level, 2, split)} for split in SPLITS)
    assert len(shown) == 4
    assert train | test == expected - shown
    assert len(train) == len(arithmetic_tasks(level, 2, "train")) == round(0.8 * (len(expected) - 4))
    assert len(test) == len(arithmetic_tasks(level, 2, "test"))
    assert len(train) + len(test) == len(expected) - 4


@pytest.mark.parametrize("level", [3, 4, 5])
def test_no_task_repeats(level: int) -> None:
    tasks = some(level, 4000)
    assert len({twin(parsed(task.data["expression"])) for task in tasks}) == len(tasks)


def test_splits_do_not_depend_on_shots() -> None:
    for split in SPLITS:
        assert [t.id for t in arithmetic_tasks(1, 0, split)] == [t.id for t in arithmetic_tasks(1, 4, split)]


@given(st.integers(1, 3000), st.binary(max_size=8))
def test_shuffled_is_one_to_one(size: int, key: bytes) -> None:
    assert sorted(shuffled(i, size, key) for i in range(min(size, 300))) == sorted(
        {shuffled(i, size, key) for i in range(min(size, 300))}
    )
    assert all(0 <= shuffled(i, size, key) < size for i in range(min(size, 300)))


def test_shuffled_covers_its_range_in_no_plain_order() -> None:
    places = [shuffled(i, 1000, b"key") for i in range(1000)]
    assert sorted(places) == list(range(1000))
    assert places != list(range(1000))
    assert places != [shuffled(i, 1000, b"other key") for i in range(1000)]
    assert 150 < sum(p < 200 for p in places[::5]) * 5 < 250  # every fifth place still draws evenly


@pytest.mark.parametrize("level", LEVELS)
def test_phrasing_and_order_vary(level: int) -> None:
    tasks = some(level)
    used = Counter(next(p for p in PHRASES if t.prompt[-1].content == p.format(t.data["expression"])) for t in tasks)
    assert set(used) == set(PHRASES)
    assert min(used.values()) > len(tasks) / 12
    commuting = [t.data["expression"].split() for t in tasks if "+" in t.data["expression"] and level < 5]
    assert level == 5 or 0.3 < sum(int(a) > int(b) for a, _, b in commuting) / len(commuting) < 0.7


@pytest.mark.parametrize(
    ("level", "shapes"),
    [(1, "+-"), (2, "+-"), (3, "+-"), (4, "*+-"), (5, "*-")],
)
def test_operations_are_balanced(level: int, shapes: str) -> None:
    def outer(task: Task) -> str:
        node = parsed(task.data["expression"])
        assert isinstance(node, ast.BinOp)
        return {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}[type(node.op)]

    counts = Counter(map(outer, some(level)))
    assert set(counts) == set(shapes)
    assert min(counts.values()) > 0.7 * len(some(level)) / len(shapes)


def test_negative_answers_come_at_level_5_only() -> None:
    assert {level: any(t.answer < 0 for t in some(level)) for level in LEVELS} == {
        1: False,
        2: False,
        3: False,
        4: False,
        5: True,
    }


def test_the_prompt() -> None:
    observation, info = agentrl.make("arithmetic").reset(seed=3)
    assert [(m.role, m.content) for m in observation[:-1]] == [
        ("system", "You are a calculator."),
        ("user", "What is 21 + 47?"),
        ("assistant", "21 + 47 = 68\n#### 68"),
        ("user", "What is 85 - 32?"),
        ("assistant", "85 - 32 = 53\n#### 53"),
    ]
    assert observation[-1].role == "user"
    assert info["task"].startswith("2:")


def test_all_prompts_share_a_prefix_and_no_shots_state_the_format() -> None:
    assert len({task.prompt[:-1] for task in some(2)}) == 1
    (system, _) = arithmetic_tasks(2, 0, "train")[0].prompt
    assert "####" in system.content


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("#### {}", "correct"),
        ("{}", "no_answer"),
        ("#### {}0", "incorrect"),
        ("#### ?", "incorrect"),
        ("####", "malformed"),
    ],
)
def test_replies(reply: str, status: str) -> None:
    env = agentrl.make("arithmetic", level=3)
    env.reset(seed=5)
    assert env.task is not None
    *_, terminated, truncated, info = env.step(reply.format(env.task.answer))
    assert (terminated, truncated, info["verdict"].status) == (True, False, status)


def test_tasks_are_a_sequence() -> None:
    tasks = arithmetic_tasks(1, 1, "test")
    assert tasks[-1] == tasks[len(tasks) - 1]
    assert list(tasks[2:5]) == [tasks[2], tasks[3], tasks[4]]
    assert tasks[3] in tasks
    with pytest.raises(IndexError):
        tasks[len(tasks)]


def test_reset_takes_a_task_by_id() -> None:
    env: Env = agentrl.make("arithmetic", level=1)
    wanted = env.all_tasks("test")[4]
    observation, info = env.reset(options={"task": wanted.id, "split": "test"})
    assert (observation, info["task"]) == (wanted.prompt, wanted.id)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_task_is_found_by_its_id_alone(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = (arithmetic_tasks(level, 2, split) for split in SPLITS)
    sample = [(tasks, other, tasks[i]) for tasks, other in ((train, test), (test, train)) for i in range(-20, 0)]
    made: list[str] = []

    def make(id: str, *rest: Any) -> Task:
        made.append(id)
        return Task(id, *rest)

    monkeypatch.setattr("agentrl.envs.arithmetic.Task", make)
    for tasks, other, task in sample:
        made.clear()
        assert tasks.named(task.id) == task
        assert made == [task.id]
        assert other.named(task.id) is None
    assert made == [sample[-1][2].id]


@pytest.mark.parametrize(
    "id",
    [
        *("", "2", "2:", "2:1+", "2:12+13+14", "2:021+48", "2:12-13", "3:12+13", "2:999+1", "a:b", "2:" + "9" * 5000),
        *("2:21+47", "2:47+21"),  # a worked example
    ],
)
def test_an_id_of_no_task(id: str) -> None:
    assert [arithmetic_tasks(2, 2, split).named(id) for split in SPLITS] == [None, None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 6}, "level must be a whole number from 1 to 5; got 6"),
        ({"shots": 5}, "shots must be a whole number from 0 to 4; got 5"),
        ({"shots": -1}, "shots must be a whole number from 0 to 4; got -1"),
    ],
)
def test_wrong_options(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        agentrl.make("arithmetic", **options)
