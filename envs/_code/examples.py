"""Examples in the text of a problem, read as tests."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["call_example", "entry_of", "printed_examples"]

_EXAMPLE = re.compile(r"Input:?(?P<given>.*?)\n\s*Output:?(?P<output>.*?)(?:\n\s*Explanation|\Z)", re.DOTALL)
_NAME = re.compile(r"\s*,?\s*[A-Za-z_]\w*\s*=\s*")
_PRINTED = re.compile(
    r"^Input:?[ \t]*\n+(?P<given>.*?)\n\s*^Output:?[ \t]*\n+(?P<output>.*?)"
    r"(?=\n\s*^(?:Input|Note|Explanation|-{3,})|\Z)",
    re.DOTALL | re.MULTILINE,
)


def call_example(text: str) -> tuple[list[Any], Any] | None:
    r"""The arguments and the value of a LeetCode example, or None where they are not plain JSON values.

    >>> call_example("Input: n = 12, s = \"a, b = 1\"\nOutput: true\nExplanation: ...")
    ([12, 'a, b = 1'], True)
    >>> call_example("Input: nums = [1,1,2]\nOutput: 2, nums = [1,2,_]")
    """
    found = _EXAMPLE.search(text)
    if found is None:
        return None
    try:
        value, end = _value(found["output"].strip(), 0)
        arguments = list(_arguments(found["given"].strip()))
    except ValueError:
        return None
    return (arguments, value) if arguments and end == len(found["output"].strip()) else None


def _arguments(text: str) -> Iterator[Any]:
    at = 0
    while at < len(text):
        name = _NAME.match(text, at)
        if name is None:
            raise ValueError(f"no `name =` in {text[at:]!r}")
        value, at = _value(text, name.end())
        yield value


def _value(text: str, at: int) -> tuple[Any, int]:
    return json.JSONDecoder().raw_decode(text, at)


def printed_examples(statement: str) -> list[tuple[str, str]]:
    r"""Input and output of the examples that a contest's statement ends with.

    >>> printed_examples("Print n + 1.\n\nInput\n\nn\n\nOutput\n\nn + 1\n\nExamples\n\nInput\n\n1\n\nOutput\n\n2\n")
    [('1', '2')]
    """
    heads = list(re.finditer(r"^-*\s*(?:Sample|Example)s?\b.*$", statement, re.MULTILINE))
    if not heads:
        return []
    return [(m["given"].strip(), m["output"].strip()) for m in _PRINTED.finditer(statement, heads[0].end())]


def entry_of(source: str, count: int | None = None) -> str | None:
    r"""The method of `Solution` that its other methods do not call, or the last function; None if that is unclear.

    >>> entry_of("class Solution:\n    def f(self, n: int): return self.g(n)\n    def g(self, n): return n")
    'Solution.f'

    Args:
        source: A program.
        count: How many arguments it must take, if that is known.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Solution":
            methods = _entries([m for m in node.body if isinstance(m, ast.FunctionDef)], 1, count)
            return f"Solution.{methods[0]}" if len(methods) == 1 else None
    functions = _entries([node for node in tree.body if isinstance(node, ast.FunctionDef)], 0, count)
    return functions[-1] if functions else None


def _entries(methods: Sequence[ast.FunctionDef], own: int, count: int | None) -> list[str]:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for method in methods
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute | ast.Name)
        and _called_name(node.func) != method.name
    }
    fitting = [m for m in methods if not m.name.startswith("_") and count in (None, len(m.args.args) - own)]
    free = [m for m in fitting if m.name not in called] or fitting
    typed = [m for m in free if any(a.annotation for a in m.args.args)]
    return [m.name for m in (free if len(free) == 1 else typed)]


def _called_name(function: ast.Attribute | ast.Name) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id
