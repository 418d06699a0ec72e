"""Formulas in the language of the solvers, SMT-LIB: over one unnamed sort, or grounded over a few elements.

Names become p0, p1, ... and f0, f1, ..., so that no name can mean anything to a solver or change its search.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from agentrl.verifiers._fol.syntax import Apply, Atom, Equal, Formula, Joined, Not, Quantified, Symbols, Term, Variable

__all__ = ["TooLarge", "grounded", "solver_names", "unbounded"]

_OPERATORS = {"and": "and", "or": "or", "xor": "xor", "implies": "=>", "iff": "="}
_MAX_PARTS = 40_000


class TooLarge(ValueError):
    """The grounded formula would have too many parts."""


def solver_names(found: Symbols) -> dict[str, str]:
    """The solver's name for each predicate and function."""
    names = {name: f"p{i}" for i, name in enumerate(sorted(found.predicates))}
    return names | {name: f"f{i}" for i, name in enumerate(sorted(found.functions))}


def unbounded(formulas: Sequence[Formula], found: Symbols) -> str:
    """Declarations and one assertion a formula, over an unnamed sort U, which is never empty."""
    names = solver_names(found)
    lines = ["(declare-sort U 0)"]
    for table, result in ((found.predicates, "Bool"), (found.functions, "U")):
        lines += [f"(declare-fun {names[name]} ({'U ' * arity}) {result})" for name, arity in table.items()]
    return "\n".join((*lines, *(f"(assert {_sentence(formula, names, {})})" for formula in formulas)))


def _sentence(node: Formula, names: Mapping[str, str], variables: Mapping[str, str]) -> str:
    match node:
        case Atom():
            return _applied(node, names, variables)
        case Equal(left, right):
            return f"(= {_applied(left, names, variables)} {_applied(right, names, variables)})"
        case Not(body):
            return f"(not {_sentence(body, names, variables)})"
        case Joined(op, left, right):
            return f"({_OPERATORS[op]} {_sentence(left, names, variables)} {_sentence(right, names, variables)})"
        case Quantified(kind, name, body):
            bound = f"v{len(variables)}"
            return f"({kind} (({bound} U)) {_sentence(body, names, {**variables, name: bound})})"


def _applied(node: Atom | Term, names: Mapping[str, str], variables: Mapping[str, str]) -> str:
    if isinstance(node, Variable):
        return variables[node.name]
    args = " ".join(_applied(arg, names, variables) for arg in node.args)
    return f"({names[node.name]} {args})" if args else names[node.name]


def grounded(formulas: Sequence[Formula], found: Symbols, size: int) -> str:
    """The same without quantifiers, true of some model with `size` elements if and only if it can be satisfied.

    The proposition `p0_1_0` says that predicate p0 holds of (1, 0), and `f0_1__0` that function f0 maps 1 to 0.

    Raises:
        TooLarge: It would have more than a bounded number of parts.
    """
    return _Grounding(found, size).text(formulas)


class _Grounding:
    """One set of names, one size, and how many parts were written."""

    def __init__(self, found: Symbols, size: int) -> None:
        self._found, self._size, self._names = found, size, solver_names(found)
        self._parts = 0

    def text(self, formulas: Sequence[Formula]) -> str:
        lines = [f"(declare-const {name} Bool)" for name in self._propositions()]
        lines += [f"(assert {line})" for line in self._one_value()]
        lines += [f"(assert {self._visit(formula, {})})" for formula in formulas]
        return "\n".join(lines)

    def _propositions(self) -> Iterator[str]:
        for name, arity in self._found.predicates.items():
            yield from (self._predicate(name, at) for at in self._tuples(arity))
        for name, arity in self._found.functions.items():
            yield from (self._function(name, at, to) for at in self._tuples(arity) for to in range(self._size))

    def _one_value(self) -> Iterator[str]:
        for name, arity in self._found.functions.items():
            for at in self._tuples(arity):
                values = [self._function(name, at, to) for to in range(self._size)]
                yield f"(or {' '.join(values)} false)"
                yield from (f"(not (and {one} {two}))" for one, two in itertools.combinations(values, 2))

    def _tuples(self, arity: int) -> Iterator[tuple[int, ...]]:
        for at in itertools.product(range(self._size), repeat=arity):
            self._count()
            yield at

    def _count(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise TooLarge(f"more than {_MAX_PARTS} parts over {self._size} elements")

    def _predicate(self, name: str, at: tuple[int, ...]) -> str:
        return "_".join((self._names[name], *map(str, at)))

    def _function(self, name: str, at: tuple[int, ...], to: int) -> str:
        return f"{self._predicate(name, at)}__{to}"

    def _visit(self, node: Formula, values: Mapping[str, int]) -> str:
        self._count()
        match node:
            case Atom(name, args):
                return self._some(args, values, lambda at: self._predicate(name, at))
            case Equal(left, right):
                same = (f"(and {self._is(left, e, values)} {self._is(right, e, values)})" for e in range(self._size))
                return f"(or {' '.join(same)} false)"
            case Not(body):
                return f"(not {self._visit(body, values)})"
            case Joined(op, left, right):
                return f"({_OPERATORS[op]} {self._visit(left, values)} {self._visit(right, values)})"
            case Quantified(kind, name, body):
                parts = " ".join(self._visit(body, {**values, name: e}) for e in range(self._size))
                return f"(and {parts} true)" if kind == "forall" else f"(or {parts} false)"

    def _is(self, term: Term, element: int, values: Mapping[str, int]) -> str:
        """That a term has this value."""
        self._count()
        if isinstance(term, Variable):
            return "true" if values[term.name] == element else "false"
        return self._some(term.args, values, lambda at: self._function(term.name, at, element))

    def _some(
        self, args: Sequence[Term], values: Mapping[str, int], proposition: Callable[[tuple[int, ...]], str]
    ) -> str:
        """That the arguments have some values of which a proposition holds; variables have their value already."""
        choices = [[values[arg.name]] if isinstance(arg, Variable) else range(self._size) for arg in args]
        cases = []
        for at in itertools.product(*choices):
            self._count()
            known = [self._is(arg, e, values) for arg, e in zip(args, at, strict=True) if isinstance(arg, Apply)]
            cases.append(f"(and {' '.join(known)} {proposition(at)})" if known else proposition(at))
        return cases[0] if len(cases) == 1 else f"(or {' '.join(cases)})"
