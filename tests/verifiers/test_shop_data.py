"""The web shop's reward on the sessions and products of WebShop."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from agentrl.registry import grade
from agentrl.types import Transcript
from agentrl.verifiers._shop.records import price_limits


def transcript(**fields: Any) -> Transcript:
    return Transcript((), {"purchase": fields})


def test_recorded_sessions_get_their_recorded_reward(data_dir: Callable[[str], Path]) -> None:
    """Nine people's purchases: options, prices and limits are theirs; texts that are not recorded are made to fit."""
    lines = (data_dir("webshop") / "human_trajs.jsonl").read_text(encoding="utf-8").splitlines()
    ends = [json.loads(line)["steps"][-1] for line in lines]
    assert len(ends) == 9
    for end in ends:
        info, goal = end["reward_info"], end["goal"]
        overlap = Fraction(info["title_score"]).limit_denominator(40)
        listed = [f"noun{i}" for i in range(overlap.denominator)]
        product = {
            "asin": end["content"]["asin"],
            "query": goal["query"] if info["query_match"] else "",
            "product_category": goal["product_category"] if info["category_match"] else "",
            "nouns": listed[: overlap.numerator],
            "Attributes": goal["attributes"][: round(info["r_att"] * len(goal["attributes"]))],
        }
        purchase = {"product": product, "options": end["content"]["options"], "price": end["content"]["price"]}
        verdict = grade("shop", transcript(**purchase), {**goal, "nouns": listed})
        assert verdict.score == pytest.approx(end["reward"]), end
        assert verdict.checks[0].detail == f"factor {info['r_type']:g}"


def test_products_of_the_catalogue(data_dir: Callable[[str], Path]) -> None:
    folder = data_dir("webshop")
    with gzip.open(folder / "products_1000.jsonl.gz", "rt", encoding="utf-8") as lines:
        products = [json.loads(line) for line in lines]
    wishes = json.loads((folder / "items_ins_v2_1000.json").read_text(encoding="utf-8"))
    for product in products:  # words stand in for nouns
        product["nouns"] = [word for word in product["Title"].lower().split() if word.isalpha()]
    wanted = [product for product in products if "instruction" in wishes.get(product["asin"], {})]
    assert len(wanted) == 415
    fuzzy = 0
    for product, other in zip(wanted, [*wanted[1:], wanted[0]], strict=True):
        chosen = {name: values[-1] for name, values in product["options"].items()}
        goal = {
            **{key: product[key] for key in ("asin", "query", "product_category", "nouns")},
            "attributes": wishes[product["asin"]]["instruction_attributes"],
            "goal_options": chosen,
            "price_upper": price_limits(product["pricing"][0])[-1],
        }
        own = transcript(product=product, options=chosen, price=product["pricing"][0])
        assert grade("shop", own, goal).success
        assert grade("shop", own, goal, reward="strict").success
        assert not grade("shop", transcript(product=other, options=chosen, price=1.0), goal, reward="strict").success
        first = {name: values[0] for name, values in product["options"].items()}
        if first != chosen:
            careless = transcript(product=product, options=first, price=product["pricing"][0])
            assert not grade("shop", careless, goal, reward="strict").success
            fuzzy += grade("shop", careless, goal).success
    assert fuzzy > 0, "another option than the wanted one passes the original's fuzzy match, now and then"
