"""A sentence with its formula, the names it may use, and how a prompt shows them."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.syntax import Equal, Formula, Joined, Not, Quantified, Symbols, with_bound

__all__ = ["Pair", "as_signature", "described", "problem_name"]

_VARIABLE = re.compile(r"(?:(?<=Variable\(name=)|(?<=kind='(?:forall|exists)', name=))'\w+'")
_LETTERS = ("x", "y", "z", "u", "v", "w", *string.ascii_lowercase[:2])


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence and what it says.

    Attributes:
        sentence: In English.
        formula: What it says.
        names: Predicates, functions and constants that a reply may use; those of the formula among them.
        glosses: For some names, what they stand for.
    """

    sentence: str
    formula: Formula
    names: Symbols
    glosses: Mapping[str, str] = field(default_factory=dict)


def as_signature(names: Symbols) -> dict[str, Any]:
    """Names as the verifier takes them, in alphabetical order."""
    functions = {name: arity for name, arity in sorted(names.functions.items()) if arity}
    constants = sorted(name for name, arity in names.functions.items() if not arity)
    return {"predicates": dict(sorted(names.predicates.items())), "functions": functions, "constants": constants}


def described(pair: Pair) -> str:
    """The names of a pair, a line each kind; alphabetical, so that their order says nothing of the formula."""
    given = as_signature(pair.names)
    lines = []
    for title in ("predicates", "functions"):
        shown = [_shown(name, arity, pair.glosses) for name, arity in given[title].items()]
        if shown:
            lines.append(f"{title.capitalize()}: {'; '.join(shown)}")
    if given["constants"]:
        lines.append(f"Constants: {'; '.join(_shown(name, 0, pair.glosses) for name in given['constants'])}")
    return "\n".join(lines)


def _shown(name: str, arity: int, glosses: Mapping[str, str]) -> str:
    text = f"{name}({', '.join(_LETTERS[:arity])})" if arity else name
    return f"{text} = {glosses[name]}" if name in glosses else text


def problem_name(formula: Formula) -> str:
    """A text that formulas share which differ in bound names and in the order of operands that may be exchanged.

    >>> from agentrl.verifiers._fol.reader import read
    >>> problem_name(read("P ∧ ∃x Q(x)").formula) == problem_name(read("(∃y Q(y)) ∧ P").formula)
    True
    """
    return show(with_bound(_ordered(formula)))


def _ordered(formula: Formula) -> Formula:
    match formula:
        case Not(body):
            return Not(_ordered(body))
        case Quantified(kind, name, body):
            return Quantified(kind, name, _ordered(body))
        case Equal(left, right):
            return Equal(*sorted((left, right), key=repr))
        case Joined(op, left, right):
            sides = [_ordered(left), _ordered(right)]
            return Joined(op, *(sides if op == "implies" else sorted(sides, key=_shape)))
    return formula


def _shape(formula: Formula) -> str:
    """A formula without the names of its variables."""
    return _VARIABLE.sub("", repr(formula))
