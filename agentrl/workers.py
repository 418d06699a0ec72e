"""Persistent worker processes that can be killed: for parsers, algebra and provers that may never return.

A signal cannot interrupt a long call in C, and no signal arrives outside the main thread; a process can always be
killed. `Workers` runs the functions of one module in such processes. A template process imports the module once and
forks workers from it, so that replacing a killed one takes milliseconds. The caller holds the deadline and waits on a
socket: its other threads go on, whatever the worker does.

    algebra = Workers("agentrl.verifiers._math.algebra", timeout_s=3.0)
    algebra.call("equal", ["x^2-1", "(x-1)(x+1)"])      # Answer("done", "equal")

Arguments and values are JSON. Calls may come from any thread; a forked process gets workers of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agentrl._worker import receive, send
from agentrl.errors import InfraError

__all__ = ["Answer", "Workers"]

_START = (
    "import json,sys; path, *rest = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from agentrl._worker import template; template(*rest)"
)
_START_S = 120.0
_CONTROL_S = 30.0
_alive: weakref.WeakSet[Workers] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended.

    Attributes:
        status: "done"; "timeout" at the deadline; "resource_limit" where memory ran out or the worker died;
            "error" where the function raised.
        value: What the function returned, where it is done.
        detail: What went wrong.
        seconds: Wall time that the worker had it, without the wait for a free one.
    """

    status: Literal["done", "timeout", "resource_limit", "error"]
    value: Any = None
    detail: str = ""
    seconds: float = field(default=0.0, compare=False)


@dataclass(eq=False, slots=True)
class _Worker:
    pid: int
    channel: socket.socket


@dataclass(slots=True)
class _Template:
    process: subprocess.Popen[bytes]
    control: socket.socket

    def close(self) -> None:
        self.control.close()
        try:
            self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class _State:
    """What belongs to one process, so that a forked one can begin anew."""

    turn: threading.Condition = field(default_factory=threading.Condition)
    starting: threading.Lock = field(default_factory=threading.Lock)
    template: _Template | None = None
    idle: list[_Worker] = field(default_factory=list)
    busy: int = 0


class Workers:
    """The functions of one module, each call in a process that is killed at its deadline.

    Args:
        module: Its dotted name; the functions take and return JSON values.
        timeout_s: Wall time of a call, from when a worker has it.
        memory_mib: Address space of a worker.
        count: Most workers at a time; default: one a core.
        warm: Name of a function that the template calls once, such as a first parse that builds tables.
    """

    def __init__(
        self, module: str, *, timeout_s: float = 3.0, memory_mib: int = 2048, count: int | None = None, warm: str = ""
    ) -> None:
        self.timeout_s = timeout_s
        self._arguments = (module, warm, memory_mib)
        self._count = count or len(os.sched_getaffinity(0))
        self._state = _State()
        _alive.add(self)

    def call(self, function: str, argument: Any, *, timeout_s: float | None = None) -> Answer:
        """Run one function; whatever it does, this returns at the deadline.

        Args:
            function: Its name in the module.
            argument: Its one argument.
            timeout_s: A shorter deadline for this call.

        Raises:
            InfraError: Worker processes cannot be started on this machine, or were ended from outside.
        """
        with self._worker() as worker:
            answer: Answer | None = None
            begun = time.monotonic()
            limit_s = self.timeout_s if timeout_s is None else min(timeout_s, self.timeout_s)
            try:
                answer = self._ask(worker, [function, argument], limit_s)
            finally:  # one that was interrupted still has an answer to give: to nobody's question
                if answer is None or answer.status == "timeout":
                    self._kill(worker)
            seconds = time.monotonic() - begun
        if answer is None and self._template_is_gone():
            raise InfraError("a worker process was ended from outside")
        answer = answer or Answer("resource_limit", detail="the worker died")
        return replace(answer, seconds=seconds)

    def _ask(self, worker: _Worker, request: list[Any], limit_s: float) -> Answer | None:
        """The worker's answer, or that it took too long; None where it died."""
        try:
            send(worker.channel, request)
            if not _readable(worker.channel, limit_s):
                return Answer("timeout", detail=f"no answer within {limit_s:.3g} s")
            answer = receive(worker.channel)
        except (EOFError, OSError, ValueError):
            return None
        return Answer("done", answer[1]) if answer[0] == "done" else Answer(answer[0], detail=answer[1])

    def close(self) -> None:
        """End all processes; the next call starts new ones."""
        state, self._state = self._state, _State()
        for worker in state.idle:
            worker.channel.close()
        if state.template is not None:
            state.template.close()

    @contextlib.contextmanager
    def _worker(self) -> Iterator[_Worker]:
        """An idle worker, or a new one; it goes back unless it was killed."""
        state = self._state
        with state.turn:
            state.turn.wait_for(lambda: state.idle or state.busy < self._count)
            worker = state.idle.pop() if state.idle else None
            state.busy += 1
        try:
            if worker is not None and _readable(worker.channel, 0.0):  # it ended while idle
                self._kill(worker)
                worker = None
            worker = worker or self._start(state)
            yield worker
        finally:
            with state.turn:
                state.busy -= 1
                if worker is not None and worker.channel.fileno() >= 0:
                    state.idle.append(worker)
                state.turn.notify()

    def _start(self, state: _State) -> _Worker:
        with state.starting:
            for _ in range(2):  # a template that was killed is replaced once
                if state.template is None:
                    state.template = self._open_template()
                ours, theirs = socket.socketpair()
                try:
                    socket.send_fds(state.template.control, [b"F"], [theirs.fileno()])
                    pid = _PID.unpack(_control_reply(state.template.control, _PID.size))[0]
                    ours.settimeout(_CONTROL_S)
                    return _Worker(pid, ours)
                except (OSError, EOFError):
                    ours.close()
                    state.template.process.kill()
                    state.template.close()
                    state.template = None
                finally:
                    theirs.close()
        raise InfraError("worker processes cannot be started: their template died twice")

    def _open_template(self) -> _Template:
        ours, theirs = socket.socketpair()
        arguments = json.dumps([sys.path, theirs.fileno(), *self._arguments])
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the caller
                env={**os.environ, "PYTHONHASHSEED": "0"},  # what iterates over sets decides the same every time
            )
        except OSError as error:
            ours.close()
            raise InfraError(f"worker processes cannot be started: {error}") from error
        finally:
            theirs.close()
        template = _Template(process, ours)
        try:
            _control_reply(ours, 1, _START_S)
        except (OSError, EOFError):
            process.kill()
            _, said = process.communicate()
            ours.close()
            reason = (said.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
            raise InfraError(f"the workers of {self._arguments[0]} cannot be started: {reason}") from None
        assert process.stderr is not None
        process.stderr.close()
        return template

    def _kill(self, worker: _Worker) -> None:
        worker.channel.close()
        state = self._state
        with state.starting:
            if state.template is None:
                return
            try:
                state.template.control.sendall(_PID.pack(worker.pid))
                _control_reply(state.template.control, 1)
            except (OSError, EOFError):
                # It is gone, and its workers with it; or too late: its answer would be the next one's.
                state.template.process.kill()
                state.template.process.wait()

    def _template_is_gone(self) -> bool:
        template = self._state.template
        return template is not None and template.process.poll() is not None

    def _forget(self) -> None:
        """In a forked child: close what is the parent's, keep nothing."""
        state, self._state = self._state, _State()
        for worker in state.idle:
            worker.channel.close()
        if state.template is not None:
            state.template.control.close()
            state.template.process.returncode = 0  # the parent's to wait for


_PID = struct.Struct("<I")


def _readable(channel: socket.socket, timeout_s: float) -> bool:
    poll = select.poll()  # not `select`, which refuses descriptors over 1,023
    poll.register(channel, select.POLLIN)
    end = time.monotonic() + timeout_s
    while True:
        left_ms = max(0.0, end - time.monotonic()) * 1000
        if poll.poll(left_ms):
            return True
        if left_ms <= 1:
            return False


def _control_reply(control: socket.socket, count: int, timeout_s: float = _CONTROL_S) -> bytes:
    if not _readable(control, timeout_s):
        raise TimeoutError("the template does not answer")
    reply = control.recv(count)
    if len(reply) != count:
        raise EOFError("the template is gone")
    return reply


def _after_fork() -> None:
    for workers in list(_alive):
        workers._forget()


def _at_exit() -> None:
    for workers in list(_alive):
        workers.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
