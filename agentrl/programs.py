"""What runs in a sandbox, under which limits, and what came of it: the records of `agentrl.sandbox`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from agentrl.errors import UsageError, suggest

__all__ = [
    "BOX",
    "PROTECTIONS",
    "Capabilities",
    "Command",
    "Driver",
    "ExecResult",
    "ExecStatus",
    "Files",
    "Limits",
    "Program",
    "Protection",
    "Python",
    "check_path",
    "check_protections",
]

BOX = "/box"
"""Where a program starts: its working folder, its home, and where `files` lie (the `subprocess` back end: a temporary
folder)."""

Protection = Literal[
    "files",  # only the interpreter, system libraries and the box can be seen
    "read_only",  # nothing outside the box and /tmp can be written
    "network",  # no interface, not even loopback to the host
    "pids",  # no process outside can be seen or signalled
    "ipc",  # own System V and POSIX queues, own abstract sockets
    "private_uid",  # not the caller's user on the host
    "no_privileges",  # no capabilities, no set-uid programs
    "syscalls",  # a seccomp filter takes the kernel's rarer doors away
    "landlock",  # a second, independent lock on files, abstract sockets and signals
    "memory",  # the limit holds for the whole tree of processes, files in memory included
    "process_count",  # processes and threads are counted
    "disk",  # bytes and inodes are bounded
    "tree_kill",  # when a run ends, everything it started is dead
    "clean_env",  # only the listed environment variables
    "limits",  # time, memory of one process, output and open files
]
PROTECTIONS: frozenset[str] = frozenset(get_args(Protection))

ExecStatus = Literal[
    "ok",
    "nonzero",
    "signalled",
    "timeout_wall",
    "timeout_cpu",
    "oom",
    "output_limit",
    "setup_failed",
    "infra_error",
]
Files = Mapping[str, bytes]
"""Relative POSIX path to content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may use. The CPU limit is the verdict's; the wall limit catches sleepers.

    Attributes:
        wall_s: From the program's start to its end.
        cpu_s: CPU time, of all its processes together where the back end can count it.
        memory_mib: Resident memory of all its processes, its files in memory included.
        output_bytes: Of stdout and of stderr, each; a program that writes more is ended.
        processes: Processes and threads at one time.
        open_files: File descriptors of one process.
        disk_mib: Of the box, /tmp and /dev/shm, each; fixed for a session when it opens.
        inodes: Files and folders of each of them; fixed likewise.
    """

    wall_s: float = 10.0
    cpu_s: float = 5.0
    memory_mib: int = 512
    output_bytes: int = 2**20
    processes: int = 32
    open_files: int = 64
    disk_mib: int = 64
    inodes: int = 4096

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not value > 0:
                raise UsageError(f"the limit {name} must be above 0, got {value!r}")
            if not value < 2**40:  # beyond that bytes and milliseconds do not fit the kernel's words
                raise UsageError(f"the limit {name} must be below 2**40, got {value!r}")
            if not name.endswith("_s") and not isinstance(value, int):
                raise UsageError(f"the limit {name} must be a whole number, got {value!r}")


@dataclass(frozen=True, slots=True)
class Python:
    """A Python program: run as `__main__` by an isolated interpreter, in the box, with `sys.argv[1:] == argv`."""

    source: str
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """Any program, found on the box's PATH."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Driver:
    """One of the kit's own small programs, `sandboxes/_drivers/<name>.py`: its `main()` talks over stdin and stdout.

    It runs under the same limits as what it loads, and is preloaded where the back end can.
    """

    name: str


Program = Python | Command | Driver


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an open sandbox really gives, found out when it opened.

    Attributes:
        backend: Its id.
        level: 1 limits only, 2 forked interpreter in namespaces, 3 any program in namespaces, 4 container, 5 remote.
        protections: What it claims; the conformance probes hold it to this.
        missing: What it would give but this host does not offer, each with the reason.
        programs: Which kinds of program it runs.
        persistent: What survives from one run of a session to the next.
    """

    backend: str
    level: int
    protections: frozenset[str]
    missing: Mapping[str, str] = field(default_factory=dict)
    programs: frozenset[str] = frozenset(("python", "command"))
    persistent: frozenset[str] = frozenset(("files", "processes"))


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a run ended.

    Attributes:
        status: "ok" only for exit code 0 with no limit met. The last two are the machine's fault, all others the
            program's.
        exit_code: None if it was ended by a signal or never ran.
        signal: The number, if a signal ended it.
        stdout: The first `Limits.output_bytes`, exactly as written.
        stderr: Likewise.
        stdout_bytes: How much was written in all (at least; a program over the limit is ended).
        stderr_bytes: Likewise.
        limit: The field of `Limits` that was met, or "".
        files: What `collect` asked for and the box held as regular files.
        wall_s: From the program's start to its end.
        cpu_s: User and system time of all its processes that were waited for.
        max_rss_mib: Largest resident size of one process, in MiB.
        detail: For the two last statuses, what went wrong.
        box: What the sandbox gave.
    """

    status: ExecStatus
    exit_code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    limit: str = ""
    files: Files = field(default_factory=dict)
    wall_s: float = field(default=0.0, compare=False)
    cpu_s: float = field(default=0.0, compare=False)
    max_rss_mib: float = field(default=0.0, compare=False)
    detail: str = ""
    box: Capabilities | None = field(default=None, compare=False)

    @property
    def ran(self) -> bool:
        """False where the machine failed, so that nothing can be said about the program."""
        return self.status not in ("setup_failed", "infra_error")


def check_protections(names: Iterable[str]) -> None:
    """Refuse a name that is none of `PROTECTIONS`.

    Raises:
        UsageError: There is one.
    """
    for name in names:
        if name not in PROTECTIONS:
            raise UsageError(f"no protection {name!r}: {suggest(name, PROTECTIONS)}")


def check_path(path: str) -> str:
    """A path that stays within the box, in one spelling.

    >>> check_path("a//b/./c.txt")
    'a/b/c.txt'

    Raises:
        UsageError: It is empty, absolute, climbs out, is too deep or long, or holds a NUL.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise UsageError(f"a file of the box needs a relative path without '..', got {path!r:.100}")
    if len(parts) > 32 or any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts):
        raise UsageError(f"a file of the box may be 32 folders deep, with names of 255 bytes; got {path!r:.100}")
    return "/".join(parts)
