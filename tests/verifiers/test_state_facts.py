"""Facts in a message: values of their types, not among others, and not by substrings."""

from __future__ import annotations

import time
from typing import Any

import pytest

from agentrl import registry
from agentrl.verifiers._tools.cases_state import end, shop
from agentrl.verifiers._tools.facts import read_facts


def failed(said: str, gold: Any) -> set[str]:
    verdict = registry.grade("state", end(shop(), said), gold)
    assert verdict.status in ("correct", "incorrect")
    return {check.name for check in verdict.checks if not check.passed}


def number(value: float, **options: Any) -> dict[str, Any]:
    return {"type": "number", "value": value, **options}


DAY = {"type": "date", "value": "2024-05-06"}
ORDER = {"type": "id", "value": "#W2378156"}
CARD = {"type": "text", "value": "gold", "among": ["gold plus", "silver"]}
STATED = [  # the fact, texts that state it, texts that do not
    (number(54.04), ["It is $54.04.", "54.04", "total: 54.04!"], ["54.4", "154.04", "54.041", "-54.04"]),
    (number(1234.5), ["1,234.50", "1234.5"], ["1,2345", "1.234,5", "1 234.5"]),
    (number(-3), ["it fell by −3 degrees", "(-3)", "-3"], ["3", "5-3", "1--3"]),
    (
        number(5),
        ["There are 5 of 7.", "5%"],
        ["2024-05-05", "5 May 2024", "May 5, 2024", "5/5/2024", "#W5", "05:05", "4-5", "five", "5th"],
    ),
    (number(10, rel=0.01), ["10.05"], ["10.2"]),
    (DAY, ["on 6 May 2024", "May 6th, 2024.", "2024/5/6"], ["05/06/2024", "May 2024", "2024-05-061"]),
    ({**DAY, "order": "dmy"}, ["06/05/2024"], ["05/06/2024"]),
    (ORDER, ["Order #W2378156.", "(#w2378156)"], ["W2378156", "#W23781567", "#W237815"]),
    ({"type": "id", "value": "12345"}, ["id 12345"], ["123456", "12,345"]),
    ({**CARD, "max_candidates": 3}, ["gold or gold plus"], ["gold plus or silver"]),
    (CARD, ["You are GOLD."], ["golden", "Gold Plus", "gold or silver"]),
]


@pytest.mark.parametrize(("fact", "right", "wrong"), STATED)
def test_facts_are_values_and_no_substrings(fact: Any, right: list[str], wrong: list[str]) -> None:
    (read,) = read_facts([fact])
    assert [text for text in right if not read.stated(text)] == []
    assert [text for text in wrong if read.stated(text)] == []


LISTS = [
    ({"type": "number", "value": 7}, " ".join(str(n) for n in range(20))),
    ({"type": "date", "value": "2024-05-06"}, " ".join(f"2024-05-0{d}" for d in range(1, 10))),
    ({"type": "id", "value": "#W7"}, " ".join(f"#W{n}" for n in range(10))),
    ({"type": "text", "value": "b", "among": ["a", "b", "c"]}, "a b c"),
]


@pytest.mark.parametrize(("fact", "listed"), LISTS)
def test_listing_every_possible_answer_fails(fact: Any, listed: str) -> None:
    """T2, and a task may allow for more."""
    gold = {"initial": shop(), "final": shop(), "outputs": [fact]}
    assert failed(listed, gold) == {"output 1"}
    gold["outputs"] = [{**fact, "max_candidates": 20}]
    assert failed(listed, gold) == set()


ALONE = [  # one fact, and a text that states it beside other values
    (54.04, "The subtotal is $50.00, tax $4.04, total $54.04."),
    (54.04, "The total is $54.04 ($50.00 plus $4.04 tax)."),
    (54.04, "Your refund for the 3 items (54.04 USD) is on its way."),
    (54.04, "The refund of $54.04 comes in 5 to 7 days."),
    (54.04, "Your total is $54.04 for order 7."),
    (54.04, "2 x 27.02 = 54.04"),
    (54.04, "1. Order A\n2. Order B\nIn total 54.04"),
    (54.04, "The total is $54.04, i.e. 54.04 USD."),
    (2, "You have 3 adults and 2 children."),
    (5, "5 out of 7 are there."),
    (-5, "The temperature is -5 °C on 2 days"),
]
HIDDEN = [
    *[
        "It is 3, 4 or 5.",
        "It is 3. It is 4. It is 5.",
        "Maybe 4. Perhaps 5.",
        "3 4 5",
        "3, 4, 5 items",
        "- 3\n- 4\n- 5",
    ],
    *["between 5 and 9", "between 3 and 9", "from 5 to 9", "5 - 9", "about 5 to 6 items", "the 5th", "one of 5", "5/6"],
    *["Either 5 dollars or 6 dollars", "5 dollars or 6 euros", "5 = 6", "$5. You have $100 left.", "5 (or 6), 7"],
    *["Price 3. Cost 5. Fee 6.", "The answer is 3. The answer is 5.", "1. 3\n2. 4\n3. 5"],
]


@pytest.mark.parametrize(("value", "text"), ALONE)
def test_a_fact_may_stand_beside_other_values(value: float, text: str) -> None:
    (fact,) = read_facts([number(value)])
    assert fact.stated(text)


@pytest.mark.parametrize("text", HIDDEN)
def test_a_fact_that_is_listed_among_others_is_not_stated(text: str) -> None:
    (fact,) = read_facts([number(5)])
    assert not fact.stated(text)


def test_what_is_listed_may_be_facts_too() -> None:
    def stated(text: str, *facts: Any) -> bool:
        return all(fact.stated(text) for fact in read_facts(list(facts)))

    later = {**DAY, "value": "2024-05-08"}
    assert stated("5 and 7", number(5), number(7))
    assert not stated("5, 6 and 7", number(5), number(7))
    assert stated("from 2024-05-06 to 2024-05-08", DAY, later)
    assert not stated("from 2024-05-06 to 2024-05-08", DAY)
    assert stated("leaving 2024-05-06, returning 2024-05-08", DAY)
    assert stated("Order #W2378156 replaces #W1.", ORDER)
    assert not stated("Order #W2378156 or #W1.", ORDER)
    color = {"type": "text", "value": "red", "among": ["blue"]}
    assert stated("gold and red", CARD, color)
    assert not stated("gold or silver, and red", CARD, color)


@pytest.mark.parametrize("text", ["5 ", "(5)", "5=5=", "$5 x", "5 of ", "1. \n", "2024-05-06 "])
def test_long_lists_take_no_long_time(text: str) -> None:
    began = time.process_time()
    for fact in read_facts([number(5), DAY, ORDER]):
        fact.stated(text * (32_000 // len(text)))
    assert time.process_time() - began < 2.0
