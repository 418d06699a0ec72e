"""The launcher: one single-threaded interpreter that forks a fresh box for every session.

Three generations, each closed off from the next:

    trainer ── keeper            waits, and clears the control groups away at the end
                 └─ launcher     pid 1 of its own pid namespace, its root a read-only tree; forks, never reads a payload
                      └─ box     pid 1 of a box: mounts, limits, watches, kills (`box.py`)
                           └─ program

If the trainer ends, the launcher sees its socket hang up and ends; the kernel then kills everything in its pid
namespace. If the launcher is killed, the same happens, and the trainer starts another.

Runs in an interpreter of its own (`_alone.py`); `main` returns only in a program's process, with what that process is
to run.
"""

from __future__ import annotations

import functools
import gc
import importlib
import os
import signal
import site
import socket
import sys
from collections.abc import Callable
from typing import Any

from agentrl.sandboxes import _cgroup
from agentrl.sandboxes import _kernel as kernel
from agentrl.sandboxes._slots import Slots
from agentrl.sandboxes._wire import payload, say
from agentrl.sandboxes._zygote import box

__all__ = ["main"]

_PRELOADED = (
    *("atexit", "bisect", "collections", "copy", "functools", "heapq", "itertools", "linecache", "math", "operator"),
    *("random", "re", "string", "threading", "traceback", "typing"),
)
"""What most programs import, and what the box itself needs after it has no files to import from."""

_DEVICES = ("null", "zero", "full", "random", "urandom")
Become = Callable[[], None]


def main(control_fd: str) -> Become | None:
    """Set up, say so, then serve until the trainer hangs up.

    Returns:
        In a program's process, what to run; else None.
    """
    os.environ.pop("PYTHONHASHSEED", None)  # it has done its work; a program's own children hash as they like
    control = socket.socket(fileno=int(control_fd))
    control.set_inheritable(False)
    message, fds, _, _ = socket.recv_fds(control, 16, 1)
    if not message:
        os._exit(0)
    config = payload(fds[0])
    missing: dict[str, str] = dict.fromkeys(config["pretend_missing"], "it was asked to be missing")
    try:
        # "cgroup" is no protection, so that only tests can name it.
        groups = None if "cgroup" in config["pretend_missing"] else _cgroup.Groups.make()
        privileged = kernel.has_sysadmin()
        if not privileged:
            user, group = os.geteuid(), os.getegid()
            kernel.unshare(kernel.CLONE_NEWUSER)
            kernel.map_user(0, user, 0, group)
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = os.fork()
    except OSError as error:
        say(control, {"error": f"namespaces cannot be made here: {error}", "missing": missing})
        return None
    if pid:
        control.close()
        _, status = os.waitpid(pid, 0)
        if groups is not None:
            groups.remove()
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    return _launcher(control, config, groups, missing, "root" if privileged else "user")


def _launcher(
    control: socket.socket, config: dict[str, Any], groups: _cgroup.Groups | None, missing: dict[str, str], mode: str
) -> Become | None:
    kernel.die_with_parent()
    try:
        _preload(config)
        _private_root(config)
    except (OSError, ImportError) as error:
        say(control, {"error": f"the box's root cannot be built: {error}", "missing": missing})
        return None
    _check_locks(config, missing)
    settings = box.Settings(
        mode=mode,
        first_uid=config["first_uid"],
        seccomp=b"" if "syscalls" in missing else config["seccomp"][mode],
        landlock="landlock" not in missing,
        network="network" not in missing,
    )
    say(control, {"missing": missing, "mode": mode, "cgroup": groups.version if groups else 0})
    gc.collect()
    gc.freeze()  # the forks' collector does not touch, and so does not copy, what is here now
    return _serve(control, settings, groups)


def _serve(control: socket.socket, settings: box.Settings, groups: _cgroup.Groups | None) -> Become | None:
    """Fork a box for every socket that arrives, until the trainer hangs up."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    # A pid 1 is safe from signals of its own namespace, but only from those that it has no handler for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    slots = Slots(control)
    while (fds := slots.request(1)) is not None:
        slot = slots.free()
        try:
            group = groups.slot(slot) if groups is not None else None
            # A process cannot unshare its children's pid namespace twice, unless it has gone back to its own.
            kernel.setns(own, kernel.CLONE_NEWPID)
            kernel.unshare(kernel.CLONE_NEWPID)
            pid = os.fork()
        except OSError as error:
            _refuse(fds[0], f"no box can be made: {error}")
            continue
        if pid == 0:
            slots.leave()
            return box.main(socket.socket(fileno=fds[0]), settings, slot, group)
        for fd in (*fds, *(group.fds if group else ())):
            os.close(fd)
        slots.take(slot, pid)
    os._exit(0)


def _refuse(fd: int, reason: str) -> None:
    with socket.socket(fileno=fd) as answer:
        say(answer, {"error": reason})


def _preload(config: dict[str, Any]) -> None:
    sys.path[:0] = config["path"]
    for name in (*_PRELOADED, *config["modules"], *config["drivers"]):
        importlib.import_module(name)
    site.setquit()  # `exit` and `quit`, which -S leaves out


def _private_root(config: dict[str, Any]) -> None:
    """Leave the host's files: a tmpfs with read-only views of what an interpreter needs."""
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNET)
    socket.sethostname("box")
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    sources = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in config["binds"] if os.path.isdir(path)}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC) for name in _DEVICES}
    links = {path: os.readlink(path) for path in config["binds"] if os.path.islink(path)}
    root = "/tmp"  # hidden from here on; what is needed below it is held by a descriptor
    kernel.mount("root", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=755")
    for folder in ("box", "tmp", "proc", "dev", "dev/shm", "etc"):
        os.mkdir(f"{root}/{folder}")
    for path, fd in sorted(sources.items()):
        if path in links:
            continue
        os.makedirs(root + path, exist_ok=True)
        kernel.bind(f"/proc/self/fd/{fd}", root + path)
        kernel.read_only(root + path)
        os.close(fd)
    for path, target in links.items():
        os.symlink(target, root + path)
    for name, fd in devices.items():
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        kernel.bind(f"/proc/self/fd/{fd}", f"{root}/dev/{name}")
        os.close(fd)
    for name, target in {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        os.symlink(target, f"{root}/dev/{name}")
    for name, text in config["etc"].items():
        with open(f"{root}/etc/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    kernel.mount("proc", f"{root}/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    kernel.pivot(root)
    kernel.read_only("/", below=0)


def _check_locks(config: dict[str, Any], missing: dict[str, str]) -> None:
    """Find out, in a process that is thrown away, whether the locks that every program gets can be had."""
    locks: dict[str, Callable[[], None]] = {
        "landlock": box.try_landlock,
        "syscalls": functools.partial(box.try_seccomp, config["seccomp"]["user"]),
    }
    for name, lock in locks.items():
        if name in missing:
            continue
        pid = os.fork()
        if pid == 0:
            try:
                lock()
            except OSError:
                os._exit(1)
            os._exit(0)
        if os.waitpid(pid, 0)[1] != 0:
            missing[name] = "this kernel refuses it"
