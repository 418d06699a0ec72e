"""A container as a session: requests to its first process, programs by `exec`, their streams on pipes."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.programs import Capabilities, Command, Driver, Files, Limits, Program, check_path
from agentrl.sandbox import Process, Session
from agentrl.sandboxes._boot import OUT_OF_MEMORY
from agentrl.sandboxes._cgroup import SPARE_MIB
from agentrl.sandboxes._docker.tar import pack, unpack
from agentrl.sandboxes._host import ENVIRONMENT, driver_path, rlimits
from agentrl.sandboxes._running import Exit, Handle, Running

__all__ = ["Box"]

_BOOT = Path(__file__).resolve().parents[1] / "_boot.py"
_ANSWER_S = 30.0
_LOOK_S = 0.05
_WORD = 100_000
"""A source up to here travels as an argument; the kernel takes 128 KiB of one. A larger one becomes a file first."""

_HEADER = struct.Struct(">BxxxI")  # of a frame of the daemon's: 1 stdout, 2 stderr; the size


class _Line:
    """Requests to the first process of a box, one at a time, from any thread."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._socket = stream, _raw(stream)
        self._socket.settimeout(_ANSWER_S)
        self._lock = threading.Lock()
        self._buffer = bytearray()

    def ask(self, request: bytes, most: int = 1 << 16) -> bytes:
        """The answer to a request.

        Raises:
            SandboxError: The box has ended.
            BoxError: It answers more than `most` bytes, or not in order.
        """
        with self._lock:
            try:
                self._socket.sendall(request)
                while b"\n" not in self._buffer:
                    self._more()
                line, _, rest = bytes(self._buffer).partition(b"\n")
                size = int(line) if line.isdigit() else most + 1
                if size > most:
                    raise BoxError(f"the box answers {line!r:.50}: more than {most} bytes, or not in order")
                self._buffer = bytearray(rest)
                while len(self._buffer) < size:
                    self._more()
            except OSError as error:
                raise SandboxError(f"the box has ended: {error}") from error
            answer = bytes(self._buffer[:size])
            del self._buffer[:size]
            return answer

    def _more(self) -> None:
        kind, size = _HEADER.unpack(_exactly(self._socket, _HEADER.size))
        data = _exactly(self._socket, size)
        if kind == 1:
            self._buffer += data

    def close(self) -> None:
        """Hang up: the box ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._socket.close()


class Box(Session):
    """One container."""

    def __init__(self, client: Any, container: str, box: Capabilities, limits: Limits, siblings: set[Box]) -> None:
        self.capabilities, self.limits = box, limits
        self._client, self._container, self._siblings = client, container, siblings
        self._programs, self._memory_mib = 0, limits.memory_mib
        self._running: _Program | None = None
        self._boot = _BOOT.read_text(encoding="utf-8")
        stream = client.attach_socket(container, params={"stdin": 1, "stdout": 1, "stream": 1})
        self._line = _Line(stream)
        self._closed = False
        client.start(container)
        self._line.ask(b"usage\n")  # it is there

    def start(self, program: Program, *, limits: Limits | None = None) -> Process:
        """Start a program in the box."""
        from docker.errors import APIError, NotFound
        from requests.exceptions import RequestException

        limits = limits or self.limits
        if self._running is not None and not self._running.closed:
            raise UsageError("a session runs one program at a time: finish the one that was started")
        try:
            self._fit(limits)
            self._running = _Program(
                self._client, self._container, self._line, self._words(program, limits), program, limits
            )
        except NotFound:
            return Running(_Dead(), limits, self.capabilities)
        except (APIError, RequestException, OSError) as error:
            raise SandboxError(f"a program could not be started in the container: {error}") from error
        return Running(self._running, limits, self.capabilities)

    def _fit(self, limits: Limits) -> None:
        """Give the container this program's memory; how many processes it may have was fixed when it was made."""
        if limits.memory_mib != self._memory_mib:
            self._memory_mib = limits.memory_mib
            memory = (limits.memory_mib + SPARE_MIB) << 20
            self._client.update_container(self._container, mem_limit=memory, memswap_limit=memory)

    def _words(self, program: Program, limits: Limits) -> list[str]:
        env = {**ENVIRONMENT, **({} if isinstance(program, Driver) else program.env)}
        boot = ["env", "-i", *(f"{name}={value}" for name, value in env.items())]
        boot += ["python3", "-I", "-S", "-c", self._boot, json.dumps({**_rlimits(limits), "report": "ends"})]
        if isinstance(program, Command):
            return [*boot, "command", *program.argv]
        if isinstance(program, Driver):
            return [*boot, "text", driver_path(program).read_text(encoding="utf-8")]
        source = program.source.encode("utf-8", "surrogatepass")
        # A lone surrogate would not survive the daemon's JSON, nor a NUL the kernel.
        if len(source) < _WORD and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in program.source):
            return [*boot, "text", program.source, *program.argv]
        self._programs += 1
        path = f"tmp/.main-{self._programs}.py"
        self._put({path: source})
        return [*boot, "held", f"/{path}", *program.argv]

    def write(self, files: Files) -> None:
        """Put files into the box."""
        self._put({f"box/{check_path(name)}": content for name, content in files.items()})

    def _put(self, files: Files) -> None:
        if not files:
            return
        archive = pack(files)
        trouble = self._line.ask(b"write %d\n" % len(archive) + archive)
        if trouble:
            raise BoxError(f"the files could not be put into the box: {trouble.decode(errors='replace')}")

    def snapshot(self) -> dict[str, bytes]:
        """Read the box's files."""
        most = self.limits.disk_mib << 20
        try:
            archive = self._line.ask(b"read\n", most + 2048 * self.limits.inodes + 10240)
        except SandboxError as error:
            if self._client.ping():  # only its own programs can have ended it
                raise BoxError("the box has ended, and its files with it") from error
            raise
        return unpack(archive, max_files=self.limits.inodes, max_bytes=most)

    def close(self) -> None:
        """End the box."""
        from docker.errors import APIError
        from requests.exceptions import RequestException

        if self._closed:
            return
        self._closed = True
        self._line.close()
        # The container would end by itself now, and remove itself; this waits for it.
        with contextlib.suppress(APIError, RequestException):
            self._client.remove_container(self._container, force=True, v=True)
        self._siblings.discard(self)


class _Dead(Handle):
    """A program in a box that has ended: only its own programs can have ended it, so that this one counts as killed."""

    def __init__(self) -> None:
        pipes = [os.pipe() for _ in range(4)]
        (unread, self.stdin), (self.stdout, out), (self.stderr, err), (self.exit_fd, ended) = pipes
        for fd in (unread, out, err, ended):
            os.close(fd)

    def kill(self) -> None:
        """It is."""

    def exit(self) -> Exit:
        return Exit(signal=9)

    def close(self) -> None:
        os.close(self.exit_fd)


class _Program(Handle):
    """One `exec`: two threads carry its streams, one watches its time and its end."""

    def __init__(
        self, client: Any, container: str, line: _Line, words: list[str], program: Program, limits: Limits
    ) -> None:
        self._client, self._container, self._line, self._limits = client, container, line, limits
        self._is_python = not isinstance(program, Command)
        self.closed = False
        self._fired, self._doomed = "", False
        self._exit = Exit(error="the daemon does not say how the program ended")
        self._since = int(time.time()) - 1
        self._known = (0.0, 0)
        self._before = self._usage()
        self._exec = client.exec_create(container, words, stdin=True, stdout=True, stderr=True, workdir="/box")["Id"]
        self._stream = client.exec_start(self._exec, socket=True)
        self._socket = _raw(self._stream)
        self._socket.settimeout(None)
        (self._in, self.stdin), (self.stdout, self._out), (self.stderr, self._err) = (os.pipe() for _ in range(3))
        self.exit_fd, self._told = os.pipe()
        self._drained, self._wake = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._feed, self._carry, self._watch)]
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        self._doomed = not self.closed
        self._wake.set()

    def _kill(self) -> None:
        try:
            self._line.ask(b"kill\n")
        except (SandboxError, BoxError):
            from docker.errors import APIError

            with contextlib.suppress(APIError):  # it has ended
                self._client.kill(self._container)

    def exit(self) -> Exit:
        self.closed = True
        return self._exit

    def close(self) -> None:
        self.closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
        for thread in self._threads:
            thread.join(5.0)
        self._stream.close()
        self._socket.close()
        os.close(self.exit_fd)

    def _feed(self) -> None:
        """From the caller's pipe to the program's stdin."""
        with contextlib.suppress(OSError):
            while data := os.read(self._in, 65536):
                self._socket.sendall(data)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        os.close(self._in)

    def _carry(self) -> None:
        """From the daemon's frames to the caller's pipes."""
        with contextlib.suppress(OSError):
            while True:
                kind, size = _HEADER.unpack(_exactly(self._socket, _HEADER.size))
                data = memoryview(_exactly(self._socket, size))
                while data:
                    data = data[os.write(self._err if kind == 2 else self._out, data) :]
        self._drained.set()
        self._wake.set()
        os.close(self._out)
        os.close(self._err)

    def _watch(self) -> None:
        """Kill it when its CPU time is over; see its end, which what it left behind may hide from its streams."""
        facts = None
        look_s = 0.005
        while facts is None:
            self._wake.wait(look_s)
            self._wake.clear()
            look_s = min(_LOOK_S, 2 * look_s)
            cpu_s, _ = self._usage()
            if cpu_s - self._before[0] > self._limits.cpu_s and not self._fired:
                self._fired, self._doomed = "cpu_s", True
            if self._doomed:
                self._kill()  # again and again: the daemon may not have started it yet
            facts = self._facts()
        self._drained.wait(0.2)
        self._exit = self._describe(facts)
        os.close(self._told)

    def _facts(self) -> dict[str, Any] | None:
        """What the daemon says of the program's end; None while it runs."""
        from docker.errors import APIError, NotFound
        from requests.exceptions import RequestException

        try:
            facts: dict[str, Any] = self._client.exec_inspect(self._exec)
        except NotFound:  # the container is gone: only its own programs, or the caller, can have ended it
            return {"ExitCode": 137}
        except (APIError, RequestException) as error:
            return {"error": f"the daemon does not answer: {error}"}
        return None if facts["Running"] else facts

    def _describe(self, facts: dict[str, Any]) -> Exit:
        if "error" in facts:
            return Exit(error=facts["error"])
        code, max_rss_mib = _as_shells_do(int(facts["ExitCode"] or 0)), 0.0
        with contextlib.suppress(SandboxError, BoxError, ValueError):
            words = self._line.ask(b"end\n").split()
            if words:  # else its parent was killed as well
                code, max_rss_mib = int(words[0]), float(words[1])
        cpu_s, kills = self._usage()
        fired = self._fired or ("memory_mib" if kills > self._before[1] else "")
        if code == OUT_OF_MEMORY and self._is_python:
            code, fired = 1, fired or "memory_mib"
        return Exit(
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            cpu_s=max(0.0, cpu_s - self._before[0]),
            max_rss_mib=max_rss_mib,
            fired=fired,
        )

    def _usage(self) -> tuple[float, int]:
        """CPU seconds of the box, and how often memory ran out in it."""
        try:
            cpu_s, kills = self._line.ask(b"usage\n").split()
            self._known = float(cpu_s), int(kills)
        except (SandboxError, BoxError, ValueError):  # it has ended
            return self._known[0], self._known[1] + self._ran_out()
        return self._known

    def _ran_out(self) -> int:
        """Whether the daemon has seen the box run out of memory, where nobody in it can tell any more."""
        from docker.errors import APIError
        from requests.exceptions import RequestException

        wanted = {"container": self._container, "event": "oom"}
        with contextlib.suppress(APIError, RequestException):
            events = self._client.events(since=self._since, until=int(time.time()) + 1, filters=wanted)
            with contextlib.closing(events):
                return int(any(events))
        return 0


def _as_shells_do(code: int) -> int:
    """An exit code of the daemon's, which has no sign for a signal: negative for one."""
    return 128 - code if 128 < code <= 192 else code


def _rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """With room for the box's first process and the program's parent, which are of the same user."""
    most = limits.processes + 2
    return {**rlimits(limits), "NPROC": (most, most)}


def _raw(stream: Any) -> socket.socket:
    """The socket below what the package gives, which cannot be half closed."""
    found: socket.socket = getattr(stream, "_sock", stream)
    return found


def _exactly(from_: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = from_.recv(min(65536, size - len(data)))
        if not chunk:
            raise OSError("the stream has ended")
        data += chunk
    return bytes(data)
