"""Any program in namespaces of its own, set up by bubblewrap: about 30 ms a box, no daemon.

A second, independent way to the boundary of the `zygote` back end, by a program that Flatpak relies on: a root of
read-only views and tmpfs, its own user, pid, mount, network, IPC and UTS namespaces, no capabilities, no further user
namespaces, a seccomp filter. What bubblewrap has not is added: a user of its own and a control group (as root), limits
on bytes and inodes, CPU time and memory of the whole tree. Needs `bwrap` 0.8 (Debian: `apt-get install bubblewrap`).

Covered: files, network, other processes, privileges, memory of the whole tree, process count, disk, time, output.
Not covered: no Landlock; the kernel itself is shared, as in a container; timing side channels; where no control group
is writable, memory is watched every 50 ms rather than held.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentrl.errors import SandboxError, UsageError
from agentrl.programs import PROTECTIONS, Capabilities, Command, Driver, Files, Limits, Program, check_path
from agentrl.sandbox import Process, Sandbox, Session, require
from agentrl.sandboxes import _seccomp
from agentrl.sandboxes._cgroup import Group
from agentrl.sandboxes._host import ENVIRONMENT, driver_path, rlimits, snapshot
from agentrl.sandboxes._running import Exit, Handle, Running

_HERE = Path(__file__).resolve().parent
_START = """
import sys, types
folder = sys.argv[1]
for name, path in {"agentrl": "", "agentrl.sandboxes": folder, "agentrl.sandboxes.zygote": folder + "/zygote"}.items():
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [path]
from agentrl.sandboxes._bwrap_launcher import main
main(int(sys.argv[2]))
"""
"""The launcher imports its few files by their names, but not the package around them, which would load much more."""

_FIRST_UID, _UIDS = 0x71000000, 0x1000000
"""Users of boxes: beyond those of people, services, containers, and of the `zygote` back end."""

_NEVER = {"landlock": "bubblewrap does not use it"}
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
_INIT = "/run/box"
_ANSWER_S = 30.0
"""How long the launcher and bwrap may take before the machine is blamed."""


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
        unknown = sorted(set(pretend_missing) - PROTECTIONS)
        if unknown:
            raise UsageError(f"no protection {unknown[0]!r}; known: {', '.join(sorted(PROTECTIONS))}")
        self._path = _site_packages(modules)
        self._launcher = _Launcher()
        self._program = program
        self._boxes = 0
        missing = {name: "it was asked to be missing" for name in pretend_missing}
        self._filter = b""
        if "syscalls" not in missing:
            try:
                self._filter = _seccomp.program()
            except LookupError as error:
                missing["syscalls"] = str(error)
        if not self._launcher.root:
            missing.setdefault("private_uid", "only root can give a box a user of its own")
        claimed = PROTECTIONS - set(missing) - set(_NEVER)
        super().__init__(Capabilities("bwrap", 3, claimed, missing), concurrency=concurrency)

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        """Start a box."""
        limits = limits or Limits()
        self._boxes += 1
        uid = _FIRST_UID + (os.getpid() * 4099 + self._boxes) % _UIDS
        spec = {
            "argv": arguments(self._program, self._path, "FILTER" if self._filter else ""),
            "binds": {name: path for name, path, _ in _views(self._path)},
            "folders": {
                "box": f"size={limits.disk_mib}m,nr_inodes={limits.inodes}",
                "tmp": f"size={limits.disk_mib}m,nr_inodes={limits.inodes}",
                "shm": f"size={limits.disk_mib}m,nr_inodes=64",
                "init": "size=8m,nr_inodes=64",
            },
            "files": {f"init/{name}": (_HERE / name).read_bytes() for name in ("_bwrap_init.py", "_boot.py")},
            "memory_mib": limits.memory_mib,
            "processes": limits.processes,
            "seccomp": self._filter,
            "uid": uid,
        }
        session = _Session(self._launcher, spec, self.capabilities, limits)
        try:
            session.write(files or {})
        except (SandboxError, UsageError):
            session.close()
            raise
        return session

    def prove(self) -> None:
        """Look from inside at what the kernel says of a box.

        Raises:
            SandboxError: It is not what is claimed.
        """
        with self.session() as session:
            result = session.run(Command(("cat", "/proc/self/status", "/proc/net/dev", "/proc/mounts")))
        text = result.stdout.decode(errors="replace")
        wanted = ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", " /box tmpfs rw,", " / tmpfs ro,"]
        wanted += ["Seccomp:\t2"] if self._filter else []
        absent = [line for line in wanted if line not in text]
        if result.status != "ok" or absent or sum(":" in line for line in text.splitlines() if "eth" in line):
            raise SandboxError(f"a box of 'bwrap' is not what it claims: {result.detail or absent or result.stderr!r}")

    def close(self) -> None:
        """End the launcher, and with it every box."""
        self._launcher.close()


def arguments(program: str, path: list[str], filter_word: str) -> list[str]:
    """bwrap's command line; the launcher puts file descriptors for the words SOCKET and FILTER."""
    words = [program, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
    words += ["--as-pid-1", "--clearenv", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534", "--hostname", "box"]
    for folder in _SYSTEM:
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        else:
            words += ["--ro-bind-try", folder, folder]
    for name, _, target in _views(path):
        words += ["--ro-bind", f"/tmp/{name}", target]
    words += ["--proc", "/proc", "--dev", "/dev", "--bind", "/tmp/shm", "/dev/shm", "--remount-ro", "/dev"]
    words += ["--bind", "/tmp/box", "/box", "--bind", "/tmp/tmp", "/tmp", "--bind", "/tmp/init", _INIT]
    words += ["--chdir", "/box", "--remount-ro", "/"]
    words += ["--seccomp", filter_word] if filter_word else []
    return [*words, "--", os.path.realpath(sys.executable), "-I", "-S", f"{_INIT}/_bwrap_init.py", "SOCKET"]


def _views(path: list[str]) -> list[tuple[str, str, str]]:
    """Folders beside the system's: a name, where it lies, and where it is seen. The box's user may not reach them."""
    folders = [str(Path(sys.base_prefix).resolve()), *map(os.path.realpath, path)]
    shown = [folder for folder in dict.fromkeys(folders) if not folder.startswith("/usr/") and folder != "/usr"]
    return [(f"view{i}", folder, folder) for i, folder in enumerate(shown)]


def _site_packages(modules: tuple[str, ...]) -> list[str]:
    import importlib.util

    for name in modules:
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"the module {name!r} is not installed here, so that no box can see it")
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")] if modules else []
    return list(dict.fromkeys(found))


class _Launcher:
    """The process that makes boxes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_HERE), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env=dict(ENVIRONMENT),
                start_new_session=True,
            )
        message = _receive(self._control)[0]
        if not message:
            self.close()
            raise SandboxError("the launcher of the sandbox 'bwrap' ended at once")
        import json

        facts = json.loads(message)
        self.cgroup, self.root = bool(facts["cgroup"]), bool(facts["root"])

    def box(self, spec: Mapping[str, Any], trainer: socket.socket, trouble: int) -> None:
        """Have a box made that talks over `trainer`."""
        memory = _memory(spec)
        try:
            with self._lock:
                socket.send_fds(self._control, [b"box"], [memory, trainer.fileno(), trouble])
        except OSError as error:
            raise SandboxError(f"the launcher of the sandbox 'bwrap' has ended: {error}") from error
        finally:
            os.close(memory)

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        with self._lock:
            self._control.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class _Session(Session):
    def __init__(self, launcher: _Launcher, spec: dict[str, Any], box: Capabilities, limits: Limits) -> None:
        self.capabilities, self.limits = box, limits
        self._launcher = launcher
        self._path = [target for _, _, target in _views([])][:0]
        self._uid = int(spec["uid"]) if launcher.root else os.geteuid()
        self._programs = 0
        self._folder = -1
        self._group: Group | None = None
        self._running: _Program | None = None
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ended, trouble = os.pipe()  # bwrap's stderr: what went wrong, and its end
        with theirs:
            try:
                launcher.box(spec, theirs, trouble)
            finally:
                os.close(trouble)
        staged, fds = _receive(self._socket)
        if staged:
            self._folder = fds[0]
            if len(fds) == 3:
                self._group = Group(1 if fds[1] != fds[2] else 2, fds[1], fds[2])
        if not staged or not _receive(self._socket)[0]:
            reason = _read_all(self._ended).decode(errors="replace").strip()
            self.close()
            raise SandboxError(f"a box of 'bwrap' could not be made: {reason[-500:] or 'no reason given'}")

    def close(self) -> None:
        pass
