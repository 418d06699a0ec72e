"""The database behind the service desk: whole or not at all, and every change seen."""

from __future__ import annotations

import copy

import pytest

from agentrl.envs._desk.world import Schema, Store, ToolError

STORE = Store(
    Schema("CREATE TABLE jars (id TEXT PRIMARY KEY, cookies INTEGER CHECK (cookies >= 0), tags JSON);"),
    {"jars": {"a": {"id": "a", "cookies": 3, "tags": ["x"]}, "b": {"id": "b", "cookies": 0, "tags": []}}},
)


def test_a_call_is_done_as_a_whole_or_not_at_all() -> None:
    world = STORE.open()

    def move(count: int) -> None:
        world.update("jars", "b", cookies=count)
        world.update("jars", "a", cookies=3 - count)

    with pytest.raises(ToolError, match="does not allow"):
        world.run(lambda: move(4))
    assert world.changed() == set()
    _, change = world.run(lambda: move(2))
    assert change.writes == (("jars", "b"), ("jars", "a"))
    assert world.changed() == {("jars", "a"), ("jars", "b")}


def test_a_world_sees_every_change_and_no_more() -> None:
    world = STORE.open()
    _, change = world.run(lambda: world.update("jars", "a", tags=["x"], cookies=3))
    assert change.writes == ()
    world.run(lambda: world.insert("jars", {"id": "c", "cookies": 1, "tags": {"deep": [1]}}))
    world.run(lambda: world.delete("jars", "b"))
    assert world.changed() == {("jars", "b"), ("jars", "c")}
    world.run(lambda: world.delete("jars", "c"))
    assert world.changed() == {("jars", "b")}
    assert STORE.open().changed() == set()
    _, change = world.run(lambda: world.find("jars", id="a"))
    assert change.reads == (("jars", "a"),)


def test_a_copy_of_a_world_is_one_of_its_own() -> None:
    world = STORE.open()
    world.run(lambda: world.update("jars", "a", cookies=1))
    twin = copy.deepcopy(world)
    twin.run(lambda: twin.delete("jars", "a"))
    assert world.now("jars", "a") == {"id": "a", "cookies": 1, "tags": ["x"]}
    assert twin.store is STORE
