"""Calls in Python's syntax, `[f(a=1), g.h(b="x")]`, read without Python: names, keywords and plain values only.

Python's own parser warns about what it reads and can be driven to its limits; this one reads only what a call needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from agentrl.verifiers._tools.plain import MAX_DEPTH

__all__ = ["PythonError", "format_calls", "parse_calls"]

_TOKEN = re.compile(
    r"""\s*+(?:
      (?P<number>[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?(?![\w.]))
    | (?P<name>[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+)(?!["'])
    | (?P<text>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')
    | (?P<mark>[\[\](){},:=])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_WORDS = {"True": True, "False": False, "None": None}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "b": "\b", "f": "\f", "\n": ""}
MAX_DIGITS = 300


class PythonError(ValueError):
    """The text is no call, or no list of calls, of plain values."""


def parse_calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    r"""Read a call or a list of calls: names with their keyword arguments.

    Raises:
        PythonError: It is neither.

    >>> parse_calls('[f(a=1, b=[-2.5, True]), g.h(c={"k": "it\'s"})]')
    [('f', {'a': 1, 'b': [-2.5, True]}), ('g.h', {'c': {'k': "it's"}})]
    """
    reader = _Reader(text)
    found = []
    if reader.kind == "name":
        found.append(reader.call())
    else:
        reader.take("[")
        while reader.token != "]":
            found.append(reader.call())
            if reader.token != "]":
                reader.take(",")
        reader.take("]")
    if reader.kind != "end":
        raise PythonError(f"something follows the calls: {reader.token!r:.40}")
    return found


@dataclass(slots=True)
class _Reader:
    """A token ahead of where it stands."""

    text: str
    at: int = 0
    kind: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        self.next()

    def next(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise PythonError(f"no token at character {self.at}")
        self.kind, self.token, self.at = match.lastgroup, match.group(match.lastgroup), match.end()

    def take(self, mark: str) -> None:
        if self.kind != "mark" or self.token != mark:
            raise PythonError(f"expected {mark!r} before character {self.at}, got {self.token!r:.40}")
        self.next()

    def call(self) -> tuple[str, dict[str, Any]]:
        if self.kind != "name" or self.token in _WORDS:
            raise PythonError(f"expected the name of a function, got {self.token!r:.40}")
        name = self.token
        self.next()
        self.take("(")
        arguments: dict[str, Any] = {}
        while self.token != ")" or self.kind != "mark":
            keyword = self.token
            if self.kind != "name" or keyword in arguments or "." in keyword or keyword in _WORDS:
                raise PythonError(f"expected the name of an argument, once; got {keyword!r:.40}")
            self.next()
            self.take("=")
            arguments[keyword] = self.value(MAX_DEPTH)
            if self.token != ")":
                self.take(",")
        self.take(")")
        return name, arguments

    def value(self, depth: int) -> Any:
        if depth == 0:
            raise PythonError("values are nested too deep")
        kind, token = self.kind, self.token
        if kind == "number":
            self.next()
            return _number(token)
        if kind == "text":
            self.next()
            return _unescaped(token[1:-1])
        if kind == "name" and token in _WORDS:
            self.next()
            return _WORDS[token]
        if kind == "mark" and token in "[(":
            return self._items(depth, "]" if token == "[" else ")")
        if kind == "mark" and token == "{":
            return self._mapping(depth)
        raise PythonError(f"expected a value, got {token!r:.40}")

    def _items(self, depth: int, closing: str) -> Any:
        opening = self.token
        self.take(opening)
        found, commas = [], 0
        while not (self.kind == "mark" and self.token == closing):
            found.append(self.value(depth - 1))
            if self.token != closing or self.kind != "mark":
                self.take(",")
                commas += 1
        self.take(closing)
        return found[0] if opening == "(" and len(found) == 1 and not commas else found

    def _mapping(self, depth: int) -> dict[str, Any]:
        self.take("{")
        found: dict[str, Any] = {}
        while not (self.kind == "mark" and self.token == "}"):
            if self.kind != "text":
                raise PythonError(f"expected a key in quotes, got {self.token!r:.40}")
            key = _unescaped(self.token[1:-1])
            if key in found:
                raise PythonError(f"the key {key!r:.40} occurs twice")
            self.next()
            self.take(":")
            found[key] = self.value(depth - 1)
            if self.token != "}" or self.kind != "mark":
                self.take(",")
        self.take("}")
        return found


def _number(token: str) -> float:
    digits = token.lstrip("+-")
    if len(digits) > MAX_DIGITS:
        raise PythonError(f"a number of {len(digits)} characters is over the limit of {MAX_DIGITS}")
    if not digits.isdigit():
        return float(token)
    if digits[0] == "0" and digits.strip("0"):
        raise PythonError(f"a number cannot begin with 0: {token:.40}")
    return int(token)


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] in "xuU" and len(code) > 1:
            number = int(code[1:], 16)
            if number > 0x10FFFF:
                raise PythonError("an escape stands for no character")
            return chr(number)
        return _ESCAPES.get(code, match.group())

    return _ESCAPE.sub(plain, text) if "\\" in text else text


def format_calls(calls: list[tuple[str, dict[str, Any]]]) -> str:
    """Calls as text that `parse_calls` reads back, and in which no text can be taken for a tag.

    >>> format_calls([("f", {"a": [1, "x"], "b": None})])
    "[f(a=[1, 'x'], b=None)]"
    """
    text = "[" + ", ".join(f"{name}({', '.join(f'{k}={v!r}' for k, v in a.items())})" for name, a in calls) + "]"
    return text.replace("<", "\\x3c")
