"""One box as the trainer sees it: a session, the program that runs in it, and files out of it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import time
from typing import Any

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.programs import Capabilities, Command, Driver, Files, Limits, Program, check_path
from agentrl.sandbox import Process, Session
from agentrl.sandboxes._host import driver_path, rlimits
from agentrl.sandboxes._running import Exit, Handle, Running
from agentrl.sandboxes._wire import ANSWER_S, ready, receive, send
from agentrl.sandboxes._zygote.host import Launcher

__all__ = ["Box", "limits_of", "unpack"]

_END_S = 3.0
"""How long a box may take to end when it is told to; then it is killed."""

_DEATH_S = 0.3
"""How long a launcher that was killed may take to be seen dead, after its boxes."""

_HEADER = struct.Struct(">IQ")


class Box(Session):
    """One box, and the trainer's end of the socket to it."""

    def __init__(
        self,
        launcher: Launcher,
        box: socket.socket,
        pidfd: int,
        capabilities: Capabilities,
        limits: Limits,
        siblings: set[Box],
    ) -> None:
        self._launcher, self._box, self._pidfd = launcher, box, pidfd
        self.capabilities, self.limits = capabilities, limits
        self._program: _Program | None = None
        self._process: Process | None = None
        self._siblings = siblings

    def start(self, program: Program, *, limits: Limits | None = None) -> Process:
        """Fork a program from the box."""
        return self._start(_describe(program), limits or self.limits)

    def _start(self, payload: dict[str, Any], limits: Limits) -> Process:
        if self._program is not None and not self._program.closed:
            raise UsageError("a session runs one program at a time: finish the one that was started")
        self._program = _Program(self._launcher, self._box, {**payload, "limits": limits_of(limits)})
        self._process = Running(self._program, limits, self.capabilities)
        return self._process

    def write(self, files: Files) -> None:
        """Have a process with no more rights than a program write them."""
        data = b"".join(
            _HEADER.pack(len(name), len(content)) + name + content
            for name, content in ((os.fsencode(check_path(path)), content) for path, content in files.items())
        )
        result = self._start({"kind": "store"}, self.limits).finish(data)
        if not result.ran:
            raise SandboxError(f"the files could not be put into the box: {result.detail}")
        if result.status != "ok":
            reason = result.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise BoxError(f"the files could not be put into the box: {reason or result.status}")

    def snapshot(self) -> dict[str, bytes]:
        """Have such a process read them, while all others of the box are stopped."""
        most = (self.limits.disk_mib << 20) + self.limits.inodes * 4096
        limits = Limits(output_bytes=most, wall_s=30.0, cpu_s=30.0, memory_mib=self.limits.memory_mib + 64)
        result = self._start({"kind": "snapshot"}, limits).finish()
        if not result.ran:
            raise SandboxError(f"the box's files could not be read: {result.detail}")
        if result.status != "ok":
            raise BoxError(f"the box holds more than {self.limits.disk_mib} MiB: {result.status}")
        return unpack(result.stdout, self.limits.disk_mib << 20)

    def end(self) -> None:
        """Have the box end, from any thread; `close` frees what is left."""
        with contextlib.suppress(OSError):
            self._box.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the box and see it gone."""
        if self._box.fileno() < 0:
            return
        self._siblings.discard(self)
        if self._process is not None:
            self._process.kill()
            self._process.finish()
        self.end()
        if not self._gone(_END_S):
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._gone(_END_S)
        self._box.close()
        os.close(self._pidfd)

    def _gone(self, within_s: float) -> bool:
        """Wait for the box to hang up."""
        deadline = time.monotonic() + within_s
        while (left := deadline - time.monotonic()) > 0:
            if ready(self._box, left):
                with contextlib.suppress(OSError):
                    if self._box.recv(65536):
                        continue
                return True
        return False


class _Program(Handle):
    """One program in a box."""

    def __init__(self, launcher: Launcher, box: socket.socket, payload: dict[str, Any]) -> None:
        self._launcher, self._box = launcher, box
        self.exit_fd = box.fileno()
        self.closed = False
        pipes = [os.pipe() for _ in range(3)]
        (in_read, self.stdin), (self.stdout, out_write), (self.stderr, err_write) = pipes
        try:
            send(box, b"run", payload, (in_read, out_write, err_write))
            answer, _ = receive(box, ANSWER_S)
            if answer is None or "error" in answer:
                raise SandboxError(answer["error"] if answer else "the box ended before the program began")
        except (OSError, SandboxError) as error:
            self.closed = True
            for fd in (self.stdin, self.stdout, self.stderr):
                os.close(fd)
            raise SandboxError(str(error) or "the box does not answer") from error
        finally:
            for fd in (in_read, out_write, err_write):
                os.close(fd)

    def kill(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):
                self._box.send(b"kill")

    def exit(self) -> Exit:
        self.closed = True
        answer, _ = receive(self._box, ANSWER_S)
        if answer is not None:
            return Exit(**answer)
        if self._launcher.alive(within_s=_DEATH_S):  # then nothing but its own programs can have ended the box
            return Exit(signal=signal.SIGKILL)
        return Exit(error="the launcher was killed or closed")

    def close(self) -> None:
        self.closed = True


def _describe(program: Program) -> dict[str, Any]:
    if isinstance(program, Command):
        return {"kind": "command", "argv": tuple(program.argv), "env": dict(program.env)}
    if isinstance(program, Driver):
        return {"kind": "driver", "module": f"agentrl.sandboxes._drivers.{driver_path(program).stem}"}
    return {"kind": "python", "source": program.source, "argv": tuple(program.argv), "env": dict(program.env)}


def limits_of(limits: Limits) -> dict[str, Any]:
    """Limits as a box is told them."""
    named = {name: getattr(limits, name) for name in limits.__slots__}
    return {**named, "rlimits": rlimits(limits)}


def unpack(data: bytes, most: int) -> dict[str, bytes]:
    """The frames of `program._snapshot`, which a hostile box may have had a hand in; `most` bytes of content."""
    files: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        if at + _HEADER.size > len(data):
            raise BoxError("the box's files came cut short")
        path_size, size = _HEADER.unpack_from(data, at)
        content = at + _HEADER.size + path_size
        if content + size > len(data):
            raise BoxError("the box's files came cut short")
        most -= size
        if most < 0:
            raise BoxError("the box's files are larger than its disk")
        with contextlib.suppress(UsageError):  # a path that no caller could ask for
            files[check_path(os.fsdecode(data[content - path_size : content]))] = data[content : content + size]
        at = content + size
    return dict(sorted(files.items()))
