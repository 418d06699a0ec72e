"""A small working program with its tests: what mutants are made of."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Program"]

Arguments = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A function that works, and the arguments it is tested with: JSON values.

    What a call must return is what this very function returns; its docstring's examples, done by hand, hold it right.

    Attributes:
        function: One function without imports; its docstring is the problem's statement.
        visible: Arguments of the tests that a policy sees.
        hidden: Arguments of the tests that decide.
    """

    function: Callable[..., Any]
    visible: tuple[Arguments, ...]
    hidden: tuple[Arguments, ...]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def statement(self) -> str:
        """The docstring up to its examples."""
        return inspect.cleandoc(self.function.__doc__ or "").partition(">>>")[0].strip()

    @property
    def source(self) -> str:
        """The function without its docstring, in the spelling of `ast.unparse`."""
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.function)))
        definition = tree.body[0]
        assert isinstance(definition, ast.FunctionDef)
        del definition.body[0]
        return ast.unparse(tree)

    def suite(self) -> dict[str, Any]:
        """The tests, for the `code` verifier."""
        marked = [(args, True) for args in self.visible] + [(args, False) for args in self.hidden]
        cases = [
            {"args": list(args), "expected": self.function(*copy.deepcopy(args)), "visible": visible}
            for args, visible in marked
        ]
        return {"format": "function", "entry": self.name, "cases": cases}
