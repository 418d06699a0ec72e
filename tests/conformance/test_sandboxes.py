"""Every sandbox keeps what it claims, and every probe can tell: a back end that lies is found out.

The back ends that need no service of the machine are probed here; `docker` is probed by the integration tests. What is
found out about a liar is harmless: only limits, reading, and files and processes of the probes' own.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentrl import registry
from agentrl.errors import SandboxError, UsageError
from agentrl.probes import (
    Probe,
    ProbeResult,
    all_probes,
    behaviour,
    core,
    escape,
    host,
    kernel,
    limits,
    neighbours,
    run_probes,
    streams,
)
from agentrl.probes.core import Context, run_one
from agentrl.programs import PROTECTIONS, ExecResult, Files, Limits
from agentrl.sandbox import Session, open_sandbox
from agentrl.sandboxes.subprocess import Subprocess

SERVICES = ("docker",)
BACKENDS = [id for id in registry.ids("sandbox") if id not in SERVICES]
PROBES = {f"{probe.number}-{probe.name}": probe for probe in all_probes()}

Opened = Callable[[str], Context]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """A back end by its id, opened once for all probes."""
    contexts: dict[str, Context] = {}

    def find(id: str) -> Context:
        if id not in contexts:
            factory = functools.partial(open_sandbox, id)
            try:
                contexts[id] = Context(factory(), factory)
            except SandboxError as error:
                pytest.skip(f"{id} does not open on this host: {error}")
        return contexts[id]

    yield find
    for context in contexts.values():
        context.sandbox.close()


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.parametrize("id", BACKENDS)
def test_back_end_keeps_its_claims(id: str, name: str, opened: Opened) -> None:
    result = run_one(PROBES[name], opened(id))
    assert result.outcome in ("pass", "not_claimed", "skipped"), result.detail


def test_every_row_of_the_table_has_a_probe() -> None:
    assert {probe.number for probe in all_probes()} == set(range(1, 36))
    assert len(PROBES) == len(all_probes())


def test_every_protection_has_a_probe() -> None:
    assert frozenset().union(*(probe.needs for probe in all_probes())) >= PROTECTIONS - {"landlock"}
    assert "landlock" in host._holds(_facts_of_a_bare_host())


def _facts_of_a_bare_host() -> dict[str, Any]:
    root = os.stat("/")
    return {
        "root": [root.st_dev, root.st_ino],
        "ns": {name: os.readlink(f"/proc/self/ns/{name}") for name in ("net", "pid", "ipc", "mnt", "uts")},
        "caps": ["0", "1ff", "1ff", "0"],
        "no_new": "0",
        "seccomp": "0",
        "limits": {"NOFILE": 1024, "CORE": 0, "FSIZE": -1, "CPU": -1, "AS": -1},
        "room": {"/tmp": [10**6, 10**6]},
        "layers": 16,
    }


def test_a_bare_host_holds_nothing() -> None:
    assert not any(host._holds(_facts_of_a_bare_host()).values())


class Liar(Subprocess):
    """Claims everything, and gives what `subprocess` gives."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities = dataclasses.replace(self.capabilities, protections=PROTECTIONS)


class Bent(Subprocess):
    """Tells its results otherwise."""

    def __init__(self, bend: Callable[[ExecResult], ExecResult]) -> None:
        super().__init__()
        self._bend = bend

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        session = super().session(files=files, limits=limits)
        inner = session._run
        session._run = lambda *args: self._bend(inner(*args))  # type: ignore[method-assign]
        return session


class Follower(Liar):
    """Puts files where a program's links lead."""

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        session = super().session(files=files, limits=limits)
        folder = session._folder / "box"  # type: ignore[attr-defined]

        def write(files: Files) -> None:
            for name, content in files.items():
                if not (folder / name).is_fifo():
                    (folder / name).write_bytes(content)

        session.write = write  # type: ignore[method-assign]
        return session


def found_by(probe: Probe, factory: Callable[[], Subprocess]) -> ProbeResult:
    with factory() as sandbox:
        return run_one(probe, Context(sandbox, factory))


HARMLESS = (
    escape.interfaces,
    escape.abstract_socket,
    escape.read_files,
    escape.environment_of_others,
    escape.list_processes,
    kernel.foreign_sockets,
    kernel.privileges,
    kernel.terminals,
    neighbours.files_of_neighbours,
    neighbours.processes_of_neighbours,
    neighbours.memory_of_neighbours,
    neighbours.ports_of_neighbours,
    neighbours.locks_of_neighbours,
    behaviour.state_of_files,
    limits.daemon,
    limits.daemon_of_a_timeout,
    host.claims,
    host.private_user,
)


@pytest.mark.parametrize("probe", HARMLESS, ids=lambda probe: f"{probe.number}-{probe.name}")
def test_probe_sees_a_hole(probe: Probe) -> None:
    assert probe.needs or probe is host.claims
    result = found_by(probe, Liar)
    assert result.outcome == "fail"
    assert "did not end well" not in result.detail


def test_an_orphan_is_seen_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    markers: list[str] = []
    monkeypatch.setattr(host, "_ORPHAN_S", 0.3)

    def unique() -> str:
        markers.append(core.unique())
        return markers[-1]

    monkeypatch.setattr(host, "unique", unique)
    assert "still alive" in found_by(host.killed_owner, Liar).detail
    deadline = time.monotonic() + 5  # a killed process takes a moment to be gone
    while any(core.processes(marker) for marker in markers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [core.processes(marker) for marker in markers] == [[]]


def test_a_mount_that_is_left_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_ORPHAN_S", 3.0)
    seen = itertools.chain([{"/"}], itertools.repeat({"/", "/left"}))
    monkeypatch.setattr(host, "_mounts", lambda: next(seen))
    factory = functools.partial(open_sandbox, "zygote")
    with factory() as sandbox:
        assert "mounts are left on the host: {'/left'}" in run_one(host.killed_owner, Context(sandbox, factory)).detail


def test_a_followed_link_is_seen() -> None:
    assert found_by(streams.links_in, Follower).outcome == "fail"
    assert found_by(streams.links_in, Liar).outcome == "pass"


def changed(**fields: Any) -> Callable[[ExecResult], ExecResult]:
    return lambda result: dataclasses.replace(result, **fields)


WRONG: dict[str, tuple[Probe, Callable[[ExecResult], ExecResult]]] = {
    "memory": (limits.memory, changed(status="ok")),
    "status": (limits.endless, changed(status="nonzero")),
    "late": (limits.endless, lambda result: dataclasses.replace(result, wall_s=result.wall_s + 9)),
    "hang": (limits.hangs, changed(status="ok")),
    "cut output": (limits.output, lambda result: dataclasses.replace(result, stdout=result.stdout[:-1])),
    "other output": (limits.output, changed(stdout=b"n" * 100_000)),
    "lost byte": (streams.write_before_read, lambda result: dataclasses.replace(result, stdout=result.stdout[1:])),
    "deadlock": (streams.close_stdin, changed(status="timeout_wall")),
    "input": (streams.wait_for_input, changed(stdout=b"1\n")),
    "link": (streams.files_out, changed(files={"good.txt": b"good", "link": b"root"})),
    "NUL": (streams.bytes_out, lambda result: dataclasses.replace(result, stdout=result.stdout.replace(b"\0", b""))),
    "exit code": (streams.exit_codes, changed(exit_code=0)),
    "signal": (streams.exit_codes, changed(signal=9, exit_code=None)),
    "arguments": (behaviour.odd_arguments, changed(stdout=b"")),
    "random": (behaviour.randomness, changed(stdout=b'{"random": 1, "urandom": 2, "numpy": 3, "seeded": 4}')),
    "hash": (behaviour.hash_seed, changed(stdout=b'{"python": "true"}')),
    "clock": (behaviour.clock, changed(stdout=b'{"slept": 0.06, "real": 0.06, "zone": "CET"}')),
    "descriptor": (escape.inherited_descriptors, changed(stdout=b'{"fds": [7]}')),
    "environment": (escape.environment, changed(stdout=b'{"env": {"PATH": "", "API_KEY": "x"}}')),
    "modules": (behaviour.state_of_modules, changed(stdout=b'{"left": ["len"]}')),
    "numpy": (behaviour.numerics, changed(stdout=b'{"numpy": "2", "error": 0.0, "threads": 2}')),
    "mixed up": (host.many_runs, changed(stdout=b"0\n")),
}


@pytest.mark.parametrize("name", WRONG)
def test_probe_sees_a_wrong_result(name: str) -> None:
    probe, bend = WRONG[name]
    result = found_by(probe, lambda: Bent(bend))
    assert result.outcome == "fail"
    assert not re.match(r"\w+Error:", result.detail), "the probe broke instead of judging"


class Leaky(Subprocess):
    """Forgets a descriptor with every session."""

    def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
        LEAKED.append(os.open(os.devnull, os.O_RDONLY))
        return super().session(files=files, limits=limits)


LEAKED: list[int] = []


@pytest.mark.parametrize(("probe", "count"), [(host.many_runs, "RUNS"), (host.cancelled_runs, "CANCELLED")])
def test_probe_sees_a_leak(probe: Probe, count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, count, 20)
    result = found_by(probe, Leaky)
    while LEAKED:
        os.close(LEAKED.pop())
    assert (result.outcome, "descriptors" in result.detail) == ("fail", True)


def test_probe_sees_files_that_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrl.sandboxes.subprocess._Session.write", lambda self, files: None)
    assert found_by(behaviour.state_of_a_session, Subprocess).outcome == "fail"
    assert found_by(behaviour.odd_files, Subprocess).outcome == "fail"


def test_probe_sees_paths_that_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrl.sandboxes.subprocess._Session.write", lambda self, files: None)
    assert "could be put at" in found_by(streams.paths_in, Subprocess).detail


def test_probe_sees_a_snapshot_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    much = {str(n): b"" for n in range(101)}
    monkeypatch.setattr("agentrl.sandboxes.subprocess._Session.snapshot", lambda self: much)
    assert "101 files" in found_by(streams.too_many_files_out, Subprocess).detail


def test_probe_sees_a_back_end_that_opens_degraded() -> None:
    def careless(*, pretend_missing: tuple[str, ...] = ()) -> Subprocess:
        return Liar() if pretend_missing else Subprocess()

    with Subprocess() as sandbox:
        result = run_one(host.degraded_host, Context(sandbox, careless))
    assert (result.outcome, result.detail) == (
        "fail",
        "it opens without 'clean_env', though nobody allowed that",
    )


def test_what_is_not_claimed_is_not_run() -> None:
    def explode(_: Context) -> None:
        raise AssertionError("a dangerous probe was run")

    with Subprocess() as sandbox:
        context = Context(sandbox, Subprocess)
        held = [p for p in all_probes() if not p.needs <= sandbox.capabilities.protections]
        results = [run_one(dataclasses.replace(probe, check=explode), context) for probe in held]
    assert len(results) > 20
    assert {result.outcome for result in results} == {"not_claimed"}
    assert {8, 16, 20, 25} <= {result.number for result in results}


def test_run_probes_by_number() -> None:
    seen: list[ProbeResult] = []
    results = run_probes(Subprocess, only={19, 20}, on_result=seen.append)
    assert [(r.number, r.outcome) for r in results] == [(19, "pass"), (20, "not_claimed"), (20, "not_claimed")]
    assert seen == results
    assert results[1].detail == "syscalls"
    with pytest.raises(UsageError, match="no probe 36: they are numbered 1 to 35"):
        run_probes(Subprocess, only=[36])


def test_an_exception_of_a_back_end_is_a_finding() -> None:
    class Broken(Subprocess):
        def session(self, *, files: Files | None = None, limits: Limits | None = None) -> Session:
            raise ZeroDivisionError("no box today")

    assert found_by(streams.exit_codes, Broken).detail == "ZeroDivisionError: no box today"


def test_a_probe_that_does_not_return_is_a_finding() -> None:
    with pytest.raises(core.ProbeFailed, match=r"blocked for more than 0\.05 s"):
        core.in_time(0.05, lambda: time.sleep(0.5))


def test_a_wrong_protection_is_a_programming_error() -> None:
    with pytest.raises(AssertionError, match="filez"):
        core.probe(1, "filez")
