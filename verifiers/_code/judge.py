"""Runs a suite of tests against a source in a sandbox, and says test by test how it went.

Values go in, values come out, and the decision is made here: no expected value enters the solution's process. Visible
tests run before hidden ones, so that what is shown of them can hold nothing of those; within each kind a function's
cases come in an order drawn from the suite and the source, so that the same question has the same answer.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentrl.errors import DataError, SandboxError
from agentrl.programs import Limits, Python
from agentrl.sandbox import Sandbox, shared
from agentrl.types import Status
from agentrl.verifiers._code.compare import equal, same_output
from agentrl.verifiers._code.suite import AssertSuite, FunctionSuite, StdioSuite, Suite, parse
from agentrl.verifiers._code.wire import Ended, Held, Reply, Wire, ended

__all__ = ["SuiteResult", "TestResult", "judge"]

_SHOWN = 5
"""How many failing visible tests the feedback tells of."""
_TEXT = 600
_ALL_S = 60.0
"""What all tests of a suite may take together, where that is more than the limit for one, ..."""
_EACH_S = 1.0
"""... or this for each of the programs run, where that is more still."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test, in the suite's order; `detail` says why a visible one failed, and is empty for a hidden one."""

    name: str
    passed: bool
    visible: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What a suite said of a source.

    Attributes:
        results: Every test that was asked for, whether or not it was reached.
        status: "correct" if every test that was asked for passes and nothing else went wrong.
        feedback: For the policy: failing visible tests in words, hidden ones only counted.
    """

    results: tuple[TestResult, ...]
    status: Status
    feedback: str = ""

    @property
    def deciding(self) -> tuple[int, ...]:
        """The places of the hidden tests, or of all if none is hidden."""
        hidden = tuple(i for i, result in enumerate(self.results) if not result.visible)
        return hidden or tuple(range(len(self.results)))


@dataclass(slots=True)
class _Run:
    """What is known so far of one solution."""

    passed: set[int] = field(default_factory=set)
    detail: dict[int, str] = field(default_factory=dict)
    ended: Ended | None = None
    broken: str = ""


def judge(
    suite: Mapping[str, Any], source: str, *, sandbox: str = "zygote", which: Literal["visible", "all"] = "all"
) -> SuiteResult:
    """Run the tests of a suite on a source.

    Args:
        suite: See `agentrl.verifiers.code`.
        source: A Python module, or for "stdio" a program.
        sandbox: The back end.
        which: "visible" runs the visible tests alone.

    Returns:
        Never raises for what a source does; "task_invalid" for a suite that cannot be used (or has no visible test
        where these are asked for), "infra_error" where the machine failed.
    """
    try:
        read = parse(suite)
        visible = read.visible()
        groups = [[i for i, shown in enumerate(visible) if shown], [i for i, shown in enumerate(visible) if not shown]]
        groups = [group for group in groups[: 1 if which == "visible" else 2] if group]
        if not groups:
            raise DataError("the suite has no visible test")
        seed = _seed(suite, source)
        run = _judge_once(read, source, groups, shared(sandbox), seed)
        if run.ended is not None and run.ended.starved:  # the machine may have been busy: once more, never twice
            run = _judge_once(read, source, groups, shared(sandbox), seed)
        if run.broken:
            raise DataError(f"the suite's setup fails: {run.broken}")
    except DataError as error:
        return SuiteResult((), "task_invalid", str(error))
    except SandboxError as error:
        return SuiteResult((), "infra_error", str(error))
    return _result(read, run, sorted(i for group in groups for i in group))


def _seed(suite: Mapping[str, Any], source: str) -> int:
    text = json.dumps([suite, source], sort_keys=True, default=repr)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _result(suite: Suite, run: _Run, asked: Sequence[int]) -> SuiteResult:
    visible = suite.visible()
    results = tuple(
        TestResult(f"test {i + 1}", i in run.passed, visible[i], run.detail.get(i, "") if visible[i] else "")
        for i in asked
    )
    all_pass = run.ended is None and run.passed.issuperset(asked)
    status: Status = "correct" if all_pass else run.ended.status if run.ended else "incorrect"
    lines = [f"{r.name}: {r.detail}" for r in results if not r.passed and r.detail][:_SHOWN]
    if run.ended is not None and run.ended.detail and not any(run.ended.detail in line for line in lines):
        said = run.ended.detail.strip() or "it failed"
        lines.append(said if "\n" in said else said[0].upper() + said[1:] + ".")
    for name, kind in (("visible", True), ("hidden", False)):
        of_kind = [r for r in results if r.visible == kind]
        if of_kind:
            lines.append(f"{sum(r.passed for r in of_kind)} of {len(of_kind)} {name} tests pass.")
    return SuiteResult(results, status, "\n".join(lines))


def _judge_once(suite: Suite, source: str, groups: list[list[int]], sandbox: Sandbox, seed: int) -> _Run:
    run = _Run()
    with sandbox.turn():
        if isinstance(suite, FunctionSuite):
            order = [i for group in groups for i in random.Random(seed).sample(group, len(group))]
            for part in [[i] for i in order] if suite.fresh else [order]:
                if run.ended is not None:
                    break
                _functions(suite, source, part, sandbox, seed, run)
        elif isinstance(suite, StdioSuite):
            _programs(suite, source, [i for group in groups for i in group], sandbox, run)
        else:
            for group in groups:
                if run.ended is None and not run.broken:
                    _asserts(suite, source, group, sandbox, seed, run)
    return run


def _functions(suite: FunctionSuite, source: str, order: Sequence[int], sandbox: Sandbox, seed: int, run: _Run) -> None:
    options = {"seed": seed, "cap": suite.cap, "iterators": "list" if suite.iterable else "refuse", "objects": "refuse"}
    limits = _for_all(suite.limits, len(order))
    held = Held(sandbox, limits, options, answer_s=suite.limits.wall_s)
    try:
        held.load(source)
        entry = _entry(held, suite.entry)
        for place, i in enumerate(order):
            case = suite.cases[i]
            if place and "." in suite.entry and held.ended is None:  # a method: of a new instance every time
                entry = _entry(held, suite.entry)
                if held.ended is not None:  # what it says now may hold inputs that it has seen
                    held.ended = dataclasses.replace(held.ended, detail=f"{suite.entry} is not there any more")
            if held.ended is None:
                reply = held.ask(
                    {"do": "call", "of": entry.tree["ref"], "args": case.args, "kwargs": [*case.kwargs.items()]}
                )
                if reply.kind == "ok" and equal(reply.value, case.expected, suite.rule):
                    run.passed.add(i)
                elif case.visible:
                    run.detail[i] = f"{case.shown[:_TEXT]} should be {case.expected!r:.{_TEXT}}, but {_told(reply)}"
    finally:
        run.ended = run.ended or held.ended
        held.close()


def _for_all(limits: Limits, calls: int) -> Limits:
    """The limits of a process that answers so many calls, each within `limits`."""
    wall_s, cpu_s = (min(calls * each, max(each, _ALL_S)) for each in (limits.wall_s, limits.cpu_s))
    return dataclasses.replace(limits, wall_s=wall_s, cpu_s=cpu_s)


def _entry(held: Held, name: str) -> Reply:
    """The function to call, as a reference."""
    entry = held.ask({"do": "entry", "name": name})
    if held.ended is None and not (isinstance(entry.tree, dict) and "ref" in entry.tree):
        held.ended = Ended("incorrect", entry.text or f"{name} is not a function")
    return entry


def _told(reply: Reply) -> str:
    if reply.kind == "ok":
        return f"it is {reply.value!r:.{_TEXT}}"
    if reply.kind == "error":
        return f"it raised {reply.error}:\n{reply.text}"
    return reply.text


def _programs(suite: StdioSuite, source: str, order: Sequence[int], sandbox: Sandbox, run: _Run) -> None:
    until = time.monotonic() + max(suite.limits.wall_s, _ALL_S, _EACH_S * len(order))
    for i in order:
        if time.monotonic() > until:
            run.ended = run.ended or Ended("timeout", "the tests together ran out of time")
            return
        case = suite.cases[i]
        with sandbox.session(limits=suite.limits) as session:
            result = session.run(Python(source), stdin=case.stdin.encode("utf-8", "surrogatepass"))
        printed = result.stdout.decode("utf-8", "surrogateescape")
        if result.status == "ok":
            if same_output(printed, case.stdout, suite.compare, suite.rule):
                run.passed.add(i)
            why = f"it printed {printed!r:.{_TEXT}}"
        else:
            end = ended(result)
            why = _errors(result.stderr) or end.detail
            run.ended = run.ended or Ended("malformed" if _unreadable(why) else end.status, end.detail, end.starved)
        if case.visible and i not in run.passed:
            run.detail[i] = (
                f"with the input {case.stdin!r:.{_TEXT}} it should print {case.stdout!r:.{_TEXT}}, but {why}"
            )
        if run.ended is not None and run.ended.status in ("timeout", "malformed"):
            return


def _unreadable(errors: str) -> bool:
    """Whether a program's last words are those of a source that is no Python (or it says so: both score 0)."""
    return errors.rstrip().rpartition("\n")[2].startswith(("SyntaxError:", "IndentationError:", "TabError:"))


def _errors(stderr: bytes) -> str:
    """The end of a traceback, with the program's own frames only, under one name wherever it lay."""
    text = stderr[-4 * _TEXT :].decode("utf-8", "replace").rpartition("Traceback (most recent call last):\n")[2]
    frames = re.sub(
        r'  File "[^"\n]*/(_boot|launcher|program)\.py", line .*\n(    .*\n)*|  File "<frozen .*\n', "", text
    )
    return re.sub(r'File "[^"\n]*", line', 'File "solution.py", line', frames)[-_TEXT:]


def _asserts(suite: AssertSuite, source: str, group: Sequence[int], sandbox: Sandbox, seed: int, run: _Run) -> None:
    options = {"seed": seed, "cap": suite.cap, "iterators": "cross", "objects": "keep"}
    held = Held(sandbox, suite.limits, options)
    try:
        held.load(source)
        if held.ended is None:
            _Tests(suite, group, held, run).go(sandbox, seed)
    finally:
        run.ended = run.ended or held.ended
        held.close()


class _Tests:
    """Test code in a process of its own; what it asks of the solution passes through here."""

    def __init__(self, suite: AssertSuite, group: Sequence[int], held: Held, run: _Run) -> None:
        self.suite, self.group, self.held, self.run = suite, group, held, run
        self._last = ""

    def go(self, sandbox: Sandbox, seed: int) -> None:
        """Run them to their end, or to the solution's."""
        split = self.suite.split
        wire = Wire(sandbox, _longer(self.suite.limits))
        try:
            wire.send(
                {
                    "mode": "check",
                    "setup": self.suite.setup,
                    "tests": split.source(self.group),
                    "names": self.suite.names,
                    "units": [(i, *unit) for i, unit in enumerate(split.units) if i in self.group],
                    "seed": seed,
                }
            )
            while self.held.ended is None:
                body = wire.receive(2**26)
                if body is None:
                    self.run.ended = self.run.ended or ended(wire.end())
                    return
                match json.loads(body):
                    case ["ask", dict(frame)]:
                        wire.send(self._answer(frame))
                    case ["test", int(i), bool(passed), str(text)]:
                        self._note(i, passed, text)
                    case ["done", where, text]:
                        self._done(where, text)
                        return
        finally:
            wire.close()

    def _answer(self, frame: Mapping[str, Any]) -> list[Any]:
        reply = self.held.ask(frame)
        if frame["do"] == "call":
            self._last = _told(reply)
        if reply.kind == "ok":
            return ["ok", reply.tree]
        return ["error", reply.error, reply.said, reply.text] if reply.kind == "error" else ["refused", reply.text]

    def _note(self, i: int, passed: bool, text: str) -> None:  # noqa: FBT001  # a result, not a switch
        if passed and i in self.group:
            self.run.passed.add(i)
        elif i in self.group:
            why = f"the last call: {self._last}" if text.startswith("AssertionError") and self._last else text
            self.run.detail[i] = f"{self.suite.split.tests[i]:.{_TEXT}}\n{why}"

    def _done(self, where: str, text: str | None) -> None:
        if text is None:
            return
        if where == "setup" and not self.suite.split.setup_names & set(self.suite.names):
            self.run.broken = text
        else:  # the solution lacks a name, or a statement between the tests failed on what it gave
            self.run.ended = self.run.ended or Ended("incorrect", text if where == "names" else "")


def _longer(limits: Limits) -> Limits:
    """The tests' own process: its time runs while the solution has its own."""
    return dataclasses.replace(limits, wall_s=limits.wall_s + 5, cpu_s=limits.cpu_s + 5)
