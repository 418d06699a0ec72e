"""Rows of a dataset: from a JSONL file or a JSON array, a folder of them, or the hub; and tasks made when asked for.

A `source` is a path where one exists or it looks like one (it ends in `.jsonl`, `.json` or these with `.gz`, or begins
with `.`, `/` or `~`); otherwise it is the name of a dataset on the hub, read through `datasets`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, overload

from agentrl.errors import DataError, MissingExtraError
from agentrl.types import Split, Task

__all__ = ["LazyTasks", "generated", "load_rows", "read_jsonl"]

Row = Mapping[str, Any]
_ARRAYS = (".json", ".json.gz")
_SUFFIXES = (".jsonl", ".jsonl.gz", *_ARRAYS)
_MOST_DRAWS = 1000


def load_rows(source: str, split: Split, *, fields: Sequence[str] = (), config: str | None = None) -> list[Row]:
    """All rows of one split.

    Args:
        source: A folder that holds `<split>.jsonl` (or `.json`, an array; either may be gzipped), one such file (it
            serves every split, so give training and evaluation different ones), or a dataset's name on the hub.
        split: "train" or "test".
        fields: Text fields that every row must have.
        config: The dataset's configuration on the hub.

    Raises:
        DataError: The source is absent or empty, or a row is not what it should be.
        MissingExtraError: The source is on the hub and `datasets` is not installed.
    """
    local = _local(source, split)
    rows = list(_hub(source, split, config) if local is None else _read(local))
    where = f"{source} ({split})" if local is None else str(local)
    if not rows:
        raise DataError(f"{where} holds no rows; give a file with one JSON object a line, or a JSON array of objects")
    for number, row in enumerate(rows, 1):
        for field in fields:
            if not isinstance(row.get(field), str):
                got = f"it has: {', '.join(map(str, row))}" if field not in row else f"got {row[field]!r:.40}"
                raise DataError(f"{where}, row {number}: the field {field!r} must be text; {got}")
    return rows


def _read(path: Path) -> Iterable[Row]:
    return _array(path) if path.name.endswith(_ARRAYS) else read_jsonl(path)


def _array(path: Path) -> list[dict[str, Any]]:
    """The objects of a file that holds one JSON array, gzipped if its name ends in `.gz`.

    Raises:
        DataError: The file is absent or unreadable, or holds something else.
    """
    try:
        with _opened(path) as file:
            rows = json.load(file)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} must hold a JSON array of objects; for one object a line, name it .jsonl")
    return rows


def _opened(path: Path) -> IO[str]:
    encoding = "utf-8-sig"  # a byte order mark is no part of the first line
    return gzip.open(path, "rt", encoding=encoding) if path.suffix == ".gz" else path.open(encoding=encoding)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file, gzipped if its name ends in `.gz`; blank lines are skipped.

    Raises:
        DataError: The file is absent or unreadable, or a line is not a JSON object.
    """
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _object(line, f"{path}, line {number}")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error  # without the number and the name again
        raise DataError(f"{path} cannot be read: {reason}") from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} must be a JSON object, got {type(row).__name__}")
    return row


def _local(source: str, split: Split) -> Path | None:
    """The file behind a source, or None where the source is a name on the hub."""
    path = Path(source).expanduser()
    if path.is_dir():
        files = [path / f"{split}{suffix}" for suffix in _SUFFIXES]
        found = next((file for file in files if file.is_file()), None)
        if found is None:
            raise DataError(f"{path} holds none of {', '.join(file.name for file in files)}")
        return found
    if path.is_file():
        return path
    if source.startswith((".", "/", "~")) or source.endswith(_SUFFIXES):
        raise DataError(
            f"{source} does not exist; give a .jsonl or .json file (or these with .gz), or a folder with {split}.jsonl"
        )
    return None


def _hub(name: str, split: Split, config: str | None) -> list[Row]:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(
            f"reading {name!r} from the hub needs `datasets`: pip install 'agentrl[data]', or give a local JSONL file"
        ) from error
    try:
        return list(datasets.load_dataset(name, config, split=split))
    except (OSError, ValueError) as error:  # no network, no such dataset, no such split
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"the dataset {name!r} cannot be loaded: {reason}; give a local JSONL file instead") from error


class LazyTasks(Sequence[Task]):
    """`count` tasks, the i-th made by `make(i)` each time; `place(id)` tells i from an id, -1 for one of no task.

    >>> tasks = LazyTasks(3, lambda i: Task(str(i), ()))
    >>> tasks[-1].id, [task.id for task in tasks[:2]]
    ('2', ['0', '1'])
    """

    def __init__(self, count: int, make: Callable[[int], Task], *, place: Callable[[str], int] | None = None) -> None:
        self._count = count
        self._make = make
        self.place = place

    def named(self, id: str) -> Task | None:
        """The task of that id, or None; made alone where `place` tells its place from its id."""
        if self.place is None:
            return next((task for task in self if task.id == id), None)
        place = self.place(id)
        return self[place] if 0 <= place < self._count else None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Task]: ...
    def __getitem__(self, index: int | slice) -> Task | Sequence[Task]:
        """One task, or for a slice fewer of them."""
        if isinstance(index, slice):
            return [self._make(i) for i in range(self._count)[index]]
        return self._make(range(self._count)[index])


def generated(
    key: str, split: Split, count: int, draw: Callable[[random.Random, str], tuple[str, Task] | None]
) -> LazyTasks:
    """Tasks drawn from a seed, each made when it is asked for, always the same; no problem is in both splits.

    Args:
        key: Names the generator and, after a slash, its settings, as in "countdown/3"; another key gives other tasks.
            What one setting trains on, another of the same generator does not test.
        split: "train" has four fifths of all problems, "test" the others: a digest of the problem's name decides.
        count: How many tasks.
        draw: From a source of random numbers and the task's id to the problem's name, which problems that are equal
            share, and the task; None where these numbers give no good problem, and others are tried.

    >>> def draw(random, id):
    ...     n = random.randrange(1000)
    ...     return str(n), Task.ask(id, f"{n} + 1 = ?", n + 1)
    >>> train, test = (generated("plus one", split, 200, draw) for split in ("train", "test"))
    >>> train[7] == train[7], {t.answer for t in train} & {t.answer for t in test}
    (True, set())
    """

    def make(index: int) -> Task:
        id = f"{key}/{split}/{index}"
        for attempt in range(_MOST_DRAWS):
            found = draw(random.Random(f"{id}/{attempt}"), id)
            if found is not None and _split_of(key.partition("/")[0], found[0]) == split:
                return found[1]
        raise DataError(f"no problem of {key} was drawn for {split} in {_MOST_DRAWS} attempts")

    def place(id: str) -> int:
        number = id.removeprefix(f"{key}/{split}/")
        return int(number) if number != id and re.fullmatch(r"0|[1-9][0-9]{0,9}", number) else -1

    return LazyTasks(count, make, place=place)


def _split_of(family: str, name: str) -> Split:
    digest = hashlib.blake2b(f"{family}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return "test" if int.from_bytes(digest) % 5 == 0 else "train"
