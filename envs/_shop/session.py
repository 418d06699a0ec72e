"""Where a customer is in the shop, and where an action leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from agentrl.envs._shop.actions import Action
from agentrl.envs._shop.pages import (
    BACK,
    BUY,
    NEXT,
    PREV,
    SUB_PAGES,
    Part,
    clickable,
    item_page,
    results_page,
    search_page,
    sub_page,
)
from agentrl.envs._shop.products import Catalogue, Product, option_of
from agentrl.verifiers._shop.records import plain

__all__ = ["Marks", "Place", "Session"]

Marks = Mapping[str, Mapping[str, str]]
"""By asin: what a product's pages show besides, as `badge` and as `note` on its description."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer is.

    Attributes:
        page: Which page.
        words: The search.
        number: The page of its results.
        asin: The product.
        sub: The page about the product.
        chosen: Options, as pairs of name and value in the order of their names.
        seen: Products that were looked at since the search page.
    """

    page: Literal["search", "results", "item", "sub", "done"] = "search"
    words: str = ""
    number: int = 1
    asin: str = ""
    sub: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    seen: frozenset[str] = field(default_factory=frozenset)


class Session:
    """One customer's visit to a catalogue; the last page and the last search are kept.

    Args:
        catalogue: Where it is.
        instruction: What is wanted, as every page says it.
        marks: What the pages of some products show besides.
    """

    def __init__(self, catalogue: Catalogue, instruction: str, marks: Marks | None = None) -> None:
        self.catalogue = catalogue
        self.instruction = instruction
        self.marks: Marks = marks or {}
        self._shown: tuple[Place, list[Part]] | None = None
        self._searched: tuple[str, tuple[str, ...]] | None = None

    def page(self, place: Place) -> list[Part]:
        """The page at a place; empty once something is bought."""
        if self._shown is None or self._shown[0] != place:
            self._shown = place, self._made(place)
        return self._shown[1]

    def _made(self, place: Place) -> list[Part]:
        if place.page == "search":
            return search_page(self.instruction)
        if place.page == "results":
            badges = {asin: mark["badge"] for asin, mark in self.marks.items()}
            found = [self.catalogue.by_asin[asin] for asin in self._found(place.words)]
            return results_page(self.instruction, found, place.number, place.seen, badges, self.catalogue.tag)
        mark = self.marks.get(place.asin, {})
        if place.page == "item":
            return item_page(self.instruction, self.product(place), dict(place.chosen), mark.get("badge", ""))
        if place.page == "sub":
            return sub_page(self.instruction, self.product(place), place.sub, mark.get("note", ""))
        return []

    def product(self, place: Place) -> Product:
        """The product at a place."""
        return self.catalogue.by_asin[place.asin]

    def go(self, place: Place, action: Action) -> Place | None:
        """Where an action leads; None where the page has no such element."""
        if action.name == "search":
            return Place("results", action.what.lower(), seen=place.seen) if action.what else None
        part = clickable(self.page(place)).get(plain(action.what))
        if part is None or action.name != "click":
            return None
        if part.kind == "option":
            return replace(place, chosen=self._chosen(place, part.text))
        if part.kind == "link":
            return replace(place, page="item", asin=part.text, seen=place.seen | {part.text})
        return _pressed(place, part.text)

    def _found(self, words: str) -> tuple[str, ...]:
        if self._searched is None or self._searched[0] != words:
            self._searched = words, self.catalogue.find(words)
        return self._searched[1]

    def _chosen(self, place: Place, value: str) -> tuple[tuple[str, str], ...]:
        """The options with one more."""
        name = option_of(self.product(place), value)
        return tuple(sorted({**dict(place.chosen), name: value}.items()))


def _pressed(place: Place, button: str) -> Place | None:
    """Where a button of a page leads; None for the one that only words can press."""
    if button == BACK:
        return Place()
    if button == BUY:
        return replace(place, page="done")
    if button in SUB_PAGES:
        return replace(place, page="sub", sub=button)
    if button == NEXT:
        return replace(place, number=place.number + 1)
    if button == PREV and place.page == "results":
        return replace(place, number=place.number - 1)
    if button == PREV and place.page == "sub":
        return replace(place, page="item", sub="")
    if button == PREV:
        return replace(place, page="results", asin="", chosen=())
    return None
