"""Every environment passes every check, and every check can fail."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentrl import registry
from agentrl.conformance import CheckResult, check_env_plugin, environments
from agentrl.conformance.environments import _ENV_CHECKS
from agentrl.data import LazyTasks
from agentrl.environment import SingleTurnEnv
from agentrl.episodes import copies
from agentrl.errors import UnknownIdError, UsageError
from agentrl.types import Message, Split, Task

CHECKS = ("light_import", "reset", *_ENV_CHECKS)

ROWS: dict[str, list[dict[str, Any]]] = {  # written for these tests, in the form of the public files
    "gsm8k": [
        {
            "question": f"Ann has {n} pens and buys 9. How many has she?",
            "answer": f"{n}+9=<<{n}+9={n + 9}>>\n#### {n + 9}",
        }
        for n in (3, 14, 1_000)
    ],
    "math": [
        {"problem": "What is $1/2$?", "solution": r"It is $\boxed{\frac12}$.", "level": "Level 1", "type": "Algebra"},
        {"problem": "Solve.", "solution": r"So $\boxed{x^2+1}$.", "level": "Level 5", "type": "Geometry"},
        {"problem": "Is 4 even?", "solution": r"\boxed{\text{even}}", "level": "Level 2", "type": "Number Theory"},
    ],
}

ROWS["jsonl"] = [
    {"id": f"t{n}", "messages": [{"role": "user", "content": f"Say {n} in words."}], "answer": words}
    for n, words in enumerate(("zero", "one", "two", "three"))
]

CODE_ROWS = Path(__file__).parents[1] / "envs/code_rows.json"
ROWS |= {id: rows for id, rows in json.loads(CODE_ROWS.read_text("utf-8")).items() if id != "code_repair"}

# Every step runs a program.
PROGRAMS = ("code_contests", "code_repair", "humaneval", "livecodebench", "mbpp", "terminal")
# Their answers hold no text, or only such that is asked or that the task needs as it is.
UNMARKED = (
    *("code_repair", "fol_correct", "fol_entail", "fol_prove", "fol_translate", "game24", "humaneval"),
    *("multiple_choice", "tool_calls"),
)

Results = Callable[[str], dict[str, CheckResult]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The results of all checks by name, for an environment's id; run once an id."""

    @functools.cache
    def run(id: str) -> dict[str, CheckResult]:
        options: dict[str, Any] = {}
        if id in ROWS:
            folder = tmp_path_factory.mktemp(id)
            text = "\n".join(map(json.dumps, ROWS[id])) + "\n"
            (folder / "train.jsonl").write_text(text)
            (folder / "test.jsonl.gz").write_bytes(gzip.compress(text.encode()))
            options["source"] = str(folder)
        slow = id in PROGRAMS
        tasks = 2 if id == "code_repair" else 4 if slow else 8  # whose tasks are made by running programs
        return {r.name: r for r in check_env_plugin(id, options, tasks=tasks, episodes=2 if slow else 32)}

    return run


def no_golds(id: str) -> str:
    """Why an environment's golds cannot be checked; the empty string where they can."""
    verifier = registry.make(id).verifier
    if not isinstance(verifier, str):
        return "its verifier is no id"
    has_gold = hasattr(registry.load_module("verifier", verifier), "gold")
    return "" if has_gold else f"the verifier {verifier!r} names no gold replies"


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("id", registry.ids("env"))
def test_environment_passes(id: str, check: str, results: Results) -> None:
    assert set(results(id)) == set(CHECKS)
    expected = CheckResult(check, "passed")
    if check == "secrecy" and id in UNMARKED:
        why = "no task has a text or a number as its answer, or a text in it that can be marked"
        expected = CheckResult(check, "skipped", why)
    if check == "splits" and id in ROWS and id != "mbpp":  # whose rows name their split
        expected = CheckResult(check, "skipped", "both splits hold the same questions, as where one file serves both")
    if check == "golds" and (why := no_golds(id)):
        expected = CheckResult(check, "skipped", why)
    found = results(id)[check]
    assert dataclasses.replace(found, floors=()) == expected
    policies = ["empty", "echo", "constant", "random", "noise"] if check == "floor" else []
    assert [floor.policy for floor in found.floors] == policies


@pytest.mark.parametrize("id", registry.ids("env"))
def test_concurrent_episodes_can_have_copies_of_it(id: str) -> None:
    env = registry.make(id)
    assert copies(env)()._by_split is env._by_split


@pytest.mark.parametrize("level", [1, 3, 4, 5])
def test_every_level_of_arithmetic_passes(level: int) -> None:
    found = check_env_plugin("arithmetic", {"level": level, "shots": level % 3})
    assert [result for result in found if result.status != "passed" and result.name != "golds"] == []


HONEST = """
from agentrl.data import LazyTasks
from agentrl.environment import SingleTurnEnv
from agentrl.types import Message, Task, Verdict
class Env(SingleTurnEnv):
    count = 0
    def tasks(self, split):
        return [Task.ask(f"{split}/{n}", f"Name {split} animal {n}.", f"animal number {n}") for n in range(9)]
"""

BROKEN = {  # one line more, and the check that must see it
    "gold": "    def gold(self, task): return ('a cat',)",
    "golds": """
    def tasks(self, split): return [Task.ask(f"{split}/{n}", "Name it.", "b" * n) for n in range(9)]""",
    "floor": "    def verdict(self, task, transcript): return Verdict(1.0, 'correct')",
    "floor ": "    def verdict(self, task, transcript): return Verdict(0.0, 'infra_error')",
    "secrecy": "    def begin(self, task): return (*task.prompt, Message('user', f'Not {task.answer}!'))",
    "secrecy ": """
    def step(self, action):
        *rest, info = super().step(action)
        return *rest, {**info, 'gold': self.task.answer}""",
    "determinism": """
    def begin(self, task):
        self.count += 1
        return (*task.prompt, Message('user', f'Episode {self.count}'))""",
    "fork": "    def restore(self, snapshot): self.reset(seed=1)",
    "fork ": "    def state_key(self): return str(id(self))",
    "fork that a snapshot disturbs": """
    max_turns = 4
    def begin(self, task):
        self.count = 0
        return task.prompt
    def respond(self, action):
        from agentrl.environment import Outcome
        return Outcome((Message('user', str(self.count)),))
    def snapshot(self):
        self.count += 1
        return super().snapshot()""",
    "forks": """
    def begin(self, task):
        self.count = 0
        return task.prompt
    max_turns = 4
    def respond(self, action):
        from agentrl.environment import Outcome
        self.count += 1
        return Outcome((Message('user', str(self.count)),))
    def snapshot(self): return super().snapshot() + str(self.count).encode()
    def restore(self, snapshot):
        super().restore(snapshot[:-1])
        self.count = min(1, int(snapshot[-1:]))""",
    "splits": """
    def tasks(self, split): return [Task.ask(f"{split}/{n}", f"Name {split if n else 0} {n}.", "a") for n in (0, 1)]""",
    "splits with other answers": """
    def tasks(self, split): return [Task.ask(f"{split}/{n}", f"{split if n else 0} {n}.", split) for n in (0, 1)]""",
    "splits with one among many": """
    def tasks(self, split): return [Task.ask(f"{split}/{n}", f"{n == 777 or split} {n}", "a") for n in range(1000)]""",
    "splits where tasks are made": """
    def tasks(self, split):
        from agentrl.data import LazyTasks
        return LazyTasks(64, lambda n: Task.ask(f"{split}/{n}", f"{n == 33 or split} {n}", "a"))""",
    "splits where tasks depend on those made before": """
    def tasks(self, split):
        from agentrl.data import LazyTasks
        made = []
        def make(n):
            made.append(n)
            return Task.ask(f"{split}/{n}", f"{split} {n} after {len(made)}", "a")
        return LazyTasks(64, make)
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=options or {"task": Task.ask(str(seed), "Name it.", "it")})""",
    "splits ": """
    def tasks(self, split): return [Task.ask(f"{split}/{id(self)}/{n}", f"Say {n}.", "a") for n in range(9)]""",
    "close": """
    closed = 0
    def close(self):
        self.closed += 1
        if self.closed > 1: raise RuntimeError('closed twice')""",
    "seeds": """
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=7 if seed is None else 7, options=options)""",
    "gymnasium": "    def begin(self, task): return list(task.prompt)",
    "wrappers": """
    max_turns = 10**6
    def respond(self, action):
        from agentrl.environment import Outcome
        return Outcome()""",
    "reset": "    def begin(self, task): raise RuntimeError('no animals today')",
}


@pytest.fixture
def no_subprocess(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import in a fresh process has its own test; elsewhere it only costs time."""
    monkeypatch.setattr(environments, "light_import", lambda kind, id: None)


def check_source(source: str, folder: Path) -> dict[str, CheckResult]:
    path = folder / f"env_{abs(hash(source))}.py"
    path.write_text(source)
    return {result.name: result for result in check_env_plugin(str(path), {})}


def test_honest_environment_by_path(tmp_path: Path) -> None:
    found = check_source(HONEST, tmp_path)
    skipped = {name: result.detail for name, result in found.items() if result.status == "skipped"}
    assert skipped == dict.fromkeys(("vector_sync", "vector_async"), "the environment is not registered with Gymnasium")
    assert [result for result in found.values() if result.status == "failed"] == []


MAPPED = """
    def tasks(self, split):
        seen = {"text": "grey cat", "visible": True}
        answer = {"seen": seen, "form": "list", "parts": ["named", {"animal": "brown ox", "visible": False}]}
        return [Task.ask(f"{split}/{n}", f"Name the named {split} {n}.", answer) for n in range(9)]
    def verdict(self, task, transcript):
        if task.answer["form"] != "list":
            return Verdict(0.0, "task_invalid", feedback=f"there is no form {task.answer['form']}")
        return Verdict(0.0, "incorrect", feedback=FEEDBACK)
"""


@pytest.mark.usefixtures("no_subprocess")
@pytest.mark.parametrize(
    ("feedback", "status"),
    [
        ("'Not right.'", "passed"),
        ("str(task.answer['parts'][0])", "passed"),
        ("str(task.answer['seen'])", "passed"),
        ("str(task.answer['parts'][1])", "failed"),
        ("str(task.answer)", "failed"),
    ],
)
def test_a_mapping_is_marked_where_it_holds_the_answer(feedback: str, status: str, tmp_path: Path) -> None:
    """Not in its form, without which the task is invalid, not in what is asked, and not in what may be seen."""
    found = check_source(HONEST + MAPPED.replace("FEEDBACK", feedback), tmp_path)
    assert found["secrecy"].status == status


@pytest.mark.usefixtures("no_subprocess")
@pytest.mark.parametrize("check", BROKEN)
def test_check_sees_a_broken_environment(check: str, tmp_path: Path) -> None:
    result = check_source(HONEST + BROKEN[check], tmp_path)[check.split()[0]]
    assert result.status == "failed"
    assert result.detail


def test_light_import_sees_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("")  # a stand-in: only its name matters
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert check_source("import torch\n" + HONEST, tmp_path)["light_import"].status == "failed"


@pytest.mark.usefixtures("no_subprocess")
def test_a_failed_reset_names_its_reason_and_skips_the_rest(tmp_path: Path) -> None:
    found = check_source(HONEST + BROKEN["reset"], tmp_path)
    assert found["reset"].detail == "RuntimeError: no animals today"
    assert {found[name].status for name in _ENV_CHECKS} == {"skipped"}


@pytest.mark.parametrize(
    ("where", "tasks", "compared"), [("inline", 2, 16), ("inline", 16, 100), ("thread", 16, 64), ("thread", 80, 80)]
)
def test_a_task_is_made_once_for_all_checks(
    where: str, tasks: int, compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The splits are compared by more tasks than others look at; only those others are made again, elsewhere."""
    made: Counter[str] = Counter()

    class Made(SingleTurnEnv):
        execution: ClassVar[Any] = where

        def tasks(self, split: Split) -> LazyTasks:
            def make(n: int) -> Task:
                made[f"{split}/{n}"] += 1
                return Task.ask(f"{split}/{n}", f"Name {split} {n}.", f"name {n}")

            return LazyTasks(100, make)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            return super().reset(seed=seed, options=options or {"task": Task.ask(str(seed), "Name it.", "it")})

    monkeypatch.setattr(registry, "_registered", {})
    registry.register("env", "made", Made)
    assert {r.name for r in check_env_plugin("made", {}, tasks=tasks, episodes=1) if r.status == "failed"} == set()
    assert sorted(made.values()) == [1] * 2 * (compared - tasks) + [2] * 2 * tasks


def test_absent_data_skips_with_the_reason() -> None:
    found = {r.name: r for r in check_env_plugin("gsm8k", {"source": "./absent.jsonl"})}
    assert found["light_import"].status == "passed"
    assert {found[name].status for name in CHECKS[1:]} == {"skipped"}
    assert "./absent.jsonl does not exist" in found["gold"].detail


class _Drifting(SingleTurnEnv):
    made = 0

    def tasks(self, split: Split) -> Sequence[Task]:
        type(self).made += 1
        return [Task("a", (Message("user", f"Environment {type(self).made}"),), "cat"), Task.ask("b", "?", "dog")]


def test_vector_check_sees_environments_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    registry.register("env", "drifting", _Drifting)
    found = {r.name: r for r in check_env_plugin("drifting", {})}
    assert found["vector_sync"].status == "failed"
    assert found["vector_async"].status == "skipped"
    assert "fresh process" in found["light_import"].detail


def test_wrong_use_is_raised() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'arithmetic'"):
        check_env_plugin("arithmetics", {})
    with pytest.raises(UsageError, match="did you mean 'level'"):
        check_env_plugin("arithmetic", {"levels": 1})
