"""The launcher as the trainer sees it: started, asked for boxes, started again if it was killed."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import Any

from agentrl.errors import SandboxError
from agentrl.sandboxes import _seccomp
from agentrl.sandboxes._host import ENVIRONMENT, alone
from agentrl.sandboxes._zygote.wire import ANSWER_S, receive, send

__all__ = ["Launcher"]

_PACKAGE = Path(__file__).resolve().parents[1]
_FIRST_UID = 0x70000000
"""Users of boxes: beyond those of people, services, and the ranges handed to containers."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives")
_ETC = {"passwd": "box:x:65534:65534::/box:/bin/sh\n", "group": "box:x:65534:\n", "nsswitch.conf": "passwd: files\n"}


class Launcher:
    """The launcher's process, started again if it was killed."""

    def __init__(self, modules: tuple[str, ...], pretend_missing: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._config = _config(modules, pretend_missing)
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.missing: dict[str, str] = {}
        self.mode = "root"
        self._start()

    def box(self, opening: dict[str, Any]) -> tuple[socket.socket, int]:
        """Fork a box; returns the socket to it, and a file descriptor that stands for its process.

        Raises:
            SandboxError: It cannot be had.
        """
        for attempt in (1, 2):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                with theirs:
                    send(ours, b"open", [], opening)
                    self._ask(theirs)
                answer, fds = receive(ours, ANSWER_S, fds=1)
                if answer is not None and "error" not in answer:
                    return ours, fds[0]
                reason = answer["error"] if answer else "it ended before it began"
            except OSError as error:
                reason = str(error)
            except SandboxError:
                ours.close()
                raise
            ours.close()
            if attempt == 2 or self.alive():
                break
        raise SandboxError(f"a box cannot be had: {reason}")

    def _ask(self, theirs: socket.socket) -> None:
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            if not self.alive():
                self._stop()
                self._start()
            assert self._control is not None
            socket.send_fds(self._control, [b"box"], [theirs.fileno()])

    def alive(self, *, within_s: float = 0.0) -> bool:
        """Whether it runs, and still does after a moment."""
        process = self._process
        if process is None:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
            return False
        return True

    def close(self) -> None:
        """End it, wait for it; idempotent."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                alone("agentrl.sandboxes._zygote.launcher", str(theirs.fileno())),
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
        answer, _ = receive(ours, ANSWER_S)
        if answer is None or "error" in answer:
            reason = answer["error"] if answer else self._last_words()
            self._stop()
            raise SandboxError(f"the sandbox 'zygote' cannot start: {reason} (`agentrl doctor` says what is offered)")
        self.missing = answer["missing"]
        self.mode = answer["mode"]

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


def _config(modules: tuple[str, ...], pretend_missing: tuple[str, ...]) -> dict[str, Any]:
    site = [path for path in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")) if modules]
    drivers = sorted(p.stem for p in (_PACKAGE / "_drivers").glob("*.py"))
    try:
        filters = {"root": _seccomp.program(), "user": _seccomp.program(also=_seccomp.SENDING)}
    except LookupError:
        filters, pretend_missing = {"root": b"", "user": b""}, (*pretend_missing, "syscalls")
    return {
        "binds": sorted({*_SYSTEM, str(Path(sys.base_prefix).resolve()), *map(os.path.realpath, site)}),
        "path": list(dict.fromkeys(site)),
        "modules": modules,
        "drivers": [f"agentrl.sandboxes._drivers.{name}" for name in drivers],
        "pretend_missing": pretend_missing,
        "seccomp": filters,
        "first_uid": _FIRST_UID,
        "etc": _ETC,
    }
