"""The state of a desk: an SQLite database in memory, one an episode, in which every change is seen.

A table has a text key `id`; a column declared as JSON holds a JSON value. Triggers write down which rows were changed,
whatever changed them, so that no tool can forget to; an update that changes nothing is none. What is done in `run` is
done as a whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Change", "Row", "Rows", "Schema", "Store", "ToolError", "World"]

T = TypeVar("T")
Row = Mapping[str, Any]
Rows = Mapping[str, Mapping[str, Row]]
"""Table to key to row."""
_LOG = "CREATE TABLE _log (n INTEGER PRIMARY KEY, tab TEXT, id TEXT)"


class ToolError(ValueError):
    """A tool refuses a call, in words for the agent; nothing was changed, but rows may have been looked at."""

    reads: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What one call did: the rows that it looked at, and those that it wrote, as (table, key)."""

    reads: tuple[tuple[str, str], ...]
    writes: tuple[tuple[str, str], ...]


class Schema:
    """The tables of a desk, made once.

    Args:
        sql: SQL that creates them.
    """

    def __init__(self, sql: str) -> None:
        db = _connect()
        db.executescript(sql)
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        info = {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        self.columns = {name: {column[1]: column[2] for column in found} for name, found in info.items()}
        db.execute(_LOG)
        db.executescript("\n".join(_triggers(table, list(columns)) for table, columns in self.columns.items()))
        self.image = db.serialize()
        db.close()


class Store:
    """The beginning of a world, made once; `open` copies it.

    Args:
        schema: The tables.
        rows: What they hold at first.
    """

    def __init__(self, schema: Schema, rows: Rows) -> None:
        self.columns = schema.columns
        self.rows = rows
        db = _connect()
        db.deserialize(schema.image)
        db.execute("BEGIN")
        for table, columns in self.columns.items():
            marks = ", ".join("?" * len(columns))
            listed = [_stored(columns, row) for row in rows.get(table, {}).values()]
            db.executemany(f"INSERT INTO {table} VALUES ({marks})", listed)  # names of the schema
        db.execute("DELETE FROM _log")
        db.execute("COMMIT")
        self.image = db.serialize()
        db.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Store:
        """Itself: nothing in it changes."""
        return self

    def open(self) -> World:
        """A world of its own."""
        return World(self)


class World:
    """One episode's database."""

    def __init__(self, store: Store, image: bytes | None = None) -> None:
        self.store = store
        self._db = _connect()
        self._db.deserialize(store.image if image is None else image)
        self._db.execute("PRAGMA foreign_keys = ON")
        self._seen: list[tuple[str, str]] = []

    def __getstate__(self) -> dict[str, Any]:
        """The database as bytes: a connection cannot be copied."""
        return {"store": self.store, "image": self._db.serialize()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["store"], state["image"])  # type: ignore[misc]

    def run(self, work: Callable[[], T]) -> tuple[T, Change]:
        """Do something as a whole or, where it raises, not at all.

        Raises:
            ToolError: It is refused, or breaks a rule of the schema.
        """
        self._seen = []
        self._db.execute("BEGIN")
        try:
            (last,) = self._db.execute("SELECT coalesce(max(n), 0) FROM _log").fetchone()
            result = work()
            written = self._db.execute("SELECT tab, id FROM _log WHERE n > ? ORDER BY n", (last,)).fetchall()
        except BaseException as error:
            self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                error = ToolError("the database does not allow that")
            if isinstance(error, ToolError):
                error.reads = tuple(dict.fromkeys(self._seen))
            raise error
        self._db.execute("COMMIT")
        return result, Change(tuple(dict.fromkeys(self._seen)), tuple(dict.fromkeys(written)))

    def get(self, table: str, key: str) -> dict[str, Any]:
        """A row, looked at.

        Raises:
            ToolError: There is none of that key.
        """
        row = self._row(table, key)
        if row is None:
            raise ToolError(f"there is no {key!r:.60} in {table}")
        self._seen.append((table, key))
        return row

    def find(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """The rows whose columns have these values, in the order of their keys; all are looked at."""
        rows = self._matching(table, where)
        self._seen += [(table, row["id"]) for row in rows]
        return rows

    def keys(self, table: str, **where: Any) -> list[str]:
        """The keys of the rows whose columns have these values; to see a key is no look at its row."""
        return [str(row["id"]) for row in self._matching(table, where)]

    def scan(self, table: str, wanted: Callable[[Row], bool]) -> list[dict[str, Any]]:
        """The rows for which a test holds; only these are looked at."""
        found = self._db.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
        rows = [row for values in found if wanted(row := self._loaded(table, values))]
        self._seen += [(table, row["id"]) for row in rows]
        return rows

    def update(self, table: str, key: str, **values: Any) -> None:
        """Set columns of a row that exists."""
        names = ", ".join(f"{name} = ?" for name in values)
        stored = _stored({name: self.store.columns[table][name] for name in values}, values)
        self._db.execute(f"UPDATE {table} SET {names} WHERE id = ?", (*stored, key))

    def insert(self, table: str, row: Row) -> None:
        """Add a row."""
        columns = self.store.columns[table]
        marks = ", ".join("?" * len(columns))
        self._db.execute(f"INSERT INTO {table} VALUES ({marks})", _stored(columns, row))

    def delete(self, table: str, key: str) -> None:
        """Take a row away."""
        self._db.execute(f"DELETE FROM {table} WHERE id = ?", (key,))

    def changed(self) -> set[tuple[str, str]]:
        """The rows that are not as they were at the beginning, as (table, key)."""
        written = self._db.execute("SELECT DISTINCT tab, id FROM _log").fetchall()
        return {(table, key) for table, key in written if self._row(table, key) != self.first(table, key)}

    def first(self, table: str, key: str) -> Row | None:
        """A row as it was at the beginning."""
        return self.store.rows.get(table, {}).get(key)

    def now(self, table: str, key: str) -> Row | None:
        """A row as it is; it does not count as looked at."""
        return self._row(table, key)

    def close(self) -> None:
        """End the connection."""
        self._db.close()

    def _matching(self, table: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        test = " AND ".join(f"{name} = ?" for name in where) or "1"
        sql = f"SELECT * FROM {table} WHERE {test} ORDER BY id"
        return [self._loaded(table, values) for values in self._db.execute(sql, tuple(where.values())).fetchall()]

    def _row(self, table: str, key: str) -> dict[str, Any] | None:
        values = self._db.execute(f"SELECT * FROM {table} WHERE id = ?", (key,)).fetchone()
        return None if values is None else self._loaded(table, values)

    def _loaded(self, table: str, values: tuple[Any, ...]) -> dict[str, Any]:
        columns = self.store.columns[table].items()
        return {
            name: json.loads(value) if kind == "JSON" else value
            for (name, kind), value in zip(columns, values, strict=True)
        }


def _connect() -> sqlite3.Connection:
    """A database in memory, without transactions but ours; episodes may move from thread to thread."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _stored(columns: Mapping[str, str], row: Row) -> tuple[Any, ...]:
    """A row's values in the order of its columns."""
    return tuple(json.dumps(row[name]) if kind == "JSON" else row[name] for name, kind in columns.items())


def _triggers(table: str, columns: list[str]) -> str:
    """SQL that writes down each change of a table."""
    note = "INSERT INTO _log (tab, id) VALUES ('{}', {}.id)"
    old, new = (f"({', '.join(f'{which}.{name}' for name in columns)})" for which in ("OLD", "NEW"))
    return "\n".join(
        [
            f"CREATE TRIGGER _{table}_i AFTER INSERT ON {table} BEGIN {note.format(table, 'NEW')}; END;",
            f"CREATE TRIGGER _{table}_d AFTER DELETE ON {table} BEGIN {note.format(table, 'OLD')}; END;",
            f"CREATE TRIGGER _{table}_u AFTER UPDATE ON {table} WHEN {old} IS NOT {new}",
            f"BEGIN {note.format(table, 'OLD')}; {note.format(table, 'NEW')}; END;",
        ]
    )
