"""What once got through, or made the machine take the blame; as root, and as a user without privileges."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agentrl.programs import Limits, Python
from agentrl.sandbox import Sandbox, open_sandbox

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = Path(__file__).with_name("hostile.py")
_spec = importlib.util.spec_from_file_location("hostile", HOSTILE)
assert _spec is not None
assert _spec.loader is not None
hostile = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hostile)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Sandbox]:
    with open_sandbox("zygote") as sandbox:
        yield sandbox


def test_it_works_without_privileges() -> None:
    """As another user, with the system's interpreter, that has nothing but user namespaces."""
    if os.geteuid() != 0:
        pytest.skip("this test run has no privileges to begin with: the other tests show it")
    source = """
from agentrl.programs import Limits, Python
from agentrl.sandbox import open_sandbox
with open_sandbox("zygote") as sandbox:
    print(sandbox.capabilities.missing, "private_uid" in sandbox.capabilities.protections)
    print(sandbox.run(Python("import os; print(os.getuid(), os.listdir('/proc'))")).stdout)
    print(sandbox.run(Python("x = []\\nwhile True: x.append(bytearray(10**6))"), limits=Limits(memory_mib=128)).status)
"""
    result = as_another_user("-c", source)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "{} False"
    assert lines[1].startswith('b"65534 [')
    assert lines[2] == "oom"


@pytest.fixture(scope="module")
def told(zygote: Sandbox) -> dict[str, list[Any]]:
    return {name: attack(zygote) for name, attack in hostile.ATTACKS.items()}


@pytest.fixture(scope="module")
def told_without_privileges() -> dict[str, list[Any]]:
    if os.geteuid() != 0:
        pytest.skip("this test run has no privileges to begin with: the other tests show it")
    result = as_another_user(str(HOSTILE))
    assert result.returncode == 0, result.stderr
    found: dict[str, list[Any]] = json.loads(result.stdout)
    return found


HELD: dict[str, list[list[Any]]] = {  # what each attack may come to
    "stop the next": [[True, True, True, "read", True]],
    "limit the next": [[True, True, True, "read", True]],
    "kill the next": [[True, True, True, "read", True]],
    "interrupt the box": [["ok", "", True], ["nonzero", "", True]],
    "limit the box": [["nonzero", "", True]],
    "in the way": [["BoxError", "BoxError"]],
    "hoard": [[True, True]],
    "storm": [["timeout_cpu", "cpu_s", True]],
    "hidden memory": [["oom", "memory_mib", True]],
    "shared memory": [["oom", "memory_mib", True]],
    "leaderless memory": [["oom", "memory_mib", True]],
    "descriptors in flight": [[["nonzero", "", True], ["ok", "", True]], [["ok", "", True], ["ok", "", True]]],
    "asynchronous I/O": [["ok", "", True]],
}


@pytest.mark.parametrize("name", HELD)
def test_attacks_that_once_worked(name: str, told: dict[str, list[Any]]) -> None:
    assert told[name] in HELD[name]
    assert set(told) == set(HELD)


@pytest.mark.parametrize("name", HELD)
def test_attacks_that_once_worked_without_privileges(name: str, told_without_privileges: dict[str, list[Any]]) -> None:
    assert told_without_privileges[name] in HELD[name]


def test_a_lower_limit_holds_while_earlier_runs_hold_more(zygote: Sandbox) -> None:
    leave = (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        h = bytearray(40 << 20); time.sleep(20)\n"
    )
    for _ in range(6):
        with zygote.session(limits=Limits(memory_mib=512)) as box:
            assert box.run(Python(leave + "time.sleep(0.3)")).status == "ok"
            result = box.run(Python("h = bytearray(100 << 20)"), limits=Limits(memory_mib=64))
            assert (result.status, result.limit) == ("oom", "memory_mib")


def test_more_descriptors_than_select_can_watch(zygote: Sandbox) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert zygote.run(Python("print(1)")).stdout == b"1\n"
        assert zygote.run(Python("import time; time.sleep(9)"), limits=Limits(wall_s=0.2)).limit == "wall_s"
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_closing_while_runs_are_going_on_elsewhere() -> None:
    for wait_s in (0.0, 0.1, 0.2):
        sandbox = open_sandbox("zygote", concurrency=8)
        program = Python("import time; time.sleep(20)")
        with ThreadPoolExecutor(8) as pool:
            runs = [pool.submit(sandbox.run, program) for _ in range(8)]
            time.sleep(wait_s)
            sandbox.close()
            assert {run.result().status for run in runs} <= {"infra_error", "setup_failed", "signalled"}


def as_another_user(*words: str) -> subprocess.CompletedProcess[str]:
    """Run this version's interpreter as somebody who owns nothing."""
    site = next(path for path in sys.path if path.endswith("site-packages"))
    return subprocess.run(
        ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", readable_interpreter(), *words],
        env={"PYTHONPATH": f"{ROOT}:{site}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        cwd="/",
    )


def readable_interpreter() -> str:
    """One of this version that a user without privileges can run."""
    for path in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [
            "setpriv",
            "--reuid=12345",
            "--regid=12345",
            "--clear-groups",
            "sh",
            "-c",
            f"cd {ROOT} && {path} -c ''",
        ]
        if Path(path).exists() and subprocess.run(command, capture_output=True).returncode == 0:
            return path
    pytest.skip("another user can read neither this checkout nor an interpreter of this version")
