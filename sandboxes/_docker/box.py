"""Pid 1 of a docker box: keeps it, and does what only a process inside can do.

Its stdin and stdout are a stream that the daemon carries to the trainer. A request is a line, `kill`, `usage`, `end`,
`read` or `write SIZE` with that many bytes after it; the answer is a line with a size, and as many bytes. When the
stream ends, because the trainer ended, this process ends, and with it the container. Runs as `python3 -I -S -c SOURCE`,
from the standard library alone. Programs cannot signal a pid 1; what it says is read as if a program had said it.
"""

import contextlib
import ctypes
import io
import os
import signal
import socket
import stat
import sys
import tarfile

_DEPTH = 32
_CPU = ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpuacct/cpuacct.usage")
_MEMORY = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def main() -> None:
    """Serve until the stream ends."""
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no program may look into this process
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the orphans
    ends = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    ends.bind("\0ends")
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while words := requests.readline().split():
        if words[0] == b"kill":
            answer = kill()
        elif words[0] == b"usage":
            answer = usage()
        elif words[0] == b"end":
            answer = last(ends)
        elif words[0] == b"read":
            answer = read()
        else:
            answer = write(requests.read(int(words[1])))
        answers.write(b"%d\n" % len(answer) + answer)
        answers.flush()


def kill() -> bytes:
    """Kill every process but this one."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    return b""


def usage() -> bytes:
    """CPU seconds of the box so far, how often the kernel has killed in it for memory, and what runs in it."""
    cpu_s, kills = 0.0, 0
    for path in _CPU:
        for words in lines(path):
            if words[0] == "usage_usec":
                cpu_s = int(words[1]) / 1e6
            elif len(words) == 1:
                cpu_s = int(words[0]) / 1e9
    for path in _MEMORY:
        kills += sum(int(words[1]) for words in lines(path) if words[0] == "oom_kill")
    return f"{cpu_s} {kills}".encode()


def last(ends: socket.socket) -> bytes:
    """How the last program ended, as its parent in the box told it; nothing if that was killed too."""
    told = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            told = ends.recv(4096)
    return told


def lines(path: str) -> list[list[str]]:
    """The words of each line of a small file; none if it is absent."""
    try:
        with open(path, encoding="ascii") as file:
            return [line.split() for line in file if line.strip()]
    except OSError:
        return []


def write(archive: bytes) -> bytes:
    """Put the files of an archive in their places; what went wrong, or nothing."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            for member in members:
                path = "/" + member.name
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                if os.path.lexists(path):
                    os.unlink(path)
                content = members.extractfile(member)
                with open(path, "wb") as file:
                    file.write(content.read() if content else b"")
    except OSError as error:
        return str(error).encode()
    return b""


def read() -> bytes:
    """An archive of the regular files of the box."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as members:
        for where, folders, names, at in os.fwalk("/box", follow_symlinks=False):
            if where.count("/") >= _DEPTH:
                folders.clear()
            for name in names:
                try:
                    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
                except OSError:
                    continue
                with open(fd, "rb") as file:
                    facts = os.fstat(fd)
                    if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
                        member = tarfile.TarInfo(os.path.relpath(os.path.join(where, name), "/box"))
                        member.size = facts.st_size
                        members.addfile(member, file)
    return archive.getvalue()


if __name__ == "__main__":
    main()
