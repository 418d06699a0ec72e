"""Makes what bubblewrap cannot: a box's control group, its user, and file systems with a limit on inodes as well.

One process a sandbox, beside the trainer. For every box it forks; the child enters a control group, leaves the host's
mounts, mounts the box's folders, gives up root where it has it, and becomes `bwrap`. When the trainer ends, its socket
hangs up: then every box dies with this process (`--die-with-parent`), and their control groups are removed.

The standard library, and files of the kit that need no more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from typing import Any, Literal

from agentrl.sandboxes import _cgroup
from agentrl.sandboxes import _kernel as kernel
from agentrl.sandboxes._slots import Slots
from agentrl.sandboxes._wire import payload, say

__all__ = ["main"]

_END_S = 5.0
Mode = Literal["root", "user"]
_STAGE = "/tmp"
"""Hidden in the child's own mounts by a tmpfs with the box's folders; what lies below it is reached before."""


def main(control_fd: str) -> None:
    """Say what this host gives, then make a box for every message, until the trainer hangs up."""
    control = socket.socket(fileno=int(control_fd))
    control.set_inheritable(False)
    groups = _cgroup.Groups.make()
    privileged = kernel.has_sysadmin()
    say(control, {"cgroup": groups.version if groups else 0, "root": privileged})
    _serve(control, groups, "root" if privileged else "user")
    # A box's processes are killed by now, but its group cannot go before they have.
    deadline = time.monotonic() + _END_S
    while groups is not None and any(map(os.path.exists, groups.folders)) and time.monotonic() < deadline:
        groups.remove()
        time.sleep(0.005)


def _serve(control: socket.socket, groups: _cgroup.Groups | None, mode: Mode) -> None:
    slots = Slots(control)
    while (fds := slots.request(3)) is not None:
        slot = slots.free()
        group = None
        with contextlib.suppress(OSError):  # then the box's own watch must do
            group = groups.slot(slot) if groups else None
        try:
            pid = os.fork()
        except OSError as error:  # its own trouble, and not that of the boxes that there are
            os.write(fds[2], str(error).encode())
        else:
            if pid == 0:
                slots.leave()
                _box(fds, group, mode)
            slots.take(slot, pid)
        for fd in (*fds, *(group.fds if group else ())):
            os.close(fd)
    for pid in slots.pids:
        os.kill(pid, signal.SIGKILL)
    for pid in slots.pids:
        os.waitpid(pid, 0)


def _box(fds: list[int], group: _cgroup.Group | None, mode: Mode) -> None:
    """In the child: become bwrap, or tell why not on the third descriptor, which is bwrap's stderr."""
    memory, trainer, trouble = fds
    try:
        os.dup2(trouble, 2)
        spec = payload(memory)
        if group is not None:
            group.limit(*spec["group"])
            group.enter()
        uid = spec["uid"] if mode == "root" else 0  # 0 there is the caller
        _stage(spec, uid, mode, trainer, group)
        if mode == "root":
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        _become(spec["argv"], trainer)
    except OSError as error:
        os.write(2, str(error).encode())
    os._exit(1)


def _stage(spec: dict[str, Any], uid: int, mode: Mode, trainer: int, group: _cgroup.Group | None) -> None:
    """Own mounts, with the box's folders below `_STAGE`; the trainer gets a descriptor of its working folder."""
    if mode == "user":
        user, gid = os.geteuid(), os.getegid()
        kernel.unshare(kernel.CLONE_NEWUSER)
        kernel.map_user(0, user, 0, gid)
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    seen = {name: os.open(path, os.O_PATH | os.O_CLOEXEC) for name, path in spec["binds"].items()}
    kernel.mount("stage", _STAGE, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=256k,mode=755")
    for name, fd in seen.items():
        os.mkdir(f"{_STAGE}/{name}")
        kernel.bind(f"/proc/self/fd/{fd}", f"{_STAGE}/{name}")
    for name, size in spec["folders"].items():
        os.mkdir(f"{_STAGE}/{name}")
        data = f"{size},mode=700,uid={uid},gid={uid}"
        kernel.mount("box", f"{_STAGE}/{name}", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, data)
    for path, content in spec["files"].items():
        with open(f"{_STAGE}/{path}", "wb") as file:
            file.write(content)
        os.chmod(f"{_STAGE}/{path}", 0o444)
    box = os.open(f"{_STAGE}/box", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with socket.socket(fileno=os.dup(trainer)) as socket_:
        say(socket_, {"staged": True}, (box, *(group.fds if group else ())))


def _become(argv: list[str], trainer: int) -> None:
    os.dup2(trainer, trainer, inheritable=True)
    words = [str(trainer) if word == "SOCKET" else word for word in argv]
    os.execve(words[0], words, {})
