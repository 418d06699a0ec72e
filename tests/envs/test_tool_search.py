"""Searching tools: the directory, the engine, both turns, the public data."""

from __future__ import annotations

import datetime
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

import agentrl
from agentrl.envs._tools.directory import ACTIONS, DOMAINS, THINGS, dealt, directory
from agentrl.envs._tools.kinds import Scene
from agentrl.envs._tools.ranking import by_words
from agentrl.errors import ConfigError, DataError, MissingExtraError
from agentrl.types import Message, Task

pytest.importorskip("bm25s")
DataDir = Callable[[str], Path]


def play(env: Any, task: Task, *replies: str | Message) -> tuple[float, str]:
    """Reward and status at the end; the last reply is repeated."""
    env.reset(options={"task": task})
    for reply in (*replies, replies[-1]):
        _, reward, terminated, truncated, info = env.step(reply)
        if terminated or truncated:
            return reward, info["verdict"].status
    raise AssertionError("the episode does not end")


def first(env: Any, count: int, split: str = "train") -> list[Task]:
    return [env.all_tasks(split)[i] for i in range(count)]


def test_the_directory_has_near_tools_on_three_sides() -> None:
    tools = directory()
    assert len(tools) == 2400
    places = Counter(tool.thing for tool in tools.values() if tool.action == "archive")
    assert set(places) == set(THINGS)
    assert min(places.values()) > 1
    for tool in list(tools.values())[::97]:
        others = [other for other in tools.values() if other != tool]
        assert any((o.domain, o.thing) == (tool.domain, tool.thing) for o in others)
        assert any((o.domain, o.action) == (tool.domain, tool.action) for o in others)
        assert any((o.thing, o.action) == (tool.thing, tool.action) for o in others)


def test_no_wording_stands_for_two_words() -> None:
    for table in (DOMAINS, THINGS):
        wordings = [wording for own, others in table.items() for wording in (own, *others)]
        assert len(set(wordings)) == len(wordings)
    assert all(not set(re.findall(r"\w+", other)) & {own} for own, deed in ACTIONS.items() for other in deed.others)


@pytest.mark.parametrize(("level", "own"), [(1, 2), (2, 1), (3, 0)])
def test_a_request_uses_as_many_words_of_the_tool_as_its_level_says(level: int, own: int) -> None:
    counts = Counter[int]()
    for seed, tool in enumerate(list(directory().values())[::13]):
        asked = tool.asked(Scene(random.Random(seed), level, datetime.date(2025, 1, 1)))
        words = set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", asked.text)))
        counts[len(words & {tool.domain, tool.thing, tool.action})] += 1
        assert set(asked.values) == set(ACTIONS[tool.action].parameters)
        assert all(not re.search(r"\ba [aeiou]", text) for text in (asked.text, tool.about)), asked.text
    assert counts.most_common(1)[0][0] == own
    assert counts[own] > 0.95 * sum(counts.values())  # "get the cars of the fleet" may name it by chance


def test_the_engine_ranks_as_bm25_by_hand() -> None:
    """idf 1.2 and 0.47 of a word in one and two of three documents of equal length."""
    index = by_words({"a": "red apple", "b": "green apple", "c": "blue sky"})
    assert index.search("apple", 3) == ["a", "b"]
    assert index.search("green apple", 3) == ["b", "a"]
    assert index.search("the of", 3) == index.search("quartz", 3) == index.search("", 3) == []
    assert index.rank(["sky", "apple"], 3) == ["c", "a", "b"]
    assert index.rank(["apple", "green"], 3) == ["a", "b"]
    assert by_words({"x": "getRedApple now", "y": "gets read"}).search("red", 2) == ["x"]


def test_a_missing_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bm25s", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[shop\]'"):
        by_words({"a": "b"})


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("mode", ["query", "call"])
def test_gold_is_right_and_the_floors_hold(level: int, mode: str) -> None:
    env: Any = agentrl.make("tool_search", level=level, mode=mode)
    tasks = [*first(env, 50), *first(env, 50, "test")]
    assert {play(env, task, *env.gold(task)) for task in tasks} == {(1.0, "correct")}
    assert max(len(task.answer["relevant"]) for task in tasks) == level
    for reply in ("", "?", "yes", "the of and", "fleet\n" * 5, "invoice " * 100, "<think>fleet invoice"):
        assert {play(env, task, reply)[0] for task in tasks[:20]} == {0.0}, reply
    echo = [play(env, task, task.prompt[-1].content)[0] for task in tasks]
    assert max(echo) < 1
    assert mean(echo) < {1: 0.3, 2: 0.1, 3: 0.03}[level] * (mode == "query") + 1e-9


def test_no_tool_is_in_both_splits_of_whatever_levels_and_tasks_are_stable() -> None:
    train, test = set[str](), set[str]()
    for level in (1, 2, 3):
        env: Any = agentrl.make("tool_search", level=level)
        train |= {name for task in first(env, 150) for name in task.answer["relevant"]}
        test |= {name for task in first(env, 150, "test") for name in task.answer["relevant"]}
        assert first(env, 5) == first(agentrl.make("tool_search", level=level, k=5), 5)
    assert train.isdisjoint(test)
    assert train <= set(dealt("train"))
    assert test <= set(dealt("test"))
    assert set(dealt("train")) | set(dealt("test")) == set(directory())


def test_a_range_of_levels_draws_each_task_from_one_of_them() -> None:
    env: Any = agentrl.make("tool_search", level="1-3")
    tasks = first(env, 60)
    assert {len(task.answer["relevant"]) for task in tasks} == {1, 2, 3}
    assert {play(env, task, *env.gold(task)) for task in tasks} == {(1.0, "correct")}
    assert {task.id.rpartition("/")[0] for task in tasks} == {"tool_search/1-3/train"}


def test_no_draw_is_lost_to_the_other_split(monkeypatch: pytest.MonkeyPatch) -> None:
    env: Any = agentrl.make("tool_search", level=3)
    drawn, draw = [], env._draw

    def counted(*parts: Any) -> Any:
        drawn.append(draw(*parts))
        return drawn[-1]

    monkeypatch.setattr(env, "_draw", counted)
    first(env, 40, "test")
    assert sum(found is not None for found in drawn) == 40


def test_queries_are_ranked_in_turn() -> None:
    env: Any = agentrl.make("tool_search", level=2)
    task = next(task for task in first(env, 50) if len(task.answer["relevant"]) == 2)
    one, two = task.data["queries"]
    assert play(env, task, f"{one}\n\n  {two}\n") == (1.0, "correct")
    assert play(env, task, f"{two}\n{one}") == (1.0, "correct")
    assert play(env, task, f"<think>hm</think>{one}\n{two}") == (1.0, "correct")
    assert play(env, task, one)[1] == "partial"
    assert play(env, task, f"{one}\n{two}\n" + "x\n" * 3) == (0.0, "malformed")
    assert play(env, task, f"{one} {'x ' * 300}\n{two}") == (0.0, "malformed")
    env.reset(options={"task": task})
    checks = {check.name: check.passed for check in env.step(one)[4]["verdict"].checks}
    assert checks == {"entry 1": True, "entry 2": False, "entry 3": False, "entry 4": False, "entry 5": False} | {
        "complete": False
    }


def test_metrics() -> None:
    """Of two tools the first is found at rank 1: nDCG 1 / (1 + 1 / log2(3)), recall a half."""
    for metric, reward in (("ndcg", 0.6131471927654584), ("recall", 0.5), ("completeness", 0.0)):
        env: Any = agentrl.make("tool_search", level=2, metric=metric)
        task = next(task for task in first(env, 50) if len(task.answer["relevant"]) == 2)
        assert play(env, task, task.data["queries"][0])[0] == pytest.approx(reward)


@pytest.mark.parametrize(
    ("combine", "late", "none"), [("product", 0.630929754, 0.0), ("mean", 0.815464877, 0.5), ("call", 1, 0)]
)
def test_both_turns_make_the_reward(combine: str, late: float, none: float) -> None:
    """A tool at rank 2 has an nDCG of 1 / log2(3) = 0.6309."""
    env: Any = agentrl.make("tool_search", mode="call", combine=combine)
    task = first(env, 1)[0]
    (query, call), tools = env.gold(task), directory()
    wanted = tools[task.answer["relevant"][0]]
    other = next(t for t in tools.values() if t.domain == wanted.domain and t.thing != wanted.thing)
    assert play(env, task, query, call) == (1.0, "correct")
    assert play(env, task, f"{other.query}\n{query}", call)[0] == pytest.approx(late)
    assert play(env, task, query, "Done.")[0] == pytest.approx(none)
    missed = play(env, task, other.query.replace(other.domain, ""), call)
    assert missed == (0.0, "incorrect")


@pytest.mark.parametrize("dialect", ["hermes", "llama_json", "python"])
def test_the_tools_that_were_found_are_shown_and_only_right_calls_count(dialect: str) -> None:
    env: Any = agentrl.make("tool_search", mode="call", level=2, dialect=dialect)
    for task in first(env, 15):
        queries, call = env.gold(task)
        env.reset(options={"task": task})
        (shown,), reward, terminated, *_ = env.step(queries)
        assert (reward, terminated) == (0.0, False)
        assert all(f'"{name}"' in shown.content for name in task.answer["relevant"])
        assert shown.content.count('"parameters": {"type": "object"') == 5
        wrong = re.sub(r"R-\d{4}|(?<=title[\"'=:])[\s\"']*\w+", "R-0000", call)
        assert wrong == call or play(env, task, queries, wrong)[0] == 0


def test_a_fork_equals_a_replay() -> None:
    env, fork = (agentrl.make("tool_search", mode="call") for _ in range(2))
    for task in first(env, 10):
        queries, call = env.gold(task)
        env.reset(options={"task": task})
        env.step(queries)
        fork.restore(env.snapshot())
        assert fork.state_key() == env.state_key()
        assert fork.step(call) == env.step(call)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "both"}, "mode must be one of query, call"),
        ({"level": 0}, 'level must be 1 to 3, or a range such as "1-3"; got 0'),
        ({"level": "2-4"}, "level must be 1 to 3"),
        ({"retriever": "dense"}, "retriever must be one of bm25, embeddings"),
        ({"k": 2}, "k must be a whole number from 3 to 50; got 2"),
        ({"k": True}, "k must be a whole number"),
        ({"metric": "mrr"}, "metric must be one of ndcg"),
        ({"combine": "sum"}, "combine must be one of product"),
        ({"dialect": "openai"}, "dialect must be one of hermes, llama_json, python"),
        ({"count": 0}, "count must be a whole number, at least 1"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        agentrl.make("tool_search", **options)


def metatool(folder: Path, *rows: tuple[str, str]) -> str:
    folder.mkdir(exist_ok=True)
    about = {"Rain": "Forecast of showers and storms", "Cook": "Recipes for dinner", "Fly": "Flights and airports"}
    (folder / "plugin_des.json").write_text(json.dumps(about))
    (folder / "big_tool_des.json").write_text("{}")
    (folder / "multi_tool_query_golden.json").write_text(json.dumps([{"query": "Both!", "tool": ["Rain", "Cook"]}]))
    lines = ["Query,Tool", *(f"{query},{tool}" for query, tool in rows)]
    (folder / "all_clean_data.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return str(folder)


def both(env: Any) -> dict[str, Task]:
    return {task.prompt[-1].content: task for split in ("train", "test") for task in env.tasks(split)}


def test_metatool_rows(tmp_path: Path) -> None:
    rows = (("Umbrella today?", "Rain"), ("Show me recipes", "Cook"), ("What?", "Nothing"), ("Umbrella today?", "Fly"))
    env: Any = agentrl.make("tool_search", source=metatool(tmp_path, *rows))
    tasks = both(env)
    assert set(tasks) == {"Umbrella today?", "Both!"}  # one finds its tool as it stands, one tool does not exist
    assert sum(env.left_out.values()) == 2
    assert play(env, tasks["Umbrella today?"], "storms") == (1.0, "correct")
    assert play(env, tasks["Both!"], "storms\ndinner") == (1.0, "correct")
    fresh: Any = agentrl.make("tool_search", source=str(tmp_path))
    env.reset(options={"task": tasks["Both!"]})
    fresh.restore(env.snapshot())
    assert fresh.step("storms\nrecipes") == env.step("storms\nrecipes")
    with pytest.raises(DataError, match="has no calls"):
        both(agentrl.make("tool_search", source=str(tmp_path), mode="call"))


def bench(folder: Path, **row: Any) -> str:
    api = {"category_name": "Data", "tool_name": "Tubes", "api_name": "Search", "api_description": "Find clips"}
    other = {**api, "api_name": "Login", "api_description": "Enter"}
    default: Mapping[str, Any] = {"api_list": [api, other], "query": "A film?", "relevant APIs": [["Tubes", "Search"]]}
    (folder / "G1_tool.json").write_text(json.dumps([{**default, **row}]))
    return str(folder)


def test_bench_rows(tmp_path: Path) -> None:
    env: Any = agentrl.make("tool_search", source=bench(tmp_path))
    (task,) = both(env).values()
    assert task.answer == {"relevant": ["Tubes/Search"], "k": 5}
    assert play(env, task, "clips") == (1.0, "correct")
    assert play(env, task, "login enter")[0] == 0


def test_broken_sources_are_named(tmp_path: Path) -> None:
    source = metatool(tmp_path / "meta")
    (tmp_path / "meta" / "all_clean_data.csv.gz").write_bytes(gzip.compress(b"Query,Tool")[:-9] + b"\xff" * 9)
    with pytest.raises(DataError, match=r"all_clean_data\.csv\.gz cannot be read"):
        both(agentrl.make("tool_search", source=source))
    with pytest.raises(DataError, match="holds neither MetaTool"):
        both(agentrl.make("tool_search", source=str(tmp_path)))
    with pytest.raises(DataError, match="not of the data set's form"):
        both(agentrl.make("tool_search", source=bench(tmp_path, api_list=[{}])))


@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("stabletoolbench", {}, {"train": (456, 141), "test": (130, 38)}),
        ("seal_tools", {"mode": "call"}, {"train": (307, 179)}),
        ("toolbench", {}, {"train": (5, 2), "test": (1, 2)}),
    ],
)
def test_public_rows(name: str, options: dict[str, Any], counts: dict[str, tuple[int, int]], data_dir: DataDir) -> None:
    env: Any = agentrl.make("tool_search", source=str(data_dir(name)), **options)
    for split, found in counts.items():
        tasks = env.all_tasks(split)
        assert (len(tasks), env.left_out[split]) == found
        for task in tasks[::9]:
            assert play(env, task, *env.gold(task)) == (1.0, "correct"), task.id
            assert play(env, task, task.prompt[-1].content)[0] < 1
