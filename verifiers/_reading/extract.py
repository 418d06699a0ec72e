r"""Where the answer stands in a reply: after the thoughts, in the one place that the task declares.

Every scan is linear. A candidate is the text of an answer, or None where its place is broken (a box that never closes).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

__all__ = ["PLACES", "Extract", "after_thinking", "candidates", "final_segment", "last_boxed", "placed"]

Extract = Literal["boxed", "hash", "answer_line", "answer_tag", "final"]


def candidates(reply: str, extract: Extract) -> list[str | None]:
    r"""The answers that a reply gives, in order; none where it gives none.

    >>> candidates(r"so 4, no: \boxed{5}", "boxed"), candidates("#### 7", "hash"), candidates("7", "boxed")
    (['5'], [' 7'], [])
    """
    return _EXTRACTORS[extract](final_segment(reply))


def placed(text: str, extract: Extract) -> str:
    r"""A reply that gives a text as its answer.

    >>> placed("5", "boxed"), placed("5", "answer_line")
    ('\\boxed{5}', 'Answer: 5')
    """
    return _PLACED[extract].format(text)


def last_boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{}`; None where there is none or it never closes."""
    return (_boxes(text) or [None])[-1]


def after_thinking(reply: str) -> int:
    """Where the reply begins after its thinking; one past its end, where no line can begin, if that never ends."""
    before, mark, rest = reply.rpartition("</think>")
    if "<think>" in rest:  # the reply, or what follows the last thoughts, is thinking to its end
        return len(reply) + 1
    return len(before) + len(mark)


def final_segment(reply: str) -> str:
    """What follows the thoughts; nothing where they never end."""
    return reply[after_thinking(reply) :]


_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*+(?:(\{)|([0-9A-Za-z])(?=\$|\Z))?+|\\.|[{}]", re.DOTALL)


def _boxes(text: str) -> list[str | None]:
    """Outermost boxes; one pass with a stack, so that many unclosed boxes cost no more than plain text."""
    stack: list[int] = []  # for each open brace the start of its box's content, -1 for another brace
    closed: list[tuple[int, str | None]] = []
    for match in _BOX.finditer(text):
        token = match.group()
        if token == "{":
            stack.append(-1)
        elif token == "}":
            start = stack.pop() if stack else -1
            if start >= 0:
                while closed and closed[-1][0] > start:  # inner boxes
                    closed.pop()
                closed.append((start, text[start : match.start()]))
        elif match.group(1):
            stack.append(match.end())
        elif token.startswith(("\\boxed", "\\fbox")):
            closed.append((match.end(), match.group(2)))
    unclosed: list[str | None] = [None] if any(start >= 0 for start in stack) else []
    return [content for _, content in closed] + unclosed


def _answer_lines(text: str) -> list[str | None]:
    found: list[str | None] = []
    waits = False  # an answer's line holds only its label: the next one with text is the answer
    for line in text.splitlines():
        label, colon, rest = line.strip().lstrip("*#>- ").partition(":")
        if colon and label.rstrip("* ").casefold() in ("answer", "final answer"):
            found.append(rest)
            waits = not rest.strip("* ")
        elif waits and line.strip():
            found[-1], waits = line, False
    return found


def _answer_tag(text: str) -> list[str | None]:
    opened, closed = text.count("<answer>"), text.count("</answer>")
    if not opened and not closed:
        return []
    inside = text.partition("<answer>")[2].partition("</answer>")
    return [inside[0] if opened == closed == 1 and inside[1] else None]


_EXTRACTORS: dict[Extract, Callable[[str], list[str | None]]] = {
    "boxed": _boxes,
    "hash": lambda text: [part.partition("\n")[0] for part in text.split("####")[1:]],
    "answer_line": _answer_lines,
    "answer_tag": _answer_tag,
    "final": lambda text: [text] if text.strip() else [],
}
PLACES: dict[Extract, str] = {
    "boxed": r"the last \boxed{...}",
    "hash": "the rest of the last #### line",
    "answer_line": "the last line that begins with Answer:, or the one below where nothing follows",
    "answer_tag": "exactly one <answer>...</answer>",
    "final": "the whole reply",
}
"""Each way in the words of the feedback."""
_PLACED: dict[Extract, str] = {
    "boxed": r"\boxed{{{}}}",
    "hash": "#### {}",
    "answer_line": "Answer: {}",
    "answer_tag": "<answer>{}</answer>",
    "final": "{}",
}
