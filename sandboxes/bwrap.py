"""Any program in namespaces of its own, set up by bubblewrap: about 30 ms a box, no daemon.

A second, independent way to the boundary of the `zygote` back end, by a program that Flatpak relies on: a root of
read-only views and tmpfs, its own user, pid, mount, network, IPC and UTS namespaces, no capabilities, no further user
namespaces, a seccomp filter. What bubblewrap has not is added: a user of its own and a control group (as root), limits
on bytes and inodes, CPU time and memory of the whole tree. Needs `bwrap` 0.8 (Debian: `apt-get install bubblewrap`).

Covered: files, network, other processes, privileges, memory of the whole tree, process count, disk, time, output.
Not covered: no Landlock; as a plain user, programs are that user's (`private_uid` is not claimed); the kernel itself is
shared, as in a container; timing side channels; where no control group is writable, memory is watched every 50 ms
rather than held.
"""

from __future__ import annotations

import itertools
import os
import py_compile
import shutil
import sys
import tempfile
from pathlib import Path

from agentrl.errors import BoxError, SandboxError, UsageError
from agentrl.programs import PROTECTIONS, Capabilities, Command, Files, Limits, check_protections
from agentrl.sandbox import Sandbox, Session, require
from agentrl.sandboxes import _seccomp
from agentrl.sandboxes._bwrap.session import Box, Launcher, group_limits
from agentrl.sandboxes._host import ETC, SYSTEM, box_user, site_packages

_HERE = Path(__file__).resolve().parent
_FIRST_UID = 0x71000000
"""Users of boxes: beyond those of people, services, containers, and of the `zygote` back end."""

_INIT = "/run/box"


def open(
    *,
    allow_degraded: tuple[str, ...] = (),
    modules: tuple[str, ...] = (),
    concurrency: int | None = None,
    pretend_missing: tuple[str, ...] = (),
) -> Sandbox:
    """Find bwrap, start the launcher, and see in a first box that everything claimed is so.

    Args:
        allow_degraded: Protections to go on without, where this host lacks them.
        modules: Installed modules that programs need, such as "numpy": then they see site-packages.
        concurrency: Runs at a time; default: one a usable core.
        pretend_missing: Protections to treat as if this host lacked them, for tests.

    Raises:
        SandboxError: bwrap is not installed, does not work here, or a protection is missing.
        UsageError: A name is not one of a protection.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("the sandbox 'bwrap' needs the program bwrap: install bubblewrap (`agentrl doctor`)")
    sandbox = Bwrap(program, modules, pretend_missing, concurrency)
    try:
        require("bwrap", sandbox.capabilities.missing, allow_degraded)
        sandbox.prove()
    except (SandboxError, UsageError):
        sandbox.close()
        raise
    return sandbox


class Bwrap(Sandbox):
    """See the module."""

    def __init__(
        self, program: str, modules: tuple[str, ...], pretend_missing: tuple[str, ...], concurrency: int | None
    ) -> None:
        check_protections(pretend_missing)
        self._path = site_packages(modules)
        self._launcher = Launcher()
        self._program = program
        self._files = _files()
        self._count = itertools.count()
        missing = dict.fromkeys(pretend_missing, "it was asked to be missing")
        self._filter = b""
        if "syscalls" not in missing:
            try:
                # Of the caller's own user, programs would share its count of descriptors that are on their way.
                self._filter = _seccomp.program(also=() if self._launcher.root else _seccomp.SENDING)
            except LookupError as error:
                missing["syscalls"] = str(error)
        claimed = PROTECTIONS - set(missing) - {"landlock"} - (set() if self._launcher.root else {"private_uid"})
        super().__init__(Capabilities("bwrap", 3, claimed, missing), concurrency=concurrency)

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Start a box."""
        limits = limits or Limits()
        uid = box_user(_FIRST_UID, next(self._count))
        spec = {
            "argv": arguments(self._program, self._path),
            "binds": {name: path for name, path, _ in _views(self._path)},
            "folders": {
                "box": f"size={limits.disk_mib}m,nr_inodes={limits.inodes}",
                "tmp": f"size={limits.disk_mib}m,nr_inodes={limits.inodes}",
                "shm": f"size={limits.disk_mib}m,nr_inodes=64",
                "init": "size=8m,nr_inodes=64",
            },
            "files": self._files,
            "group": group_limits(limits),
            "filter": self._filter,
            "uid": uid,
            "path": [target for name, _, target in _views(self._path) if name != "python"],
        }
        box = Box(self._launcher, spec, self.capabilities, limits)
        try:
            box.write(files or {})
        except BoxError as error:
            box.close()
            raise SandboxError(str(error)) from error
        except (SandboxError, UsageError):
            box.close()
            raise
        return box

    def prove(self) -> None:
        """Look from inside at what the kernel says of a box.

        Raises:
            SandboxError: It is not what is claimed.
        """
        with self.session() as session:
            result = session.run(Command(("cat", "/proc/self/status", "/proc/net/dev", "/proc/mounts")))
        text = result.stdout.decode(errors="replace")
        wanted = [
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "NoNewPrivs:\t1",
            " /box tmpfs rw,",
            " / tmpfs ro,",
        ]
        wanted += ["Seccomp:\t2"] if self._filter else []
        absent = [line for line in wanted if line not in text]
        networks = [line for line in text.splitlines() if line.count(":") == 1 and len(line.split()) == 17]
        if result.status != "ok" or absent or len(networks) > 1:
            raise SandboxError(f"a box of 'bwrap' is not what it claims: {result.detail or absent or result.stderr!r}")

    def close(self) -> None:
        """End the launcher, and with it every box."""
        self._launcher.close()


def arguments(program: str, path: list[str]) -> list[str]:
    """The command line of bwrap; the launcher puts a file descriptor for the word SOCKET."""
    words = [program, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
    words += ["--as-pid-1", "--clearenv", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534", "--hostname", "box"]
    for folder in (*SYSTEM, "/etc/ld.so.cache"):
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        else:
            words += ["--ro-bind-try", folder, folder]
    for name, _, target in _views(path):
        words += ["--ro-bind", f"/tmp/{name}", target]
    for name in ETC:
        words += ["--ro-bind", f"/tmp/init/{name}", f"/etc/{name}"]
    words += ["--proc", "/proc", "--dev", "/dev", "--bind", "/tmp/shm", "/dev/shm", "--remount-ro", "/dev"]
    words += ["--bind", "/tmp/box", "/box", "--bind", "/tmp/tmp", "/tmp", "--ro-bind", "/tmp/init", _INIT]
    words += ["--chdir", "/box", "--remount-ro", "/", "--setenv", "LD_LIBRARY_PATH", "/opt/python/lib"]
    return [*words, "--", _interpreter(), "-I", "-S", f"{_INIT}/box.pyc", "SOCKET"]


def _views(path: list[str]) -> list[tuple[str, str, str]]:
    """Folders beside the system's: a name, where it lies, and where a box sees it.

    Their own places would tell of the host, and may lie where the box's user cannot go.
    """
    shown = {"python": str(Path(sys.base_prefix).resolve()), **{f"site{i}": folder for i, folder in enumerate(path)}}
    return [(name, os.path.realpath(folder), f"/opt/{name}") for name, folder in shown.items()]


def _interpreter() -> str:
    """This interpreter, as a box sees it."""
    base = Path(sys.base_prefix).resolve()
    return str("/opt/python" / Path(sys.executable).resolve().relative_to(base))


def _files() -> dict[str, bytes]:
    """What a box finds of the kit, compiled once: that would be a tenth of its start."""
    found = {f"init/{name}": text.encode() for name, text in ETC.items()}
    with tempfile.TemporaryDirectory() as folder:
        for source in (_HERE / "_bwrap/box.py", _HERE / "_boot.py", _HERE / "_count.py"):
            target = py_compile.compile(str(source), cfile=f"{folder}/{source.stem}.pyc", doraise=True)
            assert target is not None
            found[f"init/{source.stem}.pyc"] = Path(target).read_bytes()
    return found
