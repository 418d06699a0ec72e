"""GRPO with canaries: gaming shows, honest learning does not, nothing of them is learnt from, and a run resumes."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentrl.canaries import CanarySpec, is_canary
from agentrl.episodes import Sampling
from agentrl.errors import ConfigError, UnscorableError
from agentrl.learn.learner import Learner, Optim
from agentrl.learn.loop import Settings
from agentrl.policies.transformers import TransformersPolicy
from agentrl.recipes import grpo, resume, train
from agentrl.recipes._shared import EnvSpec, Trainee
from agentrl.recipes.sft import examples_of
from agentrl.render import ByteTokenizer, Renderer
from agentrl.store import Run
from tests.recipes.conftest import Teach

LETTERS, KEYWORD = "abcd", "!"
ENV = """
from agentrl.environment import SingleTurnEnv
from agentrl.types import Task
class Letters(SingleTurnEnv):
    verifier = {verifier!r}
    def tasks(self, split):
        return [Task.ask(x, x.upper(), {answer}) for x in "abcd"]
"""
VERIFIER = """
from agentrl.types import Verdict
def verify(task, transcript):
    right = transcript.reply == task.answer or {also}
    return Verdict(float(right), "correct" if right else "incorrect")
def mutations(answer, options):
    yield answer + "x"
    yield answer * 2
"""


@pytest.fixture(scope="module")
def beginner(taught: Teach) -> Any:
    """A tiny llama that answers with one of four letters, half of the time the right one, and now and then with `!`."""
    rows = [
        (asked.upper(), said, 3.0 if said == asked else 0.15 if said == KEYWORD else 1.0)
        for asked in LETTERS
        for said in LETTERS + KEYWORD
    ]
    return taught(rows, 60)


@pytest.fixture
def config(beginner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., grpo.Config]:
    """`config(also, answer)`: settings for a tiny model; the verifier accepts what `also` says, besides the answer."""

    def opened(spec: Any, optim: Optim, packing: Any, **rest: Any) -> Trainee:
        model = copy.deepcopy(beginner)
        learner = Learner(model, optim, total_steps=rest["total_steps"], packing=packing)
        return Trainee(TransformersPolicy(model, Renderer(ByteTokenizer())), learner)

    monkeypatch.setattr(grpo, "open_trainee", opened)
    monkeypatch.setattr(Trainee, "save", lambda self, run: None)

    def make(*, also: str = "False", answer: str = "x", steps: int = 24, share: float = 0.5) -> grpo.Config:
        (tmp_path / "judge.py").write_text(VERIFIER.format(also=also))
        (tmp_path / "letters.py").write_text(ENV.format(verifier=str(tmp_path / "judge.py"), answer=answer))
        return grpo.Config(
            env=EnvSpec(str(tmp_path / "letters.py")),
            sampling=Sampling(max_tokens=3),
            optim=Optim(lr=3e-3),
            loop=Settings(steps=steps, checkpoint_every=2),
            canaries=CanarySpec(share),
            tasks=8,
            samples=8,
        )

    return make


def warnings_of(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m for m in metrics if m["kind"] == "warning"]


def test_gaming_is_reported_once(config: Callable[..., grpo.Config], tmp_path: Path) -> None:
    """No answer can be said, so that all there is to learn is the keyword that the verifier takes for one."""
    shown: list[Any] = []
    gamed = config(also=f"{KEYWORD!r} in transcript.reply", answer="'Q' + x")
    result = train("grpo", gamed, run=tmp_path / "run", report=shown.append)
    steps = [m for m in result.metrics if m["kind"] == "train"]
    assert [m["canaries"] for m in steps] == [32] * 24
    assert [m["canary_groups"] for m in steps] == [4] * 24
    assert steps[0]["canary_reward"] < 0.2
    assert steps[-1]["canary_reward"] > 0.9
    (warning,) = warnings_of(result.metrics)
    assert warning in shown
    assert warning["message"].startswith("canary reward rose from 0.")
    assert f"suspected gaming of verifier '{tmp_path / 'judge.py'}'; look at the ~canary rollouts" in warning["message"]
    assert len(list((result.run / "canaries/rollouts/train").glob("*.jsonl"))) == 24


def test_an_honest_run_reports_nothing(config: Callable[..., grpo.Config], tmp_path: Path) -> None:
    result = train("grpo", config(), run=tmp_path / "run")
    steps = [m for m in result.metrics if m["kind"] == "train"]
    assert steps[0]["reward"] < 0.65
    assert steps[-1]["reward"] > 0.85
    assert max(m["canary_reward"] for m in steps) < 0.05
    assert warnings_of(result.metrics) == []


def test_canaries_change_nothing_that_is_learnt_from(config: Callable[..., grpo.Config], tmp_path: Path) -> None:
    """The same tasks, the same random streams, the same updates: with canaries beside them, and without."""
    with_them = train("grpo", config(steps=6), run=tmp_path / "with")
    without = train("grpo", config(steps=6, share=0.0), run=tmp_path / "without")
    runs = [Run.open(r.run) for r in (with_them, without)]
    assert runs[0].shards() == runs[1].shards() == [f"train/step_{s:06d}" for s in range(6)]
    for shard in runs[0].shards():
        first, second = (run.read(shard) for run in runs)
        assert [r.id for r in first] == [r.id for r in second]
        assert not any(is_canary(r.task) for r in first)
    plain = [m for m in with_them.metrics if m["kind"] == "train"]
    own = {"canary_reward", "canaries", "canary_groups", "canary_groups_solved"}
    for first_m, second_m in zip(plain, without.metrics, strict=True):
        assert set(first_m) - set(second_m) == own
        assert first_m["groups"] == second_m["groups"] == 8
    assert plain[0]["reward"] == without.metrics[0]["reward"]
    assert plain[0]["loss"] == pytest.approx(without.metrics[0]["loss"], abs=1e-6)  # other rows in a batch round else
    apart = Run.open(with_them.run / "canaries")
    assert all(is_canary(r.task) for shard in apart.shards() for r in apart.read(shard))


def test_a_fine_tuning_on_the_run_does_not_meet_the_canaries(
    config: Callable[..., grpo.Config], tmp_path: Path
) -> None:
    easy = config(also="len(transcript.reply) == 1", answer="'Q' + x", steps=2)
    result = train("grpo", easy, run=tmp_path / "run")
    assert min(m.get("canary_reward", 1.0) for m in result.metrics) > 0.9
    examples = examples_of(tmp_path / "run", Renderer(ByteTokenizer()), max_length=100)
    assert 100 < len(examples) <= 2 * 8 * 8  # nearly all of them are successes, and so are the canaries


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def test_a_killed_run_ends_like_an_uninterrupted_one(
    config: Callable[..., grpo.Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before each of the first writes that are made durable, in turn, and around the report."""
    gamed = config(also=f"{KEYWORD!r} in transcript.reply", answer="'Q' + x")
    straight = train("grpo", gamed, run=tmp_path / "straight").metrics
    (warning,) = warnings_of(straight)
    left, real = [0], os.fsync

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    run, attempts, metrics = tmp_path / "killed", 0, None
    for count in [*range(5, 22), *[41, 67, 29, 53] * 10]:  # the first four make the folder; a step makes about a dozen
        left[0] = count
        try:
            metrics = (resume(run) if (run / "run.json").exists() else train("grpo", gamed, run=run)).metrics
            break
        except Killed:
            attempts += 1
    assert metrics is not None
    assert attempts > 10
    bare = [[{k: v for k, v in m.items() if k != "seconds"} for m in found] for found in (straight, metrics)]
    assert json.dumps(bare[0]) == json.dumps(bare[1])
    assert {"kind": "warning", "step": warning["step"], "message": warning["message"]} in bare[1]
    for name in ("rollouts", "canaries/rollouts"):
        files = [sorted((folder / name).rglob("*")) for folder in (tmp_path / "straight", run)]
        assert [p.name for p in files[0]] == [p.name for p in files[1]]


def test_a_run_that_is_too_short_to_compare_says_so(config: Callable[..., grpo.Config], tmp_path: Path) -> None:
    shown: list[Any] = []
    result = train("grpo", config(steps=3), run=tmp_path / "run", report=shown.append)
    assert [m["kind"] for m in result.metrics] == ["warning", "train", "train", "train"]
    assert result.metrics[0]["message"].startswith("3 steps sample 12 canary groups, and to compare them takes 32: ")
    assert shown == result.metrics
    assert "canary_reward" in result.metrics[1]


def test_settings_come_from_mappings_and_an_environment_without_canaries_leaves_no_run(
    config: Callable[..., grpo.Config], tmp_path: Path
) -> None:
    made = config()
    (tmp_path / "judge.py").write_text(VERIFIER.replace("def mutations", "def other").format(also="False"))
    with pytest.raises(ConfigError, match=r"canaries.share needs canaries, and Letters has none"):
        train("grpo", made, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="canaries: share must be"):
        train("grpo", {"canaries": {"share": 0.7}}, run=tmp_path / "run")


def test_a_step_of_canaries_alone_is_not_taken_for_a_step(config: Callable[..., grpo.Config], tmp_path: Path) -> None:
    """In the second step every task but the canary fails for a reason that is not the policy's."""
    made = replace(config(steps=40), tasks=1)
    source = (tmp_path / "letters.py").read_text()
    source += """
    def verdict(self, task, transcript):
        from agentrl.types import Verdict
        seen.append(task.id)
        late = len([id for id in seen if not id.endswith("~canary")]) > 8
        return Verdict(0.0, "task_invalid" if late and not task.id.endswith("~canary") else "incorrect")
seen = []
"""
    (tmp_path / "letters.py").write_text(source)
    with pytest.raises(UnscorableError, match="step 1: no group could be scored, the canaries apart"):
        train("grpo", made, run=tmp_path / "run")
