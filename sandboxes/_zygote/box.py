"""The box: pid 1 of its own namespaces. It mounts, starts programs under every lock, watches them and kills them.

No program can touch it: it runs under another user (or above, in the user namespace), and as pid 1 it gets no signal
from within. What it is told comes from the trainer over one socket; what it says is JSON: started, or why not; how a
program ended. The standard library alone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agentrl.sandboxes import _boot, _cgroup
from agentrl.sandboxes import _kernel as kernel
from agentrl.sandboxes._count import FOLDERS, pids
from agentrl.sandboxes._wire import payload, say
from agentrl.sandboxes._zygote import program, watch

__all__ = ["Settings", "main", "try_landlock", "try_seccomp"]

_MIB = 2**20
_FIRST_LOOK_S, _LOOK_S = 0.004, 0.05
_NOBODY = 65534
_LOCKS_S = 5.0
_SPARE_WALL_S = 2.0
"""The trainer ends a run that is over its time; the box does so itself this much later."""


@dataclass(frozen=True)
class Settings:
    """What the launcher found out once, for every box.

    Attributes:
        mode: "root", where programs get a user of their own, or "user".
        first_uid: The first of those users.
        seccomp: The filter for this mode, or nothing where it is missing by leave.
        landlock: Whether to use it.
        network: Whether to make a network namespace (missing only by leave).
    """

    mode: str
    first_uid: int
    seccomp: bytes
    landlock: bool
    network: bool


@dataclass
class _Run:
    """The program that the trainer waits for."""

    pid: int
    pidfd: int
    kind: str
    limits: dict[str, Any]
    cpu_before_s: float
    kills_before: int
    began: float = field(default_factory=time.monotonic)
    fired: str = ""


def try_landlock() -> None:
    """Lock this process as a program would be; it must be thrown away."""
    kernel.no_new_privileges()
    kernel.landlock_restrict(kernel.landlock_rules(("/",), FOLDERS))


def try_seccomp(filter: bytes) -> None:
    """Likewise."""
    kernel.no_new_privileges()
    kernel.seccomp(filter)


def main(
    trainer: socket.socket, settings: Settings, slot: int, group: _cgroup.Group | None
) -> Callable[[], None] | None:
    """Be a box until the trainer hangs up.

    Returns:
        In a program's process, what to run.
    """
    kept = {trainer.fileno(), *(group.fds if group else ())}
    _close_all_but(kept)
    kernel.set_dumpable(0)  # what is in its memory is not for a program of the same user
    try:
        message, fds, _, _ = socket.recv_fds(trainer, 64, 1)
        if not message:
            os._exit(0)
        box = _Box(trainer, settings, slot, group, payload(fds[0]))
        me = os.pidfd_open(os.getpid())  # so that the trainer can end this box whatever holds it
        say(trainer, {"ready": True}, (me,))
        os.close(me)
    except OSError as error:
        say(trainer, {"error": f"the box cannot be set up: {error}"})
        os._exit(1)
    return box.serve()


class _Box:
    def __init__(
        self,
        trainer: socket.socket,
        settings: Settings,
        slot: int,
        group: _cgroup.Group | None,
        opening: dict[str, Any],
    ) -> None:
        self.trainer, self.settings, self.group = trainer, settings, group
        self.uid = settings.first_uid + slot if settings.mode == "root" else os.geteuid()
        self.run: _Run | None = None
        self.limits = opening["limits"]  # of the last run, or of the session before there is one
        self.meter = watch.Meter(group)
        self.idle_since_s = 0.0  # CPU seconds at the end of the last run
        self.frozen: list[int] = []
        self.look_s = _FIRST_LOOK_S
        self._namespaces(opening["limits"])
        for path, content in opening["files"].items():
            self._store(path, content)
        self.rules = kernel.landlock_rules(("/",), (*FOLDERS, "/dev/null")) if settings.landlock else None

    def _namespaces(self, limits: dict[str, Any]) -> None:
        network = kernel.CLONE_NEWNET if self.settings.network else 0
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | network)
        size = f"size={limits['disk_mib']}m,nr_inodes={limits['inodes']},mode=700,uid={self.uid},gid={self.uid}"
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        for folder in FOLDERS:
            kernel.mount("box", folder, "tmpfs", flags, size)
        flags |= kernel.MS_NOEXEC
        try:  # nothing of it but the processes of this box
            kernel.mount("proc", "/proc", "proc", flags, "subset=pid")
        except OSError:  # before Linux 5.8
            kernel.mount("proc", "/proc", "proc", flags)

    def _store(self, path: str, content: bytes) -> None:
        """Write a file of the opening; nothing runs in the box yet, so that no link can be in the way."""
        at = "/box"
        *folders, _ = path.split("/")
        for folder in folders:
            at = f"{at}/{folder}"
            if not os.path.isdir(at):
                os.mkdir(at, 0o700)
                os.chown(at, self.uid, self.uid)
        with open(f"/box/{path}", "wb") as file:
            file.write(content)
        os.chmod(f"/box/{path}", 0o600)
        os.chown(f"/box/{path}", self.uid, self.uid)

    def serve(self) -> Callable[[], None] | None:
        """Start what is asked for; watch; end with the trainer."""
        while True:
            watched = [self.trainer.fileno()]
            if self.run is not None:
                watched.append(self.run.pidfd)
            ready, _, _ = select.select(watched, [], [], self.look_s if self._busy() else None)
            if self.run is not None and self.run.pidfd in ready:
                self._ended(self.run)
            if self.trainer.fileno() in ready:
                become = self._obey()
                if become is not None:
                    return become
            self._watch()

    def _obey(self) -> Callable[[], None] | None:
        message, fds, _, _ = socket.recv_fds(self.trainer, 64, 4)
        if not message:
            watch.kill_all(None)
            os._exit(0)
        if message == b"kill":
            watch.kill_all(self.run.pid if self.run else None)
            return None
        become = self._start(payload(fds[0]), fds[1:])
        if become is None:
            for fd in fds[1:]:
                os.close(fd)
        return become

    def _start(self, asked: dict[str, Any], streams: list[int]) -> Callable[[], None] | None:
        """Fork a program; here it returns None, in the program's process what to run."""
        limits = asked["limits"]
        # What earlier runs have left is of the same user, and could stop or limit the new process half-way.
        self.frozen = watch.freeze()
        kills = 0
        if self.group is not None:
            try:
                self._limit(self.group, limits)
            except OSError as error:
                self._thaw()
                say(self.trainer, {"error": f"a limit cannot be set: {error}"})
                return None
            kills = self.group.kills()
        report_read, report_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self._lock(limits, streams)
            except OSError as error:
                os.write(report_write, f"a lock cannot be had: {error}".encode())
                os._exit(1)
            os.close(report_write)
            return program.prepare(asked)
        os.close(report_write)
        told = select.select([report_read], [], [], _LOCKS_S)[0]
        trouble = os.read(report_read, 4096).decode() if told else f"the locks took more than {_LOCKS_S:g} s"
        os.close(report_read)
        if trouble:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._thaw()
            say(self.trainer, {"error": trouble})
            return None
        self.run = _Run(pid, os.pidfd_open(pid), asked["kind"], limits, self.meter.cpu_s(), kills)
        self.limits = limits
        self.look_s = _FIRST_LOOK_S
        if self.run.kind not in ("snapshot", "store"):  # these run undisturbed to their end
            self._thaw()
        say(self.trainer, {"started": True})
        return None

    def _limit(self, group: _cgroup.Group, limits: dict[str, Any]) -> None:
        """Set the group's limits; where what earlier runs have left holds more, that ends."""
        memory_mib, processes = limits["memory_mib"] + _cgroup.SPARE_MIB, limits["processes"] + 1  # one: this box
        try:
            group.limit(memory_mib, processes)
        except OSError:
            watch.kill_all(None)
            group.limit(memory_mib, processes)

    def _thaw(self) -> None:
        watch.thaw(self.frozen)
        self.frozen = []

    def _lock(self, limits: dict[str, Any], streams: list[int]) -> None:
        """In the program's process: give up everything, in an order that leaves each step what it needs."""
        os.setsid()
        if self.group is not None:
            self.group.enter()
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
        os.umask(0o077)
        os.chdir("/box")
        rules = self.rules
        if self.settings.mode == "root":
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)
        kernel.set_dumpable(1)  # its own user map would belong to root otherwise
        group = os.getegid()
        kernel.unshare(kernel.CLONE_NEWUSER)
        kernel.map_user(_NOBODY, self.uid, _NOBODY, group)
        # Only now, so that processes are counted within the new user namespace.
        _boot.set_rlimits(limits["rlimits"])
        kernel.drop_capabilities()
        if self.settings.mode == "root":  # without privileges the box itself could not look at it any more
            kernel.set_dumpable(0)
        kernel.no_new_privileges()
        if rules is not None:
            kernel.landlock_restrict(rules)
        if self.settings.seccomp:
            kernel.seccomp(self.settings.seccomp)
        kernel.die_with_parent()

    # Watching.

    def _busy(self) -> bool:
        return self.run is not None or len(pids()) > 1

    def _watch(self) -> None:
        spared = self.run.pid if self.run else None
        watch.reap(spared)
        if not self._busy():
            return
        fired = self._over()
        if fired:
            if self.run is not None:
                self.run.fired = self.run.fired or fired
            watch.kill_all(spared)
        self.look_s = min(_LOOK_S, self.look_s * 2)

    def _over(self) -> str:
        """The limit that is exceeded now, if any."""
        cpu_s = self.meter.cpu_s() - (self.run.cpu_before_s if self.run else self.idle_since_s)
        if cpu_s > self.limits["cpu_s"]:
            return "cpu_s"
        if self.meter.tasks > self.limits["processes"] + 1:
            return "processes"
        if self.run is not None and time.monotonic() - self.run.began > self.run.limits["wall_s"] + _SPARE_WALL_S:
            return "wall_s"
        return "memory_mib" if self.meter.memory_over(self.limits["memory_mib"] * _MIB, self._called) else ""

    def _called(self) -> bool:
        """Whether the trainer has something to say."""
        return bool(select.select([self.trainer.fileno()], [], [], 0)[0])

    def _ended(self, run: _Run) -> None:
        _, status, usage = os.wait4(run.pid, 0)
        os.close(run.pidfd)
        self.run = None
        self._thaw()
        code = os.waitstatus_to_exitcode(status)
        if self.group is not None and self.group.kills() > run.kills_before:
            run.fired = "memory_mib"
        if code == _boot.OUT_OF_MEMORY and run.kind != "command":
            run.fired, code = run.fired or "memory_mib", 1
        self.idle_since_s = self.meter.cpu_s()
        facts = {
            "code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "cpu_s": max(usage.ru_utime + usage.ru_stime, self.idle_since_s - run.cpu_before_s),
            "max_rss_mib": usage.ru_maxrss / 1024,
            "fired": run.fired,
        }
        say(self.trainer, facts)


def _close_all_but(kept: set[int]) -> None:
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 65536)
