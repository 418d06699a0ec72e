"""Theories: what the solver says of their labels, of their proofs and of the depth, and their words."""

from __future__ import annotations

import itertools
import random

import pytest

from agentrl.envs._logic.clauses import Clauses
from agentrl.envs._logic.controlled import formula_of
from agentrl.envs._logic.english import gloss, say
from agentrl.envs._logic.lexicon import Vocabulary, draw_lexicon
from agentrl.envs._logic.theory import LABELS, Label, Settings, Theory, draw_theory
from agentrl.errors import ConfigError
from agentrl.verifiers._fol import prover
from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.reader import read
from agentrl.verifiers._fol.syntax import Joined, Not, Quantified, nodes

SETTINGS = (Settings(1, 0), Settings(3, 6), Settings(3, 6, "none"), Settings(5, 12), Settings(8, 24))


def drawn(settings: Settings, label: Label, count: int) -> list[Theory]:
    found = (draw_theory(random.Random(f"{label} {seed}"), settings, label) for seed in range(8 * count))
    return list(itertools.islice((theory for theory in found if theory is not None), count))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("label", LABELS)
def test_the_solver_gives_the_label_and_finds_the_premises_consistent(settings: Settings, label: Label) -> None:
    theories = drawn(settings, label, 12)
    assert len(theories) == 12
    assert {prover.label_of(theory.premises, theory.claim) for theory in theories} == {label}


@pytest.mark.parametrize("settings", SETTINGS[:4], ids=str)
def test_every_step_follows_from_one_rule_and_the_last_is_the_claim(settings: Settings) -> None:
    for theory in drawn(settings, "True", 10):
        formulas = [*theory.premises, *(step.formula for step in theory.proof)]
        assert formulas[-1] == theory.claim
        assert len(theory.proof) >= settings.depth
        for place, step in enumerate(theory.proof, len(theory.premises)):
            assert max(step.rests_on) < place
            cited = [formulas[at] for at in step.rests_on]
            assert sum(isinstance(f, Quantified) and f.kind == "forall" for f in cited) == 1
            assert prover.satisfiable(cited, [step.formula], effort="prove").outcome == "unsat"


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_depth_and_distractors_are_as_asked(settings: Settings) -> None:
    for theory in [*drawn(settings, "True", 8), *drawn(settings, "False", 8)]:
        clauses = Clauses(theory.premises, [theory.claim])
        goal = clauses.literal(theory.claim) * (1 if theory.label == "True" else -1)
        assert (clauses.rounds() or {})[goal] == settings.depth
        used = {at for step in theory.proof for at in step.rests_on if at < len(theory.premises)}
        assert len(theory.premises) - len(used) == settings.distractors
        assert len(set(theory.premises)) == len(theory.premises)


def test_no_distractor_makes_the_way_shorter() -> None:
    settings = Settings(5, 16)
    for theory in drawn(settings, "True", 100):
        clauses = Clauses(theory.premises, [theory.claim])
        assert (clauses.rounds() or {})[clauses.literal(theory.claim)] == 5


def test_without_negation_there_is_none_in_the_premises() -> None:
    for label in LABELS:
        for theory in drawn(Settings(4, 8, "none"), label, 10):
            parts = [node for premise in theory.premises for node in nodes(premise)]
            assert not any(isinstance(p, Not) or (isinstance(p, Joined) and p.op == "xor") for p in parts)


def test_claims_are_denied_as_often_under_each_label() -> None:
    shares = [sum(isinstance(t.claim, Not) for t in drawn(Settings(2, 4), label, 100)) / 100 for label in LABELS]
    assert all(0.35 < share < 0.65 for share in shares)


def test_signs_of_rules_do_not_give_the_label_away() -> None:
    """Whether a rule for the claim's predicate has the claim's sign is true of both labels or of neither."""
    seen = dict.fromkeys(LABELS, 0)
    for label in LABELS:
        for theory in drawn(Settings(3, 6), label, 100):
            claim = show(theory.claim)
            name = claim.removeprefix("¬").partition("(")[0]
            ends = [show(p).rpartition("→ ")[2] for p in theory.premises if "→" in show(p)]
            about = [end.startswith("¬") == claim.startswith("¬") for end in ends if f"{name}(" in end]
            seen[label] += set(about) == {True, False}
    assert min(seen.values()) > 60


@pytest.mark.parametrize("vocabulary", ["people", "animals", "nonsense"])
def test_formulas_read_back_and_every_one_has_a_sentence(vocabulary: Vocabulary) -> None:
    for seed in range(30):
        theory = draw_theory(random.Random(seed), Settings(4, 10, "some", vocabulary), LABELS[seed % 3])
        if theory is None:
            continue
        for formula in (*theory.premises, *(step.formula for step in theory.proof)):
            assert read(show(formula)).formula == formula
            for wording in range(3):
                sentence = say(formula, theory.lexicon, random.Random(wording))
                assert sentence[0].isupper() or not sentence[0].isalpha()
                assert sentence.endswith(".")
                assert "  " not in sentence


SENTENCES = [
    (
        "∀x (Kind(x) → ¬Tall(x))",
        {"No kind person is tall.", "No one who is kind is tall.", "Kind people are not tall."},
    ),
    ("∀x (Teacher(x) → Likes(x, bob))", {"Every teacher likes Bob.", "All teachers like Bob."}),
    ("∀x (¬Kind(x) → Teacher(x))", {"Everyone who is not kind is a teacher."}),
    ("∀x (Kind(x) → (Tall(x) ⊕ Teacher(x)))", {"Every kind person is either tall or a teacher, but not both."}),
    ("∀x (Kind(x) → ∃y (Likes(x, y) ∧ Teacher(y)))", {"Everyone who is kind likes a teacher."}),
    ("∀x ∀y ((Likes(x, y) ∧ Teacher(y)) → Kind(x))", {"Everyone who likes a teacher is kind."}),
    ("∀x ∀y ((Teacher(x) ∧ Likes(x, y)) → ¬Kind(y))", {"No one who is liked by a teacher is kind."}),
    ("∀x ∀y (Likes(x, y) → Trusts(x, y))", {"Everyone trusts whoever they like."}),
    (
        "∀x ∀y (Likes(x, y) → Trusts(y, x))",
        {"Everyone is trusted by whoever they like.", "If X likes Y, then Y trusts X, whoever X and Y are."},
    ),
    ("∀x ∀y ((Kind(x) ∧ Teacher(y)) → Likes(x, y))", {"Everyone who is kind likes every teacher."}),
    ("∀x ∀y (¬Likes(x, y) → ¬Trusts(y, x))", {"If X does not like Y, then Y does not trust X, whoever X and Y are."}),
    ("¬Likes(ann, bob)", {"Ann does not like Bob.", "Bob is not liked by Ann."}),
    ("∃y (Likes(ann, y) ∧ Teacher(y))", {"Ann likes a teacher."}),
]


@pytest.mark.parametrize(("formula", "wordings"), SENTENCES)
def test_wordings(formula: str, wordings: set[str]) -> None:
    """Each of these wordings is among those drawn; the lexicon must know Ann and Bob."""
    lexicon = next(
        found
        for seed in range(1000)
        if {"ann", "bob"} <= set((found := draw_lexicon(random.Random(seed), "people")).individuals)
    )
    said = {say(read(formula).formula, lexicon, random.Random(seed)) for seed in range(100)}
    assert wordings <= said


def test_glosses() -> None:
    lexicon = draw_lexicon(random.Random(0), "animals")
    individual = next(iter(lexicon.individuals))
    assert gloss("Chases", lexicon) == "Chases(x, y): x chases y"
    assert gloss("Explorer", lexicon) == "Explorer(x): x is an explorer"
    assert gloss(individual, lexicon) == f"{individual}: the {individual}"


@pytest.mark.parametrize(
    ("sentence", "formula"),
    [
        ("Anne is not kind.", "¬Kind(anne)"),
        ("The lion sees the bald eagle.", "See(lion, bald_eagle)"),
        ("The bald eagle does not see the lion.", "¬See(bald_eagle, lion)"),
        ("Max is a yumpus.", "Yumpus(max)"),
        ("Vumpuses are zumpuses.", "∀x (Vumpus(x) → Zumpus(x))"),
        ("Every yumpus is not sour.", "∀x (Yumpus(x) → ¬Sour(x))"),
        ("Each yumpus is an impus.", "∀x (Yumpus(x) → Impus(x))"),
        ("Young, green people are rough.", "∀x ((Young(x) ∧ Green(x)) → Rough(x))"),
        ("All kind, furry things are blue.", "∀x ((Kind(x) ∧ Furry(x)) → Blue(x))"),
        ("If someone is kind and not big then they are red.", "∀x ((Kind(x) ∧ ¬Big(x)) → Red(x))"),
        ("If someone sees Bob and they are kind then Bob is red.", "∀x ((See(x, bob) ∧ Kind(x)) → Red(bob))"),
        ("If Anne is kind and Anne is big then Anne is red.", "(Kind(anne) ∧ Big(anne)) → Red(anne)"),
        ("If something eats the cow then it does not eat the dog.", "∀x (Eat(x, cow) → ¬Eat(x, dog))"),
        ("Is it so?", None),
        ("Something is kind.", None),
        ("Anne gives Bob a book.", None),
    ],
)
def test_the_english_of_data_sets(sentence: str, formula: str | None) -> None:
    found = formula_of(sentence)
    assert (found if found is None else show(found)) == formula


@pytest.mark.parametrize(
    ("formulas", "goal", "steps"),
    [
        (["P(a)", "∀x (P(x) → Q(x))"], "Q(a)", ["Q(a)"]),
        (["¬Q(a)", "∀x (P(x) → Q(x))"], "¬P(a)", ["¬P(a)"]),
        (["P(a)", "∀x (P(x) → (Q(x) ⊕ R(x)))", "R(a)", "∀x (¬Q(x) → S(x))"], "S(a)", ["¬Q(a)", "S(a)"]),
        (["P(a)"], "P(a)", []),
        (["P(a) ∨ Q(a)", "∀x (P(x) → R(x))", "∀x (Q(x) → R(x))"], "R(a)", None),
        (["P(a)", "∀x (P(x) → Q(x))"], "Q(b)", None),
    ],
)
def test_steps_of_unit_propagation(formulas: list[str], goal: str, steps: list[str] | None) -> None:
    premises = [read(text).formula for text in formulas]
    found = Clauses(premises, [read(goal).formula]).why(read(goal).formula)
    assert (None if found is None else [show(step.formula) for step in found]) == steps


@pytest.mark.parametrize(
    ("formulas", "claim", "can_be"),
    [
        (["P(a)", "∀x (P(x) → Q(x))"], "Q(a)", (True, False)),
        (["P(a) ∨ Q(a)", "∀x (P(x) → R(x))", "∀x (Q(x) → R(x))"], "R(a)", (True, False)),
        (["P(a) ∨ Q(a)"], "P(a)", (True, True)),
        (["P(a) ⊕ Q(a)", "¬(P(a) ↔ R(a))", "Q(a) ∨ ¬R(a)"], "R(a)", (True, True)),
        (["P(a)", "∀x (P(x) → ∃y R(x, y))", "∀x ∀y (R(x, y) → ¬R(y, x))"], "R(a, a)", (False, True)),
        (["P(a)", "¬P(a)"], "Q(a)", (False, False)),
    ],
)
def test_models_over_the_named(formulas: list[str], claim: str, can_be: tuple[bool, bool]) -> None:
    question = read(claim).formula
    clauses = Clauses([read(text).formula for text in formulas], [question])
    number = clauses.literal(question)
    assert (clauses.fits(number), clauses.fits(-number)) == can_be


@pytest.mark.parametrize("options", [{"depth": 0}, {"depth": 9}, {"distractors": -1}, {"negation": "much"}])
def test_settings_out_of_range(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Settings(**options)  # type: ignore[arg-type]
