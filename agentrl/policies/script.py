"""A policy that says given lines, for tests, oracles and baselines.

`script:FILE` reads one reply a line (a JSON string, or plain text) and says them in turn, over and over.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentrl.errors import DataError, UsageError
from agentrl.types import Message

__all__ = ["Script", "open"]


class Script:
    """A text policy.

    Args:
        say: Replies to cycle through, in the order in which episodes ask, or a function from the conversation to the
            reply.

    Raises:
        UsageError: There is no reply.
    """

    name = "script"
    version = 0

    def __init__(self, say: Sequence[str] | Callable[[Sequence[Message]], str | Message]) -> None:
        if callable(say):
            self._say = say
        elif not say:
            raise UsageError("a script needs at least one reply")
        else:
            lines = itertools.cycle(say)
            self._say = lambda _: next(lines)

    async def reply(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> Message:
        """Say the next line."""
        said = self._say(messages)
        return said if isinstance(said, Message) else Message("assistant", said)

    def close(self) -> None:
        """Nothing to free."""


def open(what: str) -> Script:
    """Read a file of replies.

    Raises:
        DataError: The file is absent, empty, or not text.
    """
    path = Path(what)
    if not path.is_file():
        raise DataError(f"no file {what}; `script:FILE` takes a file with one reply a line")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{what} is not UTF-8 text: {error}") from error
    lines = [_line(line) for line in text.split("\n") if line.strip()]
    if not lines:
        raise DataError(f"{what} is empty; it needs one reply a line")
    return Script(lines)


def _line(line: str) -> str:
    if line.startswith('"'):
        try:
            return str(json.loads(line))
        except ValueError:
            return line
    return line
