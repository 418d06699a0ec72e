"""Probe 26: two boxes at one time see nothing of each other."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from agentrl.probes.core import LIMITS, Context, fail_if, probe, program, removed, unique


@contextlib.contextmanager
def _neighbour(context: Context, source: str, given: dict[str, Any]) -> Iterator[None]:
    """Another box in which a program has said that it is ready, and then sleeps."""
    with context.sandbox.session(limits=LIMITS) as box:
        process = box.start(program(source + "\nprint('ready', flush=True)\ntime.sleep(60)\n", given))
        try:
            fail_if(process.receive(6, timeout_s=10) != b"ready\n", "the neighbour did not start")
            yield
        finally:
            process.kill()
            process.finish()


@probe(26, "files")
def files_of_neighbours(context: Context) -> None:
    """See a file that another box has in /tmp, in /dev/shm or in its own folder."""
    given = {"name": f"agentrl-{secrets.token_hex(8)}"}
    source = """
for folder in ("/tmp", "/dev/shm", os.getcwd()):
    attempt(lambda: open(os.path.join(folder, given["name"]), "w").close())
"""
    look = """
paths = [os.path.join(f, given["name"]) for f in ("/tmp", "/dev/shm", os.getcwd())]
tell(seen=[p for p in paths if os.path.exists(p)])
"""
    with removed(given["name"]), _neighbour(context, source, given):
        seen = context.facts(look, given)["seen"]
    fail_if(seen, f"a neighbour's files are seen: {seen}")


@probe(26, "pids")
def processes_of_neighbours(context: Context) -> None:
    """See a process of another box."""
    given = {"marker": unique()}
    source = "if os.fork() == 0: os.execvp('sleep', ['sleep', given['marker']])\n"
    look = """
import glob
def content(path):
    try:
        return open(path).read()
    except OSError:
        return ""
tell(seen=[p for p in glob.glob("/proc/[0-9]*/cmdline") if "sleep\\0" + given["marker"] in content(p)])
"""
    with _neighbour(context, source, given):
        seen = context.facts(look, given)["seen"]
    fail_if(seen, f"a neighbour's processes are seen: {seen}")


@probe(26, "ipc")
def memory_of_neighbours(context: Context) -> None:
    """Find a System V segment or semaphore, or an abstract socket, of another box."""
    given = {"key": 1 + secrets.randbelow(2**30), "name": f"agentrl-{secrets.token_hex(8)}"}
    source = """
libc.shmget(given["key"], 4096, 0o1666)  # IPC_CREAT
libc.semget(given["key"], 1, 0o1666)
try:
    s = socket.socket(socket.AF_UNIX)
    s.bind("\\0" + given["name"])
    s.listen()
except OSError:
    pass
"""
    look = """
def connect():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\\0" + given["name"])
tell(segment=libc.shmget(given["key"], 0, 0) >= 0, semaphore=libc.semget(given["key"], 0, 0) >= 0,
     socket=attempt(connect) == "done")
"""
    clean = """
libc.shmctl(libc.shmget(given["key"], 0, 0), 0, None)
libc.semctl(libc.semget(given["key"], 0, 0), 0, 0)
tell()
"""
    with _neighbour(context, source, given):
        facts = context.facts(look, given)
        context.run(clean, given)  # what is shared would otherwise stay on the host
    seen = [name for name, was in facts.items() if was]
    fail_if(seen, f"shared with a neighbour: {', '.join(seen)}")


@probe(26, "network")
def ports_of_neighbours(context: Context) -> None:
    """Connect to a port on which another box listens."""
    given = {"port": 20000 + secrets.randbelow(10000)}
    source = """
try:
    s = socket.create_server(("127.0.0.1", given["port"]))
except OSError:
    pass
"""
    look = """
def connect():
    with socket.socket() as s:
        s.settimeout(2)
        s.connect(("127.0.0.1", given["port"]))
tell(got=attempt(connect))
"""
    with _neighbour(context, source, given):
        got = context.facts(look, given)["got"]
    fail_if(got == "done", "a neighbour's port could be reached")


@probe(26, "files", "syscalls")
def locks_of_neighbours(context: Context) -> None:
    """Signal to another box by locking a file that both can read."""
    source = """
import fcntl
try:
    held = [open(path) for path in (os.__file__, "/etc/passwd", "/bin/sh") if os.path.exists(path)]
    for file in held:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    pass
"""
    look = """
import fcntl
def lock(path):
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
tell(locked=[p for p in (os.__file__, "/etc/passwd", "/bin/sh") if os.path.exists(p) and attempt(lock, p) == "EAGAIN"])
"""
    with _neighbour(context, source, {}):
        locked = context.facts(look)["locked"]
    fail_if(locked, f"a neighbour's lock is seen on {', '.join(locked)}")
