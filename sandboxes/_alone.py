"""A module of a back end in an interpreter of its own, and the trainer's hold on it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from agentrl.sandboxes._host import ENVIRONMENT

__all__ = ["Alone"]

_END_S = 5.0
"""How long it may take to end when its socket hangs up; then it is killed."""

_PACKAGE = Path(__file__).resolve().parent
_SCRIPT = """
import importlib, sys, types
folder, name, *words = sys.argv[1:]
for package, path in (("agentrl", ""), ("agentrl.sandboxes", folder)):
    module = sys.modules[package] = types.ModuleType(package)
    module.__path__ = [path]
become = importlib.import_module(name).main(*words)
if become is not None:
    become()
"""
"""The module is imported by its name, but not the packages around it, which would load much more."""


class Alone:
    """A process that calls `main(FD)` of a module, FD being its end of a socket; it ends when the socket hangs up.

    What `main` returns is called in turn, with no frame of it left on the stack. The interpreter is the one beneath a
    virtual environment, whose own a box may not see.

    Attributes:
        pid: Of the process.
        control: The trainer's end of the socket.
    """

    def __init__(self, module: str, **environment: str) -> None:
        interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [interpreter, "-I", "-S", "-c", _SCRIPT, str(_PACKAGE), module, str(theirs.fileno())]
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                env={**ENVIRONMENT, **environment},
                cwd="/",
                start_new_session=True,
            )
        self.pid = self._process.pid

    def alive(self, *, within_s: float = 0.0) -> bool:
        """Whether it runs, and still does after a moment."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
            return False
        return True

    def last_words(self) -> str:
        """End it; the end of what it wrote to stderr."""
        assert self._process.stderr is not None
        self._process.kill()
        return self._process.stderr.read().decode(errors="replace").strip()[-500:] or "its launcher said nothing"

    def close(self) -> None:
        """Hang up, wait for it; idempotent."""
        self.control.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
