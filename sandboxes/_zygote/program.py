"""What a program's process does once every lock is on it: become the program, and end like an interpreter would.

The standard library alone. Nothing here is a secret from the program: it may walk every frame and find no answer.
"""

from __future__ import annotations

import gc
import importlib
import linecache
import os
import random
import signal
import stat
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from agentrl.sandboxes._boot import OUT_OF_MEMORY, execute

__all__ = ["prepare"]

_FILE = "/box/main.py"
_THREAD_STACK = 8 * 2**20
"""The rlimit, which is for deep recursion in the main thread, would take 64 MiB of address space for each."""

_HEADER = struct.Struct(">IQ")
_STREAMS = (
    ("stdin", "r", "surrogateescape"),
    ("stdout", "w", "surrogateescape"),
    ("stderr", "w", "backslashreplace"),
)


def prepare(payload: dict[str, Any]) -> Callable[[], None]:
    """What this process is to run, with all else let go; called after the locks.

    Args:
        payload: `kind` is "python" (`source`, `argv`), "command" (`argv`), "driver" (`module`), or one of the kit's own
            steps "snapshot" and "store"; `env` is added to the environment.
    """
    kind, words = payload["kind"], payload.get("argv", ())
    os.environ.update(payload.get("env", {}))
    os.closerange(3, 65536)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if kind == "command":
        return lambda: execute(list(words))
    if kind == "driver":
        run = importlib.import_module(payload["module"]).main
        return lambda: _python(run, ())
    if kind in ("snapshot", "store"):
        return _snapshot if kind == "snapshot" else _store
    source = payload["source"]
    return lambda: _python(_main_module(source), words)


def _main_module(source: str) -> Callable[[], None]:
    main = ModuleType("__main__")
    main.__dict__["__file__"] = _FILE
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    lines = source.splitlines(keepends=True)
    linecache.cache[_FILE] = (len(source), None, lines, _FILE)
    return lambda: exec(compile(source, _FILE, "exec", dont_inherit=True), main.__dict__)


def _python(run: Callable[[], object], argv: tuple[str, ...]) -> None:
    """Run and end: `SystemExit`, tracebacks, `atexit`, threads and buffers as in an interpreter of its own."""
    _fresh(argv)
    code = 0
    try:
        run()
    except SystemExit as end:
        code = _exit_code(end)
    except MemoryError:
        code = OUT_OF_MEMORY
        os.write(2, b"MemoryError\n")
    except BaseException as error:  # noqa: BLE001  # it is the program's, and is printed as an interpreter would
        code = 1
        _print(error)
    _finish(code)


def _fresh(argv: tuple[str, ...]) -> None:
    """Streams, arguments and random numbers of its own; the launcher's modules are let go."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "agentrl"]:
        del sys.modules[name]
    sys.argv = [_FILE, *argv]
    sys.path[:] = [path for path in sys.path if path]
    for fd, (name, mode, errors) in enumerate(_STREAMS):
        stream = open(fd, mode, buffering=1 if fd == 2 else -1, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    threading.stack_size(_THREAD_STACK)
    random.seed()
    numpy_random = sys.modules.get("numpy.random")  # imported late by NumPy 2, and then seeded by the system
    if numpy_random is not None:
        numpy_random.seed()


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    os.write(2, f"{end.code}\n".encode("utf-8", "backslashreplace")[:65536])
    return 1


def _print(error: BaseException) -> None:
    """The traceback, from the program's own first frame on."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename != _FILE:
        at = at.tb_next
    try:
        traceback.print_exception(type(error), error, at)
    except BaseException:  # noqa: BLE001  # a hostile `__str__`; the exit code tells enough
        os.write(2, type(error).__name__.encode() + b"\n")


def _finish(code: int) -> None:
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        import atexit

        atexit._run_exitfuncs()
        main = sys.modules.get("__main__")
        if main is not None and getattr(main, "__file__", "") == _FILE:
            main.__dict__.clear()  # so that `__del__` runs
        gc.collect(0)
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:  # noqa: BLE001  # whatever it does in its last moments, it ends
        code = code or 1
    os._exit(code)


def _snapshot() -> None:
    """Write every regular file of the box to stdout: lengths of path and content, path, content."""
    for where, _, names, at in os.fwalk(".", follow_symlinks=False):
        for name in names:
            try:
                fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            except OSError:
                continue
            with open(fd, "rb") as file:
                facts = os.fstat(fd)
                if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
                    continue
                content = file.read()
            path = os.fsencode(os.path.relpath(os.path.join(where, name)))
            _write(_HEADER.pack(len(path), len(content)) + path + content)
    os._exit(0)


def _store() -> None:
    """The other way round, from stdin; with no more rights than a program of the box has."""
    with open(0, "rb") as stream:
        while header := stream.read(_HEADER.size):
            path_size, size = _HEADER.unpack(header)
            path, content = os.fsdecode(stream.read(path_size)), stream.read(size)
            if "/" in path:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK  # a pipe in its place must not hold us
            with open(os.open(path, flags, 0o600), "wb") as file:
                file.write(content)
    os._exit(0)


def _write(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]
