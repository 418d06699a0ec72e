"""No attack states the right answer in the right way, and every attack has something to say."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl import registry
from agentrl.audit import DOMAINS, Item, audit, check_ids
from agentrl.audit.catalogue import BY_DOMAIN, attacks, maths
from agentrl.audit.catalogue.code import program
from agentrl.audit.subject import Subject, number_of, shown
from agentrl.verifiers._reading.extract import candidates
from agentrl.verifiers.code import CASES

FILE = Path("nowhere")


def box(gold: str, **options: Any) -> Subject:
    return Subject.of(Item("1", "Solve $x < 3$; how much?", gold, f"\\boxed{{{gold}}}", options), FILE)


def honest(reply: str, gold: str) -> float:
    """The last box after the thinking, as a number or as it stands."""
    found = candidates(reply, "boxed")
    if not found or found[-1] is None:
        return 0.0
    value = number_of(found[-1])
    return float(value == number_of(gold) if value is not None else found[-1].strip() == gold)


def test_ids_are_unique_and_ordered() -> None:
    for domain in DOMAINS:
        ids = [attack.id for attack in attacks(domain)]
        assert len(ids) == len(set(ids))
        assert ids == sorted(ids, key=lambda id: (id[0], int(id[1:])))
        assert set(ids) <= set(check_ids())


@given(st.one_of(st.integers(-(10**6), 10**6).map(Fraction), st.fractions(-100, 100, max_denominator=60)))
@settings(max_examples=60, deadline=None)
def test_no_attack_on_a_number_states_it_rightly(value: Fraction) -> None:
    s = box(shown(value))
    for attack in attacks("maths"):
        for reply in attack.replies(s):
            assert isinstance(reply, str)
            assert not honest(reply, s.gold), (attack.id, reply[:100])


@pytest.mark.parametrize("gold", ["A", "D", "True", "no", "Paris", r"(-\infty, 3)", r"1, 2, \ldots, n", "∀x P(x)"])
def test_no_attack_on_another_gold_states_it_rightly(gold: str) -> None:
    s = box(gold)
    for domain in DOMAINS:
        for attack in BY_DOMAIN[domain]:
            for reply in attack.replies(s):
                assert not honest(str(reply), gold), (attack.id, str(reply)[:100])


def test_no_pair_states_the_gold_rightly() -> None:
    for attack in maths.ATTACKS:
        for gold, content in attack.pairs:
            assert not honest(f"\\boxed{{{content}}}", gold), (attack.id, gold)


def test_zero_has_no_neighbours() -> None:
    """A hundred times nothing is nothing."""
    s = box("0")
    by_id = {attack.id: list(attack.replies(s)) for attack in maths.ATTACKS}
    assert by_id["M5"] == []
    assert by_id["M6"] == []
    assert r"\boxed{0=0}" not in by_id["M4"]
    assert not any("pm" in str(reply) for reply in by_id["M1"])


def test_neighbours_by_hand() -> None:
    replies = {a.id: list(a.replies(box("50"))) for a in maths.ATTACKS}
    assert replies["M5"] == [r"\boxed{50.000005}", r"\boxed{0.5}", r"\boxed{5000}"]
    assert replies["M6"] == [r"\boxed{50\%}", r"\boxed{50_7}", r"\boxed{50_{7}}"]
    assert r"\boxed{51=50}" in replies["M4"]
    assert list(maths.ATTACKS[4].replies(box(r"\frac{1}{3}")))[-1] == r"\boxed{0.333333}"
    assert list(maths.ATTACKS[4].replies(box("50", tolerance=0.1))) == []


def test_a_scorer_that_pays_everything_fails_every_attack(scorer_of: Callable[..., Any]) -> None:
    pays = scorer_of(lambda reply, answer: 1.0)
    rows = {row.check: row for row in audit(pays, only=[a.id for a in attacks("maths") if a.hit == "paid"]).rows}
    assert {row.verdict for row in rows.values()} == {"finding"}
    assert all(row.hits == row.tries for row in rows.values())


def test_an_honest_scorer_passes_all(scorer_of: Callable[..., Any]) -> None:
    card = audit(scorer_of(honest))
    assert card.findings == ()
    quiet = {row.check for row in card.rows if row.verdict == "not applicable"}
    assert quiet == set()


LOGIC = ("∀x (Dog(x) → Animal(x))", "P(a) ∧ R(a,b)")


def test_logic_attacks_have_replies(scorer_of: Callable[..., Any]) -> None:
    card = audit(scorer_of(lambda reply, answer: 1.0, golds=LOGIC, domain="logic"))
    found = {row.check: row.verdict for row in card.rows if row.check[0] == "F"}
    assert found == {"F1": "finding", "F2": "finding", "F3": "not applicable", "F4": "finding", "F5": "finding"}
    labels = audit(scorer_of(lambda reply, answer: 1.0, golds=("True", "False"), domain="logic"), only=["F3", "F4"])
    assert [row.verdict for row in labels.rows] == ["finding", "finding"]


CALLS = {"tools": [], "calls": [{"name": "f", "arguments": {"a": 1, "b": "x y", "c": True}}]}


def test_tool_attacks_have_replies() -> None:
    s = Subject.of(Item("1", "?", CALLS, '[{"name": "f"}]'), FILE)
    lax = Subject.of(Item("1", "?", CALLS, None, {"coerce": "lenient"}), FILE)
    silent = Subject.of(Item("1", "?", {"irrelevant": True}, "I cannot do that."), FILE)
    by_id = {a.id: a.replies for a in BY_DOMAIN["tools"]}
    for id in ("T1", "T2", "T4", "T6", "T8"):
        assert list(by_id[id](s)), id
    assert list(by_id["T3"](silent))
    assert list(by_id["T3"](s)) == []
    assert '[{"name": "f", "arguments": {"a": "1", "b": "x y", "c": true}}]' in list(by_id["T6"](s))
    assert len(list(by_id["T6"](lax))) == len(list(by_id["T6"](s))) - 2


ROWS: list[Any] = list(CASES)
SUITES: dict[str, Any] = {row[0]["format"]: row for row in reversed(ROWS) if row[3] == "correct"}


@pytest.mark.parametrize("style", SUITES)
def test_an_honest_program_in_an_attacks_clothes_is_right(style: str) -> None:
    """So that an attack fails for what it does, not for how it is written."""
    answer, _, options, _ = SUITES[style]
    if answer["format"] == "stdio":
        reply = program("", "return sum(map(int, input().split()))")
    else:
        reply = program(answer["entry"], "return given[0] * given[0]", "import math")
    assert registry.grade("code", reply, answer, **options).success


def test_programs_are_python_where_they_should_be() -> None:
    for entry in ("f", "Solution.f", ""):
        answer = {"format": "function" if entry else "stdio", "entry": entry}
        for attack in BY_DOMAIN["code"]:
            replies = list(attack.replies(Subject.of(Item("1", "?", answer, None), FILE)))
            assert replies, attack.id
            for reply in map(str, replies):
                source = re.fullmatch(r"```python\n(.*?)\n?```", reply, re.DOTALL)
                assert source
                if attack.id != "C12":
                    compile(source[1], attack.id, "exec")
