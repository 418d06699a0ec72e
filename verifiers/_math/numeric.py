"""The value of a tree at a point, to 50 digits: how two trees that differ are told apart.

A difference counts only where it is far above the error, and the error is measured: every value is computed with 50
and with 75 digits, and what changes between the two is noise. A function has its principal value (Abramowitz and
Stegun, Handbook of Mathematical Functions, 1964, chapters 4 and 6).

Two real functions are compared where both are real: `log(x^2)` and `2 log x` agree, because a negative `x` is outside
what the second is defined for. A part without a value leaves the whole without one: `x + 0 tan 90°` is defined nowhere.
An agreement proves nothing; it only fails to refute.

Functions made of pieces (an absolute value, a maximum, a square root) may differ far from where most points lie: those
are also compared at points from 10^-3 to 10^12000 on each side of zero. The points depend on what is compared.
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

from agentrl.verifiers._math.encode import text_of
from agentrl.verifiers._math.exact import constant, nodes
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Symbol
from agentrl.verifiers._math.values import names

__all__ = ["Refutation", "Sides", "has_value", "refuted"]

Sides = Literal["positive", "both"]
DIGITS = (50, 75)
MAX_MAGNITUDE = 1 << 17
MAX_ANGLE_BITS = 256
DRAWS = 14
WANTED = 3
_FAR = (-3, 2, 3, 4, 6, 9, 15, 40, 450, 12_000)
_RANGES = ((0, 1), (1, 3), (0, 1), (2, 7), (1, 2), (5, 30), (20, 90))


class UndefinedError(ArithmeticError):
    """The tree has no value at this point, or one that is too large."""


@dataclass(frozen=True, slots=True)
class Refutation:
    """What the points say.

    Attributes:
        different: Whether a point tells the two apart.
        agreed: At how many points both had a value and agreed.
        is_one_sided: Whether none of these points had a coordinate below zero.
    """

    different: bool
    agreed: int
    is_one_sided: bool = True


def refuted(a: Node, b: Node, sides: Sides) -> Refutation:
    """Compare two trees at points where both have a value.

    Args:
        a: One tree, small enough (`exact.small_enough`).
        b: The other.
        sides: Draw "positive" points only, or points on "both" sides of zero.

    Raises:
        ImportError: mpmath is not installed.
    """
    imaginary = _has_i(a, b)
    agreed, one_sided = 0, True
    pieces = any(_is_of_pieces(node) for tree in (a, b) for node in nodes(tree))
    for point in _points(a, b, sides, pieces=pieces):
        told = _tell_apart(a, b, point, imaginary=imaginary)
        if told is True:
            return Refutation(different=True, agreed=agreed, is_one_sided=one_sided)
        if told is False:
            agreed, one_sided = agreed + 1, one_sided and all(value > 0 for value in point.values())
        if agreed >= (WANTED if sides == "positive" else 2 * WANTED) and not pieces:
            break
    return Refutation(different=False, agreed=agreed, is_one_sided=one_sided)


def has_value(tree: Node) -> bool:
    """Whether a tree without variables has a value.

    Raises:
        ImportError: mpmath is not installed.
    """
    with _lock:
        try:
            _at(tree, {}, imaginary=_has_i(tree))
        except (ArithmeticError, ValueError):
            return False
    return True


def _has_i(*trees: Node) -> bool:
    return any(isinstance(node, Constant) and node.name == "i" for tree in trees for node in nodes(tree))


def _is_of_pieces(node: Node) -> bool:
    """Whether an operation on variables may follow different rules in different places."""
    if not isinstance(node, Apply) or not names(node):
        return False
    if node.op == "pow":
        exponent = constant(node.args[1])
        return bool(names(node.args[0])) if exponent is None else exponent.denominator > 1
    return node.op in _OF_PIECES


def _needs_whole_numbers(a: Node, b: Node) -> bool:
    """Whether something has a value at whole numbers only."""
    return any(
        isinstance(node, Apply) and node.op in _WHOLE_ONLY and constant(node) is None
        for tree in (a, b)
        for node in nodes(tree)
    )


def _points(a: Node, b: Node, sides: Sides, *, pieces: bool) -> Iterator[dict[str, Fraction]]:
    """Points that depend on the trees only; for trees without variables there is one."""
    letters = sorted(names(a, b))
    if not letters:
        yield {}
        return
    whole = _needs_whole_numbers(a, b)
    seed = hashlib.sha256("\n".join(sorted(map(text_of, (a, b)))).encode()).hexdigest()
    for draw in range(DRAWS if sides == "positive" else 2 * DRAWS):
        low, high = _RANGES[draw % len(_RANGES)]
        point = {name: _coordinate(f"{seed}:{draw}:{name}", low, high, sides) for name in letters}
        yield {name: Fraction(round(value)) for name, value in point.items()} if whole else point
    for power in _FAR if pieces and not whole else ():
        far = {name: _coordinate(f"{seed}:{power}:{name}", 1, 9, sides) * Fraction(10) ** power for name in letters}
        yield {name: abs(value) for name, value in far.items()}
        if sides == "both":
            yield {name: -abs(value) for name, value in far.items()}
            yield far


def _coordinate(key: str, low: int, high: int, sides: Sides) -> Fraction:
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big")
    value = low + (high - low) * Fraction(2 * (drawn >> 8) + 1, 1 << 41)
    return -value if sides == "both" and drawn & 1 else value


def _tell_apart(a: Node, b: Node, point: Mapping[str, Fraction], *, imaginary: bool) -> bool | None:
    """Whether the values at a point differ; None where they cannot be compared there."""
    with _lock:
        try:
            (a_rough, a_fine), (b_rough, b_fine) = (_at(tree, point, imaginary=imaginary) for tree in (a, b))
        except (ArithmeticError, ValueError):
            return None
        context = _context(DIGITS[-1])
        if point and not imaginary and not (_is_real(context, a_fine) and _is_real(context, b_fine)):
            return None
        error = abs(a_rough - a_fine) + abs(b_rough - b_fine)
        size = max(abs(a_fine), abs(b_fine))
        return bool(abs(a_fine - b_fine) > 1000 * error + size * context.mpf(10) ** -40)


def _is_real(context: Any, value: Any) -> bool:
    return bool(abs(context.im(value)) <= abs(context.re(value)) * context.mpf(10) ** -40)


def _at(tree: Node, point: Mapping[str, Fraction], *, imaginary: bool) -> _Pair:
    contexts = tuple(map(_context, DIGITS))
    coordinates = {name: tuple(_number(context, value) for context in contexts) for name, value in point.items()}
    return _Point(contexts, coordinates, imaginary).value(tree)


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


_Pair = tuple[Any, ...]
"""A value with fewer and with more digits."""


@dataclass(frozen=True, slots=True)
class _Point:
    """Where trees are evaluated.

    Attributes:
        contexts: What computes with fewer and with more digits.
        coordinates: Of the variables.
        imaginary: Whether i stands in what is compared; else a real function has a value only where it is real.
    """

    contexts: tuple[Any, ...]
    coordinates: Mapping[str, _Pair]
    imaginary: bool

    def value(self, node: Node) -> _Pair:
        """The value of a tree, with fewer and with more digits."""
        match node:
            case Number(value):
                return self._each(lambda context: _number(context, value))
            case Symbol(name):
                return self.coordinates[name]
            case Constant(name) if name != "infinity":
                return self._each(lambda c: {"pi": c.pi, "e": c.e, "i": c.mpc(0, 1)}[name] * 1)
            case Apply(op, args) if op in _OPERATIONS and _takes(op, len(args)):
                return self._applied(node, [self.value(part) for part in args])
            case _:
                raise UndefinedError

    def _applied(self, node: Apply, args: list[_Pair]) -> _Pair:
        power = constant(node.args[-1]) if node.op == "pow" else None
        if any(not _is_told_from_zero(args[index]) for index in _nonzero_arguments(node.op, power)):
            raise UndefinedError
        found = []
        for context, values in zip(self.contexts, zip(*args, strict=True), strict=True):
            if power is not None and power.denominator > 1:
                rooted = _root(context, values[0], context.mpf(power.denominator))
                value = _power(context, rooted, context.mpf(power.numerator))
            else:
                value = _OPERATIONS[node.op](context, *values)
            found.append(_bounded(context, value))
        rough, fine = found
        if abs(rough - fine) > _NOISE * max(1, abs(fine)) or not self._may_be(node, fine):
            raise UndefinedError
        return rough, fine

    def _may_be(self, node: Apply, value: Any) -> bool:
        """Whether a value is not complex where it should be real; a root of a negative number is a number."""
        if self.imaginary or node.op not in _REAL or _is_real(self.contexts[-1], value):
            return True
        return node.op in ("root", "sqrt", "pow") and not names(node)

    def _each(self, make: Callable[[Any], Any]) -> _Pair:
        return tuple(map(make, self.contexts))


def _takes(op: str, count: int) -> bool:
    """Whether an operation may have so many arguments."""
    return count > 0 if op in _OF_MANY else count in _COUNTS.get(op, (1,))


def _nonzero_arguments(op: str, power: Fraction | None) -> tuple[int, ...]:
    """Which arguments an operation has no value for when they are zero."""
    if op == "pow":
        return (0,) if power is None or power < 0 else ()
    return {"div": (1,), "log": (0,), "ln": (0,)}.get(op, ())


def _is_told_from_zero(pair: _Pair) -> bool:
    rough, fine = pair
    return bool(fine != 0 and abs(rough - fine) < _NOISE * abs(fine))


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


_NOISE = 1e-10
_GROWING = frozenset(("exp", "sinh", "cosh", "tanh", "coth", "sech", "csch"))
_INVERSE = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc"}
_INVERSE_HYPERBOLIC = {"arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh"} | {
    f"arc{name}": f"a{name}" for name in ("sinh", "cosh", "tanh")
}
_SAME_NAME = ("sin", "cos", "tan", "cot", "sec", "csc", *sorted(_GROWING))
_REAL = frozenset(("root", "sqrt", "pow", "log", "ln", *_INVERSE, *_INVERSE_HYPERBOLIC))
_OF_PIECES = frozenset(("root", "sqrt", "abs", "max", "min", "floor", "ceil", "mod", *_INVERSE))
_OF_MANY = frozenset(("add", "mul", "max", "min", "gcd", "lcm"))
_COUNTS = {
    **dict.fromkeys(("div", "pow", "mod", "binomial"), (2,)),
    **dict.fromkeys(("root", "sqrt", "log"), (1, 2)),
}
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
