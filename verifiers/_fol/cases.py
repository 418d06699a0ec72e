"""The truth table of the first-order logic verifier: answer, response, options, status."""

from __future__ import annotations

from typing import Any

__all__ = ["CASES"]

_SIGNED = {
    "formula": "∀x (Dog(x) → Animal(x))",
    "signature": {"predicates": {"Dog": 1, "Animal": 1, "Cat": 1}, "constants": ["rex"]},
    "required": ["Dog", "Animal"],
}
_SOCRATES = {
    "premises": ["∀x (Man(x) → Mortal(x))", "Man(socrates)"],
    "conclusion": "Mortal(socrates)",
}
_LABELLED = {**_SOCRATES, "label": "True"}
_OPEN = {**_SOCRATES, "conclusion": "Greek(socrates)", "label": "Uncertain"}
_CHAIN = {"premises": ["A → B", "B → C", "A"], "conclusion": "C"}
_DENSE = "∀x ∀y ∀z (L(x, y) ∧ L(y, z) → L(x, z)) ∧ ∀x (¬L(x, x)) ∧ ∀x ∃y (L(x, y))"

_HARD = {"formula": "Q", "signature": {"predicates": {"Q": 0, "L": 2}}}


def _tag(text: str) -> str:
    return f"<answer>{text}</answer>"


_FORMAL = (
    '{"premises": ["all x. (Man(x) -> Mortal(x))", "Man(socrates)"], "conclusion": "Mortal(socrates)", "label": "%s"}'
)

CASES: list[tuple[Any, str, dict[str, Any], str]] = [
    # Equivalence: what is the same.
    ("∀x (P(x) → Q(x))", _tag("∀y (¬Q(y) → ¬P(y))"), {}, "correct"),
    ("¬∀x (M(x) → H(x))", _tag("∃x (M(x) ∧ ¬H(x))"), {}, "correct"),
    ("∃x (P(x) → Q(a))", _tag("∀x P(x) → Q(a)"), {}, "correct"),
    ("∀x (D(x) → ∃y (O(y,x) ∧ N(y)))", _tag("∀x∃y (D(x) → (O(y,x) ∧ N(y)))"), {}, "correct"),
    ("∀x (P(x) → Q(x))", _tag("! [X] : (P(X) => Q(X))"), {}, "correct"),
    ("∀x (P(x) → Q(x))", _tag(r"\forall x (P(x) \to Q(x))"), {}, "correct"),
    ("∀x (P(x) → Q(x))", "so\n```fol\nforall x (P(x) -> Q(x))\n```", {"extract": "block"}, "correct"),
    ("∀x (P(x) → Q(x))", "forall x (P(x) -> Q(x))", {"extract": "final"}, "correct"),
    ("∀x (P → (Q → R))", _tag("∀x (P → Q → R)"), {}, "correct"),
    # What is not.
    ("∀x (P(x) → Q(x))", _tag("∃x (P(x) → Q(x))"), {}, "incorrect"),
    ("∀x∃y Loves(x,y)", _tag("∃y∀x Loves(x,y)"), {}, "incorrect"),
    ("∀x (Dog(x) → Animal(x))", _tag("∀x (Animal(x) → Dog(x))"), {}, "incorrect"),
    ("∀x (Dog(x) → Animal(x))", _tag("∀x (Animal(x) → Dog(x))"), {"credit": "balanced"}, "partial"),
    ("P(a) ∧ R(a,b)", _tag("P(a) ∧ R(b,a)"), {}, "incorrect"),
    ("∀x (P(x) ∨ Q(x))", _tag("∀x P(x) ∨ ∀x Q(x)"), {}, "incorrect"),
    ("∃x D(x) ∧ ∃x C(x)", _tag("∃x (D(x) ∧ C(x))"), {}, "incorrect"),
    ("P ⊕ Q ⊕ R", _tag("(P ∧ ¬Q ∧ ¬R) ∨ (¬P ∧ Q ∧ ¬R) ∨ (¬P ∧ ¬Q ∧ R)"), {}, "incorrect"),
    ("∀x (P(x) → Q(x))", _tag("∀x (P(x) ∨ ¬P(x) ∨ Q(x))"), {"credit": "balanced"}, "incorrect"),
    ("∀x (P(x) → Q(x))", _tag("∀x (P(x) ∧ ¬P(x) ∧ Q(x))"), {"credit": "balanced"}, "incorrect"),
    # Names.
    ("∀x (Dog(x) → Animal(x))", _tag("∀x (dogs(x) → animals(x))"), {}, "correct"),
    ("∀x (Dog(x) → Animal(x))", _tag("∀x (Hund(x) → Tier(x))"), {}, "incorrect"),
    ({"formula": "Dog(rex)", "synonyms": {"Dog": ["Hund"]}}, _tag("Hund(rex)"), {}, "correct"),
    (_SIGNED, _tag("∀x (Dog(x) → Animal(x))"), {}, "correct"),
    (_SIGNED, _tag("∀x (dog(x) → animal(x))"), {}, "incorrect"),
    (_SIGNED, _tag("Cat(rex) ∨ ¬Cat(rex)"), {}, "incorrect"),
    # Several formulas.
    (["P → Q", "P"], _tag("P ∧ Q\nQ"), {}, "correct"),
    (["P → Q", "P"], _tag('["P", "Q"]'), {}, "correct"),
    (["P → Q", "P"], _tag("1. P\n2. Q → P"), {}, "incorrect"),
    # What cannot be read, and what is too hard.
    ("∀x (P(x) → Q(x))", _tag("P(x)"), {}, "malformed"),
    ("∀x (P(x) → Q(x))", _tag("∀x P(x) → Q(x)"), {}, "malformed"),
    ("∀x (P(x) → Q(x))", _tag("∀x P(x) → Q(x)"), {"scope": "wide"}, "correct"),
    ("P(a)", _tag("P(a) and P(a, b)"), {}, "malformed"),
    ("P(a)", _tag("P(a)\nP(a)"), {}, "malformed"),
    ("P(a)", _tag("(" * 65 + "P(a)" + ")" * 65), {}, "malformed"),
    ("P(a)", "P(a)", {}, "no_answer"),
    ("P(a)", _tag("P(a)") + _tag("P(a)"), {}, "malformed"),
    ("P(a)", "", {}, "no_answer"),
    (_HARD, _tag(f"Q ∨ ({_DENSE})"), {}, "resource_limit"),
    # Entailment.
    (_LABELLED, _tag("True"), {}, "correct"),
    (_LABELLED, _tag("Label: true"), {}, "correct"),
    (_LABELLED, _tag("Uncertain"), {}, "incorrect"),
    (_LABELLED, _tag("True or False"), {}, "malformed"),
    (_LABELLED, _tag("True"), {"formalise": "required"}, "malformed"),
    (_LABELLED, _tag(_FORMAL % "True"), {"formalise": "required"}, "correct"),
    (_LABELLED, _tag(_FORMAL % "False"), {"formalise": "required"}, "incorrect"),
    (
        _LABELLED,
        _tag("Premises:\nMan(socrates) & Mortal(socrates)\nConclusion: Mortal(socrates)\nLabel: True"),
        {},
        "incorrect",
    ),
    (_OPEN, _tag("Unknown"), {}, "correct"),
    (_OPEN, _tag("True"), {}, "incorrect"),
    # Proofs.
    (_CHAIN, _tag("1. B [from P1, P3]\n2. C [from P2, 1]"), {}, "correct"),
    (_CHAIN, _tag("4. B [from 1, 3]\n5. C [from 2, 4]"), {}, "correct"),
    (_CHAIN, _tag("1. C [from P2]"), {}, "incorrect"),
    (_CHAIN, _tag("1. C [from P2]"), {"support": "premises"}, "correct"),
    (_CHAIN, _tag("1. B [from P1, P3]\n2. C"), {}, "incorrect"),
    (_CHAIN, _tag("1. B [from P1, P3]\n2. C [from 1]"), {"credit": "steps"}, "partial"),
    (_CHAIN, _tag("1. B [from P1, P3]"), {"credit": "steps"}, "incorrect"),
    (_CHAIN, _tag("1. C [from 2]\n2. C [from 1]"), {}, "incorrect"),
    (_CHAIN, _tag("Because."), {}, "malformed"),
    # Tasks without a usable gold.
    ("P ∨ ¬P", _tag("P"), {}, "task_invalid"),
    ("P ∧ ¬P", _tag("P"), {}, "task_invalid"),
    ("P(x)", _tag("P(x)"), {}, "task_invalid"),
    ({"formula": "P(a)", "signature": {"predicates": {"Q": 1}}}, _tag("P(a)"), {}, "task_invalid"),
    ({"premises": ["P", "¬P"], "conclusion": "Q", "label": "True"}, _tag("True"), {}, "task_invalid"),
    ({**_LABELLED, "label": "False"}, _tag("False"), {}, "task_invalid"),
    ({"premises": [_DENSE], "conclusion": "∃x L(x, x)", "label": "False"}, _tag("False"), {}, "task_invalid"),
    ({"premises": ["A"], "conclusion": "A"}, _tag("1. A [from P1]"), {}, "task_invalid"),
    ("", _tag("P"), {}, "task_invalid"),
    (None, _tag("P"), {}, "task_invalid"),
]
