"""LiveCodeBench: its forms, its dates, and packed tests that are read without running them."""

from __future__ import annotations

import base64
import json
import os
import pickle
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.environment import Env
from agentrl.envs._code.examples import printed_examples
from agentrl.envs._code.replies import fenced
from agentrl.envs._code.rows import packed
from agentrl.envs._code.suites import lines_of_json
from agentrl.errors import DataError

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "code_rows.json").read_text())["livecodebench"]


def make(path: Path, *rows: Mapping[str, Any], **options: Any) -> Env:
    path.write_text(json.dumps(rows or ROWS))
    return agentrl.make("livecodebench", source=str(path), **options)


def pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


COUNT = (
    "class Solution:\n    def count(self, s: str, t: List[str]) -> int:\n        return sum({} for c in s if c in t)"
)


@pytest.mark.parametrize(
    ("row", "right", "wrong"),
    [
        (0, "print(int(input()) + 1)", "print(2)"),
        (1, COUNT.format("c in 'aeiou'"), COUNT.format("1").replace("sum", "1 + sum")),
        (2, "print(max(map(int, input().split())))", "print(2)"),
        (3, "class Solution:\n    def add(self, a, b): return a + b", "def add(a, b): return a + b"),
        (4, "print(*[input()] * 2)", "print(4, 4)"),
    ],
)
def test_programs_of_every_form(row: int, right: str, wrong: str, tmp_path: Path) -> None:
    env = make(tmp_path / "a.json")
    task = env.all_tasks("test")[row]
    for program, reward in ((right, 1.0), (wrong, 0.0)):
        env.reset(options={"task": task})
        assert env.step(fenced(program))[1] == reward
    assert bool(env.gold(task)) == (row > 2)


def test_public_tests_are_visible_and_private_ones_decide(tmp_path: Path) -> None:
    env = make(tmp_path / "a.json")
    tasks = env.all_tasks("test")
    assert [[case["visible"] for case in task.answer["cases"]] for task in tasks[:2]] == [[True, False]] * 2
    assert tasks[1].answer["cases"][1] == {"args": ["xyz", ["a", "b"]], "expected": 0, "visible": False}
    env.reset(options={"task": tasks[0]})
    *_, info = env.step(fenced("print(2)"))
    assert info["verdict"].feedback == "1 of 1 visible tests pass.\n0 of 1 hidden tests pass."


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, 5),
        ({"since": "2024-06-01"}, 1),
        ({"until": "2024-06-01"}, 1),
        ({"since": "2024-05-01", "until": "2024-10-01"}, 2),
    ],
)
def test_dates(options: dict[str, str], kept: int, tmp_path: Path) -> None:
    assert len(make(tmp_path / "a.json", **options).all_tasks("test")) == kept


def test_packed_tests() -> None:
    tests = [{"input": "1", "output": "2"}]
    text = json.dumps(tests)
    for form in (tests, text, pack(text.encode()), *(pack(pickle.dumps(text, p)) for p in range(2, 6))):
        assert packed(form, "row 1") == tests
    assert packed(pack(pickle.dumps({"input_output": text})), "row 1") == tests


class Hostile:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch harmed",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pack(pickle.dumps(Hostile())), "row 1 is a pickle that does more than hold text"),
        (pack(pickle.dumps(["[1]"])), "more than hold text"),
        (pack(pickle.dumps("[1")), "row 1 is not JSON"),
        (pack(pickle.dumps("[1]"))[:-8], "neither JSON nor base64|cut short"),
        (pack(pickle.dumps("[1]")[:-4]), "broken pickle"),
        (pack(b"\x80\x04."), "a pickle without text"),
        (pack(b"\xff"), "not JSON"),
        ("%%%", "neither JSON nor base64"),
        ("[1", "not JSON"),
    ],
)
def test_packed_tests_that_are_refused(
    value: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        packed(value, "row 1")
    assert not (tmp_path / "harmed").exists()


def test_a_small_packet_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrl.envs._code.rows._MOST", 1000)
    assert packed(pack(b"[1]" + b" " * 900), "row 1") == [1]
    with pytest.raises(DataError, match="unpacks to more than 1000 bytes"):
        packed(pack(b"[1]" + b" " * 1000), "row 1")


def test_arguments_one_a_line() -> None:
    assert lines_of_json('1\n\n"a\\nb"\n[1,\t2]\n', "") == [1, "a\nb", [1, 2]]
    with pytest.raises(DataError, match="row 1: an argument is not JSON"):
        lines_of_json("a = 1", "row 1")


def test_examples_of_a_statement() -> None:
    text = "T\n\nInput\n\nn\n\nOutput\n\nm\n\n-----Examples-----\nInput\n1\n2\n\nOutput\n3\n\n-----Note-----\nx\n"
    assert printed_examples(text) == [("1\n2", "3")]
    assert printed_examples("Input\n\n1\n\nOutput\n\n2") == []  # no heading: this is a description


def test_rows_of_another_form(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 1 is of none of the known forms"):
        make(tmp_path / "a.json", {"text": "?"}).reset()
    with pytest.raises(DataError, match="row 1: no function, or no examples"):
        make(tmp_path / "a.json", {**ROWS[3], "question": "Return a + b."}).reset()


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("sandboxfusion_samples/code_eval_live_code_bench_v1.jsonl", [5, 14, 15]),
        ("code_lcb_fewshot/func.json", [2, 3]),
        ("code_lcb_fewshot/stdin.json", [1, 3]),
    ],
)
def test_public_rows(name: str, cases: list[int], data_dir: Callable[[str], Path]) -> None:
    env = agentrl.make("livecodebench", source=str(data_dir(name)))
    tasks = env.all_tasks("test")
    assert [len(task.answer["cases"]) for task in tasks] == cases
    for task in tasks:
        env.reset(options={"task": task})
        gold = env.gold(task)
        assert env.step(gold[0] if gold else fenced("import sys; sys.exit(0)"))[1] == (1.0 if gold else 0.0)
