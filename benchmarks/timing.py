"""What the benchmarks of environments measure with, in this Python or in that of another kit (standard library only).

What is measured resets, plays an episode, forks one in the middle, and gives one more instance.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Protocol

Work = Callable[[], int]
"""Does something once; how many it did."""
INSTANCES = 16
PATIENCE_S = 60.0
"""How long a process that fails may hold up the others."""


class Played(Protocol):
    """An environment with episodes to play."""

    def reset(self) -> int:
        """Begin the next episode; 1."""

    def play(self) -> int:
        """Play the next episode from its reset to its end; how many steps it had."""

    def middle(self) -> None:
        """Go half way through the longest of the episodes."""

    def fork(self) -> int:
        """Make what can go on from here beside the first; 1."""

    def instance(self) -> object:
        """One more instance with this episode open."""


def rate(work: Work, seconds: float) -> float:
    """What `work` counts, a second; it is called until the time is up."""
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        done += work()
    return done / spent


def rate_together(opener: Callable[[], Work], seconds: float, processes: int) -> float:
    """What several processes count in the same seconds, added up; each opens its own and works once before."""
    context = multiprocessing.get_context("fork")
    start, out = context.Barrier(processes, timeout=PATIENCE_S), context.Queue()
    workers = [context.Process(target=_worker, args=(opener, seconds, start, out)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    rates: list[float] = [out.get(timeout=PATIENCE_S + seconds) for _ in workers]
    for worker in workers:
        worker.join()
    return sum(rates)


def _worker(opener: Callable[[], Work], seconds: float, start: Any, out: Any) -> None:
    work = opener()
    work()
    start.wait()
    out.put(rate(work, seconds))


def kib_each(opener: Callable[[], object]) -> float:
    """What Python allocates for one more of something, in KiB; the mean of several."""
    opener()
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [opener() for _ in range(INSTANCES)]
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / 1024 / len(kept)


def together(processes: int) -> str:
    """The name of the column for several processes."""
    return f"in {processes} processes"


def measure(played: Played, seconds: float, processes: int) -> dict[str, float]:
    """All figures of an environment; what its first episode loads is not counted."""
    played.play()
    figures = {"resets/s": rate(played.reset, seconds), "steps/s": rate(played.play, seconds)}
    if processes > 1:
        figures[together(processes)] = rate_together(lambda: played.play, seconds, processes)
    played.middle()
    return figures | {"fork ms": 1000 / rate(played.fork, seconds / 2), "KiB an instance": kib_each(played.instance)}
