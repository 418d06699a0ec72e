"""What hostile programs come to where an engine is needed: each is named for what it did, and leaves nothing."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrl.probes import run_probes
from agentrl.programs import Command, Limits, Python
from agentrl.sandbox import Sandbox, open_sandbox

pytestmark = pytest.mark.integration
SMALL = Limits(wall_s=20, cpu_s=5, memory_mib=128, processes=16, disk_mib=8, inodes=64)
BACKENDS = ("bwrap", "docker")


@pytest.fixture(scope="module", params=BACKENDS)
def options(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """A back end and how to open it."""
    return request.param, request.getfixturevalue(request.param) or {}


@pytest.fixture(scope="module")
def sandbox(options: tuple[str, dict[str, Any]]) -> Iterator[Sandbox]:
    backend, words = options
    with open_sandbox(backend, **words) as opened:
        yield opened


def processes(marker: str) -> list[int]:
    """Processes of this host with the marker among their arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if marker.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


@pytest.mark.timeout(900)
def test_every_probe_passes(options: tuple[str, dict[str, Any]]) -> None:
    backend, words = options
    results = run_probes(functools.partial(open_sandbox, backend, **words))
    assert [f"{r.number} {r.name}: {r.detail}" for r in results if r.outcome == "fail"] == []
    assert sum(r.outcome == "pass" for r in results) >= 45, [r for r in results if r.outcome != "pass"]


def test_hundred_megabytes_of_output(sandbox: Sandbox) -> None:
    program = Python("import os\nfor _ in range(1600): os.write(1, b'x' * 65536)")
    result = sandbox.run(program, limits=SMALL)
    assert (result.status, result.limit) == ("output_limit", "output_bytes")
    assert result.stdout == b"x" * SMALL.output_bytes
    assert result.stdout_bytes < 50 * 2**20


FORKS = """
import os, time
made = 0
for _ in range(200):
    try:
        if os.fork() == 0:
            time.sleep(300)
            os._exit(0)
    except OSError:
        break
    made += 1
print(made, flush=True)
"""


def test_forks_are_counted(sandbox: Sandbox) -> None:
    result = sandbox.run(Python(FORKS), limits=SMALL)
    assert result.status == "ok", result
    assert 8 <= int(result.stdout) <= SMALL.processes


def test_forks_without_end_are_a_timeout(sandbox: Sandbox) -> None:
    program = Python(
        f"import os\nmarker = 'agentrl-forks-{os.getpid()}'\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    )
    result = sandbox.run(program, limits=Limits(wall_s=20, cpu_s=1, processes=16))
    assert (result.status, result.limit) == ("timeout_cpu", "cpu_s")


@pytest.mark.parametrize("folder", ["/box", "/tmp"])
def test_full_disk_is_an_error_of_the_program(sandbox: Sandbox, folder: str) -> None:
    source = f"""
import errno
total = 0
try:
    for i in range(100):
        with open("{folder}/f%d" % i, "wb") as file:
            file.write(bytes(2**20))
        total += 1
except OSError as error:
    print(total, errno.errorcode[error.errno])
"""
    result = sandbox.run(Python(source), limits=SMALL)
    total, name = result.stdout.decode().split()
    assert result.status == "ok"
    assert name in ("ENOSPC", "EFBIG")
    assert SMALL.disk_mib - 2 <= int(total) <= SMALL.disk_mib


def test_daemon_that_holds_the_pipes(sandbox: Sandbox) -> None:
    marker = f"300.{os.getpid()}"
    program = Command(("sh", "-c", f"setsid sleep {marker} & echo started"))
    began = time.monotonic()
    result = sandbox.run(program, limits=SMALL)
    assert (result.status, result.stdout) == ("ok", b"started\n")
    assert time.monotonic() - began < SMALL.wall_s / 2, "the end of the program was not seen: only that of the pipes"
    assert processes(marker) == []


def test_memory_of_all_processes_is_one(sandbox: Sandbox) -> None:
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(os.urandom(1)) * (60 << 20)
        time.sleep(2)
        os._exit(0)
for _ in range(4):
    os.wait()
"""
    result = sandbox.run(Python(source), limits=SMALL)
    assert (result.status, result.limit) == ("oom", "memory_mib")


def test_children_that_nobody_waits_for_are_counted(sandbox: Sandbox) -> None:
    source = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them, and tells nobody what they used
for _ in range(100):
    if os.fork() == 0:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        os._exit(0)
    time.sleep(0.12)
"""
    result = sandbox.run(Python(source), limits=Limits(wall_s=30, cpu_s=1))
    assert (result.status, result.limit) == ("timeout_cpu", "cpu_s")
    assert 1 <= result.cpu_s < 2


def test_session_keeps_files_and_processes(sandbox: Sandbox) -> None:
    with sandbox.session(files={"a/b.txt": b"one"}, limits=SMALL) as session:
        started = session.run(Command(("sh", "-c", "cat a/b.txt; echo two > c.txt; sleep 100 & echo $! > pid")))
        assert (started.status, started.stdout) == ("ok", b"one")
        session.write({"a/b.txt": b"three"})
        result = session.run(
            Command(("sh", "-c", "cat a/b.txt c.txt; kill -0 $(cat pid) && echo alive")), collect=("c.txt",)
        )
        assert result.stdout == b"threetwo\nalive\n"
        assert result.files == {"c.txt": b"two\n"}
        assert set(session.snapshot()) == {"a/b.txt", "c.txt", "pid"}


def test_session_goes_on_after_a_timeout(sandbox: Sandbox) -> None:
    with sandbox.session(files={"kept": b"yes"}, limits=SMALL) as session:
        assert session.run(Python("while True: pass"), limits=Limits(cpu_s=0.3)).status == "timeout_cpu"
        assert session.run(Command(("sleep", "60")), limits=Limits(wall_s=0.3)).status == "timeout_wall"
        assert session.run(Command(("cat", "kept"))).stdout == b"yes"


def test_conversation(sandbox: Sandbox) -> None:
    program = Python("import sys\nfor line in sys.stdin: print(len(line), flush=True)")
    with sandbox.session() as session:
        process = session.start(program)
        for size in (2, 300):
            assert process.send(b"x" * size + b"\n")
            answer = process.receive(len(str(size + 1)) + 1)
            assert int(answer) == size + 1
        result = process.finish()
    assert (result.status, result.stdout) == ("ok", b"")


def test_ten_megabytes_of_source(sandbox: Sandbox) -> None:
    program = Python("print(len(" + repr("é" * 200_000) + "))", argv=("one",))
    assert sandbox.run(program).stdout == b"200000\n"
    surrogate = Python("print('\udc80' == chr(0xdc80))")
    assert sandbox.run(surrogate).status in ("ok", "nonzero")


def test_traceback_shows_the_program_alone(sandbox: Sandbox) -> None:
    result = sandbox.run(Python("def half(x):\n    return x / 0\nhalf(1)\n"))
    assert result.exit_code == 1
    lines = result.stderr.decode().splitlines()
    assert [line.strip() for line in lines if "File" in line] == [
        'File "/box/main.py", line 3, in <module>',
        'File "/box/main.py", line 2, in half',
    ]
    assert "    return x / 0" in lines
