"""What the processes of a box use, seen from its pid 1: by its control group, or else by looking at each of them.

The standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from agentrl.sandboxes import _cgroup
from agentrl.sandboxes._count import Cpu, memory_over, others, stat

__all__ = ["Meter", "freeze", "kill_all", "reap", "thaw"]

_STILL = "TtZXD"
"""States in which a process runs no code of its own. (One in the kernel, "D", meets its stop before it leaves it.)"""


class Meter:
    """Counts what a box uses from its beginning on.

    With a control group the kernel counts, and holds memory and the number of processes itself. Without one this looks
    at every process (`_count.py`).
    """

    def __init__(self, group: _cgroup.Group | None) -> None:
        self._group = group
        self._before = group.cpu_s() if group is not None else 0.0
        self._looks = Cpu()

    def cpu_s(self) -> float:
        """CPU seconds of all processes of the box so far, those that ended included."""
        if self._group is not None:
            return self._group.cpu_s() - self._before
        return self._looks.used_s()

    @property
    def tasks(self) -> int:
        """Processes and threads when `cpu_s` last looked; 0 with a control group, which sees to their number."""
        return self._looks.tasks

    def memory_over(self, limit: int, interrupted: Callable[[], bool]) -> bool:
        """See `_count.memory_over`; False with a control group, which sees to it."""
        return self._group is None and memory_over(limit, interrupted)


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


def _state(pid: int) -> str:
    try:
        return stat(pid)[0]
    except (OSError, IndexError):
        return "X"
