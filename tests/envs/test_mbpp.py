"""MBPP: its forms, its splits, what its prompt shows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._code.replies import fenced
from agentrl.errors import ConfigError, DataError

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "code_rows.json").read_text())["mbpp"]


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "a.json.gz"
    file.write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    return str(file)


def test_splits_are_the_papers(path: str) -> None:
    env = agentrl.make("mbpp", source=path)
    assert [task.id for task in env.all_tasks("train")] == ["mbpp/601", "mbpp/602"]
    assert [task.id for task in env.all_tasks("test")] == ["mbpp/11", "mbpp/12"]


def test_the_prompt_shows_the_first_tests_and_the_others_decide(path: str) -> None:
    env = agentrl.make("mbpp", source=path, split="test")
    observation, _ = env.reset(options={"task": "mbpp/11"})
    assert "assert add_it(0) == 11" in observation[1].content
    assert "add_it(5)" not in observation[1].content
    assert env.step(fenced("def add_it(n):\n    return 11"))[1] == 0.0
    env.reset(options={"task": "mbpp/11"})
    observation, reward, *_ = env.step(fenced("def add_it(n):\n    return n + 11"))
    assert (observation, reward) == ((), 1.0)


@pytest.mark.parametrize(("shown", "visible"), [(1, [0]), (2, [0, 1]), (3, []), (9, [])])
def test_how_many_are_shown(shown: int, visible: list[int], path: str) -> None:
    task = agentrl.make("mbpp", source=path, shown=shown).all_tasks("test")[0]
    assert task.prompt[1].content.count("assert ") == min(shown, 3)
    assert task.answer["visible"] == visible  # with all of them shown, all decide


def test_imports_and_challenges_belong_to_the_tests(path: str, tmp_path: Path) -> None:
    env = agentrl.make("mbpp", source=path)
    env.reset(options={"task": "mbpp/602"})
    assert env.step(fenced("def circle(r):\n    return 3.141592653589793 * r * r"))[1] == 1.0
    file = tmp_path / "b.jsonl"
    file.write_text(json.dumps({**ROWS[0], "challenge_test_list": ["assert add_it(-11) == 1"]}))
    harder = agentrl.make("mbpp", source=str(file), split="test")
    harder.reset(seed=0)
    assert harder.task is not None
    assert harder.step(harder.gold(harder.task)[0])[1] == 0.0


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="shown must be a whole number, at least 1; got 0"):
        agentrl.make("mbpp", shown=0)
    file = tmp_path / "a.json"
    for text, message in (
        ("{}", "JSON array"),
        ("[]", "JSON array"),
        ("[1", "cannot be read"),
        ("[[1]]", "JSON array"),
    ):
        file.write_text(text)
        with pytest.raises(DataError, match=message):
            agentrl.make("mbpp", source=str(file)).reset()
    with pytest.raises(DataError, match="does not exist"):
        agentrl.make("mbpp", source=str(tmp_path / "absent.json")).reset()
    file.write_text(json.dumps([{"task_id": 1, "text": "T"}]))
    with pytest.raises(DataError, match="row 1: an MBPP row has text or prompt, code and test_list"):
        agentrl.make("mbpp", source=str(file)).reset()


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [("mbpp.jsonl.gz", 474, 500), ("sanitized-mbpp.json.gz", 170, 257), ("mbpp_test.jsonl.gz", 0, 500)],
)
def test_public_rows(name: str, train: int, test: int, data_dir: Callable[[str], Path]) -> None:
    env = agentrl.make("mbpp", source=str(data_dir(f"mbpp/{name}")), split="test")
    assert (len(env.tasks("train")), len(env.tasks("test"))) == (train, test)
    for task in env.all_tasks("test")[:: test // 5]:
        env.reset(options={"task": task})
        assert env.step(env.gold(task)[0])[1] == 1.0, task.id
