"""Messages between the trainer and a launcher or a box: payloads as files in memory, answers as JSON."""

from __future__ import annotations

import json
import marshal
import os
import select
import socket
from typing import Any

__all__ = ["ANSWER_S", "ready", "receive", "send"]

ANSWER_S = 30.0
"""How long the launcher or a box may take to answer before the machine is blamed."""


def send(to: socket.socket, what: bytes, fds: list[int], payload: dict[str, Any]) -> None:
    """Send a message with a payload of any size, which travels as a file in memory."""
    memory = os.memfd_create("payload", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            marshal.dump(payload, file)
        socket.send_fds(to, [what], [memory, *fds])
    finally:
        os.close(memory)


def receive(from_: socket.socket, timeout_s: float, *, fds: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """The next JSON message, None if the other end is gone or silent; and up to so many file descriptors."""
    try:
        if not ready(from_, timeout_s):
            return None, []
        message, came, _, _ = socket.recv_fds(from_, 65536, fds)
    except OSError:
        return None, []
    return (json.loads(message) if message else None), came


def ready(from_: socket.socket, timeout_s: float) -> bool:
    """Whether there is something to read, or nobody to read from, in time; `select` itself stops at descriptor 1023."""
    poll = select.poll()
    poll.register(from_, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
