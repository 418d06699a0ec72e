"""The first-order logic verifier: what is the same is correct, nothing else is, and no reply does harm."""

from __future__ import annotations

import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl.registry import grade
from agentrl.types import SCORED, Verdict
from agentrl.verifiers._fol.le import logical_equivalence_score
from agentrl.verifiers.fol import CASES

DENSE = "∀x ∀y ∀z (L(x, y) ∧ L(y, z) → L(x, z)) ∧ ∀x (¬L(x, x)) ∧ ∀x ∃y (L(x, y))"
SOCRATES = {"premises": ["∀x (Man(x) → Mortal(x))", "Man(socrates)"], "conclusion": "Mortal(socrates)"}
LABELLED = {**SOCRATES, "label": "True"}
CHAIN = {"premises": ["A → B", "B → C", "C → D", "A"], "conclusion": "D"}
CONSTANTS = ("True", "False", "P", "∀x (P(x))", "0", "[]", "{}")


def say(answer: Any, text: str, **options: Any) -> Verdict:
    return grade("fol", f"so\n<answer>{text}</answer>", answer, **options)


@pytest.mark.parametrize(("answer", "response", "options", "status"), CASES)
def test_truth_table(answer: Any, response: str, options: dict[str, Any], status: str) -> None:
    verdict = grade("fol", response, answer, **options)
    assert verdict.status == status, verdict
    assert (verdict.score == 1.0) == (status == "correct")
    assert (0 < verdict.score < 1) == (status == "partial")
    assert len(verdict.feedback.splitlines()) <= 1


# Gold, prediction, the LE score of the authors' code, and whether both say the same.
LE_ROWS = [
    ("∀x (P(x) → Q(x))", "∃x (P(x) → Q(x))", 1.0, False),
    ("∀x∃y Loves(x,y)", "∃y∀x Loves(x,y)", 1.0, False),
    ("∀x (Dog(x) → Animal(x))", "∀x (Animal(x) → Dog(x))", 1.0, False),
    ("P(a) ∧ R(a,b)", "P(a) ∧ R(b,a)", 1.0, False),
    ("∀x (A ∨ B ∧ C)", "∀x ((A ∨ B) ∧ C)", 1.0, False),
    ("∀x (A → B → C)", "∀x (A → (B → C))", 0.75, True),
    ("∀x (P → Q)", "∀x (Z ∨ ¬Z)", 0.75, False),
    ("P ∧ Q ∧ R", "P ∧ ¬P", 0.875, False),
    ("(P ∧ Q) → (R ∨ S)", "P ∨ ¬P", 0.9375, False),
    ("∃x Dog(x) ∧ ∃x Cat(x)", "∃x Dog(x) ∧ ∃x Cat(x)", None, True),
]


@pytest.mark.parametrize(("gold", "prediction", "le", "same"), LE_ROWS)
@pytest.mark.parametrize("credit", ["none", "balanced"])
def test_le_is_fooled_and_the_verdict_is_not(
    gold: str, prediction: str, le: float | None, same: bool, credit: str
) -> None:
    assert logical_equivalence_score(gold, prediction) == le
    verdict = say(gold, prediction, credit=credit)
    assert verdict.success == same
    assert same or verdict.score <= 0.5


MEANING_ROWS = [
    ("∀x (P(x) → Q(x))", "∀y (¬Q(y) → ¬P(y))", "correct"),
    ("¬∀x (M(x) → H(x))", "∃x (M(x) ∧ ¬H(x))", "correct"),
    ("∃x (P(x) → Q(a))", "∀x P(x) → Q(a)", "correct"),
    ("∀x (D(x) → ∃y (O(y,x) ∧ N(y)))", "∀x∃y (D(x) → (O(y,x) ∧ N(y)))", "correct"),
    ("∀x (P(x) ∨ Q(x))", "∀x P(x) ∨ ∀x Q(x)", "incorrect"),
    ("∃x D(x) ∧ ∃x C(x)", "∃x (D(x) ∧ C(x))", "incorrect"),
    ("P ⊕ Q ⊕ R", "(P∧¬Q∧¬R) ∨ (¬P∧Q∧¬R) ∨ (¬P∧¬Q∧R)", "incorrect"),
    ("∀x (P(x) → Q(x))", "P(x)", "malformed"),
]


@pytest.mark.parametrize(("gold", "prediction", "status"), MEANING_ROWS)
def test_what_is_the_same(gold: str, prediction: str, status: str) -> None:
    assert say(gold, prediction).status == status
    if status != "malformed":
        assert say(prediction, gold).status == status  # sameness has no direction


def test_parity_is_not_exactly_one() -> None:
    verdict = say("P ⊕ Q ⊕ R", "(P∧¬Q∧¬R) ∨ (¬P∧Q∧¬R) ∨ (¬P∧¬Q∧R)")
    assert "P is true; Q is true; R is true" in verdict.checks[-1].detail  # the one row of eight on which they differ


def test_a_model_speaks_the_replys_language() -> None:
    verdict = say("∀x (SecretDog(x) → SecretAnimal(x))", "∀x (secret_animals(x) → secret_dogs(x))")
    said = "".join((verdict.feedback, *(check.detail for check in verdict.checks)))
    assert verdict.checks[-1].detail.startswith("the formulas differ in: domain")
    assert "SecretDog" not in said


def test_mixed_brackets_are_a_warning() -> None:
    verdict = say("A ∨ (B ∧ C)", "A ∨ B ∧ C")
    assert verdict.success
    assert [(check.name, check.weight) for check in verdict.checks[:1]] == [("brackets", 0.0)]


# Partial credit.


@pytest.mark.parametrize(
    "prediction", ["∀x (P(x) ∨ ¬P(x) ∨ Q(x))", "∀x (P(x) ∧ ¬P(x) ∧ Q(x))", "∃x (P(x) ∧ ¬P(x)) ∧ ∃x (Q(x))"]
)
def test_balanced_credit_gives_constants_nothing(prediction: str) -> None:
    assert say("∀x (P(x) → Q(x))", prediction, credit="balanced").score == 0.0


@pytest.mark.parametrize(
    ("gold", "prediction", "least", "most"),
    [
        ("∀x (P(x) → Q(x))", "∀x (Q(x) → P(x))", 0.01, 0.25),  # the converse
        ("∀x (P(x) → Q(x))", "∀x (P(x) ↔ Q(x))", 0.01, 0.25),  # implies the gold
        ("∀x (P(x) ∨ Q(x))", "∃x (P(x) ∨ Q(x))", 0.01, 0.25),  # follows from it
        ("∀x (P(x) → (Q(x) ∧ R(x)))", "∀x (P(x) → (Q(x) ∨ R(x)))", 0.01, 0.25),
        ("P ⊕ Q", "P ∧ ¬Q", 0.01, 0.25),
        ("∃x (P(x) ∧ Q(x)) ∧ R(a)", "¬(∃x (P(x) ∧ Q(x)) ∧ R(a))", 0.0, 0.0),
    ],
)
def test_balanced_credit(gold: str, prediction: str, least: float, most: float) -> None:
    verdict = say(gold, prediction, credit="balanced")
    assert least <= verdict.score <= most, verdict
    assert verdict == say(gold, prediction, credit="balanced")


# Names.


def test_required_predicates() -> None:
    signature = {"predicates": {"P": 1, "Q": 1}, "constants": ["a"]}
    gold = {"formula": "P(a) ∧ (Q(a) ∨ ¬Q(a))", "signature": signature}
    assert say(gold, "P(a)").success
    assert say({**gold, "required": ["Q"]}, "P(a)").status == "incorrect"
    assert say({**gold, "required": ["Q"]}, "P(a) & (Q(a) | ~Q(a))").success


def test_a_signature_may_name_constants_like_variables() -> None:
    gold = {"formula": "P(x)", "signature": {"predicates": {"P": 1}, "constants": ["x"]}}
    assert say(gold, "P(x)").success


def test_arguments_are_never_exchanged_to_fit() -> None:
    assert say("∀x ∀y (Loves(x, y) → Happy(x))", "∀x ∀y (loves(y, x) → happy(x))").status == "incorrect"


# Attacks.


@pytest.mark.parametrize("credit", ["none", "balanced"])
@pytest.mark.parametrize("prediction", ["∀x (Z ∨ ¬Z)", "P ∨ ¬P", "P ∧ ¬P", "(P ∧ Q) ∨ ¬(P ∧ Q)", "¬(P → P) ∧ Q"])
def test_f1_constants_earn_nothing(prediction: str, credit: str) -> None:
    signature = {"predicates": {"P": 0, "Q": 0, "R": 0, "Z": 0}}
    for gold in ("P → Q", "P ∧ Q ∧ R", "(P ∧ Q) → (R ∨ ¬Z)"):
        assert say(gold, prediction, credit=credit).score == 0.0
        assert say({"formula": gold, "signature": signature}, prediction, credit=credit).score == 0.0


@pytest.mark.parametrize(
    ("gold", "prediction"), [(gold, other) for gold, other, le, same in LE_ROWS if le == 1.0 and not same]
)
def test_f2_converse_and_exchanges_are_wrong(gold: str, prediction: str) -> None:
    assert not say(gold, prediction).success


@pytest.mark.parametrize(
    ("gold", "words"), [("P ∨ ¬P", "always true"), ("P ∧ ¬P", "always false"), (DENSE, "do not find out")]
)
def test_f1_a_constant_gold_is_no_task(gold: str, words: str) -> None:
    verdict = say(gold, gold)
    assert verdict.status == "task_invalid"
    assert words in verdict.feedback


def test_f3_contradictory_premises_prove_nothing() -> None:
    contradiction = {**LABELLED, "premises": ["Man(socrates)", "¬Man(socrates)"]}
    assert say(contradiction, "True").status == "task_invalid"
    reply = {"premises": ["Man(socrates)", "~Man(socrates) & Mortal(socrates)"], "conclusion": "Mortal(socrates)"}
    verdict = say(LABELLED, json.dumps({**reply, "label": "True"}))
    assert (verdict.status, verdict.feedback) == (
        "incorrect",
        "The premises of the formalisation contradict each other.",
    )


def test_f4_a_solver_that_gives_up_is_no_pass() -> None:
    gold: dict[str, Any] = {"formula": "Q", "signature": {"predicates": {"Q": 0, "L": 2}}}
    for credit in ("none", "balanced"):
        verdict = say(gold, f"Q ∨ ({DENSE})", credit=credit)
        assert (verdict.status, verdict.score) == ("resource_limit", 0.0)
    gold["signature"]["predicates"]["P"] = 0
    assert say(gold, f"(Q ∧ P) ∨ ({DENSE})", credit="balanced").score == 0.0  # known to differ, not whether it implies
    undecided = {"premises": [DENSE], "conclusion": "∃x (M(x))", "label": "Uncertain"}
    assert say(undecided, "Uncertain").status == "task_invalid"


HOSTILE = {
    "long": "P(a) ∧ " * 5000 + "P(a)",
    "many parts": " ∧ ".join(f"P{i}(a)" for i in range(101)),
    "deep": "(" * 5000 + "P(a)" + ")" * 5000,
    "negations": "¬" * 9000 + "P(a)",
    "open brackets": "(" * 9000,
    "arrows": "→".join(["P(a)"] * 70),
    "quantifiers": "".join(f"∀x{i}∃y{i} " for i in range(4)) + "P(a)",
    "terms": "P(" * 3000 + "a" + ")" * 3000,
    "name": "P" * 9000,
    "arguments": f"P({', '.join('a' * 9)})",
    "noise": "lorem ipsum 7 dolor " * 400,
    "surrogate": "P(\ud800)",
    "injection": "__import__('os').system('true')",
    "smt": "P(a)) (exit) (assert false",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("answer", ["P(a)", LABELLED, CHAIN], ids=["formula", "label", "proof"])
def test_f5_too_much_is_malformed(answer: Any, name: str) -> None:
    assert say(answer, HOSTILE[name]).status == "malformed"


def test_six_alternations_are_judged_within_limits() -> None:
    prefix = "∀a1∃b1∀a2∃b2∀a3∃b3∀a4"
    reply = f"{prefix} (R(a1,b1,a2,b2,a3,b3,a4) ∧ ¬R(b1,a1,b2,a3,a2,a4,b3))"
    gold = {"formula": "∃x (R(x,x,x,x,x,x,x))"}
    for credit in ("none", "balanced"):
        assert say(gold, reply, credit=credit).status in ("incorrect", "resource_limit")


# Policies, options, processes.


@pytest.mark.parametrize("answer", ["∀x (P(x) → Q(x))", ["P → Q", "P"], LABELLED, CHAIN])
def test_constant_policies_score_their_floor(answer: Any) -> None:
    prompt = f"What does it mean? {answer}"
    label = {"True"} if isinstance(answer, dict) and "label" in answer else set()  # a label can be guessed
    for text in ("", prompt, *CONSTANTS, "lorem ipsum 7 dolor " * 500):
        for extract in ("answer_tag", "final"):
            reply = f"<answer>{text}</answer>" if extract == "answer_tag" and text else text
            assert grade("fol", reply, answer, extract=extract, credit="balanced").score == float(text in label)


@pytest.mark.parametrize(
    "options", [{"mode": "proofs"}, {"extract": "tag"}, {"scope": 1}, {"credit": "half"}, {"support": []}]
)
def test_unknown_option_values_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        grade("fol", "P", "P", **options)


def test_a_mode_needs_its_parts() -> None:
    assert "needs" in say("P", "P", mode="proof").feedback
    assert say(LABELLED, "1. Mortal(socrates) [from P1, P2]", mode="proof").success


def _status(reply: str) -> str:
    return say("∀x (P(x) → Q(x))", reply).status


def test_verdicts_are_the_same_in_threads_and_processes() -> None:
    replies = ["∀y (¬Q(y) → ¬P(y))", "∀x (Q(x) → P(x))", "P(x)", "∀z (~P(z) | Q(z))"]
    here = [_status(reply) for reply in replies]
    assert here == ["correct", "incorrect", "malformed", "correct"]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(_status, replies)) == here
    assert threading.active_count() < 20
    with multiprocessing.get_context("spawn").Pool(1) as processes:
        assert processes.map(_status, replies) == here


marks = st.sampled_from(
    ("∀x ", "∃y ", "forall x ", "(", ")", "P(x)", "Q(x, y)", "R", "a", " ∧ ", " → ", "¬", "=", "[from P1]", "1. ", "\n",
     "True", "{", '"label"', "Premises:", ":", ",", "."),
)  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(marks, max_size=25).map("".join))


@settings(deadline=None, max_examples=120)
@given(texts, st.sampled_from(("P(a)", "∀x (P(x))", LABELLED, CHAIN)))
def test_no_text_raises_or_leaves_the_range(text: str, answer: Any) -> None:
    for options in ({"extract": "final"}, {"extract": "answer_tag", "scope": "wide"}):
        verdict = grade("fol", text, answer, credit="balanced", **options)
        assert 0.0 <= verdict.score <= 1.0
        assert verdict.status in SCORED
        assert (verdict.score == 1.0) == verdict.success
