from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from agentrl.sandboxes import _seccomp

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
X86, ARM = 0xC000003E, 0xC00000B7


def decide(machine: str, arch: int, number: int, *arguments: int, also: tuple[str, ...] = ()) -> int:
    """Run the filter as the kernel would: a classic-BPF machine with one register."""
    words = (*arguments, 0, 0)[:2]
    data = struct.pack("<IIQQQ", number, arch, 0, *words)
    code = list(struct.iter_unpack("HBBI", _seccomp.program(machine, also=also)))
    at, value = 0, 0
    while True:
        op, yes, no, constant = code[at]
        if op == 0x20:
            value, step = struct.unpack_from("<I", data, constant)[0], 0
        elif op == 0x06:
            return int(constant)
        else:
            test = {0x15: value == constant, 0x25: value > constant, 0x35: value >= constant, 0x45: value & constant}
            step = yes if test[op] else no
        at += 1 + step


@pytest.mark.parametrize(
    ("machine", "arch", "number", "arguments", "want"),
    [
        ("x86_64", X86, 0, (), ALLOW),  # read
        ("x86_64", X86, 59, (), ALLOW),  # execve
        ("x86_64", X86, 101, (), EPERM),  # ptrace
        ("x86_64", X86, 435, (), ENOSYS),  # clone3
        ("x86_64", X86, 451, (), ENOSYS),  # newer than the list
        ("x86_64", X86, 56, (17,), ALLOW),  # clone as fork does
        ("x86_64", X86, 56, (17 | 0x10000000,), EPERM),  # clone with a user namespace
        ("x86_64", X86, 41, (1,), ALLOW),  # socket(AF_UNIX)
        ("x86_64", X86, 41, (2,), EPERM),  # socket(AF_INET)
        ("x86_64", X86, 53, (1,), ALLOW),  # socketpair(AF_UNIX)
        ("x86_64", X86, 53, (16,), EPERM),  # socketpair(AF_NETLINK)
        ("x86_64", X86, 302, (0,), ALLOW),  # prlimit of itself
        ("x86_64", X86, 302, (1,), EPERM),  # prlimit of another
        ("x86_64", X86, 157, (4, 0), EPERM),  # prctl(PR_SET_DUMPABLE)
        ("x86_64", X86, 157, (15,), ALLOW),  # prctl(PR_SET_NAME)
        ("x86_64", X86, 46, (), ALLOW),  # sendmsg
        ("aarch64", ARM, 261, (7,), EPERM),
        ("x86_64", X86, 16, (0, 0x5401), ALLOW),  # ioctl TCGETS
        ("x86_64", X86, 16, (0, 0x5412), EPERM),  # ioctl TIOCSTI
        ("x86_64", X86, 0x40000000, (), KILL),  # x32
        ("x86_64", 0x40000003, 1, (), KILL),  # i386
        ("aarch64", ARM, 117, (), EPERM),  # ptrace
        ("aarch64", ARM, 198, (10,), EPERM),  # socket(AF_INET6)
        ("aarch64", ARM, 63, (), ALLOW),  # read
        ("aarch64", X86, 63, (), KILL),
    ],
)
def test_decisions(machine: str, arch: int, number: int, arguments: tuple[int, ...], want: int) -> None:
    assert decide(machine, arch, number, *arguments) == want


def test_calls_that_pass_descriptors_are_refused_where_asked() -> None:
    assert decide("x86_64", X86, 46, also=_seccomp.SENDING) == EPERM
    assert decide("x86_64", X86, 307, also=_seccomp.SENDING) == EPERM


def test_other_machines_are_refused() -> None:
    with pytest.raises(LookupError, match="riscv64"):
        _seccomp.program("riscv64")


@pytest.mark.parametrize(
    ("header", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)],
)
def test_numbers_are_those_of_the_kernels_headers(header: str, column: int) -> None:
    path = Path(header)
    if not path.exists():
        pytest.skip(f"{header} is not installed (linux-libc-dev)")
    found = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text())}
    calls = {**_seccomp._CALLS, **_seccomp._SENDING}
    ours = {name: pair[column] for name, pair in calls.items() if pair[column] is not None}
    assert len(ours) > 60
    assert {name: found[name] for name in ours} == ours
