"""A theory as clauses over its individuals: what follows by unit propagation and in how many rounds, and finite models.

Every individual has a name; "some" of a premise is given a name of its own, one for all instances of the premise, which
makes the theory stronger. So a model that is found here is a model of the theory, and what has none here may still have
one: `fits` is right where it says yes. Propagation, too, may find more than follows; it never finds less than chaining
the rules does.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentrl.verifiers._fol.syntax import Apply, Atom, Equal, Formula, Joined, Not, Quantified, Term, Variable, symbols

__all__ = ["Clauses", "Step", "rounds_to"]

_Literal = tuple[bool, str, tuple[Term, ...]]
_Schema = list[_Literal]


@dataclass(frozen=True, slots=True)
class Step:
    """A ground formula, and the places of what it follows from: premises from 0 on, then earlier steps."""

    formula: Formula
    rests_on: tuple[int, ...]


class Clauses:
    """Premises without functions or equations, as clauses.

    Args:
        premises: Formulas whose bound variables have different names within each.
        others: Formulas that are asked about later: their names belong to the individuals.
    """

    def __init__(self, premises: Sequence[Formula], others: Sequence[Formula] = ()) -> None:
        self._count = len(premises)
        self._witnesses = 0
        self._atoms: dict[tuple[str, tuple[str, ...]], int] = {}
        self._clauses: list[list[int]] = []
        self._premise: list[int] = []  # that each clause is an instance of
        self._where: dict[int, list[int]] = {}
        schemas = [
            (schema, place)
            for place, formula in enumerate(premises)
            for schema in self._schemas(formula, {}, positive=True)
        ]
        names = [*symbols([*premises, *others]).functions]
        self._domain = [*names, *(f"_{i}" for i in range(1, self._witnesses + 1))]
        for schema, place in schemas:
            self._add(schema, place)

    def rounds(self) -> Mapping[int, int] | None:
        """For each literal that unit propagation finds, the round that does; facts are round 0; None if they clash."""
        found: dict[int, int] = {}
        units = {clause[0] for clause in self._clauses if len(clause) == 1}
        return found if self._propagate(found, units) else None

    def why(self, goal: Formula) -> tuple[Step, ...] | None:
        """Steps to a ground literal, each by one premise; none if it is one itself, None if propagation misses it."""
        rounds = self.rounds()
        if rounds is None or self.literal(goal) not in rounds:
            return None
        formulas = {number: Atom(name, tuple(map(Apply, args))) for (name, args), number in self._atoms.items()}
        places: dict[int, int] = {}
        steps: list[Step] = []

        def explain(literal: int) -> int:
            if literal not in places:
                clause = next(index for index in self._where[literal] if self._gives(index, literal, rounds))
                others = [explain(-other) for other in self._clauses[clause] if other != literal]
                places[literal] = self._premise[clause]
                if others:
                    atom = formulas[abs(literal)]
                    steps.append(Step(atom if literal > 0 else Not(atom), (self._premise[clause], *others)))
                    places[literal] = self._count + len(steps) - 1
            return places[literal]

        explain(self.literal(goal))
        return tuple(steps)

    def _gives(self, index: int, literal: int, rounds: Mapping[int, int]) -> bool:
        """Whether propagation finds a literal by this clause in the round in which it does."""
        others = [-other for other in self._clauses[index] if other != literal]
        return all(other in rounds and rounds[other] < rounds[literal] for other in others)

    def literal(self, formula: Formula) -> int:
        """The number of a ground literal, negative for a negation."""
        positive = not isinstance(formula, Not)
        atom = formula if not isinstance(formula, Not) else formula.body
        assert isinstance(atom, Atom)
        number = self._number(atom.name, tuple(term.name for term in atom.args))
        return number if positive else -number

    def fits(self, *literals: int) -> bool:
        """Whether a model over the named individuals is found in which these literals are true."""
        found: dict[int, int] = {}
        units = {clause[0] for clause in self._clauses if len(clause) == 1} | set(literals)
        return self._propagate(found, units) and self._completed(found)

    def _completed(self, found: dict[int, int]) -> bool:
        """Whether some completion of the literals found is a model: what is open is false unless a clause needs it."""
        for clause in self._clauses:
            if any(literal in found or (literal < 0 and -literal not in found) for literal in clause):
                continue
            for literal in clause:
                if -literal not in found:  # open, and positive
                    tried = dict(found)
                    if self._propagate(tried, {literal}) and self._completed(tried):
                        return True
                    if not self._propagate(found, {-literal}):
                        return False
            return self._completed(found)
        return True

    def _propagate(self, found: dict[int, int], units: Iterable[int]) -> bool:
        """Add what follows by unit clauses, round by round; False where a clause becomes false."""
        now, at = set(units), max(found.values(), default=-1) + 1
        while now:
            if any(-literal in found or -literal in now for literal in now):
                return False
            now = {literal for literal in now if literal not in found}
            found.update(dict.fromkeys(now, at))
            following = set[int]()
            for literal in now:
                for index in self._where.get(-literal, ()):
                    clause = self._clauses[index]
                    if any(other in found for other in clause):
                        continue
                    left = [other for other in clause if -other not in found]
                    if not left:
                        return False
                    if len(left) == 1:
                        following.add(left[0])
            now, at = following, at + 1
        return True

    # From formulas to clauses.

    def _schemas(self, formula: Formula, bound: Mapping[str, Term], *, positive: bool) -> list[_Schema]:
        """Clauses whose variables stand for all individuals."""
        match formula:
            case Atom(name, args):
                return [[(positive, name, tuple(bound.get(arg.name, arg) for arg in args))]]
            case Not(body):
                return self._schemas(body, bound, positive=not positive)
            case Joined("implies", left, right):
                return self._schemas(Joined("or", Not(left), right), bound, positive=positive)
            case Joined("xor" | "iff" as op, left, right):
                same: Formula = Joined("and", Joined("implies", left, right), Joined("implies", right, left))
                return self._schemas(same, bound, positive=positive == (op == "iff"))
            case Joined(op, left, right):
                first, second = (
                    self._schemas(left, bound, positive=positive),
                    self._schemas(right, bound, positive=positive),
                )
                if (op == "and") == positive:
                    return first + second
                return [one + other for one, other in itertools.product(first, second)]
            case Quantified(kind, name, body):
                if (kind == "forall") != positive:
                    self._witnesses += 1
                    bound = {**bound, name: Apply(f"_{self._witnesses}")}
                return self._schemas(body, bound, positive=positive)
            case Equal():
                raise ValueError("equations are not covered")

    def _add(self, schema: _Schema, place: int) -> None:
        """All instances of a clause of the premise at a place."""
        variables = list(dict.fromkeys(a.name for _, _, args in schema for a in args if isinstance(a, Variable)))
        for values in itertools.product(self._domain, repeat=len(variables)):
            given = dict(zip(variables, values, strict=True))
            clause = list[int]()
            for positive, name, args in schema:
                number = self._number(name, tuple(given.get(arg.name, arg.name) for arg in args))
                clause.append(number if positive else -number)
            if any(-literal in clause for literal in clause):
                continue
            clause = list(dict.fromkeys(clause))
            for literal in clause:
                self._where.setdefault(literal, []).append(len(self._clauses))
            self._clauses.append(clause)
            self._premise.append(place)

    def _number(self, name: str, args: tuple[str, ...]) -> int:
        return self._atoms.setdefault((name, args), len(self._atoms) + 1)


@functools.lru_cache(1024)
def rounds_to(goal: Formula, premises: tuple[Formula, ...]) -> int | None:
    """In how many rounds unit propagation finds a ground literal; None where it does not, or the premises clash.

    The last ones are kept: the episodes of a group begin with the same premises.
    """
    clauses = Clauses(premises, [goal])
    return (clauses.rounds() or {}).get(clauses.literal(goal))
