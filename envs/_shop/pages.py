"""The pages of the shop, as WebShop's text modes write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.envs._shop.products import Product
from agentrl.verifiers._shop.records import plain

__all__ = [
    "BACK",
    "BUY",
    "NEXT",
    "PAGE_SIZE",
    "PREV",
    "SUB_PAGES",
    "Observation",
    "Part",
    "clickable",
    "item_page",
    "results_page",
    "search_page",
    "sub_page",
    "write",
]

Observation = Literal["text", "rich"]
PAGE_SIZE = 10
BUY, NEXT, PREV, BACK = "Buy Now", "Next >", "< Prev", "Back to Search"
SUB_PAGES = ("Description", "Features", "Reviews", "Attributes")


@dataclass(frozen=True, slots=True)
class Part:
    """A text on a page.

    Attributes:
        text: As it is shown.
        kind: What it is; a "link" leads to a product, an "option" is one value.
        clicked: Whether it is an option that is chosen, or a product that was looked at.
    """

    text: str
    kind: Literal["text", "button", "link", "option"] = "text"
    clicked: bool = False


def search_page(instruction: str) -> list[Part]:
    """Where an episode begins."""
    return [Part("WebShop"), *_heading(instruction), Part("Search", "button")]


def results_page(
    instruction: str,
    found: Sequence[Product],
    number: int,
    seen: frozenset[str],
    badges: Mapping[str, str],
    tag: Callable[[Product], str],
) -> list[Part]:
    """Ten of the products that a search found, with the badges and the price tags that they have."""
    first = (number - 1) * PAGE_SIZE
    parts = [
        *_heading(instruction),
        Part(BACK, "button"),
        Part(f"Page {number} (Total results: {len(found)})"),
    ]
    if number > 1:
        parts.append(Part(PREV, "button"))
    if first + PAGE_SIZE < len(found):
        parts.append(Part(NEXT, "button"))
    for product in found[first : first + PAGE_SIZE]:
        parts += [Part(product.asin, "link", product.asin in seen), Part(product.title), Part(tag(product))]
        if product.asin in badges:
            parts.append(Part(badges[product.asin]))
    return parts


def item_page(instruction: str, product: Product, chosen: Mapping[str, str], badge: str) -> list[Part]:
    """A product with its options."""
    parts = [*_heading(instruction), Part(BACK, "button"), Part(PREV, "button")]
    for name, values in product.options.items():
        parts.append(Part(name))
        parts += [Part(value, "option", chosen.get(name) == value) for value in values]
    parts += [Part(product.title), Part(f"Price: {product.price_tag(chosen)}"), Part(f"Rating: {_rating(product)}")]
    if badge:
        parts.append(Part(badge))
    return [*parts, *(Part(name, "button") for name in SUB_PAGES), Part(BUY, "button")]


def sub_page(instruction: str, product: Product, name: str, note: str) -> list[Part]:
    """What more there is to read of a product."""
    parts = [*_heading(instruction), Part(BACK, "button"), Part(PREV, "button")]
    if name == "Description":
        parts += [Part(text) for text in (product.description, note) if text]
    elif name == "Features":
        parts += [Part(text) for text in product.bullets]
    elif name == "Attributes":
        parts += [Part(text) for text in (*product.attributes, product.category, product.query, product.path)]
    else:
        for review in product.reviews:
            parts += [Part(f'"{review.title}"'), Part(str(review.score)), Part(review.body)]
    return parts


def clickable(parts: Sequence[Part]) -> dict[str, Part]:
    """What can be clicked, by its text in plain spelling; an option hides a button of its name, as in WebShop."""
    first = {plain(part.text): part for part in parts if part.kind in ("button", "link")}
    return {**first, **{plain(part.text): part for part in parts if part.kind == "option"}}


def write(parts: Sequence[Part], how: Observation) -> str:
    """The page as text: with [SEP] between its parts, or "rich" with marks around what can be clicked."""
    if how == "text":
        return " [SEP] ".join(part.text.strip() for part in parts)
    lines = [f"You have clicked {part.text}." for part in parts if part.clicked and part.kind == "option"]
    for part in parts:
        mark = "clicked button" if part.clicked else "button"
        before = {"option": "  ", "link": "\n"}.get(part.kind, "")
        lines.append(part.text if part.kind == "text" else f"{before}[{mark}] {part.text} [{mark}_]")
    return "\n".join(lines)


def _heading(instruction: str) -> list[Part]:
    return [Part("Instruction:"), Part(instruction)]


def _rating(product: Product) -> str:
    scores = [review.score for review in product.reviews]
    return f"{sum(scores) / len(scores):.1f}" if scores else "N.A."
