r"""A whole-answer match against a pattern that the task gives.

The task's `answer` is a pattern of Python's `re`, or {"pattern": text, "flags": ["ignorecase", "dotall", "multiline",
"unicode"], "example": an answer that matches}. The answer is read in one declared way (`extract`; by default it is the
whole reply after its thinking), stripped of surrounding white space, and must match from beginning to end. `\d`, `\w`,
`\s`, `\b` and "ignorecase" know ASCII only; with "unicode" they take the digits, letters and spaces of every script.

Patterns are trusted to mean what they say, but not to be fast. One with at most one open repeat and a few choices
outside of every repeat takes a bounded number of steps and runs at once; any other runs in a worker process that is
killed at its deadline. A pattern that matches the empty text is no usable gold, nor one with a class that a later
Python may read in another way: `[[a]`, `[a--b]`, `[a&&b]`, `[a||b]`, `[a~~b]`.

Covered: answers of a regular form (dates, codes, numbers in a range of spellings). Not covered: search inside a text
(write `.*` around the pattern), values (07 is not 7), patterns of over 2,000 characters, answers of over 10,000.

Source: Python's `re` module. Differs from the source: the match is bounded in time; ASCII is the default.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice, suggest
from agentrl.memo import Memo
from agentrl.types import Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import PLACES, Extract, candidates, placed
from agentrl.verifiers._reading.patterns import (
    MAX_CHARS,
    MAX_PATTERN,
    Outcome,
    PatternError,
    compiled,
    guarded,
    is_simple,
    match,
)

_FLAGS = {"ignorecase": re.IGNORECASE, "dotall": re.DOTALL, "multiline": re.MULTILINE, "unicode": re.UNICODE}
_DATE = {"pattern": r"\d{4}-\d{2}-\d{2}", "example": "2024-02-29"}
_WORD = {"pattern": "colou?r", "flags": ["ignorecase"], "example": "Colour"}
_SLOW = {"pattern": "(x+x+)+y", "example": "xxy"}

# Answer, response, options, expected status.
CASES = [
    (_DATE, "2024-02-29", {}, "correct"),
    (_DATE, " 2024-02-29\n", {}, "correct"),
    (_DATE, "<think>2023?</think>2024-02-29", {}, "correct"),
    (_DATE, "on 2024-02-29", {}, "incorrect"),
    (_DATE, "2024-02-29.", {}, "incorrect"),
    (_DATE, "2024-02-\uff12\uff19", {}, "incorrect"),
    (_DATE, "2024-02-29\n2024-02-30", {}, "incorrect"),
    (_DATE, "", {}, "no_answer"),
    (_DATE, "<think>2024-02-29", {}, "no_answer"),
    (_DATE, "2" * 10_001, {}, "malformed"),
    (_DATE, "It was\nAnswer: 2024-02-29", {"extract": "answer_line"}, "correct"),
    (_DATE, "2024-02-29", {"extract": "answer_line"}, "no_answer"),
    (_DATE, "<answer>2024-02-29</answer><answer>1</answer>", {"extract": "answer_tag"}, "malformed"),
    (_WORD, "COLOR", {}, "correct"),
    (_WORD, "colouur", {}, "incorrect"),
    (r"\w+@\w+\.(?:org|com)", "ann@site.org", {}, "correct"),
    (r"(a|b)\1", "aa", {}, "correct"),
    (r"(a|b)\1", "ab", {}, "incorrect"),
    (_SLOW, "xxxxy", {}, "correct"),
    ("", "x", {}, "task_invalid"),
    ("a*", "a", {}, "task_invalid"),
    ("(", "(", {}, "task_invalid"),
    (7, "7", {}, "task_invalid"),
    ({"pattern": "a", "flags": ["verbose"]}, "a", {}, "task_invalid"),
    ("a" * 2_001, "a", {}, "task_invalid"),
    ("[[a]", "a", {}, "task_invalid"),
]

_Status = Literal["correct", "incorrect", "timeout", "resource_limit"]
_DECIDED = ("correct", "incorrect")
_STATUSES: Mapping[Outcome, _Status] = {
    "match": "correct",
    "no_match": "incorrect",
    "timeout": "timeout",
    "resource_limit": "resource_limit",
}
_memo: Memo[_Status] = Memo("regex")


@dataclass(frozen=True, slots=True)
class _Gold:
    pattern: re.Pattern[str]
    example: str | None


def verify(task: Task, transcript: Transcript, *, extract: Extract = "final") -> Verdict:
    """Match the answer against the task's pattern.

    Args:
        task: Its `answer` is the pattern; see the module.
        transcript: The last assistant message is the reply.
        extract: Where the answer stands: "boxed", "hash", "answer_line", "answer_tag" or "final" (the whole reply).
            Of several the last counts.

    Raises:
        ConfigError: There is no such way; no reply raises.
        InfraError: Worker processes cannot be started.
    """
    check_choice("extract", extract, get_args(Extract))
    try:
        wanted = _read(task.answer)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task's answer cannot be used: {error}")
    found = candidates(transcript.reply, extract)
    if not found:
        return Verdict(0.0, "no_answer", feedback=f"There is no answer: it is {PLACES[extract]}.")
    said = (found[-1] or "").strip()
    if not said or len(said) > MAX_CHARS:
        return Verdict(0.0, "malformed", feedback=f"The answer must have 1 to {MAX_CHARS} characters.")
    status = _status(wanted.pattern, said)
    if status == "correct":
        return Verdict(1.0, "correct", said[:2000])
    if status == "incorrect":
        return Verdict(0.0, "incorrect", said[:2000], feedback="The answer does not have the form that is asked for.")
    if status == "timeout":
        return Verdict(0.0, "timeout", said[:2000], feedback="The answer takes too long to match.")
    return Verdict(0.0, "resource_limit", said[:2000], feedback="The answer takes too much memory to match.")


def _status(pattern: re.Pattern[str], said: str) -> _Status:
    key = pattern.pattern, pattern.flags & ~re.UNICODE, said
    if is_simple(pattern.pattern, len(said)):
        return "correct" if match([*key, "whole"]) else "incorrect"
    return _memo.decide(key, lambda: _STATUSES[guarded(*key, "whole")], keep=lambda status: status in _DECIDED)


def _read(answer: Any) -> _Gold:
    """Read a gold.

    Raises:
        DataError: It is no pattern, or one that matches the empty text.
    """
    given = {"pattern": answer} if isinstance(answer, str) else answer
    if not isinstance(given, Mapping) or not {"pattern"} <= set(given) <= {"pattern", "flags", "example"}:
        raise DataError(f'it must be a pattern or {{"pattern": ..., "flags": ..., "example": ...}}, got {answer!r:.60}')
    pattern, flags, example = given["pattern"], given.get("flags", ()), given.get("example")
    if not isinstance(pattern, str) or not pattern:
        raise DataError(f"a pattern is a text of 1 to {MAX_PATTERN} characters, got {pattern!r:.60}")
    if not isinstance(flags, list | tuple) or not all(isinstance(flag, str) for flag in flags):
        raise DataError(f"flags must be a list of {', '.join(_FLAGS)}; got {flags!r:.60}")
    for flag in flags:
        if flag not in _FLAGS:
            raise DataError(f"there is no flag {flag!r:.20}: {suggest(flag, _FLAGS)}")
    if example is not None and not isinstance(example, str):
        raise DataError(f"the example must be a text, got {example!r:.60}")
    return _Gold(_compiled(pattern, tuple(flags)), example)


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: tuple[str, ...]) -> re.Pattern[str]:
    chosen = functools.reduce(lambda all, flag: all | _FLAGS[flag], flags, re.RegexFlag(0))
    try:
        found = compiled(pattern, chosen if chosen & re.UNICODE else chosen | re.ASCII)
    except PatternError as error:
        raise DataError(str(error)) from None
    if _status(found, "") != "incorrect":
        raise DataError("it matches the empty text")
    return found


def gold(answer: Any, options: Mapping[str, Any]) -> str | None:
    """The answer's example in its place, if it has one.

    Raises:
        DataError: The answer is no usable gold.
    """
    example = _read(answer).example
    return None if example is None else placed(example, options.get("extract", "final"))


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """The example with white space around it, and after thoughts."""
    written = gold(answer, options)
    if written is not None:
        yield f"\n{written} \n"
        yield f"<think>\nno\n</think>\n{written}"


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """The same pattern with an example that does not match: of another alphabet, or empty."""
    wanted = _read(answer)
    if wanted.example is not None:
        for other in ("\u2603", f"\u2603{wanted.example}"):
            if _status(wanted.pattern, other) == "incorrect":
                yield {**answer, "example": other}
