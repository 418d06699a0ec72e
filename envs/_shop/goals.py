"""What a user may ask of a catalogue: a product's qualities, options and a limit of price, in a sentence."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.envs._shop.pages import PAGE_SIZE
from agentrl.envs._shop.products import Catalogue, Product
from agentrl.envs._shop.stock import KINDS, Kind
from agentrl.verifiers._shop.records import NO_LIMIT, price_limits

__all__ = ["Wish", "draw_limit", "draw_wish", "goal_of", "limit_text", "meets"]

_BY_QUERY: Mapping[str, Kind] = {kind.query: kind for kind in KINDS}
_WITHOUT_ARTICLE = frozenset(
    ("hiking boots", "headphones", "snack bars", "shampoo", "granola", "ground coffee", "herbal tea")
)
_FIRST_LEFT_OUT = 0.5
_OPENINGS = (
    "i am looking for",
    "i need",
    "find me",
    "i would like to buy",
    "please get me",
    "can you find",
    "i want",
    "show me",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A goal in words, and as the verifier reads it.

    Attributes:
        text: The instruction.
        query: Words of the instruction that a search finds the product by.
        goal: The verifier's answer.
    """

    text: str
    query: str
    goal: dict[str, Any]


def draw_wish(rng: random.Random, catalogue: Catalogue) -> Wish | None:
    """A wish that one product of the catalogue meets, on the first page of a search for its own words; else None.

    Qualities and options are added until no other product will do. Of the wishes whose sentence, as a search, has the
    product as its first result, only every second is kept: that result shall be the wrong one for most.
    """
    product = rng.choice(catalogue.products)
    kind = _BY_QUERY[product.query]
    qualities = rng.sample(product.attributes, len(product.attributes))
    names = rng.sample(sorted(product.options), len(product.options))
    values = {name: rng.choice(product.options[name]) for name in names}
    chance = rng.random()
    others = [other for other in catalogue.by_query[product.query] if other is not product]
    for count in range(rng.choice((2, 2, 3)), len(qualities) + 1):
        chosen = names if count > 2 else names[:1]
        options = {name: values[name] for name in chosen}
        limit = draw_limit(chance, product.price(options))
        goal = goal_of(product, qualities[:count], options, limit)
        others = [other for other in others if set(goal["attributes"]) <= set(other.attributes)]
        if any(meets(other, goal) for other in others):
            continue
        query = " ".join((*goal["attributes"], kind.name, *options.values()))
        text = _sentence(rng, kind, goal["attributes"], options, limit)
        if product.asin not in catalogue.find(query)[:PAGE_SIZE]:
            return None
        if catalogue.find(text)[0] == product.asin and rng.random() < _FIRST_LEFT_OUT:
            return None
        return Wish(text, query, goal)
    return None


def goal_of(
    product: Product, attributes: Sequence[str], options: Mapping[str, str] | Sequence[str], limit: float
) -> dict[str, Any]:
    """The goal as the verifier reads it."""
    return {
        "asin": product.asin,
        "query": product.query,
        "product_category": product.path,
        "nouns": list(product.nouns),
        "attributes": list(attributes),
        "goal_options": dict(options) if isinstance(options, Mapping) else list(options),
        "price_upper": limit,
    }


def meets(product: Product, goal: Mapping[str, Any]) -> bool:
    """Whether a product of the shop's own catalogue can be all that a goal asks for, to the letter."""
    options = goal["goal_options"]
    return bool(
        product.query == goal["query"]
        and set(goal["attributes"]) <= set(product.attributes)
        and all(value in product.options.get(name, ()) for name, value in options.items())
        and product.lowest_price(options) <= goal["price_upper"]
    )


def draw_limit(chance: float, price: float) -> float:
    """The larger of two that are drawn from the next four tens, as in WebShop; no limit where there are not two.

    >>> [draw_limit(chance, 35.0) for chance in (0.0, 0.2, 0.5, 0.9)]
    [50.0, 60.0, 70.0, 70.0]
    """
    limits = price_limits(price)
    weighted = [limit for weight, limit in enumerate(limits, 1) for _ in range(weight)]
    return float(weighted[int(chance * len(weighted))])


def _sentence(rng: random.Random, kind: Kind, wanted: Sequence[str], options: Mapping[str, str], limit: float) -> str:
    adjectives = [quality for quality in wanted if quality in kind.adjectives]
    features = [quality for quality in wanted if quality in kind.features]
    before = ", ".join(adjectives)
    name = _with_article(f"{before} {kind.name}" if adjectives else kind.name, kind)
    with_ = f" with {' and '.join(features)}" if features else ""
    chosen = [f"{option} {value}" if rng.random() < 0.5 else f"{option}: {value}" for option, value in options.items()]
    in_ = f", in {' and '.join(chosen)}" if rng.random() < 0.5 else f", {', '.join(chosen)}"
    return f"{rng.choice(_OPENINGS)} {name}{with_}{in_}{limit_text(limit)}"


def limit_text(limit: float) -> str:
    """How an instruction ends, as in WebShop.

    >>> limit_text(40.0)
    ', and price lower than 40.00 dollars'
    """
    return f", and price lower than {limit:.2f} dollars" if limit < NO_LIMIT else ""


def _with_article(name: str, kind: Kind) -> str:
    if kind.name in _WITHOUT_ARTICLE:
        return name
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"
