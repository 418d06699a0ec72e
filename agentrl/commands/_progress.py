"""Progress: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import contextlib
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import fstat
from typing import BinaryIO

__all__ = ["Ticker", "count_lines", "ticker"]

LOG_EVERY_S = 10.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Ticker:
    """Call `advance` with how many more are done, `say` with what shall stand in a line of its own."""

    advance: Callable[[int], None]
    say: Callable[[str], None]


def count_lines(file: BinaryIO) -> int | None:
    """How many lines a file on disk has; None for a pipe, which can be read only once."""
    try:
        if not stat.S_ISREG(fstat(file.fileno()).st_mode) or file.tell():
            return None
        count = sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))
        file.seek(0)
    except OSError:  # no file of the system's, or one that cannot be read: who reads the lines is told
        return None
    return count


@contextlib.contextmanager
def ticker(what: str, total: int | None, unit: str, *, tells_end: bool = False) -> Iterator[Ticker]:
    """Show on stderr how many of a unit are done; in a log the end is told too if it shall be."""
    if not sys.stderr.isatty():
        yield _plain(what, total, unit, tells_end=tells_end)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def say(text: str) -> None:
            bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

        yield Ticker(lambda count: bar.advance(task, count), say)


def _plain(what: str, total: int | None, unit: str, *, tells_end: bool) -> Ticker:
    done, said = 0, time.monotonic()

    def advance(count: int) -> None:
        nonlocal done, said
        done += count
        if time.monotonic() - said >= LOG_EVERY_S or (tells_end and done == total):
            said = time.monotonic()
            of = f" of {total:,}" if total is not None else ""
            sys.stderr.write(f"{what}: {done:,}{of} {unit}\n")
            sys.stderr.flush()

    return Ticker(advance, lambda text: print(text, file=sys.stderr, flush=True))
