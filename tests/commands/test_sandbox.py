"""`sandbox run` ends as its program did, `sandbox check` says what got through, `doctor` what this host offers."""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from agentrl import probes
from agentrl.cli import main
from agentrl.commands import doctor
from agentrl.errors import SandboxError
from agentrl.probes import ProbeResult
from agentrl.programs import PROTECTIONS, Capabilities, ExecResult, Limits, Program
from agentrl.sandboxes import docker
from agentrl.sandboxes.subprocess import Subprocess

Say = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Say:
    """Run a program's text with `sandbox run` on the back end that opens everywhere."""

    def run(source: str, *flags: str) -> int:
        path = tmp_path / "program.py"
        path.write_text(source, encoding="utf-8")
        return main(["sandbox", "run", str(path), "--backend", "subprocess", *flags])

    return run


def test_output_passes_through(run: Say, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("import os; os.write(1, b'out\\0\\xff'); os.write(2, b'err\\n')") == 0
    out, err = capfdbinary.readouterr()
    assert out == b"out\0\xff"
    said, status = err.splitlines()
    assert said == b"err"
    assert status.startswith(b"agentrl sandbox: ok, exit code 0, ")
    assert status.endswith(b" MiB")


@pytest.mark.parametrize(
    ("source", "flags", "code", "status"),
    [
        ("raise SystemExit(3)", (), 3, "nonzero, exit code 3"),
        ("raise SystemExit(255)", (), 255, "nonzero"),
        ("import os; os.abort()", (), 128 + 6, "signalled, signal 6"),
        ("import time; time.sleep(60)", ("--wall-s", "0.3"), 124, "timeout_wall (wall_s), signal 9"),
        ("while True: pass", ("--cpu-s", "1", "--wall-s", "9"), 124, "timeout_cpu (cpu_s)"),
        ("while True: print('y')", (), 137, "output_limit (output_bytes)"),
        ("x = 'x' * (1 << 28)", ("--memory-mib", "64"), 137, "oom (memory_mib), exit code 1"),
    ],
)
def test_exit_codes(
    run: Say, source: str, flags: Sequence[str], code: int, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(source, *flags) == code
    assert f"agentrl sandbox: {status}" in capsys.readouterr().err


def test_memory_is_137(run: Say, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Limits] = []

    def oom(self: Subprocess, program: Program, *, limits: Limits, **_: object) -> ExecResult:
        seen.append(limits)
        return ExecResult("oom", signal=9, limit="memory_mib")

    monkeypatch.setattr(Subprocess, "run", oom)
    assert run("", "--memory-mib", "77", "--cpu-s", "2") == 137
    assert seen == [Limits(memory_mib=77, cpu_s=2.0)]
    assert "oom (memory_mib), signal 9" in capsys.readouterr().err


def test_the_machines_fault_is_no_exit_code_of_the_program(
    run: Say, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Subprocess, "run", lambda *_, **__: ExecResult("infra_error", detail="the box is gone"))
    assert run("") == 1
    assert capsys.readouterr().err == "agentrl: the sandbox 'subprocess' failed, not the program: the box is gone\n"


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_input(run: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = "import sys; print(sys.stdin.read().upper())"
    given = tmp_path / "given.txt"
    given.write_text("from a file")
    assert run(source, "--stdin-file", str(given)) == 0
    stdin(monkeypatch, b"from stdin")
    assert run(source, "--stdin-file", "-") == 0
    assert run(source) == 0
    assert capsys.readouterr().out == "FROM A FILE\nFROM STDIN\n\n"


def test_a_program_on_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stdin(monkeypatch, b"print(6 * 7)")
    assert main(["sandbox", "run", "-", "--backend", "subprocess"]) == 0
    assert capsys.readouterr().out == "42\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runn"], "no `agentrl sandbox runn`: did you mean 'run'?"),
        (["run", "-", "--stdin-file", "-"], "cannot both come from stdin"),
        (["run", "a.sh"], "a program is a .py file, or - for one on stdin; got a.sh"),
        (["run", "absent.py"], "absent.py: cannot be read: No such file"),
        (["run", __file__, "--wall-s", "0"], "the limit wall_s must be above 0"),
        (["run", __file__, "--backend", "zygot"], "did you mean 'zygote'?"),
        (["run", __file__, "--wall", "1"], "`agentrl sandbox run --help` shows the flags"),
        (["check", "subproces"], "did you mean 'subprocess'?"),
        (["check", "--only", "1,x"], "--only takes numbers from 1 to 35 with commas, such as 1,8,13; got 'x'"),
        (["check", "--only", "36"], "got '36'"),
    ],
)
def test_wrong_usage_is_2(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", *words]) == 2
    assert message in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "--help"]) == 0
    assert "usage: agentrl sandbox {run,check} ..." in capsys.readouterr().out
    assert main(["sandbox"]) == 2


# check


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[ProbeResult] | str]:
    """What the probes are made to find, by back end: results, or why it does not open."""
    told: dict[str, list[ProbeResult] | str] = {}

    def run_probes(factory: object, *, only: object, on_result: Callable[[ProbeResult], None]) -> list[ProbeResult]:
        said = told[factory.args[0]]  # type: ignore[attr-defined]
        if isinstance(said, str):
            raise SandboxError(said)
        return said

    monkeypatch.setattr(probes, "run_probes", run_probes)
    monkeypatch.setattr("agentrl.registry.ids", lambda _: sorted(told))
    monkeypatch.setattr("agentrl.registry.find", lambda *_: None)
    return told


PASSED = [ProbeResult(1, "Call home", "pass"), ProbeResult(33, "Count", "skipped", "no numpy")]
FAILED = [ProbeResult(1, "Call home", "fail", "a packet left"), ProbeResult(33, "Count", "not_claimed", "files")]


def test_a_table_of_all(found: Mapping[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    found |= {"good": PASSED, "bad": FAILED, "absent": "no daemon"}  # type: ignore[operator]
    assert main(["sandbox", "check"]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "probe bad good",
        "1 Call home FAIL pass",
        "33 Count not claimed skipped",
        "absent does not open here: no daemon",
        "bad FAIL 1 Call home: a packet left",
        "good skipped 33 Count: no numpy",
    ]


@pytest.mark.parametrize(
    ("results", "named", "code"),
    [
        ({"a": PASSED}, [], 0),
        ({"a": PASSED}, ["a"], 0),
        ({"a": FAILED}, [], 1),
        ({"a": PASSED, "b": "no daemon"}, [], 0),
        ({"a": PASSED, "b": "no daemon"}, ["b"], 1),
        ({"a": PASSED, "b": "no daemon"}, ["a", "b"], 1),
        ({"b": "no daemon"}, [], 1),
    ],
)
def test_exit_code_of_check(
    found: dict[str, list[ProbeResult] | str],
    results: dict[str, list[ProbeResult] | str],
    named: list[str],
    code: int,
) -> None:
    found |= results
    assert main(["sandbox", "check", *named]) == code


def test_json(found: dict[str, list[ProbeResult] | str], capsys: pytest.CaptureFixture[str]) -> None:
    found |= {"a": FAILED, "b": "no daemon"}
    assert main(["sandbox", "check", "--json"]) == 1
    a, b = json.loads(capsys.readouterr().out)
    assert (a["backend"], a["refused"], len(a["results"])) == ("a", "", 2)
    assert a["results"][0] == {
        "number": 1,
        "name": "Call home",
        "outcome": "fail",
        "detail": "a packet left",
        "seconds": 0.0,
    }
    assert b == {"backend": "b", "refused": "no daemon", "results": []}


def test_real_probes_of_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "check", "subprocess", "--only", "5, 19"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == ["probe subprocess", "5 List /proc not claimed", "19 End by exit codes and by signals pass"]


# doctor


def test_doctor_says_what_sandboxes_find_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    section = capsys.readouterr().out.partition("\nsandboxes\n")[2].partition("\n\n")[0]
    facts = {name.strip(): value for name, value in (line[2:].split("  ", 1) for line in section.splitlines())}
    host = ("user namespaces", "control groups", "landlock", "seccomp", "bwrap", "docker", "kvm")
    assert set(host) < set(facts)
    assert facts["subprocess"].strip().startswith("opens: level 1, 2 of 15 protections, without disk, files,")


class _Refusing:
    def __init__(self, error: Exception) -> None:
        raise error


@pytest.mark.parametrize("error", [SandboxError("no namespaces"), PermissionError("no namespaces")])
def test_doctor_says_why_a_back_end_does_not_open(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrl.sandbox.open_sandbox", lambda _: _Refusing(error))
    assert set(dict(doctor._sandboxes()).values()) == {"does not open: no namespaces"}


def test_doctor_counts_all_protections(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole(Subprocess):
        def __init__(self) -> None:
            super().__init__()
            self.capabilities = Capabilities("whole", 3, PROTECTIONS)

    monkeypatch.setattr("agentrl.sandbox.open_sandbox", lambda _: Whole())
    assert set(dict(doctor._sandboxes()).values()) == {"opens: level 3, 15 of 15 protections"}


def test_doctor_asks_the_docker_daemon(tmp_path: Path) -> None:
    assert f"unix://{doctor._DOCKER}" == docker.SOCKET
    path = str(tmp_path / "d.sock")
    assert doctor._docker(path) == f"no daemon at {path}: no such file or directory"
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(path)
        daemon.listen()

        def answer() -> None:
            asked, _ = daemon.accept()
            with asked:
                asked.recv(100)
                asked.sendall(b"HTTP/1.0 200 OK\r\nApi-Version: 1.43\r\n\r\nOK")

        thread = threading.Thread(target=answer)
        thread.start()
        assert doctor._docker(path) == f"reachable at {path}, API 1.43"
        thread.join()


def test_options_of_a_back_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "n.py").write_text("import sys; print('numpy' in sys.modules)")
    assert main(["sandbox", "run", str(tmp_path / "n.py"), "--option", 'modules=["numpy"]']) == 0
    assert capfd.readouterr().out == "True\n"
    assert main(["sandbox", "check", "zygote", "--option", "modul=x"]) == 2
    assert "did you mean 'modules'" in capfd.readouterr().err
    assert main(["sandbox", "check", "--option", "concurrency=2"]) == 2
    assert "name the one" in capfd.readouterr().err
    assert main(["sandbox", "check", "zygote", "--only", "19", "--option", "concurrency=1"]) == 0
