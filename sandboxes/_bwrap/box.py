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
import select
import sys
import time

if __name__ == "__main__":  # in a box, where they lie beside this file
    sys.path.insert(0, os.path.dirname(__file__))
    import _boot  # type: ignore[import-not-found]
    import _count  # type: ignore[import-not-found]
else:
    from agentrl.sandboxes import _boot, _count

TYPE_CHECKING = False  # `typing` itself would cost five milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    Spec = dict[str, Any]

_FIRST_LOOK_S, _LOOK_S = 0.004, 0.05


class Run:
    """The program that the trainer waits for, and what it may use."""

    def __init__(self, pid: int, spec: Spec, report: int, meter: int, cpu: _count.Cpu) -> None:
        self.pid, self.report, self.meter, self.cpu = pid, report, meter, cpu
        self.ended: tuple[int, float] | None = None
        self.cpu_s, self.memory, self.kind = spec["cpu_s"], spec["memory"], spec["kind"]
        self.fired, self.before_s = "", 0.0
        self.before_s = used_s(self)


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
    trainer.send(b'{"ready": true}')  # JSON, without the module
    _boot.dumpable(0)  # only now, while the trainer is busy
    cpu = _count.Cpu()
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
                run, look_s = start(spec, fds, cpu), _FIRST_LOOK_S
                if run is None:
                    to_be = spec
                    return lambda: become(to_be)
        if run is not None:
            run = watch(run, lambda: bool(select.select([trainer.fileno()], [], [], 0)[0]))
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


def start(spec: Spec, fds: tuple[int, ...], cpu: _count.Cpu) -> Run | None:
    """Fork a program whose streams are `fds[:3]`; None in its own process."""
    pid = os.fork()
    if pid:
        for fd in fds[:3]:
            os.close(fd)
        return Run(pid, spec, fds[3], fds[4] if len(fds) > 4 else -1, cpu)
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
    _boot.limit(spec["rlimits"])
    if spec["kind"] == "command":
        _boot.execute(words)
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


def watch(run: Run, called: Callable[[], bool]) -> Run | None:
    """Kill what uses more than it may, and tell the end of what ended; returns what still runs."""
    if run.ended is None:
        if run.memory and _count.memory_over(run.memory, called):
            run.fired = "memory_mib"
        elif used_s(run) - run.before_s > run.cpu_s:
            run.fired = "cpu_s"
        if run.fired:
            kill(run)
    if run.ended is None:
        return run
    code, max_rss_mib = run.ended
    if code == _boot.OUT_OF_MEMORY and run.kind == "python":
        run.fired, code = run.fired or "memory_mib", 1
    os.write(run.report, f"{code} {used_s(run) - run.before_s} {max_rss_mib} {run.fired}".encode())
    os.close(run.report)
    if run.meter >= 0:
        os.close(run.meter)
    return None


def used_s(run: Run) -> float:
    """CPU seconds of the box by its control group's meter; without one, by looking at its processes."""
    if run.meter < 0:
        looked: float = run.cpu.used_s()
        return looked
    words = os.pread(run.meter, 4096, 0).split()
    return int(words[0]) / 1e9 if len(words) == 1 else int(words[words.index(b"usage_usec") + 1]) / 1e6


if __name__ == "__main__":
    program = main()
    program()
