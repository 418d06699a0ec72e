"""The contract's own part: opening, refusing, sharing, turns, cancelling; and files that come out of a hostile box."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrl import sandbox as contract
from agentrl.errors import BoxError, SandboxError, UnknownIdError, UsageError
from agentrl.programs import Files, Limits, Python
from agentrl.sandbox import Sandbox, Session, open_sandbox, require, shared
from agentrl.sandboxes._host import snapshot
from agentrl.sandboxes.subprocess import Subprocess

SLEEPER = Python("import time; time.sleep(60)")
LONG = Limits(wall_s=60.0)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with open_sandbox("subprocess", concurrency=2) as sandbox:
        yield sandbox


def test_opening() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'subprocess'"):
        open_sandbox("subproces")
    with pytest.raises(UsageError, match="did you mean 'concurrency'"):
        open_sandbox("subprocess", concurency=3)
    with pytest.raises(UsageError, match="no protection 'filez'"):
        open_sandbox("subprocess", allow_degraded=("filez",))


def test_require() -> None:
    missing = {"landlock": "the kernel is older than 5.13", "memory": "no control groups"}
    require("a", {}, ())
    require("a", missing, ("memory", "landlock"))
    with pytest.raises(SandboxError) as caught:
        require("a", missing, ("memory",))
    assert "landlock (the kernel is older than 5.13)" in str(caught.value)
    assert "allow_degraded=('landlock',)" in str(caught.value)
    assert "memory" not in str(caught.value)


def test_shared_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[object] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    contract._shared.cache_clear()  # another test may have opened it
    first = shared("subprocess")
    assert shared("subprocess") is first
    assert registered == [first.close]
    contract._shared.cache_clear()


def test_a_run_without_a_box_is_setup_failed() -> None:
    class Full(Subprocess):
        def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
            raise SandboxError("no room")

    with Full() as sandbox:
        result = sandbox.run(SLEEPER)
        assert (result.status, result.detail, result.ran) == ("setup_failed", "no room", False)
        assert asyncio.run(sandbox.arun(SLEEPER)) == result


def test_a_session_that_cannot_start_says_so(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with box.session() as session:

        def refuse(*_: object, **__: object) -> None:
            raise SandboxError("no process")

        monkeypatch.setattr(session, "start", refuse)
        assert session.run(SLEEPER).detail == "no process"


def test_collected_files(box: Sandbox) -> None:
    program = Python("import os; os.makedirs('a/b'); open('a/b/c', 'w').write('x'); open('d', 'w').close()")
    result = box.run(program, files={"given": b"y"}, collect=("a/b/c", "given", "absent"))
    assert result.files == {"a/b/c": b"x", "given": b"y"}
    assert box.run(Python("")).files == {}


def test_a_box_that_is_too_full_collects_nothing(box: Sandbox) -> None:
    program = Python("open('f', 'w').close()\nfor n in range(9): open(f'x{n}', 'w').close()")
    result = box.run(program, limits=Limits(inodes=4), collect=("f",))
    assert (result.status, result.files) == ("ok", {})


def test_arun_gives_what_run_gives(box: Sandbox) -> None:
    program = Python("print(input()); open('f', 'w').write('1')")

    async def both() -> None:
        one = await box.arun(program, stdin=b"x\n", collect=("f",))
        with box.session() as session:
            assert await session.arun(program, stdin=b"x\n", collect=("f",)) == one
        assert one == box.run(program, stdin=b"x\n", collect=("f",))

    asyncio.run(both())


def test_runs_take_turns(box: Sandbox) -> None:
    seen, most, lock = 0, 0, threading.Lock()

    def inside() -> None:
        nonlocal seen, most
        with box.turn():
            with lock:
                seen += 1
                most = max(most, seen)
            time.sleep(0.02)
            with lock:
                seen -= 1

    threads = [threading.Thread(target=inside) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_cancelling_ends_the_program(box: Sandbox, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    program = Python(f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)")

    async def cancel() -> None:
        task = asyncio.create_task(box.arun(program, limits=LONG))
        while not (mark.exists() and mark.read_text()):
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert not Path(f"/proc/{mark.read_text()}").exists()


def test_cancelling_what_waits_for_its_turn(box: Sandbox) -> None:
    async def cancel() -> None:
        running = [asyncio.create_task(box.arun(SLEEPER, limits=LONG)) for _ in range(2)]
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(box.arun(SLEEPER, limits=LONG))
        await asyncio.sleep(0.05)
        for task in (waiting, *running):
            task.cancel()
        done = await asyncio.gather(waiting, *running, return_exceptions=True)
        assert [type(found) for found in done] == [asyncio.CancelledError] * 3

    asyncio.run(cancel())
    assert box.run(Python("print(1)")).stdout == b"1\n"


def test_cancelled_before_its_process_is_there() -> None:
    stop, killed = contract._Stop(), []

    class Late:
        def kill(self) -> None:
            killed.append(1)

    stop.now()
    stop.holds(Late())  # type: ignore[arg-type]
    assert (stop.asked, killed) == (True, [1])


# Files out of a box.

SMALL = Limits(disk_mib=1, inodes=5)


def test_only_regular_files_come_out(tmp_path: Path) -> None:
    outside, box = tmp_path / "outside", tmp_path / "box"
    (outside / "deep").mkdir(parents=True)
    (outside / "secret").write_text("secret")
    box.mkdir()
    (box / "sub").mkdir()
    (box / "sub" / "file").write_bytes(b"\0x")
    (box / "empty").touch()
    (box / "link").symlink_to(outside / "secret")
    (box / "near").symlink_to("empty")
    (box / "folder").symlink_to(outside)
    (box / "climb").symlink_to("../outside/secret")
    (box / "loop").symlink_to("loop")
    os.link(outside / "secret", box / "hard")
    os.mkfifo(box / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(box / "socket"))
        assert snapshot(box, SMALL) == {"empty": b"", "sub/file": b"\0x"}


def test_names_come_out_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "new\nline ü").write_bytes(b"1")
    (tmp_path / os.fsdecode(b"\xff")).write_bytes(b"2")
    assert snapshot(tmp_path, SMALL) == {"new\nline ü": b"1", "\udcff": b"2"}


def test_too_many_files_do_not_come_out(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / str(n)).touch()
    assert len(snapshot(tmp_path, SMALL)) == 5
    (tmp_path / "5").touch()
    with pytest.raises(BoxError, match="5 files: raise its limits"):
        snapshot(tmp_path, SMALL)


def test_a_sparse_file_counts_by_what_it_seems(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 2**20)
    assert snapshot(tmp_path, SMALL) == {"sparse": bytes(2**20)}
    os.truncate(path, 2**40)
    with pytest.raises(BoxError):
        snapshot(tmp_path, SMALL)
