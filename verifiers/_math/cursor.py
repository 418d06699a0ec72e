"""A place in a list of tokens, and what the parts of the grammar ask of each other."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator

from agentrl.verifiers._math.lexer import Token
from agentrl.verifiers._math.limits import MAX_DEPTH, OverLimitError
from agentrl.verifiers._math.tree import Node

__all__ = ["Grammar", "UnreadableError"]


class UnreadableError(ValueError):
    """The text is not in the grammar."""


class Grammar(ABC):
    """The grammar, with the place up to which the tokens are read.

    Args:
        tokens: The last of them is an "end".
    """

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0
        self.depth = 0  # of round, square and set brackets
        self.bars = 0  # open absolute values

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._at]

    def ahead(self, steps: int) -> Token:
        """A later token, or the end."""
        return self._tokens[min(self._at + steps, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Read one token."""
        token = self._tokens[self._at]
        if token.kind == "end":
            raise UnreadableError("the end")
        self._at += 1
        return token

    def sees(self, *texts: str) -> bool:
        """Whether the next token is one of these marks, commands or letters."""
        token = self._tokens[self._at]
        return token.text in texts and token.kind not in ("text", "end", "number")

    def accept(self, *texts: str) -> str:
        """Read the next token if it is one of these; else the empty string."""
        return self.take().text if self.sees(*texts) else ""

    def expect(self, *texts: str) -> str:
        """Read the next token, which must be one of these."""
        if not self.sees(*texts):
            raise UnreadableError(f"{self.token.text} where {texts} should be")
        return self.take().text

    def put_back(self, *rest: Token) -> None:
        """Tokens to be read next, after one was read that held more."""
        self._tokens[self._at : self._at] = rest

    @contextlib.contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper.

        Raises:
            OverLimitError: Too deep.
        """
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise OverLimitError("too deep")
        yield
        self._nesting -= 1

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Inside brackets: a comma separates items, and an outer bar does not close an absolute value."""
        bars, self.bars = self.bars, 0
        self.depth += 1
        yield
        self.depth -= 1
        self.bars = bars

    @abstractmethod
    def sum(self) -> Node:
        """Terms with signs between them."""

    @abstractmethod
    def product(self) -> Node:
        """Factors, with or without a sign between them."""

    @abstractmethod
    def factor(self) -> Node:
        """An atom with what follows it: powers, factorials."""

    @abstractmethod
    def relation(self) -> Node:
        """Sides with relations between them."""
