"""The launcher as the trainer sees it: started, asked for boxes, started again if it was killed."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from agentrl.errors import SandboxError
from agentrl.sandboxes import _seccomp
from agentrl.sandboxes._alone import Alone
from agentrl.sandboxes._host import ETC, SYSTEM, site_packages
from agentrl.sandboxes._wire import ANSWER_S, receive, send

__all__ = ["Launcher"]

_PACKAGE = Path(__file__).resolve().parents[1]
_FIRST_UID = 0x70000000
"""Users of boxes: beyond those of people, services, and the ranges handed to containers."""


class Launcher:
    """The launcher's process, started again if it was killed."""

    def __init__(self, modules: tuple[str, ...], pretend_missing: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._config = _config(modules, pretend_missing)
        self._closed = False
        self.missing: dict[str, str] = {}
        self.mode = "root"
        self._process = self._start()

    def box(self, opening: dict[str, Any]) -> tuple[socket.socket, int]:
        """Fork a box; returns the socket to it, and a file descriptor that stands for its process.

        Raises:
            SandboxError: It cannot be had.
        """
        for attempt in (1, 2):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                with theirs:
                    send(ours, b"open", opening)
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
                self._process.close()
                self._process = self._start()
            socket.send_fds(self._process.control, [b"box"], [theirs.fileno()])

    def alive(self, *, within_s: float = 0.0) -> bool:
        """Whether it runs, and still does after a moment."""
        return self._process.alive(within_s=within_s)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def close(self) -> None:
        """End it, wait for it; idempotent."""
        with self._lock:
            self._closed = True
            self._process.close()

    def _start(self) -> Alone:
        process = Alone("agentrl.sandboxes._zygote.launcher", PYTHONHASHSEED="0")
        try:
            send(process.control, b"config", self._config)
            answer, _ = receive(process.control, ANSWER_S)
            if answer is None or "error" in answer:
                reason = answer["error"] if answer else process.last_words()
                raise SandboxError(
                    f"the sandbox 'zygote' cannot start: {reason} (`agentrl doctor` says what is offered)"
                )
        except (OSError, SandboxError):
            process.close()
            raise
        self.missing, self.mode = answer["missing"], answer["mode"]
        return process


def _config(modules: tuple[str, ...], pretend_missing: tuple[str, ...]) -> dict[str, Any]:
    site = site_packages(modules)
    drivers = sorted(p.stem for p in (_PACKAGE / "_drivers").glob("*.py"))
    try:
        filters = {"root": _seccomp.program(), "user": _seccomp.program(also=_seccomp.SENDING)}
    except LookupError:
        filters, pretend_missing = {"root": b"", "user": b""}, (*pretend_missing, "syscalls")
    return {
        "binds": sorted({*SYSTEM, str(Path(sys.base_prefix).resolve()), *map(os.path.realpath, site)}),
        "path": site,
        "modules": modules,
        "drivers": [f"agentrl.sandboxes._drivers.{name}" for name in drivers],
        "pretend_missing": pretend_missing,
        "seccomp": filters,
        "first_uid": _FIRST_UID,
        "etc": dict(ETC),
    }
