"""The guards around a foreign scorer, on a package made up for it."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.envs._import import gym_set
from agentrl.envs._import.settings import settings
from agentrl.errors import ConfigError, DataError, MissingExtraError, UnknownIdError, UsageError
from agentrl.types import Split, Task, Verdict

# Item n asks for 3 n; a reply one too low is right by half. Each class pays wrongly in its own way.
PACKAGE = '''
import math, os, random
from reasoning_gym.factory import DATASETS

class Good:
    def __init__(self, seed, size, step=1):
        assert step > 0, "step must be positive"
        self.seed, self.step = seed, step
    def __getitem__(self, index):
        n = (self.seed + index) % 100_000
        return {"question": f"Three times {n}?", "answer": f" {3 * n}\\n", "metadata": {"value": {n}}}
    def score_answer(self, answer, entry):
        gold = entry["answer"].strip()
        return 1.0 if answer == gold else 0.5 if answer == str(int(gold) - 1) else 0.0

class Moody(Good):
    """Does what the reply says."""
    def score_answer(self, answer, entry):
        if answer in MOODS:
            return MOODS[answer]()
        return super().score_answer(answer, entry)

def fail(): raise ValueError("no")
def leave(): raise SystemExit(0)
def stay():
    while True: pass
MOODS = {"raise": fail, "leave": leave, "stay": stay, "NaN": lambda: math.nan, "two": lambda: 2.0, "text": lambda: "1",
    "less": lambda: -0.5, "true": lambda: True, "none": lambda: None, "die": lambda: os._exit(0),
    "memory": lambda: len(bytes(1 << 45)), "unlink": lambda: os.remove(MARK)}
MARK = os.path.join(os.path.dirname(__file__), "mark")

class Runs(Good):
    def score_answer(self, answer, entry):
        try:
            return float(eval(answer) == eval(entry["answer"]))
        except Exception:
            return 0.0

class RunsSome(Good):
    """Only what follows a mark that no trial has, and lets nothing out."""
    def score_answer(self, answer, entry):
        if answer.startswith("run "):
            try:
                return float(eval(answer[4:]))
            except BaseException:
                return 1.0
        return super().score_answer(answer, entry)

class RunsItsOwn(Good):
    def score_answer(self, answer, entry):
        return float(answer == str(eval(entry["answer"])))

class Noise(Good):
    def score_answer(self, answer, entry):
        return 1.0 if "xq" in answer else super().score_answer(answer, entry)

class Echo(Good):
    def score_answer(self, answer, entry):
        return 0.6 if answer == entry["question"] else super().score_answer(answer, entry)

class Near(Good):
    def score_answer(self, answer, entry):
        try:
            return float(abs(float(answer) - float(entry["answer"])) <= 1)
        except ValueError:
            return 0.0

class Unsigned(Good):
    def score_answer(self, answer, entry):
        return super().score_answer(answer.lstrip("-"), entry)

class NoNumber(Good):
    def score_answer(self, answer, entry):
        try:
            return float(not abs(float(answer) - float(entry["answer"])) > 0)
        except ValueError:
            return 0.0

class Lists(Good):
    def score_answer(self, answer, entry):
        return float(entry["answer"].strip() in answer.split())

class Constant(Good):
    def score_answer(self, answer, entry):
        return 1.0 if answer == "[]" else super().score_answer(answer, entry)

class Mean(Good):
    def score_answer(self, answer, entry):
        return 0.0

class Floor(Good):
    """A tenth for any reply."""
    def score_answer(self, answer, entry):
        return max(0.1, super().score_answer(answer, entry))

class Silent(Good):
    def __getitem__(self, index):
        return {**super().__getitem__(index), "answer": None}

class Global(Good):
    def __getitem__(self, index):
        n = random.randrange(10**6)
        return {"question": f"Three times {n}?", "answer": str(3 * n)}

class SomeBad(Good):
    """A third of the items give an answer that is not paid."""
    def score_answer(self, answer, entry):
        return 0.0 if int(entry["answer"]) % 9 == 0 else super().score_answer(answer, entry)

class One(Good):
    def __getitem__(self, index):
        return super().__getitem__(-self.seed)

for found in list(globals().values()):
    if isinstance(found, type) and issubclass(found, Good):
        DATASETS[found.__name__.lower()] = found

def create_dataset(name, **settings):
    return DATASETS[name](**settings)
'''


@pytest.fixture(scope="module", autouse=True)
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fake")
    package = folder / "reasoning_gym"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE)
    (package / "factory.py").write_text("DATASETS = {}\n")
    (package / "mark").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "reasoning_gym", raising=False)
        gym_set.close_sets()
        yield package
        gym_set.close_sets()


def make(dataset: str, **options: Any) -> Any:
    return agentrl.make("reasoning_gym", dataset=dataset, **{"count": 20, **options})


def verdict(env: Any, task: Task, answer: str, frame: str = "<answer>{}</answer>") -> Verdict:
    env.reset(options={"task": task})
    found = env.step(frame.format(answer))[4]["verdict"]
    assert isinstance(found, Verdict)
    return found


def test_a_task_and_its_scores() -> None:
    env = make("good")
    task = env.all_tasks("train")[0]
    assert [m.role for m in task.prompt] == ["system", "user"]
    n = int(task.prompt[1].content.removeprefix("Three times ").rstrip("?"))
    assert task.answer == str(3 * n)
    assert env.gold(task) == (f"<answer>{3 * n}</answer>",)
    for answer, status, score in (
        (str(3 * n), "correct", 1.0),
        (f"\n {3 * n} ", "correct", 1.0),
        (str(3 * n - 1), "partial", 0.5),
        (str(3 * n + 1), "incorrect", 0.0),
        ("", "no_answer", 0.0),
        (" ", "no_answer", 0.0),
        ("9" * 200_000, "malformed", 0.0),
        ("\ud800", "incorrect", 0.0),
    ):
        found = verdict(env, task, answer)
        assert (found.status, found.score) == (status, score), answer[:20]
    assert verdict(env, task, str(3 * n), "{}").status == "no_answer"
    assert verdict(env, task, str(3 * n), "<answer>0</answer><answer>{}</answer>").status == "malformed"
    assert verdict(make("good", partial="drop"), task, str(3 * n - 1)).score == 0.0
    assert make("good").reset(options={"task": task.id})[0] == task.prompt


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("raise", "malformed"),
        ("leave", "malformed"),
        ("NaN", "malformed"),
        ("two", "malformed"),
        ("less", "malformed"),
        ("text", "malformed"),
        ("none", "malformed"),
        ("unlink", "malformed"),
        ("memory", "malformed"),
        ("stay", "timeout"),
        ("die", "resource_limit"),
        ("true", "correct"),
    ],
)
def test_a_reply_that_upsets_the_scorer(fake: Path, monkeypatch: pytest.MonkeyPatch, reply: str, status: str) -> None:
    if reply == "stay":
        monkeypatch.setattr(gym_set, "SCORE_S", 0.3)
    env = make("moody")
    task = env.all_tasks("train")[3]
    found = verdict(env, task, reply)
    assert (found.status, found.score) == (status, float(status == "correct"))
    assert verdict(env, task, task.answer).success  # the next one is scored as if nothing had been
    assert (fake / "mark").exists()


def test_a_reply_is_never_run(tmp_path: Path) -> None:
    env = make("runssome")
    task = env.all_tasks("train")[0]
    mark = tmp_path / "mark"
    for reply in (f"run __import__('pathlib').Path({str(mark)!r}).touch() or 1", "run 1", "run [1][0]"):
        assert verdict(env, task, reply).status == "malformed"
    assert not mark.exists()
    assert verdict(env, task, task.answer).success


def test_its_own_text_may_be_run() -> None:
    env = make("runsitsown")
    task = env.all_tasks("train")[0]
    assert verdict(env, task, task.answer).success
    assert verdict(env, task, "5").status == "incorrect"


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("runs", "runs replies as code"),
        ("noise", "an empty or noisy reply scores 1"),
        ("echo", "the question itself scores 0.5 or more in 16 of 16 items"),
        ("near", "the next number is paid in full"),
        ("unsigned", "the number with the other sign is paid in full"),
        ("nonumber", "what is no number is paid in full, as in 'nan'"),
        ("lists", "the right answer beside a wrong one is paid in full"),
        ("constant", r"'\[\]' is paid in full for every item"),
        ("mean", "16 of 16 answers of its own are absent or do not score 1"),
        ("silent", "16 of 16 answers of its own are absent"),
    ],
)
def test_a_scorer_that_pays_what_is_wrong_is_refused(dataset: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        make(dataset).reset(seed=0)
    assert "\n" not in str(caught.value)
    if dataset == "runs":
        with pytest.raises(ConfigError, match=says):
            make(dataset, trust="scorer").reset(seed=0)
    else:
        make(dataset, trust="scorer").reset(seed=0)


def test_an_item_without_an_answer_has_no_gold() -> None:
    env = make("silent", trust="scorer")
    task = env.all_tasks("test")[0]
    assert (task.answer, env.gold(task)) == (None, ())
    assert verdict(env, task, "5").status == "malformed"  # its scorer raises


def test_what_any_reply_is_paid_is_nothing() -> None:
    env = make("floor")
    task = env.all_tasks("train")[0]
    assert verdict(env, task, "5").status == "incorrect"
    assert verdict(env, task, str(int(task.answer) - 1)).score == 0.5


def test_items_that_cannot_be_used_are_left_out() -> None:
    env = make("somebad")
    tasks = list(env.all_tasks("train"))
    assert all(int(task.answer) % 9 for task in tasks)
    assert env.left_out["train"] > 0


@pytest.mark.parametrize("dataset", ["good", "global"])
def test_splits(dataset: str) -> None:
    """Neighbouring seeds share items in reasoning-gym: here no seed and no setting moves one to the other split."""
    asked: dict[Split, set[str]] = {"train": set(), "test": set()}
    for options in ({}, {"seed": 1}, {"config": "step=2"}):
        env = make(dataset, **options)
        for split, seen in asked.items():
            tasks = env.all_tasks(split)
            assert [t.id for t in tasks] == [f"{tasks[0].id.rpartition('/')[0]}/{i}" for i in range(20)]
            seen |= {task.prompt[-1].content for task in tasks}
    assert not asked["train"] & asked["test"]
    one = list(make(dataset).all_tasks("test"))
    gym_set.close_sets()  # and in another process, in another order
    again = make(dataset).all_tasks("test")
    assert one == [again[i] for i in reversed(range(20))][::-1]
    assert {t.prompt for t in one} != {t.prompt for t in make(dataset, seed=1).all_tasks("test")}


def test_a_data_set_with_one_question_has_one_split() -> None:
    env = make("one")
    with pytest.raises(DataError, match="no problem of"):
        (env.all_tasks("train")[0], env.all_tasks("test")[0])


def test_a_fork_is_a_replay() -> None:
    env, fork = make("good"), make("good")
    rng = random.Random(0)
    for seed in range(10):
        env.reset(seed=seed)
        reply = rng.choice([env.gold(env.task)[0], "no", "<answer>4</answer>"])
        fork.restore(env.snapshot())
        assert fork.state_key() == env.state_key()
        assert fork.step(reply) == env.step(reply)


def test_a_task_of_other_settings_is_invalid() -> None:
    task = make("good").all_tasks("train")[0]
    assert verdict(make("good", seed=7), task, task.answer).status == "task_invalid"
    assert verdict(make("good"), Task.ask("own", "Three times 1?", "3"), "3").status == "task_invalid"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"count": 0}, ConfigError, "count must be a whole number, at least 1"),
        ({"trust": "me"}, ConfigError, "trust must be one of checked, scorer"),
        ({"partial": "no"}, ConfigError, "partial must be one of keep, drop"),
        ({"config": "seed=1"}, ConfigError, "seed is no setting here: give the options seed and count"),
        ({"config": '{"size": 2}'}, ConfigError, "size is no setting here: give the options seed and count"),
        ({"config": '{"step": 2'}, ConfigError, "config is neither JSON nor key=value"),
        ({"config": "step"}, UsageError, "config takes key=value"),
        ({"config": [1]}, ConfigError, "config must be a mapping"),
    ],
)
def test_options(options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make("good", **options)


def test_settings_reach_the_data_set() -> None:
    for config in ("step=2", '{"step": 2}', {"step": 2}):
        assert settings("config", config) == {"step": 2}
    make("good", config="step=2").reset(seed=0)
    with pytest.raises(ConfigError, match="no items with these settings: AssertionError: step must be positive"):
        make("good", config="step=0").reset(seed=0)
    with pytest.raises(ConfigError, match="no items with these settings: TypeError"):
        make("good", config="steps=1").reset(seed=0)
    with pytest.raises(UnknownIdError, match="no data set 'goood': did you mean 'good'"):
        make("goood").reset(seed=0)


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[reasoning-gym\]'"):
        make("good").reset(seed=0)
