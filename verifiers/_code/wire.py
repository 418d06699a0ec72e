"""One driver process as its other end sees it: frames with a bound, strict answers, and what went wrong."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentrl.errors import SandboxError
from agentrl.programs import Driver, ExecResult, Limits
from agentrl.sandbox import Sandbox
from agentrl.sandboxes._drivers.functions import MAX_DIGITS, Refused, decode
from agentrl.types import Status

__all__ = ["Ended", "Held", "Reply", "Wire", "ended", "loads"]

_LOW_USE = 0.2


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a process gives no more answers; `starved` if it hardly ran in its time, so that one more try is fair."""

    status: Status
    detail: str
    starved: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a solution answered.

    Attributes:
        kind: "ok" with a value, "error" with the type of what was raised, or "refused".
        tree: The value as typed JSON.
        value: The value.
        error: The type's name.
        said: Its message.
        text: The traceback, or why it was refused.
    """

    kind: str
    tree: Any = None
    value: Any = None
    error: str = ""
    said: str = ""
    text: str = ""


def ended(result: ExecResult) -> Ended:
    """What an end means for the verdict.

    Raises:
        SandboxError: The machine is to blame.
    """
    if not result.ran:
        raise SandboxError(result.detail)
    if result.status in ("timeout_wall", "timeout_cpu"):
        starved = result.status == "timeout_wall" and result.cpu_s < _LOW_USE * result.wall_s
        return Ended("timeout", "it ran out of time", starved)
    if result.status == "oom":
        return Ended("resource_limit", "it ran out of memory")
    if result.status == "output_limit":
        return Ended("resource_limit", "it printed too much")
    return Ended("incorrect", "it ended by itself")  # no exit code: a solution could tell its inputs by it


class Wire:
    """A `functions` driver in a box of its own."""

    def __init__(self, sandbox: Sandbox, limits: Limits) -> None:
        self._session = sandbox.session(limits=limits)
        try:
            self._process = self._session.start(Driver("functions"))
        except SandboxError:
            self._session.close()
            raise

    def send(self, frame: Mapping[str, Any] | list[Any]) -> None:
        """One frame; what is not taken shows at the next `receive`."""
        body = json.dumps(frame).encode()
        self._process.send(len(body).to_bytes(4, "big") + body)

    def receive(self, cap: int, *, timeout_s: float | None = None) -> bytes | None:
        """The body of the next frame, or None: it ended, is late, or claims one over the cap."""
        head = self._process.receive(4, timeout_s=timeout_s)
        size = int.from_bytes(head, "big")
        if len(head) < 4 or size > cap:
            return None
        body = self._process.receive(size, timeout_s=timeout_s)
        return body if len(body) == size else None

    def kill(self) -> None:
        """End it now."""
        self._process.kill()

    def end(self) -> ExecResult:
        """Wait for its end."""
        return self._process.finish()

    def close(self) -> None:
        """End it and its box."""
        self._process.kill()
        self._process.finish()
        self._session.close()


class Held:
    """A solution held by a driver: ask until `ended` is set.

    Args:
        sandbox: Where.
        limits: Of the whole run.
        options: The driver's first frame, beside the source.
        answer_s: For one answer, in seconds of wall time; default: what the run has left.
    """

    def __init__(
        self, sandbox: Sandbox, limits: Limits, options: Mapping[str, Any], *, answer_s: float | None = None
    ) -> None:
        self.ended: Ended | None = None
        self._answer_s = answer_s
        self._options = options
        self._asked = 0
        self._cap = int(options["cap"]) + 4096  # the frame around a value, or a traceback
        self._wire = Wire(sandbox, limits)

    def load(self, source: str) -> None:
        """Run the solution's module."""
        reply = self._exchange({"mode": "serve", "source": source, **self._options})
        if reply.kind != "ok" and self.ended is None:
            self.ended = Ended("malformed" if reply.error in _SYNTAX else "incorrect", reply.text)

    def ask(self, frame: Mapping[str, Any]) -> Reply:
        """One question and its answer."""
        if self.ended is not None:
            return Reply("refused", text=self.ended.detail)
        self._asked += 1
        return self._exchange({**frame, "id": self._asked})

    def close(self) -> None:
        """End the process."""
        self._wire.close()

    def _exchange(self, frame: Mapping[str, Any]) -> Reply:
        self._wire.send(frame)
        began = time.monotonic()
        body = self._wire.receive(self._cap, timeout_s=self._answer_s)
        try:
            if body is None and self._answer_s is not None and time.monotonic() - began >= self._answer_s:
                self._wire.kill()
                self.ended = Ended("timeout", "it ran out of time")
            elif body is None:
                self.ended = ended(self._wire.end())
            else:
                return self._reply(loads(body))
        except Refused:
            self.ended = Ended("incorrect", "it answered with what is no answer")
        return Reply("refused", text=self.ended.detail if self.ended else "")

    def _reply(self, message: Any) -> Reply:
        """An answer's parts, each checked: the process may have been taken over."""
        match message:
            case ["ok", int(id), tree] if id == self._asked:
                return Reply("ok", tree=tree, value=decode(tree, _Ref))
            case ["error", int(id), str(error), str(said), str(text)] if id == self._asked:
                return Reply("error", error=error, said=_plain(said), text=_plain(text).strip() or error or "it failed")
            case ["refused", int(id), str(text)] if id == self._asked:
                return Reply("refused", text=_plain(text))
        raise Refused("the message is not the answer to the question")


@dataclass(frozen=True, slots=True)
class _Ref:
    """An object that stayed in the solution's process."""

    number: int

    def __repr__(self) -> str:
        return "<object>"


_SYNTAX = ("SyntaxError", "IndentationError", "TabError")


def loads(data: bytes) -> Any:
    """Strict JSON: objects have one key, numbers are finite and of bounded length.

    Raises:
        Refused: It is not that.
    """
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refused(f"not a message: {error}"[:200]) from None


def _plain(text: str) -> str:
    """Text that every encoder takes: a solution may send half a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _one(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != 1:
        raise ValueError("an object needs exactly one key")
    return dict(pairs)


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS + 1:
        raise ValueError("an integer of too many digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number out of range")
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_one, parse_int=_integer, parse_float=_float, parse_constant=_constant)
