"""The truth table of the shop: the same goal, bought well and badly."""

from __future__ import annotations

from typing import Any

from agentrl.types import Message, Transcript

__all__ = ["CASES", "GOAL", "PRODUCT", "bought"]

GOAL: dict[str, Any] = {
    "asin": "B0SHIRT",
    "query": "men's shirts",
    "product_category": "Clothing › Men › Shirts",
    "nouns": ["shirt", "cotton", "sleeve", "collar"],
    "attributes": ["long sleeve", "machine wash"],
    "goal_options": {"color": "black"},
    "price_upper": 40.0,
}
PRODUCT: dict[str, Any] = {
    "asin": "B0SHIRT",
    "query": "men's shirts",
    "product_category": "Clothing › Men › Shirts",
    "nouns": ["shirt", "cotton", "sleeve", "collar"],
    "Attributes": ["long sleeve", "machine wash"],
    "Title": "Cotton Shirt with Long Sleeve and Collar",
    "BulletPoints": ["Soft", "Button closure"],
    "Description": "A shirt.",
}
NEIGHBOUR = {**PRODUCT, "asin": "B0OTHER"}
LAMP = {
    "asin": "B0LAMP",
    "query": "desk lamps",
    "product_category": "Home › Lighting",
    "nouns": ["lamp", "desk"],
    "Attributes": [],
}


def bought(product: Any = PRODUCT, options: Any = None, price: Any = 30.0, said: str = "") -> Transcript:
    """A transcript at whose end something was bought; by default the right thing."""
    chosen = {"color": "black"} if options is None else options
    purchase = {"product": product, "options": chosen, "price": price}
    return Transcript((Message("assistant", said),), {"purchase": purchase})


_STRICT = {"reward": "strict"}

# Answer, response, options, expected status.
CASES: list[tuple[Any, str | Transcript, dict[str, Any], str]] = [
    (GOAL, bought(), {}, "correct"),
    (GOAL, bought(), _STRICT, "correct"),
    (GOAL, bought(options={"color": "Black"}), _STRICT, "correct"),
    (GOAL, bought(options={"color": "black white leopard"}), {}, "correct"),
    (GOAL, bought(options={"color": "black white leopard"}), _STRICT, "incorrect"),
    (GOAL, bought(NEIGHBOUR), {}, "correct"),
    (GOAL, bought(NEIGHBOUR), _STRICT, "incorrect"),
    (GOAL, bought(options={}), {}, "partial"),
    (GOAL, bought(options={}), _STRICT, "incorrect"),
    (GOAL, bought(price=40.0), {}, "correct"),
    (GOAL, bought(price=40.01), {}, "partial"),
    (GOAL, bought(price=40.01), _STRICT, "incorrect"),
    (GOAL, bought(LAMP), {}, "incorrect"),
    (GOAL, bought({"asin": "B0SHIRT"}), {}, "malformed"),
    (GOAL, bought(price="cheap"), {}, "malformed"),
    (GOAL, "I have bought the black shirt B0SHIRT for $30.", {}, "no_answer"),
    (GOAL, '{"purchase": {"product": {"asin": "B0SHIRT"}}}', {}, "no_answer"),
    (GOAL, "", {}, "no_answer"),
    ({**GOAL, "price_upper": 0}, bought(), {}, "task_invalid"),
    ({**GOAL, "price_upper": -1}, bought(), {}, "task_invalid"),
    ({key: value for key, value in GOAL.items() if key != "nouns"}, bought(), {}, "task_invalid"),
    ("B0SHIRT", bought(), {}, "task_invalid"),
]
