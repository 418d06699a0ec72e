"""Edits that make a formula say something else: of one label, around a part, or of a part that is left out.

An operator is a function of a part of a formula, its place and a source of random numbers to another part; None where
it does not apply. Labels are those of LogicLLaMA's grammar: a sentence S is a formula F behind quantifiers Q; F has
operators OP and literals L; a literal has a predicate PRED and TERMS, each a constant CONST or a variable VAR.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.reader import MAX_ARITY
from agentrl.verifiers._fol.syntax import (
    Apply,
    Atom,
    Equal,
    Formula,
    Joined,
    Not,
    Operator,
    Quantified,
    Symbols,
    Term,
    Variable,
    nodes,
)

__all__ = ["OPERATORS", "SHALLOW", "Edit", "Place", "perturbed"]

Path = tuple[int, ...]
_MARKS: Mapping[Operator, str] = {"and": "∧", "or": "∨", "xor": "⊕", "implies": "→", "iff": "↔"}
_VARIABLES = ("x", "y", "z", "u", "v", "w")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part stands.

    Attributes:
        bound: Variables that may stand there.
        pool: Predicates, functions and constants that may.
        fresh: A variable that the formula does not have.
        top: Whether the part is the whole formula.
    """

    bound: tuple[str, ...]
    pool: Symbols
    fresh: str
    top: bool

    @property
    def terms(self) -> list[Term]:
        """Variables and constants that may stand there."""
        return [*map(Variable, self.bound), *self.constants]

    @property
    def constants(self) -> list[Term]:
        """Constants that may stand there."""
        return [Apply(name) for name, arity in self.pool.functions.items() if not arity]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit.

    Attributes:
        operator: Its name.
        path: Where: from the whole formula, the number of the part to go into, left to right.
        before: What was there: the quantifier, the operator or the part.
        after: What is there now.
        formula: The whole formula before this edit.
    """

    operator: str
    path: Path
    before: str
    after: str
    formula: str


Change = Callable[[Formula, Place, random.Random], Formula | None]


def perturbed(formula: Formula, pool: Symbols, random: random.Random, count: int) -> tuple[Formula, list[Edit]] | None:
    """A formula with `count` edits that do not overlap; None where so many were not found.

    Args:
        formula: The formula.
        pool: Names that an edit may put in; those of the formula among them.
        random: Chooses operators, then places.
        count: How many edits.
    """
    edits: list[Edit] = []
    for _ in range(count):
        found = _edited(formula, pool, random, edits)
        if found is None:
            return None
        formula, edit = found
        edits.append(edit)
    return formula, edits


def _edited(formula: Formula, pool: Symbols, random: random.Random, before: list[Edit]) -> tuple[Formula, Edit] | None:
    names = {node.name for node in nodes(formula) if isinstance(node, Variable | Apply | Atom | Quantified)}
    names |= pool.names
    numbered = (f"{name}{i}" for i in itertools.count(1) for name in _VARIABLES)
    fresh = next(name for name in itertools.chain(_VARIABLES, numbered) if name not in names)
    places = list(_places(formula, Place((), pool, fresh, top=True)))
    for name in random.sample(sorted(OPERATORS), len(OPERATORS)):
        for path, node, place in random.sample(places, len(places)):
            if any(_overlap(name, path, edit) for edit in before):
                continue
            changed = OPERATORS[name](node, place, random)
            if changed is not None and changed != node:
                edit = Edit(name, path, _label(name, node), _label(name, changed), show(formula))
                return _replaced(formula, path, changed), edit
    return None


def _places(formula: Formula, place: Place, path: Path = ()) -> Iterator[tuple[Path, Formula, Place]]:
    yield path, formula, place
    inside = replace(place, top=False)
    match formula:
        case Not(body):
            yield from _places(body, inside, (*path, 0))
        case Quantified(_, name, body):
            yield from _places(body, replace(inside, bound=(*place.bound, name)), (*path, 0))
        case Joined(_, left, right):
            yield from _places(left, inside, (*path, 0))
            yield from _places(right, inside, (*path, 1))


def _overlap(operator: str, path: Path, edit: Edit) -> bool:
    """Whether an edit at a path touches what another did: the same part, or one that was put in or left out whole."""
    outer, inner, by = (path, edit.path, operator) if len(path) < len(edit.path) else (edit.path, path, edit.operator)
    return path == edit.path or (inner[: len(outer)] == outer and by not in SHALLOW)


def _label(operator: str, node: Formula) -> str:
    match node:
        case Quantified(kind, name, _) if operator == "change_quant":
            return f"{'∀' if kind == 'forall' else '∃'}{name}"
        case Joined(op, _, _) if operator == "change_op":
            return _MARKS[op]
    return show(node)


def _replaced(formula: Formula, path: Path, new: Formula) -> Formula:
    if not path:
        return new
    match formula:
        case Not(body):
            return Not(_replaced(body, path[1:], new))
        case Quantified(kind, name, body):
            return Quantified(kind, name, _replaced(body, path[1:], new))
        case Joined(op, left, right) if path[0] == 0:
            return Joined(op, _replaced(left, path[1:], new), right)
        case Joined(op, left, right):
            return Joined(op, left, _replaced(right, path[1:], new))
    raise ValueError(f"no path {path} in {show(formula)}")


# Literals and their terms.


def _args(node: Formula) -> tuple[Term, ...]:
    match node:
        case Atom(_, args):
            return args
        case Equal(left, right):
            return (left, right)
    return ()


def _with_args(node: Formula, args: tuple[Term, ...]) -> Formula:
    return Atom(node.name, args) if isinstance(node, Atom) else Equal(*args)


def _mapped(formula: Formula, change: Callable[[Term], Term]) -> Formula:
    """A formula with its variables and constants changed."""

    def term(old: Term) -> Term:
        if isinstance(old, Variable) or not old.args:
            return change(old)
        return Apply(old.name, tuple(map(term, old.args)))

    match formula:
        case Not(body):
            return Not(_mapped(body, change))
        case Quantified(kind, name, body):
            return Quantified(kind, name, _mapped(body, change))
        case Joined(op, left, right):
            return Joined(op, _mapped(left, change), _mapped(right, change))
    return _with_args(formula, tuple(map(term, _args(formula))))


def _leaves(formula: Formula) -> list[Term]:
    """The variables and constants of a formula, each as often as it stands there."""
    return [
        node for node in nodes(formula) if isinstance(node, Variable) or (isinstance(node, Apply) and not node.args)
    ]


def _one_leaf(node: Formula, random: random.Random, kind: type[Term], others: list[Term]) -> Formula | None:
    """A literal with one of its variables or constants exchanged for another."""
    if not isinstance(node, Atom | Equal):
        return None
    at = [i for i, leaf in enumerate(_leaves(node)) if isinstance(leaf, kind)]
    if not at:
        return None
    chosen = random.choice(at)
    other = _other(others, _leaves(node)[chosen], random)
    if other is None:
        return None
    count = itertools.count()
    return _mapped(node, lambda leaf: other if next(count) == chosen else leaf)


def _other(choices: list[Term], than: Term, random: random.Random) -> Term | None:
    left = [choice for choice in choices if choice != than]
    return random.choice(left) if left else None


# Changes of one label.


def _change_pred(node: Formula, place: Place, random: random.Random) -> Formula | None:
    if not isinstance(node, Atom):
        return None
    names = [name for name, arity in place.pool.predicates.items() if arity == len(node.args) and name != node.name]
    return Atom(random.choice(names), node.args) if names else None


def _change_op(node: Formula, place: Place, random: random.Random) -> Formula | None:
    if not isinstance(node, Joined):
        return None
    return Joined(random.choice([op for op in get_args(Operator) if op != node.op]), node.left, node.right)


def _change_const(node: Formula, place: Place, random: random.Random) -> Formula | None:
    return _one_leaf(node, random, Apply, place.constants)


def _change_var(node: Formula, place: Place, random: random.Random) -> Formula | None:
    return _one_leaf(node, random, Variable, [Variable(name) for name in place.bound])


def _change_quant(node: Formula, place: Place, random: random.Random) -> Formula | None:
    if not isinstance(node, Quantified):
        return None
    return Quantified("exists" if node.kind == "forall" else "forall", node.name, node.body)


# Something put around a part.


def _insert_q(node: Formula, place: Place, random: random.Random) -> Formula | None:
    """A quantifier, whose variable takes the place of a constant or of another variable."""
    inside = _leaves(node)
    free = [term for term in place.terms if term in inside]
    if not free:
        return None
    chosen = random.choice(free)
    body = _mapped(node, lambda leaf: Variable(place.fresh) if leaf == chosen else leaf)
    return Quantified(_quantifier(random), place.fresh, body)


def _quantifier(random: random.Random) -> Literal["forall", "exists"]:
    return "forall" if random.random() < 0.5 else "exists"


def _insert_s(node: Formula, place: Place, random: random.Random) -> Formula | None:
    return Not(node) if place.top else None


def _insert_terms(node: Formula, place: Place, random: random.Random) -> Formula | None:
    if not isinstance(node, Atom) or not node.args or len(node.args) == MAX_ARITY:
        return None
    at = random.randint(0, len(node.args))
    return Atom(node.name, (*node.args[:at], random.choice(place.terms), *node.args[at:])) if place.terms else None


def _insert_f(node: Formula, place: Place, random: random.Random) -> Formula | None:
    """A negation, or an operator and a literal."""
    if random.random() < 0.5 and not place.top and not isinstance(node, Not):
        return Not(node)
    fitting = [(name, n) for name, n in place.pool.predicates.items() if not n or place.terms]
    if not fitting:
        return None
    name, arity = random.choice(fitting)
    literal = Atom(name, tuple(random.choice(place.terms) for _ in range(arity)))
    return Joined(random.choice(get_args(Operator)), node, literal)


# Something left out.


def _delete_q(node: Formula, place: Place, random: random.Random) -> Formula | None:
    """A quantifier, with a constant or another variable in the place of its own."""
    if not isinstance(node, Quantified) or not place.terms:
        return None
    other = random.choice(place.terms)
    return _mapped(node.body, lambda leaf: other if leaf == Variable(node.name) else leaf)


def _delete_terms(node: Formula, place: Place, random: random.Random) -> Formula | None:
    if not isinstance(node, Atom) or len(node.args) < 2:
        return None
    at = random.randrange(len(node.args))
    return Atom(node.name, (*node.args[:at], *node.args[at + 1 :]))


def _delete_f(node: Formula, place: Place, random: random.Random) -> Formula | None:
    """An operand, or the negation before a bracket."""
    match node:
        case Joined(_, left, right):
            return random.choice((left, right))
        case Not(body) if not isinstance(body, Atom | Equal):
            return body
    return None


def _delete_l(node: Formula, place: Place, random: random.Random) -> Formula | None:
    """The negation of a literal."""
    return node.body if isinstance(node, Not) and isinstance(node.body, Atom | Equal) else None


SHALLOW = frozenset(("change_op", "change_quant"))
"""Operators that leave the parts of their part as they are, so that these may be edited too."""

OPERATORS: Mapping[str, Change] = {
    "change_pred": _change_pred,
    "change_op": _change_op,
    "change_const": _change_const,
    "change_var": _change_var,
    "change_quant": _change_quant,
    "insert_q": _insert_q,
    "insert_s": _insert_s,
    "insert_terms": _insert_terms,
    "insert_f": _insert_f,
    "delete_q": _delete_q,
    "delete_terms": _delete_terms,
    "delete_f": _delete_f,
    "delete_l": _delete_l,
}
"""By name: what is done, and to which label."""
