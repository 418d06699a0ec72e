"""A way through the shop to what a goal asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.envs._shop.pages import BUY, NEXT, PAGE_SIZE
from agentrl.envs._shop.products import Catalogue, Product, option_of
from agentrl.verifiers._shop.colours import colour_or_text
from agentrl.verifiers._shop.records import plain
from agentrl.verifiers._shop.reward import alike

__all__ = ["chosen_for", "purchase", "shopping"]


def shopping(catalogue: Catalogue, goal: Mapping[str, Any], words: str) -> tuple[str, ...]:
    """Actions that buy what a goal asks for; none where no search finds it or an option cannot be chosen.

    Args:
        catalogue: Where it is bought.
        goal: As the verifier reads it.
        words: To search for; the product's title is tried after them.
    """
    product = catalogue.by_asin.get(goal["asin"])
    values = None if product is None else chosen_for(product, goal["goal_options"])
    if product is None or values is None:
        return ()
    for searched in (words, product.title):
        found = catalogue.find(searched)
        if product.asin in found:
            turned = [f"click[{NEXT}]"] * (found.index(product.asin) // PAGE_SIZE)
            chosen = [f"click[{value}]" for value in values.values()]
            return (f"search[{searched}]", *turned, f"click[{product.asin}]", *chosen, f"click[{BUY}]")
    return ()


def chosen_for(product: Product, wanted: Mapping[str, str] | Sequence[str]) -> dict[str, str] | None:
    """The options that clicking on the wanted values, or else on alike ones, sets; None where one cannot be had."""
    named = list(wanted.items()) if isinstance(wanted, Mapping) else [("", value) for value in wanted]
    chosen: dict[str, str] = {}
    for name, value in named:
        offered = product.options.get(name) or [other for values in product.options.values() for other in values]
        same = (other for other in offered if plain(other) == plain(value))
        near = (other for other in offered if alike(colour_or_text(value), [colour_or_text(other)]))
        found = next(same, None) or next(near, None)
        if found is None:
            return None
        option = option_of(product, found)
        if chosen.setdefault(option, found) != found:
            return None
    return chosen


def purchase(product: Product, chosen: Mapping[str, str]) -> dict[str, Any]:
    """What the verifier reads of a purchase."""
    return {"product": product.record(), "options": dict(chosen), "price": product.price(chosen)}
