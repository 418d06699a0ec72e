"""Fenced blocks in replies: where they are, and which one holds the program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentrl.verifiers._reading.extract import after_thinking, final_segment

__all__ = ["LABELS", "Block", "FenceError", "blocks", "last_code", "whole_or_block"]

_FENCE = "```"
LABELS = ("", "python", "py", "python3")


class FenceError(ValueError):
    """It is not clear which block is the answer."""


@dataclass(frozen=True, slots=True)
class Block:
    """The inside of a fenced block as a range of characters.

    Attributes:
        label: Of its opening fence, in lower case.
        fence: Where the opening fence begins.
        start: First character of the inside.
        end: After the last one, the line's end before the closing fence left out.
    """

    label: str
    fence: int
    start: int
    end: int


def blocks(reply: str) -> Iterator[Block]:
    r"""The fenced blocks of a reply after its thinking, in order; one that is not closed goes to the end.

    Any line that begins with a fence opens or closes.

    >>> [(b.label, "a\n```sh\nls\n```\nb"[b.start : b.end]) for b in blocks("a\n```sh\nls\n```\nb")]
    [('sh', 'ls')]
    """
    at = after_thinking(reply)
    label, opened = None, 0
    while at < len(reply) + 1:
        end = reply.find("\n", at)
        end = len(reply) if end < 0 else end
        line = reply[at:end]
        if line.lstrip().startswith(_FENCE):
            if label is None:
                label, opened = line.strip().strip("`").strip().lower(), at
            else:
                yield Block(label, opened, _inside(reply, opened), max(at - 1, _inside(reply, opened)))
                label = None
        at = end + 1
    if label is not None:
        yield Block(label, opened, _inside(reply, opened), len(reply))


def _inside(reply: str, fence: int) -> int:
    end = reply.find("\n", fence)
    return len(reply) if end < 0 else end + 1


def last_code(reply: str) -> Block | None:
    """The last block that is labelled as Python, or not labelled; None where it is blank."""
    found = next((block for block in reversed(list(blocks(reply))) if block.label in LABELS), None)
    return found if found is not None and reply[found.start : found.end].strip() else None


def whole_or_block(reply: str) -> str:
    """The inside of the one fenced block of a reply; without one, all that follows its thinking.

    Raises:
        FenceError: There are several.
    """
    found = list(blocks(reply))
    if len(found) > 1:
        raise FenceError("it holds several fenced blocks")
    return reply[found[0].start : found[0].end] if found else final_segment(reply)
