r"""An arithmetic expression of a reply: whole numbers, + - * / and brackets, read by hand and computed exactly.

Signs are read in their usual spellings: × and \times, ÷ and \div, \frac{a}{b}, square brackets, `\left(`. A number is
written in plain digits without a leading zero. No sign stands before a number or a bracket, and none may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["MAX_CHARS", "Expression", "NotAnExpressionError", "read", "tokens_of"]

MAX_CHARS = 400
_MAX_DEPTH = 40
_CLOSE = {"(": ")", "[": "]", "{": "}"}
_WRAPPED = (
    re.compile(r"\$\$?+(.*[^$])\$\$?", re.DOTALL),
    re.compile(r"\\\((.*)\\\)", re.DOTALL),
    re.compile(r"\\\[(.*)\\\]", re.DOTALL),
    re.compile(r"`++(.*[^`])`++", re.DOTALL),
    re.compile(r"\*\*(.*)\*\*", re.DOTALL),
    re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL),
)
_TOKEN = re.compile(
    r"(?:\s|\\[ ,;!]|\\(?:left|right)(?![A-Za-z]))*+"
    r"(?:(?P<number>0|[1-9][0-9]{0,11})(?![0-9])|(?P<times>[*×·⋅∗xX]|\\(?:times|cdot|ast)(?![A-Za-z]))"
    r"|(?P<over>[/÷∕]|\\div(?![A-Za-z]))|(?P<minus>[-−–])|(?P<fraction>\\[dt]?frac(?![A-Za-z]))|(?P<sign>[+()\[\]{}=]))"
    r"(?:\s|\\[ ,;!]|\\(?:left|right)(?![A-Za-z]))*+"
)
_Value = Fraction | int | None
_SIGNS = {"times": "*", "over": "/", "minus": "-", "fraction": r"\frac"}


class NotAnExpressionError(ValueError):
    """A text that is no expression of this grammar."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression uses and comes to.

    Attributes:
        numbers: The numbers in it, as written from left to right.
        value: Its value; None where it divides by zero.
        claim: The number behind the equals sign, if there is one.
        text: It without spaces, in plain signs.
    """

    numbers: tuple[int, ...]
    value: Fraction | None
    claim: int | None
    text: str


def tokens_of(text: str) -> list[str]:
    r"""The signs of an expression in their plain spelling.

    Raises:
        NotAnExpressionError: There is another sign, or the text is too long.

    >>> tokens_of(r"$(12 × 3) \div 4$")
    ['(', '12', '*', '3', ')', '/', '4']
    """
    if len(text) > MAX_CHARS:
        raise NotAnExpressionError("it is too long")
    text = _unwrapped(text)
    found, at = [], 0
    for match in _TOKEN.finditer(text):
        if match.start() != at:
            break
        kind = match.lastgroup or ""
        found.append(_SIGNS.get(kind) or match[kind])
        at = match.end()
    if at < len(text):
        raise NotAnExpressionError("it has a sign that is none of 0-9 + - * / ( )")
    return found


def read(text: str) -> Expression:
    r"""Read an expression, or an equation `expression = number`.

    Raises:
        NotAnExpressionError: It is neither.

    >>> read("(1 + 2) / 4"), read("8/(3-3) = 24").value
    (Expression(numbers=(1, 2, 4), value=Fraction(3, 4), claim=None, text='(1+2)/4'), None)
    """
    tokens = tokens_of(text)
    claim = None
    if "=" in tokens:
        claim = _claim(tokens[tokens.index("=") + 1 :])
        tokens = tokens[: tokens.index("=")]
    parser = _Parser(tokens)
    value = parser.sum(0)
    if parser.next is not None:
        raise NotAnExpressionError("a sign is missing between two parts, or a bracket too many")
    return Expression(tuple(parser.numbers), None if value is None else Fraction(value), claim, "".join(tokens))


def _unwrapped(text: str) -> str:
    """Without dollars, code marks, bold, a box, and a full stop at the end."""
    text = text.strip()
    for _ in range(len(_WRAPPED)):
        before = text
        for wrapper in _WRAPPED:
            match = wrapper.fullmatch(text)
            text = match[1].strip() if match else text
        text = text.removesuffix(".").strip()
        if text == before:
            break
    return text


def _claim(tokens: list[str]) -> int:
    sign, digits = (-1, tokens[1:]) if tokens[:1] == ["-"] else (1, tokens)
    if len(digits) != 1 or not digits[0].isdigit():
        raise NotAnExpressionError("behind the equals sign stands one whole number")
    return sign * int(digits[0])


class _Parser:
    """Recursive descent over tokens; a division by zero makes the value None and goes on reading.

    Whole values stay integers, which are many times as fast as fractions.
    """

    def __init__(self, tokens: list[str]) -> None:
        self._tokens: Iterator[str] = iter(tokens)
        self.next: str | None = next(self._tokens, None)
        self.numbers: list[int] = []

    def _take(self) -> str | None:
        token, self.next = self.next, next(self._tokens, None)
        return token

    def sum(self, depth: int) -> _Value:
        value = self._product(depth)
        while self.next == "+" or self.next == "-":
            sign = self._take()
            value = _applied(sign, value, self._product(depth))
        return value

    def _product(self, depth: int) -> _Value:
        value = self._part(depth)
        while self.next == "*" or self.next == "/":
            sign = self._take()
            value = _applied(sign, value, self._part(depth))
        return value

    def _part(self, depth: int) -> _Value:
        if depth > _MAX_DEPTH:
            raise NotAnExpressionError("its brackets are too deep")
        token = self._take()
        if token is not None and token.isdigit():
            number = int(token)
            self.numbers.append(number)
            return number
        if token == r"\frac":
            above = self._bracketed("{", depth)
            return _applied("/", above, self._bracketed("{", depth))
        if token in ("(", "["):
            return self._rest_of_bracket(token, depth)
        raise NotAnExpressionError("a number or a bracket is missing")

    def _bracketed(self, opening: str, depth: int) -> _Value:
        if self._take() != opening:
            raise NotAnExpressionError(r"\frac takes two parts in braces")
        return self._rest_of_bracket(opening, depth)

    def _rest_of_bracket(self, opening: str, depth: int) -> _Value:
        value = self.sum(depth + 1)
        if self._take() != _CLOSE[opening]:
            raise NotAnExpressionError("a bracket is not closed by its like")
        return value


def _applied(sign: str | None, left: _Value, right: _Value) -> _Value:
    if left is None or right is None:
        return None
    if sign == "/":
        return Fraction(left, right) if right else None
    return left + right if sign == "+" else left - right if sign == "-" else left * right
