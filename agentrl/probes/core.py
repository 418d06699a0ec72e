"""What a probe is, what it may use inside the box and outside of it, and how one is run.

A probe's program only reports what it could do, as JSON; whether that is a leak is decided here, outside the box. Where
the table asks for the host's side (a file unchanged, a process gone), the host is looked at.

Every probe is bounded and gentle: it attacks a process, a file or a socket that the probe itself opened, uses at most a
few times its small limits, and sets a clock or a name to what it is already. So a back end that claims a protection and
lacks it is found out without harm to the machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agentrl.programs import PROTECTIONS, ExecResult, Files, Limits, Python
from agentrl.sandbox import Sandbox

__all__ = [
    "DENIED",
    "LIMITS",
    "Context",
    "Probe",
    "ProbeFailed",
    "ProbeResult",
    "ProbeSkipped",
    "SandboxFactory",
    "Victim",
    "await_gone",
    "end_all",
    "fail_if",
    "in_time",
    "probe",
    "processes",
    "removed",
    "run_one",
    "unique",
    "victim",
]

SandboxFactory = Callable[..., Sandbox]
"""Opens the back end afresh, with further options of its `open` as keywords. It is sent to another process, so it can
be pickled: `functools.partial(open_sandbox, "zygote")`."""

LIMITS = Limits(wall_s=10, cpu_s=5, memory_mib=256, processes=24, disk_mib=16, inodes=512)
"""Of every program that asks for no others."""

DENIED = frozenset(("EPERM", "EACCES", "ENOSYS", "EROFS", "ENOENT", "killed"))
"""What a program may be told when a door is shut; "killed" if it was ended for trying."""

_PRELUDE = """\
import ctypes, errno, json, os, signal, socket, sys, time
given = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def tell(**facts):
    print(json.dumps(facts), flush=True)
def attempt(act, *args):
    try:
        act(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    return "done"
def in_child(act):
    # A filter may end whoever tries; `act` returns an errno, or 0.
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(act())
        finally:
            os._exit(255)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed"
    code = os.WEXITSTATUS(status)
    return errno.errorcode.get(code, str(code)) if code else "done"
def syscall(number, *args):
    def act():
        words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
        return ctypes.get_errno() if libc.syscall(ctypes.c_long(number), *words) < 0 else 0
    return in_child(act)
"""


class ProbeFailed(Exception):
    """The back end does not give what it claims; the message is one line that says what leaked."""


class ProbeSkipped(Exception):
    """The probe cannot say anything here; the message says why."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe found out about one back end.

    Attributes:
        number: The row of the table of probes.
        name: What was tried.
        outcome: "not_claimed" where the back end does not promise it: the probe was not run.
        detail: What leaked, or why it was skipped or which claim is absent.
        seconds: How long it took.
    """

    number: int
    name: str
    outcome: Literal["pass", "fail", "not_claimed", "skipped"]
    detail: str = ""
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Context:
    """One opened back end, and how to open it again."""

    sandbox: Sandbox
    factory: SandboxFactory

    def run(
        self,
        source: str,
        given: Mapping[str, Any] | None = None,
        *,
        stdin: bytes = b"",
        files: Files | None = None,
        limits: Limits = LIMITS,
    ) -> ExecResult:
        """Run a program in a fresh box, `given` being its parameters."""
        return self.sandbox.run(program(source, given), stdin=stdin, files=files, limits=limits)

    def facts(
        self,
        source: str,
        given: Mapping[str, Any] | None = None,
        *,
        files: Files | None = None,
        limits: Limits = LIMITS,
    ) -> dict[str, Any]:
        """What a program told in its last line.

        Raises:
            ProbeFailed: It did not end well.
        """
        return told(self.run(source, given, files=files, limits=limits))


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to try.

    Attributes:
        number: The row of the table of probes; a row whose parts need different protections has several probes.
        name: What is tried.
        needs: The protections without which it would not be held back: it is run only where all are claimed.
        check: Raises `ProbeFailed` where something leaks.
    """

    number: int
    name: str
    needs: frozenset[str]
    check: Callable[[Context], None]


def probe(number: int, *needs: str) -> Callable[[Callable[[Context], None]], Probe]:
    """Make a probe of a function; its docstring says what is tried."""
    assert set(needs) <= PROTECTIONS, needs

    def make(check: Callable[[Context], None]) -> Probe:
        name = inspect.getdoc(check) or check.__name__
        return Probe(number, name.partition("\n")[0].rstrip("."), frozenset(needs), check)

    return make


def run_one(one: Probe, context: Context) -> ProbeResult:
    """Run one probe, if the back end claims what it needs."""
    absent = sorted(one.needs - context.sandbox.capabilities.protections)
    if absent:
        return ProbeResult(one.number, one.name, "not_claimed", ", ".join(absent))
    began = time.monotonic()
    outcome: Literal["pass", "fail", "skipped"] = "fail"
    try:
        one.check(context)
        outcome, detail = "pass", ""
    except ProbeSkipped as reason:
        outcome, detail = "skipped", str(reason)
    except ProbeFailed as reason:
        detail = str(reason)
    except Exception as error:  # noqa: BLE001  # the boundary: whatever a back end raises is a finding
        detail = f"{type(error).__name__}: {error}"
    return ProbeResult(one.number, one.name, outcome, " ".join(detail.split()), time.monotonic() - began)


def fail_if(leaked: object, message: str) -> None:
    """Fail where there is something.

    Raises:
        ProbeFailed: `leaked` is true, or not empty.
    """
    if leaked:
        raise ProbeFailed(message)


def program(source: str, given: Mapping[str, Any] | None = None) -> Python:
    """A program with the probes' vocabulary before it: `given`, `tell`, `attempt`, `in_child`, `syscall`."""
    return Python(_PRELUDE + source, argv=(json.dumps(given or {}),))


def told(result: ExecResult) -> dict[str, Any]:
    """What a program told in its last line.

    Raises:
        ProbeFailed: It did not end well.
    """
    fail_if(result.status != "ok", f"the program did not end well: {ended(result)}")
    facts: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return facts


def ended(result: ExecResult) -> str:
    """How a run ended, in a line."""
    last = result.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    how = result.exit_code if result.exit_code is not None else f"signal {result.signal}"
    return " ".join((f"{result.status} ({how})", result.detail, *last))


def in_time(seconds: float, work: Callable[[], object]) -> None:
    """Do something that must not block.

    Raises:
        ProbeFailed: It did; its thread is left behind.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  # carried over to the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    fail_if(thread.is_alive(), f"blocked for more than {seconds:g} s")
    for error in errors:
        raise error


# The host's side.


@dataclass(frozen=True, slots=True)
class Victim:
    """A process of this host that a probe attacks; `marker` is among its arguments."""

    pid: int
    marker: str
    process: subprocess.Popen[bytes] = dataclasses.field(repr=False)

    def check_unharmed(self) -> None:
        """Raises `ProbeFailed` unless it still sleeps."""
        fail_if(self.process.poll() is not None, "a process of the host was ended from inside")


def unique() -> str:
    """A number of seconds that no other process sleeps: argument of `sleep` and marker in one."""
    return f"{300 + secrets.randbelow(100)}.{secrets.randbelow(10**12):012d}"


@contextlib.contextmanager
def victim() -> Iterator[Victim]:
    """A sleeping process of this host, of the caller's user."""
    marker = unique()
    with subprocess.Popen(["sleep", marker], stdin=subprocess.DEVNULL) as process:
        try:
            yield Victim(process.pid, marker, process)
        finally:
            process.kill()


def processes(marker: str) -> list[int]:
    """The processes of this host with the marker among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it may end while it is looked at
            if marker.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def end_all(marker: str) -> None:
    """End what a probe started and a box let go."""
    for pid in processes(marker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def await_gone(marker: str, within_s: float) -> None:
    """Wait until no process has the marker, on two looks: one that is just becoming another program shows none.

    What is left after the time is ended here.

    Raises:
        ProbeFailed: One is left after the time.
    """
    deadline, absent = time.monotonic() + within_s, 0
    while absent < 2:
        left = processes(marker)
        absent = 0 if left else absent + 1
        if left and time.monotonic() > deadline:
            end_all(marker)
            raise ProbeFailed(f"{len(left)} processes are still alive {within_s:g} s after the end")
        time.sleep(0.05 if absent else 0.01)


@contextlib.contextmanager
def removed(name: str) -> Iterator[None]:
    """Take a file of this name away from the host's shared folders at the end: it is there where a box is none."""
    try:
        yield
    finally:
        for folder in ("/tmp", "/dev/shm"):
            Path(folder, name).unlink(missing_ok=True)
