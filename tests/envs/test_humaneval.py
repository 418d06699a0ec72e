"""HumanEval: its rows, what is put before a reply, its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.environment import Env
from agentrl.envs._code.replies import fenced
from agentrl.envs._code.suites import LEETCODE, before, completed
from agentrl.errors import DataError
from agentrl.types import Message, Task, Transcript

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "code_rows.json").read_text())["humaneval"]


def make(path: Path, *rows: Mapping[str, Any]) -> Env:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows or ROWS))
    return agentrl.make("humaneval", source=str(path))


def status(env: Env, task: Task, program: str) -> str:
    env.reset(options={"task": task})
    return str(env.step(fenced(program))[4]["verdict"].status)


def test_a_row_becomes_a_task(tmp_path: Path) -> None:
    env = make(tmp_path / "a.jsonl")
    observation, info = env.reset(options={"task": "T/1"})
    assert [m.role for m in observation] == ["system", "user"]
    assert ROWS[1]["prompt"].strip() in observation[1].content
    assert "candidate" not in observation[1].content
    assert info["task"] == "T/1"
    assert env.task is not None
    assert env.step(env.gold(env.task)[0])[1] == 1.0


@pytest.mark.parametrize(
    ("task", "program", "wanted"),
    [
        (0, "def double(n):\n    return n + n", "correct"),
        (0, "def double(n):\n    return n * n", "incorrect"),
        (0, "def twice(n):\n    return n + n", "incorrect"),
        (0, "def double(n) return", "malformed"),
        (1, "def ring(a, b):\n    return area(a) - area(b)", "correct"),  # `area` and `math` are the prompt's
        (1, "import math\ndef ring(a, b):\n    return math.pi * (a * a - b * b)", "correct"),
        (1, "def ring(a, b):\n    return 0.0", "incorrect"),
        (2, "def evens(values: List[int]) -> List[int]:\n    return [v for v in values if not v % 2]", "correct"),
    ],
)
def test_programs(task: int, program: str, wanted: str, tmp_path: Path) -> None:
    env = make(tmp_path / "a.jsonl")
    assert status(env, env.all_tasks("test")[task], program) == wanted


def test_a_reply_without_a_program(tmp_path: Path) -> None:
    env = make(tmp_path / "a.jsonl")
    env.reset(seed=0)
    assert env.step("def double(n): return 2 * n")[4]["verdict"].status == "no_answer"


def test_what_stands_before_the_function() -> None:
    prompt = "import re\n\n@cache\ndef f(x):\n    '''F.'''\n\ndef g(x):\n    '''G.'''\n"
    assert before(prompt, "g") == "import re\n\n@cache\ndef f(x):\n    '''F.'''\n"
    assert before("def g(x):\n    '''G.'''\n", "g") == ""
    with pytest.raises(DataError, match="does not define 'h'"):
        before(prompt, "h")
    with pytest.raises(DataError, match="no Python"):
        before("def g(x)", "g")


def test_a_preamble_leaves_the_rest_of_a_transcript_alone() -> None:
    def put(reply: str, preamble: str = LEETCODE) -> str:
        task = Task("t", (), None, {"preamble": preamble})
        changed = completed(task, Transcript((Message("user", "?"), Message("assistant", reply))))
        assert changed.messages[0] == Message("user", "?")
        return changed.reply

    assert put("so\n```python\nx = 1\n```\nbye") == f"```python\n{LEETCODE}\nx = 1\n```"
    for same in ("no program", "```sh\nls\n```", "```python\nfrom __future__ import annotations\n```"):
        assert put(same) == same
    assert put("```python\nx = 1\n```", "") == "```python\nx = 1\n```"


def test_a_row_of_another_form(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2: the field 'test' must be text"):
        make(tmp_path / "a.jsonl", ROWS[0], {k: v for k, v in ROWS[1].items() if k != "test"}).reset()


def test_public_rows(data_dir: Callable[[str], Path]) -> None:
    env = agentrl.make("humaneval", source=str(data_dir("humaneval/HumanEval.jsonl.gz")))
    tasks = env.all_tasks("test")
    assert len(tasks) == 164
    with_helpers = [task.id for task in tasks if "def " in task.data["preamble"]]
    assert with_helpers == ["HumanEval/10", "HumanEval/32", "HumanEval/38", "HumanEval/50"]
    for task in [*tasks[::40], tasks[32]]:
        env.reset(options={"task": task})
        assert env.step(env.gold(task)[0])[1] == 1.0, task.id
        assert status(env, task, task.answer["setup"]) == "incorrect", "the prompt alone solves nothing"
