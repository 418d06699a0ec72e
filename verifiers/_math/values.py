"""What the value of a node is, where that takes no algebra: exact, approximate, or none."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from agentrl.verifiers._math.exact import NOT_CARRIED_OUT, constant, nodes
from agentrl.verifiers._math.limits import literal_exponent
from agentrl.verifiers._math.tree import Apply, Based, Constant, Node, Number, Symbol

__all__ = ["approximate", "exact", "is_literal", "is_opaque", "names"]


def exact(node: Node) -> Fraction | None:
    """The value of a node that is a rational number.

    >>> exact(Based("101", 2)), exact(Symbol("x"))
    (Fraction(5, 1), None)
    """
    if isinstance(node, Based):
        return Fraction(int(node.digits, node.base))
    return constant(node)


def is_literal(node: Node) -> bool:
    r"""Whether a node is a number that is written out: 5, -5, 1/2, 1.5 \times 10^3, 101_2; not 2+3, 2^{10} or 5!.

    Where the gold is such a number, a reply that leaves the arithmetic to the grader has not answered.
    """
    match node:
        case Number() | Based():
            return True
        case Apply(op="neg", args=(inner,)):
            return is_literal(inner)
        case Apply(op="div", args=(above, below)):
            return _is_signed(above) and _is_signed(below)
        case Apply(op="mul", args=(Number(), power)):
            return _is_power_of_ten(power)
        case _:
            return _is_power_of_ten(node)


def is_based(node: Node) -> bool:
    """Whether a node is a number with its base written out."""
    return isinstance(node, Based) or (isinstance(node, Apply) and node.op == "neg" and is_based(node.args[0]))


def _is_signed(node: Node) -> bool:
    return isinstance(node, Number) or (
        isinstance(node, Apply) and node.op == "neg" and isinstance(node.args[0], Number)
    )


def _is_power_of_ten(node: Node) -> bool:
    match node:
        case Apply(op="pow", args=(Number(value=base, spelt="integer"), exponent)):
            power = literal_exponent(exponent)
            return base == 10 and power is not None and power.denominator == 1
        case _:
            return False


def is_opaque(node: Node) -> bool:
    r"""Whether a sum, integral, limit or derivative is left to be carried out."""
    return any(isinstance(part, Apply) and part.op in NOT_CARRIED_OUT for part in nodes(node))


def names(*trees: Node) -> frozenset[str]:
    """The variables of some trees."""
    return frozenset(part.name for tree in trees for part in nodes(tree) if isinstance(part, Symbol))


def approximate(node: Node) -> complex | None:
    """The value of a constant to about 15 digits; None where there is none, or it is too large for a float.

    >>> approximate(Apply("root", (Number(Fraction(4)), Number(Fraction(2)))))
    (2+0j)
    """
    try:
        value = _value(node)
    except (ArithmeticError, ValueError, LookupError):
        return None
    return None if math.isnan(value.real) or math.isnan(value.imag) else value


_CONSTANTS = {"pi": complex(math.pi), "e": complex(math.e), "i": 1j, "infinity": complex(math.inf)}


def _value(node: Node) -> complex:
    match node:
        case Number(value=value):
            return complex(float(value))
        case Constant(name=name):
            return _CONSTANTS[name]
        case Based():
            return complex(int(node.digits, node.base))
        case Apply(op=op, args=args):
            return _OPERATIONS[op]([_value(part) for part in args])
        case _:
            raise ValueError(node)


def _negative(values: Sequence[complex]) -> complex:
    return complex(-values[0].real, -values[0].imag or 0.0)


def _root(values: Sequence[complex]) -> complex:
    radicand, index = values
    if index == 2:
        return cmath.sqrt(radicand)
    if radicand.imag == 0 and radicand.real < 0 and index.real % 2 == 1:
        return complex(-((-radicand.real) ** (1 / index.real)))
    return complex(radicand ** (1 / index))


def _real(function: Callable[..., float]) -> Callable[[Sequence[complex]], complex]:
    def apply(values: Sequence[complex]) -> complex:
        if any(value.imag for value in values):
            raise ValueError("not real")
        return complex(function(*(value.real for value in values)))

    return apply


def _small_factorial(n: float) -> float:
    return float(math.factorial(int(n))) if n == int(n) and 0 <= n <= 170 else math.nan


def _small_binomial(n: float, k: float) -> float:
    whole = n == int(n) and k == int(k) and 0 <= k <= n <= 1000
    return float(math.comb(int(n), int(k))) if whole else math.nan


_OPERATIONS: dict[str, Callable[[Sequence[complex]], complex]] = {
    "add": sum,
    "mul": math.prod,
    "neg": _negative,
    "div": lambda values: values[0] / values[1],
    "pow": lambda values: complex(values[0] ** values[1]),
    "root": _root,
    "abs": lambda values: complex(abs(values[0])),
    "factorial": _real(_small_factorial),
    "binomial": _real(_small_binomial),
    "log": _real(lambda value, base=math.e: math.log(value) / math.log(base)),
    "ln": _real(math.log),
    "exp": lambda values: cmath.exp(values[0]),
    "sin": lambda values: cmath.sin(values[0]),
    "cos": lambda values: cmath.cos(values[0]),
    "tan": lambda values: cmath.tan(values[0]),
    "arcsin": _real(math.asin),
    "arccos": _real(math.acos),
    "arctan": _real(math.atan),
    "max": _real(lambda *values: max(values)),
    "min": _real(lambda *values: min(values)),
}
