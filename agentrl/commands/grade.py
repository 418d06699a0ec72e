"""Grade responses with a verifier: JSON Lines in, one verdict a line out, in the same order.

A line is {"response": ..., "answer": ...}; an "id" is handed through, every other field is an option of the
verifier (`agentrl show VERIFIER` lists them).

Example: echo '{"response": "7", "answer": "7"}' | agentrl grade exact
"""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TextIO

import tyro

from agentrl import registry
from agentrl.codec import verdict_to_json
from agentrl.config import parse_flags, parse_options
from agentrl.errors import DataError, InfraError, UsageError

_BATCH = 64


@dataclass(frozen=True)
class Flags:
    """What to grade."""

    verifier: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="VERIFIER")]
    """A verifier of `agentrl list verifiers`, or a path to its file."""
    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")] = "-"
    """A file of JSON Lines; - is standard input."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the verifier for all lines, as key=value; may be repeated."""
    jobs: int = 0
    """Processes; 0 is one a core. A short input is graded without any."""


@dataclass(frozen=True)
class _Line:
    where: str
    record: Mapping[str, Any]


def main(args: list[str]) -> int:
    """Grade all lines; a bad one ends it with its number, after the verdicts before it are out."""
    flags = parse_flags(Flags, args, prog="agentrl grade", description=__doc__)
    if flags.jobs < 0:
        raise UsageError(f"--jobs must be 0 or more, got {flags.jobs}")
    options = parse_options(flags.option, "--option")
    registry.find("verifier", flags.verifier)
    jobs = flags.jobs or len(os.sched_getaffinity(0))
    with _opened(flags.file) as lines:
        for verdict in _graded(flags.verifier, _batches(lines, flags.file, options), jobs):
            sys.stdout.write(verdict + "\n")
    return 0


@contextlib.contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8") as lines:
            yield lines
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None


def _batches(lines: Iterable[str], file: str, options: Mapping[str, Any]) -> Iterator[list[_Line] | DataError]:
    """Batches of parsed lines; a bad line comes out last, as the error that it is."""
    batch: list[_Line] = []
    read = False
    try:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            read = True
            where = f"{'standard input' if file == '-' else file}, line {number}"
            batch.append(_Line(where, _parse(text, where, options)))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if not read:
            raise DataError(f"{'standard input' if file == '-' else file} is empty: expected JSON Lines")
    except DataError as error:
        yield batch
        yield error
        return
    except UnicodeDecodeError:
        yield batch
        yield DataError(f"{file} is not UTF-8 text")
        return
    if batch:
        yield batch


def _parse(text: str, where: str, options: Mapping[str, Any]) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise DataError(f"{where}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise DataError(f"{where}: expected an object, got {type(record).__name__}")
    for field in ("response", "answer"):
        if field not in record:
            raise DataError(f"{where}: no field {field!r}; the line has: {', '.join(record) or 'none'}")
    if not isinstance(record["response"], str):
        raise DataError(f"{where}: 'response' must be text, got {type(record['response']).__name__}")
    return {**options, **record}


def _graded(verifier: str, batches: Iterator[list[_Line] | DataError], jobs: int) -> Iterator[str]:
    head = list(itertools.islice(batches, 2))
    if jobs == 1 or len(head) < 2 or isinstance(head[1], DataError):  # one batch: not worth a process
        for batch in itertools.chain(head, batches):
            yield from _finished(batch if isinstance(batch, DataError) else _grade(verifier, batch))
        return
    waiting: deque[Future[_Outcome] | DataError] = deque()
    try:
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            for batch in itertools.chain(head, batches):
                waiting.append(batch if isinstance(batch, DataError) else pool.submit(_grade, verifier, batch))
                if len(waiting) > 4 * jobs:
                    yield from _next(waiting)
            while waiting:
                yield from _next(waiting)
    except BrokenProcessPool:
        raise InfraError("a grading process died (out of memory?); the verdicts before it are out") from None


def _next(waiting: deque[Future[_Outcome] | DataError]) -> Iterator[str]:
    first = waiting.popleft()
    yield from _finished(first if isinstance(first, DataError) else first.result())


@dataclass(frozen=True)
class _Outcome:
    """Verdicts as JSON; after them, what was wrong with the line where they stopped."""

    verdicts: list[str]
    problem: str = ""


def _finished(outcome: _Outcome | DataError) -> Iterator[str]:
    if isinstance(outcome, DataError):
        raise outcome
    yield from outcome.verdicts
    if outcome.problem:
        raise UsageError(outcome.problem)


def _grade(verifier: str, batch: list[_Line]) -> _Outcome:
    verdicts: list[str] = []
    for line in batch:
        options = {k: v for k, v in line.record.items() if k not in ("id", "response", "answer")}
        try:
            verdict = registry.grade(verifier, line.record["response"], line.record["answer"], **options)
        except UsageError as error:
            return _Outcome(verdicts, f"{line.where}: {error}")
        head = {"id": line.record["id"]} if "id" in line.record else {}
        verdicts.append(json.dumps(head | verdict_to_json(verdict), ensure_ascii=False))
    return _Outcome(verdicts)
