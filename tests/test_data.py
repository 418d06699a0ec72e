"""Rows from files and from the hub: what is read, and what is said of a bad file."""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentrl.data import generated, in_turn, load_rows, read_json, read_jsonl, split_of
from agentrl.errors import DataError, MissingExtraError
from agentrl.types import Split, Task

WHOLE = gzip.compress(b'{"a": "1"}\n' * 99)


def test_a_file_plain_or_gzipped(tmp_path: Path) -> None:
    text = '{"a": "é"}\n\n{"a": "2"}\n'
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("x.jsonl", "x.jsonl.gz"):
        assert load_rows(str(tmp_path / name), "train", fields=("a",)) == [{"a": "é"}, {"a": "2"}]


def test_a_json_array(tmp_path: Path) -> None:
    rows = [{"a": "é"}, {"a": "2"}]
    (tmp_path / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "test.json.gz").write_bytes(gzip.compress(json.dumps(rows[1:]).encode()))
    assert load_rows(str(tmp_path / "train.json"), "test") == rows
    assert load_rows(str(tmp_path), "train") == rows
    assert load_rows(str(tmp_path), "test") == rows[1:]


@pytest.mark.parametrize("text", ["{}", "[1]", "null", "[", "[" * 100_000, "[{}"])
def test_a_file_that_is_no_array_of_objects(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json (must hold a JSON array of objects|cannot be read)"):
        load_rows(str(tmp_path / "x.json"), "train")


def test_a_folder_by_split(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"a": "1"}')
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(b'{"a": "2"}'))
    assert load_rows(str(tmp_path), "train", fields=("a",)) == [{"a": "1"}]
    assert load_rows(str(tmp_path), "test", fields=("a",)) == [{"a": "2"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows; give a file with one JSON object a line"),
        ('{"a": "1"}\n{"a"', "line 2 is not JSON: "),
        ("[1]", "line 1 must be a JSON object, got list"),
        ('{"b": "1", "c": 2}', "row 1: the field 'a' must be text; it has: b, c"),
        ('{"a": "1"}\n{"a": 2}', "row 2: the field 'a' must be text; got 2"),
    ],
)
def test_a_bad_file_is_one_clear_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        load_rows(str(path), "train", fields=("a",))
    assert str(path) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"not gzip", WHOLE[:-20], gzip.compress(b"\xff"), WHOLE[:12] + b"\xff" * 8 + WHOLE[20:]],
    ids=["not gzip", "cut off", "not UTF-8", "changed"],
)
def test_a_broken_archive(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        list(read_jsonl(path))
    with pytest.raises(DataError, match="cannot be read"):
        read_json(path)


@pytest.mark.parametrize("value", [None, 3, "é", [1], {"a": [None]}])
def test_any_json_value(value: Any, tmp_path: Path) -> None:
    text = json.dumps(value).encode()
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + text)
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(text))
    assert [read_json(tmp_path / name) for name in ("x.json", "x.json.gz")] == [value] * 2


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[1] [2]"])
def test_a_file_that_is_no_json_is_one_clear_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    for path in (tmp_path / "x.json", tmp_path / "absent.json"):
        with pytest.raises(DataError, match=r"\.json cannot be read: ") as caught:
            read_json(path)
        assert "\n" not in str(caught.value)


def test_absent_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds none of test\.jsonl, test\.jsonl\.gz, test\.json, test\.json\.gz"):
        load_rows(str(tmp_path), "test", fields=())
    for source in (str(tmp_path / "absent"), "./absent", "absent.jsonl", "absent.jsonl.gz"):
        with pytest.raises(DataError, match=r"absent.* does not exist; give a \.jsonl"):
            load_rows(source, "train", fields=())


def test_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(name: str, config: str | None, *, split: str) -> list[dict[str, Any]]:
        if name == "some/absent":
            raise FileNotFoundError("no such dataset\nand much more")
        return [{"a": f"{name} {config} {split}"}]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert load_rows("some/name", "test", fields=("a",), config="main") == [{"a": "some/name main test"}]
    with pytest.raises(DataError, match="'some/absent' cannot be loaded: no such dataset; give a local JSONL file"):
        load_rows("some/absent", "test", fields=())


def test_without_datasets_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[data\]'"):
        load_rows("some/name", "train", fields=())


def _numbers(most: int) -> Callable[[random.Random, str], tuple[str, Task] | None]:
    def draw(source: random.Random, id: str) -> tuple[str, Task] | None:
        number = source.randrange(most)
        return None if number % 7 == 0 else (str(number), Task.ask(id, f"{number}?", number))

    return draw


def test_generated_tasks_are_stable_and_their_splits_disjoint() -> None:
    train, test = generated("numbers", "train", 300, _numbers(500)), generated("numbers", "test", 300, _numbers(500))
    assert [t.answer for t in train][:5] == [train[i].answer for i in range(5)]
    assert len({t.id for t in (*train, *test)}) == 600
    answers = [{t.answer for t in tasks} for tasks in (train, test)]
    assert not answers[0] & answers[1]
    assert all(answer % 7 for answer in answers[0] | answers[1])
    assert 0.15 < len(answers[1]) / len(answers[0] | answers[1]) < 0.3


def test_settings_of_one_generator_share_their_splits() -> None:
    easy, hard = (
        generated("numbers/easy", "train", 300, _numbers(50)),
        generated("numbers/hard", "test", 99, _numbers(99)),
    )
    assert not {t.answer for t in easy} & {t.answer for t in hard}


def test_generators_of_one_family_share_their_splits() -> None:
    def answers(key: str, split: Split, family: str = "") -> set[int]:
        return {t.answer for t in generated(key, split, 200, _numbers(60), family=family)}

    assert answers("others", "train") & answers("numbers", "test")
    assert not answers("others", "train", "numbers") & answers("numbers", "test")
    assert not answers("numbers", "train") & answers("others", "test", "numbers")


def test_one_problem_in_five_is_for_testing() -> None:
    found = [split_of("numbers", str(n)) for n in range(5000)]
    assert 900 < found.count("test") < 1100
    assert found != [split_of("others", str(n)) for n in range(5000)]
    assert split_of("numbers", "\ud800") in ("train", "test")


def test_tasks_in_turn_are_found_by_their_ids_alone() -> None:
    made: list[str] = []

    def make(name: str, id: str) -> Task:
        made.append(id)
        return Task.ask(id, f"{name}?", name)

    tasks = in_turn("test", ("a", "b/c"), 5, make)
    assert [(t.id, t.answer) for t in tasks] == [
        ("test/a/0", "a"), ("test/b/c/0", "b/c"), ("test/a/1", "a"), ("test/b/c/1", "b/c"), ("test/a/2", "a")
    ]  # fmt: skip
    made.clear()
    assert tasks.named("test/a/2") == Task.ask("test/a/2", "a?", "a")
    for id in ("test/b/c/2", "test/a/3", "test/a/02", "test/a/-1", "train/a/0", "test/c/0", "a"):
        assert tasks.named(id) is None
    assert made == ["test/a/2"]


def test_a_generator_without_problems_for_a_split_says_so() -> None:
    with pytest.raises(DataError, match="no problem of none was drawn for test in 1000 attempts"):
        generated("none", "test", 1, lambda source, id: None)[0]


def test_a_generated_task_is_found_by_its_id_alone() -> None:
    made: list[str] = []

    def draw(source: random.Random, id: str) -> tuple[str, Task]:
        made.append(id)
        return id, Task.ask(id, "?", id)

    tasks = generated("found", "train", 10_000, draw)
    found = tasks.named("found/train/777")
    assert found == tasks[777]
    assert set(made) == {"found/train/777"}
    for id in ("found/train/10000", "found/train/-1", "found/train/007", "found/train/", "found/test/1", "other", "7"):
        assert tasks.named(id) is None
