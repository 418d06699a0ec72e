"""A back end of a third party, such as one that asks a service elsewhere: a file or an entry point is all it takes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrl import registry
from agentrl.errors import SandboxError, UnknownIdError, UsageError
from agentrl.programs import Limits, Python
from agentrl.sandbox import open_sandbox

PLUGIN = '''
"""Runs programs on this host, as a service would."""

import subprocess
import sys

from agentrl.errors import SandboxError
from agentrl.programs import Capabilities, ExecResult, Limits
from agentrl.sandbox import Process, Sandbox, Session


def open(*, region="here"):
    if region != "here":
        raise SandboxError(f"no service in {region!r}")
    return Hosted(Capabilities("hosted", 5, frozenset(("limits",)), persistent=frozenset(("files",))))


class Hosted(Sandbox):
    def session(self, *, files=None, limits=None):
        return Remote(self.capabilities, limits or Limits(), dict(files or {}))

    def close(self):
        self.closed = True


class Remote(Session):
    def __init__(self, capabilities, limits, files):
        self.capabilities, self.limits, self.files = capabilities, limits, files

    def start(self, program, *, limits=None):
        return Call([sys.executable, "-I", "-c", program.source], limits or self.limits, self.capabilities)

    def write(self, files):
        self.files.update(files)

    def snapshot(self):
        return dict(self.files)

    def close(self):
        self.files.clear()


class Call(Process):
    def __init__(self, words, limits, box):
        self.child = subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1)
        self.limits, self.box = limits, box

    def send(self, data):
        self.child.stdin.write(data)
        self.child.stdin.flush()
        return True

    def receive(self, size, *, timeout_s=None):
        return self.child.stdout.read(size)

    def finish(self, stdin=b""):
        try:
            out, err = self.child.communicate(stdin, self.limits.wall_s)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.communicate()
            return ExecResult("timeout_wall", limit="wall_s", box=self.box)
        code = self.child.returncode
        return ExecResult("nonzero" if code else "ok", exit_code=code, stdout=out, stderr=err, box=self.box)

    def kill(self):
        self.child.kill()
'''


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / f"hosted_{tmp_path.name.replace('-', '_')}.py"
    file.write_text(PLUGIN)
    return str(file)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed distribution that offers the back end `hosted`."""
    (tmp_path / "hosted_box.py").write_text(PLUGIN)
    facts = tmp_path / "hosted_box-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: hosted-box\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[agentrl.sandboxes]\nhosted = hosted_box:open\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entry_points.cache_clear()
    yield "hosted"
    sys.modules.pop("hosted_box", None)
    registry._entry_points.cache_clear()


@pytest.mark.parametrize("source", ["path", "installed"])
def test_it_opens_and_runs(source: str, request: pytest.FixtureRequest) -> None:
    with open_sandbox(request.getfixturevalue(source)) as sandbox:
        assert (sandbox.capabilities.backend, sandbox.capabilities.level) == ("hosted", 5)
        result = sandbox.run(Python("print(input()[::-1])"), stdin=b"abc")
        assert (result.status, result.stdout, result.box) == ("ok", b"cba\n", sandbox.capabilities)
        assert sandbox.run(Python("raise SystemExit(3)")).exit_code == 3
        slow = sandbox.run(Python("import time; time.sleep(60)"), limits=Limits(wall_s=0.2))
        assert (slow.status, slow.limit) == ("timeout_wall", "wall_s")
        assert asyncio.run(sandbox.arun(Python("print(1)"))).stdout == b"1\n"


def test_its_sessions_have_what_every_session_has(path: str) -> None:
    with open_sandbox(path) as sandbox, sandbox.session(files={"a": b"1"}) as session:
        session.write({"b": b"2"})
        assert session.run(Python("pass"), collect=("b", "c")).files == {"b": b"2"}
        process = session.start(Python("import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"))
        assert process.send(b"ping\n")
        assert process.receive(5) == b"PING\n"
        assert process.finish().status == "ok"


def test_it_is_listed_beside_the_kits_own(installed: str) -> None:
    assert {"subprocess", installed} <= set(registry.ids("sandbox"))


def test_its_options_are_checked(path: str) -> None:
    with pytest.raises(UsageError, match="has no option 'regoin': did you mean 'region'"):
        open_sandbox(path, regoin="here")
    with pytest.raises(SandboxError, match="no service in 'there'"):
        open_sandbox(path, region="there")


def test_what_is_no_back_end_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty_plugin.py"
    empty.write_text("")
    with pytest.raises(UsageError, match="must define `open`"):
        open_sandbox(str(empty))
    with pytest.raises(UnknownIdError, match="no sandbox 'hosted'"):
        open_sandbox("hosted")
