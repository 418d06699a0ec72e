"""Journeys' plans: every check by hand, the holes of the original grader, the rates of many plans."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError, DataError
from agentrl.golds import gold_problem, gold_reply, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.types import SCORED, Message, Task, Transcript, Verdict
from agentrl.verifiers._plan.cases import ANSWER, CASES, PLAN, QUERY, WORLD, changed
from agentrl.verifiers._plan.commonsense import COMMONSENSE
from agentrl.verifiers._plan.hard import HARD, applicable, cost
from agentrl.verifiers._plan.rates import assess, rates
from agentrl.verifiers._plan.reading import read_plan
from agentrl.verifiers._plan.world import read_query, read_world
from agentrl.verifiers.plan import assessment, verify

FREE: dict[str, Any] = {**QUERY, "constraints": {}}


def failing(reply: str, query: dict[str, Any] = QUERY, world: dict[str, Any] = WORLD) -> set[str]:
    """The names of the checks that a reply fails."""
    verdict = grade("plan", reply, {"query": query, "world": world}, reward="micro")
    return {check.name.partition(" ")[2] for check in verdict.checks if not check.passed}


def with_rows(table: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {**WORLD, table: [*WORLD[table], *rows]}


def test_the_right_plan_passes_everything() -> None:
    verdict = grade("plan", json.dumps(PLAN), ANSWER)
    assert verdict.success
    assert len(verdict.checks) == 13
    assert failing(json.dumps(PLAN)) == set()
    assert {check.detail for check in verdict.checks} == {""}


def test_what_it_costs() -> None:
    """Flights 2 (100 + 90), meals 2 (30 + 10 + 20 + 15 + 5), one loft for two nights 2 x 120: 780."""
    query, world, plan = read_query(QUERY), read_world(WORLD), read_plan(json.dumps(PLAN))
    assert cost(query, world, plan) == 780
    assert failing(json.dumps(PLAN), {**QUERY, "budget": 780}) == set()
    assert failing(json.dumps(PLAN), {**QUERY, "budget": 779.99}) == {"budget"}


@pytest.mark.parametrize(
    ("people", "kind", "expected"),
    [(1, "drive", 40), (5, "drive", 40), (6, "drive", 80), (4, "taxi", 200), (5, "taxi", 400), (9, "taxi", 600)],
)
def test_cars_are_whole(people: int, kind: str, expected: int) -> None:
    day = {**PLAN[0], "transport": {kind: {"from": "Ames", "to": "Bow"}}, "dinner": None, "accommodation": None}
    query, world = read_query({**QUERY, "people": people}), read_world(WORLD)
    assert cost(query, world, read_plan(json.dumps([day]))) == expected


@pytest.mark.parametrize(("people", "lodging", "expected"), [(2, "Loft", 120), (3, "Loft", 240), (3, "Attic", 150)])
def test_rooms_are_whole(people: int, lodging: str, expected: int) -> None:
    day = {**PLAN[1], "day": 1, **dict.fromkeys(("breakfast", "lunch", "dinner")), "accommodation": lodging}
    query, world = read_query({**QUERY, "people": people}), read_world(WORLD)
    assert cost(query, world, read_plan(json.dumps([day]))) == expected


def test_what_does_not_exist_has_no_price() -> None:
    query, world = read_query(QUERY), read_world(WORLD)
    for entries in ({"lunch": "Nowhere"}, {"accommodation": "Nowhere"}, {"transport": {"flight": "F9", "date": "x"}}):
        assert cost(query, world, read_plan(changed(2, **entries))) is None
    taxi = {"taxi": {"from": "Bow", "to": "Cade"}}
    assert cost(query, world, read_plan(changed(2, transport=taxi))) is None


# Each check, broken alone (with what follows from it).

DRIVE = {"drive": {"from": "Ames", "to": "Bow"}}
TAXI = {"taxi": {"from": "Ames", "to": "Bow"}}
HARD_NAMES = {"budget", "room_rule", "room_type", "cuisine", "transport"}


@pytest.mark.parametrize(
    ("reply", "broken"),
    [
        (changed(2, breakfast="Nowhere"), {"within_sandbox", "within_current_city", *HARD_NAMES}),
        (changed(2, attractions=["Nowhere"]), {"within_sandbox", "within_current_city", *HARD_NAMES}),
        (
            changed(2, accommodation="Nowhere"),
            {"within_sandbox", "within_current_city", "minimum_nights", *HARD_NAMES},
        ),
        (changed(2, attractions=[]), {"complete", "diverse_attractions", *HARD_NAMES}),
        (changed(2, breakfast=None), {"complete", *HARD_NAMES}),
        (changed(1, transport=None), {"complete", "consistent_transport", *HARD_NAMES}),
        (changed(2, accommodation=None), {"complete", "minimum_nights", *HARD_NAMES}),
        (changed(2, breakfast="Cafe Ames", lunch="Tandoor"), {"within_current_city", "diverse_restaurants"}),
        (changed(2, attractions=["Zoo"]), {"within_current_city"}),
        (changed(2, dinner="Bistro"), {"diverse_restaurants"}),
        (changed(2, attractions=["Park", "Museum", "Park"]), {"diverse_attractions"}),
        (changed(1, transport=DRIVE), {"consistent_transport", "transport"}),
        (changed(1, transport=TAXI), set()),
        (changed(2, accommodation="Attic"), {"minimum_nights", "room_rule", "room_type"}),
        (changed(1, dinner="Diner").replace('"breakfast": "Diner"', '"breakfast": "Bistro"'), set()),
        (changed(2, lunch="Cafe Ames"), {"within_current_city", "diverse_restaurants", "cuisine"}),
        (changed(1, dinner=None), {"cuisine"}),
    ],
)
def test_each_check_alone(reply: str, broken: set[str]) -> None:
    assert failing(reply) == broken


def test_names_of_all_checks() -> None:
    assert len(COMMONSENSE) == 8
    assert set(HARD) == HARD_NAMES
    assert {name for names in (COMMONSENSE, HARD) for name in names} >= failing("[]")


@pytest.mark.parametrize(
    ("constraints", "names"),
    [
        ({}, ["budget"]),
        ({"house_rule": None, "cuisines": []}, ["budget"]),
        ({"house_rule": "pets"}, ["budget", "room_rule"]),
        ({"cuisines": ["French"], "transport": "no flight"}, ["budget", "cuisine", "transport"]),
        (QUERY["constraints"], ["budget", "room_rule", "room_type", "cuisine", "transport"]),
    ],
)
def test_the_denominator_is_known_before_the_plan(constraints: dict[str, Any], names: list[str]) -> None:
    query, world = read_query({**QUERY, "constraints": constraints}), read_world(WORLD)
    assert list(applicable(query)) == names
    for plan in (read_plan(json.dumps(PLAN)), read_plan(changed(2, lunch="Nowhere")), ()):
        assert list(assess(query, world, plan).hard) == names
    answer = {"query": {**QUERY, "constraints": constraints}, "world": WORLD}
    for reply in (json.dumps(PLAN), "[]", "", "nonsense", changed(2, lunch="Nowhere")):
        assert len(grade("plan", reply, answer).checks) == 8 + len(names)


@pytest.mark.parametrize(
    ("wish", "kinds"),
    [
        ("shared room", ["Shared room"]),
        ("private room", ["Private room"]),
        ("entire room", ["Entire home/apt"]),
        ("not shared room", ["Private room", "Entire home/apt"]),
    ],
)
def test_room_types(wish: str, kinds: list[str]) -> None:
    query = {**QUERY, "constraints": {"room_type": wish}}
    for kind in ("Shared room", "Private room", "Entire home/apt"):
        world = {**WORLD, "accommodations": [{**WORLD["accommodations"][0], "room_type": kind}]}
        assert failing(json.dumps(PLAN), query, world) == (set() if kind in kinds else {"room_type"})


@pytest.mark.parametrize("rule", ["smoking", "parties", "children under 10", "visitors", "pets"])
def test_room_rules(rule: str) -> None:
    world = {**WORLD, "accommodations": [{**WORLD["accommodations"][0], "forbids": [rule]}]}
    assert failing(json.dumps(PLAN), {**QUERY, "constraints": {"house_rule": rule}}, world) == {"room_rule"}
    assert failing(json.dumps(PLAN), FREE, world) == set()


def test_transport_wishes() -> None:
    assert failing(json.dumps(PLAN), {**QUERY, "constraints": {"transport": "no flight"}}) == {"transport"}
    back = {"drive": {"from": "Bow", "to": "Ames"}}
    days = [{**PLAN[0], "transport": DRIVE}, PLAN[1], {**PLAN[2], "transport": back}]
    assert failing(json.dumps(days), {**QUERY, "constraints": {"transport": "no flight"}}) == set()
    assert failing(json.dumps(days)) == {"transport"}
    days[0] = {**PLAN[0], "transport": TAXI}
    assert failing(json.dumps(days), FREE) == {"consistent_transport"}


# The rewards.


@pytest.mark.parametrize(
    ("reply", "budget", "final", "micro", "gated"),
    [
        (json.dumps(PLAN), 780, 1, Fraction(1), Fraction(1)),
        (json.dumps(PLAN), 779, 0, Fraction(12, 13), Fraction(4, 5)),
        (changed(2, dinner="Bistro"), 1000, 0, Fraction(12, 13), Fraction(7, 8)),
        (changed(2, accommodation="Attic"), 1000, 0, Fraction(10, 13), Fraction(7, 8) * Fraction(3, 5)),
        (changed(2, breakfast=None), 1000, 0, Fraction(7, 13), Fraction(0)),
        (changed(2, breakfast="Nowhere"), 1000, 0, Fraction(6, 13), Fraction(0)),
        ("[]", 1000, 0, Fraction(0), Fraction(0)),
    ],
)
def test_rewards(reply: str, budget: int, final: int, micro: Fraction, gated: Fraction) -> None:
    answer = {"query": {**QUERY, "budget": budget}, "world": WORLD}
    for reward, expected in (("final", final), ("micro", micro), ("gated", gated)):
        verdict = grade("plan", reply, answer, reward=reward)
        assert verdict.score == float(expected)
        assert (verdict.status == "correct") == (expected == 1)


def test_rates_of_many_plans() -> None:
    """Three queries: 13, 9 and 13 checks; the second plan breaks the budget, the third was never delivered."""
    world, plan = read_world(WORLD), read_plan(json.dumps(PLAN))
    full, cheap = read_query(QUERY), read_query({**FREE, "budget": 1})
    found = rates([assess(full, world, plan), assess(cheap, world, plan), assess(full, world, ())])
    assert found.delivery == Fraction(2, 3)
    assert found.commonsense_micro == Fraction(16, 24)
    assert found.commonsense_macro == Fraction(2, 3)
    assert found.hard_micro == Fraction(5, 5 + 1 + 5)
    assert found.hard_macro == Fraction(1, 3)
    assert found.final == Fraction(1, 3)
    closed = rates([assess(full, world, read_plan(changed(2, lunch="Nowhere")))])
    assert [closed.delivery, closed.commonsense_micro, closed.hard_micro] == [1, Fraction(6, 8), 0]
    with pytest.raises(ValueError, match="no plan to rate"):
        rates([])


def test_assessments_come_from_replies() -> None:
    task = Task("t", (), {"query": QUERY}, {"world": WORLD})
    replies = [json.dumps(PLAN), "", "nonsense"]
    found = [assessment(task, Transcript((Message("assistant", reply),))) for reply in replies]
    assert [a.delivered for a in found] == [True, False, False]
    assert rates(found).final == Fraction(1, 3)
    with pytest.raises(DataError, match="world"):
        assessment(Task("t", (), {"query": QUERY}), Transcript(()))


# The contract.


def test_the_world_may_stand_in_the_data() -> None:
    said = Transcript((Message("assistant", json.dumps(PLAN)),))
    assert verify(Task("t", (), {"query": QUERY}, {"world": WORLD}), said).success
    assert verify(Task("t", (), {"query": QUERY}, {}), said).status == "task_invalid"


@pytest.mark.parametrize(
    "reply",
    [
        "{}",
        '"plan"',
        "[1]",
        "[[]]",
        "null",
        "[{}]",
        json.dumps(PLAN) + " and a tip",
        json.dumps([*PLAN, *PLAN]),
        json.dumps(PLAN * 21),
        changed(2, day=3),
        changed(2, day="2"),
        changed(1, day=True),
        changed(2, city=None),
        changed(2, city=["Bow"]),
        changed(2, city={"from": "Ames"}),
        changed(2, transport="taxi"),
        changed(2, transport={}),
        changed(2, transport={"drive": "Bow"}),
        changed(2, transport={"bus": {"from": "Bow", "to": "Ames"}}),
        changed(2, transport={"flight": "F1"}),
        changed(2, lunch=""),
        changed(2, lunch=["Diner"]),
        changed(2, lunch=7),
        changed(2, attractions="Museum;Park;"),
        changed(2, attractions=None),
        changed(2, attractions=["Museum"] * 21),
        changed(2, accommodation="x" * 301),
        changed(2, lunch="Diner").replace('"lunch"', '"dinner"'),
        f"```\n{json.dumps(PLAN)}\n```\n```\n{json.dumps(PLAN)}\n```",
        "[" * 60 + "]" * 60,
        "[" * 90_000,
        json.dumps(PLAN).ljust(100_001),
    ],
)
def test_what_cannot_be_read_is_malformed(reply: str) -> None:
    for reward in ("final", "micro", "gated"):
        verdict = grade("plan", reply, ANSWER, reward=reward)
        assert (verdict.score, verdict.status) == (0.0, "malformed")
        assert len(verdict.feedback) <= 300
        assert not any(check.passed for check in verdict.checks)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "query"),
        ({"query": None, "world": WORLD}, "query must be"),
        ({"query": {**QUERY, "origin": ""}, "world": WORLD}, "origin"),
        ({"query": {**QUERY, "dates": ["2022-03-16", "2022-03-18"]}, "world": WORLD}, "day by day"),
        ({"query": {**QUERY, "dates": ["16 March", "17 March"]}, "world": WORLD}, "a date"),
        ({"query": {**QUERY, "dates": ["2022-03-16"]}, "world": WORLD}, "dates"),
        ({"query": {**QUERY, "people": 1.5}, "world": WORLD}, "people"),
        ({"query": {**QUERY, "budget": float("nan")}, "world": WORLD}, "budget"),
        ({"query": {**QUERY, "budget": True}, "world": WORLD}, "budget"),
        ({"query": {**QUERY, "constraints": {"house rule": "pets"}}, "world": WORLD}, "constraints"),
        ({"query": {**QUERY, "constraints": {"house_rule": "parities"}}, "world": WORLD}, "house_rule"),
        ({"query": {**QUERY, "constraints": {"room_type": "suite"}}, "world": WORLD}, "room_type"),
        ({"query": {**QUERY, "constraints": {"transport": "no taxi"}}, "world": WORLD}, "transport"),
        ({"query": {**QUERY, "constraints": {"cuisines": "French"}}, "world": WORLD}, "cuisines"),
        ({"query": QUERY, "world": {}}, "cities"),
        ({"query": QUERY, "world": {**WORLD, "flights": {}}}, "flights"),
        ({"query": QUERY, "world": with_rows("restaurants", {"id": "Bistro", "city": "Bow", "cost": 1})}, "one id"),
        ({"query": QUERY, "world": with_rows("restaurants", {"id": "New", "city": "Bow"})}, "restaurants: cost"),
        ({"query": QUERY, "world": with_rows("attractions", {"id": 7, "city": "Bow"})}, "attractions: id"),
        (
            {"query": QUERY, "world": with_rows("accommodations", {**WORLD["accommodations"][0], "forbids": ["dogs"]})},
            "forbids",
        ),
    ],
)
def test_a_bad_gold_is_the_tasks_fault(answer: Any, words: str) -> None:
    verdict = grade("plan", json.dumps(PLAN), answer)
    assert verdict.status == "task_invalid"
    assert words in verdict.feedback
    assert words in gold_problem("plan", answer)


def test_golds_rewrites_and_mutations() -> None:
    assert gold_problem("plan", ANSWER) == ""
    assert gold_problem("plan", {**ANSWER, "plan": PLAN[:2]}).startswith("its own reply is incorrect")
    assert gold_reply("plan", {"query": QUERY, "world": WORLD}) is None
    assert gold_problem("plan", {"query": QUERY, "world": WORLD}) == ""
    assert all(grade("plan", reply, ANSWER).success for reply in rewritten_golds("plan", ANSWER))
    wrong = list(mutated_golds("plan", ANSWER))
    assert len(wrong) == 4
    for reward in ("final", "micro", "gated"):
        assert not any(grade("plan", reply, ANSWER, reward=reward).success for reply in wrong)


@pytest.mark.parametrize("reward", ["Final", "", None, ["final"]])
def test_an_unknown_reward_is_the_callers_fault(reward: Any) -> None:
    with pytest.raises(ConfigError, match="reward must be one of final, micro, gated; got"):
        grade("plan", "", ANSWER, reward=reward)


@pytest.mark.parametrize("reply", ["", "Plan a trip from Ames to Bow.", "[]", "[{}, {}, {}]", "noise 7 " * 1250])
def test_constant_policies_score_nothing(reply: str) -> None:
    for answer, _, _, status in CASES:
        for reward in ("final", "micro", "gated"):
            if status != "task_invalid":
                assert grade("plan", reply, answer, reward=reward).score == 0


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(["Bow", "Ames", "Loft"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["from", "to", "taxi"]), inner),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 3), st.sampled_from(list(PLAN[0])), values)
def test_no_entry_raises(day: int, key: str, value: Any) -> None:
    verdict = grade("plan", changed(day, **{key: value}), ANSWER, reward="micro")
    assert verdict.status in SCORED
    assert 0 <= verdict.score <= 1
    assert verdict.success == (verdict.score == 1)


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.text(), st.text(alphabet='[]{}",:1a`\n')))
def test_no_text_raises(reply: str) -> None:
    assert grade("plan", reply, ANSWER, reward="micro").score == 0


def test_no_check_is_kept_by_leaving_its_matter_out() -> None:
    bare = [{**day, "transport": None, "attractions": [], "accommodation": None} for day in PLAN]
    bare = [{**day, **dict.fromkeys(("breakfast", "lunch", "dinner"))} for day in bare]
    assert failing(json.dumps(bare)) == {*COMMONSENSE, *HARD} - {"reasonable_route"}
    checks: list[Callable[..., Any]] = [*COMMONSENSE.values(), *HARD.values()]
    assert not any(check(read_query(QUERY), read_world(WORLD), ()).passed for check in checks)


def test_the_verdict_does_not_show_the_right_plan() -> None:
    verdict: Verdict = grade("plan", changed(2, lunch="Nowhere"), ANSWER)
    assert verdict.feedback.startswith("7 of 13 checks fail; commonsense within_sandbox: day 2")
    assert not any(name in verdict.feedback for name in ("Tandoor", "Loft", "1000"))
