"""Gymnasium spaces for chat: `ChatSpace` for observations, `TextSpace` for actions.

`gymnasium.spaces.Text` does not fit: its default charset has no spaces or Unicode, it refuses the empty string, and
it checks membership with a Python loop over the characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium

from agentrl.codec import message_from_json, message_to_json
from agentrl.types import Message

__all__ = ["ChatSpace", "TextSpace"]

_WORDS = ("yes", "no", "42", "add", "the", "numbers", "∀x", "#### 7", "\\boxed{1}")


class TextSpace(gymnasium.Space["str | Message"]):
    """Any text, or an assistant `Message` (with tool calls); what a policy may do."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(None, None, seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Text does not flatten into an array."""
        return False

    def contains(self, x: Any) -> bool:
        """Whether `x` is text or an assistant message."""
        return isinstance(x, str) or (isinstance(x, Message) and x.role == "assistant")

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """Draw a few words; masks do not apply to text."""
        count = int(self.np_random.integers(0, 6))
        return " ".join(_WORDS[int(i)] for i in self.np_random.integers(0, len(_WORDS), size=count))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace)

    def __hash__(self) -> int:
        return hash(TextSpace)

    def __repr__(self) -> str:
        return "TextSpace()"


class ChatSpace(gymnasium.Space[tuple[Message, ...]]):
    """A tuple of messages: the new ones since the last action."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(None, None, seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Messages do not flatten into an array."""
        return False

    def contains(self, x: Any) -> bool:
        """Whether `x` is a tuple of messages."""
        return isinstance(x, tuple) and all(isinstance(m, Message) for m in x)

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> tuple[Message, ...]:
        """Draw one user message of a few words."""
        count = int(self.np_random.integers(0, 6))
        words = (_WORDS[int(i)] for i in self.np_random.integers(0, len(_WORDS), size=count))
        return (Message("user", " ".join(words)),)

    def to_jsonable(self, sample_n: Iterable[tuple[Message, ...]]) -> list[Any]:
        """Messages as JSON objects."""
        return [[message_to_json(m) for m in chat] for chat in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[tuple[Message, ...]]:
        """The inverse of `to_jsonable`."""
        return [tuple(message_from_json(m) for m in chat) for chat in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChatSpace)

    def __hash__(self) -> int:
        return hash(ChatSpace)

    def __repr__(self) -> str:
        return "ChatSpace()"
