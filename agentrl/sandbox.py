"""The contract of sandboxes: what runs, under which limits, and what came of it.

A `Sandbox` (one back end: `zygote`, `bwrap`, `docker`, ...) opens a `Session`: one box, whose files and processes
persist until it is closed. In it a `Program` starts as a `Process`, a pair of byte streams with a deadline; `run` is
the whole of it: start, feed, read, end. A back end writes `session` and `close` of a `Sandbox` and four methods of a
`Session`; the rest, the async side included, is here.

    with agentrl.sandbox.open_sandbox("zygote") as sandbox:
        result = sandbox.run(Python("print(6 * 7)"))

Nothing degrades silently: a back end claims `Protection`s, proves them when it opens, and refuses to open where one is
missing unless the caller allowed that by name (`allow_degraded=("landlock",)`).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import functools
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from agentrl import registry
from agentrl.errors import BoxError, SandboxError
from agentrl.programs import Capabilities, ExecResult, Files, Limits, Program, check_protections

__all__ = ["Process", "Sandbox", "Session", "open_sandbox", "require", "shared"]


class Process(ABC):
    """A running program as byte streams with one deadline; used from one thread, but `kill` from any."""

    @abstractmethod
    def send(self, data: bytes) -> bool:
        """Write all of `data` to its stdin; False if it ended or its time ran out first."""

    @abstractmethod
    def receive(self, size: int, *, timeout_s: float | None = None) -> bytes:
        """Read exactly `size` bytes of its stdout; fewer if it ended, closed it, or time ran out.

        Its stderr is kept meanwhile, up to the limit, so that it cannot block on it.
        """

    @abstractmethod
    def finish(self, stdin: bytes = b"") -> ExecResult:
        """Feed the rest of its stdin, close it, read to the end or to a limit, and see all it started dead."""

    @abstractmethod
    def kill(self) -> None:
        """End it and all it started, now; idempotent."""


class Session(ABC):
    """One box. Close it: then everything in it is gone."""

    capabilities: Capabilities
    limits: Limits

    @abstractmethod
    def start(self, program: Program, *, limits: Limits | None = None) -> Process:
        """Start a program; its clock runs from when it is ready, not from this call.

        Raises:
            BoxError: Earlier programs of the session have left no room for it.
            SandboxError: It could not be started: the machine's fault, not a program's.
        """

    @abstractmethod
    def write(self, files: Files) -> None:
        """Put files into the box, folders made as needed.

        Raises:
            UsageError: A path is absolute or climbs out (`check_path`).
            BoxError: They do not fit, or a program put something else in their place.
            SandboxError: The machine failed.
        """

    @abstractmethod
    def snapshot(self) -> dict[str, bytes]:
        """Every regular file of the box; links, devices, pipes and paths that `check_path` refuses are left out.

        Raises:
            BoxError: There is more than `Limits.disk_mib` or `Limits.inodes` allow, such as files with holes.
            SandboxError: The machine failed.
        """

    @abstractmethod
    def close(self) -> None:
        """End every process of the box and drop its files; idempotent."""

    def run(
        self, program: Program, *, stdin: bytes = b"", limits: Limits | None = None, collect: tuple[str, ...] = ()
    ) -> ExecResult:
        """Run a program to its end.

        Args:
            program: What to run.
            stdin: All of its input.
            limits: Default: the session's.
            collect: Paths in the box to return as `ExecResult.files`.
        """
        return self._run(program, stdin, limits, collect, _Stop())

    async def arun(
        self, program: Program, *, stdin: bytes = b"", limits: Limits | None = None, collect: tuple[str, ...] = ()
    ) -> ExecResult:
        """`run` without blocking the event loop; cancelling it ends the program before it returns."""
        return await _in_thread(lambda stop: self._run(program, stdin, limits, collect, stop))

    def _run(
        self, program: Program, stdin: bytes, limits: Limits | None, collect: tuple[str, ...], stop: _Stop
    ) -> ExecResult:
        try:
            process = self.start(program, limits=limits)
        except BoxError as error:
            return ExecResult("signalled", signal=9, detail=str(error), box=self.capabilities)
        except SandboxError as error:
            return ExecResult("setup_failed", detail=str(error), box=self.capabilities)
        stop.holds(process)
        result = process.finish(stdin)
        if not collect or not result.ran:
            return result
        try:
            held = self.snapshot()
        except BoxError:
            held = {}
        except SandboxError as error:
            return dataclasses.replace(result, status="infra_error", detail=str(error))
        return dataclasses.replace(result, files={name: held[name] for name in collect if name in held})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Sandbox(ABC):
    """A back end that has been opened and has proved what it claims. Use it from any thread.

    Args:
        capabilities: What it gives.
        concurrency: How many runs at a time; default: one a usable core, so that no program waits for another's time.
    """

    def __init__(self, capabilities: Capabilities, *, concurrency: int | None = None) -> None:
        self.capabilities = capabilities
        self.concurrency = concurrency or len(os.sched_getaffinity(0))
        self._turns = threading.BoundedSemaphore(self.concurrency)

    @abstractmethod
    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Open a box with these files in it. Sessions are not counted as runs: an idle one costs no core.

        Raises:
            SandboxError: It cannot be set up.
        """

    @abstractmethod
    def close(self) -> None:
        """End every session and free everything; idempotent."""

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one of the `concurrency` turns; whoever drives processes of its own takes one for all of them."""
        with self._turns:
            yield

    def run(
        self,
        program: Program,
        *,
        stdin: bytes = b"",
        files: Files | None = None,
        limits: Limits | None = None,
        collect: tuple[str, ...] = (),
    ) -> ExecResult:
        """Run a program in a fresh box that is gone afterwards; see `Session.run`."""
        return self._run(program, stdin, files, limits, collect, _Stop())

    async def arun(
        self,
        program: Program,
        *,
        stdin: bytes = b"",
        files: Files | None = None,
        limits: Limits | None = None,
        collect: tuple[str, ...] = (),
    ) -> ExecResult:
        """`run` without blocking the event loop; cancelling it ends the program before it returns."""
        return await _in_thread(lambda stop: self._run(program, stdin, files, limits, collect, stop))

    def _run(
        self,
        program: Program,
        stdin: bytes,
        files: Files | None,
        limits: Limits | None,
        collect: tuple[str, ...],
        stop: _Stop,
    ) -> ExecResult:
        while not self._turns.acquire(timeout=_LOOK_S):
            if stop.asked:
                return ExecResult("infra_error", detail="cancelled before it began", box=self.capabilities)
        try:
            with self.session(files=files, limits=limits) as box:
                return box._run(program, stdin, limits, collect, stop)
        except SandboxError as error:
            return ExecResult("setup_failed", detail=str(error), box=self.capabilities)
        finally:
            self._turns.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_sandbox(backend: str, **options: Any) -> Sandbox:
    """Open a back end.

    Args:
        backend: Its id (`agentrl list sandboxes`), or a path to its file.
        **options: Its own; checked against the signature of its `open`.

    Raises:
        UnknownIdError: No such back end.
        SandboxError: This host does not offer what it needs.
    """
    opener = registry.find("sandbox", backend)
    registry.check_options(f"sandbox {backend!r}", opener, options)
    sandbox: Sandbox = opener(**options)
    return sandbox


def shared(backend: str = "zygote") -> Sandbox:
    """The back end with its default options: one a process, opened at the first call and closed when Python ends."""
    with _opening:
        return _shared(backend, os.getpid())


@functools.cache
def _shared(backend: str, _process: int) -> Sandbox:
    sandbox = open_sandbox(backend)
    atexit.register(sandbox.close)
    return sandbox


_opening = threading.Lock()


def require(backend: str, missing: Mapping[str, str], allow_degraded: tuple[str, ...]) -> None:
    """Refuse to open with less than was promised.

    Raises:
        UsageError: `allow_degraded` names something that is no protection.
        SandboxError: A protection is missing and not allowed to be.
    """
    check_protections(allow_degraded)
    refused = {name: why for name, why in missing.items() if name not in allow_degraded}
    if refused:
        reasons = "; ".join(f"{name} ({why})" for name, why in refused.items())
        names = ", ".join(f"'{name}'" for name in refused)
        raise SandboxError(
            f"the sandbox {backend!r} cannot give here: {reasons}; "
            f"to go on without, open it with allow_degraded=({names},), or use another back end (`agentrl doctor`)"
        )


_Result = TypeVar("_Result")
_LOOK_S = 0.05
"""How often what waits for its turn looks whether it is still wanted."""


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """Threads that wait for programs; `Sandbox.concurrency` bounds how many programs run."""
    return ThreadPoolExecutor(max_workers=128, thread_name_prefix="agentrl-sandbox")


class _Stop:
    """Carries a cancellation from the event loop to the thread that runs the program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Process | None = None
        self.asked = False

    def holds(self, process: Process) -> None:
        with self._lock:
            self._process = process
            if self.asked:
                process.kill()

    def now(self) -> None:
        with self._lock:
            self.asked = True
            if self._process is not None:
                self._process.kill()


async def _in_thread(work: Callable[[_Stop], _Result]) -> _Result:
    stop = _Stop()
    running = asyncio.get_running_loop().run_in_executor(_threads(), work, stop)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.now()
        await asyncio.wait([running])
        raise
