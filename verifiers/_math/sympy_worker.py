"""What the worker processes of `algebra` run: sympy on expressions built from our trees.

A proof is a chain of small steps (expand, cancel, combine roots, ...), because `simplify` alone is slow and sometimes
wrong. No proof counts that numbers deny: the two sides are also compared at points on both sides of zero, with 50
digits. There are no time limits here; the caller kills a worker at its deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from agentrl.verifiers._math import exact, numeric, points
from agentrl.verifiers._math.encode import from_json
from agentrl.verifiers._math.points import Sameness
from agentrl.verifiers._math.second_reader import read
from agentrl.verifiers._math.symbolic import Letters, NoExpressionError, expression
from agentrl.verifiers._math.sympy_relations import compare_relations
from agentrl.verifiers._math.tree import Apply, Bracketed, Listing, Matrix, Node, Relation, SetOf
from agentrl.verifiers._math.values import names

__all__ = ["compare", "coprime", "irreducible", "warm"]


def warm() -> None:
    """Import what is needed and build the tables of the first use; called once, before the workers are forked."""
    from agentrl.verifiers._math.tree import Number, Symbol

    read(r"\frac{x}{2}")
    half = Apply("div", (Symbol("x"), Number(Fraction(2))))
    prove(Apply("sin", (half,)), Apply("cos", (half,)))


def compare(argument: list[Any]) -> Sameness:
    """Compare two answers.

    Args:
        argument: The gold's tree and the reply's as JSON, null for one that could not be read, and then its text.
    """
    gold, reply, unread = argument
    tree = read(unread) if reply is None else from_json(reply)
    if tree is None or not exact.small_enough(tree):
        return "unknown"
    return compare_trees(from_json(gold), tree)


def compare_trees(gold: Node, reply: Node) -> Sameness:
    """Compare two trees of one kind; of two kinds they are different."""
    if isinstance(gold, Relation) or isinstance(reply, Relation):
        if isinstance(gold, Relation) and isinstance(reply, Relation):
            return compare_relations(gold, reply)
        return "unknown"
    shapes = [_shape(tree) for tree in (gold, reply)]
    if shapes[0] != shapes[1]:
        return "different"
    if shapes[0] is None:
        return prove(gold, reply)
    left, right = exact.children(gold), exact.children(reply)
    if isinstance(gold, SetOf):
        return _match(left, right)
    return _all(compare_trees(a, b) for a, b in zip(left, right, strict=True))


def _shape(tree: Node) -> object:
    """What two trees must share before their parts are compared; None for an expression."""
    match tree:
        case Bracketed(items, left, right):
            return "bracketed", len(items), left, right
        case SetOf(items):
            return "set", len(items)
        case Listing(items, words):
            return "listing", len(items), words
        case Matrix(rows):
            return "matrix", len(rows), len(rows[0]) if rows else 0
        case _:
            return None


def _all(found: Iterator[Sameness]) -> Sameness:
    verdicts = list(found)
    if "different" in verdicts:
        return "different"
    return "unknown" if "unknown" in verdicts else "same"


def _match(left: tuple[Node, ...], right: tuple[Node, ...]) -> Sameness:
    """Pair the elements of two sets; equality is transitive, so that any pairing is as good as another."""
    waiting, doubt = list(right), False
    for one in left:
        verdicts = [compare_trees(one, other) for other in waiting]
        doubt = doubt or "unknown" in verdicts
        if "same" not in verdicts:
            return "unknown" if doubt else "different"
        waiting.pop(verdicts.index("same"))
    return "same"


# Expressions.


def prove(a: Node, b: Node) -> Sameness:
    """Compare two expressions: refute them by numbers, else prove them equal step by step."""
    found = points.same(a, b)
    if found != "unknown":
        return found
    letters = names(a, b)
    if letters and any(isinstance(node, Apply) and node.op == "conjugate" for t in (a, b) for node in exact.nodes(t)):
        return "unknown"  # sympy takes the variables for real, and they may not be
    checked = numeric.refuted(a, b, "both")
    if checked.different:
        return "different"
    if checked.agreed < (2 if letters else 1):
        return "unknown"
    return "same" if _is_proved(a, b, one_sided=checked.is_one_sided) else "unknown"


def _is_proved(a: Node, b: Node, *, one_sided: bool) -> bool:
    """Whether a step proves the two equal; all cheap steps are tried before a dear one."""
    try:
        differences = [
            expression(a, letters) - expression(b, letters) for letters in _assumptions(a, b, one_sided=one_sided)
        ]
    except NoExpressionError:
        return False
    return any(
        _vanishes(step, difference)
        for steps in (_cheap_steps(), _dear_steps())
        for difference in differences
        for step in steps
    )


def _assumptions(a: Node, b: Node, *, one_sided: bool) -> Iterator[Letters]:
    """Variables are real; positive ones only where no piece of a function may tell the difference."""
    yield "real"
    operations = {node.op for tree in (a, b) for node in exact.nodes(tree) if isinstance(node, Apply)}
    rooted = any(map(_is_root, (*exact.nodes(a), *exact.nodes(b))))
    if names(a, b) and not operations & _PIECES and (one_sided or not rooted):
        yield "positive"


_PIECES = frozenset(("abs", "max", "min", "floor", "ceil", "mod"))


def _is_root(node: Node) -> bool:
    """Whether a node is an even root of something with a variable."""
    if not isinstance(node, Apply) or node.op not in ("root", "sqrt", "pow") or not names(node.args[0]):
        return False
    index = exact.constant(node.args[1]) if len(node.args) == 2 else Fraction(2)
    if index is not None and node.op == "pow":
        return index.denominator % 2 == 0
    return index is None or index.numerator % 2 == 0


def _vanishes(step: Callable[[Any], Any], difference: Any) -> bool:
    """Whether a step turns a difference to zero; one that fails on it proves nothing."""
    try:
        return bool(step(difference) == 0)
    except (ArithmeticError, AttributeError, NotImplementedError, RecursionError, TypeError, ValueError):
        return False


def _cheap_steps() -> list[Callable[[Any], Any]]:
    """A few milliseconds each."""
    import sympy

    return [
        lambda d: d,
        sympy.expand,
        lambda d: sympy.expand(sympy.powsimp(sympy.expand_log(d, factor=True))),
        lambda d: sympy.cancel(sympy.together(sympy.expand_log(d))),
        lambda d: sympy.radsimp(sympy.sqrtdenest(d)),
        lambda d: sympy.expand(sympy.expand_trig(d).rewrite(sympy.cos)) if d.has(sympy.sin, sympy.cos) else d,
        lambda d: sympy.expand(d.rewrite(sympy.exp)) if not d.is_number else d,
    ]


def _dear_steps() -> list[Callable[[Any], Any]]:
    import sympy

    x = sympy.Dummy("x")
    return [
        lambda d: 0 if d.is_number and d.is_algebraic and sympy.minimal_polynomial(d, x) == x else 1,
        lambda d: sympy.trigsimp(d) if d.has(sympy.sin, sympy.cos, sympy.tan) else d,
        sympy.simplify,
        lambda d: sympy.combsimp(d) if d.has(sympy.factorial, sympy.binomial) else d,
    ]


# Forms.


def irreducible(tree: list[Any]) -> bool:
    """Whether a polynomial has no factors of smaller degree over the rationals."""
    import sympy

    found = expression(from_json(tree), "real")
    _, factors = sympy.factor_list(found)
    return len(factors) == 1 and factors[0][1] == 1


def coprime(trees: list[Any]) -> bool:
    """Whether two polynomials share no factor."""
    import sympy

    above, below = (expression(from_json(tree), "real") for tree in trees)
    return bool(sympy.gcd(above, below).is_number)
