"""The LE score of LogicLLaMA, to compare with published numbers; it must not be a reward.

It drops the quantifiers, takes each distinct atom's text for a proposition, and returns the largest share of rows of
the truth table on which both formulas agree, over the ways to match their atoms. So ∀ and ∃, a formula and its
converse, and R(a, b) and R(b, a) all score 1 against each other, and a constant earns 1 - 2^-n. Operators have no
precedence: they are grouped to the left.

Source: arXiv:2305.15541, github.com/gblackout/LogicLLaMA at 785a2c0. Differs from the source: at most 12 atoms, and the
parse that the source's chart parser happens to return first is always the one grouped to the left.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from agentrl.verifiers._fol.align import levenshtein
from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.reader import ANY_NAME, ReadError, read
from agentrl.verifiers._fol.syntax import Atom, Equal, Formula, Joined, Not, Quantified, nodes

__all__ = ["MAX_ATOMS", "logical_equivalence_score"]

MAX_ATOMS = 12
_BINDINGS = 1000


def logical_equivalence_score(gold: str, prediction: str) -> float | None:
    """The LE score of a prediction; None where the gold is no formula of that grammar or both have over 12 atoms.

    LE = max over bindings of (rows on which both have the same value) / 2^n, n the larger number of distinct atoms.
    P → Q is true on three of four rows, so a tautology agrees with it on three:

    >>> logical_equivalence_score("∀x (P(x) → Q(x))", "∃x (P(x) → Q(x))")
    1.0
    >>> logical_equivalence_score("∀x (P → Q)", "∀x (Z ∨ ¬Z)")
    0.75
    """
    one = _matrix(gold)
    if one is None:
        return None
    two = _matrix(prediction)
    if two is None:
        return 0.0
    mine, theirs = _atoms(one), _atoms(two)
    count = max(len(mine), len(theirs))
    if count > MAX_ATOMS:
        return None
    columns = _columns(count)
    every = (1 << (1 << count)) - 1
    right = _rows(one, dict(zip(mine, columns, strict=False)), every)
    best = 0
    for binding in itertools.islice(_bindings(mine, theirs, count), _BINDINGS):
        left = _rows(two, {atom: columns[place] for atom, place in zip(theirs, binding, strict=False)}, every)
        best = max(best, (every & ~(left ^ right)).bit_count())
    return float(best / (1 << count))


def _matrix(text: str) -> Formula | None:
    """What stands behind the prefix of quantifiers; None where a quantifier stands elsewhere."""
    try:
        formula = read(text, scope="wide", constants=(ANY_NAME,), precedence="flat").formula
    except ReadError:
        return None
    while isinstance(formula, Quantified):
        formula = formula.body
    return None if any(isinstance(node, Quantified) for node in nodes(formula)) else formula


def _atoms(formula: Formula) -> list[str]:
    return list(dict.fromkeys(show(node) for node in nodes(formula) if isinstance(node, Atom | Equal)))


def _columns(count: int) -> list[int]:
    """The columns of a truth table as bit sets of its rows."""
    return [sum(1 << row for row in range(1 << count) if row >> place & 1) for place in range(count)]


def _rows(formula: Formula, values: Mapping[str, int], every: int) -> int:
    match formula:
        case Not(body):
            return every & ~_rows(body, values, every)
        case Joined(op, left, right):
            one, two = _rows(left, values, every), _rows(right, values, every)
            joined = {"and": one & two, "or": one | two, "xor": one ^ two, "implies": ~one | two, "iff": ~(one ^ two)}
            return every & joined[op]
        case Quantified(_, _, body):
            return _rows(body, values, every)
    return values[show(formula)]


def _bindings(mine: Sequence[str], theirs: Sequence[str], count: int) -> Iterator[list[int]]:
    """Places for their atoms among mine and the dummies, those with like names first."""
    order = [
        sorted(range(count), key=lambda place: levenshtein(atom, mine[place]) if place < len(mine) else len(atom))
        for atom in theirs
    ]
    chosen: list[int] = []

    def extend(index: int) -> Iterator[list[int]]:
        if index == len(theirs):
            yield list(chosen)
            return
        for place in order[index]:
            if place not in chosen:
                chosen.append(place)
                yield from extend(index + 1)
                chosen.pop()

    yield from extend(0)
