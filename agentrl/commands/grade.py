"""Grade responses with a verifier: JSON Lines in, one verdict a line out, in the same order.

A line is {"response": ..., "answer": ...}; the response is text, or a transcript as an object. An "id" is handed
through, every other field is an option of the verifier (`agentrl show VERIFIER` lists them). A line that cannot be
graded is named on stderr, its place in the output says why, and the rest is graded; the exit code is then 1.

With --out, a grading that was stopped goes on where it stood: give the same command again.

Examples:
  echo '{"response": "7", "answer": "7"}' | agentrl grade exact
  agentrl grade math replies.jsonl --out verdicts.jsonl --option extract=hash
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO

import tyro

from agentrl.commands._progress import Ticker, count_lines, ticker
from agentrl.config import parse_flags, parse_options
from agentrl.errors import DataError, InfraError, UsageError
from agentrl.grading import Batch, Graded, Grader, Line, Verdicts, lines_of

ALONE_S = 0.25
"""So long the lines are graded here, which shows how long one takes."""
START_S = 1.0
"""What takes less than this is done here: other processes take about half of it to start."""
BATCH_S = 0.25
"""How long one batch may take."""
MOST_LINES = 512
_MOST_SAID = 100


@dataclass(frozen=True)
class Flags:
    """What to grade."""

    verifier: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="VERIFIER")]
    """A verifier of `agentrl list verifiers`, or a path to its file."""
    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")] = "-"
    """A file of JSON Lines; - is standard input."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where the verdicts go, instead of to stdout; what is there already is kept, and the rest appended."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the verifier for all lines, as key=value; may be repeated."""
    jobs: int = 0
    """Processes; 0 is one a core. What is done in a moment is done without any."""


@dataclass(slots=True)
class _Tally:
    """What was graded so far, for the summary."""

    where: str
    started: float = field(default_factory=time.monotonic)
    lines: int = 0
    kept: int = 0
    broken: int = 0
    scores: float = 0.0
    scored: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    memo_hits: int = 0
    memo_lookups: int = 0

    def add(self, graded: Graded) -> None:
        self.lines += 1
        self.broken += bool(graded.problem)
        self.statuses[graded.status] += 1
        if graded.score is not None:
            self.scored += 1
            self.scores += graded.score

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self.started, 1e-9)
        fresh = self.lines - self.kept
        parts = [f"{self.lines:,} lines", f"mean score {self.scores / self.scored:.4f}" if self.scored else "no score"]
        parts += [", ".join(f"{status} {count:,}" for status, count in self.statuses.most_common())]
        parts += [f"{self.kept:,} kept from before"] if self.kept else []
        parts += [f"{fresh / seconds:,.0f}/s"] if fresh else []
        lookups = self.memo_lookups
        parts += [f"memo hits {self.memo_hits / lookups:.0%} of {lookups:,}"] if lookups else []
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class _Job:
    """The lines that are to be graded, and how far it is.

    Attributes:
        lines: Those that are left.
        jobs: Most processes.
        total: Lines of the input, where it is a file.
    """

    lines: Iterator[Line]
    jobs: int
    total: int | None
    tally: _Tally
    tick: Ticker

    def count(self, batch: Sequence[Graded]) -> None:
        """Add what is out to the tally; say what is wrong with a line."""
        tally = self.tally
        for graded in batch:
            tally.add(graded)
            if graded.problem and tally.broken <= _MOST_SAID:
                self.tick.say(f"{tally.where}, line {graded.line}: {graded.problem}")
            elif graded.problem and tally.broken == _MOST_SAID + 1:
                self.tick.say("more lines cannot be graded; the output names them all")
        self.tick.advance(len(batch))

    def note(self, batch: Batch) -> Sequence[Graded]:
        """Add up how often the memos of the grading processes were asked."""
        self.tally.memo_hits += batch.memo.hits
        self.tally.memo_lookups += batch.memo.lookups
        return batch.graded


def main(args: list[str]) -> int:
    """Grade all lines; 1 if some could not be graded, 2 if none could."""
    flags = parse_flags(Flags, args, prog="agentrl grade", description=__doc__)
    if flags.jobs < 0:
        raise UsageError(f"--jobs must be 0 or more, got {flags.jobs}")
    grader = Grader(flags.verifier, parse_options(flags.option, "--option"))
    grader.check()
    tally = _Tally("standard input" if flags.file == "-" else flags.file)
    with _opened(flags.file) as file, ticker("grade", total := count_lines(file), "lines") as tick:
        job = _Job(_read(file, tally.where), flags.jobs or len(os.sched_getaffinity(0)), total, tally, tick)
        try:
            if flags.out is None:
                _print(grader, job)
            else:
                _keep(flags.out, grader, job)
        except KeyboardInterrupt:
            on = "; the same command goes on from there" if flags.out is not None else ""
            raise KeyboardInterrupt(f"interrupted after {tally.lines:,} lines{on}") from None
        except InfraError as error:
            raise InfraError(f"{error} (after {tally.lines:,} lines)") from error
    if not tally.lines:
        raise DataError(f"{tally.where} is empty: expected JSON Lines")
    sys.stdout.flush()
    sys.stderr.write(f"grade: {tally}\n")
    return 0 if not tally.broken else 2 if tally.broken == tally.lines else 1


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as stack:
        try:
            lines = stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise DataError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None
        yield lines


def _read(file: BinaryIO, where: str) -> Iterator[Line]:
    try:
        yield from lines_of(file)
    except OSError as error:
        raise DataError(f"cannot read {where}: {(error.strerror or str(error)).lower()}") from None


def _print(grader: Grader, job: _Job) -> None:
    with contextlib.closing(_graded(grader, job)) as batches:
        for batch in batches:
            sys.stdout.write("".join(graded.text + "\n" for graded in batch))
            job.count(batch)


def _keep(out: Path, grader: Grader, job: _Job) -> None:
    """Go on with a file of verdicts."""
    keyed = Grader(grader.verifier, grader.options, grader.key_of())
    with contextlib.closing(Verdicts(out, keyed)) as verdicts:
        for graded in verdicts.kept(job.lines):
            job.count([graded])
        job.tally.kept, job.tally.started = job.tally.lines, time.monotonic()
        with contextlib.closing(_graded(keyed, job)) as batches:
            for batch in batches:
                verdicts.write(batch)
                job.count(batch)


def _graded(grader: Grader, job: _Job) -> Generator[Sequence[Graded], None, None]:
    """Batches in the order of the lines: at first here, then in other processes if that is worth their start."""
    began, count, size = time.monotonic(), 0, 1
    while batch := list(itertools.islice(job.lines, size)):
        yield job.note(grader(batch))
        count += len(batch)
        each = (time.monotonic() - began) / count
        size = max(1, min(2 * size, MOST_LINES, int(BATCH_S / each)))
        left_s = START_S if job.total is None else each * (job.total - job.tally.lines)
        if job.jobs > 1 and count * each > ALONE_S and left_s >= START_S:
            break
    head = list(itertools.islice(job.lines, 1))
    if head:
        yield from _elsewhere(grader, itertools.chain(head, job.lines), size, job)


def _elsewhere(grader: Grader, lines: Iterator[Line], size: int, job: _Job) -> Generator[Sequence[Graded], None, None]:
    waiting: deque[Future[Batch]] = deque()
    ours = set(multiprocessing.active_children())
    # Spawned, for this process may have threads; an interrupt is for this process alone.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(job.jobs, context, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        while batch := list(itertools.islice(lines, size)):
            waiting.append(pool.submit(grader, batch))
            if len(waiting) > 4 * job.jobs:
                yield job.note(waiting.popleft().result())
        while waiting:
            yield job.note(waiting.popleft().result())
    except BrokenProcessPool:
        raise InfraError("a grading process died (out of memory?)") from None
    except BaseException:  # whatever it is, nobody waits for the batches that run
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - ours:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
