"""Searching tools by embeddings: the light embedder, one's own, and tasks that need a search of that kind."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

import agentrl
from agentrl.envs._tools.directory import dealt
from agentrl.envs.tool_search import _library
from agentrl.errors import ConfigError
from agentrl.types import Task

light = pytest.mark.skipif(importlib.util.find_spec("wordllama") is None, reason="pip install 'agentrl[embeddings]'")
LETTERS = """import string

def embed(texts):
    embed.calls.append(len(texts))
    return [[text.lower().count(letter) for letter in string.ascii_lowercase] for text in texts]

embed.calls = []
"""


def make(**options: Any) -> Any:
    return agentrl.make("tool_search", retriever="embeddings", **options)


def play(env: Any, task: Task, reply: str) -> float:
    env.reset(options={"task": task})
    reward: float = env.step(reply)[1]
    return reward


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A relative path: tasks are drawn from the embedder's name, and are then the same in every run."""
    (tmp_path / "letters.py").write_text(LETTERS)
    monkeypatch.chdir(tmp_path)
    _library.cache_clear()
    yield "letters.py:embed"
    _library.cache_clear()


@light
@pytest.mark.parametrize("level", [1, 2, 3])
def test_gold_is_right_and_the_floors_hold(level: int) -> None:
    env = make(level=level)
    splits = {split: [env.all_tasks(split)[i] for i in range(100)] for split in ("train", "test")}
    for split, tasks in splits.items():
        assert {play(env, task, env.gold(task)[0]) for task in tasks} == {1.0}
        assert {name for task in tasks for name in task.answer["relevant"]} <= set(dealt(split))
    tasks = [*splits["train"], *splits["test"]]
    for reply in ("", "<think>fleet invoice"):
        assert {play(env, task, reply) for task in tasks[:20]} == {0.0}
    for reply in ("?", "yes", "fleet\n" * 4, "invoice " * 30):
        assert mean(play(env, task, reply) for task in tasks) < 0.02, reply
    whole = [play(env, task, task.prompt[-1].content) for task in tasks]
    parts = [play(env, task, without_frame(task.prompt[-1].content)) for task in tasks]
    assert max(*whole, *parts) < 1
    assert mean(whole) < {1: 0.35, 2: 0.2, 3: 0.1}[level]


def without_frame(request: str) -> str:
    """What a request asks for, a line a tool: neither its date nor its "please"."""
    asked = request.partition(". Please, ")[2].removesuffix(".")
    return asked.replace(". Also, ", "\n")


@light
def test_a_request_in_other_words_finds_more_than_by_words() -> None:
    means = {}
    for retriever in ("bm25", "embeddings"):
        env: Any = agentrl.make("tool_search", level=2, retriever=retriever)
        tasks = [env.all_tasks("train")[i] for i in range(150)]
        means[retriever] = mean(play(env, task, without_frame(task.prompt[-1].content)) for task in tasks)
    assert means["embeddings"] > means["bm25"] + 0.1


@light
def test_both_turns_in_other_words() -> None:
    env = make(level=2, mode="call")
    for i in range(10):
        task = env.all_tasks("test")[i]
        queries, call = env.gold(task)
        env.reset(options={"task": task})
        env.step(queries)
        assert env.step(call)[1] == 1


def test_each_retriever_has_tasks_of_its_own(letters: str) -> None:
    words: Any = agentrl.make("tool_search", embedder="nobody:asks")
    by_letters = make(embedder=letters)
    assert words.all_tasks("train")[0].id == "tool_search/1/train/0"
    task = by_letters.all_tasks("train")[0]
    assert task.id == f"tool_search/1/{letters}/train/0"
    assert "by embeddings" in task.prompt[0].content
    assert "as they are written" in words.all_tasks("train")[0].prompt[0].content
    by_letters.reset(options={"task": task.id})
    assert by_letters.task == task


def test_an_embedder_of_ones_own_searches(letters: str) -> None:
    """Anagrams are one text to it: what the request cannot say, its letters do."""
    env = make(embedder=letters)
    for i in range(20):
        task = env.all_tasks("train")[i]
        (query,) = env.gold(task)
        assert play(env, task, query) == play(env, task, query[::-1]) == 1
        assert play(env, task, "qqq zzz xxx") < 1


def test_the_tools_are_embedded_once_and_copies_hold_no_vectors(letters: str) -> None:
    env = make(embedder=letters)
    calls = env._library.index.engine._embed.calls
    assert calls == [2400]
    other = make(embedder=letters, level=3)
    assert other._library is env._library
    assert copy.deepcopy(env)._library is env._library
    assert calls == [2400]
    assert not any("vector" in name or "library" in name for name in vars(env))


def test_a_fork_equals_a_replay(letters: str) -> None:
    env, fork = make(embedder=letters, mode="call"), make(embedder=letters, mode="call")
    task = env.all_tasks("train")[0]
    queries, call = env.gold(task)
    env.reset(options={"task": task})
    env.step(queries)
    fork.restore(env.snapshot())
    assert fork.state_key() == env.state_key()
    assert fork.step(call) == env.step(call)


def test_wrong_embedders_are_named_at_the_first_task(tmp_path: Path) -> None:
    path = tmp_path / "flat.py"
    path.write_text("def embed(texts):\n    return [1.0] * len(texts)\n")
    with pytest.raises(ConfigError, match=r"must give one row .* got the shape \(2400,\) for 2400 texts"):
        make(embedder=f"{path}:embed").all_tasks("train")[0]
    with pytest.raises(ConfigError, match="embedder must be 'wordllama'"):
        make(embedder="").all_tasks("train")[0]
