"""Probes 28 to 30, 34 and 35: the back end itself, seen from the host: its end, its leaks, its claims."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import multiprocessing
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from agentrl.errors import SandboxError, UsageError
from agentrl.probes.core import (
    LIMITS,
    Context,
    ProbeSkipped,
    SandboxFactory,
    await_gone,
    end_all,
    ended,
    fail_if,
    in_time,
    probe,
    processes,
    program,
    unique,
)
from agentrl.programs import PROTECTIONS, Command, Python
from agentrl.sandbox import Sandbox, require

_LONG = dataclasses.replace(LIMITS, wall_s=60.0)
_ORPHAN_S = 5.0
"""How long after its owner's death a program may be seen."""
RUNS, AT_A_TIME, RUNS_S = 500, 16, 10.0
"""How many runs, how many at a time, and for how long at most: a back end with a slow start does fewer."""
CANCELLED, TOGETHER = 200, 10


def _own(factory: SandboxFactory, marker: str, tell: Connection, folder: str) -> None:
    """Another process that owns a back end and a sleeping program in it; what it cannot clear away is in `folder`."""
    tempfile.tempdir = folder
    with factory() as sandbox, sandbox.session(limits=_LONG) as box:
        process = box.start(Command(("sleep", marker)))
        tell.send("started")
        tell.send(process.finish().status)
        tell.send(sandbox.run(Python("print(6 * 7)"), limits=LIMITS).status)


@contextlib.contextmanager
def _owner(context: Context) -> Iterator[tuple[int, str, Connection]]:
    """The owner's pid, what is among its program's arguments, and the pipe from it."""
    if "command" not in context.sandbox.capabilities.programs:
        raise ProbeSkipped("the back end runs no commands, so no program with arguments to look for")
    marker = unique()
    spawn = multiprocessing.get_context("spawn")
    heard, tell = spawn.Pipe(duplex=False)
    folder = tempfile.TemporaryDirectory(prefix="agentrl-probe-", ignore_cleanup_errors=True)
    owner = spawn.Process(target=_own, args=(context.factory, marker, tell, folder.name))
    owner.start()
    tell.close()
    try:
        fail_if(not heard.poll(30) or heard.recv() != "started", "another process could not start a program")
        deadline = time.monotonic() + 5
        while not processes(marker) and time.monotonic() < deadline:  # until the program has become `sleep`
            time.sleep(0.02)
        if not processes(marker):
            raise ProbeSkipped("the box's programs are not seen on this host")
        assert owner.pid is not None
        yield owner.pid, marker, heard
    finally:
        owner.kill()
        owner.join()
        heard.close()
        end_all(marker)
        folder.cleanup()


def _children(pid: int) -> list[int]:
    """The child processes of a process, dead ones too."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text(errors="replace").rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _groups_of(pids: list[int]) -> list[str]:
    """Control groups named after one of these processes."""
    found = (folder for folder, _, _ in os.walk("/sys/fs/cgroup"))
    return [folder for folder in found if any(f"agentrl-{pid}" in Path(folder).name for pid in pids)]


@probe(28, "tree_kill")
def killed_owner(context: Context) -> None:
    """Kill the process that owns the back end while a program runs."""
    mounts = _mounts()
    with _owner(context) as (pid, marker, _):
        helpers = [pid, *_children(pid)]
        os.kill(pid, signal.SIGKILL)
        await_gone(marker, _ORPHAN_S)
        deadline = time.monotonic() + _ORPHAN_S
        while (left := _mounts() - mounts) and time.monotonic() < deadline:
            time.sleep(0.05)
        fail_if(left, f"mounts are left on the host: {left}")
    context.factory().close()  # a killed process cannot remove its groups: the next one that opens does
    fail_if(_groups_of(helpers), f"control groups are left: {_groups_of(helpers)}")


@probe(28, "tree_kill")
def killed_launcher(context: Context) -> None:
    """Kill the back end's helper processes while a program runs."""
    with _owner(context) as (pid, marker, heard):
        launchers = _children(pid)
        if not launchers:
            raise ProbeSkipped("the back end has no process of its own")
        for launcher in launchers:
            os.kill(launcher, signal.SIGKILL)
        await_gone(marker, _ORPHAN_S)
        for what in ("the program", "the next run"):
            fail_if(not heard.poll(20), f"the owner hangs over {what} after its launcher was killed")
            status = heard.recv()
            fail_if(what == "the program" and status == "ok", "a killed launcher's program is said to be ok")


def _mounts() -> set[str]:
    """Where something is mounted on the host, as this process sees it."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return {line.split()[4] for line in lines}


@contextlib.contextmanager
def _private_temp() -> Iterator[Path]:
    """A folder for temporary files of this process alone, so that what is left in it is its own."""
    before = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="agentrl-probe-") as folder:
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before


def _held() -> dict[str, int]:
    """What this process holds that a run could leak."""
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": len(_children(os.getpid())),
        "mounts": len(_mounts()),
    }


def _rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _many(sandbox: Sandbox, count: int, seconds: float) -> int:
    """Run a program often, some at a time; each must say its own number. Returns how many ran."""
    until = time.monotonic() + seconds

    def one(number: int) -> int:
        if time.monotonic() > until:
            return 0
        result = sandbox.run(Python(f"print({number})"), limits=_LONG)
        fail_if(result.stdout != f"{number}\n".encode(), f"run {number}: {ended(result)}, {result.stdout[:40]!r}")
        return 1

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return sum(pool.map(one, range(count)))


@probe(29)
def many_runs(context: Context) -> None:
    """Run 500 programs, 16 at a time, and count descriptors, processes, mounts, files, groups, memory."""
    at_first, others = _held(), _children(os.getpid())
    with _private_temp() as folder:
        with context.factory() as sandbox:
            _many(sandbox, 2 * AT_A_TIME, RUNS_S)  # what is set up once is set up now
            before, size, files = _held(), _rss_mib(), len(os.listdir(folder))
            helpers = [pid for pid in _children(os.getpid()) if pid not in others]
            ran = _many(sandbox, RUNS, RUNS_S)
            after, grown = _held(), _rss_mib() - size
            more = {name: f"{before[name]} to {after[name]}" for name in after if after[name] > before[name]}
            fail_if(more, f"after {ran} runs: {more}")
            fail_if(len(os.listdir(folder)) > files, f"after {ran} runs temporary files are left")
            fail_if(grown > 32, f"after {ran} runs the caller has grown by {grown:.0f} MiB")
        fail_if(os.listdir(folder), f"temporary files stay after closing: {os.listdir(folder)[:3]}")
        fail_if(_groups_of(helpers), f"control groups stay after closing: {_groups_of(helpers)[:3]}")
    at_last = _held()
    more = {name: f"{at_first[name]} to {at_last[name]}" for name in at_last if at_last[name] > at_first[name]}
    fail_if(more, f"after closing: {more}")


async def _cancel_some(sandbox: Sandbox, command: Command, seed: int) -> None:
    delays = random.Random(seed)

    async def one() -> None:
        task = asyncio.create_task(sandbox.arun(command, limits=_LONG))
        await asyncio.sleep(delays.uniform(0.0, 0.05))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    for _ in range(CANCELLED // TOGETHER):
        await asyncio.gather(*(one() for _ in range(TOGETHER)))


@probe(30)
def cancelled_runs(context: Context) -> None:
    """Cancel 200 runs at random moments."""
    if "command" not in context.sandbox.capabilities.programs:
        raise ProbeSkipped("the back end runs no commands, so no program with arguments to look for")
    sandbox, marker = context.sandbox, unique()
    before = _held()
    in_time(120, lambda: asyncio.run(_cancel_some(sandbox, Command(("sleep", marker)), seed=30)))
    await_gone(marker, 1.0)
    after = _held()
    more = {name: f"{before[name]} to {after[name]}" for name in after if after[name] > before[name] + 1}
    fail_if(more, f"after {CANCELLED} cancelled runs: {more}")
    meeting = threading.Barrier(sandbox.concurrency)

    def turn() -> None:
        with sandbox.turn():
            meeting.wait(5)

    with ThreadPoolExecutor(sandbox.concurrency) as pool:
        turns = [pool.submit(turn) for _ in range(sandbox.concurrency)]
    fail_if(any(t.exception() for t in turns), f"fewer than {sandbox.concurrency} runs at a time are left")
    fail_if(context.facts("tell(works=1)") != {"works": 1}, "nothing runs any more")


_FACTS = """
import resource
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status") if ":" in line)
def limit(name):
    return resource.getrlimit(getattr(resource, "RLIMIT_" + name))[0]
def room(folder):
    facts = os.statvfs(folder)
    return [facts.f_blocks * facts.f_frsize >> 20, facts.f_files]
def layers():
    # The kernel allows 16 layers of Landlock; a box that is locked already has fewer left.
    rules = libc.syscall(444, (ctypes.c_uint64 * 1)(1), ctypes.c_size_t(8), 0)
    if rules < 0:
        return None
    libc.prctl(38, 1, 0, 0, 0)
    return next((n for n in range(20) if libc.syscall(446, rules, 0) < 0), 20)
def namespace(name):
    try:
        return os.readlink("/proc/self/ns/" + name)
    except OSError:
        return None
root = os.stat("/")
tell(root=[root.st_dev, root.st_ino], ns={n: namespace(n) for n in ("net", "pid", "ipc", "mnt", "uts")},
     caps=[status[n].strip() for n in ("CapInh", "CapPrm", "CapEff", "CapAmb")], no_new=status["NoNewPrivs"].strip(),
     seccomp=status["Seccomp"].strip(), env=sorted(os.environ),
     limits={n: limit(n) for n in ("NOFILE", "CORE", "FSIZE", "CPU", "AS")},
     room={f: room(f) for f in (os.getcwd(), "/tmp")}, layers=layers())
"""
_NAMESPACES = {"network": "net", "pids": "pid", "ipc": "ipc"}


@probe(34)
def claims(context: Context) -> None:
    """Hold what is claimed against the facts inside: namespaces, capabilities, filters, limits, room."""
    box = context.sandbox.capabilities
    unknown = (box.protections | set(box.missing)) - PROTECTIONS
    fail_if(unknown, f"no protection is called {', '.join(sorted(unknown))}")
    fail_if(both := box.protections & set(box.missing), f"both claimed and missing: {', '.join(sorted(both))}")
    facts = context.facts(_FACTS)
    false = [name for name, holds in _holds(facts).items() if name in box.protections and not holds]
    fail_if(false, f"claimed, but the facts inside say otherwise: {', '.join(false)}")


def _holds(facts: dict[str, Any]) -> dict[str, bool]:
    """For each protection that shows in facts, whether it does; the others have probes that try them."""
    root, limits = Path("/").stat(), facts["limits"]
    return {
        **{name: facts["ns"][ns] != os.readlink(f"/proc/self/ns/{ns}") for name, ns in _NAMESPACES.items()},
        "files": facts["root"] != [root.st_dev, root.st_ino] and facts["ns"]["mnt"] != os.readlink("/proc/self/ns/mnt"),
        "no_privileges": not any(int(word, 16) for word in facts["caps"]) and facts["no_new"] == "1",
        "syscalls": facts["seccomp"] == "2",
        "landlock": facts["layers"] is None or facts["layers"] < 16,
        "limits": limits["NOFILE"] == LIMITS.open_files and limits["CORE"] == 0 and min(limits.values()) >= 0,
        "disk": all(
            size <= LIMITS.disk_mib + 1 and 0 < nodes <= LIMITS.inodes + 16 for size, nodes in facts["room"].values()
        ),
    }


@probe(34, "private_uid")
def private_user(context: Context) -> None:
    """Run as the caller's user, or as the host's root."""
    with _owner(context) as (_, marker, _heard):
        users = {Path(f"/proc/{pid}").stat().st_uid for pid in processes(marker)}
    fail_if(users & {0, os.getuid()}, f"the program runs as user {sorted(users)} of the host")


@probe(35)
def degraded_host(context: Context) -> None:
    """Open on a host that lacks a protection, with and without leave."""
    backend = context.sandbox.capabilities.backend
    for name in sorted(context.sandbox.capabilities.protections):
        try:
            opened = context.factory(pretend_missing=(name,))
        except SandboxError as refusal:
            fail_if(name not in str(refusal), f"a refusal for want of {name!r} does not name it: {refusal}")
        except (UsageError, TypeError):  # it has no such option: the rule that every back end uses
            _check_rule(backend, name)
        else:
            opened.close()
            fail_if(name, f"it opens without {name!r}, though nobody allowed that")
    with (
        contextlib.suppress(UsageError, TypeError),
        context.factory(pretend_missing=("landlock",), allow_degraded=("landlock",)) as degraded,
    ):
        claimed = degraded.capabilities
        fail_if("landlock" in claimed.protections, "a protection is claimed that is missing")
        fail_if("landlock" not in claimed.missing, "what is missing is not said")
        result = degraded.run(program("tell(works=1)"), limits=LIMITS)
        fail_if(result.status != "ok", f"with leave to lack Landlock: {ended(result)}")


def _check_rule(backend: str, name: str) -> None:
    try:
        require(backend, {name: "pretended"}, ())
    except SandboxError:
        require(backend, {name: "pretended"}, (name,))
        return
    fail_if(name, f"the rule lets a missing {name!r} pass")
