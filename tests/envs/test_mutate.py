"""Mutation operators, and the working programs that they are used on."""

from __future__ import annotations

import itertools

import pytest

from agentrl.envs._code.mutate import OPERATORS, edits, mutants
from agentrl.envs._code.program import Program
from agentrl.envs._code.repairs import PROGRAMS, mutant_repair, programs_of
from agentrl.errors import DataError
from agentrl.verifiers._code.judge import judge

BEFORE_AFTER = {  # one edit by hand for each operator: a line of the program, and what becomes of it
    "flipped_comparison": ("return a < b", "return a > b"),
    "comparison_boundary": ("return a <= b", "return a < b"),
    "constant_off_by_one": ("return 7", "return 8"),
    "wrong_operator": ("return a // b", "return a % b"),
    "swapped_operands": ("return a - b", "return b - a"),
    "swapped_arguments": ("return f(a, b)", "return f(b, a)"),
    "similar_function": ("return a.lower()", "return a.upper()"),
    "dropped_statement": ("a.append(b)", "pass"),
    "plain_assignment": ("a += b", "a = b"),
    "negated_condition": ("a = 1 if b else 2", "a = 1 if not b else 2"),
    "other_connective": ("return a and b", "return a or b"),
    "dropped_condition": ("if a and b:\n        a = 1", "if b:\n        a = 1"),
    "missing_guard": ("if a:\n        return b", "pass"),
    "wrong_return": ("return True", "return False"),
    "early_return": (
        "while a:\n        b = a\n    return b",
        "while a:\n        b = a\n        return b\n    return b",
    ),
    "variable_misuse": ("return a + a", "return b + a"),
    "range_end": ("return range(a)", "return range(1, a)"),
    "shifted_index": ("return a[b:]", "return a[b + 1:]"),
}


def program(line: str) -> str:
    return f"def g(a, b):\n    {line}"


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_edit_by_hand(operator: str) -> None:
    before, after = BEFORE_AFTER[operator]
    made = {edit.source: edit.operator for edit in edits(program(before))}
    assert made[program(after)] == operator


def test_a_boolean_is_no_number_and_a_string_is_not_edited() -> None:
    assert [e.source for e in edits("x = True")] == []
    assert [e.source for e in edits("x = 'a < b'")] == []


def test_an_edit_names_its_line() -> None:
    (edit,) = [e for e in edits("def g(a):\n    a = a\n    return a < 1") if e.operator == "comparison_boundary"]
    assert edit.line == 3


@pytest.mark.parametrize("of", PROGRAMS, ids=lambda p: p.name)
def test_every_edit_of_every_program_compiles_and_is_one_of_its_own(of: Program) -> None:
    made = edits(of.source)
    assert len(made) >= 12
    assert len({edit.source for edit in made} | {of.source}) == len(made) + 1
    for edit in made:
        compile(edit.source, "mutant", "exec")


def test_every_operator_finds_a_place() -> None:
    used = {edit.operator for of in PROGRAMS for edit in edits(of.source)}
    assert used == set(OPERATORS)
    assert len(OPERATORS) >= 12


def test_mutants_follow_their_seed_and_do_not_repeat() -> None:
    source = PROGRAMS[0].source
    one, again, other = ([m.source for m in mutants(source, seed)] for seed in ("a", "a", "b"))
    assert one == again
    assert one != other
    assert sorted(one) == sorted({edit.source for edit in edits(source)})  # all of them, each once


def test_mutants_of_several_edits() -> None:
    source = PROGRAMS[1].source
    single = {edit.source for edit in edits(source)}
    for mutant in itertools.islice(mutants(source, "s", count=2), 20):
        assert len(mutant.edits) == 2
        assert mutant.edits[0].source in single
        assert mutant.source not in {source, mutant.edits[0].source}
        assert mutant.source in {edit.source for edit in edits(mutant.edits[0].source)}


def test_the_programs_and_their_splits() -> None:
    train, test = programs_of("train"), programs_of("test")
    assert len(PROGRAMS) == len({p.name for p in PROGRAMS}) == 30
    assert {p.name for p in train}.isdisjoint(p.name for p in test)
    assert (len(train), len(test)) == (23, 7)
    for of in PROGRAMS:
        assert of.statement.endswith(".")
        assert '"""' not in of.source
        assert [args for args in of.hidden if args not in of.visible], "a hidden test differs from every visible one"
        assert len(of.suite()["cases"]) == len({repr(args) for args in (*of.visible, *of.hidden)}), "no test twice"


@pytest.mark.parametrize("of", PROGRAMS, ids=lambda p: p.name)
def test_a_mutant_fails_where_its_original_passes(of: Program) -> None:
    repair = mutant_repair(of.name, f"test/{of.name}", 1, "zygote")
    right, wrong = (judge(repair.suite, source) for source in (repair.solution, repair.program))
    assert (right.status, wrong.status) == ("correct", "incorrect")
    assert all(result.passed for result in right.results)
    assert any(result.visible and not result.passed for result in wrong.results)
    assert repair.bug in OPERATORS


def test_a_program_without_a_failing_mutant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentrl.envs._code.repairs.mutants", lambda source, seed, count: iter(()))
    with pytest.raises(DataError, match=r"no mutant of fibonacci with 9 edits .* take fewer edits"):
        mutant_repair("fibonacci", "nothing/left", 9, "zygote")
