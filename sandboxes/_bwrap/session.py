"""The trainer's side of a bubblewrap box: the launcher's process, a session, and a program in it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.programs import Capabilities, Command, Driver, Files, Limits, Program, check_path
from agentrl.sandbox import Process, Session
from agentrl.sandboxes._alone import Alone
from agentrl.sandboxes._cgroup import SPARE_MIB, Group
from agentrl.sandboxes._host import ENVIRONMENT, driver_path, put, rlimits, snapshot
from agentrl.sandboxes._running import Exit, Handle, Running
from agentrl.sandboxes._wire import ANSWER_S, ready, receive, send

__all__ = ["Box", "Launcher", "group_limits"]

_OWN_PROCESSES = 3
"""bwrap outside and inside of its namespaces, and the box's pid 1."""

_END_S = 5.0
"""How long a box may take to end when it is told to."""


class Launcher:
    """The process that makes boxes.

    Attributes:
        cgroup: The version of control groups that it can make, or 0.
        root: Whether it can give a box a user of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._process = Alone("agentrl.sandboxes._bwrap.launcher")
        facts, _ = receive(self._process.control, ANSWER_S)
        if facts is None:
            reason = self._process.last_words()
            self._process.close()
            raise SandboxError(f"the sandbox 'bwrap' cannot start: {reason} (`agentrl doctor` says what is offered)")
        self.cgroup, self.root = int(facts["cgroup"]), bool(facts["root"])

    def box(self, spec: Mapping[str, Any], trainer: socket.socket, trouble: int) -> None:
        """Have a box made that talks over `trainer` and complains on `trouble`.

        Raises:
            SandboxError: The launcher has ended.
        """
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            try:
                send(self._process.control, b"box", spec, (trainer.fileno(), trouble))
            except OSError as error:
                raise SandboxError(f"the launcher of the sandbox 'bwrap' has ended: {error.strerror}") from error

    def alive(self) -> bool:
        """Whether it runs: then a box that is dead was ended by its own programs."""
        return self._process.alive()

    def close(self) -> None:
        """End it and every box; idempotent."""
        with self._lock:
            self._closed = True
            self._process.close()


class Box(Session):
    """One bwrap process and what runs in it."""

    def __init__(self, launcher: Launcher, spec: Mapping[str, Any], box: Capabilities, limits: Limits) -> None:
        self.capabilities, self.limits = box, limits
        self._launcher = launcher
        self._path: list[str] = spec["path"]  # of modules, as the box sees it
        self._filter: bytes = spec["filter"]
        self._owner = int(spec["uid"]) if launcher.root else None
        self._running: _Program | None = None
        self._folder = -1
        self._group: Group | None = None
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._gone, trouble = os.pipe()  # bwrap's stderr: what went wrong; and its end
        try:
            with theirs:
                launcher.box(spec, theirs, trouble)
        except SandboxError:
            os.close(trouble)
            self.close()
            raise
        os.close(trouble)
        self._meet()

    def _meet(self) -> None:
        staged, fds = receive(self._socket, ANSWER_S, fds=4)
        if staged:
            self._folder, *groups = fds
            self._group = Group(self._launcher.cgroup, *groups) if groups else None
        if not staged or not receive(self._socket, ANSWER_S)[0]:
            reason = _rest(self._gone).decode(errors="replace").strip()
            self.close()
            raise SandboxError(f"a box of 'bwrap' could not be made: {reason[-500:] or 'no reason was given'}")

    def start(self, program: Program, *, limits: Limits | None = None) -> Process:
        """Start a program in the box."""
        limits = limits or self.limits
        if self._running is not None and not self._running.closed:
            raise UsageError("a session runs one program at a time: finish the one that was started")
        if self._group is not None:
            try:
                self._group.limit(*group_limits(limits))
            except OSError as error:
                raise BoxError(f"a limit cannot be set: {error}") from error
        spec = {
            **_describe(program),
            "rlimits": _rlimits(limits),
            "cpu_s": limits.cpu_s,
            "memory": 0 if self._group else limits.memory_mib << 20,  # 0: it need not watch what is held
            "path": self._path,
            "filter": self._filter,
        }
        self._running = _Program(self._socket, spec, self._group, self._launcher)
        return Running(self._running, limits, self.capabilities)

    def write(self, files: Files) -> None:
        """Put files into the box."""
        for name, content in files.items():
            put(self._folder, check_path(name), content, self._owner)

    def snapshot(self) -> dict[str, bytes]:
        """Read the box's files."""
        return snapshot(Path(f"/proc/self/fd/{self._folder}"), self.limits)

    def close(self) -> None:
        """End the box."""
        if self._gone < 0:
            return
        self._socket.close()  # its pid 1 ends, and with it all others
        ready(self._gone, _END_S)
        for fd in (self._gone, self._folder, *(self._group.fds if self._group else ())):
            if fd >= 0:
                os.close(fd)
        self._gone = self._folder = -1
        self._group = None


class _Program(Handle):
    """One program in a box; its end is told on a pipe of its own, which hangs up if the box ends first."""

    def __init__(self, box: socket.socket, spec: Mapping[str, Any], group: Group | None, launcher: Launcher) -> None:
        self._box, self._group, self._launcher = box, group, launcher
        self._kills = group.kills() if group else 0
        self._killed = self.closed = False
        pipes = [os.pipe() for _ in range(4)]
        (in_read, self.stdin), (self.stdout, out), (self.stderr, err), (self.exit_fd, ended) = pipes
        meter = [_meter(group)] if group else []
        try:
            # Where that fails the box is dead already: the pipe hangs up at once, and `exit` finds out by whom.
            with contextlib.suppress(OSError):
                send(box, b"run", spec, (in_read, out, err, ended, *meter))
        finally:
            for fd in (in_read, out, err, ended, *meter):
                os.close(fd)

    def kill(self) -> None:
        if not self.closed:
            self._killed = True
            with contextlib.suppress(OSError):
                self._box.send(b"kill", socket.MSG_NOSIGNAL)

    def exit(self) -> Exit:
        self.closed = True  # what it left running in its session stays
        words = _rest(self.exit_fd).decode().split()
        oom = self._group is not None and self._group.kills() > self._kills
        fired = "memory_mib" if oom else ""
        if not words:
            # Only its own programs can end a box whose launcher lives: that is no excuse for them.
            trouble = "" if self._launcher.alive() or self._killed else "the box's launcher was killed from outside"
            return Exit(signal=9, fired=fired, error=trouble)
        code, cpu_s, max_rss_mib = int(words[0]), float(words[1]), float(words[2])
        return Exit(
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            cpu_s=cpu_s,
            max_rss_mib=max_rss_mib,
            fired=fired or " ".join(words[3:]),
        )

    def close(self) -> None:
        self.closed = True
        os.close(self.exit_fd)


def group_limits(limits: Limits) -> tuple[int, int]:
    """Memory in MiB and processes of a box's control group, with room for what is the kit's and bubblewrap's own."""
    return limits.memory_mib + SPARE_MIB, limits.processes + _OWN_PROCESSES


def _meter(group: Group) -> int:
    """A control group's count of CPU time, open for reading: so that the box can see it."""
    name = "cpuacct.usage" if group.version == 1 else "cpu.stat"
    return os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=group.cpu)


def _describe(program: Program) -> dict[str, Any]:
    if isinstance(program, Driver):
        source = driver_path(program).read_bytes()
        return {"kind": "python", "source": source, "argv": (), "env": dict(ENVIRONMENT)}
    env = {**ENVIRONMENT, **program.env}
    if isinstance(program, Command):
        return {"kind": "command", "argv": tuple(program.argv), "env": env}
    source = program.source.encode("utf-8", "surrogatepass")
    return {"kind": "python", "source": source, "argv": tuple(program.argv), "env": env}


def _rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """With room for the box's pid 1, which is of the same user."""
    most = limits.processes + 1
    return {**rlimits(limits), "NPROC": (most, most)}


def _rest(fd: int) -> bytes:
    """What a pipe holds now, up to a little."""
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        return os.read(fd, 4096)
    return b""
