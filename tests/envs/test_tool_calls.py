"""Requests and tools: what the generator promises, the dialects, the loaders."""

from __future__ import annotations

import datetime
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._tools.actions import Action, drawn
from agentrl.envs._tools.kinds import Clock, Day, Measure, Minutes, Scene, Whole
from agentrl.envs._tools.requests import DOMAINS, KINDS, Request, draw_request
from agentrl.errors import ConfigError, DataError
from agentrl.types import Message, Task, ToolCall
from agentrl.verifiers._tools.dates import read_date

DataDir = Callable[[str], Path]
DIALECTS = ("hermes", "llama_json", "python", "openai")
TODAY = datetime.date(2025, 2, 27)
ACTIONS = [action for actions in DOMAINS.values() for action in actions]
ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS = {word: i for i, word in enumerate(ONES)} | {word: 10 * i for i, word in enumerate(TENS, 2)}


def number(said: str) -> int:
    """A number in digits or words, read without the generator."""
    total = 0
    for word in said.replace(",", "").replace("-", " ").replace(" and ", " ").split():
        total = total * 100 if word == "hundred" else total + (int(word) if word.isdigit() else NUMBERS[word])
    return total


def requests(level: int, count: int = 150) -> list[Request]:
    found = (draw_request(random.Random(f"{level}/{i}"), KINDS, level) for i in range(count))
    return [request for request in found if request is not None]


def play(env: Any, task: Task, reply: str | Message) -> tuple[float, str]:
    env.reset(options={"task": task})
    _, reward, _, _, info = env.step(reply)
    return reward, info["verdict"].status


def scenes(level: int) -> list[Scene]:
    return [Scene(random.Random(i), level, TODAY) for i in range(300)]


def test_there_are_many_tools_and_each_phrase_says_what_is_required() -> None:
    assert len({action.name for action in ACTIONS}) == len(ACTIONS) == 70
    for action in ACTIONS:
        required = {name for name, parameter in action.parameters.items() if not parameter.optional}
        for phrase in action.phrases:
            assert required <= set(re.findall(r"\{(\w+)\}", phrase)) <= set(action.parameters), phrase
        assert all(action.again in phrase for phrase in action.phrases), action.name


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_plain_requests_hold_every_value(action: Action) -> None:
    """At level 1 each value stands in the request as a call writes it; there are no braces left."""
    for seed in range(5):
        asked = drawn(action, Scene(random.Random(seed), 1, TODAY))
        assert not set("[]{}\0") & set(asked.text), asked.text
        for name, value in asked.values.items():
            kind = action.parameters[name].kind
            spoken = isinstance(value.plain, bool | list | dict) or "enum" in kind.schema()
            assert spoken or str(value.plain) in asked.text, (name, asked.text)


def test_numbers_in_words_are_the_numbers() -> None:
    for scene in scenes(2):
        value = Whole(0, 999).draw(scene)
        assert number(value.said) == value.plain


def test_lengths_of_time_are_the_minutes() -> None:
    fixed = {"an hour": 60, "half an hour": 30, "an hour and a half": 90, "three quarters of an hour": 45}
    for scene in scenes(2):
        value = Minutes().draw(scene)
        said, minutes = value.said, fixed.get(value.said)
        if minutes is None:
            hours = re.match(r"(an|[\w-]+) hours?\b|([\w-]+) and a half hours", said)
            rest = re.search(r"([\w-]+) minutes", said)
            minutes = 60 * (1 if said.startswith("an hour") else number(hours[1] or hours[2])) if hours else 0
            minutes += 30 if said.endswith("and a half hours") else number(rest[1]) if rest else 0
        assert minutes == value.plain, said


def test_days_are_counted_from_today() -> None:
    for scene in scenes(3):
        value = Day().draw(scene)
        said = re.sub(r"^[A-Z][a-z]{2}, ", "", value.said.removeprefix("on "))
        away = {"tomorrow": 1, "the day after tomorrow": 2, "a week from today": 7}.get(said)
        if away is None and said.endswith(" days from now"):
            away = number(said.removesuffix(" days from now"))
        day = read_date(said) if away is None else TODAY + datetime.timedelta(days=away)
        assert str(day) == value.plain, value.said


def test_times_in_words_are_the_times() -> None:
    for scene in scenes(3):
        value = Clock().draw(scene)
        said = value.said.removeprefix("at ")
        if said == "noon":
            assert value.plain == "12:00"
        elif "in the" in said:
            clock, part = said.split(" in the ")
            hour = number(clock.split()[-1])
            minutes = {"quarter past": 15, "half past": 30, "quarter to": -15}.get(" ".join(clock.split()[:-1]), 0)
            at = 60 * (hour % 12) + minutes + (0 if part == "morning" else 720)
            at += 720 if part == "morning" and at < 0 else 0
            at += 720 if part == "morning" and hour == 12 and minutes < 0 and at < 600 else 0
            assert f"{at // 60:02d}:{at % 60:02d}" == value.plain, said
        else:
            found = re.fullmatch(r"(\d+)(?::(\d+))? (am|pm)", said)
            assert found
            assert f"{int(found[1]) % 12 + 12 * (found[3] == 'pm'):02d}:{found[2] or '00'}" == value.plain


def test_measures_in_the_other_unit_are_the_same() -> None:
    said = Counter[str]()
    for scene in scenes(3):
        value = Measure("kg", 1, 200, "g", 1000).draw(scene)
        amount, unit = value.said.split()
        said[unit] += 1
        assert float(amount) == pytest.approx(value.plain * {"kg": 1, "g": 1000}[unit], rel=1e-9)
    assert min(said["kg"], said["g"]) > 50


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_right_tools_are_there_and_not_where_none_fits(level: int) -> None:
    seen = Counter[str]()
    for request in requests(level):
        seen[request.kind] += 1
        names, wanted = [t.name for t in request.tools], {a.action.name for a in request.asked}
        assert len(set(names)) == len(names)
        assert wanted.isdisjoint(names) if request.kind == "irrelevance" else wanted <= set(names)
        assert len(names) == (1 if request.kind == "simple" else {1: 3, 2: 6, 3: 12}[level])
        for one in request.asked:
            required = {name for name, p in one.action.parameters.items() if not p.optional}
            assert len(required - set(one.values)) == (request.kind == "missing")
    assert set(seen) == set(KINDS)
    assert seen["simple"] > seen["missing"]


@pytest.mark.parametrize(("level", "dialect"), [(1, "hermes"), (2, "hermes"), *((3, d) for d in DIALECTS)])
def test_the_gold_of_every_dialect_is_right(level: int, dialect: str) -> None:
    env: Any = agentrl.make("tool_calls", level=level, dialect=dialect)
    tasks = [env.all_tasks(split)[i] for split in ("train", "test") for i in range(100 // level)]
    assert {play(env, task, env.gold(task)[0]) for task in tasks} == {(1.0, "correct")}
    shown = [bool(env.tools(task)) for task in tasks]
    assert all(shown) if dialect == "openai" else not any(shown)


def test_the_dialects_pose_the_same_problems_and_read_only_their_own() -> None:
    envs = {dialect: agentrl.make("tool_calls", dialect=dialect, kinds=["parallel"]) for dialect in DIALECTS}
    for i in range(20):
        tasks = {dialect: env.all_tasks("train")[i] for dialect, env in envs.items()}
        assert len({json.dumps(task.answer) for task in tasks.values()}) == 1
        for dialect in DIALECTS[:3]:
            for other in DIALECTS[:3]:
                reply = envs[other].gold(tasks[other])[0]
                right = play(envs[dialect], tasks[dialect], reply)[0]
                assert right == (dialect == other)


def test_splits_share_no_problem_and_are_stable() -> None:
    names: dict[str, set[str]] = {}
    for split in ("train", "test"):
        tasks: Any = agentrl.make("tool_calls", kinds=["simple"], level=1).all_tasks(split)
        names[split] = {json.dumps(tasks[i].answer["calls"], sort_keys=True) for i in range(300)}
        assert tasks[7] == agentrl.make("tool_calls", kinds=["simple"], level=1).all_tasks(split)[7]
    assert names["train"].isdisjoint(names["test"])


def test_levels_of_a_range_are_drawn_alike() -> None:
    tasks: Any = agentrl.make("tool_calls", level="1-3", kinds=["multiple"]).all_tasks("train")
    drawn = [tasks[i] for i in range(300)]
    assert {(t.data["level"], len(t.answer["tools"])) for t in drawn} == {(1, 3), (2, 6), (3, 12)}
    assert min(Counter(t.data["level"] for t in drawn).values()) > 70


def test_floors() -> None:
    env: Any = agentrl.make("tool_calls", level=2)
    refusal, task_count, earned = "Sorry, none of these tools can do that.", 150, 0.0
    for i in range(task_count):
        task = env.all_tasks("train")[i]
        name = task.answer["tools"][0]["name"]
        call = f'<tool_call>{{"name": "{name}", "arguments": {{}}}}</tool_call>'
        for reply in ("", "{}", "[]", "Done.", task.prompt[-1].content, task.prompt[0].content, call):
            assert play(env, task, reply)[0] == 0, reply
        earned += play(env, task, refusal)[0]
    assert 0.1 < earned / task_count < 0.3
    only: Any = agentrl.make("tool_calls", kinds=["simple", "ordered"])
    assert all(play(only, only.all_tasks("train")[i], refusal)[0] == 0 for i in range(50))


def test_order_counts_where_it_is_given() -> None:
    for kind, reward in (("ordered", 0.0), ("parallel", 1.0)):
        env: Any = agentrl.make("tool_calls", kinds=[kind], dialect="openai")
        for i in range(20):
            task = env.all_tasks("train")[i]
            (gold,) = env.gold(task)
            assert play(env, task, Message("assistant", "", tuple(reversed(gold.tool_calls))))[0] == reward
            assert play(env, task, Message("assistant", "", gold.tool_calls[:1]))[0] == 0
            assert play(env, task, Message("assistant", "", (*gold.tool_calls, ToolCall("x", {}))))[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ["paralel"]}, "did you mean 'parallel'"),
        ({"level": 4}, 'level must be 1 to 3, or a range such as "1-3"; got 4'),
        ({"count": 0}, "count must be a whole number, at least 1"),
        ({"dialect": "xml"}, "dialect must be one of hermes"),
        ({"reward": "all"}, "reward must be one of binary"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        agentrl.make("tool_calls", **options)


def bfcl(folder: Path, *rows: Mapping[str, Any], category: str = "simple_python") -> str:
    function = {
        "name": "geo.area",
        "description": "Area",
        "parameters": {"type": "dict", "properties": {"base": {"type": "float"}}, "required": ["base"]},
    }
    (folder / "possible_answer").mkdir(parents=True, exist_ok=True)
    for name, default in (
        ("", {"question": [[{"role": "user", "content": "Area of base 2?"}]], "function": [function]}),
        ("possible_answer/", {"ground_truth": [{"geo.area": {"base": [2.0]}}]}),
    ):
        lines = [json.dumps({"id": f"r{i}", **default, **row}) + "\n" for i, row in enumerate(rows)]
        (folder / f"{name}BFCL_v4_{category}.json").write_text("".join(lines))
    return str(folder)


def all_of(env: Any) -> list[Task]:
    return [task for split in ("train", "test") for task in env.tasks(split)]


def test_bfcl_rows(tmp_path: Path) -> None:
    contradiction = {"ground_truth": [{"geo.area": {"base": ["two"]}}]}
    env: Any = agentrl.make("tool_calls", source=bfcl(tmp_path, {}, contradiction))
    (task,) = all_of(env)
    assert sum(env.left_out.values()) == 1
    assert (task.id, task.data["kind"], task.data["category"]) == ("bfcl/r0", "simple", "simple_python")
    assert '"base": {"type": "number"}' in task.prompt[0].content
    assert play(env, task, '<tool_call>{"name": "geo.area", "arguments": {"base": 2}}</tool_call>')[0] == 1
    assert play(env, task, '<tool_call>{"name": "geo.area", "arguments": {"base": 3}}</tool_call>')[0] == 0
    with_request: Any = agentrl.make("tool_calls", source=str(tmp_path), dialect="openai")
    (declared,) = with_request.tools(all_of(with_request)[0])
    assert declared["function"]["name"] == "geo_area"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"function": "f"}, "row 1: 'function' must be a list"),
        ({"question": "q"}, "row 1: 'question' must be a list of one list"),
        ({"function": [{"name": "f"}]}, "row 1: its functions or its answer are not of the leaderboard's form"),
    ],
)
def test_broken_bfcl_rows_are_named(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        all_of(agentrl.make("tool_calls", source=bfcl(tmp_path, row)))


def test_a_source_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds neither BFCL_v4_\*.json nor Seal-Tools"):
        agentrl.make("tool_calls", source=str(tmp_path)).all_tasks("train")


def seal(folder: Path, *calls: Mapping[str, Any], query: str = "Films of Ann in 1999.") -> str:
    fields = {"getFilms": "Film/List", "getRocks": "Geology/List"}
    tools = [
        {
            "api_name": name,
            "api_description": "List",
            "field": field,
            "parameters": {"by": {"type": "str", "description": ""}, "year": {"type": "int", "description": ""}},
            "required": ["by"],
        }
        for name, field in fields.items()
    ]
    (folder / "tool.jsonl").write_text("".join(json.dumps(tool) + "\n" for tool in tools))
    rows = [
        {"id": str(i), "query": query, "calling": [{"api": "getFilms", "parameters": p}]} for i, p in enumerate(calls)
    ]
    (folder / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def test_seal_rows_are_kept_where_the_request_names_every_value(tmp_path: Path) -> None:
    source = seal(tmp_path, {"by": "Ann", "year": 1999}, {"by": "Bob"}, {"by": "API_call_0"}, {"year": 1999})
    env: Any = agentrl.make("tool_calls", source=source, dialect="python")
    (task,) = env.all_tasks("train")
    assert env.left_out == {"train": 3}
    assert {tool["name"] for tool in task.answer["tools"]} == {"getFilms", "getRocks"}
    assert play(env, task, "[getFilms(by='ann', year=1999)]")[0] == 1
    assert play(env, task, "[getFilms(by='Ann')]")[0] == 0


@pytest.mark.parametrize(
    ("name", "kinds", "counts"),
    [
        ("bfcl_v4", ["parallel"], {"train": (343, 2), "test": (92, 3)}),
        ("seal_tools", ["multiple"], {"train": (134, 66)}),
    ],
)
def test_public_rows_accept_their_own_answers(
    name: str, kinds: list[str], counts: dict[str, tuple[int, int]], data_dir: DataDir
) -> None:
    env: Any = agentrl.make("tool_calls", source=str(data_dir(name)), kinds=kinds, dialect="llama_json")
    for split, (count, left_out) in counts.items():
        tasks = env.all_tasks(split)
        assert (len(tasks), env.left_out[split]) == (count, left_out)
        for task in tasks[::8]:
            assert play(env, task, env.gold(task)[0]) == (1.0, "correct"), task.id
