"""Sums in decimal numbers with + - * / and brackets, worked out by hand: nothing is evaluated as code."""

from __future__ import annotations

import re
from fractions import Fraction

from agentrl.envs._desk.world import ToolError

__all__ = ["calculate"]

_TOKEN = re.compile(r"\s*(?:(\d{1,15}(?:\.\d{1,15})?)|([-+*/()]))")
MAX_TOKENS = 200


def calculate(expression: str) -> str:
    """The value of an expression, rounded to two decimals.

    Raises:
        ToolError: It is none, or its value is too large.

    >>> calculate("2 * (3 + 4.5) / 4"), calculate("-1.5 - -2")
    ('3.75', '0.5')
    """
    tokens: list[str] = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or len(tokens) >= MAX_TOKENS:
            raise ToolError(f"no expression with numbers, + - * / and brackets: {expression!r:.60}")
        tokens.append(found.group(1) or found.group(2))
        at = found.end()
    reader = _Reader([*tokens, ""])
    try:
        value = reader.sum()
    except ZeroDivisionError:
        raise ToolError("there is a division by zero") from None
    if reader.tokens[reader.at]:
        raise ToolError(f"{reader.tokens[reader.at]!r} stands where the expression should end")
    rounded = round(value, 2)
    try:
        return str(float(rounded)) if rounded.denominator > 1 else str(rounded.numerator)
    except OverflowError:
        raise ToolError("the value is too large") from None


class _Reader:
    """Recursive descent; the last token is empty."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def sum(self) -> Fraction:
        value = self._product()
        while (sign := self.tokens[self.at]) in ("+", "-"):
            self.at += 1
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Fraction:
        value = self._factor()
        while (sign := self.tokens[self.at]) in ("*", "/"):
            self.at += 1
            other = self._factor()
            value = value * other if sign == "*" else value / other
        return value

    def _factor(self) -> Fraction:
        token = self.tokens[self.at]
        self.at += bool(token)
        if token == "-":
            return -self._factor()
        if token == "(":
            value = self.sum()
            if self.tokens[self.at] != ")":
                raise ToolError("a bracket is never closed")
            self.at += 1
            return value
        if not token or not token[0].isdigit():
            raise ToolError(f"a number is missing before {token or 'the end'!r}")
        return Fraction(token)
