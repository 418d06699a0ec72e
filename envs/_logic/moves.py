"""One step of reasoning, made backwards: a rule, and the facts that it needs beside what is already known.

Each move takes a ground formula that is known and writes a rule that leads from it to a new one. A move that cannot
start from the formula gives None.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentrl.envs._logic.lexicon import Lexicon, Word
from agentrl.verifiers._fol.syntax import Apply, Atom, Formula, Joined, Not, Quantified, Term, Variable

__all__ = ["MOVES", "Move", "Pen", "about", "all_of", "args_of", "complement", "literal", "rule"]

X, Y = Variable("x"), Variable("y")


@dataclass(frozen=True, slots=True)
class Move:
    """A rule and its use.

    Attributes:
        rule: The premise.
        needs: Ground literals that it takes beside the formula it starts from.
        result: What follows.
    """

    rule: Formula
    needs: tuple[Formula, ...]
    result: Formula


class Pen:
    """Words and chance for one theory; every word is handed out once.

    Args:
        rng: The chance.
        lexicon: The words.
        negation: Share of negated literals.
    """

    def __init__(self, rng: random.Random, lexicon: Lexicon, negation: float) -> None:
        self.rng = rng
        self.negation = negation
        self.individuals = [Apply(name) for name in lexicon.individuals]
        self._properties = list(lexicon.properties)
        self._relations = list(lexicon.relations)

    def fresh(self) -> Word:
        """A property that was not used yet.

        Raises:
            IndexError: There is none left.
        """
        return self._properties.pop()

    def relation(self) -> Word:
        """A relation that was not used yet.

        Raises:
            IndexError: There is none left.
        """
        return self._relations.pop()

    def sign(self) -> bool:
        """Whether the next literal is positive."""
        return self.rng.random() >= self.negation

    def other(self, *individuals: Term) -> Apply:
        """An individual that is none of these."""
        return self.rng.choice([one for one in self.individuals if one not in individuals])


def literal(word: Word, args: Sequence[Term], *, positive: bool = True) -> Formula:
    """An atom or its negation."""
    atom = Atom(word.name, tuple(args))
    return atom if positive else Not(atom)


def complement(formula: Formula) -> Formula:
    """The negation, without a double one."""
    return formula.body if isinstance(formula, Not) else Not(formula)


def all_of(formulas: Sequence[Formula]) -> Formula:
    """The conjunction of one or more formulas."""
    together = formulas[0]
    for formula in formulas[1:]:
        together = Joined("and", together, formula)
    return together


def rule(conditions: Sequence[Formula], conclusion: Formula, variables: Sequence[Variable] = (X,)) -> Formula:
    """For all variables, the conditions together imply the conclusion."""
    formula: Formula = Joined("implies", all_of(conditions), conclusion)
    for variable in reversed(variables):
        formula = Quantified("forall", variable.name, formula)
    return formula


def about(formula: Formula, terms: Mapping[Term, Term]) -> Formula:
    """A ground literal with variables in the place of individuals."""
    match formula:
        case Not(body):
            return Not(about(body, terms))
        case Atom(name, args):
            return Atom(name, tuple(terms.get(arg, arg) for arg in args))
    raise ValueError("only literals can be generalized")


def args_of(formula: Formula) -> tuple[Term, ...]:
    """The individuals of a ground literal; none for other formulas."""
    atom = formula.body if isinstance(formula, Not) else formula
    return atom.args if isinstance(atom, Atom) else ()


# From a property of one.


def _all(pen: Pen, known: Formula) -> Move | None:
    """Everyone that is A (and B, and C) is D; of a relation, everyone that likes Bob."""
    args = args_of(known)
    if not args:
        return None
    who = args[0]
    conditions, needs = [about(known, {who: X})], list[Formula]()
    for _ in range(pen.rng.choice((0, 0, 1, 1, 2)) if len(args) == 1 else pen.rng.choice((0, 1))):
        word, positive = pen.fresh(), pen.sign()
        conditions.append(literal(word, (X,), positive=positive))
        needs.append(literal(word, (who,), positive=positive))
    pen.rng.shuffle(conditions)
    word, positive = pen.fresh(), pen.sign()
    return Move(
        rule(conditions, literal(word, (X,), positive=positive)), tuple(needs), literal(word, (who,), positive=positive)
    )


def _relates(pen: Pen, known: Formula) -> Move | None:
    """Everyone that is A likes Bob."""
    args = args_of(known)
    if len(args) != 1:
        return None
    word, positive, object_ = pen.relation(), pen.sign(), pen.other(args[0])
    written = rule([about(known, {args[0]: X})], literal(word, (X, object_), positive=positive))
    return Move(written, (), literal(word, (args[0], object_), positive=positive))


def _passes(pen: Pen, known: Formula) -> Move | None:
    """If X is A and X likes Y, then Y is B."""
    args = args_of(known)
    if len(args) != 1:
        return None
    verb, word, positive, object_ = pen.relation(), pen.fresh(), pen.sign(), pen.other(args[0])
    conditions = [about(known, {args[0]: X}), literal(verb, (X, Y))]
    return Move(
        rule(conditions, literal(word, (Y,), positive=positive), (X, Y)),
        (literal(verb, (args[0], object_)),),
        literal(word, (object_,), positive=positive),
    )


def _meets(pen: Pen, known: Formula) -> Move | None:
    """If X is A and Y is B, then X likes Y."""
    args = args_of(known)
    if len(args) != 1:
        return None
    word, verb, object_ = pen.fresh(), pen.relation(), pen.other(args[0])
    conditions = [about(known, {args[0]: X}), literal(word, (Y,))]
    return Move(
        rule(conditions, literal(verb, (X, Y)), (X, Y)),
        (literal(word, (object_,)),),
        literal(verb, (args[0], object_)),
    )


def _either(pen: Pen, known: Formula) -> Move | None:
    """Everyone that is A is B or C; or either B or C, but not both."""
    args = args_of(known)
    if len(args) != 1 or not pen.negation:
        return None
    left, right = pen.fresh(), pen.fresh()
    exclusive = pen.rng.random() < 0.4
    is_left = exclusive and pen.rng.random() < 0.5
    either = Joined("xor" if exclusive else "or", Atom(left.name, (X,)), Atom(right.name, (X,)))
    if pen.rng.random() < 0.5:
        either = Joined(either.op, either.right, either.left)
    return Move(
        rule([about(known, {args[0]: X})], either),
        (literal(left, args, positive=is_left),),
        literal(right, args, positive=not is_left),
    )


def _both(pen: Pen, known: Formula) -> Move | None:
    """Everyone that is A is B and C."""
    args = args_of(known)
    if len(args) != 1:
        return None
    words = [(pen.fresh(), pen.sign()) for _ in range(2)]
    conclusion = all_of([literal(word, (X,), positive=positive) for word, positive in words])
    word, positive = pen.rng.choice(words)
    return Move(rule([about(known, {args[0]: X})], conclusion), (), literal(word, args, positive=positive))


def _some(pen: Pen, known: Formula) -> Move | None:
    """Everyone that is A likes someone that is B."""
    args = args_of(known)
    if len(args) != 1:
        return None
    word, verb = pen.fresh(), pen.relation()

    def likes_some(who: Term) -> Formula:
        return Quantified("exists", "y", Joined("and", Atom(verb.name, (who, Y)), Atom(word.name, (Y,))))

    return Move(rule([about(known, {args[0]: X})], likes_some(X)), (), likes_some(args[0]))


def _backwards(pen: Pen, known: Formula) -> Move | None:
    """Everyone that is B is not A: who is A is not B."""
    args = args_of(known)
    if len(args) != 1 or not pen.negation:
        return None
    word, positive = pen.fresh(), pen.sign()
    written = rule([literal(word, (X,), positive=positive)], complement(about(known, {args[0]: X})))
    return Move(written, (), literal(word, args, positive=not positive))


# From a relation of two.


def _turns(pen: Pen, known: Formula) -> Move | None:
    """If X likes Y, then Y trusts X; or X trusts Y."""
    args = args_of(known)
    if len(args) != 2:
        return None
    verb, positive = pen.relation(), pen.sign()
    around = pen.rng.random() < 0.5
    result = (args[1], args[0]) if around else args
    written = rule(
        [about(known, {args[0]: X, args[1]: Y})], literal(verb, (Y, X) if around else (X, Y), positive=positive), (X, Y)
    )
    return Move(written, (), literal(verb, result, positive=positive))


def _by_object(pen: Pen, known: Formula) -> Move | None:
    """Everyone that likes someone that is A is B; and everyone that someone that is A likes."""
    args = args_of(known)
    if len(args) != 2 or isinstance(known, Not):
        return None
    condition, word, positive = pen.fresh(), pen.fresh(), pen.sign()
    who, whom = (0, 1) if pen.rng.random() < 0.5 else (1, 0)
    variables = (X, Y) if who == 0 else (Y, X)
    written = rule(
        [about(known, {args[who]: X, args[whom]: Y}), Atom(condition.name, (Y,))],
        literal(word, (X,), positive=positive),
        variables,
    )
    return Move(written, (literal(condition, (args[whom],)),), literal(word, (args[who],), positive=positive))


# From "likes someone that is B".


def _of_some(pen: Pen, known: Formula) -> Move | None:
    """Everyone that likes someone that is B is C."""
    match known:
        case Quantified("exists", _, Joined("and", Atom(verb, (who, _)), Atom(property_, _))):
            word, positive = pen.fresh(), pen.sign()
            conditions = [Atom(verb, (X, Y)), Atom(property_, (Y,))]
            written = rule(conditions, literal(word, (X,), positive=positive), (X, Y))
            return Move(written, (), literal(word, (who,), positive=positive))
    return None


MOVES: tuple[tuple[Callable[[Pen, Formula], Move | None], int], ...] = (
    (_all, 8),
    (_relates, 2),
    (_passes, 2),
    (_meets, 1),
    (_either, 2),
    (_both, 1),
    (_some, 2),
    (_backwards, 2),
    (_turns, 3),
    (_by_object, 4),
    (_of_some, 20),
)
"""The moves and how often each is tried."""
