"""The seccomp filter of a box, compiled to classic BPF by hand: which doors of the kernel stay shut.

A deny list with a ceiling: calls newer than the list are refused as if the kernel did not have them, the listed ones
fail, and a call through a foreign architecture (32-bit, x32) kills the process. The standard library alone, because the
launcher imports it.

Source: `man 2 seccomp`, `linux/bpf_common.h`; numbers from `asm/unistd_64.h` and `asm-generic/unistd.h` (Linux 6.1).
"""

from __future__ import annotations

import errno
import platform
import struct

__all__ = ["AF_UNIX", "DENIED", "NAMESPACES", "SENDING", "TIOCLINUX", "TIOCSTI", "program"]

# name: (x86_64, aarch64); None where the architecture has no such call.
_CALLS: dict[str, tuple[int, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # namespaces and mounts
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    # wide doors into the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    # what all of a user's processes, or the whole host, have in common
    "io_setup": (206, 0),
    "io_destroy": (207, 1),
    "io_submit": (209, 2),
    "io_cancel": (210, 3),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "sync": (162, 81),
    "syncfs": (306, 267),
    # the machine
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # a bell between boxes, on files that both can read
    "flock": (73, 32),
    # memory that no count of resident pages sees
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
}
DENIED: tuple[str, ...] = tuple(_CALLS)
"""Calls that fail with EPERM. Beside them: `clone3` (ENOSYS), `clone` with a namespace flag, sockets that are not of
the family AF_UNIX, the terminal requests TIOCSTI and TIOCLINUX, limits of another process, and being undumpable (which
would hide a process from whoever counts its memory)."""

SENDING: tuple[str, ...] = ("sendmsg", "sendmmsg")
"""Calls that can pass descriptors: refused where programs run as the caller's own user, whose count of descriptors on
their way they would use up."""
_SENDING = {"sendmsg": (46, 211), "sendmmsg": (307, 269)}

_NEWEST = 450
_ARCHES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_CLONE, _CLONE3, _SOCKET, _SOCKETPAIR, _IOCTL = (56, 220), (435, 435), (41, 198), (53, 199), (16, 29)
_PRLIMIT, _PRCTL = (302, 261), (157, 167)
NAMESPACES = 0x7E020000 | 0x80  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
AF_UNIX, TIOCSTI, TIOCLINUX, _PR_SET_DUMPABLE = 1, 0x5412, 0x541C, 4

_LOAD, _EQUAL, _ABOVE, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24  # offsets in struct seccomp_data; the low words of the arguments
_ALLOW, _KILL = 0x7FFF0000, 0x80000000


def program(machine: str = "", *, also: tuple[str, ...] = ()) -> bytes:
    """The filter as an array of `struct sock_filter`, 8 bytes each.

    Args:
        machine: "x86_64" or "aarch64"; default: this host's.
        also: Names of `SENDING` to refuse as well.

    Raises:
        LookupError: There is no list of call numbers for this architecture.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHES:
        raise LookupError(f"no list of call numbers for {machine!r}; there is one for {', '.join(_ARCHES)}")
    arch, column = _ARCHES[machine]
    code = [_check(_ARCH, _EQUAL, arch, otherwise=_KILL), (_LOAD, 0, 0, _NR)]
    if machine == "x86_64":
        code.append([(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)])  # x32
    code.append([(_ABOVE, 0, 1, _NEWEST), (_RETURN, 0, 0, _refuse(errno.ENOSYS))])
    code.append([(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _refuse(errno.ENOSYS))])
    numbers = [pair[column] for pair in (*_CALLS.values(), *(_SENDING[name] for name in also))]
    code.extend([(_EQUAL, 0, 1, n), (_RETURN, 0, 0, _refuse(errno.EPERM))] for n in numbers if n is not None)
    code.append(_argument(_CLONE[column], _ARG0, [(_ANY_BIT, NAMESPACES)]))
    code.append(_argument(_IOCTL[column], _ARG1, [(_EQUAL, TIOCSTI), (_EQUAL, TIOCLINUX)]))
    code.append(_argument(_PRCTL[column], _ARG0, [(_EQUAL, _PR_SET_DUMPABLE)]))
    for call, value in ((_PRLIMIT, 0), (_SOCKET, AF_UNIX), (_SOCKETPAIR, AF_UNIX)):
        code.append(_only(call[column], value))
    code.append((_RETURN, 0, 0, _ALLOW))
    flat = [line for part in code for line in (part if isinstance(part, list) else [part])]
    return b"".join(struct.pack("HBBI", *line) for line in flat)


_Line = tuple[int, int, int, int]


def _check(offset: int, test: int, value: int, *, otherwise: int) -> list[_Line]:
    return [(_LOAD, 0, 0, offset), (test, 1, 0, value), (_RETURN, 0, 0, otherwise)]


def _argument(call: int, offset: int, refused: list[tuple[int, int]]) -> list[_Line]:
    """Refuse one call where a word of its arguments meets any of the tests; the number is loaded again afterwards."""
    tests = [line for test, value in refused for line in ((test, 0, 1, value), (_RETURN, 0, 0, _refuse(errno.EPERM)))]
    body: list[_Line] = [(_LOAD, 0, 0, offset), *tests, (_LOAD, 0, 0, _NR)]
    return [(_EQUAL, 0, len(body), call), *body]


def _only(call: int, value: int) -> list[_Line]:
    """Refuse one call unless its first argument is a value."""
    refused = (_RETURN, 0, 0, _refuse(errno.EPERM))
    return [(_EQUAL, 0, 4, call), (_LOAD, 0, 0, _ARG0), (_EQUAL, 1, 0, value), refused, (_LOAD, 0, 0, _NR)]


def _refuse(error: int) -> int:
    return 0x00050000 | error
