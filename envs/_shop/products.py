"""A product, and a catalogue of them with its search."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from agentrl.envs._shop.search import Search

__all__ = ["Catalogue", "Product", "Review", "option_of"]


@dataclass(frozen=True, slots=True)
class Review:
    """What a customer wrote; `score` is 1 to 5."""

    title: str
    score: int
    body: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    Attributes:
        asin: Names it.
        title: Its name.
        category: The department.
        query: What the catalogue lists it under.
        path: Its category, names joined by ›.
        nouns: Of the title, in lower case.
        attributes: Its qualities.
        bullets: The page Features.
        description: The page Description.
        options: Values by the option's name.
        cents: The price without what options cost more.
        extra: What values cost more, in cents.
        tag: The price as it is shown; empty where it follows from `cents` and `extra`.
        reviews: The page Reviews.
    """

    asin: str
    title: str
    category: str
    query: str
    path: str
    nouns: tuple[str, ...]
    attributes: tuple[str, ...]
    bullets: tuple[str, ...]
    description: str
    options: Mapping[str, tuple[str, ...]]
    cents: int
    extra: Mapping[str, int] = field(default_factory=dict)
    tag: str = ""
    reviews: tuple[Review, ...] = ()

    def price(self, chosen: Mapping[str, str]) -> float:
        """What is paid, in dollars; an option that is not chosen costs as much as its dearest value."""
        return self._cents(chosen, max) / 100

    def lowest_price(self, chosen: Mapping[str, str]) -> float:
        """What is paid where the options that are not chosen yet are chosen for their price."""
        return self._cents(chosen, min) / 100

    def price_tag(self, chosen: Mapping[str, str]) -> str:
        """The price as the pages show it: a range where a choice is still to change it."""
        low, high = self.lowest_price(chosen), self.price(chosen)
        return self.tag or (f"${low}" if low == high else f"${low} to ${high}")

    def record(self) -> dict[str, Any]:
        """The fields that the verifier reads."""
        return {
            "asin": self.asin,
            "query": self.query,
            "product_category": self.path,
            "nouns": list(self.nouns),
            "Attributes": list(self.attributes),
            "Title": self.title,
            "BulletPoints": list(self.bullets),
            "Description": self.description,
        }

    def _cents(self, chosen: Mapping[str, str], open_choice: Callable[..., int]) -> int:
        total = self.cents
        for name, values in self.options.items():
            costs = [self.extra.get(value, 0) for value in ((chosen[name],) if name in chosen else values)]
            total += open_choice(costs, default=0)
        return total


class Catalogue:
    """Products, found by their asin or by words."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.products = tuple(products)
        self.by_asin = {product.asin: product for product in self.products}
        self._tags: dict[str, str] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: copies of an environment share it."""
        return self

    @functools.cached_property
    def by_query(self) -> Mapping[str, tuple[Product, ...]]:
        """The products that the catalogue lists under the same query."""
        found: dict[str, list[Product]] = {}
        for product in self.products:
            found.setdefault(product.query, []).append(product)
        return {query: tuple(listed) for query, listed in found.items()}

    def tag(self, product: Product) -> str:
        """The price tag of a product of which nothing is chosen; every search that finds it shows it."""
        found = self._tags.get(product.asin)
        if found is None:
            found = self._tags[product.asin] = product.price_tag({})
        return found

    def find(self, words: str) -> tuple[str, ...]:
        """The asins of the best results, best first."""
        return tuple(self.products[index].asin for index in self._search.best(words))

    @functools.cached_property
    def _search(self) -> Search:
        return Search([_searched(product) for product in self.products])


def option_of(product: Product, value: str) -> str:
    """The name of the option that a value belongs to; the last one's where two have it, as in WebShop."""
    return next(name for name in reversed(list(product.options)) if value in product.options[name])


def _searched(product: Product) -> str:
    """What WebShop indexes: title, description, first bullet point and options."""
    options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in product.options.items())
    return " ".join((product.title, product.description, *product.bullets[:1], options))
