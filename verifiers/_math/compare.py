"""Whether a reply's tree is the gold's: the gold's type decides how, and the reply must be of that type.

Numbers are compared as exact fractions; tuples item by item; sets by a matching of their items; intervals and
inequalities as regions; equations up to a constant factor; other expressions at random points, and by computer
algebra only where the points cannot tell.
"""

from __future__ import annotations

import cmath
import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from agentrl.verifiers._math import algebra, points
from agentrl.verifiers._math.algebra import Budget, Outcome
from agentrl.verifiers._math.canonical import folded
from agentrl.verifiers._math.matching import matched, without_repeats
from agentrl.verifiers._math.parts import factors, has_signs, is_name, items_of, symbol_as_unit, unit_of
from agentrl.verifiers._math.regions import region, same_region, says_inequality
from agentrl.verifiers._math.tree import (
    Apply,
    Based,
    Bracketed,
    Listing,
    Matrix,
    Node,
    Number,
    Relation,
    SetOf,
    Symbol,
    Text,
    Union,
)
from agentrl.verifiers._math.values import approximate, exact, is_based, is_literal, is_opaque, names

__all__ = ["EXACT", "Allowance", "Comparison", "Outcome", "Rounding"]

Allowance = Literal["missing_unit", "name", "inequality", "vector", "base_value"]
MAX_POINTS = 400
_COMPUTED_DIGITS = 15
_NEAR = Fraction(1, 10**9)


@dataclass(frozen=True, slots=True)
class Rounding:
    """How exact a number must be: to so many decimal places, or to so many significant figures."""

    by: Literal["exact", "places", "figures"] = "exact"
    count: int = 0

    def accepts(self, gold: Fraction, said: Fraction) -> bool:
        """Whether a number is the gold, rounded half up, half down or half to even."""
        if self.by == "places":
            return abs(gold - said) * 2 * Fraction(10) ** self.count <= 1
        if self.by == "figures":
            return abs(gold - said) * 2 * Fraction(10) ** (self.count - 1) <= abs(gold)
        return gold == said

    def slack(self, gold: float) -> float:
        """How far a number may be from a gold that is not rational."""
        if self.by == "places":
            return 0.5 * 10.0**-self.count
        return 0.5 * abs(gold) * 10.0 ** (1 - self.count) if self.by == "figures" else 0.0


EXACT = Rounding()


@dataclass(slots=True)
class Comparison:
    """One comparison of a reply with a gold, and how much work it may still do.

    Attributes:
        rounding: How exact numbers must be.
        allow: What a reply may do beyond giving the gold's own type.
        repeats: Whether items of collections count as often as they stand there.
        trouble: Why something could not be decided.
        budget: The computer algebra that may still be asked.
        points_left: The expressions that may still be compared at random points.
    """

    rounding: Rounding = EXACT
    allow: frozenset[str] = frozenset(("missing_unit", "name"))
    repeats: Literal["ignored", "counted"] = "ignored"
    trouble: Outcome = "different"
    budget: Budget = field(default_factory=Budget)
    points_left: int = MAX_POINTS

    def outcome(self, gold: Node, reply: Node) -> Outcome:
        """Compare two answers."""
        return "same" if self.same(gold, reply) else self.trouble

    def same(self, gold: Node, reply: Node) -> bool:
        """Whether a reply is the gold; what could not be decided counts as another answer."""
        if isinstance(gold, Relation):
            from agentrl.verifiers._math.relations import same_relation  # it compares the sides with `same`

            return same_relation(self, gold, reply)
        found = self.stated(reply)
        if found is None:
            return False
        match gold:
            case Bracketed():
                return self._bracketed(gold, found)
            case SetOf() | Listing():
                return self._items(gold, found)
            case Matrix():
                return self._matrix(gold, found)
            case Union():
                return self.regions(gold, found)
            case Text(text=text):
                return isinstance(found, Text) and folded(found.text) == folded(text)
            case _:
                return self._signs_or_value(gold, found)

    # What a reply states.

    def stated(self, reply: Node) -> Node | None:
        r"""The value that a reply gives: of `x = 5`, `x \in I`, `1/2 = 0.5` or `2:3`; None where it gives none."""
        if not isinstance(reply, Relation):
            return reply
        if reply.ops == ("in",):
            return reply.sides[1] if isinstance(reply.sides[0], Symbol) and "name" in self.allow else None
        if reply.ops == (":",):
            return Apply("div", reply.sides)
        if set(reply.ops) <= {"=", "approx"}:
            return self._end_of_chain(reply)
        return reply

    def _end_of_chain(self, reply: Relation) -> Node | None:
        sides = list(reply.sides)
        if "approx" in reply.ops:
            cut = reply.ops.index("approx") + 1
            sides = sides[:cut] if self.rounding.by == "exact" else sides
        if len(sides) > 1 and is_name(sides[0]) and "name" in self.allow:
            if names(sides[0]) & names(sides[-1]) and isinstance(sides[0], Symbol):
                return None
            sides = sides[1:]
        elif len(set(sides)) == 1 < len(sides):
            return None  # 7 = 7 states nothing
        if all(self.holds(left, right) for left, right in itertools.pairwise(sides)):
            return sides[-1]
        return None

    def holds(self, left: Node, right: Node) -> bool:
        """Whether a link of a chain of equalities is true."""
        plain = Comparison(self.rounding, frozenset(), budget=self.budget)
        a, b = exact(left), exact(right)
        return a == b if a is not None and b is not None else plain.same(left, right)

    # Collections.

    def _bracketed(self, gold: Bracketed, reply: Node) -> bool:
        if isinstance(reply, Matrix) and "vector" in self.allow and all(len(row) == 1 for row in reply.rows):
            reply = Bracketed(tuple(row[0] for row in reply.rows), gold.left, gold.right)
        if isinstance(reply, Bracketed):
            fits = (gold.left, gold.right, len(gold.items)) == (reply.left, reply.right, len(reply.items))
            return fits and all(map(self.same, gold.items, reply.items))
        return isinstance(reply, Union | Relation | Listing) and self.regions(gold, reply)

    def regions(self, gold: Node, reply: Node) -> bool:
        """Compare two unions of intervals; an inequality is no answer to a gold of intervals unless that is allowed."""
        if says_inequality(reply) and not says_inequality(gold) and "inequality" not in self.allow:
            return False
        a, b = region(gold), region(reply)
        if a is None or b is None:
            same_shape = isinstance(gold, Union) and isinstance(reply, Union) and gold.op == reply.op
            return same_shape and self._same_parts(gold, reply)
        return same_region(a, b, self.same)

    def _same_parts(self, gold: Node, reply: Node) -> bool:
        assert isinstance(gold, Union)
        assert isinstance(reply, Union)
        if gold.op == "minus":
            return len(gold.parts) == len(reply.parts) and all(map(self.same, gold.parts, reply.parts))
        return matched(gold.parts, reply.parts, self.same)

    def _items(self, gold: SetOf | Listing, reply: Node) -> bool:
        if isinstance(gold, Listing) and any(says_inequality(item) for item in gold.items):
            return self.regions(gold, reply)
        if not (isinstance(reply, SetOf | Listing) or has_signs(reply)):
            return False
        wanted, given = items_of(gold), items_of(reply)
        if wanted is None or given is None:
            return False
        if self.repeats == "ignored":
            wanted, given = without_repeats(wanted, self._twin), without_repeats(given, self._twin)
        return matched(wanted, given, self._same_item)

    def _same_item(self, gold: Node, reply: Node) -> bool:
        """An item that the gold names must be named: of `a = 2, b = 3` the order says nothing."""
        return (isinstance(reply, Relation) or not isinstance(gold, Relation)) and self.same(gold, reply)

    def _twin(self, a: Node, b: Node) -> bool:
        return a == b or Comparison(budget=Budget(calls=0), points_left=self.points_left).same(a, b)

    def _matrix(self, gold: Matrix, reply: Node) -> bool:
        if isinstance(reply, Bracketed) and "vector" in self.allow:
            reply = Matrix(tuple((item,) for item in reply.items))
        if not isinstance(reply, Matrix) or len(gold.rows) != len(reply.rows):
            return False
        rows = zip(gold.rows, reply.rows, strict=True)
        return all(len(a) == len(b) and all(map(self.same, a, b)) for a, b in rows)

    # Values.

    def _signs_or_value(self, gold: Node, reply: Node) -> bool:
        if has_signs(gold):
            wanted = items_of(gold)
            return wanted is not None and self._items(SetOf(tuple(wanted)), reply)
        if isinstance(reply, Text | Listing | SetOf | Bracketed | Matrix | Union | Relation) or has_signs(reply):
            return False
        if isinstance(gold, Based):
            return self._based(gold, reply)
        return self._value(gold, reply)

    def _based(self, gold: Based, reply: Node) -> bool:
        if isinstance(reply, Based):
            return gold == reply
        return "base_value" in self.allow and self._value(gold, reply)

    def _value(self, gold: Node, reply: Node) -> bool:
        gold_value, gold_unit = unit_of(gold)
        value, unit = unit_of(reply)
        if not unit and isinstance(value, Apply):
            value, unit = symbol_as_unit(value, gold_unit)
        elif not gold_unit and isinstance(gold_value, Apply):
            gold_value, gold_unit = symbol_as_unit(gold_value, unit)
        found = factors(gold_unit, unit, self.allow)
        return any(self._magnitude(gold_value, value, factor) for factor in found)

    def _magnitude(self, gold: Node, reply: Node, factor: Fraction) -> bool:
        """Whether a reply, converted to the gold's unit, has the gold's value."""
        if is_opaque(reply) and not is_opaque(gold):
            return False
        wanted, given = exact(gold), exact(reply)
        if is_literal(gold) and not is_literal(reply):
            return False
        if is_based(reply) and not is_based(gold) and "base_value" not in self.allow:
            return False  # to convert it may be the whole task
        if wanted is not None and given is not None:
            given *= factor
            return self.rounding.accepts(wanted, given) or _computed(gold, reply, wanted, given)
        if factor != 1:
            reply = Apply("mul", (Number(factor), reply))
        return self.expressions(gold, reply)

    def expressions(self, gold: Node, reply: Node) -> bool:
        """Compare two expressions; numbers that are not rational may be rounded where the task says so."""
        a, b = approximate(gold), approximate(reply)
        if a is not None and b is not None:
            if _is_rounded(a, b, self.rounding.slack(abs(a))):
                return True
            if cmath.isinf(a) or cmath.isinf(b) or abs(a - b) > 1e-6 * max(abs(a), abs(b)):
                return a == b
        if self.points_left <= 0:
            self.trouble = "resource_limit"
            return False
        self.points_left -= 1
        found: Outcome = points.same(gold, reply)
        return self.algebra(gold, reply) if found == "unknown" else found == "same"

    def algebra(self, gold: Node, reply: Node) -> bool:
        """Ask computer algebra, a few times at most."""
        found = algebra.compare(gold, reply, self.budget)
        if found == "timeout" or (found == "resource_limit" and self.trouble == "different"):
            self.trouble = found
        return found == "same"


def _is_rounded(gold: complex, said: complex, slack: float) -> bool:
    """Whether both parts of a number are the gold's, rounded; of a real gold it is real, and of 2i imaginary."""
    noise, near = 1e-12 * (1 + abs(gold)), slack * (1 + 1e-9)
    real = near if abs(gold.real) > noise or abs(gold.imag) <= noise else noise
    imaginary = near if abs(gold.imag) > noise else noise
    return slack > 0 and abs(gold.real - said.real) <= real and abs(gold.imag - said.imag) <= imaginary


def _computed(gold: Node, reply: Node, wanted: Fraction, given: Fraction) -> bool:
    """Whether both are decimals and the gold was computed in floating point: its last digits are noise."""
    if not (isinstance(gold, Number) and isinstance(reply, Number) and gold.places and reply.places):
        return False
    long = abs(wanted.numerator * 10**gold.places // wanted.denominator) >= 10**_COMPUTED_DIGITS
    return long and abs(wanted - given) <= _NEAR * abs(wanted)
