"""Messages between a trainer, its launcher and a box: a word, file descriptors with it, a payload as a file in memory.

Answers are JSON. The sockets keep messages apart (`SOCK_SEQPACKET`). The standard library alone: launchers import it.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import select
import socket
from collections.abc import Mapping
from typing import Any

__all__ = ["ANSWER_S", "payload", "ready", "receive", "say", "send"]

ANSWER_S = 30.0
"""How long a launcher or a box may take to answer before the machine is blamed."""


def send(to: socket.socket, what: bytes, payload: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send a word with a payload of any size and these file descriptors."""
    memory = os.memfd_create("payload", os.MFD_CLOEXEC)
    try:
        with open(os.dup(memory), "wb") as file:
            marshal.dump(dict(payload), file)
        socket.send_fds(to, [what], [memory, *fds], socket.MSG_NOSIGNAL)
    finally:
        os.close(memory)


def payload(memory: int) -> dict[str, Any]:
    """What `send` was given, from the first descriptor that came with it; closes that."""
    with open(memory, "rb") as file:
        file.seek(0)
        sent: dict[str, Any] = marshal.loads(file.read())
    return sent


def say(to: socket.socket, what: Mapping[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send an answer; to nobody if the other end is gone, which the next `receive` there shows."""
    with contextlib.suppress(OSError):
        socket.send_fds(to, [json.dumps(what).encode()], list(fds), socket.MSG_NOSIGNAL)


def receive(from_: socket.socket, timeout_s: float, *, fds: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """The next answer, None if the other end is gone or silent; and up to so many file descriptors."""
    try:
        if not ready(from_, timeout_s):
            return None, []
        message, came, _, _ = socket.recv_fds(from_, 65536, fds)
    except OSError:
        return None, []
    return (json.loads(message) if message else None), came


def ready(from_: socket.socket | int, timeout_s: float) -> bool:
    """Whether there is something to read, or nobody to read from, in time; `select` itself stops at descriptor 1023."""
    poll = select.poll()
    poll.register(from_, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
