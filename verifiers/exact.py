r"""Whole-answer string equality.

The reply, with surrounding white space removed, must equal the answer; `compare="fold"`
also ignores case, width variants and runs of white space.

Covered: short answers that have one spelling. Not covered: numbers with several spellings (use `math`).
"""

from __future__ import annotations

import unicodedata
from typing import Literal

from agentrl.types import Task, Transcript, Verdict

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


def verify(task: Task, transcript: Transcript, *, compare: Literal["exact", "fold"] = "exact") -> Verdict:
    """Compare the reply with the answer.

    Args:
        task: Its `answer` is the gold text.
        transcript: The last assistant message is the reply.
        compare: "exact", or "fold" to ignore case, width variants and runs of white space.
    """
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
