"""Patterns that a task gives, matched against what a policy wrote without ever hanging the caller.

A pattern with at most one open choice of how much it takes, and no group, needs at most quadratic time and runs here,
on short text. Any other runs in a worker process that is killed at its deadline; those of one verdict share a budget,
so that many slow texts cost no more than a few.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import re
import time
from collections.abc import Iterator
from typing import Literal

from agentrl.workers import Workers

__all__ = ["PatternTimeout", "bounded", "check_pattern", "found"]

How = Literal["whole", "anywhere"]
MAX_CHARS = 2000
TIMEOUT_S = 1.0
BUDGET_S = 2.0
_QUIET = re.compile(r"\\[a-zA-Z.\\/+*?()\[\]{}^$|-]|\[(?:[^\]\\]|\\.)++\]|\{\d++\}|[^\\\[\]{}()*+?|]")
_OPEN = re.compile(r"[*+?]|\{\d*+,\d*+\}")


class PatternTimeout(Exception):
    """The text kept the pattern busy for too long."""


_left: contextvars.ContextVar[list[float] | None] = contextvars.ContextVar("_left", default=None)


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Within it, the patterns that run in workers may take two seconds together."""
    token = _left.set([BUDGET_S])
    try:
        yield
    finally:
        _left.reset(token)


def check_pattern(pattern: str) -> None:
    """See that a pattern can be used.

    Raises:
        ValueError: It cannot be compiled.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"the pattern {pattern!r:.80} cannot be compiled: {error}") from None


def found(pattern: str, text: str, how: How) -> bool:
    r"""Whether a pattern fits the whole text, or some part of it; never on text over 2000 characters.

    Anywhere, it is read as JSON Schema's: `$` is the end of the text, and `\d`, `\w` and `\b` know ASCII only.

    Raises:
        PatternTimeout: That could not be found out in time.

    >>> found("[A-Z]{2}-[0-9]+", "AB-12", "whole"), found("[0-9]", "a1", "whole"), found("[0-9]", "a1", "anywhere")
    (True, False, True)
    >>> found("^a$", "a\n", "anywhere"), found("[$]", "5$ or", "anywhere")
    (False, True)
    """
    if how == "anywhere":
        pattern = _ecma(pattern)
    if len(text) > MAX_CHARS:
        return False
    if _is_quick(pattern):
        return match([pattern, text, how])
    left = _left.get()
    began = time.monotonic()
    answer = _workers().call("match", [pattern, text, how])
    if left is not None:
        left[0] -= time.monotonic() - began
    if answer.status != "done" or (left is not None and left[0] < 0):
        raise PatternTimeout(answer.status)
    return bool(answer.value)


def match(argument: list[str]) -> bool:
    """Match one pattern; the function that worker processes run."""
    pattern, text, how = argument
    if how == "whole":
        return re.fullmatch(pattern, text) is not None
    return re.search(pattern, text, re.ASCII) is not None


_END = re.compile(r"(\\.|\[\^?\]?(?:[^\]\\]|\\.)*+\])|\$", re.DOTALL)


@functools.lru_cache(1024)
def _ecma(pattern: str) -> str:
    """A pattern whose `$`, outside of classes, is the end of the text and nowhere else."""
    return _END.sub(lambda match: match.group(1) or r"\Z", pattern)


@functools.lru_cache(1024)
def _is_quick(pattern: str) -> bool:
    """Whether no input can make the pattern slow, judged by its marks alone.

    >>> [_is_quick(p) for p in (r"^[0-9]{4}-[0-9]{2}$", "a*b", "a*b*", "(a|b)", "(a+)+")]
    [True, True, False, False, False]
    """
    at = opened = 0
    while at < len(pattern):
        token = _QUIET.match(pattern, at) or _OPEN.match(pattern, at)
        if token is None:
            return False
        opened += token.re is _OPEN
        at = token.end()
    return opened <= 1


@functools.cache
def _workers() -> Workers:
    return Workers("agentrl.verifiers._tools.patterns", timeout_s=TIMEOUT_S, memory_mib=1024)
