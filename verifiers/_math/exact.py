"""The exact value of a tree without variables, and how large a tree may be.

Every step is bounded before it is taken: a number that would pass `MAX_BITS` has no value here.

    constant(Apply("pow", (Number(2), Number(10))))      # Fraction(1024)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

from agentrl.verifiers._math import tree
from agentrl.verifiers._math.tree import Apply, Node, Number

__all__ = [
    "MAX_BINOMIAL",
    "MAX_BITS",
    "MAX_FACTORIAL",
    "NOT_CARRIED_OUT",
    "bits",
    "children",
    "constant",
    "nodes",
    "rational_root",
    "small_enough",
]

MAX_BITS = 100_000
MAX_FACTORIAL = 5_000
MAX_BINOMIAL = 10_000
MAX_INDEX = 64
MAX_NODES = 1_500
MAX_LEVELS = 100
NOT_CARRIED_OUT = frozenset(("sum", "product", "integral", "limit", "derivative"))


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in order.

    >>> children(Apply("neg", (Number(Fraction(5)),)))
    (Number(value=Fraction(5, 1), spelt='integer', places=0),)
    """
    match node:
        case tree.Apply(args=parts) | tree.Union(parts=parts) | tree.Relation(sides=parts):
            return parts
        case tree.Bracketed(items=parts) | tree.SetOf(items=parts) | tree.Listing(items=parts):
            return parts
        case tree.Matrix(rows=rows):
            return tuple(entry for row in rows for entry in row)
        case tree.Quantity(value=value):
            return (value,)
        case _:
            return ()


def nodes(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(children(found))


def small_enough(node: Node) -> bool:
    """Whether a tree is small enough to walk recursively; decided without recursion."""
    level, count, depth = [node], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_NODES or depth > MAX_LEVELS:
            return False
        if any(isinstance(part, Number) and bits(part.value) > MAX_BITS for part in level):
            return False
        level = [child for part in level for child in children(part)]
    return True


def bits(value: Fraction) -> int:
    """The size of a fraction: bits of its larger half.

    >>> bits(Fraction(1, 8)), bits(Fraction(-7))
    (4, 3)
    """
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def constant(node: Node) -> Fraction | None:
    """The value of a tree that is a rational number; None where it is not, or is too large or undefined.

    >>> half = Apply("div", (Number(Fraction(1)), Number(Fraction(2))))
    >>> constant(Apply("pow", (half, Number(Fraction(3)))))
    Fraction(1, 8)
    """
    if isinstance(node, Number):
        return node.value
    if not isinstance(node, Apply) or node.op not in _OPERATIONS:
        return None
    values: list[Fraction] = []
    for part in node.args:
        value = constant(part)
        if value is None:
            return None
        values.append(value)
    try:
        found = _OPERATIONS[node.op](values)
    except (ZeroDivisionError, _NoValueError):
        return None
    return found if bits(found) <= MAX_BITS else None


class _NoValueError(ValueError):
    """The operation has no rational value here, or one that is too large."""


def _sum(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def _product(values: list[Fraction]) -> Fraction:
    result = Fraction(1)
    for value in values:
        if bits(result) + bits(value) > MAX_BITS:
            raise _NoValueError
        result *= value
    return result


def _power(values: list[Fraction]) -> Fraction:
    base, exponent = _two(values)
    if exponent.denominator != 1 or (base == 0 and exponent <= 0):
        raise _NoValueError
    if base not in (0, 1, -1) and bits(base) * abs(exponent.numerator) > MAX_BITS:
        raise _NoValueError
    return base ** (exponent.numerator if base not in (0, 1, -1) else exponent.numerator % 2 or 2)


def _root(values: list[Fraction]) -> Fraction:
    radicand, index = _two(values) if len(values) == 2 else (_one(values), Fraction(2))
    found = rational_root(radicand, index.numerator) if index.denominator == 1 else None
    if found is None:
        raise _NoValueError
    return found


def rational_root(value: Fraction, index: int) -> Fraction | None:
    """A root where it is rational; an odd root of a negative number is negative.

    >>> rational_root(Fraction(8, 27), 3), rational_root(Fraction(-8), 3), rational_root(Fraction(2), 2)
    (Fraction(2, 3), Fraction(-2, 1), None)
    """
    if not 2 <= index <= MAX_INDEX or (value < 0 and index % 2 == 0):
        return None
    above, below = (_integer_root(n, index) for n in (abs(value.numerator), value.denominator))
    if above is None or below is None:
        return None
    return Fraction(-above if value < 0 else above, below)


def _integer_root(value: int, index: int) -> int | None:
    root = math.isqrt(value) if index == 2 else _nearest_root(value, index)
    return root if root**index == value else None


def _nearest_root(value: int, index: int) -> int:
    low, high = 0, 1 << (value.bit_length() // index + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**index <= value else (low, middle - 1)
    return low


def _factorial(values: list[Fraction]) -> Fraction:
    (argument,) = values if len(values) == 1 else (Fraction(-1),)
    if argument.denominator != 1 or not 0 <= argument <= MAX_FACTORIAL:
        raise _NoValueError
    return Fraction(math.factorial(argument.numerator))


def _binomial(values: list[Fraction]) -> Fraction:
    top, below = (_whole(value) for value in _two(values))
    if not 0 <= top <= MAX_BINOMIAL or below < 0:
        raise _NoValueError
    return Fraction(math.comb(top, below))


def _modulus(values: list[Fraction]) -> Fraction:
    left, right = _two(values)
    return left % right


def _two(values: list[Fraction]) -> tuple[Fraction, Fraction]:
    if len(values) != 2:
        raise _NoValueError
    return values[0], values[1]


def _one(values: list[Fraction]) -> Fraction:
    if len(values) != 1:
        raise _NoValueError
    return values[0]


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise _NoValueError
    return value.numerator


def _some(values: list[Fraction]) -> list[Fraction]:
    if not values:
        raise _NoValueError
    return values


def _divide(values: list[Fraction]) -> Fraction:
    above, below = _two(values)
    return above / below


_OPERATIONS: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "add": _sum,
    "mul": _product,
    "neg": lambda values: -_one(values),
    "div": _divide,
    "pow": _power,
    "root": _root,
    "abs": lambda values: abs(_one(values)),
    "factorial": _factorial,
    "binomial": _binomial,
    "floor": lambda values: Fraction(math.floor(_one(values))),
    "ceil": lambda values: Fraction(math.ceil(_one(values))),
    "mod": _modulus,
    "conjugate": _one,
    "gcd": lambda values: Fraction(math.gcd(*map(_whole, _some(values)))),
    "lcm": lambda values: Fraction(math.lcm(*map(_whole, _some(values)))),
    "max": lambda values: max(_some(values)),
    "min": lambda values: min(_some(values)),
}
