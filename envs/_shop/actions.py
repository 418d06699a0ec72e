"""The action in a reply.

An action is `search[words]`, `click[element]` or `decline[rule]` at the end of a line. Before it may stand what agents
write there (`Action:`, `Action 3:`, `>`, `-`, `1.`, quotes, backticks, a tag `<action>`), after it a full stop or the
closing mark. Thoughts in `<think>` tags are not read; the last line with an action counts, and what follows it is
passed over. An action inside a sentence is talk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agentrl.verifiers._reading.extract import final_segment

__all__ = ["Action", "parse_action"]

Name = Literal["search", "click", "decline"]
_NAMES: Mapping[str, Name] = {"search": "search", "click": "click", "decline": "decline"}

MAX_CHARS = 2000
"""Longest line that is read as an action."""
_BEFORE = r"(?:.*\baction\b(?:\s\d+)?\s?[:>]|(?:[-*>]|\d+[.)])(?=\s))?[\s`*\"'_]*"
_LINE = re.compile(
    rf"{_BEFORE}(?P<name>search|click|decline)\s?\[(?P<what>.*)\][`*\"'_.;]*(?:\s?</action>.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Action:
    """What a reply does, and with what."""

    name: Name
    what: str


def parse_action(reply: str) -> Action | None:
    """The last action; None where there is none.

    >>> parse_action("Thought: red ones. Action: Search[red shirt]")
    Action(name='search', what='red shirt')
    >>> parse_action("<think>click[a]</think><action>click[< Prev]</action>").what
    '< Prev'
    >>> parse_action("I will click[Buy Now] later") is None
    True
    """
    for line in reversed(final_segment(reply).splitlines()):
        text = " ".join(line.split())
        match = _LINE.fullmatch(text) if len(text) <= MAX_CHARS else None
        if match is not None:
            return Action(_NAMES[match["name"].lower()], match["what"].strip())
    return None
