"""Probes 8 to 13 and 16: what a program may use up, and that its end is the end of all it started."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agentrl.probes.core import (
    LIMITS,
    Context,
    ProbeFailed,
    await_gone,
    ended,
    fail_if,
    probe,
    unique,
)
from agentrl.programs import ExecResult, ExecStatus, Limits

LATE_S = 0.3
"""How long after its limit a program may end."""
GONE_S = 0.2
"""How long after the end of a run what it started may be seen."""

_MEMORY = dataclasses.replace(LIMITS, memory_mib=96, disk_mib=512)
_TIME = dataclasses.replace(LIMITS, wall_s=1.0, cpu_s=1.0)
_MIB = 2**20


@probe(8, "process_count")
def fork_bomb(context: Context) -> None:
    """Fork without end."""
    counted = """
pids = []
try:
    while len(pids) < 200:
        pid = os.fork()
        if pid == 0:
            time.sleep(30)
            os._exit(0)
        pids.append(pid)
except OSError:
    pass
tell(count=len(pids))
"""
    count = context.facts(counted)["count"]
    fail_if(count >= LIMITS.processes, f"{count} children at a limit of {LIMITS.processes} processes")
    bomb = """
while True:
    try:
        os.fork()
    except OSError:
        pass
"""  # run only now: it is known to be bounded
    result = context.run(bomb, limits=dataclasses.replace(LIMITS, wall_s=1.0, cpu_s=1.0))
    fail_if(not result.status.startswith("timeout"), f"a fork bomb ended as {ended(result)}")
    fail_if(context.facts("tell(works=1)") != {"works": 1}, "nothing runs any more after a fork bomb")


@probe(8, "process_count")
def thread_bomb(context: Context) -> None:
    """Start threads without end."""
    source = """
import threading
stop, count = threading.Event(), 0
threading.stack_size(65536)
try:
    while count < 200:
        threading.Thread(target=stop.wait, daemon=True).start()
        count += 1
except RuntimeError:
    pass
stop.set()
tell(count=count)
"""
    count = context.facts(source)["count"]
    fail_if(count >= LIMITS.processes, f"{count} threads at a limit of {LIMITS.processes} processes and threads")


_DAEMON = """
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if given["streams"] == "closed":
            os.closerange(0, 3)
        else:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            os.execvp("sleep", ["sleep", given["marker"]])
        except OSError:
            os.write(write, b"!")
    os._exit(0)
os.close(write)
os.wait()
tell(started=not os.read(read, 1))  # the end of the pipe comes when `sleep` has taken over
"""


@probe(9, "tree_kill")
def daemon(context: Context) -> None:
    """Leave a daemon behind, with the run's pipes open or closed."""
    for streams in ("closed", "kept"):
        marker = unique()
        facts = context.facts(_DAEMON, {"marker": marker, "streams": streams})
        fail_if(not facts["started"], "no daemon could be started: this says nothing")
        await_gone(marker, GONE_S)


@probe(9, "tree_kill")
def daemon_of_a_timeout(context: Context) -> None:
    """Leave a daemon behind by running into the time limit."""
    marker = unique()
    result = context.run(_DAEMON + "time.sleep(60)", {"marker": marker, "streams": "kept"}, limits=_TIME)
    await_gone(marker, GONE_S)
    fail_if(
        b'{"started": true}' not in result.stdout, f"no daemon could be started: this says nothing: {ended(result)}"
    )
    fail_if(not result.status.startswith("timeout"), f"a program that sleeps ended as {ended(result)}")


_WAYS = {
    "bytes": "hold = []\nwhile grow(): hold.append(b'x' * (8 << 20))",
    "anonymous map": """
import mmap
hold = []
while grow():
    hold.append(mmap.mmap(-1, 8 << 20))
    hold[-1].write(bytes(8 << 20))
""",
    "children": """
while grow():
    if os.fork() == 0:
        hold = b"x" * (8 << 20)
        time.sleep(30)
time.sleep(0.5)
""",
    "files in /tmp": """
file = open("/tmp/much", "wb", buffering=0)
while grow(): file.write(b"x" * (8 << 20))
""",
    "shared memory": """
fd = os.memfd_create("much")
while grow(): os.write(fd, b"x" * (8 << 20))
""",
}
_GROW = """
used = 0
print(used, flush=True)
def grow():
    global used
    print(used, flush=True)
    used += 8
    return used <= given["mib"]
"""


def _used(context: Context, way: str) -> tuple[int, ExecResult]:
    """How many MiB a program had when it was stopped."""
    limits = dataclasses.replace(_MEMORY, processes=64)
    result = context.run(_GROW + _WAYS[way], {"mib": 4 * limits.memory_mib}, limits=limits)
    lines = result.stdout.split()
    fail_if(not lines, f"the program did not begin: {ended(result)}")
    return int(lines[-1]), result


@probe(10, "limits")
def memory(context: Context) -> None:
    """Take much more memory than the limit, in one process."""
    used, result = _used(context, "bytes")
    fail_if(result.status == "ok", f"{used} MiB taken at a limit of {_MEMORY.memory_mib}")


@probe(10, "memory")
def memory_of_a_tree(context: Context) -> None:
    """Take much more memory than the limit, by bytes, maps, children, files in memory, shared memory."""
    before = _meminfo("Shmem")
    for way in _WAYS:
        used, result = _used(context, way)
        refused = result.status == "nonzero" and used <= _MEMORY.memory_mib * 1.25
        if result.status != "oom" and not refused:
            raise ProbeFailed(f"by {way}: {used} MiB at a limit of {_MEMORY.memory_mib}, and {ended(result)}")
    kept = _meminfo("Shmem") - before
    fail_if(kept > _MEMORY.memory_mib, f"{kept} MiB of files in memory stay after the runs")


def _meminfo(name: str) -> int:
    """MiB, from the host's /proc/meminfo."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) // 1024


_ENDLESS: Mapping[str, tuple[str, ExecStatus]] = {
    "a loop": ("while True: pass", "timeout_cpu"),
    "a sleeper": ("time.sleep(60)", "timeout_wall"),
    "a loop that ignores signals": (
        "for s in (1, 2, 14, 15, 24): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "timeout_cpu",
    ),
    "a sleeper that ignores signals": (
        "for s in (1, 2, 14, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)",
        "timeout_wall",
    ),
    "a stopped program": ("os.kill(os.getpid(), signal.SIGSTOP)", "timeout_wall"),
    "a hang at import": ("import hang", "timeout_wall"),
    "a hang at exit": ("import atexit\natexit.register(time.sleep, 60)", "timeout_wall"),
    "a hang in __del__": ("class A:\n    def __del__(self, sleep=time.sleep): sleep(60)\na = A()", "timeout_wall"),
    "a long call in C": ("sum(range(10**13))", "timeout_cpu"),
}


def _check_end(context: Context, what: str) -> None:
    """That it ends by its limit; a busy host may be late once."""
    source, wanted = _ENDLESS[what]
    limits = dataclasses.replace(_TIME, wall_s=4.0) if wanted == "timeout_cpu" else _TIME
    if what == "a hang at import":
        source = "sys.path.insert(0, os.getcwd())\n" + source
    for last in (False, True):
        result = context.run(source, files={"hang.py": b"import time\ntime.sleep(60)\n"}, limits=limits)
        fail_if(result.status not in (wanted, "timeout_wall"), f"{what}: {ended(result)}")
        # The kernel counts whole seconds, and gives a program that ignores its first word one more.
        late = result.cpu_s > limits.cpu_s + 1 + LATE_S or result.wall_s > limits.wall_s + LATE_S
        if not late and result.status == wanted:
            return
        fail_if(last, f"{what}: {result.status} after {result.wall_s:.2f} s, {result.cpu_s:.2f} s of them CPU")


@probe(11, "limits")
def endless(context: Context) -> None:
    """Loop, sleep, ignore signals, stop."""
    for what in list(_ENDLESS)[:5]:
        _check_end(context, what)


@probe(12, "limits")
def hangs(context: Context) -> None:
    """Hang at import, at exit, in a destructor, in a C call."""
    for what in list(_ENDLESS)[5:]:
        _check_end(context, what)


_FLOODS = {
    "lines": "while True: print('y')",
    "one line of 1 GB": "for _ in range(1024): sys.stdout.write('y' * (1 << 20))",
    "no newline": "while True: os.write(1, b'y' * 4096)",
    "stderr": "while True: os.write(2, b'y' * 4096)",
    "both": "while True: os.write(1, b'y' * 512); os.write(2, b'y' * 4096)",
}


@probe(13, "limits")
def output(context: Context) -> None:
    """Write without end to stdout, stderr, both."""
    limits = dataclasses.replace(LIMITS, output_bytes=100_000)
    _reset_peak()
    before = _peak_mib()
    for what, source in _FLOODS.items():
        result = context.run(source, limits=limits)
        fail_if(result.status != "output_limit", f"{what}: {ended(result)}")
        kept = result.stderr if what in ("stderr", "both") else result.stdout
        fail_if(
            len(kept) != limits.output_bytes, f"{what}: {len(kept)} bytes kept, not the first {limits.output_bytes}"
        )
        fail_if(set(kept) - set(b"y\n"), f"{what}: what was kept is not what was written")
    grown = _peak_mib() - before
    fail_if(grown > 64, f"the caller grew by {grown:.0f} MiB while it read {limits.output_bytes} bytes")


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # a kernel without it: the peak is then of the whole process, and the check is weaker
        return


def _peak_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


_SMALL = Limits(wall_s=10, cpu_s=5, memory_mib=256, disk_mib=8, inodes=200)
_FILL = """
def fill(folder):
    total = 0
    for n in range(16):  # many files, so that it is not the size of one that stops it
        try:
            with open(f"{folder}/fill{n}", "wb", buffering=0) as file:
                for _ in range(4):
                    total += file.write(b"x" * (1 << 20))
        except OSError as error:
            return total, errno.errorcode[error.errno]
    return total, "done"
def nodes(folder):
    for n in range(1000):
        try:
            open(f"{folder}/node{n}", "w").close()
        except OSError as error:
            return n, errno.errorcode[error.errno]
    return 1000, "done"
def sparse(folder):
    with open(f"{folder}/sparse", "wb") as file:
        return attempt(file.truncate, 1 << 40)
tell(got=globals()[given["what"]](given["folder"] or os.getcwd()))
"""


@probe(16, "disk")
def fill_disk(context: Context) -> None:
    """Fill the box and /tmp by bytes and by inodes."""
    free = _free_mib()
    for folder in ("", "/tmp"):
        total, said = context.facts(_FILL, {"folder": folder, "what": "fill"}, limits=_SMALL)["got"]
        place = folder or "the box"
        fail_if(total > (_SMALL.disk_mib + 1) * _MIB, f"{total // _MIB} MiB written to {place}, then {said}")
        fail_if(said not in ("ENOSPC", "EFBIG", "EDQUOT"), f"writing to {place} was stopped by {said}")
        count, said = context.facts(_FILL, {"folder": folder, "what": "nodes"}, limits=_SMALL)["got"]
        fail_if(count > _SMALL.inodes, f"{count} files made in {place}, then {said}")
    lost = free - _free_mib()
    fail_if(lost > 4 * _SMALL.disk_mib, f"{lost} MiB of the host's disk are gone")


@probe(16, "limits")
def large_file(context: Context) -> None:
    """Make a file larger than the disk, with nothing in it."""
    said = context.facts(_FILL, {"folder": "", "what": "sparse"}, limits=_SMALL)["got"]
    fail_if(said == "done", "a sparse file of 1 TiB could be made")


def _free_mib() -> int:
    facts = os.statvfs(tempfile.gettempdir())
    return facts.f_bavail * facts.f_frsize // _MIB
