"""Self-debugging: what a policy sees, when an episode ends, and the programs that are to be repaired."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentrl
from agentrl.conformance import check_env_plugin
from agentrl.data import LazyTasks
from agentrl.envs._code.examples import call_example, entry_of
from agentrl.envs._code.repairs import mutant_repair
from agentrl.envs._code.replies import fenced, repair_segments
from agentrl.envs.code_repair import CodeRepair
from agentrl.episodes import Sampling
from agentrl.errors import ConfigError, DataError, SandboxError
from agentrl.policies.script import Script
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Sample, SampleRequest, Task, Verdict
from agentrl.verifiers import code as verifier
from agentrl.verifiers._reading.fences import last_code

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "code_rows.json").read_text())["code_repair"]

BROKEN_BACKEND = """
from agentrl.errors import SandboxError
from agentrl.sandboxes.subprocess import Subprocess

FAIL = ["once"]

class Broken(Subprocess):
    def session(self, *, files=None, limits=None):
        if FAIL:
            FAIL.pop()
            raise SandboxError("no box today")
        return super().session(files=files, limits=limits)

def open():
    return Broken()
"""


def source(path: Path, *rows: Mapping[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows or ROWS))
    return str(path)


def make(**options: Any) -> CodeRepair:
    env = agentrl.make("code_repair", **options)
    assert isinstance(env, CodeRepair)
    return env


def square(**changes: Any) -> Task:
    """A task whose hidden inputs and answers can be told from everything else."""
    cases = [
        {"args": [2], "expected": 4, "visible": True},
        {"args": [3], "expected": 9, "visible": True},
        {"args": [70321], "expected": 4945043041, "visible": False},
        {"args": [0], "expected": 0, "visible": False},
    ]
    data = {
        "program": "def square(n):\n    return n + n",
        "solution": "def square(n):\n    return n * n",
        "preamble": "",
        "bug": "",
    }
    prompt = (Message("system", "s"), Message("user", "The square."))
    return Task("square", prompt, {"format": "function", "entry": "square", "cases": cases}, {**data, **changes})


def begin(task: Task, **options: Any) -> tuple[CodeRepair, tuple[Message, ...]]:
    env = make(**options)
    return env, env.reset(seed=0, options={"task": task})[0]


def reply(body: str) -> str:
    return fenced(f"def square(n):\n    {body}")


def test_a_repair_in_two_turns() -> None:
    env, observation = begin(square())
    assert "test 2: square(3) should be 9, but it is 6" in observation[-1].content
    assert "1 of 2 visible tests pass.\n1 of 2 hidden tests pass." in observation[-1].content
    observation, reward, terminated, truncated, info = env.step("Hm.\n" + reply("return n ** 3"))
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert info["verdict"].status == "incorrect"
    assert "square(2) should be 4, but it is 8" in observation[0].content
    observation, reward, terminated, _, info = env.step("<explain>It cubes.</explain>\n" + reply("return n * n"))
    assert (observation, reward, terminated) == ((), 1.0, True)
    assert info["verdict"].success


def test_hidden_tests_are_only_counted() -> None:
    env, observation = begin(square())
    shown = [repr(observation)]
    for body in ("return n + n", "return 1 / 0", "return [n]", "return {2: 4, 3: 9}.get(n)", "junk("):
        env.reset(options={"task": square()})
        shown.append(repr(env.step(reply(body))))
    assert not [text for text in shown if "70321" in text or "4945043041" in text]
    assert "0 of 2 hidden tests pass." in shown[-2]


def test_visible_tests_alone_do_not_end_it() -> None:
    env, _ = begin(square())
    observation, reward, terminated, _, info = env.step(reply("return {2: 4, 3: 9}.get(n)"))
    assert (reward, terminated, info["verdict"].status) == (0.0, False, "incorrect")
    assert "2 of 2 visible tests pass.\n0 of 2 hidden tests pass." in observation[0].content


def test_hidden_tests_alone_do_not_end_it() -> None:
    env, _ = begin(square())
    _, reward, terminated, _, info = env.step(reply("return n * n if n != 2 else 5"))
    assert (reward, terminated, info["verdict"].status, info["verdict"].score) == (0.0, False, "incorrect", 0.0)


def test_a_reply_without_a_program() -> None:
    env, _ = begin(square())
    observation, *_, info = env.step("I do not know.")
    assert "holds no program" in observation[0].content
    assert info["verdict"].status == "no_answer"


def test_the_turn_limit_keeps_the_last_verdict() -> None:
    env, _ = begin(square(), max_turns=2)
    env.step("?")
    _, reward, terminated, truncated, info = env.step(reply("junk("))
    assert (reward, terminated, truncated, info["verdict"].status) == (0.0, False, True, "malformed")


def test_a_program_that_passes_everything_is_no_task() -> None:
    env, _ = begin(square(program="def square(n):\n    return n ** 2"))
    _, reward, terminated, _, info = env.step(reply("return n * n"))
    assert (reward, terminated, info["verdict"].status) == (0.0, True, "task_invalid")


def test_a_row_whose_reference_fails_is_no_task(tmp_path: Path) -> None:
    row = {**ROWS[0], "solution": ROWS[0]["solution"] + " + 2"}
    env = make(source=source(tmp_path / "a.jsonl", row))
    env.reset(seed=0)
    verdict = env.step(fenced(row["solution"]))[4]["verdict"]
    assert (verdict.status, verdict.feedback) == ("task_invalid", "the reference fails a test")


def test_the_policy_writes_the_first_program_itself() -> None:
    env = make(first="own")
    observation, _ = env.reset(options={"task": "train/is_prime/0"})
    assert "def is_prime(n: int) -> bool:\n    ..." in observation[-1].content
    assert "Its tests say" not in observation[-1].content
    assert env.task is not None
    assert env.task.data["program"] not in observation[-1].content
    observation = env.step(fenced("def is_prime(n):\n    return n != 9"))[0]
    assert "is_prime(1) should be False, but it is True" in observation[0].content
    assert env.step(env.gold(env.task)[0])[1] == 1.0


def test_a_preamble_stands_before_what_the_policy_writes(tmp_path: Path) -> None:
    env = make(source=source(tmp_path / "a.jsonl", ROWS[1]))
    observation, _ = env.reset(seed=0)
    assert "root(4.0)" in observation[-1].content
    assert env.step(fenced("def root(n):\n    return math.sqrt(n)"))[1] == 1.0


def test_mutants_are_made_from_their_ids() -> None:
    env = make(count=69)
    tasks = env.all_tasks("train")
    assert len(tasks) == 23 * 3
    assert tasks[24].id == "train/is_prime/1"
    assert env.reset(options={"task": "train/is_prime/1"})[1]["task"] == "train/is_prime/1"
    assert env.task == tasks[24] == make(count=69).all_tasks("train")[24]
    assert env.task is not None
    assert env.task.data["program"] != env.task.data["solution"]


def test_a_task_is_found_by_its_id_alone() -> None:
    tasks = make(count=1 + 23 * 900).all_tasks("train")
    assert isinstance(tasks, LazyTasks)
    before = mutant_repair.cache_info().misses
    last = tasks.named("train/gcd/900")
    for id in ("train/is_prime/900", "train/gcd/0900", "train/gcd/x", "test/gcd/0", "train/spiral/0", "gcd"):
        assert tasks.named(id) is None
    assert mutant_repair.cache_info().misses == before + 1
    assert last == tasks[-1]


def test_mutants_of_two_edits() -> None:
    task = make(edits=2).all_tasks("test")[0]
    assert len(task.data["bug"].split(", ")) == 2


def test_a_fork_is_a_replay_and_goes_its_own_way() -> None:
    env, _ = begin(square())
    env.step(reply("return 0"))
    fork = make()
    fork.restore(env.snapshot())
    assert (fork.state_key(), fork.messages) == (env.state_key(), env.messages)
    assert fork.step(reply("return 1"))[0] == env.step(reply("return 1"))[0]
    assert fork.step(reply("return n * n"))[1] == 1.0
    assert env.step("?")[1:3] == (0.0, False)


def test_a_failure_of_the_machine_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "broken_backend.py"
    path.write_text(BROKEN_BACKEND)
    env = make(sandbox=str(path))
    with pytest.raises(SandboxError, match="no box today"):
        env.reset(options={"task": square()})
    assert "should be 9" in env.reset(options={"task": square()})[0][-1].content


def test_rollouts_keep_a_verdict_a_turn() -> None:
    def say(messages: Sequence[Message]) -> str:
        return reply("return n * n") if len(messages) > 2 else reply("return n")

    env = make()
    env._by_split = {"test": [square()]}
    (found,) = agentrl.rollout(env, Script(say), n=1)
    assert [n.verdict.status for n in found.nodes if n.verdict] == ["incorrect", "correct"]
    assert found.reward == 1.0


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Why.\n```python\nx = 1\n```\nbye", [("explain", "Why."), ("code", "x = 1")]),
        ("a <explain> It is\noff. </explain> b\n```\nx\n```", [("explain", "It is\noff."), ("code", "x")]),
        ("```py\nx\n```\n<explain>late</explain>", [("code", "x")]),
        ("<think>```python\nno\n```</think>So:\n```python\nyes\n```", [("explain", "So:"), ("code", "yes")]),
        ("one\n```python\n1\n```\ntwo\n```python\n2", [("explain", "one\n```python\n1\n```\ntwo"), ("code", "2")]),
        ("only words", [("explain", "only words")]),
        ("```sh\nls\n```", [("explain", "```sh\nls\n```")]),
        ("```python\n\n```", []),
        ("", []),
    ],
)
def test_segments(text: str, parts: list[tuple[str, str]]) -> None:
    found = repair_segments(text)
    if parts == []:
        assert [tag for tag, _, _ in found if tag == "code"] == []
    else:
        assert [(tag, text[start:end]) for tag, start, end in found] == parts


MARKS = ("```", "```python", "```sh", "\n", "\n", "x = 1", " ", "<explain>", "</explain>", "<think>", "</think>", "é")


@given(st.lists(st.sampled_from(MARKS), max_size=14).map("".join))
@settings(max_examples=300, deadline=None)
def test_segments_agree_with_the_verifier_and_do_not_overlap(text: str) -> None:
    found = repair_segments(text)
    assert all(0 <= start < end <= len(text) for _, start, end in found)
    assert all(a[2] <= b[1] for a, b in itertools.pairwise(found))
    code = last_code(text)
    assert (None if code is None else text[code.start : code.end]) == verifier._code(text, "block")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Input: n = 12, k = 3\nOutput: 3\nExplanation: x", ([12, 3], 3)),
        ('Input: s = "a = [1], b"\r\nOutput: "" \r\nExplanation: x', (["a = [1], b"], "")),
        ("Input: root = [3,null]\nOutput: [[3]]", ([[3, None]], [[3]])),
        ("Input: a = -1.50\nOutput: true", ([-1.5], True)),
        ("Input: n = 00000010\nOutput: 2", None),
        ("Input: nums = [1]\nOutput: 1, nums = [1]", None),
        ("Input: letter = 'a'\nOutput: 1", None),
        ('Input\n["Stack"]\n[[]]\nOutput\n[null]', None),
        ("no example", None),
    ],
)
def test_examples_of_leetcode(text: str, found: tuple[list[Any], Any] | None) -> None:
    assert call_example(text) == found


def test_the_entry_of_a_solution() -> None:
    helper = "class Solution:\n    def go(self, n: int):\n        return self.help(n)\n    def help(self, n): return n"
    assert entry_of(helper, 1) == "Solution.go"
    assert entry_of("class Solution:\n    def a(self, n: int): ...\n    def b(self, n: int): ...") is None
    assert entry_of("class Solution:\n    def a(self, n): return self.a(n - 1)", 1) == "Solution.a"
    assert entry_of("class Solution:\n    def a(self, n): ...", 2) is None
    assert entry_of("def (") is None


def test_rows_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    quix, _, debug = ROWS
    left = [
        {**quix, "tests": "class Node: pass\n" + quix["tests"]},
        {**debug, "examples": [*debug["examples"], "Input: values = [1], k = 2\nOutput: 1, values = [_]"]},
        {**debug, "examples": []},
        {**debug, "oracle_code": debug["oracle_code"].replace("List[int]", "TreeNode")},
        {**debug, "oracle_code": debug["oracle_code"].replace("-> int", "-> None")},
    ]
    env = make(source=source(tmp_path / "a.jsonl", *ROWS, *left))
    assert [task.id.split("/", 2)[1] for task in env.all_tasks("train")] == ["0", "1", "2"]
    assert env.left_out == {"train": 5}
    with pytest.raises(DataError, match="buggy_program, buggy_solution, buggy_code; it has question"):
        make(source=source(tmp_path / "b.jsonl", {"question": 1})).reset()


def test_what_of_a_row_is_visible(tmp_path: Path) -> None:
    quix, fix, debug = make(source=source(tmp_path / "a.jsonl")).all_tasks("test")
    assert quix.answer["visible"] == [0, 1]
    assert fix.answer["visible"] == [0]
    assert "root(4.0) == 2.0" in fix.answer["tests"]
    assert "root(9.0) == 3.0" in fix.answer["tests"]
    assert [case["visible"] for case in debug.answer["cases"]] == [True, True, False]
    assert debug.answer["entry"] == "Solution.above"


def test_leetcode_gives_floats_and_a_new_solution_for_each_test(tmp_path: Path) -> None:
    row = {
        **ROWS[2],
        "examples": ["Input: hour = 6\nOutput: 1", "Input: hour = 2.5\nOutput: 1"],
        "oracle_code": """class Solution:
    def __init__(self):
        self.seen = []
    def f(self, hour: float) -> int:
        self.seen.append(hour.is_integer())
        return len(self.seen)""",
    }
    env = make(source=source(tmp_path / "a.jsonl", row))
    env.reset(seed=0)
    assert env.step(fenced(row["oracle_code"]))[1] == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": "mine"}, "first must be one of given, own; got 'mine'"),
        ({"count": 0}, "count must be a whole number, at least 1"),
        ({"edits": 0}, "edits must be a whole number, at least 1"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_rows_pass_conformance(tmp_path: Path) -> None:
    found = check_env_plugin("code_repair", {"source": source(tmp_path / "a.jsonl")})
    assert {result.name: result.detail for result in found if result.status == "failed"} == {}


@pytest.mark.parametrize(
    ("name", "count", "left_out"),
    [
        ("quixbugs/quixbugs_python.jsonl", 34, 6),
        ("humanevalpack/humanevalpack_python.jsonl.gz", 164, 0),
        ("debugbench/python3.jsonl.gz", 1234, 180),
    ],
)
def test_public_rows(name: str, count: int, left_out: int, data_dir: Callable[[str], Path]) -> None:
    """Every row is read; of a few, the wrong program fails and the reference ends the episode."""
    env = make(source=str(data_dir(name)), split="test")
    tasks = env.all_tasks("test")
    assert (len(tasks), env.left_out) == (count, {"test": left_out})
    statuses = []
    for task in tasks[5 :: count // 5][:5]:
        env.reset(options={"task": task})
        again = env.step(fenced(task.data["program"]))[4]["verdict"]
        assert isinstance(again, Verdict)
        assert not again.success
        statuses.append(env.step(env.gold(task)[0])[4]["verdict"].status)
    assert statuses == ["correct"] * 5


class Speaks:
    """A token policy that says one reply, byte by byte."""

    version = 0

    def __init__(self, text: str) -> None:
        self.renderer = Renderer(ByteTokenizer())
        self.ids = tuple(self.renderer.tokenizer.encode(text, "plain"))

    async def sample(self, request: SampleRequest, /) -> Sample:
        logprobs = (-1.0,) * len(self.ids)
        return Sample(self.ids, logprobs, logprobs, "length", 0)

    def close(self) -> None:
        pass


def test_explanation_and_code_are_spans_of_the_rollouts_tokens() -> None:
    reply = "Naïve: é is lost.\n```python\nx = 'é'\n```"
    (rollout,) = agentrl.rollout("code_repair", Speaks(reply), n=1, seed=0, sampling=Sampling(max_tokens=200))
    node = next(node for node in rollout.nodes if node.is_policy)
    decode = Renderer(ByteTokenizer()).tokenizer.decode
    told = {span.tag: decode(node.token_ids[span.start : span.end]) for span in node.spans}
    assert told == {tag: reply[start:end] for tag, start, end in repair_segments(reply)}
    assert set(told) == {"explain", "code"}
    tags = rollout.trajectory(1).tags
    assert tags.count("code") == len("x = 'é'".encode())
