"""Control groups for boxes: memory and process count of a whole tree, on version 1 and 2, where they are writable.

One folder a launcher, in it one folder a slot, used by one box after the other. The standard library alone.
Sources: `Documentation/admin-guide/cgroup-v1/memory.rst`, `Documentation/admin-guide/cgroup-v2.rst`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SPARE_MIB", "Group", "Groups"]

SPARE_MIB = 16
"""What a group may hold above its program's limit: the interpreter that watches it, and the pages of its that a fork
touches before the program has a byte."""

_GIVEN_BACK_S = 0.5

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "agentrl-"


@dataclass(frozen=True)
class Group:
    """One box's group: file descriptors of its folders, by controller."""

    version: int
    memory: int
    pids: int
    cpu: int

    @property
    def fds(self) -> tuple[int, ...]:
        """All that it holds open."""
        return (self.memory, self.pids, self.cpu)

    def limit(self, memory_mib: int, processes: int) -> None:
        """Set both limits; what is charged already counts.

        Raises:
            OSError: The group holds more already, and goes on holding it.
        """
        size = str(memory_mib * 2**20)
        if self.version == 1:
            self._limit_v1(size)
        else:
            _write(self.memory, "memory.max", size)
            with contextlib.suppress(OSError):
                _write(self.memory, "memory.swap.max", "0")
        _write(self.pids, "pids.max", str(processes))

    def _limit_v1(self, size: str) -> None:
        """Version 1 refuses a limit below what is held; what has just ended is given back in a moment."""
        deadline = time.monotonic() + _GIVEN_BACK_S
        while True:
            # The limit of memory and swap together may never be below that of memory.
            for name in ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
                with contextlib.suppress(OSError):
                    _write(self.memory, name, size)
            if int(_read(self.memory, "memory.limit_in_bytes")) <= int(size):
                return
            if time.monotonic() > deadline:
                raise OSError(errno.EBUSY, "the box holds more memory already than it may from now on")
            time.sleep(0.005)

    def enter(self) -> None:
        """Move this process in."""
        for folder in self.fds if self.version == 1 else (self.memory,):
            _write(folder, "cgroup.procs", "0")

    def cpu_s(self) -> float:
        """CPU seconds of all that ever ran in it."""
        if self.version == 1:
            return int(_read(self.cpu, "cpuacct.usage")) / 1e9
        fields = dict(line.split() for line in _read(self.cpu, "cpu.stat").splitlines())
        return int(fields["usage_usec"]) / 1e6

    def kills(self) -> int:
        """How many processes of the group the kernel has killed for memory so far."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        fields = dict(line.split() for line in _read(self.memory, name).splitlines())
        return int(fields.get("oom_kill", 0))


@dataclass(frozen=True)
class Groups:
    """The groups of one launcher: its folders on the host, for memory, processes and CPU time, held open."""

    version: int
    folders: tuple[Path, ...]
    held: tuple[int, ...]

    @classmethod
    def make(cls) -> Groups | None:
        """Make this process's folders, and clear away those of processes that are dead; None where it cannot be."""
        name = f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}"
        for version, places in _places():
            for place in places:
                clear_dead(place)
            folders = tuple(place / name for place in places)
            try:
                for folder in folders:
                    folder.mkdir(exist_ok=True)
                if version == 2:
                    (folders[0] / "cgroup.subtree_control").write_text("+memory +pids", encoding="ascii")
                return cls(version, folders, tuple(os.open(f, os.O_PATH | os.O_CLOEXEC) for f in folders))
            except OSError:
                for folder in folders:
                    _remove(folder)
        return None

    def slot(self, number: int) -> Group:
        """The group of a slot, made at its first use.

        Raises:
            OSError: It cannot be made.
        """
        for folder in self.held:
            with contextlib.suppress(FileExistsError):
                os.mkdir(str(number), dir_fd=folder)
        return Group(self.version, *(os.open(str(number), os.O_PATH | os.O_CLOEXEC, dir_fd=f) for f in self.held))

    def remove(self) -> None:
        """Remove the folders; every process in them must be dead."""
        for folder in self.folders:
            _remove(folder)


def clear_dead(place: Path) -> None:
    """Remove what launchers that were killed have left."""
    with contextlib.suppress(OSError):
        for folder in place.glob(f"{_PREFIX}*-*"):
            pid, _, started = folder.name.removeprefix(_PREFIX).partition("-")
            if pid.isdigit() and _started(int(pid)) != started:
                _remove(folder)


def _places() -> Iterator[tuple[int, tuple[Path, Path, Path]]]:
    """Folders in which this process may make groups: below its own group, so that a limit on it keeps its meaning."""
    own = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
            _, names, path = line.split(":", 2)
            own.update(dict.fromkeys(names.split(","), path.lstrip("/")))
    if {"memory", "pids", "cpuacct"} <= set(own):
        memory, pids, cpu = (_below(name, own[name]) for name in ("memory", "pids", "cpuacct"))
        yield 1, (memory, pids, cpu)
    with contextlib.suppress(OSError):
        for folder in (_ROOT / own.get("", ""), _ROOT):
            given = (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
            if {"memory", "pids"} <= set(given):
                yield 2, (folder, folder, folder)


def _below(controller: str, path: str) -> Path:
    folder = _ROOT / controller / path
    return folder if folder.is_dir() else _ROOT / controller


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot; "" if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for slot in folder.iterdir():
            if slot.is_dir():
                slot.rmdir()
        folder.rmdir()


def _write(folder: int, name: str, text: str) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _read(folder: int, name: str) -> str:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(fd, 65536).decode()
    finally:
        os.close(fd)
