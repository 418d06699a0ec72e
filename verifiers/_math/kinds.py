"""The type of a gold: found from how it is written, or stated by the task; it decides how a reply is compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, get_args

from agentrl.verifiers._math.answers import Answer
from agentrl.verifiers._math.exact import nodes
from agentrl.verifiers._math.parts import has_signs, items_of
from agentrl.verifiers._math.regions import region, says_inequality
from agentrl.verifiers._math.tree import (
    Apply,
    Based,
    Bracketed,
    Constant,
    Listing,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    SetOf,
    Symbol,
    Text,
    Union,
)
from agentrl.verifiers._math.values import exact, is_literal

__all__ = ["KINDS", "Kind", "as_kind", "kind_of", "letter_of", "truth_of"]

Kind = Literal[
    "integer",
    "rational",
    "decimal",
    "percent",
    "money",
    "quantity",
    "complex",
    "expression",
    "equation",
    "inequality",
    "interval_union",
    "set",
    "multiset",
    "tuple",
    "matrix",
    "choice",
    "text",
    "base_n",
    "boolean",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
_UNITS: dict[str, Kind] = {"%": "percent", "$": "money"}
_LETTER = re.compile(r"[(\[]?([A-Za-z])[)\]]?[.:]?")
_TRUTHS = {"true": True, "yes": True, "t": True, "y": True, "false": False, "no": False, "f": False, "n": False}


def letter_of(text: str) -> str | None:
    """The one letter that an answer gives as its choice; None for anything else.

    >>> letter_of("(B)"), letter_of("B."), letter_of("AB")
    ('B', 'B', None)
    """
    match = _LETTER.fullmatch(text.strip())
    return match[1] if match else None


def truth_of(text: str) -> bool | None:
    """The truth value that words name."""
    return _TRUTHS.get(text.strip(" .").casefold())


def kind_of(answer: Answer) -> Kind:
    r"""The type of an answer by how it is written.

    Two items in round brackets are a tuple until a task says that they are an interval; the comparison is the same.
    """
    tree = answer.tree
    letter = letter_of(answer.text)
    if letter is not None and letter.isupper():
        return "choice"
    return "text" if tree is None else _kind_of_tree(tree)


def _kind_of_tree(tree: Node) -> Kind:
    match tree:
        case Text():
            return "text"
        case Quantity(unit=unit):
            return _UNITS.get(unit, "quantity")
        case Relation():
            return _kind_of_relation(tree)
        case Listing():
            return "inequality" if any(map(says_inequality, tree.items)) else _kind_of_items(tree)
        case Bracketed(left=left, right=right):
            return "tuple" if (left, right) == ("(", ")") or region(tree) is None else "interval_union"
        case Union():
            return "inequality" if says_inequality(tree) else "interval_union"
        case SetOf() | Matrix() | Based():
            return _SIMPLE_KINDS[type(tree)]
        case _:
            return _kind_of_value(tree)


_SIMPLE_KINDS: dict[type, Kind] = {SetOf: "set", Matrix: "matrix", Based: "base_n"}


def _kind_of_relation(tree: Relation) -> Kind:
    if set(tree.ops) == {"in"}:
        return "interval_union"
    if set(tree.ops) == {":"}:
        return "rational"
    return "equation" if set(tree.ops) <= {"=", "approx", "equiv"} else "inequality"


def _kind_of_items(tree: Listing) -> Kind:
    return "multiset" if len(set(tree.items)) < len(tree.items) else "set"


def _kind_of_value(tree: Node) -> Kind:
    if isinstance(tree, Number) and tree.spelt in ("decimal", "scientific"):
        return "decimal"
    if not isinstance(tree, Number) and has_signs(tree):
        return "set"
    value = exact(tree)
    if value is not None and is_literal(tree):
        return "integer" if value.denominator == 1 else "rational"
    parts = list(nodes(tree))
    imaginary = Constant("i") in parts and not any(isinstance(part, Symbol) for part in parts)
    return "complex" if imaginary else "expression"


def as_kind(tree: Node | None, kind: Kind) -> Node | None:
    """A tree as a gold of a stated type; None where it is none."""
    if kind in ("text", "choice", "boolean"):
        return tree
    return None if tree is None else _CONVERSIONS[kind](tree)


def _number(tree: Node) -> Node | None:
    value = exact(tree.value if isinstance(tree, Quantity) else tree)
    if value is None:
        return None
    return tree if is_literal(tree) and not isinstance(tree, Based) else Number(value)


def _integer(tree: Node) -> Node | None:
    found = _number(tree)
    value = None if found is None else exact(found)
    return found if value is not None and value.denominator == 1 else None


def _with_unit(unit: str) -> Callable[[Node], Node | None]:
    def convert(tree: Node) -> Node | None:
        if isinstance(tree, Quantity):
            return tree if tree.unit == unit else None
        return Quantity(tree, unit) if _value(tree) is not None else None

    return convert


def _value(tree: Node) -> Node | None:
    return tree if isinstance(tree, Number | Symbol | Constant | Apply | Quantity) else None


def _one_of(*types: type) -> Callable[[Node], Node | None]:
    return lambda tree: tree if isinstance(tree, types) else None


def _equation(tree: Node) -> Node | None:
    return tree if isinstance(tree, Relation) and set(tree.ops) == {"="} else None


def _inequality(tree: Node) -> Node | None:
    return tree if says_inequality(tree) and _equation(tree) is None else None


def _intervals(tree: Node) -> Node | None:
    return tree if region(tree) is not None else None


def _set(tree: Node) -> Node | None:
    items = items_of(tree) if isinstance(tree, SetOf | Listing) or has_signs(tree) else None
    return None if items is None else SetOf(tuple(items))


def _tuple(tree: Node) -> Node | None:
    return Bracketed(tree.items) if isinstance(tree, Listing) else tree if isinstance(tree, Bracketed) else None


_CONVERSIONS: dict[str, Callable[[Node], Node | None]] = {
    "integer": _integer,
    "rational": _number,
    "decimal": _number,
    "percent": _with_unit("%"),
    "money": _with_unit("$"),
    "quantity": _one_of(Quantity),
    "complex": _value,
    "expression": _value,
    "equation": _equation,
    "inequality": _inequality,
    "interval_union": _intervals,
    "set": _set,
    "multiset": _set,
    "tuple": _tuple,
    "matrix": _one_of(Matrix),
    "base_n": _one_of(Based),
}
