"""Between our trees and sympy's expressions; only in a worker, and never by way of text."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

from agentrl.verifiers._math import exact
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Symbol

__all__ = ["Letters", "NoExpressionError", "expression", "tree_of"]

Letters = Literal["real", "positive"]


class NoExpressionError(ValueError):
    """The tree, or the expression, has no counterpart."""


def expression(tree: Node, letters: Letters) -> Any:
    """The sympy expression of a tree.

    Args:
        tree: An expression.
        letters: What its variables are assumed to be.

    Raises:
        NoExpressionError: Something in it has no counterpart.
    """
    import sympy

    match tree:
        case Number(value):
            return sympy.Rational(value.numerator, value.denominator)
        case Symbol(name):
            return sympy.Symbol(name, **{letters: True})
        case Constant(name) if name != "infinity":
            return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I}[name]
        case Apply(op, args) if op in _TO_SYMPY:
            known = exact.constant(tree)
            if known is not None:
                return sympy.Rational(known.numerator, known.denominator)
            return _TO_SYMPY[op](sympy, *(expression(part, letters) for part in args))
        case Apply(op, args) if op.startswith("call:"):
            return sympy.Function(op.removeprefix("call:"))(*(expression(part, letters) for part in args))
        case _:
            raise NoExpressionError


def _power(sympy: Any, base: Any, exponent: Any) -> Any:
    if exponent.is_number and not exponent.has(sympy.I) and abs(exponent) > exact.MAX_BINOMIAL:
        raise NoExpressionError  # sympy would compute it
    return sympy.Pow(base, exponent)


def _root(sympy: Any, radicand: Any, index: Any = 2) -> Any:
    if radicand.is_negative and index.is_odd:
        return -sympy.root(-radicand, index)
    return sympy.root(radicand, index)


def _logarithm(sympy: Any, value: Any, base: Any = None) -> Any:
    return sympy.log(value) if base is None else sympy.log(value) / sympy.log(base)


def _factorial(sympy: Any, value: Any) -> Any:
    if value.is_number:  # a small integer has become a number before
        raise NoExpressionError
    return sympy.factorial(value)


def _named(name: str) -> Callable[..., Any]:
    return lambda sympy, *values: getattr(sympy, name)(*values)


_CIRCULAR = ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")
_SAME_NAME = (*_CIRCULAR, "coth", "sech", "csch", "exp", "conjugate", "floor")
_SYMPY_NAMES = {"arc" + name: "a" + name for name in _CIRCULAR} | {
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
    "abs": "Abs",
    "ceil": "ceiling",
    "max": "Max",
    "min": "Min",
    "mod": "Mod",
    "add": "Add",
    "mul": "Mul",
}
_TO_SYMPY: dict[str, Callable[..., Any]] = {
    **{name: _named(name) for name in _SAME_NAME},
    **{ours: _named(theirs) for ours, theirs in _SYMPY_NAMES.items()},
    "neg": lambda sympy, value: -value,
    "div": lambda sympy, above, below: above / below,
    "pow": _power,
    "root": _root,
    "sqrt": _root,
    "log": _logarithm,
    "ln": _logarithm,
    "factorial": _factorial,
    "binomial": lambda sympy, top, below: sympy.binomial(top, below),
    "gcd": lambda sympy, *values: _refuse(),
    "lcm": lambda sympy, *values: _refuse(),
}


def _refuse() -> Any:
    raise NoExpressionError


def tree_of(found: Any) -> Node:
    """Our tree of a sympy expression.

    Raises:
        NoExpressionError: It holds something that our trees lack, or a number with a decimal point.
    """
    import sympy

    constants = {sympy.pi: "pi", sympy.E: "e", sympy.I: "i"}
    if isinstance(found, sympy.Rational):
        return Number(Fraction(int(found.p), int(found.q)))
    if isinstance(found, sympy.Symbol):
        return Symbol(found.name)
    if found in constants:
        return Constant(constants[found])  # type: ignore[arg-type]
    op = _FROM_SYMPY.get(type(found).__name__)
    if op is None or not found.args:
        raise NoExpressionError
    return Apply(op, tuple(tree_of(part) for part in found.args))


_FROM_SYMPY = {theirs: ours for ours, theirs in _SYMPY_NAMES.items() if ours[:2] != "ar" or ours.startswith("arc")} | {
    **{name: name for name in _SAME_NAME},
    "Pow": "pow",
    "log": "log",
    "factorial": "factorial",
    "binomial": "binomial",
}
