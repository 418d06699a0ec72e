"""What a first-order formula is once it is read: a tree of these records.

A constant is a function without arguments. `x ≠ y` is the negation of an equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Apply",
    "Atom",
    "Equal",
    "Formula",
    "Joined",
    "Not",
    "Operator",
    "Quantified",
    "SymbolError",
    "Symbols",
    "Term",
    "Variable",
    "alternations",
    "nodes",
    "renamed",
    "some_false",
    "symbols",
    "with_bound",
]

Operator = Literal["and", "or", "xor", "implies", "iff"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that a quantifier binds."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of terms; a constant has none."""

    name: str
    args: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate of terms; a proposition has none."""

    name: str
    args: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Equal:
    """An equation."""

    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Not:
    """A negation."""

    body: Formula


@dataclass(frozen=True, slots=True)
class Joined:
    """Two formulas with an operator between them."""

    op: Operator
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Quantified:
    """A quantifier over one variable."""

    kind: Literal["forall", "exists"]
    name: str
    body: Formula


Term = Variable | Apply
Formula = Atom | Equal | Not | Joined | Quantified


class SymbolError(ValueError):
    """One name has two uses."""


@dataclass(frozen=True, slots=True)
class Symbols:
    """The names that some formulas use, with their numbers of arguments."""

    predicates: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)

    def __or__(self, other: Symbols) -> Symbols:
        """All names of both.

        Raises:
            SymbolError: A name has another use in the other.
        """
        merged = Symbols(dict(self.predicates), dict(self.functions))
        for name, arity in other.predicates.items():
            _add(merged, name, "predicate", arity)
        for name, arity in other.functions.items():
            _add(merged, name, "function", arity)
        return merged

    def __contains__(self, other: Symbols) -> bool:
        """Whether every name of `other` is here, with the same use."""
        return self.predicates.items() >= other.predicates.items() and self.functions.items() >= other.functions.items()

    @property
    def names(self) -> frozenset[str]:
        """The names alone."""
        return frozenset((*self.predicates, *self.functions))


def nodes(formula: Formula) -> Iterator[Formula | Term]:
    """Every record of a formula, the formula itself first."""
    waiting: list[Formula | Term] = [formula]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case Atom(_, args) | Apply(_, args):
                waiting.extend(reversed(args))
            case Equal(left, right) | Joined(_, left, right):
                waiting += (right, left)
            case Not(body) | Quantified(_, _, body):
                waiting.append(body)


def symbols(formulas: Iterable[Formula]) -> Symbols:
    """The predicates and functions of some formulas, in order of appearance.

    Raises:
        SymbolError: One name has two uses.

    >>> symbols([Atom("P", (Apply("a"),)), Atom("Q")])
    Symbols(predicates={'P': 1, 'Q': 0}, functions={'a': 0})
    """
    found = Symbols({}, {})
    for formula in formulas:
        for node in nodes(formula):
            if isinstance(node, Atom):
                _add(found, node.name, "predicate", len(node.args))
            elif isinstance(node, Apply):
                _add(found, node.name, "function", len(node.args))
    return found


def _add(found: Symbols, name: str, kind: Literal["predicate", "function"], arity: int) -> None:
    mine, other = found.predicates, found.functions
    if kind == "function":
        mine, other = other, mine
    if name in other:
        raise SymbolError(f"{name!r} is both a predicate and a function or constant")
    if mine.get(name, arity) != arity:
        raise SymbolError(f"{name!r} is used with {mine[name]} and with {arity} arguments")
    assert isinstance(mine, dict)
    mine[name] = arity


def some_false(formulas: Sequence[Formula]) -> Formula:
    """That not all of some formulas, of which there is one at least, are true."""
    together = formulas[0]
    for formula in formulas[1:]:
        together = Joined("and", together, formula)
    return Not(together)


def renamed(formula: Formula, names: Mapping[str, str]) -> Formula:
    """A formula with its predicates and functions under other names; variables stay."""
    if all(old == new for old, new in names.items()):
        return formula

    def term(old: Term) -> Term:
        if isinstance(old, Variable):
            return old
        return Apply(names.get(old.name, old.name), tuple(map(term, old.args)))

    def visit(node: Formula) -> Formula:
        match node:
            case Atom(name, args):
                return Atom(names.get(name, name), tuple(map(term, args)))
            case Equal(left, right):
                return Equal(term(left), term(right))
            case Not(body):
                return Not(visit(body))
            case Joined(op, one, two):
                return Joined(op, visit(one), visit(two))
            case Quantified(kind, name, body):
                return Quantified(kind, name, visit(body))

    return visit(formula)


def with_bound(formula: Formula, stem: str = "_") -> Formula:
    """A formula whose bound variables are named by a stem and a number, in order; names in use are passed over.

    >>> with_bound(Quantified("forall", "who", Atom("P", (Variable("who"),))))
    Quantified(kind='forall', name='_1', body=Atom(name='P', args=(Variable(name='_1'),)))
    """
    taken = {node.name for node in nodes(formula) if isinstance(node, Atom | Apply)}
    count = 0

    def term(node: Term, names: Mapping[str, str]) -> Term:
        if isinstance(node, Variable):
            return Variable(names[node.name])
        return Apply(node.name, tuple(term(arg, names) for arg in node.args))

    def visit(node: Formula, names: Mapping[str, str]) -> Formula:
        nonlocal count
        match node:
            case Atom(name, args):
                return Atom(name, tuple(term(arg, names) for arg in args))
            case Equal(left, right):
                return Equal(term(left, names), term(right, names))
            case Not(body):
                return Not(visit(body, names))
            case Joined(op, one, two):
                return Joined(op, visit(one, names), visit(two, names))
            case Quantified(kind, name, body):
                count += 1
                while (fresh := f"{stem}{count}") in taken:
                    count += 1
                return Quantified(kind, fresh, visit(body, {**names, name: fresh}))

    return visit(formula, {})


def alternations(formula: Formula) -> int:
    """How often the quantifiers on one path change kind, negations and left sides of → taken into account.

    >>> body = Quantified("exists", "y", Atom("R", (Variable("x"), Variable("y"))))
    >>> alternations(Quantified("forall", "x", body)), alternations(Quantified("forall", "x", Not(body)))
    (1, 0)
    """
    known: dict[tuple[int, Literal[1, -1], str], int] = {}

    def visit(node: Formula, sign: Literal[1, -1], last: str) -> int:
        key = (id(node), sign, last)
        if key not in known:
            known[key] = count(node, sign, last)
        return known[key]

    def count(node: Formula, sign: Literal[1, -1], last: str) -> int:
        other: Literal[1, -1] = -1 if sign == 1 else 1
        match node:
            case Not(body):
                return visit(body, other, last)
            case Quantified(kind, _, body):
                now = kind if sign == 1 else {"forall": "exists", "exists": "forall"}[kind]
                return visit(body, sign, now) + (last not in ("", now))
            case Joined("and" | "or", left, right):
                return max(visit(left, sign, last), visit(right, sign, last))
            case Joined("implies", left, right):
                return max(visit(left, other, last), visit(right, sign, last))
            case Joined(_, left, right):
                return max(visit(side, way, last) for side in (left, right) for way in (sign, other))
        return 0

    return visit(formula, 1, "")
