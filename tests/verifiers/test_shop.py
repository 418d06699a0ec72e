"""The web shop's reward: a table by hand, every trap of the original, and the strict result that none of them fools."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentrl.errors import ConfigError, MissingExtraError
from agentrl.golds import gold_problem, mutated_golds, rewritten_golds
from agentrl.registry import grade
from agentrl.types import SCORED, Message, Transcript, Verdict
from agentrl.verifiers._shop.cases import CASES, GOAL, PRODUCT, bought
from agentrl.verifiers._shop.colours import COLOURS, colour_or_text
from agentrl.verifiers._shop.records import price_limits, read_goal, read_purchase
from agentrl.verifiers._shop.reward import Parts, alike, type_factor

NOUNS = [f"noun{i}" for i in range(20)]


def transcript(**fields: Any) -> Transcript:
    return Transcript((), {"purchase": fields})


def records(
    shared: int, listed: int, query: bool = False, categories: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A goal whose title has `listed` nouns and a product that has `shared` of them."""
    names = [f"c{i}" for i in range(3)]
    goal = {**GOAL, "nouns": NOUNS[:listed], "query": "wanted", "product_category": " › ".join(names)}
    there = " › ".join([*names[:categories], "x", "y"])
    product = {**PRODUCT, "nouns": [*NOUNS[:shared], "else"], "query": "wanted" if query else "other"}
    return goal, {**product, "product_category": there}


def buy(factor: Fraction, attributes: tuple[int, int], options: tuple[int, int], paid: bool) -> Verdict:
    """A purchase of these parts, by records that have them."""
    overlap = {Fraction(1): (3, 10), Fraction(1, 2): (1, 5), Fraction(1, 10): (1, 11), Fraction(0): (0, 5)}[factor]
    goal, product = records(*overlap)
    goal["attributes"] = [f"wish{i * 1111}" for i in range(attributes[1])]
    goal["goal_options"] = [f"choice{i * 1111}" for i in range(options[1])]
    product = {**product, "Attributes": goal["attributes"][: attributes[0]]}
    chosen = {f"o{i}": value for i, value in enumerate(goal["goal_options"][: options[0]])}
    return grade("shop", transcript(product=product, options=chosen, price=39.0 if paid else 41.0), goal)


@pytest.mark.parametrize(
    ("factor", "attributes", "options", "paid", "expected"),
    [
        ("1", (2, 2), (1, 1), True, 1.0),
        ("1", (2, 2), (0, 1), True, 0.75),
        ("1", (1, 2), (1, 1), False, 0.5),
        ("1/2", (2, 2), (1, 1), True, 0.5),
        ("1/10", (0, 2), (0, 1), True, 0.025),
        ("0", (2, 2), (1, 1), True, 0.0),
        ("0", (0, 2), (1, 1), False, 0.0),
        ("1", (2, 3), (1, 1), True, 0.8),
        ("1/2", (3, 3), (1, 1), True, 0.5),
        ("1", (0, 2), (0, 1), False, 0.0),
        ("1", (0, 0), (0, 0), True, 1.0),  # the original divides by zero without attributes
        ("1", (0, 0), (0, 1), True, 0.5),
        ("1", (1, 3), (0, 2), True, 1 / 3),
        ("1/10", (3, 3), (2, 2), True, 0.1),
        ("1/2", (0, 4), (3, 4), False, 1 / 6),
    ],
)
def test_golden_table(
    factor: str, attributes: tuple[int, int], options: tuple[int, int], paid: bool, expected: float
) -> None:
    verdict = buy(Fraction(factor), attributes, options, paid)
    assert verdict.score == expected
    met = (True,) * attributes[0] + (False,) * (attributes[1] - attributes[0])
    chosen = (True,) * options[0] + (False,) * (options[1] - options[0])
    assert float(Parts(Fraction(factor), met, chosen, paid).score) == expected
    seen = [(check.name, check.passed) for check in verdict.checks]
    assert seen[0] == ("type", factor == "1")
    assert [passed for name, passed in seen if name.startswith("attribute")] == list(met)
    assert [passed for name, passed in seen if name.startswith("option")] == list(chosen)
    assert seen[-2:] == [("price", paid), ("strict", seen[-1][1])]


@pytest.mark.parametrize(
    ("shared", "listed", "query", "categories", "expected"),
    [
        (3, 10, False, 0, 1),  # 0.3 of the nouns
        (1, 5, False, 0, Fraction(1, 2)),  # 0.2 is not more than 0.2
        (1, 5, True, 0, 1),
        (1, 5, False, 1, Fraction(1, 2)),
        (1, 5, False, 2, 1),
        (1, 10, False, 0, Fraction(1, 2)),  # 0.1 is not less than 0.1
        (1, 10, True, 2, 1),
        (1, 11, True, 2, Fraction(1, 10)),  # and the titles overrule query and category
        (0, 5, True, 2, 0),
        (0, 0, False, 0, Fraction(1, 2)),  # no nouns count as a fifth
        (0, 0, True, 0, 1),
    ],
)
def test_type_cascade(shared: int, listed: int, query: bool, categories: int, expected: Fraction) -> None:
    goal, product = records(shared, listed, query, categories)
    assert type_factor(read_goal(goal), read_purchase({"product": product, "price": 1})) == expected


def test_a_repeated_noun_counts_twice_below_the_line() -> None:
    goal, product = records(1, 5)
    goal["nouns"] = ["noun0"] * 5
    assert type_factor(read_goal(goal), read_purchase({"product": product, "price": 1})) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("chosen", "score", "strictly"),
    [
        ({"color": "black"}, 1.0, True),
        ({"color": " BLACK "}, 1.0, True),
        ({"color": "black white leopard"}, 1.0, False),  # words of one among those of the other
        ({"color": "matte-black"}, 1.0, False),  # the first colour in it
        ({"color": "jet black gold"}, 1.0, False),
        ({"color": "blackberry"}, 1.0, False),  # the colour inside a word
        ({"color": "aqua black"}, 0.75, False),  # aqua comes first in the alphabet
        ({"color": "white"}, 0.75, False),
        ({"size": "black"}, 1.0, False),  # names do not matter to the original
        ({}, 0.75, False),
    ],
)
def test_options(chosen: dict[str, str], score: float, strictly: bool) -> None:
    verdict = grade("shop", bought(options=chosen), GOAL)
    assert verdict.score == score
    assert verdict.checks[-1].passed == strictly
    assert grade("shop", bought(options=chosen), GOAL, reward="strict").score == strictly


@pytest.mark.parametrize("other", ["white", "black"])
@pytest.mark.parametrize("name", ["COLOR", " Color "])
def test_an_option_named_twice_is_not_strictly_met(name: str, other: str) -> None:
    for chosen in ({"color": "black", name: other}, {name: other, "color": "black"}):
        assert not grade("shop", bought(options=chosen), GOAL, reward="strict").success
        assert grade("shop", bought(options=chosen), GOAL).success  # the formula has no names


def test_strict_options_without_names_need_one_choice_each() -> None:
    goal = {**GOAL, "goal_options": ["8", "8"]}
    assert not grade("shop", bought(options={"size": "8"}), goal, reward="strict").success
    assert grade("shop", bought(options={"size": "8", "width": "8", "color": "red"}), goal, reward="strict").success
    assert grade("shop", bought(options={"size": "8"}), goal).success


@pytest.mark.parametrize(
    ("where", "met"),
    [
        ({"Attributes": ["machine washable", "long sleeves"]}, 2),  # 2 * 12 / (12 + 16) = 85.7 of 100
        ({"Attributes": ["machine washability", "long sleeves"]}, 1),
        ({"Attributes": [], "Title": "LONG SLEEVE shirt, machine wash"}, 2),
        ({"Attributes": [], "BulletPoints": ["long", "sleeve"]}, 1),  # bullet points are read as one text
        ({"Attributes": [], "Description": "machine-wash, long sleeve"}, 1),
        ({"Attributes": ["wash"]}, 1),
        ({"Attributes": [""]}, 0),
    ],
)
def test_attributes(where: dict[str, Any], met: int) -> None:
    plain = {**PRODUCT, "Title": "", "BulletPoints": [], "Description": ""}
    verdict = grade("shop", bought({**plain, **where}), GOAL)
    assert verdict.score == (met + 2) / 4


def test_the_ratio_is_rounded_as_in_the_original() -> None:
    assert not alike("a" * 23 + "b" * 4, ["a" * 27])  # 85.19
    assert alike("oils", ["oil"])  # 85.71
    assert not alike("", [""])
    assert alike("Café, cup", ["CAF CUP"])  # Latin-1 letters are left out


def test_colours() -> None:
    assert list(COLOURS) == sorted(COLOURS)
    assert len(COLOURS) == 102
    assert [colour_or_text(text) for text in ("z2-pink", "light blue", "grey", "tanned", "8")] == [
        "pink",
        "blue",
        "grey",
        "tan",
        "8",
    ]


def test_prices() -> None:
    assert grade("shop", bought(price=40), GOAL).score == 1
    assert grade("shop", bought(price=40.000001), GOAL).score == 0.75
    for unlimited in ({**GOAL, "price_upper": None}, {k: v for k, v in GOAL.items() if k != "price_upper"}):
        assert grade("shop", bought(price=999_999.0), unlimited).score == 1
        assert grade("shop", bought(price=1_000_001), unlimited).score == 0.75
    assert price_limits(0) == (20, 30, 40)
    assert price_limits(969.99) == (980, 990)
    assert price_limits(5000) == (1_000_000,)


@pytest.mark.parametrize("limit", [0, -5.0, float("nan"), float("inf"), "40", True, 10**400])
def test_a_bad_limit_is_the_tasks_fault(limit: Any) -> None:
    goal = {**GOAL, "price_upper": limit}
    assert grade("shop", bought(), goal).status == "task_invalid"
    assert "price_upper" in gold_problem("shop", goal)


@pytest.mark.parametrize("field", ["asin", "query", "product_category", "nouns", "attributes", "goal_options"])
@pytest.mark.parametrize("value", [None, 7, [7], {"a": 7}, "x" * 501, ["x"] * 201])
def test_a_goal_of_another_shape_is_the_tasks_fault(field: str, value: Any) -> None:
    goal = {**GOAL, field: value}
    assert grade("shop", bought(), goal).status == "task_invalid"
    assert gold_problem("shop", goal)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"goal_options": {"color": "black", "COLOR": "white"}}, "twice"),
        ({"goal_options": {"color": "black", " color": "black"}}, "twice"),
        ({"goal_options": {"": "black"}}, "blank name"),
        ({"goal_options": {"color": " "}}, "blank value"),
        ({"goal_options": [""]}, "blank value"),
        ({"goal_options": {f"o{i}": "8" for i in range(201)}}, "object"),
        ({"attributes": ["long sleeve", " "]}, "attributes must not be blank"),
    ],
)
def test_a_goal_that_means_nothing_certain_is_the_tasks_fault(change: dict[str, Any], why: str) -> None:
    goal = {**GOAL, **change}
    for reward in ("webshop", "strict"):
        assert grade("shop", bought(), goal, reward=reward).status == "task_invalid"
        assert why in gold_problem("shop", goal, {"reward": reward})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"goal_options": ["--"]}, "no purchase can score 1: option 1 "),
        ({"goal_options": {"size": "8", "color": "\u00e9"}}, "no purchase can score 1: option 2 "),
        ({"attributes": ["long sleeve", "\u00c9"]}, "no purchase can score 1: attribute 2 "),
        ({"nouns": ["shirt"] * 11}, "no purchase can score 1: over nine tenths of its nouns"),
        ({"nouns": ["shirt"] * 10}, ""),
        ({"nouns": []}, ""),
        ({"attributes": ["\u00e9", "--"]}, ""),  # told in the description
        ({"goal_options": ["\u9ed1"]}, ""),
    ],
)
def test_a_goal_that_its_own_product_does_not_meet_is_no_gold(change: dict[str, Any], why: str) -> None:
    problem = gold_problem("shop", {**GOAL, **change})
    assert problem.startswith(why)
    assert bool(problem) == bool(why)
    assert gold_problem("shop", {**GOAL, **change}, {"reward": "strict"}) == ""


@pytest.mark.parametrize("answer", [None, "", [], 7, {}])
def test_no_goal_is_the_tasks_fault(answer: Any) -> None:
    assert grade("shop", "", answer).status == "task_invalid"


@pytest.mark.parametrize(
    "purchase",
    [
        "B0SHIRT",
        {},
        {"product": PRODUCT},
        {"product": "B0SHIRT", "price": 3},
        {"product": {**PRODUCT, "nouns": None}, "price": 3},
        {"product": {**PRODUCT, "Title": 3}, "price": 3},
        {"product": {**PRODUCT, "Description": "x" * 200_001}, "price": 3},
        {"product": PRODUCT, "options": {"color": 3}, "price": 3},
        {"product": PRODUCT, "options": ["black"], "price": 3},
        {"product": PRODUCT, "price": float("nan")},
        {"product": PRODUCT, "price": -1},
        {"product": PRODUCT, "price": True},
    ],
)
def test_a_purchase_of_another_shape_is_malformed(purchase: Any) -> None:
    verdict = grade("shop", Transcript((), {"purchase": purchase}), GOAL)
    assert (verdict.score, verdict.status) == (0.0, "malformed")


@pytest.mark.parametrize(
    "reply", ["", "Find me a black shirt with long sleeves.", '{"purchase": 1}', "noise 7 " * 1250]
)
def test_constant_policies_score_nothing(reply: str) -> None:
    for answer, _, options, status in CASES:
        if status != "task_invalid":
            verdict = grade("shop", reply, answer, **options)
            assert (verdict.score, verdict.status) == (0.0, "no_answer")


def test_words_do_not_count() -> None:
    wrong = bought(options={"color": "white"}, said="I chose black, B0SHIRT.")
    assert grade("shop", wrong, GOAL).score == 0.75
    said = Transcript((Message("user", "x"), Message("assistant", json.dumps({"purchase": {"product": PRODUCT}}))))
    assert grade("shop", said, GOAL).status == "no_answer"


def test_what_the_policy_searched_for_does_not_count() -> None:
    goal, product = records(1, 5)
    searched = {"product": product, "options": {}, "price": 1.0, "query": goal["query"]}
    assert grade("shop", transcript(**searched), goal).checks[0].passed is False


@pytest.mark.parametrize("reward", ["webshop", "strict"])
@pytest.mark.parametrize("options", [{"color": "black", "size": "x-large"}, ["black", "x-large"], {}, []])
@pytest.mark.parametrize("limit", [40.0, None])
def test_golds_rewrites_and_mutations(options: Any, limit: float | None, reward: str) -> None:
    goal = {**GOAL, "goal_options": options, "price_upper": limit}
    assert gold_problem("shop", goal, {"reward": reward}) == ""
    for reply in rewritten_golds("shop", goal, {"reward": reward}):
        assert grade("shop", reply, goal, reward=reward).success
    for reply in mutated_golds("shop", goal, {"reward": reward}):
        assert not grade("shop", reply, goal, reward=reward).success


@pytest.mark.parametrize("reward", ["Strict", "", None, ["strict"]])
def test_an_unknown_reward_is_the_callers_fault(reward: Any) -> None:
    with pytest.raises(ConfigError, match="reward must be one of webshop, strict; got"):
        grade("shop", bought(), GOAL, reward=reward)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(MissingExtraError, match=r"agentrl\[shop\]"):
        grade("shop", bought(), GOAL)


@settings(deadline=None, max_examples=150)
@given(st.recursive(st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()), st.lists), st.text())
def test_nothing_raises(value: Any, said: str) -> None:
    for purchase in (value, {"product": value, "price": 1}, {"product": {**PRODUCT, "Attributes": value}, "price": 1}):
        verdict = grade("shop", Transcript((Message("assistant", said),), {"purchase": purchase}), GOAL)
        assert verdict.status in SCORED
    assert grade("shop", bought(price=value), GOAL).status in SCORED


texts = st.sampled_from(["black", "white", "8", "x-large", "z2-pink", "black white leopard", "silver mist"])


@settings(deadline=None, max_examples=150)
@given(st.lists(texts, max_size=3), st.dictionaries(st.sampled_from("abc"), texts), st.floats(0, 100))
def test_strict_is_never_met_where_the_reward_is_not(
    wanted: list[str], chosen: Mapping[str, str], price: float
) -> None:
    goal = {**GOAL, "goal_options": wanted}
    reply = bought(options=dict(chosen), price=price)
    verdict = grade("shop", reply, goal)
    assert verdict.score >= grade("shop", reply, goal, reward="strict").score


def test_the_verdict_does_not_show_the_goal() -> None:
    goal = {**GOAL, "asin": "B0SECRET", "attributes": ["hidden wish"], "nouns": ["hush"]}
    assert not {"SECRET", "hidden", "hush"} & set(repr(grade("shop", bought(), goal)).replace("'", " ").split())
