"""Worker processes: whatever a function does, the caller is back at its deadline, and the next call works."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agentrl._worker import FRAME_BYTES, receive, send
from agentrl.errors import InfraError
from agentrl.workers import Answer, Workers, _readable

JOBS = """
import itertools, os, re, signal, sys, time
WARMED = []
def warm(): WARMED.append(os.getpid())
def double(x): return 2 * x
def pid(_): return os.getpid()
def parent(_): return os.getppid()
def warmed(_): return WARMED[0] == os.getppid()
def sleep(s): time.sleep(s); return "slept"
def deaf(_):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True: pass
def in_c(_): return re.match("(a+)+$", "a" * 40 + "b") is None
def fill(mib): return len(bytearray(mib << 20))
def fail(_): raise KeyError("gone")
def leave(code): os._exit(code)
def quit(_): sys.exit(0)
def odd(_): return {1, 2}
def huge(n): return "x" * n
def deep(_):
    value = []
    for _ in range(100_000): value = [value]
    return value
def hashed(text): return hash(text)
"""

Make = Callable[..., Workers]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A module of functions, on the path of this process and so of the workers'."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "worker_jobs.py").write_text(JOBS)
    (folder / "worker_broken.py").write_text("raise ValueError('no tables today')")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield "worker_jobs"


@pytest.fixture(scope="module")
def shared(module: str) -> Iterator[Workers]:
    workers = Workers(module, timeout_s=2.0, memory_mib=512, count=2, warm="warm")
    yield workers
    workers.close()


@pytest.fixture
def make(module: str) -> Iterator[Make]:
    made: list[Workers] = []

    def new(name: str = module, **options: Any) -> Workers:
        made.append(Workers(name, **options))
        return made[-1]

    yield new
    for workers in made:
        workers.close()


def test_a_call_gives_what_the_function_returns(shared: Workers) -> None:
    assert shared.call("double", 21) == Answer("done", 42)
    assert shared.call("double", "é\ud800") == Answer("done", "é\ud800" * 2)
    assert shared.call("warmed", None).value is True


def test_a_call_may_be_given_less_time_but_not_more(make: Make) -> None:
    workers = make(timeout_s=0.4, count=1)
    short = workers.call("sleep", 60, timeout_s=0.1)
    long = workers.call("sleep", 60, timeout_s=60)
    assert (short.detail, long.detail) == ("no answer within 0.1 s", "no answer within 0.4 s")
    assert 0.1 <= short.seconds < 0.4 <= long.seconds < 10


def test_the_wait_for_a_free_worker_is_not_the_calls_own_time(make: Make) -> None:
    workers = make(timeout_s=20, count=1)
    workers.call("double", 1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: workers.call("sleep", 0.5), range(4)))
    assert [answer.value for answer in answers] == ["slept"] * 4
    assert max(answer.seconds for answer in answers) < 1.5  # which the last one waited for the others


def test_workers_are_used_again(shared: Workers) -> None:
    assert len({shared.call("pid", None).value for _ in range(10)}) == 1


def test_hashes_are_the_same_in_every_template(shared: Workers, make: Make) -> None:
    assert shared.call("hashed", "x") == make().call("hashed", "x")


@pytest.mark.parametrize("function", ["deaf", "in_c", "sleep"])
def test_a_call_that_does_not_end_is_a_timeout(function: str, make: Make) -> None:
    workers = make(timeout_s=0.3, count=1)
    before = workers.call("pid", None).value
    assert workers.call(function, 60) == Answer("timeout", detail="no answer within 0.3 s")
    after = workers.call("pid", None).value
    assert after != before
    assert not Path(f"/proc/{before}").exists()  # killed, and reaped


@pytest.mark.parametrize(
    ("function", "argument", "status", "detail"),
    [
        ("fail", None, "error", "KeyError: 'gone'"),
        ("absent", None, "error", "AttributeError"),
        ("fill", 4096, "resource_limit", "out of memory"),
        ("leave", 0, "resource_limit", "the worker died"),
        ("quit", None, "resource_limit", "the worker died"),
        ("odd", None, "resource_limit", "the worker died"),
        ("deep", None, "resource_limit", "the worker died"),
        ("huge", FRAME_BYTES + 1, "resource_limit", "the worker died"),
    ],
)
def test_a_call_that_fails_is_an_answer_and_the_next_works(
    function: str, argument: Any, status: str, detail: str, shared: Workers
) -> None:
    answer = shared.call(function, argument)
    assert (answer.status, answer.value) == (status, None)
    assert detail in answer.detail
    assert shared.call("double", 1) == Answer("done", 2)


def test_an_argument_that_is_no_json_is_the_callers_fault(shared: Workers) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        shared.call("double", {1})
    assert shared.call("double", 1).value == 2


def test_many_failures_leave_no_process_and_no_file_behind(make: Make) -> None:
    workers = make(timeout_s=0.02, count=2)
    workers.call("double", 1)
    files, children = len(os.listdir("/proc/self/fd")), _children(workers)
    for _ in range(40):
        assert workers.call("sleep", 60).status == "timeout"
        assert workers.call("leave", 1).status == "resource_limit"
    workers.call("double", 1)
    assert len(os.listdir("/proc/self/fd")) <= files
    assert _children(workers) <= max(children, 2)


def _children(workers: Workers) -> int:
    """Processes that the template has, dead ones included."""
    template = workers._state.template
    assert template is not None
    return len(Path(f"/proc/{template.process.pid}/task/{template.process.pid}/children").read_text().split())


def test_threads_share_a_bounded_number_of_workers(shared: Workers) -> None:
    with ThreadPoolExecutor(8) as pool:
        pids = list(pool.map(lambda _: shared.call("pid", None).value, range(64)))
        assert list(pool.map(lambda n: shared.call("double", n).value, range(64))) == [2 * n for n in range(64)]
    assert 1 <= len(set(pids)) <= 2


def test_a_stuck_call_holds_up_no_other_thread(make: Make) -> None:
    workers = make(timeout_s=1.5, count=2)
    workers.call("double", 1)
    ended: list[str] = []
    stuck = threading.Thread(target=lambda: ended.append(workers.call("deaf", None).status))
    stuck.start()
    assert [workers.call("double", n).value for n in range(20)] == [2 * n for n in range(20)]
    assert ended == []
    stuck.join()
    assert ended == ["timeout"]


def test_calls_from_an_event_loop(shared: Workers) -> None:
    async def three() -> list[Answer]:
        return list(await asyncio.gather(*(asyncio.to_thread(shared.call, "double", n) for n in range(3))))

    assert [a.value for a in asyncio.run(three())] == [0, 2, 4]


def test_a_forked_process_gets_workers_of_its_own(shared: Workers) -> None:
    own, template = shared.call("pid", None).value, shared.call("parent", None).value
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            sender.send([shared.call("double", 4).value, shared.call("pid", None).value])
            shared.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    value, other = receiver.recv()
    assert (value, other != own) == (8, True)
    assert (shared.call("pid", None).value, shared.call("parent", None).value) == (own, template)


def test_workers_end_with_their_owner(module: str) -> None:
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        workers = Workers(module)
        sender.send([workers.call("pid", None).value, workers.call("parent", None).value])
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    pids = receiver.recv()
    end = time.monotonic() + 10
    while any(_runs(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_a_worker_or_a_template_killed_from_outside_is_replaced(make: Make) -> None:
    workers = make()
    for which in ("pid", "parent"):  # while nobody calls
        killed = workers.call(which, None).value
        os.kill(killed, signal.SIGKILL)
        while _runs(killed) or (which == "parent" and not _hung_up(workers)):
            time.sleep(0.01)
        assert workers.call("double", 1) == Answer("done", 2)


def _hung_up(workers: Workers) -> bool:
    """Whether all idle workers are gone: they die with their template, a moment later."""
    return all(_readable(worker.channel, 0.0) for worker in workers._state.idle)


def test_a_template_killed_during_a_call_is_the_machines_fault(make: Make) -> None:
    workers = make(timeout_s=20)
    template = workers.call("parent", None).value
    killer = threading.Timer(0.2, os.kill, (template, signal.SIGKILL))
    killer.start()
    with pytest.raises(InfraError, match="ended from outside"):
        workers.call("sleep", 10)
    assert workers.call("double", 1) == Answer("done", 2)


def test_a_template_that_answers_too_late_is_replaced(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its late answer would be taken for the next one."""
    workers = make(timeout_s=0.2)
    template = workers.call("parent", None).value
    monkeypatch.setattr("agentrl.workers._CONTROL_S", 0.2)
    monkeypatch.setattr("agentrl.workers._control_reply.__defaults__", (0.2,))
    os.kill(template, signal.SIGSTOP)
    try:
        assert workers.call("sleep", 10).status == "timeout"
    finally:
        if _runs(template):
            os.kill(template, signal.SIGCONT)
    monkeypatch.undo()
    assert [workers.call("double", n) for n in range(3)] == [Answer("done", 2 * n) for n in range(3)]
    assert workers.call("parent", None).value != template


def test_a_module_that_cannot_be_imported_is_said_in_one_line(make: Make) -> None:
    with pytest.raises(InfraError, match="the workers of worker_broken cannot be started: ValueError: no tables today"):
        make("worker_broken").call("double", 1)


def test_it_starts_where_many_files_are_open(make: Make) -> None:
    """Numbers over 1,023, which `select` refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1300:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1300), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert make(timeout_s=10).call("double", 2) == Answer("done", 4)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_after_close_the_next_call_starts_anew(make: Make) -> None:
    workers = make()
    first = workers.call("parent", None).value
    workers.close()
    workers.close()
    assert not _runs(first)
    assert workers.call("parent", None).value != first


# Frames.


def test_frames_keep_what_they_carry_and_their_borders() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for value in ([1, "é\ud800\n"], None, {"a": [True, 0.5]}, ""):
            send(ours, value)
        assert [receive(theirs) for _ in range(4)] == [[1, "é\ud800\n"], None, {"a": [True, 0.5]}, ""]


@pytest.mark.parametrize(
    ("data", "error"), [(b"\xff\xff\xff\xff", ValueError), (b"\x02\x00\x00\x00{", EOFError), (b"\x01\x00", EOFError)]
)
def test_what_is_no_frame_is_refused(data: bytes, error: type[Exception]) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(data)
        with pytest.raises(error):
            receive(theirs)
