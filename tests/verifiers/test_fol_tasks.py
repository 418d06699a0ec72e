"""First-order logic tasks of more than one formula: labels of entailment, proofs, and golds of every shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentrl.errors import DataError
from agentrl.golds import gold_problem, gold_reply, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.types import Verdict

SOCRATES = {"premises": ["∀x (Man(x) → Mortal(x))", "Man(socrates)"], "conclusion": "Mortal(socrates)"}
LABELLED = {**SOCRATES, "label": "True"}
CHAIN = {"premises": ["A → B", "B → C", "C → D", "A"], "conclusion": "D"}


def say(answer: Any, text: str, **options: Any) -> Verdict:
    return grade("fol", f"so\n<answer>{text}</answer>", answer, **options)


# Labels.

MEN, HE = "all x. (Man(x) -> Mortal(x))", "Man(socrates)"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ('{"label": "true"}', "correct"),
        ("**True.**", "correct"),
        (r"$\text{True}$", "correct"),
        (r"\textbf{False}", "incorrect"),
        ("True\nFalse", "malformed"),
        ("", "malformed"),
        ('{"label": "True", "label": "False"}', "malformed"),
        ('{"label": "True", "premises": ["Man(socrates)"]}', "malformed"),
        ('{"label": "True", "premises": "Man(socrates)", "conclusion": "Man(socrates)"}', "malformed"),
        ('{"label": true}', "malformed"),
        (f"Premises:\n{MEN} ::: all men\n{HE}\nConclusion: Mortal(socrates)\nLabel: True", "correct"),
        (f"Premises:\n1. {HE}\n2. {HE} -> Mortal(socrates)\nConclusion: Mortal(socrates)\nLabel: True", "incorrect"),
        (f"Premises:\n- {MEN}\n- {HE}\nConclusion: Mortal(socrates)\nLabel: True", "correct"),
        (f"Premises:\n{MEN}\n- {HE}\nConclusion: Mortal(socrates)\nLabel: True", "incorrect"),
        (f"Premises:\n{MEN}\n{HE}\nConclusion: {HE}\nLabel: True", "incorrect"),
        (f"Premises:\n{MEN}\n{HE}\nConclusion: Mortal(socrates)\nLabel: False", "incorrect"),
        ("Premises:\nall x. (Man(x))\nConclusion: Mortal(socrates)\nLabel: True", "incorrect"),
    ],
)
def test_labels_and_formalisations(reply: str, status: str) -> None:
    assert say(LABELLED, reply).status == status


def test_a_formalisation_may_use_other_names() -> None:
    reply = {"premises": ["all x. (men(x) -> mortals(x))", "men(Socrates)"], "conclusion": "mortals(Socrates)"}
    assert say(LABELLED, json.dumps({**reply, "label": "True"}), formalise="required").success


def test_no_premises_are_no_premises() -> None:
    gold = {"premises": [], "conclusion": "P(a)", "label": "Uncertain"}
    assert say(gold, '{"premises": [], "conclusion": "P(a)", "label": "Uncertain"}').success
    assert say(gold, '{"premises": ["P(a)"], "conclusion": "P(a)", "label": "Uncertain"}').status == "incorrect"


# Proofs.

PROOF = "1. B [from P1, P4]\n2. C [from P2, 1]\n3. D [from P3, 2]"


@pytest.mark.parametrize(
    ("reply", "status", "feedback"),
    [
        (PROOF, "correct", ""),
        (PROOF.replace("P", "premise "), "correct", ""),
        ("5. B [from 1 and 4]\n6. C [from 2, 5]\n7. D [from 3, 6]", "correct", ""),
        ("1. D [from P1, P2, P3, P4]", "correct", ""),
        ("(1) B (P1, P4)\n(2) C (P2, 1)\n(3) D (P3, 2)", "correct", ""),
        ("**1.** B (P1, P4)\n**2.** D (P2, P3, 1)", "correct", ""),
        ("Step 1: B (P1, P4)\nStep 2: D (P2, P3, 1)", "correct", ""),
        ("1. A → B (premise)\n2. A [given]\n3. B   MP 1, 2\n4. D; premises 2 and 3, step 3", "correct", ""),
        ("1. B [from P1, P4]\n2. C [from P2, 1]", "incorrect", "The last step is not the conclusion."),
        ("1. B [from P1]\n2. D [from P3]", "incorrect", "Step 1 does not follow from what it cites."),
        ("1. D", "incorrect", "Step 1 cites nothing."),
        ("1. D []", "malformed", ""),
        ("1. D [from ]", "incorrect", "Step 1 cites nothing."),
        ("1. D [from 1]", "incorrect", "Step 1 cites 1, which is neither a premise nor an earlier step."),
        ("1. D (from A1, P4)", "incorrect", "Step 1 cites A1, which is neither a premise nor an earlier step."),
        ("1. D (P1-P5)", "incorrect", "Step 1 cites P5, which is neither a premise nor an earlier step."),
        ("1. D(P1, P2, P3, P4)", "incorrect", "Step 1 cites nothing."),
        ("1. D (premise)", "malformed", "A step says that it is a premise, and is none."),
        ("1. A (premise)\n2. A → B (given)\n3. B (2)", "incorrect", "Step 3 does not follow from what it cites."),
        ("1. D by modus ponens", "malformed", ""),
        ("1. D " + " " * 9000 + "x", "malformed", ""),
        ("1. D (" + "1, " * 5000 + "1)", "malformed", ""),
        ("1. D [from P5]", "incorrect", "Step 1 cites P5, which is neither a premise nor an earlier step."),
        ("1. E ∨ ¬E [from P1]\n2. D [from P1]", "incorrect", "Step 1 uses a name that the task does not have."),
        ("1. ¬A [from P4]\n2. D [from 1]", "incorrect", "Step 1 does not follow from what it cites."),
        ("2. D [from P1]", "malformed", ""),
        ("1. D [from P1]\n3. D [from P1]", "malformed", ""),
        ("1. D [from everything]", "malformed", ""),
        ("\n".join(f"{i}. A [from P4]" for i in range(1, 40)), "malformed", ""),
    ],
)
def test_proofs(reply: str, status: str, feedback: str) -> None:
    verdict = say(CHAIN, reply)
    assert verdict.status == status, verdict
    assert not feedback or verdict.feedback == feedback


@pytest.mark.parametrize(
    "way",
    [
        *("[from {}]", "(from {}).", "[{}].", "({})", "{{from {}}}", "from {}.", "[From {}]", "(using {})"),
        *("by modus ponens from {}", "(by modus ponens from {})", "(modus ponens, {})", "[MP, {}]", "(→E {})"),
        *("[{}] (modus ponens)", "(MP) [{}]", ", from {} by MP", ", modus ponens from {}", "(follows from {})"),
        *("; {}", "-- {}", "// MP {}", "   {}", "\tMP {}"),
    ],
)
@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("P1, P4", "P2, 1", "P3, 2"),
        ("p1 and p4", "p2, and 1", "P3 & 2"),
        ("premises 1 and 4", "premise 2 and step 1", "Premise 3, line 2"),
        ("P1-P4", "premises 2 to 3, step 1", "premises 3–4, step 2"),
    ],
)
def test_ways_to_cite(way: str, first: str, second: str, third: str) -> None:
    steps = (f"B {way.format(first)}", f"C {way.format(second)}", f"D {way.format(third)}")
    assert say(CHAIN, "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1))).success
    assert not say(CHAIN, "\n".join(f"{i}. {step}" for i, step in enumerate(steps[1:], 1))).success


def test_credit_for_steps() -> None:
    def score(reply: str) -> float:
        return say(CHAIN, reply, credit="steps").score

    assert score("1. B [from P1, P4]\n2. C [from P2, 1]\n3. D [from 2]") == 0.5 * 2 / 3
    assert score("1. B [from P1, P4]\n2. C [from P2]\n3. D [from P3, 1, 2]") == 0.5 * 1 / 3
    assert score("1. B [from P1, P4]\n2. C [from P2, 1]") == 0.0  # does not reach for the conclusion
    assert score("1. A [from P4]\n2. A → B [from P1]\n3. D [from 1, 2]") == 0.0  # restates premises
    assert score("1. A ∨ ¬A [from P4]\n2. D [from 1]") == 0.0  # true of everything
    assert score("1. B [from P1, P4]\n2. D [from P3]") == 0.0  # not needed for the last step


# Golds.


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (7, "must be a formula"),
        ([], "must be a formula"),
        ({"formulla": "P"}, "did you mean 'formula'"),
        ({"premises": ["P"]}, "no 'conclusion'"),
        ({"premises": "P(", "conclusion": "P"}, "cannot be read"),
        ({"formula": "P", "scope": "big"}, "tight, wide"),
        ({"formula": "P", "required": ["Q"]}, "requires 'Q'"),
        ({"formula": "P", "required": "P"}, "list of texts"),
        ({"formula": "P", "signature": {"predicates": {"P": -1}}}, "integers from 0 up"),
        ({"formula": "P", "signature": {"predicates": {"P": 0}, "constants": ["P"]}}, "both a predicate"),
        ({"formula": "P", "signature": ["P"]}, "must be a mapping of"),
        ({**SOCRATES, "label": "Perhaps"}, "True, False or Uncertain"),
        (["P(a)", "P(a, a)"], "1 and with 2 arguments"),
        ({"premises": [1], "conclusion": "P"}, "must be 1 to 64 texts"),
        ({"premises": ["P"], "conclusion": 1}, "must be text"),
        ({"formula": "P", "synonyms": {"P": "Q"}}, "synonyms"),
    ],
)
def test_a_gold_of_another_shape_is_named(answer: Any, words: str) -> None:
    verdict = say(answer, "P")
    assert verdict.status == "task_invalid"
    assert words in verdict.feedback
    with pytest.raises(DataError):
        gold_reply("fol", answer)


GOLDS: list[tuple[Any, dict[str, Any]]] = [
    ("∀x (Student(x) ∧ Reads(x, book1) → ∃y (Likes(x, y) ⊕ ¬Young(y)))", {}),
    ("∀x (P(x) ∧ Q(x) → R(x, a))", {"extract": "final", "scope": "wide"}),
    ({"formula": ["P(a) → Q(a)", "∃x (P(x))"], "scope": "wide"}, {"extract": "block"}),
    ("f(a) = b ∧ ∃x (f(x) ≠ x)", {"extract": "answer_line"}),
    (LABELLED, {}),
    (LABELLED, {"formalise": "required"}),
    ({**SOCRATES, "conclusion": "¬Mortal(socrates)", "label": "False"}, {"formalise": "required"}),
    (CHAIN, {}),
    (CHAIN, {"extract": "final", "support": "premises"}),
]


@pytest.mark.parametrize(("answer", "options"), GOLDS)
def test_golds_rewrites_and_mutations(answer: Any, options: dict[str, Any]) -> None:
    assert gold_problem("fol", answer, options) == ""
    rewritten = list(rewritten_golds("fol", answer, options))
    assert len(rewritten) >= 3
    assert [grade("fol", reply, answer, **options).status for reply in rewritten] == ["correct"] * len(rewritten)
    mutated = list(mutated_golds("fol", answer, options))
    assert mutated
    assert not any(grade("fol", reply, answer, **options).success for reply in mutated)


@pytest.mark.parametrize(
    ("gold", "said"),
    [
        ("∀x (P(x) → Q(x))", "∀x (PQ(x) → QP(x))"),
        ("∀x (P(x) → Q(x))", "∀x (QP(x) → PQ(x))"),
        ("R(a,b)", "R(ab,ba)"),
        ("R(a,b)", "R(ba,ab)"),
        ("Happy(john)", "Unhappy(john)"),
        ("∀x (Man(x) → Mortal(x))", "∀x (Woman(x) → Mortal(x))"),
        ("R(a, A)", "R(A, a)"),
        ("P(a) → P'(a)", "p'(a) → p(a)"),
        ("Happy(john)", "NotHappy(john)"),
        ("Before1990(john)", "Before1991(john)"),
    ],
)
def test_names_that_fit_in_two_ways_or_say_the_opposite_are_no_way_in(gold: str, said: str) -> None:
    assert grade("fol", f"<answer>{said}</answer>", gold).status == "incorrect"


@pytest.mark.parametrize(
    "said",
    [
        r"""["\forall x (P(x) \to Q(x))", "\neg P(a)"]""",
        r"""["\\forall x (P(x) \\to Q(x))", "\\neg P(a)"]""",
        "\\[\n\\forall x (P(x) \\to Q(x)) \\\\\n\\neg P(a)\n\\]",
        "* ∀x (P(x) → Q(x))\n* ¬P(a)",
        "(1) ∀x (P(x) → Q(x));\n(2) ¬P(a);",
    ],
)
def test_lists_of_formulas(said: str) -> None:
    assert grade("fol", f"<answer>{said}</answer>", ["∀x (P(x) → Q(x))", "¬P(a)"]).success


def test_a_tie_that_changes_nothing_passes() -> None:
    assert grade("fol", "<answer>∀x (PQ(x) ∧ QP(x))</answer>", "∀x (P(x) ∧ Q(x))").success
