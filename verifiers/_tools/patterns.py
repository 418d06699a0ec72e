"""Patterns of golds and of schemas, on what a policy wrote: those of one verdict share a budget.

So many slow texts cost no more than a few. What a pattern may be is said in `_reading/patterns.py`; anywhere in a text,
it must also be one that knows ASCII only.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import re
import time
from collections.abc import Iterator

from agentrl.verifiers._reading.patterns import TIMEOUT_S, How, PatternError, compiled, guarded, is_simple, match

__all__ = ["PatternTimeout", "bounded", "check_pattern", "found", "found_at_once"]

MAX_CHARS = 2000
BUDGET_S = 2.0


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


def check_pattern(pattern: str, how: How) -> None:
    """See that a pattern can be used.

    Raises:
        PatternError: It cannot.
    """
    try:
        compiled(*_read(pattern, how))
    except PatternError as error:
        raise PatternError(f"the pattern {pattern!r:.60} cannot be used: {error}") from None


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
    if len(text) > MAX_CHARS:
        return False
    pattern, flags = _read(pattern, how)
    if is_simple(pattern, len(text), how):
        return match([pattern, flags, text, how])
    left, began = _left.get(), time.monotonic()
    if left is not None and left[0] <= 0:
        raise PatternTimeout("nothing is left of the budget")
    outcome = guarded(pattern, flags, text, how, timeout_s=TIMEOUT_S if left is None else left[0])
    if left is not None:
        left[0] -= time.monotonic() - began
    if outcome not in ("match", "no_match"):
        raise PatternTimeout(outcome)
    return outcome == "match"


def found_at_once(pattern: str, text: str) -> bool:
    """Whether a pattern fits some part of a text and needs no worker to see it; False says nothing."""
    if len(text) > MAX_CHARS:
        return False
    pattern, flags = _read(pattern, "anywhere")
    return is_simple(pattern, len(text), "anywhere") and match([pattern, flags, text, "anywhere"])


_END = re.compile(r"(\\.|\[\^?\]?(?:[^\]\\]|\\.)*+\])|\$", re.DOTALL)


@functools.lru_cache(1024)
def _read(pattern: str, how: How) -> tuple[str, int]:
    """A pattern and its flags; anywhere, its `$`, outside of classes, is the end of the text and nowhere else."""
    if how == "whole":
        return pattern, 0
    return _END.sub(lambda found: found.group(1) or r"\Z", pattern), re.ASCII
