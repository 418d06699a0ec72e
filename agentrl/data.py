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
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, overload

from agentrl.errors import DataError, MissingExtraError
from agentrl.types import Split, Task

__all__ = ["LazyTasks", "generated", "in_turn", "load_rows", "number_behind", "read_json", "read_jsonl", "split_of"]

Row = Mapping[str, Any]
_ARRAYS = (".json", ".json.gz")
_SUFFIXES = (".jsonl", ".jsonl.gz", *_ARRAYS)
_MOST_DRAWS = 1000
_UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error)
"""What a file that is absent, cut short or broken raises while it is read."""


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
    """The objects of a file that holds one JSON array.

    Raises:
        DataError: The file is absent or unreadable, or holds something else.
    """
    rows = read_json(path)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} must hold a JSON array of objects; for one object a line, name it .jsonl")
    return rows


def read_json(path: Path) -> Any:
    """The one JSON value of a file, gzipped if its name ends in `.gz`.

    Raises:
        DataError: The file is absent or unreadable, or is not JSON.
    """
    try:
        with _opened(path) as file:
            return json.load(file)
    except (*_UNREADABLE, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or error  # without the number and the name again
    return DataError(f"{path} cannot be read: {reason}")


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
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


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
    key: str,
    split: Split,
    count: int,
    draw: Callable[[random.Random, str], tuple[str, Task] | None],
    *,
    family: str = "",
) -> LazyTasks:
    """Tasks drawn from a seed, each made when it is asked for, always the same; no problem is in both splits.

    Args:
        key: Names the generator and, after a slash, its settings, as in "countdown/3"; another key gives other tasks.
            What one setting trains on, another of the same generator does not test.
        split: "train" has four fifths of all problems, "test" the others, as `split_of` deals them.
        count: How many tasks.
        draw: From a source of random numbers and the task's id to the problem's name, which problems that are equal
            share, and the task; None where these numbers give no good problem, and others are tried.
        family: The generators that draw from the same problems name the same one: then what one trains on, none of
            the others tests. Without it, a family is the generator's own name.

    >>> def draw(random, id):
    ...     n = random.randrange(1000)
    ...     return str(n), Task.ask(id, f"{n} + 1 = ?", n + 1)
    >>> train, test = (generated("plus one", split, 200, draw) for split in ("train", "test"))
    >>> train[7] == train[7], {t.answer for t in train} & {t.answer for t in test}
    (True, set())
    """
    family = family or key.partition("/")[0]

    def make(index: int) -> Task:
        id = f"{key}/{split}/{index}"
        for attempt in range(_MOST_DRAWS):
            found = draw(random.Random(f"{id}/{attempt}"), id)
            if found is not None and split_of(family, found[0]) == split:
                return found[1]
        raise DataError(f"no problem of {key} was drawn for {split} in {_MOST_DRAWS} attempts")

    return LazyTasks(count, make, place=lambda id: number_behind(f"{key}/{split}/", id))


def in_turn(split: Split, names: Sequence[str], count: int, make: Callable[[str, str], Task]) -> LazyTasks:
    """Tasks that each of some names gives in turn, each made when it is asked for.

    Args:
        split: Begins the ids: these are split/name/number.
        names: Whose turn it is, one after the other, again and again.
        count: How many tasks.
        make: From a name and the task's id to the task.

    >>> tasks = in_turn("train", ("a", "b"), 3, lambda name, id: Task(id, ()))
    >>> [task.id for task in tasks], tasks.named("train/b/0") == tasks[1], tasks.named("train/b/1")
    (['train/a/0', 'train/b/0', 'train/a/1'], True, None)
    """

    def made(index: int) -> Task:
        number, turn = divmod(index, len(names))
        return make(names[turn], f"{split}/{names[turn]}/{number}")

    def place(id: str) -> int:
        found = ((number_behind(f"{split}/{name}/", id), turn) for turn, name in enumerate(names))
        return next((number * len(names) + turn for number, turn in found if number >= 0), -1)

    return LazyTasks(count, made, place=place)


def number_behind(prefix: str, id: str) -> int:
    """The number in an id behind its prefix, -1 where there is none; one number is written in one way.

    >>> number_behind("train/", "train/7"), number_behind("train/", "train/07"), number_behind("train/", "test/7")
    (7, -1, -1)
    """
    number = id.removeprefix(prefix)
    return int(number) if id.startswith(prefix) and re.fullmatch(r"0|[1-9][0-9]{0,9}", number) else -1


def split_of(family: str, name: str) -> Split:
    """The split of a problem, told by a digest of its name: one in five is for testing.

    Args:
        family: Whose problems are dealt together; another family deals the same names otherwise.
        name: What problems that are equal share, whatever their words and their order in a file.

    >>> split_of("sums", "0 + 1"), split_of("sums", "1 + 1")
    ('train', 'test')
    """
    digest = hashlib.blake2b(f"{family}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return "test" if int.from_bytes(digest) % 5 == 0 else "train"
