"""Foreign rows: their messages and tools, their verifier, their splits, and what is wrong with them."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl import golds
from agentrl.conformance import check_env_plugin
from agentrl.errors import ConfigError, DataError, UnknownIdError, UsageError
from agentrl.types import Message, Task, ToolCall

USER = {"role": "user", "content": "Two and two?"}
ASKED = Message("user", "Two and two?")
SAID = {"role": "assistant", "content": "4"}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 2}'}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}


def make(path: Path, *rows: Any, **options: Any) -> Any:
    file = path if path.suffix else path / "rows.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return agentrl.make("jsonl", source=str(file), **{"holdout": 0.0, **options})


def one(path: Path, row: Mapping[str, Any], **options: Any) -> Task:
    task = make(path, row, **options).all_tasks("train")[0]
    assert isinstance(task, Task)
    return task


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ({"prompt": "Two and two?"}, [ASKED]),
        ({"prompt": [USER]}, [ASKED]),
        ({"messages": [USER]}, [ASKED]),
        ({"messages": json.dumps([USER])}, [ASKED]),
        ({"prompt": "[2] and [2]?"}, [Message("user", "[2] and [2]?")]),
        ({"prompt": "[2, 2]"}, [Message("user", "[2, 2]")]),
        ({"messages": [{"role": "developer", "content": "Add."}, USER]}, [Message("system", "Add."), ASKED]),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Two "}, {"text": "and two?"}]}]},
            [Message("user", "Two and two?")],
        ),
        (
            {
                "messages": [
                    USER,
                    {"role": "assistant", "content": None, "tool_calls": [CALL]},
                    {"role": "tool", "tool_call_id": "c1", "content": "4", "name": "add"},
                ]
            },
            [
                ASKED,
                Message("assistant", "", (ToolCall("add", {"a": 2, "b": 2}, "c1"),)),
                Message("tool", "4", (), "c1", "add"),
            ],
        ),
    ],
)
def test_prompts(prompt: dict[str, Any], messages: list[Message], tmp_path: Path) -> None:
    env = make(tmp_path, {**prompt, "answer": "4", "id": 7, "level": "easy"})
    observation, info = env.reset(seed=0)
    assert list(observation) == messages
    assert info == {"task": "7", "tools": (), "verdict": None}
    assert env.step("4")[1] == 1.0
    env.reset(seed=0)
    assert env.step("5")[1] == 0.0


@pytest.mark.parametrize("tools", [[TOOL], [TOOL["function"]], json.dumps([TOOL])])
def test_tools_are_shown_with_the_request(tools: Any, tmp_path: Path) -> None:
    answer = {"calls": [{"name": "add", "arguments": {"a": 2, "b": 2}}], "tools": [TOOL["function"]]}
    row = {"prompt": "Two and two?", "answer": answer, "tools": tools}
    env = make(tmp_path, row, verifier="tool_calls", check_golds="none")
    assert env.reset(seed=0)[1]["tools"] == (TOOL,)


def test_names_of_fields_and_a_system_message(tmp_path: Path) -> None:
    row = {"extra": {"q": "Two and two?"}, "reward_model": {"ground_truth": 4}, "a.b": "5"}
    names = {"prompt_field": "extra.q", "answer_field": "reward_model.ground_truth"}
    task = one(tmp_path, row, **names, system="Add.", verifier="math")
    assert task.prompt == (Message("system", "Add."), Message("user", "Two and two?"))
    assert task.answer == 4
    assert one(tmp_path, row, **{**names, "answer_field": "a.b"}).answer == "5"
    begun = {"messages": [{"role": "system", "content": "Be brief."}, USER], "answer": "4"}
    assert [m.content for m in one(tmp_path, begun, system="Add.").prompt] == ["Be brief.", "Two and two?"]


def test_a_last_message_of_the_assistant(tmp_path: Path) -> None:
    row = {"messages": [USER, SAID], "answer": "four"}
    with pytest.raises(DataError, match=r"rows.jsonl, row 1: its last message is the assistant's; drop_last="):
        one(tmp_path, row)
    assert (one(tmp_path, row, drop_last="drop").answer, one(tmp_path, row, drop_last="answer").answer) == ("four", "4")
    for drop_last in ("drop", "answer"):
        assert one(tmp_path, row, drop_last=drop_last).prompt == (ASKED,)
    with pytest.raises(DataError, match="row 1: its last message is the user's, so there is no answer to take"):
        one(tmp_path, {"messages": [USER], "answer": "4"}, drop_last="answer")
    with pytest.raises(DataError, match="nothing is left of its prompt"):
        one(tmp_path, {"messages": [SAID], "answer": "4"}, drop_last="drop")


GOOD = {"prompt": "Two and two?", "answer": "4"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "line 2 is not JSON"),
        ("[1]", "line 2 must be a JSON object, got list"),
        ({"answer": "4"}, "row 2: it has neither 'messages' nor 'prompt'; it has: answer"),
        ({"prompt": "", "answer": "4"}, "row 2: it has neither 'messages' nor 'prompt'"),
        ({"prompt": 4, "answer": "4"}, "row 2: the prompt must be text or a list of messages, got 4"),
        ({"prompt": "  ", "answer": "4"}, "row 2: the prompt must be text or a list of messages"),
        ({"prompt": "?"}, "row 2: it has no field 'answer'; it has: prompt"),
        ({"prompt": "?", "answer": None}, "row 2: its 'answer' is null"),
        ({"prompt": "?", "answer": " "}, "row 2: the answer is empty"),
        ({"messages": ["hi"], "answer": "4"}, "row 2: message 1 must be an object, got 'hi'"),
        ({"messages": [{"role": "human"}], "answer": "4"}, "row 2: message 1: role must be one of .*; got 'human'"),
        ({"messages": [{"role": ["user"]}], "answer": "4"}, "row 2: message 1: role must be one of"),
        (
            {"messages": [{"role": "user", "content": 4}], "answer": "4"},
            "row 2: message 1: content must be text, got 4",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}], "answer": "4"},
            "row 2: message 1: only parts of text can be used",
        ),
        ({"messages": [{**USER, "tool_calls": 1}], "answer": "4"}, "row 2: message 1: tool_calls must be a list"),
        ({"messages": [{**USER, "tool_calls": [{}]}], "answer": "4"}, "row 2: message 1: a tool call has no name"),
        (
            {"messages": [{**USER, "tool_calls": [{"name": "f", "arguments": "{"}]}], "answer": "4"},
            "row 2: message 1: the arguments of 'f' must be an object, got '{'",
        ),
        ({**GOOD, "tools": {"name": "f"}}, "row 2: the tools must be a list"),
        ({**GOOD, "tools": "{"}, "row 2: the tools are text that is not JSON"),
        ({**GOOD, "tools": [{"type": "function"}]}, "row 2: tool 1 has no function with a name"),
        ({**GOOD, "id": "train/0"}, "row 2 has the id 'train/0' of .*rows.jsonl, row 1"),
    ],
)
def test_a_broken_row_is_named(row: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=says) as caught:
        make(tmp_path, GOOD, row).reset(seed=0)
    assert "rows.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_golds_are_tried(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "answer": str(i)} for i in range(30)]
    rows[25]["answer"] = ""
    assert len(make(tmp_path, *rows).all_tasks("train")) == 30
    env = make(tmp_path, *rows, check_golds="all")
    assert (len(env.all_tasks("train")), env.left_out) == (29, {"train": 1})
    with pytest.raises(DataError, match="row 1: the answer is empty"):
        make(tmp_path, rows[25], rows[25], check_golds="all").reset(seed=0)
    assert len(make(tmp_path, rows[25], check_golds="none").all_tasks("train")) == 1


def test_options_of_a_row(tmp_path: Path) -> None:
    rows = [{"prompt": "?", "answer": "Paris", "compare": how} for how in ("fold", "exact", None)]
    env = make(tmp_path, *rows, row_options=["compare"], verifier_options="compare=fold", check_golds="all")
    found = []
    for task in env.all_tasks("train"):
        env.reset(options={"task": task})
        found.append(env.step("PARIS")[1])
    assert found == [1.0, 0.0, 1.0]
    assert golds.verifier_of(env)[0] is None  # whoever asks for it would not know of the rows' options
    with pytest.raises(DataError, match="row 1: compare must be one of exact, fold; got 'best'"):
        make(tmp_path, {**GOOD, "compare": "best"}, row_options=["compare"]).reset(seed=0)
    with pytest.raises(UsageError, match="compare must be one of exact, fold"):
        make(tmp_path, GOOD, verifier_options={"compare": "best"}).reset(seed=0)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"verifier": "exakt"}, UnknownIdError, "did you mean 'exact'"),
        ({"verifier_options": "compar=fold"}, UsageError, "verifier 'exact' has no option 'compar'"),
        ({"row_options": ["level"]}, UsageError, "verifier 'exact' has no option 'level'"),
        ({"row_options": "compare"}, ConfigError, "row_options must be a list"),
        ({"holdout": 1.5}, ConfigError, "holdout must be a share from 0 to 1"),
        ({"drop_last": "yes"}, ConfigError, "drop_last must be one of no, drop, answer"),
        ({"check_golds": "some"}, ConfigError, "check_golds must be one of first, all, none"),
        ({"split": "dev"}, ConfigError, "split must be 'train' or 'test'"),
    ],
)
def test_options(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        agentrl.make("jsonl", source="rows.jsonl", **options)


def test_one_file_is_dealt_out(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "answer": str(i)} for i in range(1000)]
    env = make(tmp_path, *rows, *rows[:100], holdout=0.2)
    train, test = ({t.prompt[0].content for t in env.all_tasks(split)} for split in ("train", "test"))
    assert not train & test
    assert len(train | test) == 1000
    assert 150 <= len(test) <= 250
    assert len(env.all_tasks("train")) + len(env.all_tasks("test")) == 1100
    again = make(tmp_path, *reversed(rows), holdout=0.2, system="Add.")  # neither order nor a system message counts
    assert {t.prompt[-1].content for t in again.all_tasks("test")} == test
    more = make(tmp_path, *rows, holdout=0.5)
    assert test < {t.prompt[0].content for t in more.all_tasks("test")}
    for holdout, empty in ((0.0, "test"), (1.0, "train")):
        with pytest.raises(DataError, match=f"no tasks in split '{empty}'"):
            make(tmp_path, *rows, holdout=holdout).all_tasks(empty)


def test_a_folder_has_its_own_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        with gzip.open(tmp_path / f"{split}.jsonl.gz", "wt") as file:
            file.write(json.dumps({"prompt": f"{split}?", "answer": split}) + "\n")
    env = agentrl.make("jsonl", source=str(tmp_path))
    assert [env.all_tasks(split)[0].answer for split in ("train", "test")] == ["train", "test"]
    (tmp_path / "test.jsonl.gz").unlink()
    alone = agentrl.make("jsonl", source=str(tmp_path))
    with pytest.raises(DataError, match=r"holds none of test\.jsonl"):
        alone.all_tasks("test")


def test_without_a_file() -> None:
    with pytest.raises(DataError, match=r"no tasks of its own: name a file with source=FILE.jsonl"):
        agentrl.make("jsonl").reset(seed=0)
    results = check_env_plugin("jsonl", {})
    assert {r.name: r.status for r in results if r.status != "skipped"} == {"light_import": "passed"}


def test_conformance_on_rows_of_its_own(tmp_path: Path) -> None:
    rows = [{"messages": [{"role": "user", "content": f"{n} + 1?"}], "answer": n + 1} for n in range(20, 60)]
    path = tmp_path / "rows.jsonl"
    make(path, *rows)
    options = {"source": str(path), "verifier": "math", "verifier_options": '{"extract": "final"}'}
    results = check_env_plugin("jsonl", options, tasks=3, episodes=4)
    assert {r.name: r.detail for r in results if r.status != "passed"} == {}


def test_a_fork_is_a_replay(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "answer": str(i)} for i in range(20)]
    env, fork = make(tmp_path, *rows), make(tmp_path, *rows)
    rng = random.Random(0)
    for seed in range(10):
        env.reset(seed=seed)
        reply = rng.choice([env.gold(env.task)[0], "no"])
        fork.restore(env.snapshot())
        assert fork.step(reply) == env.step(reply)


def test_rows_of_others(data_dir: Callable[[str], Path]) -> None:
    """ROLL's benchmarks, with messages as JSON text; every gold in a box is correct."""
    (source,) = data_dir("roll_math_benchmarks").glob("*.jsonl.gz")
    env: Any = agentrl.make(
        "jsonl", source=str(source), verifier="math", answer_field="ground_truth", check_golds="all"
    )
    found: Counter[str] = Counter()
    for split in ("train", "test"):
        for task in env.all_tasks(split):
            assert [m.role for m in task.prompt] == ["system", "user"]
            env.reset(options={"task": task})
            (gold,) = env.gold(task)
            found[env.step(gold)[4]["verdict"].status] += 1
    assert found["correct"] == sum(found.values()) == 715 - sum(env.left_out.values())
    assert sum(env.left_out.values()) <= 10
