"""One row of WebShop's catalogue as a product."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from agentrl.envs._shop.plan import purchase
from agentrl.envs._shop.products import Product
from agentrl.verifiers._shop.records import ShapeError, read_purchase

__all__ = ["FIELDS", "read_product"]

FIELDS = (
    "asin",
    "name",
    "category",
    "query",
    "product_category",
    "full_description",
    "small_description",
    "pricing",
    "customization_options",
)
"""What every row has."""
_ASIN_CHARS = 10
_UNPRICED = 100.0
_MAX_NOUNS = 200
_NOT_NOUNS = frozenset(("and", "the", "for", "with", "from", "your", "our", "all", "any", "its", "are", "that", "this"))


def read_product(row: Mapping[str, Any], attributes: tuple[str, ...]) -> Product | None:
    """The product; None where its number or its price cannot be read, or a text is too long for the verifier."""
    asin, name = row["asin"], row["name"]
    bullets = row["small_description"]
    prices = _prices(row["pricing"])
    words = (asin, name, row["category"], row["query"], row["product_category"])
    if not all(isinstance(text, str) for text in words) or asin == "nan" or len(asin) > _ASIN_CHARS or not prices:
        return None
    price = random.Random(f"shop/price/{asin}").uniform(prices[0], prices[-1])
    product = Product(
        asin=asin.upper(),
        title=name,
        category=row["category"],
        query=row["query"].lower().strip(),
        path=row["product_category"],
        nouns=_nouns(name),
        attributes=attributes,
        bullets=tuple(map(str, bullets if isinstance(bullets, list) else [bullets or ""])),
        description=str(row["full_description"] or ""),
        options=_options(row["customization_options"]),
        cents=round(100 * price),
        tag=" to ".join(f"${price}" for price in prices),
    )
    try:
        read_purchase(purchase(product, {name: values[0] for name, values in product.options.items()}))
    except ShapeError:
        return None
    return product


def _options(found: Any) -> dict[str, tuple[str, ...]]:
    """Values by the option's name, all in lower case, as they are listed: goals count them."""
    options: dict[str, tuple[str, ...]] = {}
    for name, contents in found.items() if isinstance(found, Mapping) else ():
        values = [str(content["value"]).strip().replace("/", " | ").lower() for content in contents or ()]
        if contents is not None:
            options[str(name).lower()] = tuple(values)
    return options


def _prices(found: Any) -> list[float]:
    """One price, or the lowest and the highest; none where they cannot be read.

    >>> _prices("$1,200.50"), _prices("$5.0$9.5"), _prices(""), _prices("$.$")
    ([1200.5], [5.0, 9.5], [100.0], [])
    """
    if not found:
        return [_UNPRICED]
    texts = [re.sub(r"[^\d.]", "", text) for text in found.split("$")[1:]] if isinstance(found, str) else found
    try:
        prices = [float(price) for price in texts][:2]
    except (TypeError, ValueError):
        return []
    return prices


def _nouns(title: str) -> tuple[str, ...]:
    """The words that stand for the nouns of a title."""
    words = (word for word in re.findall(r"[a-z]{3,}", title.lower()) if word not in _NOT_NOUNS)
    return tuple(words)[:_MAX_NOUNS]
