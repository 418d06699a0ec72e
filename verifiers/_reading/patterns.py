"""Patterns that a task gives, matched without ever hanging the caller.

A pattern that needs few steps on a text is matched at once; any other in a worker process that is killed at its
deadline. Patterns are Python's, with the flags of `re`.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Literal

from agentrl.workers import Workers

__all__ = ["MAX_CHARS", "MAX_PATTERN", "How", "Outcome", "PatternError", "compiled", "guarded", "is_simple", "match"]

How = Literal["whole", "anywhere"]
Outcome = Literal["match", "no_match", "timeout", "resource_limit"]
MAX_CHARS = 10_000
MAX_PATTERN = 2_000
TIMEOUT_S = 1.0
_MAX_STEPS = 20_000_000
_ESCAPES = re.compile(r"\\.", re.DOTALL)
_CLASSES = re.compile(r"\[\^?+\]?+[^\]]*+(?:\]|\Z)")
_UNSETTLED = re.compile(r"\[\[|--|&&|~~|\|\|")
"""Inside of a class: what Python warns of, because it may become the syntax of sets."""


class PatternError(ValueError):
    """It is no pattern that can be used; one line that says why."""


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern, compiled.

    Raises:
        PatternError: It cannot be, is too long, or Python may come to read it otherwise.
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"a pattern of {len(pattern)} characters is over the limit of {MAX_PATTERN}")
    if any(_UNSETTLED.search(found) for found in _CLASSES.findall(_ESCAPES.sub("e", pattern))):
        raise PatternError("a class has [[, --, &&, ~~ or ||, which Python may come to read otherwise: escape them")
    try:
        return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError, ValueError) as error:  # ValueError: flags that exclude each other
        raise PatternError(f"it is no pattern: {' '.join(str(error).split())}") from None


def is_simple(pattern: str, chars: int = MAX_CHARS, how: How = "whole") -> bool:
    r"""Whether a match on that many characters can only take a bounded number of steps, small enough to wait for.

    So it is with at most one repeat without a fixed number, none of them on a group, no backreference and no group but
    plain ones. Each `?` and `|` at most doubles the ways to go, the open repeat tries each length once, what follows is
    at most as long as the pattern with its fixed repeats written out, and a match anywhere begins at each character.
    Others may be fast as well.

    >>> [is_simple(p) for p in (r"\d{4}-\d+", r"[*+]+x?", "(?:a|b)c+", r"\\1")]
    [True, True, True, True]
    >>> [is_simple(p) for p in ("(a+)+", "a*a*", r"(a)\1", "(?=a)a", "(a|b){9}", "a+a{9999}b", "a?" * 20)]
    [False, False, False, False, False, False, False]
    >>> is_simple("a+b", 1000, "anywhere"), is_simple("a+b", 10_000, "anywhere")
    (True, False)
    """
    bare = _CLASSES.sub("e", _ESCAPES.sub(lambda match: "(?P" if match.group()[1] in "123456789" else "e", pattern))
    bare = bare.replace("(?:", "(")
    if "(?" in bare or re.search(r"\)[*+?{]", bare):
        return False
    open_repeats = len(re.findall(r"[*+]|\{\d*,\d*\}", bare))
    length = len(bare) + sum(int(number) for number in re.findall(r"\{(\d{1,9})\}", bare))
    ways = 2 ** min(64, bare.count("?") + bare.count("|"))
    tries = (chars + 1 if open_repeats else 1) * (chars + 1 if how == "anywhere" else 1)
    return open_repeats <= 1 and ways * length * tries <= _MAX_STEPS


def guarded(pattern: str, flags: int, text: str, how: How, *, timeout_s: float = TIMEOUT_S) -> Outcome:
    """Match in a worker.

    Raises:
        InfraError: Worker processes cannot be started.
    """
    answer = _workers().call("match", [pattern, flags, text, how], timeout_s=timeout_s)
    if answer.status == "done":
        return "match" if answer.value else "no_match"
    return "timeout" if answer.status == "timeout" else "resource_limit"


def match(argument: list[Any]) -> bool:
    """Match a pattern, with its flags, on a text; the function that worker processes run."""
    pattern, flags, text, how = argument
    find = re.fullmatch if how == "whole" else re.search
    return find(pattern, text, flags) is not None


@functools.cache
def _workers() -> Workers:
    return Workers(__name__, timeout_s=TIMEOUT_S, memory_mib=512)
