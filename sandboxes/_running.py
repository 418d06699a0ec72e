"""A running program behind three pipes: one poll loop that feeds it, reads it within bounds, and ends it in time."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from agentrl.programs import Capabilities, ExecResult, ExecStatus, Limits
from agentrl.sandbox import Process
from agentrl.sandboxes._wire import ready

__all__ = ["Exit", "Handle", "Running"]

_CHUNK = 65536
_END_S = 5.0
"""How long a killed program may take to be dead."""

_LOOK_S = 3600.0
"""The longest sleep; the kernel takes no more than 24 days, and a deadline may be later."""

_CLOCKS = 0.5
"""The kernel's limit goes by sampled CPU time, which can be far ahead of the exact time where processes take turns."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended, as its back end saw it.

    Attributes:
        code: Exit code, or None.
        signal: The signal that ended it, or None.
        cpu_s: User and system time of the whole run.
        max_rss_mib: Largest resident size.
        fired: The limit that the back end enforced, by its name in `Limits`, or "".
        error: Why the machine, not the program, is to blame, or "".
    """

    code: int | None = None
    signal: int | None = None
    cpu_s: float = 0.0
    max_rss_mib: float = 0.0
    fired: str = ""
    error: str = ""


class Handle(ABC):
    """What a back end gives for one running program.

    Attributes:
        stdin: The caller's ends of its pipes, as file descriptors.
        stdout: Likewise.
        stderr: Likewise.
        exit_fd: Readable, or hung up, once `exit` will not block.
    """

    stdin: int
    stdout: int
    stderr: int
    exit_fd: int

    @abstractmethod
    def kill(self) -> None:
        """End it and all it started; idempotent, from any thread, also after its end."""

    @abstractmethod
    def exit(self) -> Exit:
        """How it ended; called once, after `exit_fd` is ready. Nothing of it runs afterwards that should not."""

    @abstractmethod
    def close(self) -> None:
        """Free everything but the pipes; called once, after `exit` or in place of it."""


class _Kept:
    """The first bytes of a stream, and a count of all."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.data = bytearray()
        self.total = 0

    def add(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self.data += chunk[: max(0, self.limit - len(self.data))]

    @property
    def over(self) -> bool:
        return self.total > self.limit


class Running(Process):
    """`Process` over a `Handle`; its clock runs from construction."""

    def __init__(self, handle: Handle, limits: Limits, box: Capabilities) -> None:
        self._handle = handle
        self._limits = limits
        self._box = box
        self._began = time.monotonic()
        self._deadline = self._began + limits.wall_s
        self._out = _Kept(limits.output_bytes)
        self._err = _Kept(limits.output_bytes)
        self._inbox = bytearray()
        self._fired = ""
        self._exited = False
        self._stdin: int | None = handle.stdin
        self._reading = {handle.stdout: self._out, handle.stderr: self._err}
        self._result: ExecResult | None = None
        self._finishing = threading.Lock()
        for fd in (handle.stdin, handle.stdout, handle.stderr):
            os.set_blocking(fd, False)

    def send(self, data: bytes) -> bool:
        rest = memoryview(data)
        while rest and self._stdin is not None and self._alive():
            rest = self._step(self._deadline, rest, (self._handle.stderr,))
        return not rest

    def receive(self, size: int, *, timeout_s: float | None = None) -> bytes:
        out, deadline = self._handle.stdout, self._deadline
        if timeout_s is not None:
            deadline = min(deadline, time.monotonic() + timeout_s)
        while len(self._inbox) < size and out in self._reading:
            if self._exited:
                self._drain(want=size)
                break
            if not self._alive(deadline):
                break
            self._step(deadline, memoryview(b""), tuple(self._reading), want=size - len(self._inbox))
        got = bytes(self._inbox[:size])
        del self._inbox[:size]
        return got

    def finish(self, stdin: bytes = b"") -> ExecResult:
        with self._finishing:
            if self._result is None:
                try:
                    self._result = self._finish(memoryview(stdin))
                finally:
                    self._handle.kill()
                    self._close()
            return self._result

    def kill(self) -> None:
        self._handle.kill()

    def _finish(self, rest: memoryview) -> ExecResult:
        self._out.add(bytes(self._inbox))
        while not self._exited and self._alive():
            if not rest:
                self._close_stdin()
            rest = self._step(self._deadline, rest, tuple(self._reading))
        if not self._exited:
            self._fired = self._fired or "wall_s"
            self._handle.kill()
            if not self._dead(_END_S):  # it has the kernel busy; the program's own doing, like any time limit
                return self._describe(Exit(signal=9, fired="wall_s"))
        ended = self._handle.exit()
        self._drain()
        return self._describe(ended)

    def _dead(self, within_s: float) -> bool:
        return ready(self._handle.exit_fd, within_s)

    def _alive(self, deadline: float | None = None) -> bool:
        """Whether to go on: in time, and under its output limits."""
        if self._out.over or self._err.over:
            self._fired = self._fired or "output_bytes"
            self._handle.kill()
        return not self._fired and not self._exited and time.monotonic() < (deadline or self._deadline)

    def _step(self, deadline: float, rest: memoryview, streams: tuple[int, ...], want: int = 0) -> memoryview:
        """Wait for something to do and do it; returns what is still to be written. `want` > 0 reads for `receive`."""
        poll = select.poll()
        poll.register(self._handle.exit_fd, select.POLLIN)
        for fd in streams:
            if fd in self._reading:
                poll.register(fd, select.POLLIN)
        if rest and self._stdin is not None:
            poll.register(self._stdin, select.POLLOUT)
        for fd, _ in poll.poll(min(_LOOK_S, max(0.0, deadline - time.monotonic())) * 1000 + 1):
            if fd == self._handle.exit_fd:
                self._exited = True
            elif fd == self._stdin:
                rest = self._write(rest)
            else:
                self._read(fd, want)
        return rest

    def _write(self, rest: memoryview) -> memoryview:
        assert self._stdin is not None
        try:
            return rest[os.write(self._stdin, rest[:_CHUNK]) :]
        except BlockingIOError:
            return rest
        except OSError:  # nobody reads it any more
            self._close_stdin()
            return rest[len(rest) :]

    def _read(self, fd: int, want: int = 0) -> bool:
        """Read once; False at the end, or where nothing is there now."""
        to_inbox = want > 0 and fd == self._handle.stdout
        try:
            chunk = os.read(fd, min(want, _CHUNK) if to_inbox else _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            del self._reading[fd]
            return False
        if to_inbox:
            self._inbox += chunk
        else:
            self._reading[fd].add(chunk)
        return True

    def _drain(self, want: int = 0) -> None:
        """Take what was written before the end; what is left running elsewhere in a session is not waited for."""
        for fd in tuple(self._reading):
            while not self._reading[fd].over and (want == 0 or fd != self._handle.stdout or len(self._inbox) < want):
                if not self._read(fd, want):
                    break

    def _describe(self, ended: Exit) -> ExecResult:
        status, limit = _status(ended, self._fired, self._out.over or self._err.over, self._limits)
        return ExecResult(
            status,
            exit_code=ended.code,
            signal=ended.signal,
            stdout=bytes(self._out.data),
            stderr=bytes(self._err.data),
            stdout_bytes=self._out.total,
            stderr_bytes=self._err.total,
            limit=limit,
            wall_s=time.monotonic() - self._began,
            cpu_s=ended.cpu_s,
            max_rss_mib=ended.max_rss_mib,
            detail=ended.error,
            box=self._box,
        )

    def _close_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    def _close(self) -> None:
        self._close_stdin()
        for fd in (self._handle.stdout, self._handle.stderr):
            with contextlib.suppress(OSError):
                os.close(fd)
        self._handle.close()


def _status(ended: Exit, fired: str, too_much: bool, limits: Limits) -> tuple[ExecStatus, str]:  # noqa: FBT001
    """The status, and the limit that was met. What the machine did wrong counts before anything else."""
    if ended.error:
        return "infra_error", ""
    if too_much or fired == "output_bytes":
        return "output_limit", "output_bytes"
    if ended.fired == "memory_mib":
        return "oom", "memory_mib"
    if ended.fired == "cpu_s" or (ended.signal in (9, 24) and ended.cpu_s >= _CLOCKS * limits.cpu_s):
        return "timeout_cpu", "cpu_s"
    if fired == "wall_s" or ended.fired == "wall_s":
        return "timeout_wall", "wall_s"
    if ended.signal is not None:
        return "signalled", ended.fired
    return ("ok" if ended.code == 0 else "nonzero"), ""
