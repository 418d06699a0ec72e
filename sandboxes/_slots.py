"""The boxes that a launcher has forked, each in the lowest free slot, and its wait for the next request.

The standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket

__all__ = ["Slots"]


class Slots:
    """Set up in the launcher; a forked box calls `leave`.

    Args:
        control: The socket that requests come from.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._slot_of: dict[int, int] = {}  # by process id
        self._wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)

    @property
    def pids(self) -> list[int]:
        """The boxes that had not ended at the last look."""
        return list(self._slot_of)

    def request(self, fds: int) -> list[int] | None:
        """Wait for a request and free the slots of boxes that end meanwhile; its descriptors, None at the end."""
        poll = select.poll()  # the socket has the number that it had in the trainer, which may be above 1023
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            with contextlib.suppress(ChildProcessError):
                while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                    self._slot_of.pop(pid, None)
            if self._control.fileno() in ready:
                message, came, _, _ = socket.recv_fds(self._control, 16, fds)
                return came if message else None

    def free(self) -> int:
        """The lowest slot that no box has."""
        return next(n for n in range(len(self._slot_of) + 1) if n not in self._slot_of.values())

    def take(self, slot: int, pid: int) -> None:
        """Give a slot to a box."""
        self._slot_of[pid] = slot

    @staticmethod
    def leave() -> None:
        """In a forked box: have signals do what they did."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
