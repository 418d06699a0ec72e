"""Theories drawn from a seed: facts and rules about a few individuals, a claim, and what they say of it.

A chain of rules is written step by step, each with new predicates (`moves.py`), and hidden among distractors: facts
about others, rules that lead away from the chain or to it from conditions that are not met. That a claim is True or
False is known from the chain; that the premises are consistent, that the shortest chain has the depth that was asked
for, and that an Uncertain claim can be true and can be false is seen from models (`clauses.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from agentrl.envs._logic.clauses import Clauses, Step
from agentrl.envs._logic.lexicon import Lexicon, Vocabulary, draw_lexicon
from agentrl.envs._logic.moves import MOVES, Move, Pen, about, all_of, args_of, complement, literal, rule
from agentrl.errors import check_choice, check_count
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.syntax import Formula, Joined, Not, Quantified, Variable

__all__ = [
    "FAMILY",
    "LABELS",
    "MAX_DEPTH",
    "MAX_DISTRACTORS",
    "Label",
    "Negation",
    "Settings",
    "Theory",
    "cited",
    "draw_theory",
]

Label = Literal["True", "False", "Uncertain"]
Negation = Literal["none", "some"]

FAMILY = "fol_entail"
"""Whose problems theories are: `generated` keeps one in one split for all environments that ask about it."""
LABELS: tuple[Label, ...] = get_args(Label)
MAX_DEPTH = 8
MAX_DISTRACTORS = 24
_NEGATED = 0.3
_MOST_CHAINS = 16
_DERIVED = 0.3
"""Share of side conditions that a rule of their own gives."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What theories are drawn.

    Attributes:
        depth: Rules on the shortest way to the claim or its negation, 1 to 8.
        distractors: Premises that the way does not use, 0 to 24.
        negation: "none" for theories without ¬, ⊕ and rules used backwards.
        vocabulary: The words.

    Raises:
        ConfigError: One is out of its range.
    """

    depth: int = 3
    distractors: int = 6
    negation: Negation = "some"
    vocabulary: Vocabulary = "mixed"

    def __post_init__(self) -> None:
        check_count("depth", self.depth, most=MAX_DEPTH)
        check_count("distractors", self.distractors, least=0, most=MAX_DISTRACTORS)
        check_choice("negation", self.negation, get_args(Negation))
        check_choice("vocabulary", self.vocabulary, get_args(Vocabulary))


@dataclass(frozen=True, slots=True)
class Theory:
    """Premises and a claim.

    Attributes:
        lexicon: The words of its predicates and individuals.
        premises: Facts and rules in the order shown.
        claim: A ground literal.
        label: What the premises say of it.
        proof: Steps to the claim, or to its negation where it is False; none where it is Uncertain.
    """

    lexicon: Lexicon
    premises: tuple[Formula, ...]
    claim: Formula
    label: Label
    proof: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """One name for theories that differ in the order of their premises and in names of variables only."""
        return "\n".join([*sorted(map(canonical, self.premises)), canonical(self.claim)])


def cited(step: Step, count: int) -> list[str]:
    """What a step rests on: one of `count` premises as P1, P2, ..., earlier steps by their number."""
    return [f"P{at + 1}" if at < count else str(at - count + 1) for at in step.rests_on]


def draw_theory(rng: random.Random, settings: Settings, label: Label) -> Theory | None:
    """A theory whose claim has this label; None where the numbers drawn give none.

    >>> from agentrl.verifiers._fol.printer import show
    >>> theory = draw_theory(random.Random(2), Settings(depth=1, distractors=0, vocabulary="people"), "True")
    >>> [show(premise) for premise in theory.premises], show(theory.claim)
    (['∀x (LeftHanded(x) → (Swimmer(x) ⊕ Generous(x)))', 'LeftHanded(lena)', '¬Swimmer(lena)'], 'Generous(lena)')
    """
    lexicon = draw_lexicon(rng, settings.vocabulary)
    negated = rng.random() < 0.5
    try:
        for _ in range(_MOST_CHAINS):
            pen = Pen(rng, lexicon, _NEGATED if settings.negation == "some" else 0.0)
            chain = _Chain(pen, settings.depth)
            goal = chain.steps[-1].formula
            claim = goal if label == "True" or (label == "Uncertain" and negated) else complement(goal)
            # As often denied under each label; without negation a goal never is one, so that a label fixes it.
            if settings.negation == "none" or isinstance(claim, Not) == negated:
                break
        else:
            return None
        extra = _distractors(pen, chain, settings.distractors)
        premises = [*chain.premises, *extra]
        clauses = Clauses(premises, [goal])
        rounds = clauses.rounds()
        if rounds is None or rounds.get(clauses.literal(goal)) != settings.depth or not clauses.fits():
            return None
        if label == "Uncertain":
            premises = [*_broken(pen, chain.premises), *extra]
            clauses = Clauses(premises, [goal])
            number = clauses.literal(goal)
            if not (clauses.fits(number) and clauses.fits(-number)):
                return None
    except IndexError:  # no word is left
        return None
    proof = () if label == "Uncertain" else chain.proof(len(premises))
    return _shuffled(rng, Theory(lexicon, tuple(premises), claim, label, proof))


class _Chain:
    """Rules and facts that lead to a goal, in a number of steps."""

    def __init__(self, pen: Pen, depth: int) -> None:
        self.premises: list[Formula] = []
        self.steps: list[Step] = []  # rests on premises by place, and on steps by -1 - place
        self._pen = pen
        current = literal(pen.fresh(), (pen.rng.choice(pen.individuals),), positive=pen.sign())
        place = self._assume(current)
        for level in range(1, depth + 1):
            move = _move(pen, current, last=level == depth)
            sides = [self._side(formula, level) for formula in move.needs]
            place = self._conclude(move, (place, *sides))
            current = move.result

    def proof(self, count: int) -> tuple[Step, ...]:
        """The steps, with places as `Step` has them where there are `count` premises."""
        return tuple(
            Step(step.formula, tuple(at if at >= 0 else count - 1 - at for at in step.rests_on)) for step in self.steps
        )

    def _assume(self, formula: Formula) -> int:
        self.premises.append(formula)
        return len(self.premises) - 1

    def _conclude(self, move: Move, rests_on: Sequence[int]) -> int:
        self.steps.append(Step(move.result, (self._assume(move.rule), *rests_on)))
        return -len(self.steps)

    def _side(self, formula: Formula, level: int) -> int:
        """A fact, or from the second level on sometimes one that another rule gives."""
        who = args_of(formula)
        if level == 1 or len(who) != 1 or self._pen.rng.random() >= _DERIVED:
            return self._assume(formula)
        word, positive = self._pen.fresh(), self._pen.sign()
        condition = literal(word, who, positive=positive)
        general = rule([literal(word, (Variable("x"),), positive=positive)], about(formula, {who[0]: Variable("x")}))
        place = self._assume(condition)
        return self._conclude(Move(general, (), formula), (place,))


def _move(pen: Pen, known: Formula, *, last: bool) -> Move:
    """A move from what is known; the last one gives a literal."""
    moves, weights = zip(*MOVES, strict=True)
    while True:
        found: Move | None = pen.rng.choices(moves, weights)[0](pen, known)
        if found is not None and not (last and isinstance(found.result, Quantified)):
            return found


def _distractors(pen: Pen, chain: _Chain, count: int) -> list[Formula]:
    """Premises that the chain does not use, most with its predicates.

    With negation the first of them lead to the opposite of the goal from what does not hold, so that no label shows in
    the rules for the claim's predicate.
    """
    known = [formula for formula in (*chain.premises, *(step.formula for step in chain.steps)) if args_of(formula)]
    seen = {*chain.premises, *known}
    found = _decoy(pen, chain.steps[-1].formula)[:count] if pen.negation else []
    while len(found) < count:
        anchor = pen.rng.choice(known)
        for formula in pen.rng.choices(_KINDS, (4, 3, 3))[0](pen, anchor):
            if formula not in seen and len(found) < count:
                seen.add(formula)
                found.append(formula)
    return found


def _decoy(pen: Pen, goal: Formula) -> list[Formula]:
    """Rules that would lead to the goal's opposite, and sometimes a fact that lets another reach it."""
    first, *facts = _leading(pen, complement(goal))
    if pen.rng.random() < 0.5:
        return [first, *facts]
    word, positive, x = pen.fresh(), pen.sign(), Variable("x")
    condition = first.body.left if isinstance(first, Quantified) and isinstance(first.body, Joined) else first
    before = rule([literal(word, (x,), positive=positive)], condition)
    return [first, before, literal(word, (pen.other(*args_of(goal)),), positive=positive)]


def _stray(pen: Pen, anchor: Formula) -> list[Formula]:
    """A fact: what the chain says of one, said of another; or something else said of the same."""
    args = args_of(anchor)
    if pen.rng.random() < 0.3:
        return [literal(pen.fresh(), args[:1], positive=pen.sign())]
    moved = about(anchor, {args[0]: pen.other(*args)})
    return [moved if pen.rng.random() >= pen.negation else complement(moved)]


def _away(pen: Pen, anchor: Formula) -> list[Formula]:
    """A rule that leads from the chain to something else, and the facts that it needs."""
    move = _move(pen, anchor, last=False)
    return [move.rule, *move.needs]


def _toward(pen: Pen, anchor: Formula) -> list[Formula]:
    """A rule that leads to the chain, or to its opposite, from what holds of another individual at most."""
    return _leading(pen, complement(anchor) if pen.negation and pen.rng.random() < 0.5 else anchor)


def _leading(pen: Pen, anchor: Formula) -> list[Formula]:
    args = args_of(anchor)
    word, positive, x = pen.fresh(), pen.sign(), Variable("x")
    found = [rule([literal(word, (x,), positive=positive)], about(anchor, {args[0]: x}))]
    if pen.rng.random() < 0.5:
        found.append(literal(word, (pen.other(*args),), positive=positive))
    return found


_KINDS: tuple[Callable[[Pen, Formula], list[Formula]], ...] = (_stray, _away, _toward)


def _broken(pen: Pen, premises: Sequence[Formula]) -> list[Formula]:
    """The premises of a chain, one of them changed so that it may no longer hold together."""
    at = pen.rng.randrange(len(premises))
    changed = list(premises)
    changed[at] = _moved(pen, premises[at]) if args_of(premises[at]) else _weaker(pen, premises[at])
    return changed


def _moved(pen: Pen, fact: Formula) -> Formula:
    """A fact about another individual, or the other way round."""
    args = args_of(fact)
    if len(args) == 2 and pen.rng.random() < 0.5:
        return about(fact, {args[0]: args[1], args[1]: args[0]})
    return about(fact, {args[0]: pen.other(*args)})


def _weaker(pen: Pen, general: Formula) -> Formula:
    """The converse of a rule, or the rule with one more condition."""
    match general:
        case Quantified(kind, name, body):
            return Quantified(kind, name, _weaker(pen, body))
        case Joined("implies", left, right):
            simple = args_of(left) == args_of(right) != ()
            if simple and pen.rng.random() < 0.5:
                return Joined("implies", right, left)
            extra = literal(pen.fresh(), (Variable("x"),), positive=pen.sign())
            return Joined("implies", all_of([left, extra]), right)
    raise ValueError("not a rule")


def _shuffled(rng: random.Random, theory: Theory) -> Theory:
    """The premises in another order, and the proof with them."""
    count = len(theory.premises)
    order = rng.sample(range(count), count)
    place = {old: new for new, old in enumerate(order)}
    proof = tuple(Step(step.formula, tuple(place.get(at, at) for at in step.rests_on)) for step in theory.proof)
    return replace(theory, premises=tuple(theory.premises[old] for old in order), proof=proof)
