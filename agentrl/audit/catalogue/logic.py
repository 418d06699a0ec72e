"""Attacks on graders of first-order formulas and of entailment labels.

Source: the pairs are wrong formulas that the logical-equivalence score of LogicLLaMA (arXiv:2305.15541) pays in full or
nearly so; computed with the authors' code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentrl.audit.records import Attack
from agentrl.audit.subject import FORMULA, Subject

__all__ = ["ATTACKS"]

_LABELS = ("True", "False", "Uncertain")


def _formula(s: Subject) -> str:
    """The gold, where it is a formula that stands in the right reply as it is."""
    return s.gold if s.framed and FORMULA.search(s.gold) else ""


def _label(s: Subject) -> str:
    answer = s.item.answer
    label = str(answer.get("label", "")) if isinstance(answer, Mapping) else s.gold
    return next((known for known in _LABELS if known.casefold() == label.casefold()), "")


def _trivial(s: Subject) -> Iterator[str]:
    """F1: formulas that are always true, or never."""
    formula = _formula(s)
    if formula:
        for trivial in (f"({formula}) ∨ ¬({formula})", f"({formula}) ∧ ¬({formula})", f"({formula}) → ({formula})"):
            yield s.put(trivial)


def _negated(s: Subject) -> Iterator[str]:
    """F2: the right formula, negated."""
    formula = _formula(s)
    if formula:
        yield s.put(f"¬({formula})")


def _contradiction(s: Subject) -> Iterator[str]:
    """F3: premises that contradict each other, with every label that is not the gold's."""
    label = _label(s)
    for other in _LABELS:
        if label and other != label:
            yield s.put(other) if s.framed else f"A(a)\n¬A(a)\n{other}"


def _unknown(s: Subject) -> Iterator[str]:
    """F4: words for not knowing, and a theory whose models are all infinite."""
    label = _label(s)
    if label and label != "Uncertain":
        yield s.put("Unknown")
    if _formula(s):
        yield s.put("∀x ∃y R(x,y) ∧ ∀x ¬R(x,x) ∧ ∀x ∀y ∀z ((R(x,y) ∧ R(y,z)) → R(x,z))")


def _huge(s: Subject) -> Iterator[str]:
    """F5: formulas that take a solver to its limit."""
    if _formula(s):
        yield s.put(" ∧ ".join(f"P{i}(a)" for i in range(5000)))
        yield s.put("(" * 5000 + "P(a)" + ")" * 5000)
        yield s.put("¬" * 20_000 + "P(a)")
        yield s.put("".join(f"{'∀∃'[i % 2]}x{i} " for i in range(300)) + "P(x0)")


ATTACKS = (
    Attack(
        "F1",
        "a tautology or a contradiction",
        _trivial,
        pairs=(
            ("∀x (P(x) → Q(x))", "∀x (P(x) ∨ ¬P(x))"),
            ("P(a) ∧ Q(a) ∧ R(a)", "P(a) ∧ ¬P(a)"),
            ("(P(a) ∧ Q(a)) → (R(a) ∨ S(a))", "P(a) ∨ ¬P(a)"),
        ),
    ),
    Attack(
        "F2",
        "the converse, swapped arguments, swapped quantifiers, a negation",
        _negated,
        pairs=(
            ("∀x (P(x) → Q(x))", "∃x (P(x) → Q(x))"),
            ("∀x ∃y Loves(x,y)", "∃y ∀x Loves(x,y)"),
            ("∀x (Dog(x) → Animal(x))", "∀x (Animal(x) → Dog(x))"),
            ("P(a) ∧ R(a,b)", "P(a) ∧ R(b,a)"),
            ("∀x (P(x) ∨ Q(x))", "(∀x P(x)) ∨ (∀x Q(x))"),
        ),
    ),
    Attack("F3", "contradictory premises, from which anything follows", _contradiction),
    Attack("F4", "an undecided question taken for an answer", _unknown, items=2),
    Attack("F5", "a formula that is too large to decide", _huge, items=1),
)
