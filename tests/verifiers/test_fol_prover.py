"""The solvers against brute force that is written again here, and the models that partial credit is drawn from."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from agentrl import workers
from agentrl.errors import InfraError, MissingExtraError
from agentrl.registry import grade
from agentrl.verifiers._fol import balance, problem, prover, search, smt
from agentrl.verifiers._fol.models import draw, fits, truth
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.reader import read
from agentrl.verifiers._fol.syntax import (
    Apply,
    Atom,
    Equal,
    Formula,
    Joined,
    Not,
    Quantified,
    Term,
    Variable,
    some_false,
    symbols,
)

Structure = dict[str, Any]
DENSE = "∀x ∀y ∀z (L(x, y) ∧ L(y, z) → L(x, z)) ∧ ∀x (¬L(x, x)) ∧ ∀x ∃y (L(x, y))"
SIZES = {"Q": (1, 2, 3), "R": (1, 2), "f": (1, 2)}


def formula(text: str) -> Formula:
    return read(text).formula


def value(term: Term, structure: Structure, at: Mapping[str, int]) -> int:
    if isinstance(term, Variable):
        return at[term.name]
    found: int = structure[term.name][tuple(value(arg, structure, at) for arg in term.args)]
    return found


def holds(node: Formula, structure: Structure, at: Mapping[str, int]) -> bool:
    match node:
        case Atom(name, args):
            return tuple(value(arg, structure, at) for arg in args) in structure[name]
        case Equal(left, right):
            return value(left, structure, at) == value(right, structure, at)
        case Not(body):
            return not holds(body, structure, at)
        case Joined(op, left, right):
            one, two = holds(left, structure, at), holds(right, structure, at)
            rows = {"and": one and two, "or": one or two, "xor": one != two, "implies": not one or two}
            return rows.get(op, one == two)
        case Quantified("forall", name, body):
            return all(holds(body, structure, {**at, name: e}) for e in range(structure["size"]))
        case Quantified(_, name, body):
            return any(holds(body, structure, {**at, name: e}) for e in range(structure["size"]))


def subsets(items: list[tuple[int, ...]]) -> Iterator[frozenset[tuple[int, ...]]]:
    for chosen in itertools.product((False, True), repeat=len(items)):
        yield frozenset(item for item, is_in in zip(items, chosen, strict=True) if is_in)


def structures(kind: str) -> list[Structure]:
    """All models: with P, Q and a up to three elements, with P, R and a and with P, f and a up to two."""
    found: list[Structure] = []
    for size in SIZES[kind]:
        ones: list[tuple[int, ...]] = [(e,) for e in range(size)]
        second: list[Any]
        if kind == "f":
            second = [dict(zip(ones, to, strict=True)) for to in itertools.product(range(size), repeat=size)]
        else:
            second = list(subsets(ones if kind == "Q" else list(itertools.product(range(size), repeat=2))))
        for p, other, a in itertools.product(subsets(ones), second, range(size)):
            found.append({"size": size, "P": p, kind: other, "a": {(): a}})
    return found


def random_term(kind: str, bound: tuple[str, ...], draw: random.Random) -> Term:
    terms: list[Term] = [Variable(name) for name in bound] * 2 + [Apply("a")]
    term = draw.choice(terms)
    return Apply("f", (term,)) if kind == "f" and draw.random() < 0.4 else term


def random_formula(kind: str, depth: int, bound: tuple[str, ...], draw: random.Random) -> Formula:
    roll = draw.random()
    if depth == 0 or roll < 0.1:
        terms = [random_term(kind, bound, draw) for _ in range(2)]
        options: list[Formula] = [Atom("P", (terms[0],)), Equal(*terms)]
        extra: Formula = Atom(kind, tuple(terms if kind == "R" else terms[:1])) if kind in "QR" else options[0]
        return draw.choice([options[0], extra, extra, *([options[1]] if draw.random() < 0.3 else [])])
    if roll < 0.25:
        return Not(random_formula(kind, depth - 1, bound, draw))
    if roll < 0.6 and len(bound) < 3:
        name = f"x{len(bound)}"
        body = random_formula(kind, depth - 1, (*bound, name), draw)
        return Quantified(draw.choice(("forall", "exists")), name, body)
    two = [random_formula(kind, depth - 1, bound, draw) for _ in range(2)]
    return Joined(draw.choice(("and", "or", "xor", "implies", "iff")), *two)


def rewritten(node: Formula, draw: random.Random) -> Formula:
    """The same in other words."""
    match node:
        case Not(body):
            return Not(rewritten(body, draw))
        case Quantified(kind, name, body):
            other = {"forall": "exists", "exists": "forall"}[kind]
            if draw.random() < 0.5:
                return Not(Quantified(other, name, Not(rewritten(body, draw))))  # type: ignore[arg-type]
            return Quantified(kind, name, rewritten(body, draw))
        case Joined("implies", left, right):
            return Joined("or", Not(rewritten(left, draw)), rewritten(right, draw))
        case Joined("xor", left, right):
            return Not(Joined("iff", rewritten(left, draw), rewritten(right, draw)))
        case Joined(op, left, right):
            return Joined(op, rewritten(right, draw), rewritten(left, draw))
    return node


def pairs(count: int) -> Iterator[tuple[str, Formula, Formula]]:
    draw = random.Random(7)
    for i in range(count):
        kind = "QRf"[i % 3]
        one = random_formula(kind, 3, (), draw)
        yield kind, one, rewritten(one, draw) if draw.random() < 0.4 else random_formula(kind, 3, (), draw)


def test_500_pairs_against_brute_force() -> None:
    models = {kind: structures(kind) for kind in "QRf"}
    seen = {"equivalent": 0, "different": 0, "unknown": 0}
    for kind, one, two in pairs(500):
        differ = any(holds(one, m, {}) != holds(two, m, {}) for m in models[kind])
        found = prover.compare([one], [two], directions="until_different")
        seen[found.status] += 1
        if differ:
            assert found.status == "different", (canonical(one), canonical(two))
        if kind == "Q" and found.status == "different":
            assert differ or found.model.startswith("domain {0, 1, 2, 3"), (canonical(one), canonical(two))
    assert seen["equivalent"] > 100
    assert seen["different"] > 200
    assert seen["unknown"] < 10


def test_each_search_alone_against_brute_force() -> None:
    models = {kind: structures(kind) for kind in "QRf"}
    found = 0
    for kind, one, two in pairs(60):
        question = [one, some_false([two])]
        used = symbols(question)
        possible = any(holds(one, m, {}) and not holds(two, m, {}) for m in models[kind])
        text = smt.unbounded(question, used)
        assert search.z3_outcome(text, 500_000) in (("sat", "unknown") if possible else ("unsat", "sat", "unknown"))
        small = search.small_model(question, used, SIZES[kind])
        assert (small is not None) == possible
        if search.random_model(question, used) is not None:
            assert search.z3_outcome(text, 500_000) != "unsat"
        found += possible
    assert 15 < found < 50


def test_truth_in_many_models_is_that_in_each() -> None:
    generator = np.random.default_rng(1)
    for kind, one, _ in pairs(60):
        used = symbols([one])
        models = draw(used, 3, 8, generator)
        for index, said in enumerate(truth(one, models)):
            structure: Structure = {"size": 3}
            for name in used.predicates:
                structure[name] = {tuple(map(int, at)) for at in np.argwhere(models.tables[name][index])}
            for name in used.functions:
                table = models.tables[name][index]
                structure[name] = {at: int(table[at]) for at in np.ndindex(table.shape)}
            assert holds(one, structure, {}) == said, (kind, canonical(one))


def test_cvc5_decides_what_it_should() -> None:
    one, two = formula("∀x∃y L(x, y)"), formula("∃y∀x L(x, y)")
    for hold, refuted, outcome in ((one, two, "sat"), (two, one, "unsat")):
        question = [hold, some_false([refuted])]
        assert search.cvc5_outcome(smt.unbounded(question, symbols(question))) == outcome


def test_infinite_models_are_unknown() -> None:
    assert prover.satisfiable([formula(DENSE)]) == prover.Finding("unknown", hard=True)
    assert prover.label_of([formula(DENSE)], formula("∃x L(x, x)")) == "unknown"


@pytest.mark.parametrize(
    ("premises", "conclusion", "label"),
    [
        (["∀x (P(x) → Q(x))", "P(a)"], "Q(a)", "True"),
        (["∀x (P(x) → Q(x))", "¬Q(a)"], "P(a)", "False"),
        (["∀x (P(x) → Q(x))", "Q(a)"], "P(a)", "Uncertain"),
        (["P(a)", "¬P(a)"], "Q(a)", "inconsistent"),
        ([], "P(a) ∨ ¬P(a)", "True"),
        ([], "P(a)", "Uncertain"),
        (["f(a) = b", "P(f(a))"], "P(b)", "True"),
    ],
)
def test_labels(premises: list[str], conclusion: str, label: str) -> None:
    assert prover.label_of([formula(text) for text in premises], formula(conclusion)) == label


def test_a_grounding_that_grows_too_large_stops() -> None:
    deep = formula("∀a∀b∀c∀d∀e∀g∀h∀i R(a,b,c,d,e,g,h,i)")
    with pytest.raises(smt.TooLarge):
        smt.grounded([deep], symbols([deep]), 4)
    assert search.small_model([deep], symbols([deep])) is not None  # over one element
    assert not fits([deep], symbols([deep]), 4, 128)


# Balanced models.


@pytest.mark.parametrize(
    "text", ["∀x (P(x) → Q(x))", "P(a) ∧ ∀x ∀y (R(x, y) ↔ x = y)", "∃x (f(x) ≠ x)", "A ∧ B ∧ C ∧ D ∧ E ∧ F"]
)
def test_halves_are_what_they_say(text: str) -> None:
    gold = formula(text)
    halves = balance.sample((text,))
    assert halves is not None
    for half, wanted in zip(halves, (1.0, 0.0), strict=True):
        assert half.share_true([gold]) == wanted
        assert balance.HALF / 4 <= half.count <= balance.HALF
        assert {part.size for part in half.parts} <= {1, 2, 3, 4}


def test_balanced_agreement_by_hand() -> None:
    """P ∧ Q against P: where the gold is true P is; where it is false, P is false in about half of what is left."""
    value = prover.agreement([formula("P ∧ Q")], [formula("P")])
    assert value is not None
    assert 0.6 < value < 0.9  # tp = 1 and tn about 2/3 give 0.8
    one = formula("P ∧ Q")
    assert prover.agreement([one], [one]) == 1.0
    assert prover.agreement([one], [Not(one)]) == 0.0


def test_no_models_of_one_half_means_no_credit() -> None:
    always = formula("P ∨ ¬P")
    assert prover.agreement([always], [formula("P")]) is None


# When the machine fails.


class Slow:
    """Workers that run out of time on every question, or on some."""

    def __init__(self, on: str = "") -> None:
        self.on, self.ended = on, 0
        self.real = prover._workers

    def call(self, function: str, question: Any) -> workers.Answer:
        if self.on in str(question):
            self.ended += 1
            return workers.Answer("timeout")
        return self.real.call(function, question)


def test_a_slow_machine_blames_neither_the_task_nor_keeps_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "_workers", Slow())
    with pytest.raises(InfraError, match="too slow or busy"):
        problem.fault(problem.read_problem("SlowTask(a)", "auto", "tight"))
    slow = Slow("SlowReply")
    monkeypatch.setattr(prover, "_workers", slow)
    gold = {"formula": "P(a)", "signature": {"predicates": {"P": 1, "SlowReply": 1}, "constants": ["a"]}}
    assert grade("fol", "P(a) & SlowReply(a)", gold, extract="final").status == "timeout"
    assert slow.ended == 1  # the other direction is not waited for
    monkeypatch.undo()
    assert grade("fol", "P(a) & SlowReply(a)", gold, extract="final").status == "incorrect"


def test_without_z3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"agentrl\[fol\]"):
        prover.satisfiable([formula("NeverAsked(a)")])
