"""Probes 20, 21 and 23 to 25: the kernel's rarer doors, and what only a privileged user may do.

Each call is made with arguments that fail, or change nothing, where the door is open: its error tells the two apart.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping

from agentrl.probes.core import DENIED, Context, ProbeSkipped, fail_if, probe

_NEW_USER, _NEW_NS = 0x10000000, 0x00020000

_CALLS: Mapping[str, tuple[int, int, list[int | str | None]]] = {  # x86_64, aarch64 and the like, arguments
    "unshare(user)": (272, 97, [_NEW_USER]),
    "unshare(mount)": (272, 97, [_NEW_NS]),
    "clone(user)": (56, 220, [_NEW_USER | 17, 0, 0, 0, 0]),
    "clone3": (435, 435, [0, 0]),
    "setns": (308, 268, [0, 0]),
    "mount": (165, 40, ["none", "/tmp", "agentrl-no-such-type", 0, None]),
    "umount2": (166, 39, ["/nowhere/at/all", 2]),
    "pivot_root": (155, 41, [".", "."]),
    "chroot": (161, 51, ["/"]),
    "fsopen": (430, 430, ["agentrl-no-such-type", 0]),
    "open_tree": (428, 428, [-100, "/", 1]),
    "mount_setattr": (442, 442, [-100, "/", 0, None, 0]),
    "bpf": (321, 280, [5, None, 0]),
    "keyctl": (250, 219, [0, -3, 0]),
    "add_key": (248, 217, ["user", "agentrl", "x", 1, -2]),
    "userfaultfd": (323, 282, [1]),
    "io_uring_setup": (425, 425, [1, None]),
    "perf_event_open": (298, 241, [None, 0, -1, -1, 0]),
    "open_by_handle_at": (304, 265, [-100, None, 0]),
    "name_to_handle_at": (303, 264, [-100, ".", None, None, 0]),
    "kexec_load": (246, 104, [0, 17, None, 0]),
    "init_module": (175, 105, [None, 0, ""]),
    "finit_module": (313, 273, [-1, "", 0]),
    "quotactl": (179, 60, [0x800003 << 8, None, 0, None]),
    "personality": (135, 92, [0x0040000]),
    "swapoff": (168, 225, ["/nowhere/at/all"]),
    "acct": (163, 89, ["/nowhere/at/all"]),
    "syslog": (103, 116, [10, None, 0]),
    "ptrace own child": (101, 117, [0, 0, None, None]),
    "process_vm_readv self": (310, 270, ["pid", None, 0, None, 0, 0]),
    "process_vm_writev self": (311, 271, ["pid", None, 0, None, 0, 0]),
}


def _numbers() -> dict[str, tuple[int, list[int | str | None]]]:
    x86 = platform.machine() == "x86_64"
    return {name: (old if x86 else new, words) for name, (old, new, words) in _CALLS.items()}


@probe(20, "syscalls")
def rare_calls(context: Context) -> None:
    """Unshare, mount, change the root, load programs into the kernel, trace."""
    source = """
def word(value):
    return os.getpid() if value == "pid" else ctypes.c_char_p(value.encode()) if isinstance(value, str) else value
tell(**{name: syscall(number, *map(word, words)) for name, (number, words) in given.items()})
"""
    got = context.facts(source, _numbers())
    open_doors = {name: said for name, said in got.items() if said not in DENIED - {"ENOENT"}}
    fail_if(open_doors, f"not denied: {open_doors}")


@probe(20, "syscalls")
def foreign_sockets(context: Context) -> None:
    """Open sockets of rare families: netlink, packets, raw, vsock, the kernel's ciphers."""
    source = """
families = {"netlink": (16, 3, 0), "packet": (17, 3, 0), "raw": (2, 3, 1), "vsock": (40, 1, 0), "alg": (38, 5, 0),
            "bluetooth": (31, 3, 1), "tipc": (30, 1, 0)}
tell(**{name: attempt(lambda: socket.socket(*words).close()) for name, words in families.items()})
"""
    got = context.facts(source)
    made = [name for name, said in got.items() if said == "done"]
    fail_if(made, f"sockets of the family {', '.join(made)} could be made")


_STATUS = """
facts = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status") if ":" in line)
"""


@probe(21, "no_privileges")
def privileges(context: Context) -> None:
    """Have or gain a capability, become another user, by set-uid programs and LD_PRELOAD too."""
    source = (
        _STATUS
        + """
def preload():
    # The loader drops LD_PRELOAD for a program that gains privileges; here none may gain any.
    os.environ["LD_PRELOAD"] = "libc.so.6"
    os.execvp("cat", ["cat", "/proc/self/status"])
read, write = os.pipe()
if os.fork() == 0:
    os.dup2(write, 1)
    preload()
os.close(write)
after = dict(line.split(":", 1) for line in os.fdopen(read).read().splitlines() if ":" in line)
names = ("CapInh", "CapPrm", "CapEff", "CapAmb")
other = os.getuid() + 1
tell(caps={n: facts[n].strip() for n in names}, after={n: after.get(n, "0").strip() for n in names},
     no_new=facts["NoNewPrivs"].strip(), no_new_after=after.get("NoNewPrivs", "1").strip(),
     become={"setuid": attempt(os.setuid, other), "setgid": attempt(os.setgid, os.getgid() + 1),
             "setgroups": attempt(os.setgroups, [0]), "setresuid": attempt(os.setresuid, other, other, other)})
"""
    )
    facts = context.facts(source)
    for when in ("caps", "after"):
        held = {name: value for name, value in facts[when].items() if int(value, 16)}
        fail_if(held, f"capabilities {when if when == 'after' else 'held'}: {held}")
    fail_if((facts["no_new"], facts["no_new_after"]) != ("1", "1"), "set-uid programs may give privileges")
    became = {name: said for name, said in facts["become"].items() if said not in ("EPERM", "EINVAL", "ENOSYS")}
    fail_if(became, f"could become another user: {became}")


@probe(23, "syscalls")
def foreign_architecture(context: Context) -> None:
    """Make system calls of another architecture: x32, and 32-bit ones by `int 0x80`."""
    if platform.machine() != "x86_64":
        raise ProbeSkipped(f"{platform.machine()} has no such calls")
    source = """
import mmap
def int80():
    # mov eax, 20 (getpid); int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return 0 if call() > 0 else errno.ENOSYS
tell(x32=syscall(0x40000000 + 39), int80=in_child(int80))
"""
    got = context.facts(source)
    # 255: the memory for the call could not be made executable
    made = {name: said for name, said in got.items() if said not in ("killed", "ENOSYS", "EPERM", "255")}
    fail_if(made, f"calls of another architecture: {made}")


@probe(24, "syscalls")
def terminals(context: Context) -> None:
    """Push input into a terminal, open the caller's, take its job control."""
    source = """
import fcntl
TIOCSTI, TIOCLINUX, TIOCSCTTY = 0x5412, 0x541C, 0x540E
def push(fd, request):
    fcntl.ioctl(fd, request, b"x")
def terminal():
    return os.openpty()[1]
try:
    fds = [0, terminal()]
except OSError:
    fds = [0]
tell(tty=attempt(lambda: os.close(os.open("/dev/tty", os.O_RDWR))), console=attempt(lambda: open("/dev/console", "wb")),
     pushed=[attempt(push, fd, r) for fd in fds for r in (TIOCSTI, TIOCLINUX)],
     control=attempt(os.tcgetpgrp, 0), steal=attempt(lambda: fcntl.ioctl(0, TIOCSCTTY, 1)))
"""
    got = context.facts(source)
    pushed = got.pop("pushed")
    fail_if("done" in pushed, "input could be pushed into a terminal")
    fail_if(set(pushed) - DENIED, f"TIOCSTI and TIOCLINUX are not denied: {pushed}")
    had = [name for name, said in got.items() if said == "done"]
    fail_if(had, f"the caller's terminal: {', '.join(had)}")


@probe(25, "no_privileges")
def clocks_and_names(context: Context) -> None:
    """Set the clock, the host's name, a kernel setting, a priority."""
    source = """
def same(path):
    with open(path) as file:
        value = file.read()
    with open(path, "w") as file:
        file.write(value)
calls = {
    "clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME)),
    "hostname": lambda: socket.sethostname(socket.gethostname()),
    "nice": lambda: os.nice(-20),
    "realtime": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    **{path: lambda path=path: same(path) for path in (
        "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/core_pattern",
        "/sys/kernel/mm/transparent_hugepage/enabled")
    },
}
tell(**{name: attempt(call) for name, call in calls.items()})
"""
    changed = [name for name, said in context.facts(source).items() if said == "done"]
    fail_if(changed, f"could be set: {', '.join(changed)}")
