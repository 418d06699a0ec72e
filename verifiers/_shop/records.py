"""What was wanted and what was bought, read from JSON with every limit checked."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from agentrl.verifiers._reading.content import Content, content_of

__all__ = ["NO_LIMIT", "Goal", "Purchase", "ShapeError", "plain", "price_limits", "read_goal", "read_purchase"]

NO_LIMIT = 1_000_000
"""The limit of a goal that names none."""
MAX_ITEMS = 200
MAX_CHARS = 500
MAX_NUMBER = 10**12
MAX_TEXT = 200_000


class ShapeError(ValueError):
    """A record is not what it should be; one line that says how."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the user wants.

    Attributes:
        asin: The product from which the goal was made.
        query: The search of the catalogue under which that product was found.
        categories: The names on the way to its category.
        nouns: Of its title, in lower case; a noun that occurs twice is listed twice.
        attributes: Wanted.
        options: Wanted values, with the option's name, or "" where the goal names none.
        limit: Highest price.
    """

    asin: str
    query: str
    categories: frozenset[str]
    nouns: tuple[str, ...]
    attributes: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    limit: Fraction


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought.

    Attributes:
        asin: The product.
        query: The search of the catalogue under which the product was found; not what the policy typed.
        categories: The names on the way to its category.
        nouns: Of its title, in lower case.
        attributes: Listed in the catalogue.
        texts: Title, bullet points in one, and description, in lower case.
        options: Chosen values by name.
        price: Paid.
    """

    asin: str
    query: str
    categories: frozenset[str]
    nouns: frozenset[str]
    attributes: tuple[str, ...]
    texts: tuple[str, str, str]
    options: Mapping[str, str]
    price: Fraction


def price_limits(price: float) -> tuple[int, ...]:
    """The limits that a goal made from a product of this price may carry.

    Of the next four tens above the price, below 1000, two are drawn and the larger is the limit; where there are not
    two, there is none (`NO_LIMIT`).

    >>> price_limits(35), price_limits(40), price_limits(975), price_limits(985)
    ((50, 60, 70), (60, 70, 80), (990,), (1000000,))
    """
    above = [ten for ten in range(10, 1000, 10) if ten > price][:4]
    return tuple(above[1:]) or (NO_LIMIT,)


def read_goal(answer: Any) -> Goal:
    """Read a goal, or find it among the last ones that were read.

    Raises:
        ShapeError: It is none.
    """
    content = content_of(answer)
    return _goal(answer) if content is None else _goal_once(content)


@functools.lru_cache(1024)
def _goal_once(content: Content) -> Goal:
    return _goal(content.answer)


def _goal(answer: Any) -> Goal:
    record = _record(answer, "the goal")
    attributes = _texts(record, "attributes")
    if not all(map(plain, attributes)):
        raise ShapeError("attributes must not be blank: every purchase would meet one that is")
    limit = record.get("price_upper")
    return Goal(
        asin=_text(record, "asin"),
        query=_text(record, "query"),
        categories=_categories(record),
        nouns=tuple(_texts(record, "nouns")),
        attributes=tuple(attributes),
        options=_wanted_options(record.get("goal_options", {})),
        limit=Fraction(NO_LIMIT) if limit is None else _positive(limit),
    )


def read_purchase(found: Any) -> Purchase:
    """Read a purchase.

    Raises:
        ShapeError: It is none.
    """
    record = _record(found, "the purchase")
    product = _record(record.get("product"), "the product")
    options = _record(record.get("options", {}), "the options")
    texts = (product.get("Title", ""), product.get("BulletPoints", []), product.get("Description", ""))
    bullets = " ".join(_list(texts[1], "BulletPoints"))
    for text in (texts[0], bullets, texts[2]):
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise ShapeError(f"Title, BulletPoints and Description must be text of at most {MAX_TEXT} characters")
    return Purchase(
        asin=_text(product, "asin"),
        query=_text(product, "query"),
        categories=_categories(product),
        nouns=frozenset(_texts(product, "nouns")),
        attributes=tuple(_texts(product, "Attributes")),
        texts=(texts[0].lower(), bullets.lower(), texts[2].lower()),
        options={_short(name, "options"): _short(value, "options") for name, value in options.items()},
        price=_number(record.get("price"), "price"),
    )


@functools.lru_cache(4096)
def plain(text: str) -> str:
    """One spelling of texts that differ in case or white space.

    >>> plain(" Dark  BLUE")
    'dark blue'
    """
    return " ".join(text.casefold().split())


def _wanted_options(found: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(found, Mapping):
        named = [("", value) for value in _list(found, "goal_options")]
    else:
        named = [(_short(name, "goal_options"), value) for name, value in _record(found, "goal_options").items()]
        if "" in (names := [plain(name) for name, _ in named]):
            raise ShapeError("goal_options must not have a blank name: list the values of options without names")
        if len(set(names)) < len(names):
            raise ShapeError("goal_options must not name an option twice, case and white space aside")
    if not all(plain(_short(value, "goal_options")) for _, value in named):
        raise ShapeError("goal_options must not hold a blank value: no purchase would meet it")
    return tuple(named)


def _record(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping) or len(found) > MAX_ITEMS:
        raise ShapeError(f"{what} must be an object of at most {MAX_ITEMS} fields, got {type(found).__name__}")
    return found


def _list(found: Any, name: str) -> list[str]:
    if not isinstance(found, (list, tuple)) or len(found) > MAX_ITEMS or not all(isinstance(x, str) for x in found):
        raise ShapeError(f"{name} must be a list of at most {MAX_ITEMS} texts")
    return list(found)


def _short(found: Any, name: str) -> str:
    if not isinstance(found, str) or len(found) > MAX_CHARS:
        raise ShapeError(f"{name} must hold texts of at most {MAX_CHARS} characters")
    return found


def _text(record: Mapping[str, Any], name: str) -> str:
    if name not in record:
        raise ShapeError(f"the field {name!r} is missing")
    return _short(record[name], name)


def _texts(record: Mapping[str, Any], name: str) -> list[str]:
    if name not in record:
        raise ShapeError(f"the field {name!r} is missing")
    return [_short(text, name) for text in _list(record[name], name)]


def _categories(record: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(part.strip() for part in _text(record, "product_category").split("›") if part.strip())


def _number(found: Any, name: str) -> Fraction:
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= MAX_NUMBER:
        raise ShapeError(f"{name} must be a number from 0 to {MAX_NUMBER}")
    return Fraction(found)


def _positive(limit: Any) -> Fraction:
    value = _number(limit, "price_upper")
    if value == 0:
        raise ShapeError("price_upper must be above 0, or left out where there is no limit")
    return value
