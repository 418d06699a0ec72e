"""The value of a tree at a point, to 50 digits: how two trees that differ are told apart.

A difference counts only where it is far above the error, and the error is measured: every value is computed with 50
and with 75 digits, and what changes between the two is noise. A function has its principal value (Abramowitz and
Stegun, Handbook of Mathematical Functions, 1964, chapters 4 and 6).

Two real functions are compared where both are real: `log(x^2)` and `2 log x` agree, because a negative `x` is outside
what the second is defined for. An agreement proves nothing; it only fails to refute.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from agentrl.verifiers._math.exact import constant, nodes
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Symbol

__all__ = ["Refutation", "Sides", "has_value", "refuted", "symbols"]

Sides = Literal["positive", "both"]
DIGITS = (50, 75)
MAX_MAGNITUDE = 1 << 17
MAX_ANGLE_BITS = 256
DRAWS = 14
WANTED = 3
_RANGES = ((0, 1), (1, 3), (0, 1), (2, 7), (1, 2), (5, 30), (20, 90))


class UndefinedError(ArithmeticError):
    """The tree has no value at this point, or one that is too large."""


def symbols(*trees: Node) -> tuple[str, ...]:
    """The names of the variables in some trees, sorted."""
    return tuple(sorted({node.name for tree in trees for node in nodes(tree) if isinstance(node, Symbol)}))


@dataclass(frozen=True, slots=True)
class Refutation:
    """What the points say.

    Attributes:
        different: Whether a point tells the two apart.
        agreed: At how many points both had a value and agreed.
    """

    different: bool
    agreed: int


def refuted(a: Node, b: Node, sides: Sides) -> Refutation:
    """Compare two trees at points where both have a value.

    Args:
        a: One tree, small enough (`exact.small_enough`).
        b: The other.
        sides: Draw "positive" points only, or points on "both" sides of zero.

    Raises:
        ImportError: mpmath is not installed.
    """
    names = symbols(a, b)
    imaginary = any(isinstance(node, Constant) and node.name == "i" for tree in (a, b) for node in nodes(tree))
    agreed = 0
    for point in _points(names, sides, "whole" if _needs_whole_numbers(a, b) else "between"):
        told = _tell_apart(a, b, point, imaginary=imaginary or not names)
        if told is True:
            return Refutation(different=True, agreed=agreed)
        agreed += told is False
        if agreed >= (WANTED if sides == "positive" else 2 * WANTED):
            break
    return Refutation(different=False, agreed=agreed)


def has_value(tree: Node) -> bool:
    """Whether a tree without variables has a value.

    Raises:
        ImportError: mpmath is not installed.
    """
    with _lock:
        try:
            _at(tree, {}, DIGITS[0])
        except (UndefinedError, ArithmeticError, ValueError, TypeError):
            return False
    return True


def _needs_whole_numbers(a: Node, b: Node) -> bool:
    """Whether something has a value at whole numbers only."""
    return any(
        isinstance(node, Apply) and node.op in _WHOLE_ONLY and constant(node) is None
        for tree in (a, b)
        for node in nodes(tree)
    )


def _points(names: tuple[str, ...], sides: Sides, where: Literal["whole", "between"]) -> Iterator[dict[str, Fraction]]:
    """Points that depend on the names only; a tree without variables has one."""
    if not names:
        yield {}
        return
    for draw in range(DRAWS if sides == "positive" else 2 * DRAWS):
        low, high = _RANGES[draw % len(_RANGES)]
        point = {name: _coordinate(f"{draw}:{name}", low, high, sides) for name in names}
        yield point if where == "between" else {name: Fraction(round(value)) for name, value in point.items()}


def _coordinate(key: str, low: int, high: int, sides: Sides) -> Fraction:
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big")
    value = low + (high - low) * Fraction(2 * (drawn >> 8) + 1, 1 << 41)
    return -value if sides == "both" and drawn & 1 else value


def _tell_apart(a: Node, b: Node, point: Mapping[str, Fraction], *, imaginary: bool) -> bool | None:
    """Whether the values at a point differ; None where they cannot be compared there."""
    with _lock:
        try:
            values = [[_at(tree, point, digits) for digits in DIGITS] for tree in (a, b)]
        except (UndefinedError, ArithmeticError, ValueError, TypeError):
            return None
        context = _context(DIGITS[-1])
        (a_rough, a_fine), (b_rough, b_fine) = values
        if not imaginary and not (_is_real(context, a_fine) and _is_real(context, b_fine)):
            return None
        error = abs(a_rough - a_fine) + abs(b_rough - b_fine)
        size = max(abs(a_fine), abs(b_fine))
        return bool(abs(a_fine - b_fine) > 1000 * error + size * context.mpf(10) ** -40)


def _is_real(context: Any, value: Any) -> bool:
    return bool(abs(context.im(value)) <= abs(context.re(value)) * context.mpf(10) ** -40)


def _at(tree: Node, point: Mapping[str, Fraction], digits: int) -> Any:
    context = _context(digits)
    return _value(tree, context, {name: _number(context, value) for name, value in point.items()})


_lock = threading.Lock()  # mpmath keeps its precision, and its constants, in shared places


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


os.register_at_fork(after_in_child=_renew_lock)


@functools.lru_cache(maxsize=4)
def _context(digits: int) -> Any:
    import mpmath

    context = mpmath.MPContext()
    context.dps = digits
    return context


def _number(context: Any, value: Fraction) -> Any:
    return context.mpf(value.numerator) / context.mpf(value.denominator)


def _value(node: Node, context: Any, point: Mapping[str, Any]) -> Any:
    match node:
        case Number(value):
            return _number(context, value)
        case Symbol(name):
            return point[name]
        case Constant(name) if name != "infinity":
            return {"pi": context.pi, "e": context.e, "i": context.mpc(0, 1)}[name] * 1
        case Apply("pow", (base, exponent)) if (power := constant(exponent)) is not None and power.denominator > 1:
            rooted = _root(context, _value(base, context, point), context.mpf(power.denominator))
            return _bounded(context, _power(context, rooted, context.mpf(power.numerator)))
        case Apply(op, args) if op in _OPERATIONS:
            found = _OPERATIONS[op](context, *(_value(part, context, point) for part in args))
            return _bounded(context, found)
        case _:
            raise UndefinedError


def _bounded(context: Any, value: Any) -> Any:
    if not context.isfinite(value) or (value != 0 and abs(context.mag(value)) > MAX_MAGNITUDE):
        raise UndefinedError
    return value


# Operations. Each bounds what it is about to compute.


def _power(context: Any, base: Any, exponent: Any) -> Any:
    if base == 0:
        if context.re(exponent) <= 0:
            raise UndefinedError
        return context.mpf(0)
    if exponent != 0 and context.mag(exponent) + max(0, context.mag(context.mag(base) or 1)) > 20:
        raise UndefinedError
    return base**exponent


def _root(context: Any, radicand: Any, index: Any = 2) -> Any:
    """The principal root; an odd root of a negative number is the real one, as in school."""
    if context.im(index) != 0 or index == 0 or not context.isint(index):
        raise UndefinedError
    if context.im(radicand) == 0 and context.re(radicand) < 0 and int(context.re(index)) % 2:
        return -_power(context, -radicand, 1 / context.mpf(index))
    return _power(context, radicand, 1 / context.mpf(index))


def _logarithm(context: Any, value: Any, base: Any = None) -> Any:
    if value == 0 or base == 0 or base == 1:
        raise UndefinedError
    return context.log(value) if base is None else context.log(value) / context.log(base)


def _sum(context: Any, *values: Any) -> Any:
    return sum(values, context.mpf(0))


def _product(context: Any, *values: Any) -> Any:
    result = context.mpf(1)
    for value in values:
        result = _bounded(context, result * value)
    return result


def _of_reals(name: str) -> Callable[..., Any]:
    def operation(context: Any, *values: Any) -> Any:
        if not values or any(context.im(value) != 0 for value in values):
            raise UndefinedError
        reals = [context.re(value) for value in values]
        return {"max": max, "min": min}[name](reals) if name in ("max", "min") else getattr(context, name)(*reals)

    return operation


def _modulus(context: Any, left: Any, right: Any) -> Any:
    if right == 0 or context.im(left) != 0 or context.im(right) != 0:
        raise UndefinedError
    return left - right * context.floor(left / right)


def _of_whole(name: str) -> Callable[..., Any]:
    def operation(context: Any, *values: Any) -> Any:
        if any(context.im(value) != 0 or not context.isint(value) or abs(value) > 1 << 60 for value in values):
            raise UndefinedError
        found = constant(Apply(name, tuple(Number(Fraction(int(context.re(value)))) for value in values)))
        if found is None:
            raise UndefinedError
        return _number(context, found)

    return operation


def _function(name: str) -> Callable[..., Any]:
    def operation(context: Any, value: Any) -> Any:
        if value != 0 and context.mag(value) > (16 if name in _GROWING else MAX_ANGLE_BITS):
            raise UndefinedError
        return getattr(context, name)(value)

    return operation


_GROWING = frozenset(("exp", "sinh", "cosh", "tanh", "coth", "sech", "csch"))
_INVERSE = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc"}
_INVERSE_HYPERBOLIC = {"arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh"} | {
    f"arc{name}": f"a{name}" for name in ("sinh", "cosh", "tanh")
}
_SAME_NAME = ("sin", "cos", "tan", "cot", "sec", "csc", *sorted(_GROWING))
_WHOLE_ONLY = ("factorial", "binomial", "gcd", "lcm")
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": _sum,
    "mul": _product,
    "neg": lambda context, value: -value,
    "div": lambda context, above, below: above / below,
    "pow": _power,
    "root": _root,
    "sqrt": _root,
    "abs": lambda context, value: abs(value),
    "log": _logarithm,
    "ln": _logarithm,
    "lg": lambda context, value: _logarithm(context, value, context.mpf(10)),
    "floor": _of_reals("floor"),
    "ceil": _of_reals("ceil"),
    "max": _of_reals("max"),
    "min": _of_reals("min"),
    "mod": _modulus,
    "conjugate": lambda context, value: context.conj(value),
    **{name: _of_whole(name) for name in _WHOLE_ONLY},
    **{name: _function(name) for name in _SAME_NAME},
    **{name: _function(own) for name, own in {**_INVERSE, **_INVERSE_HYPERBOLIC}.items()},
}
