r"""What a mathematical answer is once it is read: a tree of these records.

`(1, 2)` is one `Bracketed` whether it is a point or an interval: the gold's type decides. `x < y \le 3` is one
`Relation` with all its links. A number keeps how it was spelt, because 0.5 and 1/2 differ where a form is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

__all__ = [
    "Apply",
    "Based",
    "Bracketed",
    "Constant",
    "Listing",
    "Matrix",
    "Node",
    "Number",
    "Quantity",
    "Relation",
    "SetOf",
    "Symbol",
    "Text",
    "Union",
]


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number that was written as digits.

    Attributes:
        value: Exactly what was written; a mixed number is one number, a fraction is an `Apply("div", ...)`.
        spelt: How.
        places: Digits after the decimal point.
    """

    value: Fraction
    spelt: Literal["integer", "decimal", "scientific", "mixed"] = "integer"
    places: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    r"""A variable: `x`, `x_{12}` (name "x_12"), `\alpha` (name "alpha")."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number with a name."""

    name: Literal["pi", "e", "i", "infinity"]


@dataclass(frozen=True, slots=True)
class Apply:
    r"""An operation on arguments.

    Attributes:
        op: "add", "mul" (two or more arguments), "neg", "div", "pow", "root" (radicand, index), "abs", "factorial",
            "binomial", "log" (argument, base), "plus_minus" (one or two arguments), "floor", "ceil", "mod",
            "conjugate", a function ("sin", "arctan", "exp", "ln", "gcd", "max", ...), "call:f" for a function without
            meaning, or an operation that is not carried out: "sum", "product", "integral", "limit", "derivative".
        args: Its arguments in order.
    """

    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Two or more items in round or square brackets: a tuple or an interval."""

    items: tuple[Node, ...]
    left: Literal["(", "["] = "("
    right: Literal[")", "]"] = ")"


@dataclass(frozen=True, slots=True)
class SetOf:
    """Items in braces; the empty set has none."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Items with commas, "and" or "or" between them, without brackets."""

    items: tuple[Node, ...]
    words: Literal["", "and", "or"] = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length; a column vector has one entry a row."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Union:
    r"""Parts joined by `\cup` (or taken away, by a set minus)."""

    parts: tuple[Node, ...]
    op: Literal["cup", "cap", "minus"] = "cup"


@dataclass(frozen=True, slots=True)
class Relation:
    r"""A chain of one or more relations.

    Attributes:
        sides: One more than the operators.
        ops: "=", "!=", "<", "<=", ">", ">=", "in", "notin", "approx", "equiv" or ":" (a ratio).
    """

    sides: tuple[Node, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    r"""A value with a unit: "cm", "cm^2", "km/h", "%" (percent), "$" (money), "degree"."""

    value: Node
    unit: str


@dataclass(frozen=True, slots=True)
class Based:
    """Digits with the base as a subscript, such as 101_2."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Text:
    """Words, or a choice letter in a text wrapper."""

    text: str


Node = (
    Number
    | Symbol
    | Constant
    | Apply
    | Bracketed
    | SetOf
    | Listing
    | Matrix
    | Union
    | Relation
    | Quantity
    | Based
    | Text
)
