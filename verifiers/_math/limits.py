"""How large an answer may be: checked on the text and on the tree, before anything is computed from either."""

from __future__ import annotations

import math
from fractions import Fraction

from agentrl.verifiers._math.exact import MAX_BINOMIAL, MAX_BITS, MAX_FACTORIAL, children, nodes, small_enough
from agentrl.verifiers._math.tree import Apply, Node, Number, Symbol

__all__ = [
    "MAX_CHARS",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_EXPONENT",
    "MAX_OPERATORS",
    "OverLimitError",
    "check_tree",
    "literal_exponent",
]

MAX_CHARS = 512
MAX_DIGITS = 400
MAX_DEPTH = 32  # each level costs the reader a dozen frames of Python's stack; answers of MATH reach 5
MAX_OPERATORS = 60
MAX_EXPONENT = 9999
MAX_ITEMS = 64


class OverLimitError(ValueError):
    """An answer is larger than any honest one."""


def check_tree(node: Node) -> None:
    """Refuse what would be large or slow to compute.

    Raises:
        OverLimitError: It is too deep or has too many items, or its value would be too large.
    """
    if not small_enough(node):
        raise OverLimitError("too deep")
    for part in nodes(node):
        if isinstance(part, Apply):
            _check_apply(part)
        elif len(children(part)) > MAX_ITEMS:
            raise OverLimitError("too many items")
    if not isinstance(node, Number) and _bits(node) > MAX_BITS:
        raise OverLimitError("too large")


def literal_exponent(node: Node) -> Fraction | None:
    """The value of an exponent that is written out, such as 3, -2 or 1/2."""
    match node:
        case Number(value=value):
            return value
        case Apply(op="neg", args=(Number(value=value),)):
            return -value
        case Apply(op="div", args=(top, Number(value=below))) if below:
            above = literal_exponent(top)
            return None if above is None else above / below
        case Apply(op="neg", args=(inner,)):
            value_ = literal_exponent(inner)
            return None if value_ is None else -value_
        case _:
            return None


def _check_apply(node: Apply) -> None:
    if node.op == "pow":
        exponent = literal_exponent(node.args[1])
        if exponent is not None and max(abs(exponent.numerator), exponent.denominator) > MAX_EXPONENT:
            raise OverLimitError("exponent too large")
        if exponent is None:
            _check_iterated(node.args[1])
    elif node.op == "factorial":
        _check_top(node.args[0], MAX_FACTORIAL)
    elif node.op == "binomial":
        _check_top(node.args[0], MAX_BINOMIAL)
        _check_top(node.args[1], MAX_BINOMIAL)
    elif node.op == "root":
        index = literal_exponent(node.args[1])
        if index is not None and abs(index) > MAX_EXPONENT:
            raise OverLimitError("index too large")


def _check_iterated(exponent: Node) -> None:
    """An exponent that is not written out may hold x^2, but no tower, and no power or factorial of numbers alone."""
    inside = list(nodes(exponent))
    applied = [part for part in inside if isinstance(part, Apply)]
    powers = [part for part in applied if part.op == "pow"]
    towers = any(literal_exponent(part.args[1]) is None for part in powers)
    of_numbers = bool(powers) and not any(isinstance(part, Symbol) for part in inside)
    if towers or of_numbers or any(part.op in ("factorial", "binomial") for part in applied):
        raise OverLimitError("power of a power")


def _check_top(node: Node, limit: int) -> None:
    """Only a literal (or something with a symbol) may stand under a factorial or in a binomial."""
    value = literal_exponent(node)
    if value is not None and abs(value) > limit:
        raise OverLimitError("factorial or binomial too large")
    if value is None and _bits(node) > math.log2(limit) + 1:
        raise OverLimitError("factorial or binomial too large")


def _bits(node: Node) -> float:
    """An upper estimate of the bits of a node's value; symbols and names count little."""
    match node:
        case Number(value=value):
            return value.numerator.bit_length() + value.denominator.bit_length()
        case Apply(op="pow", args=(base, exponent)):
            power = literal_exponent(exponent)
            return _bits(base) * max(float(abs(power)), 1.0) if power is not None else _bits(base) + _bits(exponent)
        case Apply(op="factorial", args=(top,)):
            n = literal_exponent(top)
            return float(n * n.numerator.bit_length()) if n is not None and n > 0 else _bits(top)
        case Apply(op="binomial", args=(top, _)):
            n = literal_exponent(top)
            return float(abs(n)) if n is not None else _bits(top)
        case _:
            return sum([_bits(child) for child in children(node)], 2.0)
