"""The kernel's calls that Python does not wrap, by ctypes: namespaces, mounts, capabilities, Landlock, seccomp.

Each raises `OSError` with the call's name. The standard library alone: the launcher imports it. Sources: `man 2 mount`,
`man 2 mount_setattr`, `man 7 landlock`, `man 7 capabilities`, and the kernel's headers for the numbers, which are the
same on x86_64 and aarch64 from 424 on.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

__all__ = [
    "CLONE_NEWIPC",
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "bind",
    "die_with_parent",
    "drop_capabilities",
    "has_sysadmin",
    "landlock_abi",
    "landlock_restrict",
    "landlock_rules",
    "map_user",
    "mount",
    "no_new_privileges",
    "pivot",
    "read_only",
    "seccomp",
    "set_dumpable",
    "setns",
    "unshare",
]

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 28, 38, 47
_SECUREBITS = 0xEF  # root means nothing, no set-uid fix-up, no kept or ambient capabilities; all of it locked
_SYS = {
    "x86_64": {"pivot_root": 155, "capset": 126},
    "aarch64": {"pivot_root": 41, "capset": 91},
}.get(platform.machine(), {})
_SYS_MOUNT_SETATTR, _SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446
_CAP_SYS_ADMIN = 21

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def _syscall(name: str, number: int, *words: int | bytes | None) -> int:
    arguments = [w if w is None or isinstance(w, bytes) else ctypes.c_long(w) for w in words]
    return _call(name, _libc.syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones."""
    _call("unshare", _libc.unshare(flags))


def setns(fd: int, kind: int) -> None:
    """Join a namespace."""
    _call("setns", _libc.setns(fd, kind))


def map_user(inside: int, outside: int, group_inside: int, group_outside: int) -> None:
    """Give one user and one group a name in this process's new user namespace."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside} 1"),
        ("gid_map", f"{group_inside} {group_outside} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """`man 2 mount`."""
    words = [source.encode(), target.encode(), kind.encode() if kind else None]
    _call(f"mount {target}", _libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None))


def bind(source: str, target: str) -> None:
    """Show a folder or a file, and what is mounted below it, in another place."""
    mount(source, target, None, MS_BIND | MS_REC)


def read_only(target: str, *, below: int = _AT_RECURSIVE, devices: int = _ATTR_NODEV) -> None:
    """Make a mount, and those below it unless `below` is 0, read-only, without set-uid programs or devices."""
    attr = struct.pack("QQQQ", _ATTR_RDONLY | _ATTR_NOSUID | devices, 0, 0, 0)
    words = (ctypes.c_long(_AT_FDCWD), target.encode(), ctypes.c_uint(below), attr, ctypes.c_size_t(len(attr)))
    _call(f"mount_setattr {target}", _libc.syscall(ctypes.c_long(_SYS_MOUNT_SETATTR), *words))


def pivot(root: str) -> None:
    """Make a mount the root of this mount namespace, and let go of the old one."""
    os.chdir(root)
    _syscall("pivot_root", _SYS["pivot_root"], b".", b".")
    _call("umount2", _libc.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def _prctl(name: str, option: int, first: int = 0, second: int = 0) -> None:
    words = (ctypes.c_ulong(first), ctypes.c_ulong(second), ctypes.c_ulong(0), ctypes.c_ulong(0))
    _call(name, _libc.prctl(option, *words))


def die_with_parent() -> None:
    """Be killed when the thread that forked this process ends."""
    _prctl("PR_SET_PDEATHSIG", _PR_SET_PDEATHSIG, 9)


def set_dumpable(value: int) -> None:
    """Whether others of this user may trace it; 1 is needed to write its own user map."""
    _prctl("PR_SET_DUMPABLE", _PR_SET_DUMPABLE, value)


def no_new_privileges() -> None:
    """No set-uid program gives anything from here on."""
    _prctl("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS, 1)


def has_sysadmin() -> bool:
    """Whether this process may make namespaces without a user namespace."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("CapEff:"))
    return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)


def drop_capabilities() -> None:
    """Give up every capability, for this process and all it will ever execute."""
    _prctl("PR_CAP_AMBIENT", _PR_CAP_AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL
    for capability in range(64):
        try:
            _prctl("PR_CAPBSET_DROP", _PR_CAPBSET_DROP, capability)
        except OSError:  # the kernel has no more of them
            break
    _prctl("PR_SET_SECUREBITS", _PR_SET_SECUREBITS, _SECUREBITS)
    header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)
    _syscall("capset", _SYS["capset"], header, nothing)


def seccomp(program: bytes) -> None:
    """Install a filter (`sandboxes/_seccomp.py`) on this process and all it starts; needs `no_new_privileges`."""
    code = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    holder = ctypes.create_string_buffer(fprog, len(fprog))
    _prctl("PR_SET_SECCOMP", _PR_SET_SECCOMP, 2, ctypes.addressof(holder))


def landlock_abi() -> int:
    """The version of Landlock; 0 where the kernel has none."""
    version: int = _libc.syscall(ctypes.c_long(_SYS_LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(1))
    return max(0, version)


_FS_EXECUTE, _FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR, _FS_TRUNCATE, _FS_IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15


def landlock_rules(readable: tuple[str, ...], writable: tuple[str, ...]) -> int:
    """A rule set: everything that Landlock can refuse is refused, but for reading and for writing below these paths.

    From ABI 4 on TCP is refused, from 6 on abstract sockets out of the domain. (Signals are left to the pid namespace:
    the runs of a session are domains of their own, and may signal each other's processes.)

    Returns:
        Its file descriptor, for `landlock_restrict`.
    """
    abi = landlock_abi()
    files = (1 << 13) - 1 | (1 << 13 if abi >= 2 else 0) | (_FS_TRUNCATE if abi >= 3 else 0)
    files |= _FS_IOCTL if abi >= 5 else 0
    fields = [files, 3 if abi >= 4 else 0, 1 if abi >= 6 else 0]
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attr = struct.pack("QQQ", *fields)[:size]
    ruleset = _syscall("landlock_create_ruleset", _SYS_LANDLOCK_CREATE, attr, size, 0)
    read = _FS_EXECUTE | _FS_READ_FILE | _FS_READ_DIR
    one_file = _FS_EXECUTE | _FS_WRITE_FILE | _FS_READ_FILE | _FS_TRUNCATE | _FS_IOCTL
    for path, access in [(p, read) for p in readable] + [(p, files & ~_FS_IOCTL) for p in writable]:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = access if os.path.isdir(path) else access & one_file
            _syscall("landlock_add_rule", _SYS_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", allowed & files, fd), 0)
        finally:
            os.close(fd)
    return ruleset


def landlock_restrict(ruleset: int) -> None:
    """Put this process, and all it starts, under a rule set; needs `no_new_privileges`."""
    _syscall("landlock_restrict_self", _SYS_LANDLOCK_RESTRICT, ruleset, 0)
