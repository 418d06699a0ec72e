"""What back ends share on the host's side: what a box finds, its rlimits, its drivers, and files into and out of it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import stat
import sysconfig
from pathlib import Path
from types import MappingProxyType

from agentrl.errors import BoxError, UnknownIdError, UsageError, suggest
from agentrl.programs import BOX, Driver, Limits

__all__ = ["ENVIRONMENT", "ETC", "SYSTEM", "box_user", "driver_path", "put", "rlimits", "site_packages", "snapshot"]

_MIB = 2**20
_DEPTH = 32  # as in `check_path`
_DRIVERS = Path(__file__).resolve().parent / "_drivers"

ENVIRONMENT = MappingProxyType(
    {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": BOX,
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        # A heap a thread, or a thread pool of BLAS, would take the address space that is limited.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
)
"""All that a program finds in its environment, beside what its `env` adds."""

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives")
"""What a box sees of the host, beside the interpreter."""

ETC = MappingProxyType(
    {
        "passwd": "box:x:65534:65534::/box:/bin/sh\n",
        "group": "box:x:65534:\n",
        "nsswitch.conf": "passwd: files\n",
    }
)
"""A box's own files in /etc."""


def box_user(first: int, number: int) -> int:
    """The user of this process's box of that number, among 2^24 from `first` on.

    Trainers at one time begin far from each other: a prime times their process ids.
    """
    return first + (os.getpid() * 4099 + number) % 2**24


def site_packages(modules: tuple[str, ...]) -> list[str]:
    """The folders that a box must see for its programs to import installed modules; none if it needs none.

    Raises:
        UsageError: One is not installed.
    """
    for name in modules:
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            raise UsageError(f"the module {name!r} is not installed here, so that no box can see it: install it")
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")] if modules else []
    return list(dict.fromkeys(found))


def rlimits(limits: Limits) -> dict[str, tuple[int, int]]:
    """The limits of one process: the name of an rlimit to (soft, hard).

    The address space is twice the memory limit, since memory that is only reserved does no harm; what counts
    resident memory, for the whole tree, is the back end's own watch.
    """
    cpu = max(1, int(-(-limits.cpu_s // 1)))
    space = 2 * limits.memory_mib * _MIB
    disk = limits.disk_mib * _MIB
    return {
        "AS": (space, space),
        "CPU": (cpu, cpu + 1),
        "FSIZE": (disk, disk),
        "NOFILE": (limits.open_files, limits.open_files),
        "NPROC": (limits.processes, limits.processes),
        "STACK": (64 * _MIB, 64 * _MIB),
        "CORE": (0, 0),
        "MEMLOCK": (0, 0),
        "MSGQUEUE": (0, 0),
    }


def driver_path(driver: Driver) -> Path:
    """The file of a driver.

    Raises:
        UnknownIdError: There is none of that name.
    """
    path = _DRIVERS / f"{driver.name}.py"
    if not path.is_file():
        raise UnknownIdError(
            f"no driver {driver.name!r}: {suggest(driver.name, [p.stem for p in _DRIVERS.glob('*.py')])}"
        )
    return path


def put(folder: int, path: str, content: bytes, owner: int | None = None) -> None:
    """Write a file below an open folder that a program may have filled: no link is followed, what is in the way goes.

    Args:
        folder: Its descriptor.
        path: As `check_path` gives it.
        content: Of the file.
        owner: User and group that get it; None leaves it to this process's own, whose group may have another number.

    Raises:
        BoxError: It does not fit, or a folder is in its place.
    """
    *folders, name = path.split("/")
    at = os.dup(folder)
    try:
        for part in folders:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISDIR(os.stat(part, dir_fd=at, follow_symlinks=False).st_mode):
                    os.unlink(part, dir_fd=at)
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=at)
                if owner is not None:
                    os.chown(part, owner, owner, dir_fd=at, follow_symlinks=False)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = below
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=at)
        new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(name, new, 0o600, dir_fd=at), "wb") as file:
            if owner is not None:
                os.fchown(file.fileno(), owner, owner)
            file.write(content)
    except OSError as error:
        raise BoxError(f"the file {path!r:.100} could not be put into the box: {error.strerror}") from error
    finally:
        os.close(at)


def snapshot(folder: Path, limits: Limits) -> dict[str, bytes]:
    """The regular files under a folder that a program may have filled: no link is followed, out of it or within.

    What lies deeper than `check_path` allows is left out.

    Raises:
        BoxError: They are more, or larger, than the limits.
    """
    found: dict[str, bytes] = {}
    total = 0
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for where, folders, names, at in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            if where.count("/") >= _DEPTH - 1:
                folders.clear()
            for name in names:
                content = _regular(name, at, limits.disk_mib * _MIB - total)
                if content is None:
                    continue
                total += len(content)
                if len(found) >= limits.inodes:
                    raise BoxError(f"the box holds more than {limits.inodes} files: raise its limits")
                found[os.path.relpath(os.path.join(where, name))] = content
    finally:
        os.close(top)
    return dict(sorted(found.items()))


def _regular(name: str, at: int, most: int) -> bytes | None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except OSError:  # a link, a socket, or gone
        return None
    with open(fd, "rb") as file:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
            return None
        if facts.st_size > most:
            raise BoxError(f"the box's files, {name!r:.80} among them, are larger than its disk: raise its limits")
        return file.read(facts.st_size)
