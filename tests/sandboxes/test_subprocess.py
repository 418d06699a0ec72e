"""What `subprocess` has beyond the probes of `tests/conformance/test_sandboxes.py`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrl.errors import BoxError, SandboxError, UnknownIdError, UsageError
from agentrl.programs import Command, Driver, Limits, Python
from agentrl.sandboxes import subprocess as backend


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def box(folder: Path) -> Iterator[backend.Subprocess]:
    with backend.Subprocess() as sandbox:
        yield sandbox


def test_it_claims_little(box: backend.Subprocess) -> None:
    assert box.capabilities.protections == {"clean_env", "limits"}
    assert box.capabilities.level == 1
    assert backend.open(allow_degraded=("files",)).capabilities == box.capabilities


def test_a_run_leaves_no_folder(box: backend.Subprocess, folder: Path) -> None:
    assert box.run(Python("open('x', 'w')"), files={"a/b": b"1"}).status == "ok"
    assert list(folder.iterdir()) == []


def test_closing_ends_every_session(folder: Path) -> None:
    box = backend.Subprocess()
    boxes = [box.session(files={"f": b""}) for _ in range(3)]
    assert len(list(folder.iterdir())) == 3
    boxes[0].close()
    boxes[0].close()
    box.close()
    box.close()
    assert list(folder.iterdir()) == []


def test_a_program_is_main(box: backend.Subprocess) -> None:
    source = "import sys\nprint(__name__, sys.argv, sorted(k for k in globals() if not k.startswith('__')))"
    result = box.run(Python(source, argv=("a", "b")))
    name, _, rest = result.stdout.decode().partition(" ")
    assert name == "__main__"
    assert rest.endswith("'a', 'b'] ['sys']\n"), result
    assert box.run(Python("raise SystemExit('no')")).stderr == b"no\n"
    assert b"SyntaxError" in box.run(Python("(")).stderr


def test_a_command(box: backend.Subprocess) -> None:
    result = box.run(Command(("sh", "-c", "cat; echo $ASKED; pwd"), env={"ASKED": "yes"}), stdin=b"in\n")
    assert result.stdout.startswith(b"in\nyes\n")
    assert result.stdout.endswith(b"/box\n")
    missing = box.run(Command(("no-such-program",)))
    assert (missing.status, missing.exit_code) == ("nonzero", 127)
    assert missing.stderr == b"no-such-program: No such file or directory\n"


def test_an_unknown_driver(box: backend.Subprocess) -> None:
    with box.session() as session, pytest.raises(UnknownIdError, match="no driver 'nobody'"):
        session.start(Driver("nobody"))


def test_limits_of_one_process(box: backend.Subprocess) -> None:
    source = (
        "import resource as r\nprint(*(r.getrlimit(getattr(r, 'RLIMIT_' + n))[0] for n in ('NOFILE', 'CPU', 'CORE')))"
    )
    result = box.run(Python(source), limits=Limits(open_files=33, cpu_s=2.5))
    assert result.stdout == b"33 3 0\n"


def test_too_many_open_files(box: backend.Subprocess) -> None:
    result = box.run(Python("hold = [open('/dev/null') for _ in range(99)]"), limits=Limits(open_files=16))
    assert (result.status, b"Too many open files" in result.stderr) == ("nonzero", True)


def test_sessions_keep_files_and_not_programs(box: backend.Subprocess) -> None:
    with box.session() as session:
        assert session.run(Python("x = 1; open('f', 'w').write('kept')")).status == "ok"
        result = session.run(Python("print(open('f').read(), 'x' in globals())"))
    assert result.stdout == b"kept False\n"


def test_a_path_is_checked(box: backend.Subprocess, folder: Path) -> None:
    with pytest.raises(UsageError, match="needs a relative path"):
        box.run(Python(""), files={"../x": b""})
    assert not (folder / "x").exists()


def test_words_that_no_process_can_have_are_the_programs_doing(box: backend.Subprocess) -> None:
    for word in ("a\0b", "\ud800"):
        result = box.run(Command(("echo", word)))
        assert result.status == "signalled", "a policy that writes a NUL must not end the caller"
        assert "words" in result.detail


def test_writing_follows_no_link_and_waits_for_no_pipe(box: backend.Subprocess, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"kept")
    with box.session() as session:
        source = f"import os; os.symlink({str(tmp_path / 'secret')!r}, 'link'); os.mkfifo('pipe'); os.mkdir('folder')"
        assert session.run(Python(source)).status == "ok"
        session.write({"link": b"new", "pipe": b"new"})
        assert session.snapshot() == {"link": b"new", "pipe": b"new"}
        with pytest.raises(BoxError, match="'folder' could not be put"):
            session.write({"folder": b"new"})
    assert (tmp_path / "secret").read_bytes() == b"kept"


def test_no_process_can_be_started(box: backend.Subprocess, monkeypatch: pytest.MonkeyPatch) -> None:
    with box.session() as session:
        monkeypatch.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(SandboxError, match="could not be started"):
            session.start(Python(""))
        assert session.run(Python("")).status == "setup_failed"


def test_killing_twice_and_late_is_harmless(box: backend.Subprocess) -> None:
    with box.session() as session:
        process = session.start(Python("import time; time.sleep(60)"))
        process.kill()
        process.kill()
        result = process.finish()
        process.kill()
    assert (result.status, result.signal) == ("signalled", 9)
    assert process.finish() is result


def test_no_descriptor_stays_open(box: backend.Subprocess) -> None:
    box.run(Python(""))
    before = len(os.listdir("/proc/self/fd"))
    for source in ("", "import os; os.abort()", "import time; time.sleep(9)"):
        box.run(Python(source), limits=Limits(wall_s=0.2))
    assert len(os.listdir("/proc/self/fd")) == before


def test_boxes_of_killed_callers_are_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, alive = tmp_path / f"agentrl-box-{2**22 + 1}-x", tmp_path / f"agentrl-box-{os.getpid()}-x"
    for folder in (dead, alive):
        (folder / "box").mkdir(parents=True)
    backend.open().close()
    assert (dead.exists(), alive.exists()) == (False, True)
