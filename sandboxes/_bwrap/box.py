"""Pid 1 of a bubblewrap box: starts a program at a time, watches it, kills it, reports its end.

It came through every lock that its programs come through, but for the seccomp filter, which it puts on each of them.
Signals from within do not reach a pid 1, and its memory is closed to them. If its socket hangs up it ends, and the
kernel ends the rest of the box. Runs by itself (`python -I -S box.pyc SOCKET`), from the standard library
alone; C modules in place of `socket`, `signal` and `json`, whose imports would add half to the start of a box.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # no stubs
import _socket
import marshal
import os
import resource
import select
import sys
import time

if __name__ == "__main__":  # in a box, where it lies beside this file
    sys.path.insert(0, os.path.dirname(__file__))
    import _boot  # type: ignore[import-not-found]
else:
    from agentrl.sandboxes import _boot

TYPE_CHECKING = False  # `typing` itself would cost five milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    Spec = dict[str, Any]

_FIRST_LOOK_S, _LOOK_S = 0.004, 0.05
_PAGE = resource.getpagesize()
_TICK = os.sysconf("SC_CLK_TCK")
_FOLDERS = ("/box", "/tmp", "/dev/shm")


class Run:
    """The program that the trainer waits for, and what it may use."""

    def __init__(self, pid: int, spec: Spec, report: int, meter: int) -> None:
        self.pid, self.report, self.meter = pid, report, meter
        self.ended: tuple[int, float] | None = None
        self.cpu_s, self.memory, self.kind = spec["cpu_s"], spec["memory"], spec["kind"]
        self.fired, self.before_s = "", counted_s(meter)


def main() -> Callable[[], None]:
    """Serve until the trainer hangs up; in a program's process, return what to run."""
    trainer = _socket.socket(fileno=int(sys.argv[1]))
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)
    _signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    silent = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(silent, fd)
    trainer.send(b"ready")
    _boot.dumpable(0)  # only now, while the trainer is busy
    run: Run | None = None
    look_s = _LOOK_S
    while True:
        ready, _, _ = select.select([trainer.fileno(), wake], [], [], look_s if run else None)
        if wake in ready:
            os.read(wake, 4096)
        reap(run)
        if trainer.fileno() in ready:
            spec, fds = receive(trainer)
            if spec is None:
                os._exit(0)
            if spec == "kill":
                kill(run)
            else:
                run, look_s = start(spec, fds), _FIRST_LOOK_S
                if run is None:
                    to_be = spec
                    return lambda: become(to_be)
        if run is not None:
            run = watch(run)
            look_s = min(_LOOK_S, look_s * 2)


def receive(trainer: _socket.socket) -> tuple[Spec | Literal["kill"] | None, tuple[int, ...]]:
    """A specification and its file descriptors; "kill"; or None at the end."""
    message, ancillary, _, _ = trainer.recvmsg(64, _socket.CMSG_SPACE(6 * 4))
    fds = [int.from_bytes(d[at : at + 4], sys.byteorder) for _, _, d in ancillary for at in range(0, len(d) - 3, 4)]
    if not message:
        return None, ()
    if message == b"kill":
        return "kill", ()
    with open(fds[0], "rb") as file:
        file.seek(0)
        return marshal.loads(file.read()), tuple(fds[1:])


def start(spec: Spec, fds: tuple[int, ...]) -> Run | None:
    """Fork a program whose streams are `fds[:3]`; None in its own process."""
    pid = os.fork()
    if pid:
        for fd in fds[:3]:
            os.close(fd)
        return Run(pid, spec, fds[3], fds[4] if len(fds) > 4 else -1)
    _boot.dumpable(1)
    os.setsid()
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    for target, fd in enumerate(fds[:3]):
        os.dup2(fd, target)
    os.closerange(3, 65536)
    return None


def become(spec: Spec) -> None:
    """Set the limits and be the program."""
    os.chdir("/box")
    os.environ.clear()
    os.environ.update(spec["env"])
    if spec["filter"]:
        refuse_calls(spec["filter"])
    sys.path[:] = [*sys.path[1:], *spec["path"]]
    words = list(spec["argv"])
    if spec["kind"] == "command":
        _boot.limit(spec["rlimits"])
        _boot.execute(words)
    _boot.limit(spec["rlimits"])
    _boot.run("/box/main.py", ["/box/main.py", *words], spec["source"])


def refuse_calls(program: bytes) -> None:
    """Put a seccomp filter on this process; bwrap has set `no_new_privs`."""
    import ctypes

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    filter_ = Program(len(program) // 8, program)
    if ctypes.CDLL(None).prctl(22, 2, ctypes.byref(filter_), 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError("the seccomp filter was refused")


def reap(run: Run | None) -> None:
    """Wait for every dead child; how the program ended, if it is among them, is kept."""
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if run is not None and pid == run.pid:
            run.ended = (os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024)


def kill(run: Run | None) -> None:
    """Kill every process of the box but this one, and see them dead."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            os.kill(-1, _signal.SIGKILL)
        except ProcessLookupError:
            return
        time.sleep(0.001)
        reap(run)


def watch(run: Run) -> Run | None:
    """Kill what uses more than it may, and tell the end of what ended; returns what still runs."""
    if run.ended is None:
        memory, cpu_s = usage(run.meter, of_memory=run.memory > 0)
        if memory > run.memory > 0:
            run.fired = "memory_mib"
        elif cpu_s - run.before_s > run.cpu_s:
            run.fired = "cpu_s"
        if run.fired:
            kill(run)
    if run.ended is None:
        return run
    code, max_rss_mib = run.ended
    if code == _boot.OUT_OF_MEMORY and run.kind == "python":
        run.fired = run.fired or "memory_mib"
    os.write(run.report, f"{code} {counted_s(run.meter) - run.before_s} {max_rss_mib} {run.fired}".encode())
    os.close(run.report)
    if run.meter >= 0:
        os.close(run.meter)
    return None


def usage(meter: int, *, of_memory: bool) -> tuple[int, float]:
    """Bytes held by the box's processes and files (0 where nobody asks), and CPU seconds, those of the dead too."""
    memory, ticks = 0, 0
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                ticks += sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))
            if of_memory:
                with open(f"/proc/{pid}/status", "rb") as file:
                    lines = file.read().splitlines()
                memory += sum(
                    int(line.split()[1]) << 10 for line in lines if line.startswith((b"RssAnon", b"RssShmem"))
                )
        except OSError:  # it has just ended
            continue
    for folder in _FOLDERS if of_memory else ():
        held = os.statvfs(folder)
        memory += (held.f_blocks - held.f_bfree) * held.f_frsize
    return memory, counted_s(meter) + (0 if meter >= 0 else ticks / _TICK)


def counted_s(meter: int) -> float:
    """CPU seconds of the box by its control group's meter; without one, of every process that is dead."""
    if meter >= 0:
        words = os.pread(meter, 4096, 0).split()
        return int(words[0]) / 1e9 if len(words) == 1 else int(words[words.index(b"usage_usec") + 1]) / 1e6
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    return dead.ru_utime + dead.ru_stime


if __name__ == "__main__":
    program = main()
    program()
