"""Programs that tried to get more than a box gives, or to make the machine take the blame; each once worked.

Runs by itself too (`python hostile.py`), so that the same can be tried as a user without privileges: prints JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from agentrl.errors import BoxError
from agentrl.programs import Limits, Python
from agentrl.sandbox import Sandbox, open_sandbox

QUICK = Limits(wall_s=3.0, cpu_s=1.0, memory_mib=64, processes=12)
ROOMY = Limits(wall_s=3.0, cpu_s=1.0, memory_mib=128, processes=12)
"""Room for a thread's stack and what it holds in the address space, which is twice as much."""
BACKGROUND = """
import os, signal, resource, time
if os.fork(): os._exit(0)
os.setsid()
for fd in (0, 1, 2): os.close(fd)
me, end = os.getpid(), time.monotonic() + 8
while time.monotonic() < end:
    for pid in range(me + 1, me + 4):
        try: {act}
        except OSError: pass
"""


def meddle(sandbox: Sandbox, act: str) -> list[Any]:
    """A process left behind meddles with the next ones of its session, from their first moment on."""
    with sandbox.session(limits=Limits(wall_s=1.0, cpu_s=8.0)) as box:
        box.run(Python(BACKGROUND.format(act=act)))
        began = time.monotonic()
        told: list[Any] = [box.run(Python("print(1)")).ran for _ in range(3)]
        try:
            box.snapshot()
            told.append("read")
        except BoxError:
            told.append("BoxError")
    told.append(time.monotonic() - began < 12)
    return told


def one(sandbox: Sandbox, source: str, limits: Limits = QUICK) -> list[Any]:
    """One run's status, the limit it met, and whether it ended in time."""
    began = time.monotonic()
    result = sandbox.run(Python(source), limits=limits)
    return [result.status, result.limit, time.monotonic() - began < limits.wall_s + 2]


def in_the_way(sandbox: Sandbox) -> list[Any]:
    """A folder where the caller then puts a file; a box that is full."""
    told: list[Any] = []
    for source in ("import os; os.mkdir('data')", "open('x', 'wb').write(bytes(2**20))"):
        with sandbox.session(limits=Limits(disk_mib=1)) as box:
            box.run(Python(source))
            try:
                box.write({"data": bytes(1000)})
            except BoxError:
                told.append("BoxError")
    return told


def hoard(sandbox: Sandbox) -> list[Any]:
    """Runs that each leave as many processes as one may have."""
    leave = "import os, time\nfor i in range(6):\n    if os.fork() == 0:\n        time.sleep(30)"
    count = "import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]))"
    with sandbox.session(limits=QUICK) as box:
        for _ in range(4):
            box.run(Python(leave + "\n    if i == 5: os._exit(0)"))
            time.sleep(0.2)
        found = box.run(Python(count))
        return [found.ran, not found.stdout or int(found.stdout) <= QUICK.processes + 3]


STORM = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        child = os.fork()
    except BlockingIOError:  # too many at a time, where cores are few: go on when some have ended
        time.sleep(0.1)
        continue
    if child == 0:
        until = time.process_time() + 0.15
        while time.process_time() < until: pass
        os._exit(0)
    time.sleep(0.1)
"""
HIDDEN = """
import ctypes, os, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
for _ in range(5):
    if os.fork() == 0:
        held = bytearray(60 << 20)
        time.sleep(2)
        os._exit(0)
time.sleep(2)
"""
SHARED = """
import mmap, os, time
for _ in range(5):
    if os.fork() == 0:
        held = mmap.mmap(-1, 60 << 20)
        for at in range(0, 60 << 20, 4096): held[at] = 1
        time.sleep(2)
        os._exit(0)
time.sleep(2)
"""
LEADERLESS = """
import ctypes, threading, time
def hold():
    time.sleep(0.2)
    held = bytearray(160 << 20)
    time.sleep(2)
threading.Thread(target=hold).start()
ctypes.CDLL(None).syscall(60, 0)
"""
FLIGHT = """
import array, socket, time
a, b = socket.socketpair()
for _ in range(50):
    a.sendmsg([b"y"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 60))])
"""

ATTACKS: dict[str, Callable[[Sandbox], list[Any]]] = {
    "stop the next": lambda s: meddle(s, "os.kill(pid, signal.SIGSTOP)"),
    "limit the next": lambda s: meddle(s, "resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))"),
    "kill the next": lambda s: meddle(s, "os.kill(pid, 9)"),
    "interrupt the box": lambda s: one(s, "import os, time; os.kill(1, 2); time.sleep(0.2)"),
    "limit the box": lambda s: one(s, "import resource\nresource.prlimit(1, resource.RLIMIT_CPU, (0, 0))"),
    "in the way": in_the_way,
    "hoard": hoard,
    "storm": lambda s: one(s, STORM),
    "hidden memory": lambda s: one(s, HIDDEN),
    "shared memory": lambda s: one(s, SHARED),
    "leaderless memory": lambda s: one(s, LEADERLESS, ROOMY),
    "descriptors in flight": lambda s: [one(s, FLIGHT), one(s, "print(1)")],
    "asynchronous I/O": lambda s: one(
        s, "import ctypes\nc = ctypes.c_ulong()\nassert ctypes.CDLL(None).syscall(206, 4096, ctypes.byref(c)) == -1"
    ),
}


def main() -> None:
    """Try all."""
    with open_sandbox("zygote") as sandbox:
        print(json.dumps({name: attack(sandbox) for name, attack in ATTACKS.items()}))


if __name__ == "__main__":
    main()
