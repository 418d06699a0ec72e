"""The poll loop over a program's pipes, with a program that is played by the test through the other ends."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator

import pytest

from agentrl.programs import Capabilities, Limits
from agentrl.sandboxes import _running
from agentrl.sandboxes._running import Exit, Handle, Running

BOX = Capabilities("played", 1, frozenset())
LIMITS = Limits(wall_s=5.0, output_bytes=1000)
MUCH = 1_000_000  # more than a pipe holds


class Played(Handle):
    """A program's three pipes; `ends` makes it exit."""

    def __init__(self) -> None:
        self.its_stdin, self.stdin = os.pipe()
        self.stdout, self.its_stdout = os.pipe()
        self.stderr, self.its_stderr = os.pipe()
        self.exit_fd, self._alive = os.pipe()
        self.ended: Exit | None = None
        self.kills = 0
        self.dies_when_killed = True
        self._open = {self.its_stdin, self.its_stdout, self.its_stderr, self._alive}

    def ends(self, ended: Exit) -> None:
        self.ended = self.ended or ended
        self.drop(*self._open)

    def drop(self, *fds: int) -> None:
        for fd in fds:
            if fd in self._open:
                self._open.remove(fd)
                os.close(fd)

    def kill(self) -> None:
        self.kills += 1
        if self.dies_when_killed:
            self.ends(Exit(signal=9))

    def exit(self) -> Exit:
        assert self.ended is not None
        return self.ended

    def close(self) -> None:
        os.close(self.exit_fd)
        self.drop(*tuple(self._open))


@pytest.fixture
def played() -> Iterator[Played]:
    before = set(os.listdir("/proc/self/fd"))
    handle = Played()
    yield handle
    assert set(os.listdir("/proc/self/fd")) <= before, "a pipe stays open"


def test_everything_that_was_written_is_kept(played: Played) -> None:
    os.write(played.its_stdout, b"out\0")
    os.write(played.its_stderr, b"err")
    played.ends(Exit(code=0, cpu_s=1.5, max_rss_mib=7.0))
    result = Running(played, LIMITS, BOX).finish()
    assert (result.status, result.exit_code, result.stdout, result.stderr) == ("ok", 0, b"out\0", b"err")
    assert (result.stdout_bytes, result.stderr_bytes, result.limit) == (4, 3, "")
    assert (result.cpu_s, result.max_rss_mib, result.box) == (1.5, 7.0, BOX)


@pytest.mark.parametrize(
    ("ended", "status", "limit"),
    [
        (Exit(code=0), "ok", ""),
        (Exit(code=1), "nonzero", ""),
        (Exit(code=137), "nonzero", ""),
        (Exit(signal=11), "signalled", ""),
        (Exit(signal=9), "signalled", ""),
        (Exit(signal=9, fired="memory_mib"), "oom", "memory_mib"),
        (Exit(signal=9, fired="cpu_s"), "timeout_cpu", "cpu_s"),
        (Exit(signal=24, cpu_s=LIMITS.cpu_s), "timeout_cpu", "cpu_s"),
        (Exit(signal=24), "signalled", ""),  # sent by itself
        (Exit(signal=9, cpu_s=LIMITS.cpu_s), "timeout_cpu", "cpu_s"),
        (Exit(signal=9, fired="wall_s"), "timeout_wall", "wall_s"),
        (Exit(error="the box is gone"), "infra_error", ""),
        (Exit(code=0, fired="memory_mib", error="the box is gone"), "infra_error", ""),
    ],
)
def test_status(played: Played, ended: Exit, status: str, limit: str) -> None:
    played.ends(ended)
    result = Running(played, LIMITS, BOX).finish()
    assert (result.status, result.limit, result.detail) == (status, limit, ended.error)


def test_the_wall_limit_kills(played: Played) -> None:
    result = Running(played, Limits(wall_s=0.05), BOX).finish()
    assert (result.status, result.limit) == ("timeout_wall", "wall_s")
    assert played.kills >= 1


def test_what_does_not_die_in_time_ran_out_of_time(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_running, "_END_S", 0.05)
    played.dies_when_killed = False
    result = Running(played, Limits(wall_s=0.05), BOX).finish()
    assert (result.status, result.limit) == ("timeout_wall", "wall_s")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_first_bytes_of_too_much_are_kept(played: Played, stream: str) -> None:
    os.write(getattr(played, f"its_{stream}"), b"a" * 1000 + b"b" * 500)
    result = Running(played, LIMITS, BOX).finish()
    assert (result.status, result.limit) == ("output_limit", "output_bytes")
    assert getattr(result, stream) == b"a" * 1000
    assert getattr(result, f"{stream}_bytes") >= 1001


def test_exactly_the_limit_is_allowed(played: Played) -> None:
    os.write(played.its_stdout, b"a" * 1000)
    played.ends(Exit(code=0))
    assert Running(played, LIMITS, BOX).finish().status == "ok"


def test_a_frame_is_cut_where_asked(played: Played) -> None:
    process = Running(played, LIMITS, BOX)
    os.write(played.its_stdout, b"abcdef")
    assert process.receive(2) == b"ab"
    assert process.receive(3) == b"cde"
    assert process.receive(3, timeout_s=0.02) == b"f"
    played.ends(Exit(code=0))
    assert process.receive(1) == b""
    assert process.finish().stdout == b""


def test_what_was_not_received_is_in_the_result(played: Played) -> None:
    process = Running(played, LIMITS, BOX)
    os.write(played.its_stdout, b"frame, rest")
    assert process.receive(5) == b"frame"
    played.ends(Exit(code=0))
    assert process.finish().stdout == b", rest"


def test_stderr_is_read_while_waiting_for_a_frame(played: Played) -> None:
    process = Running(played, Limits(wall_s=5.0, output_bytes=2 * MUCH), BOX)

    def program() -> None:
        rest = memoryview(b"e" * MUCH)
        while rest:
            rest = rest[os.write(played.its_stderr, rest) :]
        os.write(played.its_stdout, b"frame")

    thread = threading.Thread(target=program)
    thread.start()
    assert process.receive(5) == b"frame"
    thread.join()
    played.ends(Exit(code=0))
    assert process.finish().stderr_bytes == MUCH


def test_frames_may_be_larger_than_the_output_limit(played: Played) -> None:
    process = Running(played, LIMITS, BOX)
    threading.Thread(target=lambda: os.write(played.its_stdout, b"x" * 5000), daemon=True).start()
    assert process.receive(5000) == b"x" * 5000
    played.ends(Exit(code=0))
    assert process.finish().status == "ok"


def test_input_is_fed_and_closed(played: Played) -> None:
    got: list[bytes] = []

    def program() -> None:
        while chunk := os.read(played.its_stdin, 65536):
            got.append(chunk)
        played.ends(Exit(code=0))

    thread = threading.Thread(target=program)
    process = Running(played, LIMITS, BOX)
    thread.start()
    assert process.send(b"first")
    result = process.finish(b"x" * MUCH)
    thread.join()
    assert (result.status, b"".join(got)) == ("ok", b"first" + b"x" * MUCH)


def test_sending_to_who_does_not_read_ends_in_time(played: Played) -> None:
    process = Running(played, Limits(wall_s=0.1), BOX)
    assert not process.send(b"x" * MUCH)
    assert process.finish().status == "timeout_wall"


def test_sending_to_a_closed_stdin_is_no_error(played: Played) -> None:
    process = Running(played, LIMITS, BOX)
    played.drop(played.its_stdin)
    process.send(b"x")
    played.ends(Exit(code=0))
    assert process.finish(b"more").status == "ok"


def test_sending_to_the_dead_fails(played: Played) -> None:
    process = Running(played, LIMITS, BOX)
    played.ends(Exit(code=3))
    assert process.receive(1) == b""
    assert not process.send(b"x")
    assert process.finish().exit_code == 3


def test_a_daemon_that_keeps_the_pipe_is_not_waited_for(played: Played) -> None:
    kept = os.dup(played.its_stdout)
    played.ends(Exit(code=0))
    assert Running(played, LIMITS, BOX).finish().status == "ok"
    os.close(kept)


def test_finishing_twice_gives_the_same(played: Played) -> None:
    played.ends(Exit(code=0))
    process = Running(played, LIMITS, BOX)
    assert process.finish() is process.finish()


def test_a_frame_is_whole_though_its_writer_has_ended(played: Played) -> None:
    fcntl.fcntl(played.its_stdout, fcntl.F_SETPIPE_SZ, 2**20)
    process = Running(played, LIMITS, BOX)
    os.write(played.its_stdout, b"x" * 200_000 + b"y" * 100_000 + b"rest")
    assert process.receive(200_000, timeout_s=5) == b"x" * 200_000
    played.ends(Exit(code=0))
    assert process.receive(100_000) == b"y" * 100_000
    assert process.finish().stdout == b"rest"
