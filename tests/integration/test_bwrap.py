"""Bubblewrap for real: what is left when its owner or its launcher is killed, and what it says of a host without it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentrl.errors import SandboxError
from agentrl.programs import Command, Limits, Python
from agentrl.sandbox import open_sandbox

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("bwrap")]

TRAINER = """
import sys
from agentrl.programs import Command
from agentrl.sandbox import open_sandbox
session = open_sandbox("bwrap").session()
process = session.start(Command(("sh", "-c", "echo up; exec sleep " + sys.argv[1])))
assert process.receive(3) == b"up\\n"
print("up", flush=True)
process.finish()
"""


def alive(marker: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == f"sleep\0{marker}\0".encode():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def await_alive(marker: str) -> list[int]:
    deadline = time.monotonic() + 5
    while not (found := alive(marker)) and time.monotonic() < deadline:  # the shell has yet to become it
        time.sleep(0.01)
    return found


def await_dead(marker: str, seconds: float) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := alive(marker)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def groups(launcher: str) -> set[Path]:
    return set(Path("/sys/fs/cgroup").rglob(f"agentrl-{launcher}-*"))


@pytest.mark.parametrize("victim", ["trainer", "launcher"])
def test_kill(victim: str) -> None:
    marker = f"300.{os.getpid()}"
    with subprocess.Popen([sys.executable, "-c", TRAINER, marker], stdout=subprocess.PIPE) as trainer:
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == b"up\n"
        assert len(await_alive(marker)) == 1
        children = Path(f"/proc/{trainer.pid}/task/{trainer.pid}/children").read_text().split()
        made = groups(children[0])
        os.kill(trainer.pid if victim == "trainer" else int(children[0]), signal.SIGKILL)
        assert await_dead(marker, 5.0) == []
        trainer.wait(10)
    if victim == "launcher":  # nobody is left who could: the next one that opens does
        open_sandbox("bwrap").close()
    deadline = time.monotonic() + 10
    while groups(children[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert groups(children[0]) == set()
    assert made, "the box had no control group to begin with: run where one can be made"


def test_programs_of_a_killed_launcher_are_the_machines_fault() -> None:
    with open_sandbox("bwrap") as sandbox, sandbox.session() as session:
        process = session.start(Command(("sleep", "60")))
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        launchers = [pid for pid in children if b"bwrap.launcher" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(int(launchers[-1]), signal.SIGKILL)
        assert process.finish().status == "infra_error"


def test_box_runs_under_a_user_of_its_own() -> None:
    if os.geteuid() != 0:
        pytest.fail("run as root: only root can give a box a user of its own", pytrace=False)
    marker = f"301.{os.getpid()}"
    with open_sandbox("bwrap") as sandbox, sandbox.session() as one, sandbox.session() as two:
        uids = []
        for session in (one, two):
            process = session.start(Command(("sh", "-c", f"echo up; exec sleep {marker}")))
            assert process.receive(3) == b"up\n"
            uids += [os.stat(f"/proc/{pid}").st_uid for pid in await_alive(marker)]
            process.kill()
            assert process.finish().status == "signalled"
        assert len(set(uids)) == 2
        assert min(uids) > 10**9


def test_a_trainer_may_hold_many_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        with open_sandbox("bwrap") as sandbox:
            assert sandbox.run(Command(("echo", "yes"))).stdout == b"yes\n"
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_missing_protection_refuses_to_open() -> None:
    with pytest.raises(SandboxError, match="syscalls"):
        open_sandbox("bwrap", pretend_missing=("syscalls",))
    with open_sandbox("bwrap", pretend_missing=("syscalls",), allow_degraded=("syscalls",)) as sandbox:
        assert "syscalls" not in sandbox.capabilities.protections
        result = sandbox.run(Command(("grep", "Seccomp:", "/proc/self/status")))
        assert result.stdout == b"Seccomp:\t0\n"


def test_modules_are_seen_only_where_asked_for() -> None:
    program = Python("import numpy\nprint(numpy.arange(4).sum())")
    with open_sandbox("bwrap") as sandbox:
        assert b"ModuleNotFoundError" in sandbox.run(program).stderr
    with open_sandbox("bwrap", modules=("numpy",)) as sandbox:
        result = sandbox.run(program, limits=Limits(memory_mib=1024))
        assert result.stdout == b"6\n", result


WATCHED = """
from agentrl.programs import Limits, Python
from agentrl.sandbox import open_sandbox
held = "import time; held = bytearray(b'x') * (60 << 20); time.sleep(5)"
shared = "import mmap, time; m = mmap.mmap(-1, 60 << 20); [m.write(bytes(2**20)) for _ in range(60)]; time.sleep(5)"
filed = "import time; f = open('/tmp/x', 'wb', 0); [f.write(bytes(2**20)) for _ in range(60)]; time.sleep(5)"
headless = '''
import ctypes, threading, time
def hold():
    time.sleep(0.1)
    held = bytearray(b"x") * (60 << 20)
    time.sleep(5)
threading.Thread(target=hold).start()
ctypes.CDLL(None).pthread_exit(None)
'''
forked = '''
import os, time
held = bytearray(b"x") * (20 << 20)
for _ in range(4):
    os.fork() or (time.sleep(0.3), os._exit(0))
time.sleep(0.4)
'''
limits = Limits(memory_mib=48, disk_mib=128)
with open_sandbox("bwrap") as sandbox:
    print(*(sandbox.run(Python(source), limits=limits).status for source in (held, shared, filed, headless, forked)))
    print(*sandbox.capabilities.missing, "private_uid" in sandbox.capabilities.protections)
"""


def test_memory_is_watched_where_no_group_can_be_made() -> None:
    hidden = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", hidden, "sh", sys.executable, "-c", WATCHED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["oom oom oom oom ok", "True"], done.stderr


def test_plain_user() -> None:
    drop = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    site = next(path for path in sys.path if path.endswith("site-packages"))
    for interpreter in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        # Another user may not be let into the folder of an interpreter that root installed for itself.
        # A shell in between, because what `setpriv` itself executes is still found with root's rights.
        trial = [*drop, "sh", "-c", '"$@"', "sh", interpreter, "-c", ""]
        tried = subprocess.run(trial, capture_output=True, check=False)
        if tried.returncode == 0:
            break
    else:
        pytest.fail("another user can run no interpreter of this version here", pytrace=False)
    env = {"PYTHONPATH": f"{Path(__file__).resolve().parents[2]}:{site}", "PATH": os.environ["PATH"]}
    command = [*drop, interpreter, "-c", WATCHED]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd="/")
    assert done.stdout.splitlines() == ["oom oom oom oom ok", "False"], done.stderr
