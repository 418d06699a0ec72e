"""Calls in this process with a deadline: past it the audit goes on and the call is left behind in its thread.

A call that holds the interpreter's lock cannot be left behind; what is not ours runs in a process of its own instead.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from agentrl.audit.records import Outcome
from agentrl.errors import InfraError, MissingExtraError

__all__ = ["Guard", "attempt"]

_Work = Callable[[], Outcome]
_Result = Outcome | Exception
_Job = tuple[_Work, "queue.SimpleQueue[_Result]"]


class Guard:
    """One thread that calls what it is given, replaced when a call does not end.

    Args:
        timeout_s: Wall time of a call.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._jobs: queue.SimpleQueue[_Job | None] | None = None

    def call(self, work: _Work) -> Outcome:
        """The outcome of a call, or that it went on past the deadline; what it raises is its error.

        Raises:
            MissingExtraError: A package is not installed.
            InfraError: The machine failed.
        """
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._jobs,), daemon=True, name="audit").start()
        answers: queue.SimpleQueue[_Result] = queue.SimpleQueue()
        self._jobs.put((work, answers))
        try:
            return _told(answers.get(timeout=self._timeout_s))
        except queue.Empty:
            self.close()
            return Outcome(None, timed_out=True, seconds=self._timeout_s)

    def close(self) -> None:
        """Let the thread end after its call; the next call starts another."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None


def attempt(work: _Work) -> Outcome:
    """The outcome of a call in this thread, without a deadline; see `Guard.call`."""
    return _told(_result(work))


def _told(result: _Result) -> Outcome:
    if isinstance(result, Exception):
        raise result
    return result


def _result(work: _Work) -> _Result:
    began = time.monotonic()
    try:
        return work()
    except (MissingExtraError, InfraError) as error:  # says nothing about the scorer
        return error
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the boundary: what a scorer raises is a finding
        return Outcome(None, f"{type(error).__name__}: {error}"[:300], seconds=time.monotonic() - began)


def _serve(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        work, answers = job
        answers.put(_result(work))
