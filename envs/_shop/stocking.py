"""The shop's own catalogue, from a seed: families of products that differ in one thing.

A family has one to four members of the same brand and line: the first, and others with one quality exchanged, or
another price, or fewer colors. The quality that may be exchanged stands on the pages Features and Attributes only, so
that no search tells it: who does not look buys the wrong member. The first `count` products are the same whatever
`count` is.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from agentrl.envs._shop.products import Catalogue, Product, Review
from agentrl.envs._shop.stock import KINDS, Kind

__all__ = ["own_catalogue"]


@dataclass(frozen=True, slots=True)
class _Qualities:
    """A product's qualities; `fine` is the one of them that only Features and Attributes tell."""

    adjectives: tuple[str, ...]
    features: tuple[str, ...]
    fine: str


_SYLLABLES = ("va", "lo", "mi", "ren", "tu", "kor", "sel", "da", "ny", "bra", "fen", "o", "zu", "li", "mar", "tis")
_LINES = ("Classic", "Prime", "Nova", "Studio", "Terra", "Aero", "Urban", "Alpine", "Harbor", "Meadow", "Vista", "Echo")
_SAID = (
    ("Just what I wanted", 5, "Arrived on time and looks like the picture."),
    ("Good value", 4, "Does what it should for the price."),
    ("Fine", 3, "It is all right, nothing special."),
    ("Not for me", 2, "I expected something else and sent it back."),
    ("Would buy again", 5, "My second one; the first is still in use."),
)
_ASIN = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@functools.lru_cache(maxsize=4)
def own_catalogue(count: int, seed: int) -> Catalogue:
    """A catalogue of `count` products; made once a process."""
    products: list[Product] = []
    taken: set[str] = set()
    family = 0
    while len(products) < count:
        rng = random.Random(f"shop/catalogue/{seed}/{family}")
        for member, product in enumerate(_family(rng)):
            asin = _asin(f"{seed}/{family}/{member}", taken)
            products.append(replace(product, asin=asin))
        family += 1
    return Catalogue(products[:count])


def _family(rng: random.Random) -> Iterator[Product]:
    kind = rng.choice(KINDS)
    brand = "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3))).capitalize()
    line = f"{brand} {rng.choice(_LINES)}"
    adjectives = rng.sample(kind.adjectives, rng.randint(2, 3))
    features = rng.sample(kind.features, rng.randint(2, 3))
    looks = _Qualities(tuple(adjectives), tuple(features), rng.choice((adjectives, features))[-1])
    options = {name: _offered(rng, [value for value, _ in values]) for name, values in kind.options.items()}
    cents = rng.randint(*kind.cents) // 50 * 50 + rng.choice((-1, 0, 25))
    first = _product(rng, kind, line, looks, options, cents)
    yield first
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        how = rng.choice(("quality", "price", "options"))
        if how == "quality":
            yield _product(rng, kind, line, _exchanged(rng, kind, looks), options, cents)
        elif how == "price":
            percent = rng.choice((rng.randint(60, 87), rng.randint(115, 180)))
            yield replace(first, cents=cents * percent // 100, reviews=_reviews(rng))
        else:
            fewer = {name: tuple(values[: max(1, len(values) // 2)]) for name, values in options.items()}
            yield replace(first, options=fewer, reviews=_reviews(rng))


def _product(
    rng: random.Random,
    kind: Kind,
    line: str,
    looks: _Qualities,
    options: Mapping[str, tuple[str, ...]],
    cents: int,
) -> Product:
    adjectives, features = ([q for q in part if q != looks.fine] for part in (looks.adjectives, looks.features))
    title = f"{line} {kind.name.title()}, {adjectives[0].title()}, with {features[0].title()}"
    nouns = [*kind.name.split(), *features[0].split()]
    return Product(
        asin="",
        title=title,
        category=kind.category,
        query=kind.query,
        path=kind.path,
        nouns=tuple(nouns),
        attributes=(*looks.adjectives, *looks.features),
        bullets=(
            f"{' and '.join(features)}",
            *(f"{quality}: made for every day" for quality in (*adjectives, looks.fine)),
            "If anything is wrong with your order, write to us",
        ),
        description=f"{kind.name.capitalize()}: {', '.join(adjectives)}. Comes with {' and '.join(features)}.",
        options=options,
        cents=cents,
        extra={value: cost for values in kind.options.values() for value, cost in values if cost},
        reviews=_reviews(rng),
    )


def _exchanged(rng: random.Random, kind: Kind, looks: _Qualities) -> _Qualities:
    """The same but for the fine quality, which is one that the product does not have."""

    def exchanged(own: tuple[str, ...], every: tuple[str, ...]) -> tuple[str, ...]:
        if looks.fine not in own:
            return own
        return (*own[:-1], rng.choice([quality for quality in every if quality not in own]))

    adjectives = exchanged(looks.adjectives, kind.adjectives)
    features = exchanged(looks.features, kind.features)
    return _Qualities(adjectives, features, (adjectives if adjectives != looks.adjectives else features)[-1])


def _offered(rng: random.Random, values: list[str]) -> tuple[str, ...]:
    """Some of the values, at least two, in their usual order."""
    chosen = set(rng.sample(values, rng.randint(min(2, len(values)), min(7, len(values)))))
    return tuple(value for value in values if value in chosen)


def _reviews(rng: random.Random) -> tuple[Review, ...]:
    return tuple(Review(*said) for said in rng.sample(_SAID, rng.randint(0, 2)))


def _asin(name: str, taken: set[str]) -> str:
    """Ten characters that tell nothing of the product, and no other product's."""
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
    while True:
        text = "B0" + "".join(_ASIN[number // len(_ASIN) ** place % len(_ASIN)] for place in range(8))
        if text not in taken:
            taken.add(text)
            return text
        number += 1
