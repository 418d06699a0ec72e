"""The run folder: the only hand-over between collecting, training, evaluating and looking.

    runs/<id>/
      run.json             schema version
      config.json          the resolved configuration
      rollouts/<shard>.jsonl   append-only; a shard appears whole or not at all
      metrics.jsonl        one record a step
      checkpoints/         see `learn/checkpoint.py`

A shard is written under another name, flushed to disk and then renamed: a torn step leaves nothing behind, and a
committed one is never written again. Each record carries its schema version, its number among those of the shard,
and a CRC-32 of all that; a record of an older schema goes through `MIGRATIONS`, a newer or damaged one is an error
that names the file and the line.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from agentrl.codec import rollout_from_json, rollout_to_json
from agentrl.errors import StoreError
from agentrl.types import Rollout

__all__ = ["MIGRATIONS", "SCHEMA", "Run", "write_atomically"]

SCHEMA = 1
MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From a schema version to the next one: `MIGRATIONS[v]` maps a record of version v to version v + 1."""


class Run:
    """A run folder, opened by `create` or `open`."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = config

    @classmethod
    def create(cls, path: Path | str, config: Mapping[str, Any]) -> Run:
        """Make a run folder.

        Raises:
            StoreError: The folder exists and is not empty, or cannot be written.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise StoreError(f"{path} exists and is not an empty folder; choose another path or remove it")
        with _storage(path):
            (path / "rollouts").mkdir(parents=True, exist_ok=True)
            write_atomically(path / "config.json", json.dumps(config, indent=2).encode())
            write_atomically(path / "run.json", json.dumps({"schema": SCHEMA}).encode())
        return cls(path, dict(config))

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open an existing run folder.

        Raises:
            StoreError: There is none, or its files cannot be read.
        """
        path = Path(path)
        if not (path / "run.json").is_file():
            raise StoreError(f"{path} is not a run folder (it has no run.json)")
        try:
            schema = json.loads((path / "run.json").read_bytes())["schema"]
            config = json.loads((path / "config.json").read_bytes())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} cannot be read: {error}") from error
        if not isinstance(schema, int) or not isinstance(config, dict):
            raise StoreError(f"{path} cannot be read: run.json or config.json is not what `Run.create` writes")
        if schema > SCHEMA:
            raise StoreError(f"{path} has schema {schema}, this version reads up to {SCHEMA}; install a newer agentrl")
        return cls(path, config)

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the folder's write lock: one process writes a run at a time.

        Raises:
            StoreError: Another process holds it.
        """
        with _storage(self.path):
            lock = (self.path / ".lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreError(f"{self.path} is being written by another process") from error
            for torn in (self.path / "rollouts").rglob(".*.part"):  # left by a process that was killed while writing
                torn.unlink()
            yield

    # Rollouts.

    def commit(self, shard: str, rollouts: Sequence[Rollout]) -> None:
        """Write a shard, whole: after a crash it is there complete, or not at all.

        Args:
            shard: Its name, e.g. "train/step_000012".
            rollouts: At least one.

        Raises:
            StoreError: The shard exists already, or the disk is full.
        """
        target = self._shard(shard)
        if not rollouts:
            raise StoreError(f"{target} would be empty; a shard holds at least one rollout")
        if target.exists():
            raise StoreError(f"{target} is committed already; a shard is written once")
        with _storage(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, b"".join(_pack(r, n, len(rollouts)) for n, r in enumerate(rollouts, start=1)))

    def has(self, shard: str) -> bool:
        """Whether a shard is committed."""
        return self._shard(shard).is_file()

    def shards(self) -> list[str]:
        """Names of all committed shards, sorted."""
        root = self.path / "rollouts"
        return sorted(str(p.relative_to(root).with_suffix("")) for p in root.rglob("*.jsonl"))

    def read(self, shard: str) -> list[Rollout]:
        """A shard's rollouts, in the order they were committed.

        Raises:
            StoreError: There is no such shard, or a record is damaged (the message names the line).
        """
        path = self._shard(shard)
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise StoreError(f"cannot read shard {path}: {error.strerror}") from error
        if lines.pop() or not lines:
            raise StoreError(f"{path}:{len(lines) + 1}: the record is cut off; the shard is damaged")
        return [_unpack(line, path, n, len(lines)) for n, line in enumerate(lines, start=1)]

    def _shard(self, shard: str) -> Path:
        return self.path / "rollouts" / f"{shard}.jsonl"

    # Metrics and other small files.

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one record to metrics.jsonl; a line that a crash cut off is cut off wholly."""
        line = json.dumps(record, separators=(",", ":")) + "\n"
        path = self.path / "metrics.jsonl"
        with _storage(path), path.open("ab+") as file:
            file.truncate(_whole_lines(file))
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def metrics(self) -> list[dict[str, Any]]:
        """All metrics records, in order; a last line that was cut off by a crash is left out.

        Raises:
            StoreError: A record before the last is damaged.
        """
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        records = []
        for number, line in enumerate(lines[:-1], start=1):
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise StoreError(f"{path}:{number}: not a JSON record: {error}") from error
        return records

    def rewind_metrics(self, keep: Callable[[Mapping[str, Any]], bool]) -> None:
        """Keep only the records for which `keep` holds: what a resumed run does before it goes on."""
        records = [r for r in self.metrics() if keep(r)]
        data = "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records)
        with _storage(self.path / "metrics.jsonl"):
            write_atomically(self.path / "metrics.jsonl", data.encode())

    def write_json(self, name: str, data: Any) -> Path:
        """Write a small JSON file, atomically; return its path."""
        with _storage(self.path / name):
            write_atomically(self.path / name, json.dumps(data, indent=2).encode())
        return self.path / name


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that after a crash the old or the new content is there, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make a rename in this folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _whole_lines(file: BinaryIO) -> int:
    """Length of a file up to the end of its last whole line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    if file.read(1) in (b"\n", b""):
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn the disk's own errors into one clear line."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; what was committed before is intact"
        ) from error


_RECORD = re.compile(rb'\{"v":([0-9]+),"crc":"([0-9a-f]{8})","record":\[([0-9]+),([0-9]+)\],"rollout":(.*)\}')


def _pack(rollout: Rollout, number: int, total: int) -> bytes:
    text = json.dumps(rollout_to_json(rollout), separators=(",", ":"), ensure_ascii=False)
    payload = text.encode("utf-8", "surrogatepass")
    crc = _checksum(SCHEMA, number, total, payload)
    return b'{"v":%d,"crc":"%08x","record":[%d,%d],"rollout":%b}\n' % (SCHEMA, crc, number, total, payload)


def _unpack(line: bytes, path: Path, number: int, total: int) -> Rollout:
    where = f"{path}:{number}"
    parts = _RECORD.fullmatch(line)
    if parts is None:
        raise StoreError(f"{where}: not a rollout record; the shard is damaged")
    version, crc, wrote, of, payload = int(parts[1]), int(parts[2], 16), int(parts[3]), int(parts[4]), parts[5]
    if _checksum(version, wrote, of, payload) != crc:
        raise StoreError(f"{where}: the checksum does not match; the shard is damaged")
    if (wrote, of) != (number, total):
        raise StoreError(f"{where}: record {wrote} of {of} stands at {number} of {total}; the shard is damaged")
    if version > SCHEMA:
        raise StoreError(f"{where}: schema {version} is newer than {SCHEMA}; install a newer agentrl")
    try:
        record = json.loads(payload.decode("utf-8", "surrogatepass"))
        for old in range(version, SCHEMA):
            record = MIGRATIONS[old](record)
        return rollout_from_json(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{where}: not a rollout record ({type(error).__name__}: {error})") from error


def _checksum(version: int, number: int, total: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(b"%d,%d,%d" % (version, number, total)))
