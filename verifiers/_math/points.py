r"""Whether two expressions are equal, decided at points drawn at random: fast, bounded, and in the caller.

Two rational functions that agree at a point drawn from a large field are equal, but for a chance of degree / size of
the field (Schwartz, Fast probabilistic algorithms for verification of polynomial identities, 1980). Here the points are
six, in two fields of 61 bits; primes and points come from a digest of the two expressions, so that a pair always gets
the same answer and no pair can be written to fit them. Square roots of rational numbers and i are exact.

Whatever else stands in an expression (\sin, \pi, a root of x) is a variable of its own, and equal where its arguments
are: then an agreement still proves equality. A disagreement does not; it must show in the values, at positive points
where both sides are real, with 50 digits. What neither decides is "unknown".

    x^2 - 1 and (x - 1)(x + 1)      same         2 \sin 2x and \sin(x + x) + \sin 2x      same
    x^2 - 1 and x^2                 different    \sin^2 x + \cos^2 x and 1                unknown

Equal means equal as functions, where both are defined: x^2 / x is x.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from agentrl.verifiers._math import exact, numeric
from agentrl.verifiers._math.encode import text_of
from agentrl.verifiers._math.fields import Field, NotInFieldError, Residues, Surds, prime_from
from agentrl.verifiers._math.tree import Apply, Constant, Node, Number, Symbol
from agentrl.verifiers._math.values import names

__all__ = ["Sameness", "same"]

Sameness = Literal["same", "different", "unknown"]
PRIMES = 2
POINTS = 3
DRAWS = 12
MAX_EXPONENT = 10_000


def same(a: Node, b: Node) -> Sameness:
    """Compare two expressions.

    >>> x, two = Symbol("x"), Number(Fraction(2))
    >>> same(Apply("add", (x, x)), Apply("mul", (two, x))), same(Apply("add", (x, x)), Apply("pow", (x, two)))
    ('same', 'different')
    """
    if not (exact.small_enough(a) and exact.small_enough(b) and _is_expression(a) and _is_expression(b)):
        return "unknown"
    left, right = exact.constant(a), exact.constant(b)
    if left is not None and right is not None:
        return "same" if left == right else "different"
    found = _by_fields(a, b)
    return found if found != "unknown" else _by_values(a, b)


def _is_expression(tree: Node) -> bool:
    """Whether a tree is made of numbers, names and operations with one value."""
    return all(
        isinstance(node, Number | Symbol)
        or (isinstance(node, Constant) and node.name != "infinity")
        or (isinstance(node, Apply) and node.op not in exact.NOT_CARRIED_OUT and node.op != "plus_minus")
        for node in exact.nodes(tree)
    )


def _by_values(a: Node, b: Node) -> Sameness:
    try:
        return "different" if numeric.refuted(a, b, "positive").different else "unknown"
    except ImportError:  # without mpmath nothing is told apart by its values
        return "unknown"


def _by_fields(a: Node, b: Node) -> Sameness:
    seed = hashlib.sha256(f"{text_of(a)}\n{text_of(b)}".encode()).hexdigest()
    has_roots = any(_is_root(node) for tree in (a, b) for node in exact.nodes(tree))
    if has_roots and (found := _in_field(a, b, Surds(), seed)) is not None:
        return found
    verdict: Sameness | None = None
    for index in range(PRIMES):
        verdict = _in_field(a, b, Residues(prime_from(f"{seed}:{index}")), f"{seed}:{index}")
        if verdict != "same":
            return verdict or "unknown"
    return verdict or "unknown"


def _is_root(node: Node) -> bool:
    if isinstance(node, Constant):
        return node.name == "i"
    if not isinstance(node, Apply):
        return False
    if node.op == "pow":
        exponent = exact.constant(node.args[-1])
        return exponent is not None and exponent.denominator != 1
    return node.op in ("root", "sqrt")


def _in_field(a: Node, b: Node, field_: Field, seed: str) -> Sameness | None:
    """What the points of one field say; None where it cannot hold the numbers."""
    agreed, cancelled, variables = 0, False, bool(names(a, b))
    for draw in range(DRAWS):
        walk = _Evaluation(field_, f"{seed}:{draw}", wide=isinstance(field_, Residues))
        try:
            left = walk.value(a)
            of_left, walk.named = walk.named, {}
            right = walk.value(b)
        except ZeroDivisionError:  # a pole: another point, if there is one
            continue
        except NotInFieldError:
            return None
        cancelled = cancelled or of_left.keys() != walk.named.keys()
        walk.named |= of_left
        if left != right:
            return "unknown" if walk.is_tangled else "different"
        if walk.has_undefined_parts:
            return "unknown"
        agreed += 1
        if agreed == POINTS or not (variables or walk.named):
            return "unknown" if cancelled and not _has_common_values(a, b) else "same"
    return "unknown"


def _has_common_values(a: Node, b: Node) -> bool:
    """Whether both are defined somewhere: a part that only one of them has, such as 0 tan 90°, may be nowhere."""
    try:
        found = numeric.refuted(a, b, "both")
    except ImportError:
        return False
    return found.agreed > 0 and not found.different


@dataclass(slots=True)
class _Evaluation:
    """One point in one field.

    Attributes:
        field_: Where to compute.
        seed: Of this point.
        wide: Draw from 61 bits, not from 31.
        named: The parts that the field cannot compute, by name: each is a variable of its own.
    """

    field_: Field
    seed: str
    wide: bool
    named: dict[str, Node] = field(default_factory=dict)

    @property
    def is_tangled(self) -> bool:
        """Whether parts may depend on each other, so that a disagreement proves nothing; pi alone is transcendental."""
        return bool(self.named.keys() - {"pi"}) and self.named.keys() != {"e"}

    @property
    def has_undefined_parts(self) -> bool:
        """Whether a part without variables has no value, such as the logarithm of zero."""
        fixed = [part for part in self.named.values() if isinstance(part, Apply) and not names(part)]
        return any(not numeric.has_value(part) for part in fixed)

    def value(self, node: Node) -> Any:
        """The element that a tree has at this point."""
        match node:
            case Number(value):
                return self.field_.rational(value)
            case Symbol(name):
                return self._drawn(f"symbol {name}")
            case Constant("i"):
                found = self.field_.imaginary()
                return self._part("i", node) if found is None else found
            case Constant(name):
                return self._part(name, node)
            case Apply(op, args) if op in _ARITHMETIC:
                return _ARITHMETIC[op](self, args)
            case Apply():
                return self._call(node)
        raise NotInFieldError

    def _drawn(self, name: str) -> Any:
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        return self.field_.rational(Fraction(int.from_bytes(digest[: 8 if self.wide else 4], "big") >> 1))

    def _part(self, name: str, node: Node) -> Any:
        """A part that stands for itself."""
        self.named[name] = node
        return self._drawn(f"part {name}")

    def _call(self, node: Apply) -> Any:
        """A function: exact where its arguments are rational, else a part named by the values that it is taken of."""
        known = exact.constant(node)
        if known is not None:
            return self.field_.rational(known)
        name = {"ln": "log", "sqrt": "root"}.get(node.op, node.op)
        return self._part(f"{name}({','.join(self.field_.key(self.value(part)) for part in node.args)})", node)

    def sum(self, args: tuple[Node, ...]) -> Any:
        """All added."""
        total = self.value(args[0])
        for part in args[1:]:
            total = self.field_.add(total, self.value(part))
        return total

    def product(self, args: tuple[Node, ...]) -> Any:
        """All multiplied."""
        total = self.value(args[0])
        for part in args[1:]:
            total = self.field_.mul(total, self.value(part))
        return total

    def negative(self, args: tuple[Node, ...]) -> Any:
        """The opposite."""
        return self.field_.mul(self.field_.rational(Fraction(-1)), self.value(args[0]))

    def quotient(self, args: tuple[Node, ...]) -> Any:
        """The first over the second."""
        return self.field_.mul(self.value(args[0]), self.field_.inverse(self.value(args[1])))

    def power(self, args: tuple[Node, ...]) -> Any:
        """A power with an integer exponent, a root, or a part of its own."""
        exponent = exact.constant(args[1])
        if exponent is None:
            return self._named_power(args[0], self.value(args[1]))
        size = abs(exponent.numerator)
        if size > MAX_EXPONENT:
            raise NotInFieldError
        base = self.value(args[0]) if exponent.denominator == 1 else self._rooted(args[0], exponent.denominator)
        if size == 0 and base == self.field_.rational(Fraction(0)):
            raise ZeroDivisionError
        raised = self.field_.power(base, size)
        return raised if exponent > 0 else self.field_.inverse(raised) if size else self.field_.rational(Fraction(1))

    def root(self, args: tuple[Node, ...]) -> Any:
        """A root with an integer index."""
        known = exact.constant(Apply("root", args))
        if known is not None:
            return self.field_.rational(known)
        index = exact.constant(args[1]) if len(args) == 2 else Fraction(2)
        if index is None or index.denominator != 1 or not 2 <= index <= MAX_EXPONENT:
            raise NotInFieldError
        return self._rooted(args[0], index.numerator)

    def _named_power(self, base: Node, exponent: Any) -> Any:
        key = f"pow({self.field_.key(self.value(base))},{self.field_.key(exponent)})"
        return self._part(key, Apply("pow", (base, Symbol("exponent"))))

    def _rooted(self, radicand: Node, index: int) -> Any:
        """A root: exact where no variable stands under it, because the root of x^2 is not x, else a part of its own."""
        under = _Evaluation(self.field_, self.seed, self.wide)
        value = under.value(radicand)
        found = None if under.named or names(radicand) else self.field_.root(value, index)
        if found is not None:
            return found
        self.named.update(under.named)
        part = Apply("root", (radicand, Number(Fraction(index))))
        return self._part(f"root({self.field_.key(value)},{index})", part)


_ARITHMETIC: dict[str, Callable[[_Evaluation, tuple[Node, ...]], Any]] = {
    "add": _Evaluation.sum,
    "mul": _Evaluation.product,
    "neg": _Evaluation.negative,
    "div": _Evaluation.quotient,
    "pow": _Evaluation.power,
    "root": _Evaluation.root,
    "sqrt": _Evaluation.root,
}
