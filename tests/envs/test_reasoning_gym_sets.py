"""Data sets of reasoning-gym 0.1.25 itself; skipped where it is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

import agentrl
from agentrl.envs._import import gym_set
from agentrl.errors import ConfigError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("reasoning_gym") is None, reason="needs reasoning-gym: pip install reasoning-gym"
)


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    gym_set.close_sets()


def test_golds_of_real_data_sets() -> None:
    for dataset, count in (("chain_sum", 100), ("spell_backward", 20), ("mini_sudoku", 10), ("list_functions", 10)):
        env = agentrl.make("reasoning_gym", dataset=dataset)
        for task in (*env.all_tasks("train")[:count:2], *env.all_tasks("test")[:count:2]):
            env.reset(options={"task": task})
            assert env.step(env.gold(task)[0])[1] == 1.0
            for reply in ("", "no", "<answer>xq</answer>", f"<answer>{task.prompt[-1].content}</answer>"):
                env.reset(options={"task": task})
                assert env.step(reply)[4]["verdict"].status in ("incorrect", "no_answer")


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("countdown", "runs replies as code"),
        ("game_of_life_halting", "an empty or noisy reply scores 1"),
        ("complex_arithmetic", "what is no number is paid in full"),
        ("graph_color", "answers of its own are absent"),
    ],
)
def test_real_data_sets_that_are_refused(dataset: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        agentrl.make("reasoning_gym", dataset=dataset).reset(seed=0)
