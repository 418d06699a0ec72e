"""What the processes of a box use, seen from its pid 1: by its control group, or else by looking at each of them.

The standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable

from agentrl.sandboxes import _cgroup

__all__ = ["FOLDERS", "Meter", "freeze", "kill_all", "pids", "reap", "thaw"]

FOLDERS = ("/box", "/tmp", "/dev/shm")
"""What a program may write; each a tmpfs of its own."""

_TICK = os.sysconf("SC_CLK_TCK")
_STILL = "TtZXD"
"""States in which a process runs no code of its own. (One in the kernel, "D", meets its stop before it leaves it.)"""


class Meter:
    """Counts what a box uses from its beginning on.

    With a control group the kernel counts, and holds memory and the number of processes itself. Without one this looks
    at every process: then the CPU time of children that end between two looks and are waited for by nobody is missed.
    """

    def __init__(self, group: _cgroup.Group | None) -> None:
        self._group = group
        self._before = group.cpu_s() if group is not None else 0.0
        self._seen: dict[tuple[int, str], int] = {}  # the most CPU ticks that each process has been seen with
        self.tasks = 0  # processes and threads at the last look

    def cpu_s(self) -> float:
        """CPU seconds of all processes of the box so far, those that ended included."""
        if self._group is not None:
            return self._group.cpu_s() - self._before
        self.tasks, alive = 0, 0
        for pid in others():
            with contextlib.suppress(OSError, IndexError):  # it ended meanwhile
                facts = _stat(pid)
                own, waited = sum(map(int, facts[11:13])), sum(map(int, facts[13:15]))
                self._seen[pid, facts[19]] = own
                alive += own + waited
                self.tasks += int(facts[17])
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return max(alive / _TICK + usage.ru_utime + usage.ru_stime, sum(self._seen.values()) / _TICK)

    def memory_over(self, limit: int, interrupted: Callable[[], bool]) -> bool:
        """Whether its processes and files hold more bytes than that; False with a control group, which sees to it.

        Args:
            limit: In bytes.
            interrupted: Asked between two processes: looking closely takes time, and a program can make it long.
        """
        if self._group is not None:
            return False
        files = sum((held.f_blocks - held.f_bfree) * held.f_frsize for held in map(os.statvfs, FOLDERS))
        sizes = {pid: _resident(pid) for pid in others()}
        if files + sum(sizes.values()) <= limit:
            return False
        for pid, size in sizes.items():  # pages that forks share were counted once for each
            if interrupted():
                return False
            sizes[pid] = min(size, _proportional(pid, size))
        return files + sum(sizes.values()) > limit


def pids() -> list[int]:
    """Every process of the box."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def others() -> list[int]:
    """Every process of the box but this one."""
    return [pid for pid in pids() if pid != os.getpid()]


def freeze() -> list[int]:
    """Stop all others, so that none can meddle with what is done now; returns those to `thaw`.

    What does not stop within a second is killed.
    """
    stopped = {pid for pid in others() if _state(pid) == "T"}
    if not others():
        return []
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGSTOP)
    deadline = time.monotonic() + 1.0
    while any(_state(pid) not in _STILL for pid in others()):
        if time.monotonic() > deadline:
            kill_all(None)
            return []
        time.sleep(0.0002)
    return [pid for pid in others() if pid not in stopped]


def thaw(frozen: list[int]) -> None:
    """Let them go on."""
    for pid in frozen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def kill_all(spared: int | None) -> None:
    """Kill every other process and see them dead; the end of the spared one is left for its watcher to take."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    deadline = time.monotonic() + 1.0
    while set(others()) - {spared} and time.monotonic() < deadline:
        reap(spared)
        time.sleep(0.001)


def reap(spared: int | None) -> None:
    """Wait for every dead child but one."""
    for pid in others():
        if pid != spared:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: [0] is the third, the state."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _state(pid: int) -> str:
    try:
        return _stat(pid)[0]
    except (OSError, IndexError):
        return "X"


def _resident(pid: int) -> int:
    """Bytes of a process that no file backs, shared or not; cheap."""
    with contextlib.suppress(OSError):
        size = _held(f"/proc/{pid}/status")
        if size is not None:
            return size
        for thread in os.listdir(f"/proc/{pid}/task"):  # the first thread ended, and the others hold the memory
            size = _held(f"/proc/{pid}/task/{thread}/status")
            if size is not None:
                return size
    return 0


def _held(path: str) -> int | None:
    with open(path, "rb") as file:
        lines = [line for line in file if line.startswith((b"RssAnon:", b"RssShmem:"))]
    return sum(int(line.split()[1]) for line in lines) * 1024 if lines else None


def _proportional(pid: int, resident: int) -> int:
    """Bytes of a process, a page that n processes share counted as 1/n of it; `resident` where it cannot be seen."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return resident
