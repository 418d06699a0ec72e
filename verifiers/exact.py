r"""Whole-answer string equality.

The reply, with surrounding white space removed, must equal the answer; `compare="fold"`
also ignores case, width variants and runs of white space.

Covered: short answers that have one spelling. Not covered: numbers with several spellings (use `math`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Task, Transcript, Verdict

Compare = Literal["exact", "fold"]

# Answer, response, options, expected status.
CASES = [
    ("Paris", "Paris", {}, "correct"),
    ("Paris", "  Paris\n", {}, "correct"),
    ("Paris", "paris", {}, "incorrect"),
    ("Paris", "paris", {"compare": "fold"}, "correct"),
    ("New York", "new   york", {"compare": "fold"}, "correct"),
    ("Paris", "It is Paris", {}, "incorrect"),
    ("Paris", "", {}, "no_answer"),
    ("Paris", "   ", {}, "no_answer"),
    ("7", "7", {}, "correct"),
    ("", "anything", {}, "task_invalid"),
]


def verify(task: Task, transcript: Transcript, *, compare: Compare = "exact") -> Verdict:
    """Compare the reply with the answer.

    Args:
        task: Its `answer` is the gold text.
        transcript: The last assistant message is the reply.
        compare: "exact", or "fold" to ignore case, width variants and runs of white space.

    Raises:
        ConfigError: `compare` has another value.
    """
    check_choice("compare", compare, get_args(Compare))
    gold = _canonical(str(task.answer), compare)
    reply = _canonical(transcript.reply, compare)
    if task.answer is None or not gold:
        return Verdict(0.0, "task_invalid", feedback="The task has no answer.")
    if not reply:
        return Verdict(0.0, "no_answer", feedback="The reply is empty.")
    if reply == gold:
        return Verdict(1.0, "correct", answer=reply)
    return Verdict(0.0, "incorrect", answer=reply[:2000], feedback="The answer is not right.")


def _canonical(text: str, compare: str) -> str:
    if compare == "exact":
        return text.strip()
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The answer itself.

    Raises:
        DataError: It is empty.
    """
    if answer is None or not str(answer).strip():
        raise DataError("the answer is empty")
    return str(answer)


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """White space around it; under "fold" also another case."""
    yield f"\n  {answer}\t\n"
    upper = str(answer).upper()
    if options.get("compare") == "fold" and upper.casefold() == str(answer).casefold():  # not so of a dotless i
        yield upper


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """The answer with a character more, and without its last one."""
    yield f"{answer}x"
    if str(answer).strip()[:-1].strip():
        yield str(answer).strip()[:-1]
