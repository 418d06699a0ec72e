"""Replies to code tasks: a program as a block, and the parts of a repair."""

from __future__ import annotations

from agentrl.verifiers._reading.extract import after_thinking
from agentrl.verifiers._reading.fences import last_code

__all__ = ["fenced", "repair_segments"]


def fenced(code: str, label: str = "python") -> str:
    r"""Code as a block.

    >>> fenced("x = 1")
    '```python\nx = 1\n```'
    """
    return f"```{label}\n{code.rstrip()}\n```"


def repair_segments(reply: str) -> list[tuple[str, int, int]]:
    r"""The explanation and the code of a repair, as (tag, first character, end).

    The code is the inside of the last code block. The explanation is the inside of the first `<explain>...</explain>`
    before it, or else all text between the thinking and the block; there is none where that is blank.

    >>> repair_segments("Off by one.\n```python\nx = 1\n```")
    [('explain', 0, 11), ('code', 22, 27)]
    """
    code = last_code(reply)
    start, end = min(after_thinking(reply), len(reply)), len(reply) if code is None else code.fence
    tag = reply.find("<explain>", start, end)
    close = reply.find("</explain>", tag, end) if tag >= 0 else -1
    if close >= 0:
        start, end = tag + len("<explain>"), close
    text = reply[start:end]
    found = []
    if text.strip():
        found.append(("explain", start + len(text) - len(text.lstrip()), start + len(text.rstrip())))
    if code is not None:
        found.append(("code", code.start, code.end))
    return found
