"""What back ends share on the host's side: the environment of a box, its rlimits, its drivers, and files out of it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import MappingProxyType

from agentrl.errors import BoxError, UnknownIdError, suggest
from agentrl.programs import BOX, Driver, Limits

__all__ = ["ENVIRONMENT", "alone", "driver_path", "rlimits", "snapshot"]

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


_PACKAGE = Path(__file__).resolve().parent
_ALONE = """
import importlib, sys, types
folder, name, *words = sys.argv[1:]
for package, path in (("agentrl", ""), ("agentrl.sandboxes", folder)):
    module = sys.modules[package] = types.ModuleType(package)
    module.__path__ = [path]
become = importlib.import_module(name).main(*words)
if become is not None:
    become()
"""
"""A module of a back end is imported by its name, but not the packages around it, which would load much more."""


def alone(module: str, *words: str) -> list[str]:
    """The command that calls `main(*words)` of a module in an interpreter with nothing else in it.

    What `main` returns is called in turn, with no frame of it left on the stack. The interpreter is the one beneath a
    virtual environment, whose own a box may not see.
    """
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    return [interpreter, "-I", "-S", "-c", _ALONE, str(_PACKAGE), module, *words]


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
