"""Limits only, in a process of its own: no boundary against a program that means harm.

CPU time, memory of one process, file size, open files and wall time are limited, the environment is clean, the working
folder is a temporary one, and the process group is ended with the run. For hosts without Linux namespaces and for
programs that you wrote yourself.

Covered: clean environment; limits of one process; output and wall limits.
Not covered: files, network, other processes, disk and the memory of a tree of processes are not protected; a process
that leaves its group outlives the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from agentrl.errors import BoxError, SandboxError, UnknownIdError, UsageError
from agentrl.programs import Capabilities, Command, Driver, Files, Limits, Program, check_path
from agentrl.sandbox import Process, Sandbox, Session, require
from agentrl.sandboxes._boot import OUT_OF_MEMORY
from agentrl.sandboxes._host import ENVIRONMENT, driver_path, put, rlimits, snapshot
from agentrl.sandboxes._running import Exit, Handle, Running
from agentrl.sandboxes._wire import ready

_HERE = Path(__file__).resolve().parent
_PREFIX = "agentrl-box-"


def open(*, allow_degraded: tuple[str, ...] = (), concurrency: int | None = None) -> Sandbox:
    """Open it: works on every Linux host, so nothing can be missing.

    Raises:
        UsageError: `allow_degraded` names something that is no protection.
    """
    require("subprocess", {}, allow_degraded)
    _clear_dead(Path(tempfile.gettempdir()))
    return Subprocess(concurrency)


class Subprocess(Sandbox):
    """See the module."""

    def __init__(self, concurrency: int | None = None) -> None:
        super().__init__(
            Capabilities("subprocess", 1, frozenset(("clean_env", "limits")), persistent=frozenset(("files",))),
            concurrency=concurrency,
        )
        self._open: set[_Session] = set()

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Make a temporary folder the box."""
        session = _Session(self.capabilities, limits or Limits(), self._open)
        self._open.add(session)
        try:
            session.write(files or {})
        except BoxError as error:
            session.close()
            raise SandboxError(str(error)) from error
        except UsageError:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Close every session."""
        for session in tuple(self._open):
            session.close()


class _Session(Session):
    def __init__(self, box: Capabilities, limits: Limits, siblings: set[_Session]) -> None:
        self.capabilities, self.limits = box, limits
        self._siblings = siblings
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        (self._folder / "box").mkdir()
        self._programs = 0

    def start(self, program: Program, *, limits: Limits | None = None) -> Process:
        limits = limits or self.limits
        try:
            return Running(
                _Group(self._words(program, limits), self._folder / "box", program), limits, self.capabilities
            )
        except UnknownIdError:
            raise
        except ValueError as error:  # a NUL, or a lone surrogate, among its words
            raise BoxError(f"the program's words are none that a process can have: {error}") from error
        except OSError as error:
            raise SandboxError(f"a process could not be started: {error}") from error

    def _words(self, program: Program, limits: Limits) -> list[str]:
        boot = [sys.executable, "-I", "-S", str(_HERE / "_boot.py"), json.dumps(_rlimits(limits))]
        if isinstance(program, Command):
            return [*boot, "command", *program.argv]
        if isinstance(program, Driver):
            return [*boot, "python", str(driver_path(program))]
        self._programs += 1
        path = self._folder / f"main-{self._programs}.py"
        path.write_bytes(program.source.encode("utf-8", "surrogatepass"))
        return [*boot, "python", str(path), *program.argv]

    def write(self, files: Files) -> None:
        folder = os.open(self._folder / "box", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name, content in files.items():
                put(folder, check_path(name), content)
        finally:
            os.close(folder)

    def snapshot(self) -> dict[str, bytes]:
        return snapshot(self._folder / "box", self.limits)

    def close(self) -> None:
        self._siblings.discard(self)
        shutil.rmtree(self._folder, ignore_errors=True)


def _clear_dead(place: Path) -> None:
    """Remove the boxes of callers that were killed."""
    for folder in place.glob(f"{_PREFIX}[0-9]*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """Without the count of processes, which here would count all of this user's."""
    return {name: pair for name, pair in rlimits(limits).items() if name != "NPROC"}


class _Group(Handle):
    """A process group of this host."""

    def __init__(self, words: list[str], folder: Path, program: Program) -> None:
        extra = {} if isinstance(program, Driver) else program.env
        self._process = subprocess.Popen(
            words,
            cwd=folder,
            env={**ENVIRONMENT, "HOME": str(folder), **extra},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdin, self.stdout, self.stderr = (
            os.dup(pipe.fileno()) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()
        self.exit_fd = os.pidfd_open(self._process.pid)
        self._is_python = not isinstance(program, Command)
        self._reaped = False
        self._lock = threading.Lock()

    def kill(self) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if not self._reaped:
                os.killpg(self._process.pid, signal.SIGKILL)

    def exit(self) -> Exit:
        with self._lock:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # its leader is not reaped yet: the number is still ours
            _, status, usage = os.wait4(self._process.pid, 0)
            self._reaped = True
        self._process.returncode = code = os.waitstatus_to_exitcode(status)
        fired = ""
        if code == OUT_OF_MEMORY and self._is_python:
            code, fired = 1, "memory_mib"
        return Exit(
            fired=fired,
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            cpu_s=usage.ru_utime + usage.ru_stime,
            max_rss_mib=usage.ru_maxrss / 1024,
        )

    def close(self) -> None:
        if not self._reaped:
            self.kill()
            if ready(self.exit_fd, 1.0):
                self.exit()
        os.close(self.exit_fd)
