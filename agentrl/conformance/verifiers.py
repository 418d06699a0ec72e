"""What every verifier must do: its truth table, its floor, its golds, and the same verdict wherever it is called."""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

from agentrl import golds, registry
from agentrl.codec import verdict_to_json
from agentrl.conformance.result import (
    CONSTANTS,
    NEVER,
    CheckResult,
    Failed,
    Skipped,
    light_import,
    needs_file,
    run,
)
from agentrl.errors import DataError
from agentrl.types import SCORED, Transcript, Verdict

__all__ = ["check_verifier_plugin"]

ELSEWHERE = 16
"""How many rows of the truth table other processes and an event loop decide again."""
LONGEST_S = 120.0
"""A process that has no verdicts by then hangs."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A row of a verifier's truth table."""

    answer: Any
    response: str | Transcript
    options: Mapping[str, Any]
    status: str

    def verdict(self, id: str, response: str | Transcript | None = None) -> Verdict:
        """The verdict on the row's own response, or on another one."""
        said = self.response if response is None else response
        return registry.grade(id, said, self.answer, **self.options)


def check_verifier_plugin(id: str) -> list[CheckResult]:
    """Run every check on a verifier.

    Args:
        id: A verifier's id, or a path to its file.

    Raises:
        UsageError: No such verifier.
    """
    registry.find("verifier", id)
    rows = _rows(id)
    light = run("light_import", functools.partial(light_import, "verifier", id))
    return [light, *(run(name, functools.partial(check, id, rows)) for name, check in _VERIFIER_CHECKS.items())]


def _rows(id: str) -> list[_Case]:
    return [_Case(*row) for row in getattr(registry.load_module("verifier", id), "CASES", ())]


def _cases(id: str, rows: Sequence[_Case]) -> None:
    if not rows:
        raise Failed("the module has no truth table: CASES = [(answer, response, options, status), ...]")
    for row in rows:
        status = row.verdict(id).status
        if status != row.status:
            raise Failed(f"{row.response!r:.80} for {row.answer!r:.80} is {status}, not {row.status}")


_MARKS = (
    *("{", "}", "\\", "\\boxed{", "\\frac", "9", "(", "####", "<answer>", "</think>", "\n", "$", "\u202e"),
    *("[", '"', '{"a":', "<tool_call>", "f(", "∀x ", "¬", "∃x("),
)
_JUNK = (  # what the readers of some verifier take for their own, but for no answer of any
    "\0",
    "\ud800",
    "٣",
    "½",
    "∞",
    '{"name": "f", "arguments": {"a": 1e999}}',
    '{"a": 1, "a": NaN}',
    '<tool_call>{"name": "f", "arguments": {"a": "</tool_call>"}}',
    "[f(a=__import__('os')), g(**{}), f(" + "1," * 2000,
    "∀x (P(x) → ∃y (Q(x, y) ∧ ¬R(y))",
    "∀x ∃x ∀x P(x, x) ⊕ ⊥",
    "(P ∧ " * 300 + "P" + ")" * 300,
    "all x. P(x) <-> " * 200,
)
_BOMBS = (  # small to write, endless to work out
    "10^{10^{10}}",
    "9^{9^{9^{9}}}",
    "(10^{9})!!",
    r"\sum_{k=1}^{10^{99}} k",
    "9" * 399 + "." + "9" * 100,
    r"\frac{1}{" * 100 + "2" + "}" * 100,
    r"\sqrt{1+" * 100 + "2" + "}" * 100,
    "(" * 200 + "x" + ")^{99}" * 200,
)


def _hostile() -> list[str]:
    """Texts that break careless scanners: nothing, one repeated mark, junk, bombs, and noise from a fixed seed."""
    draw = random.Random(0)
    noise = ["".join(chr(draw.randrange(1, 0x2FFF)) for _ in range(n)) for n in (1, 10, 100, 1000) for _ in range(5)]
    mixed = ["".join(draw.choice((*_MARKS, "1", " ", "a")) for _ in range(n)) for n in (5, 50, 500) for _ in range(10)]
    placed = [place.replace("?", bomb) for bomb in _BOMBS for place in (r"\boxed{?}", "<answer>?</answer>", "?")]
    return ["", *_JUNK, *placed, *(mark * 5000 for mark in _MARKS), *noise, *mixed]


def _floor_of_verifier(id: str, rows: Sequence[_Case]) -> None:
    """Hostile and empty text never raises, never scores 1 and never blames the task; a constant is no solution."""
    usable = _distinct(row for row in rows if row.status != "task_invalid")
    by_options = list({repr(r.options): r for r in usable}.values())
    for row in by_options:
        for text in (*_hostile(), *NEVER):
            verdict = row.verdict(id, text)
            if verdict.success or verdict.status not in SCORED:
                raise Failed(f"{text!r:.40} for {row.answer!r:.40} is {verdict.status}")
    for text in CONSTANTS:
        solved = sum(row.verdict(id, text).success for row in usable)
        if solved * 2 > len(usable):
            raise Failed(f"the constant {text!r} is correct for {solved} of {len(usable)} answers")


def _distinct(rows: Iterable[_Case]) -> list[_Case]:
    """One row for each answer under each set of options."""
    return list({(repr(row.answer), repr(row.options)): row for row in rows}.values())


def _golds(id: str, rows: Sequence[_Case]) -> None:
    """The golds of the truth table: their replies and rewrites are correct, those of mutated answers are not."""
    if not hasattr(registry.load_module("verifier", id), "gold"):
        raise Skipped("the module names no gold replies (a function `gold`)")
    invalid = {repr((row.answer, row.options)) for row in rows if row.status == "task_invalid"}
    for row in _distinct(rows):
        if repr((row.answer, row.options)) in invalid:
            _refused(id, row)
            continue
        problem = golds.gold_problem(id, row.answer, row.options)
        if problem:
            raise Failed(f"the answer {row.answer!r:.80}: {problem}")
        for reply in _rewrites(id, row):
            if not (verdict := row.verdict(id, reply)).success:
                raise Failed(f"the rewrite {reply!r:.80} of {row.answer!r:.80} is {verdict.status}")


def _rewrites(id: str, row: _Case) -> list[str | Transcript]:
    try:
        return list(golds.rewritten_golds(id, row.answer, row.options))
    except DataError as error:  # not to be taken for absent data
        raise Failed(f"the rewrites of {row.answer!r:.80}: {error}") from error


def _refused(id: str, row: _Case) -> None:
    """No gold reply may be made up for an answer that is no usable gold."""
    try:
        golds.gold_reply(id, row.answer, row.options)
    except DataError:
        return
    raise Failed(f"the answer {row.answer!r:.80} is task_invalid, but `gold` does not raise DataError")


def _purity(id: str, rows: Sequence[_Case]) -> None:
    once = [row.verdict(id) for row in rows]
    if once != [row.verdict(id) for row in reversed(rows)][::-1]:
        raise Failed("the same question gets another verdict the second time")


def _threads(id: str, rows: Sequence[_Case]) -> None:
    with ThreadPoolExecutor(4) as pool:
        there = list(pool.map(lambda row: row.verdict(id), rows))
    if there != [row.verdict(id) for row in rows]:
        raise Failed("verdicts from threads differ from those of the main thread")


def _spread(rows: Sequence[_Case]) -> Sequence[_Case]:
    """A few rows, spread evenly."""
    return rows[:: -(-len(rows) // ELSEWHERE) or 1]


def _asyncio(id: str, rows: Sequence[_Case]) -> None:
    async def one(row: _Case) -> Verdict:
        await asyncio.sleep(0)
        return row.verdict(id)

    async def everyone() -> list[Verdict]:
        return list(await asyncio.gather(*(one(row) for row in _spread(rows))))

    with ThreadPoolExecutor(1) as pool:  # whoever calls the check may run an event loop already
        there = pool.submit(asyncio.run, everyone()).result()
    if there != [row.verdict(id) for row in _spread(rows)]:
        raise Failed("verdicts inside an event loop differ from those outside")


def _fork(id: str, rows: Sequence[_Case]) -> None:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send_verdicts, args=(sender, id, _spread(rows)), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that is what is tried here
        child.start()
    sender.close()
    try:
        there = receiver.recv() if receiver.poll(LONGEST_S) else "no verdicts"
    except EOFError:
        there = "no verdicts: it died"
    finally:
        child.kill()
        child.join()
        receiver.close()
    if isinstance(there, str):
        raise Failed(f"a forked process gives {there}")
    if there != [row.verdict(id) for row in _spread(rows)]:
        raise Failed("verdicts from a forked process differ from those of this one")


def _send_verdicts(sender: Connection, id: str, rows: Sequence[_Case]) -> None:
    try:
        sender.send([row.verdict(id) for row in rows])
    except Exception as error:  # noqa: BLE001  # the boundary, on the child's side
        sender.send(f"{type(error).__name__}: {error}")


def _spawn(id: str, rows: Sequence[_Case]) -> None:
    """A new process, with another hash seed."""
    needs_file("verifier", id)
    code = "import sys; from agentrl.conformance.verifiers import print_verdicts; print_verdicts(sys.argv[1])"
    command = [sys.executable, "-c", code, id]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise Failed("a new process gives no verdicts") from None
    if done.returncode:
        raise Failed(f"a new process: {(done.stderr.strip().splitlines() or ['it died'])[-1]}")
    if json.loads(done.stdout) != json.loads(_as_json(id, rows)):
        raise Failed("verdicts from a new process differ from those of this one")


def print_verdicts(id: str) -> None:
    """Write the verdicts on some rows of the truth table to stdout; what the check runs in a new process."""
    sys.stdout.write(_as_json(id, _rows(id)))


def _as_json(id: str, rows: Sequence[_Case]) -> str:
    return json.dumps([verdict_to_json(replace(row.verdict(id), seconds=0.0)) for row in _spread(rows)])


_VERIFIER_CHECKS: Mapping[str, Callable[[str, Sequence[_Case]], None]] = {
    "cases": _cases,
    "floor": _floor_of_verifier,
    "golds": _golds,
    "purity": _purity,
    "threads": _threads,
    "asyncio": _asyncio,
    "fork": _fork,
    "spawn": _spawn,
}
