"""A forked interpreter in namespaces of its own: a fresh process for every run, in about 5 ms.

A single-threaded launcher holds an interpreter with modules already imported; every session is a fork of it, in its own
user, pid, mount, network, IPC and UTS namespaces, on a read-only root that shows the interpreter and the system's
programs and nothing else, with rlimits, a control group where one is writable, no capabilities, `no_new_privs`,
Landlock and a seccomp filter. The default back end on Linux; works as root (then programs get a user of their own) and
as a plain user where user namespaces are allowed.

Covered: files, network, other processes, privileges, memory of the whole tree, process count, disk, time, output.
Not covered: the kernel itself is shared, as in a container; side channels by timing and by record locks on files that
several boxes can read; a hash seed other than 0.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import select
import socket
import struct
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import Any

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.programs import PROTECTIONS, Capabilities, Command, Driver, Files, Limits, Program, check_path
from agentrl.sandbox import Process, Sandbox, Session, require
from agentrl.sandboxes import _seccomp
from agentrl.sandboxes._host import ENVIRONMENT, driver_path, rlimits
from agentrl.sandboxes._running import Exit, Handle, Running

_PACKAGE = Path(__file__).resolve().parents[1]
_START = """
import sys, types
for name, path in (("", ""), (".sandboxes", sys.argv[1]), (".sandboxes.zygote", sys.argv[1] + "/zygote")):
    module = sys.modules["agentrl" + name] = types.ModuleType("agentrl" + name)
    module.__path__ = [path]
from agentrl.sandboxes.zygote.launcher import main
become = main(int(sys.argv[2]))
if become is not None:
    become()
"""
"""The launcher imports its few files by their names, but not the package around them, which would load much more."""

_FIRST_UID = 0x70000000
"""Users of boxes: beyond those of people, services, and the ranges handed to containers."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives")
_ETC = {"passwd": "box:x:65534:65534::/box:/bin/sh\n", "group": "box:x:65534:\n", "nsswitch.conf": "passwd: files\n"}
_ANSWER_S = 30.0
"""How long the launcher may take to answer before the machine is blamed."""

_HEADER = struct.Struct(">IQ")


def open(
    *,
    allow_degraded: tuple[str, ...] = (),
    modules: tuple[str, ...] = (),
    concurrency: int | None = None,
    pretend_missing: tuple[str, ...] = (),
) -> Sandbox:
    """Start a launcher and see what this host gives.

    Args:
        allow_degraded: Protections to go on without, where this host lacks them.
        modules: Modules to have imported before a program starts, such as "numpy"; programs see site-packages if any.
        concurrency: Runs at a time; default: one a usable core.
        pretend_missing: Protections to treat as if this host lacked them, for tests.

    Raises:
        SandboxError: A protection is missing, or namespaces cannot be made here.
        UsageError: A name is not one of a protection.
    """
    unknown = sorted(set(pretend_missing) - PROTECTIONS)
    if unknown:
        raise UsageError(f"no protection {unknown[0]!r}; known: {', '.join(sorted(PROTECTIONS))}")
    if not sys.platform.startswith("linux"):
        raise SandboxError("the sandbox 'zygote' needs Linux: use 'docker' here")
    launcher = _Launcher(modules, pretend_missing)
    try:
        require("zygote", launcher.missing, allow_degraded)
    except (SandboxError, UsageError):
        launcher.close()
        raise
    return Zygote(launcher, concurrency)


class Zygote(Sandbox):
    """See the module."""

    def __init__(self, launcher: _Launcher, concurrency: int | None = None) -> None:
        given = PROTECTIONS - set(launcher.missing)
        super().__init__(Capabilities("zygote", 2, frozenset(given), launcher.missing), concurrency=concurrency)
        self._launcher = launcher
        self._open: set[_Session] = set()

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Fork a box."""
        limits = limits or Limits()
        stored = {check_path(name): bytes(content) for name, content in (files or {}).items()}
        opening = {"limits": _limits(limits), "files": stored}
        return _Session(self._launcher.box(opening), self.capabilities, limits, self._open)

    def close(self) -> None:
        """End every box, then the launcher."""
        for session in tuple(self._open):
            session.close()
        self._launcher.close()


class _Launcher:
    """The launcher's process, started again if it was killed."""

    def __init__(self, modules: tuple[str, ...], pretend_missing: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._config = _config(modules, pretend_missing)
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.missing: dict[str, str] = {}
        self._start()

    def box(self, opening: dict[str, Any]) -> socket.socket:
        """Fork a box; returns the socket to it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            send(ours, b"open", [], opening)
            with self._lock:
                if self._closed:
                    ours.close()
                    raise SandboxError("the sandbox is closed")
                for attempt in (1, 2):
                    try:
                        assert self._control is not None
                        socket.send_fds(self._control, [b"box"], [theirs.fileno()])
                        break
                    except OSError as error:  # it was killed
                        if attempt == 2:
                            ours.close()
                            raise SandboxError(f"the launcher ended twice: {error}") from error
                        self._stop()
                        self._start()
        return ours

    def close(self) -> None:
        """End it, wait for it; idempotent."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [_interpreter(), "-I", "-S", "-c", _START, str(_PACKAGE), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                env={**ENVIRONMENT, "PYTHONHASHSEED": "0"},
                cwd="/",
                start_new_session=True,
            )
        self._control = ours
        send(ours, b"config", [], self._config)
        answer = receive(ours, _ANSWER_S)
        if answer is None or "error" in answer:
            reason = answer["error"] if answer else self._last_words()
            self._stop()
            raise SandboxError(f"the sandbox 'zygote' cannot start: {reason} (`agentrl doctor` says what is offered)")
        self.missing = answer["missing"]

    def _last_words(self) -> str:
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.kill()
        return self._process.stderr.read().decode(errors="replace").strip()[-500:] or "its launcher said nothing"

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            assert self._process.stderr is not None
            self._process.stderr.close()
        self._control = self._process = None


class _Session(Session):
    def __init__(self, box: socket.socket, capabilities: Capabilities, limits: Limits, open: set[_Session]) -> None:
        self._box = box
        self.capabilities, self.limits = capabilities, limits
        self._program: _Program | None = None
        self._process: Process | None = None
        self._open = open
        open.add(self)

    def start(self, program: Program, *, limits: Limits | None = None) -> Process:
        return self._start(_describe(program), limits or self.limits)

    def _start(self, payload: dict[str, Any], limits: Limits) -> Process:
        if self._program is not None and not self._program.closed:
            raise UsageError("a session runs one program at a time: finish the one that was started")
        self._program = _Program(self._box, {**payload, "limits": _limits(limits)})
        self._process = Running(self._program, limits, self.capabilities)
        return self._process

    def write(self, files: Files) -> None:
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
        most = (self.limits.disk_mib << 20) + self.limits.inodes * 4096
        limits = Limits(output_bytes=most, wall_s=30.0, cpu_s=30.0, memory_mib=self.limits.memory_mib + 64)
        result = self._start({"kind": "snapshot"}, limits).finish()
        if not result.ran:
            raise SandboxError(f"the box's files could not be read: {result.detail}")
        if result.status != "ok":
            raise BoxError(f"the box holds more than {self.limits.disk_mib} MiB: {result.status}")
        return _unpack(result.stdout)

    def close(self) -> None:
        self._open.discard(self)
        if self._process is not None:
            self._process.kill()
            self._process.finish()
        with contextlib.suppress(OSError):
            self._box.shutdown(socket.SHUT_WR)
            self._box.settimeout(_ANSWER_S)
            while self._box.recv(65536):
                pass
        self._box.close()


class _Program(Handle):
    """One program in a box."""

    def __init__(self, box: socket.socket, payload: dict[str, Any]) -> None:
        self._box = box
        self.exit_fd = box.fileno()
        self.closed = False
        pipes = [os.pipe() for _ in range(3)]
        (in_read, self.stdin), (self.stdout, out_write), (self.stderr, err_write) = pipes
        try:
            send(box, b"run", [in_read, out_write, err_write], payload)
            answer = receive(box, _ANSWER_S)
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
        answer = receive(self._box, _ANSWER_S)
        if answer is None:
            return Exit(error="the box or its launcher was killed from outside")
        return Exit(**answer)

    def close(self) -> None:
        self.closed = True


def _interpreter() -> str:
    """The interpreter itself: the one of a virtual environment lies where a box cannot see it."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _describe(program: Program) -> dict[str, Any]:
    if isinstance(program, Command):
        return {"kind": "command", "argv": tuple(program.argv), "env": dict(program.env)}
    if isinstance(program, Driver):
        return {"kind": "driver", "module": f"agentrl.sandboxes._drivers.{driver_path(program).stem}"}
    return {"kind": "python", "source": program.source, "argv": tuple(program.argv), "env": dict(program.env)}


def _limits(limits: Limits) -> dict[str, Any]:
    named = {name: getattr(limits, name) for name in limits.__slots__}
    return {**named, "rlimits": rlimits(limits)}


def _config(modules: tuple[str, ...], pretend_missing: tuple[str, ...]) -> dict[str, Any]:
    site = [path for path in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")) if modules]
    drivers = sorted(p.stem for p in (_PACKAGE / "_drivers").glob("*.py"))
    try:
        filter = _seccomp.program()
    except LookupError:
        filter, pretend_missing = b"", (*pretend_missing, "syscalls")
    return {
        "binds": sorted({*_SYSTEM, str(Path(sys.base_prefix).resolve()), *map(os.path.realpath, site)}),
        "path": list(dict.fromkeys(site)),
        "modules": modules,
        "drivers": [f"agentrl.sandboxes._drivers.{name}" for name in drivers],
        "pretend_missing": pretend_missing,
        "seccomp": filter,
        "first_uid": _FIRST_UID,
        "etc": _ETC,
    }


def _unpack(data: bytes) -> dict[str, bytes]:
    """The frames of `program._snapshot`, which a hostile box may have had a hand in."""
    files: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        if at + _HEADER.size > len(data):
            raise BoxError("the box's files came cut short")
        path_size, size = _HEADER.unpack_from(data, at)
        content = at + _HEADER.size + path_size
        if content + size > len(data):
            raise BoxError("the box's files came cut short")
        with contextlib.suppress(UsageError):  # a path that no caller could ask for
            files[check_path(os.fsdecode(data[content - path_size : content]))] = data[content : content + size]
        at = content + size
    return dict(sorted(files.items()))


def send(to: socket.socket, what: bytes, fds: list[int], payload: dict[str, Any]) -> None:
    """Send a message with a payload of any size, which travels as a file in memory."""
    memory = os.memfd_create("payload", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            marshal.dump(payload, file)
        socket.send_fds(to, [what], [memory, *fds])
    finally:
        os.close(memory)


def receive(from_: socket.socket, timeout_s: float) -> dict[str, Any] | None:
    """The next JSON message; None if the other end is gone or silent."""
    try:
        if not select.select([from_], [], [], timeout_s)[0]:
            return None
        message = from_.recv(65536)
    except OSError:
        return None
    if not message:
        return None
    answer: dict[str, Any] = json.loads(message)
    return answer
