"""The state of a desk: tables in memory, one set an episode, in which every change is seen.

A table has a text key `id`; a column declared as JSON holds a JSON value. Reads are answered from the rows of the
beginning, which all episodes of a world share, and from those that changed since. Writes go through an SQLite database
in memory, opened at the first of them, which holds them to the schema. Each is written down with the row that it
changes, so that no tool can forget to; an update that changes nothing is none. What is done in `run` is done as a whole
or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from agentrl.errors import ConfigError

__all__ = ["Change", "Row", "Rows", "Schema", "Store", "ToolError", "World"]

T = TypeVar("T")
Row = Mapping[str, Any]
Rows = Mapping[str, Mapping[str, Row]]
"""Table to key to row."""
Place = tuple[str, str]
"""Table and key."""
Values = tuple[Any, ...]
"""A row as it is stored."""


class ToolError(ValueError):
    """A tool refuses a call, in words for the agent; nothing was changed, but rows may have been looked at."""

    reads: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What one call did: the rows that it looked at, and those that it wrote, as (table, key)."""

    reads: tuple[Place, ...]
    writes: tuple[Place, ...]


class Schema:
    """The tables of a desk, made once.

    Args:
        sql: SQL that creates them.

    Raises:
        ConfigError: One statement could change other rows than its own: it makes triggers or ON DELETE actions.
    """

    def __init__(self, sql: str) -> None:
        db = _connect()
        db.executescript(sql)
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        info = {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        self.columns = {name: {column[1]: column[2] for column in found} for name, found in info.items()}
        actions = {
            action
            for name in names
            for *_, a, b, _ in db.execute(f"PRAGMA foreign_key_list({name})")
            for action in (a, b)
        }
        if actions - {"NO ACTION"} or db.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger'").fetchone():
            raise ConfigError(
                "the schema of a desk has a trigger or an ON DELETE or ON UPDATE action; let tools do that"
            )
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
        self.documents = {
            table: [name for name, kind in columns.items() if kind == "JSON"]
            for table, columns in schema.columns.items()
        }
        self.rows = rows
        db = _connect()
        db.deserialize(schema.image)
        db.execute("BEGIN")
        for table, columns in self.columns.items():
            listed = [_stored(columns, row) for row in rows.get(table, {}).values()]
            db.executemany(_inserting(table, columns), listed)
        db.execute("COMMIT")
        self.image = db.serialize()
        self.stored = {table: _by_key(db, table, list(columns).index("id")) for table, columns in self.columns.items()}
        db.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Store:
        """Itself: nothing in it changes."""
        return self

    def open(self) -> World:
        """A world of its own."""
        return World(self)


class World:
    """One episode's tables."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._changed: dict[Place, Values | None] = {}
        self._db: sqlite3.Connection | None = None
        self._seen: list[Place] = []
        self._written: list[Place] = []

    def __getstate__(self) -> dict[str, Any]:
        """What changed: a connection cannot be copied, and is opened again at the next write."""
        return {"store": self.store, "changed": self._changed}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["store"])  # type: ignore[misc]
        self._changed = state["changed"]

    def run(self, work: Callable[[], T]) -> tuple[T, Change]:
        """Do something as a whole or, where it raises, not at all.

        Raises:
            ToolError: It is refused, or breaks a rule of the schema.
        """
        self._seen, self._written = [], []
        before = dict(self._changed)
        try:
            result = work()
            self._end("COMMIT")
        except BaseException as error:
            self._end("ROLLBACK")
            self._changed = before
            if isinstance(error, sqlite3.IntegrityError):
                error = ToolError("the database does not allow that")
            if isinstance(error, ToolError):
                error.reads = tuple(dict.fromkeys(self._seen))
            raise error
        return result, Change(tuple(dict.fromkeys(self._seen)), tuple(dict.fromkeys(self._written)))

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
        rows = [self._loaded(table, values) for values in self._matching(table, where)]
        self._seen += [(table, row["id"]) for row in rows]
        return rows

    def keys(self, table: str, **where: Any) -> list[str]:
        """The keys of the rows whose columns have these values; to see a key is no look at its row."""
        at = self._place(table, "id")
        return [str(values[at]) for values in self._matching(table, where)]

    def scan(self, table: str, wanted: Callable[[Row], bool]) -> list[dict[str, Any]]:
        """The rows for which a test holds; only these are looked at."""
        rows = [row for values in self._table(table) if wanted(row := self._loaded(table, values))]
        self._seen += [(table, row["id"]) for row in rows]
        return rows

    def update(self, table: str, key: str, **values: Any) -> None:
        """Set columns of a row that exists."""
        names = ", ".join(f"{name} = ?" for name in values)
        stored = _stored({name: self.store.columns[table][name] for name in values}, values)
        self._write(table, {key, values.get("id", key)}, f"UPDATE {table} SET {names} WHERE id = ?", (*stored, key))

    def insert(self, table: str, row: Row) -> None:
        """Add a row."""
        columns = self.store.columns[table]
        self._write(table, {row["id"]}, _inserting(table, columns), _stored(columns, row))

    def delete(self, table: str, key: str) -> None:
        """Take a row away."""
        self._write(table, {key}, f"DELETE FROM {table} WHERE id = ?", (key,))

    def changed(self) -> set[Place]:
        """The rows that are not as they were at the beginning, as (table, key)."""
        return {(table, key) for table, key in self._changed if self._row(table, key) != self.first(table, key)}

    def first(self, table: str, key: str) -> Row | None:
        """A row as it was at the beginning."""
        return self.store.rows.get(table, {}).get(key)

    def now(self, table: str, key: str) -> Row | None:
        """A row as it is; it does not count as looked at."""
        return self._row(table, key)

    def knows(self, key: str) -> bool:
        """Whether a row of any table has this key, or had it once."""
        return any(key in rows for rows in self.store.stored.values()) or any(key == own for _, own in self._changed)

    def close(self) -> None:
        """End the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _write(self, table: str, keys: set[str], sql: str, values: Values) -> None:
        """Do one statement, and write down which of the rows with these keys it changed."""
        db = self._opened()
        if not db.in_transaction:
            db.execute("BEGIN")
        db.execute(sql, values)
        for key in sorted(keys):
            row = db.execute(f"SELECT * FROM {table} WHERE id = ?", (key,)).fetchone()
            if row != self._values(table, key):
                self._changed[table, key] = row
                self._written.append((table, key))

    def _opened(self) -> sqlite3.Connection:
        """The database with all rows as they are."""
        if self._db is None:
            self._db = _connect()
            self._db.deserialize(self.store.image)
            for table, key in self._changed:
                self._db.execute(f"DELETE FROM {table} WHERE id = ?", (key,))
            for (table, _), values in self._changed.items():
                if values is not None:
                    self._db.execute(_inserting(table, self.store.columns[table]), values)
            self._db.execute("PRAGMA foreign_keys = ON")  # last: rows that refer to each other come in any order
        return self._db

    def _end(self, how: str) -> None:
        if self._db is not None and self._db.in_transaction:
            self._db.execute(how)

    def _table(self, table: str) -> list[Values]:
        """The rows of a table, in the order of their keys."""
        rows = self.store.stored[table]
        others = {key: values for (name, key), values in self._changed.items() if name == table}
        if not others:
            return list(rows.values())
        return [values for _, values in sorted({**rows, **others}.items()) if values is not None]

    def _matching(self, table: str, where: Mapping[str, Any]) -> list[Values]:
        found = self._table(table)
        for name, value in where.items():
            at = self._place(table, name)
            found = [values for values in found if values[at] == value]
        return found

    def _row(self, table: str, key: str) -> dict[str, Any] | None:
        values = self._values(table, key)
        return None if values is None else self._loaded(table, values)

    def _values(self, table: str, key: str) -> Values | None:
        place = (table, key)
        return self._changed[place] if place in self._changed else self.store.stored[table].get(key)

    def _loaded(self, table: str, values: Values) -> dict[str, Any]:
        columns = self.store.columns[table]
        row = dict(zip(columns, values, strict=True))
        for name in self.store.documents[table]:
            row[name] = json.loads(row[name])
        return row

    def _place(self, table: str, column: str) -> int:
        return list(self.store.columns[table]).index(column)


def _connect() -> sqlite3.Connection:
    """A database in memory, without transactions but ours; episodes may move from thread to thread."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _inserting(table: str, columns: Mapping[str, str]) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"


def _by_key(db: sqlite3.Connection, table: str, at: int) -> dict[str, Values]:
    """The rows of a table, in the order of their keys; `at` is the column of these."""
    return {values[at]: values for values in db.execute(f"SELECT * FROM {table} ORDER BY id")}


def _stored(columns: Mapping[str, str], row: Row) -> Values:
    """A row's values in the order of its columns."""
    return tuple(json.dumps(row[name]) if kind == "JSON" else row[name] for name, kind in columns.items())
