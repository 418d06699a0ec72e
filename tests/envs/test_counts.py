"""Environments that draw their tasks: one option says how many, and says nothing of which."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest

import agentrl
from agentrl import registry
from agentrl.data import LazyTasks
from agentrl.errors import ConfigError, MissingExtraError
from agentrl.types import Split

DRAWN = [id for id in registry.ids("env") if "count" in inspect.signature(registry.find("env", id)).parameters]


def tasks(id: str, split: Split, count: int) -> LazyTasks:
    try:
        found = agentrl.make(id, count=count).all_tasks(split)
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert isinstance(found, LazyTasks)
    return found


def test_all_that_draw_have_the_option() -> None:
    assert {"code_repair", "competition", "countdown", "fol_correct", "fol_entail", "fol_prove"} <= set(DRAWN)
    assert {"fol_translate", "multiple_choice", "reasoning_gym", "service_desk", "shop", "terminal"} <= set(DRAWN)
    assert {"tool_calls", "tool_search", "word_problems"} <= set(DRAWN)


@pytest.mark.parametrize("id", DRAWN)
def test_count_is_the_number_of_tasks_of_each_split(id: str) -> None:
    for split in get_args(Split):
        few, many = tasks(id, split, 3), tasks(id, split, 70)
        assert (len(few), len(many)) == (3, 70)
        assert few[2].id == many[2].id
        assert few[0] == many[0]
        assert many.named(few[2].id) == many[2]
        assert few.named(many[69].id) is None


@pytest.mark.parametrize("id", DRAWN)
@pytest.mark.parametrize("count", [0, -1])
def test_a_count_is_at_least_1(id: str, count: Any) -> None:
    with pytest.raises(ConfigError, match=r"count must be .*at least 1"):
        agentrl.make(id, count=count)
