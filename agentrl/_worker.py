"""What runs in the processes of `agentrl.workers`: a template that forks workers, and the workers.

The template imports the module once, then answers its owner: a frame with a socket attached means "fork a worker that
serves this socket", a process id means "kill that worker and reap it". It never runs what it is asked to compute, so
it always answers. A worker answers one request after the other: [function, argument] in, [status, value] out, as JSON
with a length before it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
from types import ModuleType
from typing import Any, NoReturn

__all__ = ["FRAME_BYTES", "read_exactly", "receive", "send", "template"]

FRAME_BYTES = 1 << 24
_LENGTH = struct.Struct("<I")
_PR_SET_PDEATHSIG = 1
_ORPHAN_CHECK_S = 1.0


def send(channel: socket.socket, value: Any) -> None:
    """Write one frame."""
    body = json.dumps(value, ensure_ascii=True).encode()
    channel.sendall(_LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> Any:
    """Read one frame.

    Raises:
        EOFError: The other end is closed.
        ValueError: What came is no frame.
    """
    (length,) = _LENGTH.unpack(read_exactly(channel, _LENGTH.size))
    if length > FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes is over the limit of {FRAME_BYTES}")
    return json.loads(read_exactly(channel, length))


def read_exactly(channel: socket.socket, count: int) -> bytes:
    """`count` bytes of a stream.

    Raises:
        EOFError: The other end is closed.
    """
    parts = bytearray()
    while len(parts) < count:
        part = channel.recv(count - len(parts))
        if not part:
            raise EOFError("the other end is closed")
        parts += part
    return bytes(parts)


def template(control_fd: int, module_name: str, warm: str, memory_mib: int) -> NoReturn:
    """Import the module, say so, then fork and kill on request until the owner is gone."""
    owner = os.getppid()
    control = socket.socket(fileno=control_fd)
    module = importlib.import_module(module_name)
    if warm:
        getattr(module, warm)()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the owner reads it only until the template is ready
    gc.freeze()  # collections in a worker leave the shared pages alone
    control.sendall(b"R")
    workers: set[int] = set()
    asked = select.poll()  # not `select`: the owner may have more than 1,023 files open, and this one keeps its number
    asked.register(control, select.POLLIN)
    while os.getppid() == owner:
        if not asked.poll(_ORPHAN_CHECK_S * 1000):
            continue
        request, sockets, _, _ = socket.recv_fds(control, 16, 1)
        if not request:
            break
        if sockets:
            pid = _fork(control, sockets[0], module, memory_mib)
            workers.add(pid)
            control.sendall(_LENGTH.pack(pid))
        else:
            (pid,) = _LENGTH.unpack(request)
            _kill(pid, workers)
            control.sendall(b"K")
    for pid in list(workers):
        _kill(pid, workers)
    os._exit(0)


def _kill(pid: int, workers: set[int]) -> None:
    if pid in workers:  # not reaped yet, so the number is still this worker's
        workers.remove(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(control: socket.socket, channel_fd: int, module: ModuleType, memory_mib: int) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(channel_fd)
        return pid
    try:
        control.close()
        _die_with(parent)
        _limit(memory_mib)
        _serve(socket.socket(fileno=channel_fd), module)
    finally:
        os._exit(1)


def _die_with(parent: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the closed channel ends an idle worker
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _limit(memory_mib: int) -> None:
    limit = memory_mib << 20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _serve(channel: socket.socket, module: ModuleType) -> None:
    while True:
        try:
            name, argument = receive(channel)
        except EOFError:
            os._exit(0)
        try:
            answer = ["done", getattr(module, name)(argument)]
        except MemoryError:
            answer = ["resource_limit", "out of memory"]
        except Exception as error:  # noqa: BLE001  # the boundary: libraries raise anything on odd input
            answer = ["error", f"{type(error).__name__}: {error}"[:500]]
        send(channel, answer)
