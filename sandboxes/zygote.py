"""A forked interpreter in namespaces of its own: a fresh process for every run, in under 10 ms.

A single-threaded launcher holds an interpreter with modules already imported; every session is a fork of it, in its own
user, pid, mount, network, IPC and UTS namespaces, on a read-only root that shows the interpreter and the system's
programs and nothing else, with rlimits, a control group where one is writable, no capabilities, `no_new_privs`,
Landlock and a seccomp filter. The default back end on Linux; works as root (then programs get a user of their own) and
as a plain user where user namespaces are allowed.

Covered: files, network, other processes, privileges, memory of the whole tree, process count, disk, time, output.
Not covered: as a plain user, programs are that user's (`private_uid` is not claimed). Without a control group memory
and CPU time are watched, not held: buffers of pipes and sockets escape the count, and so do children that end within
50 ms and are waited for by nobody. The kernel itself is shared, as in a container. Side channels by timing, and by
record locks on files that several boxes can read, are open. The hash seed is always 0.
"""

from __future__ import annotations

import sys

from agentrl.errors import SandboxError, UsageError
from agentrl.programs import PROTECTIONS, Capabilities, Files, Limits, check_path, check_protections
from agentrl.sandbox import Sandbox, Session, require
from agentrl.sandboxes._zygote.host import Launcher
from agentrl.sandboxes._zygote.session import Box, limits_of

__all__ = ["Zygote", "open"]


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
    check_protections(pretend_missing)
    if not sys.platform.startswith("linux"):
        raise SandboxError("the sandbox 'zygote' needs Linux: use 'docker' here")
    launcher = Launcher(modules, pretend_missing)
    try:
        require("zygote", launcher.missing, allow_degraded)
    except (SandboxError, UsageError):
        launcher.close()
        raise
    return Zygote(launcher, concurrency)


class Zygote(Sandbox):
    """See the module."""

    def __init__(self, launcher: Launcher, concurrency: int | None = None) -> None:
        given = PROTECTIONS - set(launcher.missing) - (set() if launcher.mode == "root" else {"private_uid"})
        super().__init__(Capabilities("zygote", 2, frozenset(given), launcher.missing), concurrency=concurrency)
        self._launcher = launcher
        self._open: set[Box] = set()

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Fork a box."""
        limits = limits or Limits()
        stored = {check_path(name): bytes(content) for name, content in (files or {}).items()}
        box, pidfd = self._launcher.box({"limits": limits_of(limits), "files": stored})
        session = Box(self._launcher, box, pidfd, self.capabilities, limits, self._open)
        self._open.add(session)
        return session

    def close(self) -> None:
        """End every box, then the launcher; a run that is going on elsewhere ends there."""
        for session in tuple(self._open):
            session.end()
        self._launcher.close()
