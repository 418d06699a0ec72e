"""The database behind the service desk: whole or not at all, and every change seen."""

from __future__ import annotations

import copy

import pytest

from agentrl.envs._desk.world import Schema, Store, ToolError
from agentrl.errors import ConfigError

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


def test_reads_see_what_was_written_and_what_was_taken_back() -> None:
    world = STORE.open()

    def work() -> list[str]:
        world.insert("jars", {"id": "aa", "cookies": 3, "tags": []})
        world.update("jars", "b", cookies=3)
        world.delete("jars", "a")
        return [row["id"] for row in world.find("jars", cookies=3)]

    assert world.run(work)[0] == ["aa", "b"]
    assert world.keys("jars") == ["aa", "b"]

    def fail() -> None:
        world.delete("jars", "b")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.run(fail)
    assert [row["id"] for row in world.scan("jars", lambda row: row["cookies"] == 3)] == ["aa", "b"]
    assert [world.knows(key) for key in ("a", "aa", "c")] == [True, True, False]
    assert STORE.open().keys("jars") == ["a", "b"]


def test_what_is_read_can_be_changed_without_harm() -> None:
    world = STORE.open()
    world.get("jars", "a")["tags"].append("y")
    assert world.get("jars", "a")["tags"] == ["x"]


def test_a_copy_keeps_to_the_schema_and_to_what_was_written() -> None:
    """Rows that refer to each other are brought back whatever their order."""
    schema = Schema("CREATE TABLE a (id TEXT PRIMARY KEY, b TEXT REFERENCES b); CREATE TABLE b (id TEXT PRIMARY KEY);")
    world = Store(schema, {}).open()
    world.run(lambda: world.insert("b", {"id": "1"}))
    world.run(lambda: world.insert("a", {"id": "2", "b": "1"}))
    world.run(lambda: world.insert("b", {"id": "3"}))
    world.run(lambda: world.update("a", "2", b="3"))
    world.run(lambda: world.delete("b", "1"))
    twin = copy.deepcopy(world)
    with pytest.raises(ToolError, match="does not allow"):
        twin.run(lambda: twin.delete("b", "3"))
    _, change = twin.run(lambda: twin.insert("a", {"id": "4", "b": "3"}))
    assert change.writes == (("a", "4"),)
    assert twin.keys("a") == ["2", "4"]
    assert world.keys("a") == ["2"]


@pytest.mark.parametrize(
    "more",
    [
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;",
        "CREATE TABLE b (id TEXT PRIMARY KEY, a TEXT REFERENCES a ON DELETE CASCADE);",
    ],
)
def test_no_statement_changes_another_row_than_its_own(more: str) -> None:
    with pytest.raises(ConfigError, match="let tools do that"):
        Schema(f"CREATE TABLE a (id TEXT PRIMARY KEY); {more}")


def test_a_row_that_gets_another_key_is_two_changes() -> None:
    world = STORE.open()
    _, change = world.run(lambda: world.update("jars", "a", id="z"))
    assert change.writes == (("jars", "a"), ("jars", "z"))
    assert world.keys("jars") == ["b", "z"]
