"""What the processes of a box use, as its pid 1 sees them in /proc: where no control group counts.

The standard library alone, and little of it: what this imports, every bubblewrap box pays for.
"""

from __future__ import annotations

import os
import resource

TYPE_CHECKING = False  # `typing` itself would cost five milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable

FOLDERS = ("/box", "/tmp", "/dev/shm")
"""What a program may write; each a tmpfs of its own, so that its files are memory."""

_TICK = os.sysconf("SC_CLK_TCK")


class Cpu:
    """CPU time of a box from its beginning on, without children that end between two looks, waited for by nobody.

    Attributes:
        tasks: Processes and threads at the last look.
    """

    def __init__(self) -> None:
        self.tasks = 0
        self._seen: dict[tuple[int, str], int] = {}  # the most ticks that each process has been seen with

    def used_s(self) -> float:
        """CPU seconds of all processes of the box so far, those that ended included."""
        self.tasks, alive = 0, 0
        for pid in others():
            try:
                facts = stat(pid)
                own, waited = sum(map(int, facts[11:13])), sum(map(int, facts[13:15]))
                self._seen[pid, facts[19]] = own
                alive += own + waited
                self.tasks += int(facts[17])
            except (OSError, IndexError):  # it ended meanwhile
                continue
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return max(alive / _TICK + usage.ru_utime + usage.ru_stime, sum(self._seen.values()) / _TICK)


def memory_over(limit: int, interrupted: Callable[[], bool]) -> bool:
    """Whether the box's processes and files hold more than `limit` bytes.

    Args:
        limit: In bytes.
        interrupted: Asked between two processes: looking closely takes time, and a program can make it long.
    """
    files = sum((held.f_blocks - held.f_bfree) * held.f_frsize for held in map(os.statvfs, FOLDERS))
    if files + sum(map(_resident, others())) <= limit:
        return False
    # Pages that forks share were counted once for each. The closer look is taken twice, because the shares of
    # processes that end during one add up to more than they ever held.
    return all(_close_look(limit - files, interrupted) for _ in range(2))


def _close_look(limit: int, interrupted: Callable[[], bool]) -> bool:
    held = 0
    for pid in others():
        if interrupted():
            return False
        held += _proportional(pid)
    return held > limit


def pids() -> list[int]:
    """Every process of the box."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def others() -> list[int]:
    """Every process of the box but this one."""
    return [pid for pid in pids() if pid != os.getpid()]


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: [0] is the third, the state."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _resident(pid: int) -> int:
    """Bytes of a process that no file backs, shared or not; cheap."""
    try:
        size = _held(f"/proc/{pid}/status")
        if size is not None:
            return size
        for thread in os.listdir(f"/proc/{pid}/task"):  # the first thread ended, and the others hold the memory
            size = _held(f"/proc/{pid}/task/{thread}/status")
            if size is not None:
                return size
    except OSError:  # it ended meanwhile
        pass
    return 0


def _held(path: str) -> int | None:
    with open(path, "rb") as file:
        lines = [line for line in file if line.startswith((b"RssAnon:", b"RssShmem:"))]
    return sum(int(line.split()[1]) for line in lines) * 1024 if lines else None


def _proportional(pid: int) -> int:
    """Bytes of a process, a page that n processes share counted as 1/n of it; all of it where that cannot be seen."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            proportional = next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:"))
    except (OSError, StopIteration):  # hidden, or it ended, and then it holds nothing
        return _resident(pid)
    return min(_resident(pid), proportional)
