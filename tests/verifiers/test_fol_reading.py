"""Formulas: every spelling gives the tree, every fault is named with its place, and what is printed reads back."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.verifiers._fol.align import alignments, levenshtein, name_distance, opposed
from agentrl.verifiers._fol.le import logical_equivalence_score
from agentrl.verifiers._fol.printer import Style, canonical, show
from agentrl.verifiers._fol.reader import ANY_NAME, ReadError, Scope, read
from agentrl.verifiers._fol.syntax import (
    Apply,
    Atom,
    Equal,
    Formula,
    Joined,
    Not,
    Quantified,
    SymbolError,
    Symbols,
    Term,
    Variable,
    alternations,
    nodes,
    renamed,
    symbols,
)

SAME = [
    "∀x (P(x) → ¬Q(x, a))",
    "∀ x(P(x)→¬Q(x,a))",
    "forall x (P(x) -> ~Q(x,a))",
    "FORALL x. (P(x) implies NOT Q(x, a))",
    "all x: (P(x) => -Q(x,a))",
    "! [x] : (P(x) => ~ Q(x,a)).",
    "![x]:[P(x) => !Q(x,a)]",
    r"\forall x (P(x) \rightarrow \neg Q(x, a))",
    "all x [P(x) ⇒ ∼Q(x, a)]",
    "forall x, (P(x) --> !Q(x, a))",
    "forall x. P(x) ==> ~Q(x, a)",
    "∀x: P(x) → ¬Q(x, a)",
    "(∀x)(P(x) → ¬Q(x, a));",
    "∀(x) (P(x) → ¬Q(x, a)),",
    "(∀x){P(x) → ¬Q(x, a)}",
    "ForAll x (P(x) Implies Not Q(x, a))",
    "∀x （P（x） → ¬Q（x，a））",
    r"\forall x \, \left( P(x) \implies \lnot Q(x, a) \right)",
    r"\forall x\; \bigl[\text{P}(x) \Longrightarrow \neg\, \mathrm{Q}(x, a)\bigr]",
    r"\forall{x}\colon \{ \operatorname{P}\left(x\right) \supset \sim \textit{Q}(x,\ a) \}",
    r"\( (\forall x)\; (P(x) \text{ implies } \text{not}\; Q(x, \mathtt{a})) \)",
    r"\[ \forall x \quad (P(x) \longrightarrow \lnot Q(x, a)) \]",
    r"$\\forall x (P(x) \\to \\neg Q(x, a))$ \\\\",
]


@pytest.mark.parametrize("text", SAME)
def test_spellings(text: str) -> None:
    x = Variable("x")
    body = Joined("implies", Atom("P", (x,)), Not(Atom("Q", (x, Apply("a")))))
    assert read(text).formula == Quantified("forall", "x", body)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("∀x P(x) → Q(a)", "(∀x (P(x))) → Q(a)"),
        ("¬P ∧ Q", "(¬P) ∧ Q"),
        ("A ∨ B ∧ C", "A ∨ (B ∧ C)"),
        ("A ⊕ B ∨ C", "A ⊕ (B ∨ C)"),
        ("A → B ⊕ C", "A → (B ⊕ C)"),
        ("A → B → C", "A → (B → C)"),
        ("A ↔ B → C", "A ↔ (B → C)"),
        ("A ↔ B ↔ C", "(A ↔ B) ↔ C"),
        ("A <~> B xor C", "(A ⊕ B) ⊕ C"),
        ("∀x,y R(x, y)", "∀x ∀y R(x, y)"),
        ("∀x y (R(x, y))", "∀x ∀y R(x, y)"),
        ("∀x y ∃z, w S(x, y, z, w)", "∀x ∀y ∃z ∃w S(x, y, z, w)"),
        ("? [X, Y] : (R(X, Y))", "∃X ∃Y R(X, Y)"),
        ("∀x P", "∀x (P)"),
        ("∃x x = a", "∃x (x = a)"),
        ("f(a) != b", "¬(f(a) = b)"),
        ("∀x ∀x P(x)", "∀x ∀y P(y)"),
        ("∀x (P(x) ∧ ∃x Q(x))", "∀x (P(x) ∧ ∃y Q(y))"),
        ("BreastCancer (a)", "BreastCancer(a)"),
        ("Anti-abortion(l-2021)->P", "Anti-abortion(l-2021) → P"),
        ("(∀x)(∃y) R(x, y) → P", "(∀x ∃y R(x, y)) → P"),
        ("(∀x, y ∃z)(S(x, y, z))", "∀x ∀y ∃z S(x, y, z)"),
        ("(∀x P) ∧ Q", "(∀x (P)) ∧ Q"),
        ("∀x, p(x)", "∀x (p(x))"),
        ("∀x,y(R(x, y))", "∀x ∀y R(x, y)"),
        ("∀x_1, x₂ (R(x_1, x₂))", "∀x ∀y R(x, y)"),
        (r"\forall x_{1} \, p\left(x_{1}\right)", "∀x p(x)"),
        ("∀x. P(x) → Q(a)", "(∀x P(x)) → Q(a)"),
        ("T ∧ (∀x. ∃y, R(x, y) → S(x, y))", "T ∧ ∀x ∃y (R(x, y) → S(x, y))"),
        (r"\nexists x P(x)", "¬∃x P(x)"),
        ("∄x P(x) ∧ Q(a)", "(¬∃x P(x)) ∧ Q(a)"),
        (r"Is\_Dog(a) \land \text{Big\_Dog}_1(a)", "Is_Dog(a) ∧ Big_Dog_1(a)"),
        (r"P^\prime(a) <--> P′(b) \& P’(c)", "P'(a) ↔ P'(b) ∧ P'(c)"),
        (r"a \not= b \veebar a == c", "a ≠ b ⊕ a = c"),
        ("∀x ∀x ∀x ∀x P(x)", "∀x ∀y ∀z ∀w P(w)"),
    ],
)
def test_grouping(text: str, same: str) -> None:
    assert canonical(read(text).formula) == canonical(read(same).formula)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("∀x P(x) → Q(x)", "∀x (P(x) → Q(x))"),
        ("(∀x P(x) → Q(x)) ∧ R", "(∀x (P(x) → Q(x))) ∧ R"),
        ("∀x∃y P(x) → Q(y)", "∀x∃y (P(x) → Q(y))"),
        ("∀x (P(x)) → Q(a)", "(∀x P(x)) → Q(a)"),
        ("∀x ∀y (R(x, y)) → Q(a)", "(∀x ∀y R(x, y)) → Q(a)"),
        ("∀x ¬P(x) → Q(x)", "∀x ((¬P(x)) → Q(x))"),
    ],
)
def test_wide_scope(text: str, same: str) -> None:
    assert canonical(read(text, scope="wide").formula) == canonical(read(same).formula)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("∀x (P(x) → Q())", "line 1, column 14: expected a term after '(', got ')'"),
        ("P(a) ∧\n  ∨ Q", "line 2, column 3: expected a formula after '∧', got '∨'"),
        ("", "line 1, column 1: expected a formula, got the end"),
        ("P(a", "line 1, column 4: expected ',' or ')' after 'a', got the end"),
        ("(P", "line 1, column 3: expected an operator or ')' after 'P', got the end"),
        ("[P)", "line 1, column 3: expected an operator or ']' after 'P', got ')'"),
        ("P Q", "line 1, column 3: expected an operator or the end after 'P', got 'Q'"),
        ("∀ (P(x))", "line 1, column 3: expected a variable after '∀', got '('"),
        ("! [X : P(X)", "line 1, column 6: expected ',' or ']' after 'X', got ':'"),
        ("∀xP(x)", "line 1, column 2: a space is missing after the variable in 'xP'"),
        ("P(x)", "line 1, column 3: no quantifier binds the variable 'x'"),
        ("p(X) => q(X)", "line 1, column 3: no quantifier binds the variable 'X'"),
        ("∀x P(x) → Q(x)", "line 1, column 13: 'x' is bound by a quantifier elsewhere, but not here"),
        ("(∀who P(who)) ∧ Q(who)", "line 1, column 19: 'who' is bound by a quantifier elsewhere, but not here"),
        ("P(a) ∧ P(a, b)", "line 1, column 8: 'P' is used with 1 and with 2 arguments"),
        ("P(a) ∧ Q(P)", "line 1, column 10: 'P' is both a predicate and a function or constant"),
        ("P(a) ∧ Q(a(b))", "line 1, column 10: 'a' is used with 0 and with 1 arguments"),
        ("∀x x", "line 1, column 4: the variable 'x' stands where a formula should"),
        ("∀x P(x(a))", "line 1, column 6: the variable 'x' is used as a function"),
        ("P & 'a b'", 'line 1, column 5: cannot read "\'"'),
        ("y > 9", "line 1, column 3: cannot read '>'"),
        (r"\frac P", r"line 1, column 1: cannot read '\\frac'"),
        (r"P \land \text{two words}(a)", r"line 1, column 9: cannot read '\\text'"),
        (r"P \land \text{-Q}", r"line 1, column 9: cannot read '\\text'"),
        (r"a \!= b", r"line 1, column 3: cannot read '\\'"),
        ("P ∧ $true", "line 1, column 5: cannot read '$'"),
        ("∃!x P(x)", "line 1, column 2: expected a variable after '∃', got '!'"),
        ("∀ (P)", "line 1, column 6: expected a formula after ')', got the end"),
        ("(∀x P) Q", "line 1, column 8: expected an operator or the end after ')', got 'Q'"),
        ("∀x. P → Q(y) ∧ ∀y S(y)", "line 1, column 11: 'y' is bound by a quantifier elsewhere, but not here"),
        ("P(x_1)", "line 1, column 3: no quantifier binds the variable 'x_1'"),
        ("P(x₂)", "line 1, column 3: no quantifier binds the variable 'x₂'"),
        ("∀" + " x" * 4000 + " P", "line 1, column 8003: it has more than 200 parts"),
        ("P(" + ",".join("a" * 9) + ")", "line 1, column 1: 9 arguments are over the limit of 8"),
        ("P" * 101, "line 1, column 1: a name of 101 characters is over 100"),
        ("¬" * 64 + "P", "line 1, column 65: it is nested deeper than 64"),
        ("∧".join(["P"] * 101), "line 1, column 202: it has more than 200 parts"),
        ("P" * 10_001, "line 1, column 1: 10001 characters are over the limit of 10000"),
    ],
)
def test_faults_are_named(text: str, problem: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(text)
    assert str(caught.value) == problem


def test_limits_are_exact() -> None:
    assert read("¬" * 63 + "P")
    assert sum(1 for _ in nodes(read("∧".join(["P"] * 100)).formula)) == 199
    kinds = "∀∃" * 4
    for count in (7, 8):
        prefix = "".join(f"{kind}v{i} " for i, kind in enumerate(kinds[:count]))
        if count == 7:  # seven quantifiers alternate six times
            assert alternations(read(prefix + "P").formula) == 6
        else:
            with pytest.raises(ReadError, match="7 alternations of quantifiers are over 6"):
                read(prefix + "P")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("∀x ¬∃y R(x, y)", 0),
        ("∀x (∃y R(x, y) → P)", 0),
        ("∀x (P → ∃y R(x, y))", 1),
        ("∀x (P ↔ ∀y R(x, y))", 1),
        ("(∀x P(x)) ∧ (∃y P(y))", 0),
    ],
)
def test_alternations(text: str, count: int) -> None:
    assert alternations(read(text).formula) == count


def test_mixed_operators_are_a_warning() -> None:
    assert read("A ∨ B ∧ C").warnings
    assert not read("A ∨ (B ∧ C)").warnings
    assert len(read("(A ∨ B ∧ C) → (A ∧ B ∨ C)").warnings) == 2


# Any tree.


def trees(depth: int, bound: tuple[str, ...]) -> st.SearchStrategy[Formula]:
    known: list[Term] = [*map(Variable, bound), Apply("a"), Apply("rex"), Apply("f", (Apply("a"),))]
    terms = st.sampled_from(known)
    atoms: st.SearchStrategy[Formula] = st.one_of(
        st.just(Atom("R")),
        terms.map(lambda t: Atom("P", (t,))),
        st.tuples(terms, terms).map(lambda ts: Atom("Likes", ts)),
        st.tuples(terms, terms).map(lambda ts: Equal(*ts)),
    )
    if not depth:
        return atoms
    inner = trees(depth - 1, bound)
    fresh = f"x{len(bound)}"
    return st.one_of(
        atoms,
        inner.map(Not),
        st.builds(Joined, st.sampled_from(("and", "or", "xor", "implies", "iff")), inner, inner),
        st.builds(Quantified, st.sampled_from(("forall", "exists")), st.just(fresh), trees(depth - 1, (*bound, fresh))),
    )


@settings(deadline=None, max_examples=150)
@given(trees(4, ()), st.sampled_from(("unicode", "ascii", "tptp")), st.sampled_from(("tight", "wide")))
def test_what_is_printed_reads_back(tree: Formula, style: Style, scope: Scope) -> None:
    assert read(show(tree, style), scope=scope).formula == tree


@settings(deadline=None, max_examples=60)
@given(trees(4, ()))
def test_canonical_text_is_a_fixed_point_without_the_writers_names(tree: Formula) -> None:
    text = canonical(tree)
    assert canonical(read(text, constants=(ANY_NAME,)).formula) == text
    swapped = {"P": "Likes2", "a": "rex", "rex": "a"}
    back = {"Likes2": "P", "a": "rex", "rex": "a"}
    assert renamed(renamed(tree, swapped), back) == tree


def test_canonical_names_are_none_that_the_formula_uses() -> None:
    assert canonical(read("∀x (_1(x) ∧ P(_2, x))", constants=(ANY_NAME,)).formula) == "∀_3 (_1(_3) ∧ P(_2, _3))"


@settings(deadline=None, max_examples=300)
@given(
    st.text(alphabet="∀∃xyPQ(),.:;[]{}!?¬~-∧&∨|→<=>↔⊕= \n\\$_^abc1'", max_size=40), st.sampled_from(("tight", "wide"))
)
def test_any_text_reads_or_is_refused(text: str, scope: Scope) -> None:
    with contextlib.suppress(ReadError):
        formula = read(text, scope=scope).formula
        assert read(show(formula), scope=scope).formula == formula


# Names.

CASES_TIED = [{"dogs": "Dog", "DOG": "dog"}, {"dogs": "dog", "DOG": "Dog"}]
TIED = [{"catp": "catk", "catq": "catl"}, {"catp": "catl", "catq": "catk"}]


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_levenshtein_is_the_textbooks(one: str, two: str) -> None:
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        row, before = [i], row
        for j, b in enumerate(two, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    assert levenshtein(one, two) == row[-1]


@pytest.mark.parametrize(
    ("gold", "other", "expected"),
    [
        ({"P": 1, "Q": 1}, {"Q": 1, "P": 1}, [{"P": "P", "Q": "Q"}]),
        ({"BigDog": 1, "Cat": 1}, {"cats": 1, "big_dogs": 1}, [{"big_dogs": "BigDog", "cats": "Cat"}]),
        ({"Dog": 1}, {"Dog": 2}, []),
        ({"Dog": 1}, {"Hund": 1}, []),
        ({"Dog": 1, "Cat": 1}, {"Dog": 1}, []),
        ({"catk": 1, "catl": 1}, {"catp": 1, "catq": 1}, TIED),
        ({"cat1": 1, "cat2": 1}, {"cat3": 1, "cat4": 1}, []),  # other numbers
        ({"dogk": 1, "dogl": 1}, {"dogl": 1, "dogm": 1}, [{"dogl": "dogl", "dogm": "dogk"}]),
        ({"Dog": 1, "dog": 1}, {"dog": 1, "Dogs": 1}, [{"dog": "dog", "Dogs": "Dog"}]),
        ({"Dog": 1, "dog": 1}, {"dogs": 1, "DOG": 1}, CASES_TIED),
        ({"P": 1, "P'": 1}, {"p'": 1, "p": 1}, [{"p": "P", "p'": "P'"}]),
        ({"P": 1}, {"P'": 1}, []),
    ],
)
def test_alignments(gold: dict[str, int], other: dict[str, int], expected: list[dict[str, str]]) -> None:
    def key(way: dict[str, str]) -> list[tuple[str, str]]:
        return sorted(way.items())

    assert sorted(alignments(Symbols(gold), Symbols(other), {}), key=key) == sorted(expected, key=key)


OTHER_NAMES = """Man/Woman Likes/Dislikes Increase/Decrease Able/Unable Legal/Illegal Male/Female Import/Export
    Careful/Careless Home/Homeless Employer/Employee Father/Mother Grandfather/Grandmother Salesman/Saleswoman
    Actor/Actress Host/Hostess LikesDogs/HatesDogs likesdogs/hatesdogs TeachesMath/TeachesArt RedCar/BlueCar
    FlightFrom/FlightTo LogsIn/LogsOut Hotter/Colder Monday/Sunday Maximum/Minimum Student/Studies Cat/Rat"""
LIKE_NAMES = """Man/men Dog/dogs City/Cities IsDog/Dog LivesIn/LivedAt WorksAt/WorksFor Wrote/Writes Child/Children
    hotdog/HotDog newYork/new_york WinAward/WonAward Performs/Performance TalentShow/SchoolTalentShow Gives/Gave
    Student/IsStudent Organized/Organization Speaks/Spoke parentOf/Parent american/American HasFur/hasfur"""


@pytest.mark.parametrize("pair", OTHER_NAMES.split())
def test_names_of_another_meaning_do_not_match(pair: str) -> None:
    one, two = pair.split("/")
    assert alignments(Symbols({one: 1}), Symbols({two: 1}), {}) == []
    assert alignments(Symbols({two: 1}), Symbols({one: 1}), {}) == []
    assert alignments(Symbols({one: 1}), Symbols({two: 1}), {one: [two]}) == [{two: one}]


@pytest.mark.parametrize("pair", LIKE_NAMES.split())
def test_forms_of_a_name_match(pair: str) -> None:
    one, two = pair.split("/")
    assert alignments(Symbols({one: 1}), Symbols({two: 1}), {}) == [{two: one}]


def test_ties_and_synonyms() -> None:
    gold, other = (Symbols({}, {stem + end: 0 for end in "abcdef"}) for stem in ("dog", "hen"))
    assert alignments(gold, other, {}) == []  # too little in common
    other = Symbols({}, {f"dog{end}": 0 for end in "uvwxyz"})
    ways = alignments(gold, other, {})
    assert len({tuple(sorted(way.items())) for way in ways}) == 24
    assert alignments(Symbols({"Dog": 1}), Symbols({"Hund": 1}), {"Dog": ["Hund"]}) == [{"Hund": "Dog"}]


@given(st.lists(st.text("abcde", min_size=1, max_size=6), min_size=1, max_size=5, unique=True), st.data())
def test_the_cheapest_matching_is_found(gold: list[str], data: st.DataObject) -> None:
    other = data.draw(
        st.lists(st.text("abcde", min_size=1, max_size=6), min_size=len(gold), max_size=len(gold), unique=True)
    )
    costs = {}
    for order in itertools.permutations(gold):
        pairs = list(zip(other, order, strict=True))
        if all(name_distance(a, b) <= 0.5 and not opposed(a, b) for a, b in pairs):
            costs[tuple(sorted(pairs))] = sum(name_distance(a, b) for a, b in pairs)
    ways = alignments(Symbols(dict.fromkeys(gold, 1)), Symbols(dict.fromkeys(other, 1)), {})
    assert bool(ways) == bool(costs)
    for way in ways:
        assert costs[tuple(sorted(way.items()))] <= min(costs.values()) + 1e-4


def test_symbols_of_several_formulas_must_agree() -> None:
    with pytest.raises(SymbolError, match="both a predicate"):
        symbols([read("P(a)").formula, read("Q(P)").formula])
    with pytest.raises(SymbolError, match="1 and with 2"):
        symbols([read("P(a)").formula]) | symbols([read("P(a, b)").formula])


# The LE score.


@pytest.mark.parametrize(
    ("gold", "prediction", "score"),
    [
        ("P(a) ∧ Q(a)", "not a formula (", 0.0),
        ("P(a) ∧ Q(a)", "P(a)", 0.75),  # they differ on one row of four
        ("P ↔ Q", "P ⊕ Q", 0.0),
        ("∃x (P(x)) ∧ ∃x (Q(x))", "P(a)", None),
        (" ∧ ".join(f"P{i}" for i in range(13)), "P0", None),
        (" ∧ ".join(f"P{i}" for i in range(12)), " ∧ ".join(f"P{i}" for i in range(12)), 1.0),
    ],
)
def test_le_score(gold: str, prediction: str, score: float | None) -> None:
    assert logical_equivalence_score(gold, prediction) == score
